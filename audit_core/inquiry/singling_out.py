"""Which descriptions does exactly one person answer to? Counted among members and among as many non-members.

Whether a description singles somebody out depends on how many people it is held against, so the larger arm is cut to
the size of the smaller one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Malformed, Predicates
from audit_core.bench import Bench
from audit_core.evidence import Exact, Excess
from audit_core.inquiry import Inquiry, Marked, Put
from audit_core.inquiry.pools import Rows, held_out
from audit_core.inquiry.predicates import NOBODY, Described, Fit, NoSuchCondition
from audit_core.measurement import Measurement, measured
from audit_core.plugin import AttackPlugin
from audit_core.questions import SinglingOut
from audit_core.seeds import stream
from audit_core.statistics.estimates import repetition_effect
from audit_core.tables import Ids, with_own_dictionaries


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """Who the descriptions are held against.

    Attributes:
        size: People in each arm.
    """

    members: Described
    controls: Described
    size: int


def inquiry(plugin: AttackPlugin, params: dict[str, Any], bench: Bench) -> Inquiry:
    """One question: the attacker has the release and nothing else."""
    case = bench.case
    non_members = held_out(case)
    rng = stream(bench.setting.seed, "pools", "singling-out", bench.setting.content)
    size = min(_people(len(case.members), case.member_subjects), _people(len(non_members), case.non_member_subjects))
    inside = _cut(len(case.members), case.member_subjects, size, rng)
    outside = _cut(len(non_members), case.non_member_subjects, size, rng)
    key = _Key(
        members=Described(
            case.members.take(inside), None if case.member_subjects is None else case.member_subjects[inside]
        ),
        controls=Described(
            non_members.take(outside), None if case.non_member_subjects is None else case.non_member_subjects[outside]
        ),
        size=size,
    )
    return Inquiry(
        puts=(Put(question=partial(_question, bench), accepts=Predicates, key=key),),
        mark=lambda answers: _mark(key, answers[0], bench.setting.confidence),
    )


def _people(rows: int, subjects: Ids | None) -> int:
    return rows if subjects is None else len(np.unique(subjects))


def _cut(rows: int, subjects: Ids | None, size: int, rng: np.random.Generator) -> Rows:
    """The rows of so many people, by chance."""
    if subjects is None:
        return np.sort(rng.choice(rows, size, replace=False))
    return np.flatnonzero(np.isin(subjects, rng.choice(np.unique(subjects), size, replace=False)))


def _question(bench: Bench) -> SinglingOut:
    (release,) = with_own_dictionaries(bench.case.release)
    return SinglingOut(release=release)


def _mark(key: _Key, answers: Sequence[Predicates], confidence: float) -> Marked:
    """Descriptions that single out a member beyond those that single out a non-member; all of them were tries."""
    measurements: list[Measurement] = []
    for said in answers:
        try:
            inside, outside = key.members.fit(said.items), key.controls.fit(said.items)
        except NoSuchCondition as error:
            raise Malformed(f"Predicates.items: {error}") from None
        (k1, deff1), (k0, deff0) = _hits(inside.single), _hits(outside.single)
        tries = float(len(said.items))
        evidence = Excess(k1=k1, n1=tries, k0=k0, n0=tries, scale="relative", deff1=deff1, deff0=deff0)
        measurements.append(measured("singling_out_excess", evidence, of=said.of, confidence=confidence))
        if said.items:
            prior = Exact(numerator=float(_by_chance(inside, outside, key.size).mean()))
            measurements.append(measured("singling_out_prior", prior, of=said.of, blind=None, confidence=confidence))
    return Marked(measurements=tuple(measurements))


def _hits(single: Ids) -> tuple[float, float]:
    """How many descriptions single somebody out, and their design effect: a person hit twice is hit once."""
    hit = single[single != NOBODY]
    return float(len(hit)), repetition_effect(hit)


def _by_chance(inside: Fit, outside: Fit, size: int) -> NDArray[np.float64]:
    """The probability that each description fits exactly one of `size` people, given the share of all people it fits.

    References:
        Article 29 Working Party (2014), WP216, section 2.2.2; Cohen & Nissim (2020), Towards formalizing the GDPR's
        notion of singling out, section 2: N w (1 - w)^(N - 1).
    """
    weight = (inside.people + outside.people) / (2 * size)
    return np.asarray(size * weight * (1 - weight) ** (size - 1), dtype=np.float64)
