"""Made-up documents that several unit tests share."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from audit_core.calibration import SCHEMA_VERSION, Calibration, Trial
from audit_core.detection import PLANTS
from audit_core.evidence import Excess
from audit_core.measurement import Measurement, measured
from audit_core.policy import Policy, Rule
from audit_core.scorecard import (
    FileFacts,
    Finding,
    Inputs,
    PolicyFacts,
    Provenance,
    ReleaseFacts,
    Verdict,
    Volatile,
)

DOSES = (0.01, 0.05, 0.1)


def excess(hits: float, of: str = "raw", name: str = "copies_excess") -> Measurement:
    """So many of 2,000 members hit, and four of 2,000 controls."""
    return measured(name, Excess(k1=hits, n1=2000, k0=4, n0=2000, scale="difference"), of=of)


def policy_of(**changes: Any) -> Policy:
    """One rule: copies at most 0 with a margin of 1 %, fail at 99 %; the dose is 5 %."""
    rule = Rule(
        attack="exact-copies",
        measurement="copies_excess",
        goal="copies",
        at_most=Fraction(0),
        margin=Fraction(1, 100),
        fail_confidence=0.99,
        basis="house",
        rationale={"en": "Because.", "ja": "理由"},
        source={"en": "ours"},
    )
    fields: dict[str, Any] = {
        "name": "test",
        "title": {"en": "Test"},
        "version": 1,
        "needs": {"table": ("copies",)},
        "dose": {"*": Fraction(1, 20)},
        "rules": (rule,),
        "digest": "sha256:0",
    }
    return Policy(**(fields | changes))


def finding(attack: str = "exact-copies", **changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "attack": attack,
        "role": "check",
        "goal": "copies",
        "outcome": "measured",
        "reason": None,
        "sees": ("case",),
        "measurements": (excess(4),),
        "details": (),
        "caveats": (),
        "references": (),
        "params": {},
        "origin": "sekisho 0.1.0",
        "compares": ("copies_excess",),
    }
    return Finding(**(fields | changes))


def trial(hits: float | None, attack: str = "exact-copies", **changes: Any) -> Trial:
    """A trial that so many members were hit in; one that did not finish for None."""
    fields: dict[str, Any] = {
        "attack": attack,
        "twin": "leaky",
        "plant": "verbatim",
        "dose": 0.05,
        "repeat": 0,
        "planted": 100,
        "outcome": "measured" if hits is not None else "errored",
        "reason": None,
        "measurements": () if hits is None else (excess(hits),),
    }
    return Trial(**(fields | changes))


def grid(hits: Callable[[str, float, int], float | None], repeats: int = 2) -> tuple[Trial, ...]:
    """A trial for each kind of plant, dose and draw, and innocent twins on which nothing is hit.

    Args:
        hits: Of plant, dose and draw.
    """
    leaky = tuple(
        trial(hits(plant, dose, repeat), plant=plant, dose=dose, repeat=repeat, planted=round(2000 * dose))
        for plant in PLANTS
        for dose in DOSES
        for repeat in range(repeats)
    )
    innocent = tuple(
        trial(4, twin="innocent", plant=None, dose=0.0, repeat=repeat, planted=0) for repeat in range(repeats)
    )
    return leaky + innocent


def calibration_of(trials: tuple[Trial, ...], **changes: Any) -> Calibration:
    """From trials; nothing follows from them yet."""
    file = FileFacts(name="made-up.csv", rows=2000, digest="sha256:1")
    fields: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": "made up",
        "verdict": Verdict.INCONCLUSIVE,
        "reasons": (),
        "release": ReleaseFacts(name="made-up.csv", kind="table", rows=2000, columns=("age",), digest="sha256:1"),
        "inputs": Inputs(members=file, non_members=file, overlap=0, columns={"age": "integer"}),
        "unit": "row",
        "facts": {"table": 1, "members": 2000, "non_members": 2000},
        "policy": PolicyFacts(
            name="test", title={"en": "Test"}, version=1, digest="sha256:0", confidence=0.95, certifying=False
        ),
        "doses": DOSES,
        "repeats": 2,
        "jitter": 0.02,
        "kept_true": "age",
        "redrawn": 0.5,
        "limits": (),
        "powers": (),
        "findings": (finding(),),
        "trials": trials,
        "provenance": Provenance(
            sekisho="0.1.0", python="3.12", seed=0, distributions={}, plugins={"exact-copies": "x"}, refusals=()
        ),
        "texts": {"en": {"exact-copies.title": "Copies"}, "ja": {}},
        "volatile": Volatile(started="2026-04-01T00:00:00+00:00", seconds={}, peak_mib={}, platform="x", cores=1),
    }
    return Calibration(**(fields | changes))


class Made:
    """The builders, for tests."""

    excess = staticmethod(excess)
    policy = staticmethod(policy_of)
    finding = staticmethod(finding)
    trial = staticmethod(trial)
    grid = staticmethod(grid)
    calibration = staticmethod(calibration_of)


@pytest.fixture(scope="session")
def made() -> type[Made]:
    return Made
