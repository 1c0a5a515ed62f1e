"""What evidence a rule will be judged by, known before anything runs: its kind, its tries, its level of chance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.asked import asked
from audit_core.case import Case
from audit_core.chance import Guessed, guessed, single_rows
from audit_core.grounds import MOST_DATA, MOST_TRIALS
from audit_core.inquiry.hidden_value import secrets
from audit_core.inquiry.membership import FPRS, REMOTE_SHARE
from audit_core.plugin import AttackPlugin, CheckPlugin, Expected
from audit_core.policy import Rule
from audit_core.statistics.estimates import independent_units
from audit_core.tables import Ids, rows_alone

MARKED: dict[str, Expected] = {
    "auc": Expected(kind="ranking", chance=0.5, most="targets"),
    "auc_remote": Expected(kind="ranking", chance=0.5, share=REMOTE_SHARE, most="targets"),
    **{name: Expected(kind="tail-hits", chance=fpr, most="targets") for name, fpr in FPRS.items()},
    "tpr_at_fpr_0_01_remote": Expected(kind="tail-hits", chance=0.01, share=REMOTE_SHARE, most="targets"),
    "auc_planted": Expected(kind="ranking", chance=0.5, tries="canaries"),
    "tpr_at_fpr_0_01_planted": Expected(kind="tail-hits", chance=0.01, tries="canaries"),
    "attribute_excess": Expected(kind="excess", scale="relative", tries="secrets", most="targets"),
    # One in a thousand: several times what blind links reach among so many.
    "linkability_excess": Expected(kind="excess", scale="relative", chance=0.001, most="targets"),
    # Of texts that the model never met, next to none are told word for word.
    "extraction_excess": Expected(kind="excess", scale="difference", chance=0.0005, most="targets", of=("greedy",)),
    "near_extraction_excess": Expected(kind="excess", scale="difference", chance=0.001, most="targets", of=("greedy",)),
    "discoverable_excess": Expected(
        kind="excess", scale="difference", chance=0.0005, most="targets", of=("temperature-1", "top-k-40")
    ),
}
"""Of the measurements that the core makes of attacks' answers. How many descriptions single out, the attack decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """How much one measurement will rest on.

    Attributes:
        n1, n0: Independent tries among members and controls; n0 is 0 where there is no control arm.
        chance, chance_high: Between these lies what a release without a leak is taken to score.
        units: The independent rows or persons of either arm that the tries come from.
        growth: How many tries one more row or person brings.
        most: So many tries in an arm at most; None where there is no such number.
    """

    n1: int
    n0: int
    chance: float
    chance_high: float
    units: tuple[int, int]
    growth: float = 1.0
    most: int | None = None

    @property
    def worth_naming(self) -> int:
        """More rows or persons than this is no advice to give."""
        return max(MOST_TRIALS, MOST_DATA * max(self.units))

    def units_for(self, tries: int) -> int | None:
        """The rows or persons that either arm needs to have so many tries; None where that is no advice to give."""
        if self.growth <= 0:
            return None
        wanting = [(n, units) for n, units in zip((self.n1, self.n0), self.units, strict=True) if n < tries]
        needed = max((math.ceil(units + (tries - n) / self.growth) for n, units in wanting), default=0)
        return None if needed > self.worth_naming else needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a rule will be judged by.

    Attributes:
        its: What the evidence will be; None where nobody has said.
        arms: One for each score, column or group; the same several times where scores share their targets.
        counted: Whether their number is known beforehand; else there is one at least.
    """

    its: Expected | None
    arms: tuple[Arms, ...] = ()
    counted: bool = True


def expected(plugin: AttackPlugin | CheckPlugin, measurement: str, of: str) -> Expected | None:
    """What the evidence will be; None where nobody has said. The record goes before the core's own knowledge."""
    own = plugin.expects.get(f"{measurement}/{of}") or plugin.expects.get(measurement)
    if own is not None or isinstance(plugin, CheckPlugin):
        return own
    known = MARKED.get(measurement)
    return replace(known, of=plugin.scores) if known and plugin.scores and not known.of else known


def basis(plugin: AttackPlugin | CheckPlugin, params: Mapping[str, Any], rule: Rule, case: Case) -> Basis:
    """What a rule will be judged by, if it is judged.

    Args:
        params: The attack's, with their defaults.
    """
    its = expected(plugin, rule.measurement, rule.of)
    if its is None:
        return Basis(its=None, arms=(_NOTHING,), counted=False)
    most = _most(its, plugin, params)
    if its.tries == "secrets":
        return Basis(its=its, arms=_secrets(rule.of, case, params, most))
    number = _count(its, rule.of, case)
    arms = _NOTHING if its.kind in ("exact", "unknown") else _arms(its, case, most)
    return Basis(its=its, arms=(arms,) * (1 if number is None else number), counted=number is not None)


_NOTHING = Arms(n1=0, n0=0, chance=0.0, chance_high=0.0, units=(0, 0))


def _count(its: Expected, of: str, case: Case) -> int | None:
    """How many scores, columns or groups a rule about `of` will find; None where that is not known beforehand."""
    if its.of:
        return len(its.of) if of == "*" else int(of in its.of)
    if of != "*":
        return 1
    return case.facts.get(its.each, 0) if its.each else None


def _most(its: Expected, plugin: AttackPlugin | CheckPlugin, params: Mapping[str, Any]) -> int | None:
    """The cap, where a parameter of the attack or of its question sets it too."""
    if not isinstance(its.most, str):
        return its.most
    settings = dict(params)
    if isinstance(plugin, AttackPlugin):
        settings |= asked(plugin.question, settings).model_dump()
    most = settings.get(its.most)
    return most if isinstance(most, int) else None


def _arms(its: Expected, case: Case, most: int | None) -> Arms:
    """The tries in the rows of a case. With a subject column a person counts once, as rows that all agree would.

    References:
        Kish (1965), Survey Sampling, section 11.7, for persons with unequal numbers of rows.
    """
    if its.tries in ("released", "released-once"):
        released = len(case.published) if its.tries == "released" else rows_alone(case.release)
        tries = released, 0 if its.kind == "proportion" else released
        size = Arms(n1=tries[0], n0=tries[1], chance=its.chance, chance_high=its.chance, units=tries, growth=0.0)
        return _cut(size, most)
    if its.tries == "canaries":
        return _of_canaries(its, case)
    # One row speaks for each person in the tail; elsewhere a person with many rows weighs more.
    count = _persons if its.kind == "tail-hits" else _independent
    arms = (case.members, case.member_subjects), (case.non_members, case.non_member_subjects)
    units = [0 if table is None else count(np.ones(len(table), dtype=np.bool_), whose) for table, whose in arms]
    size = Arms(n1=units[0], n0=units[1], chance=its.chance, chance_high=its.chance, units=(units[0], units[1]))
    if its.tries == "rows":
        size = _cut(size, most)
        return replace(
            size,
            n1=int(its.share * size.n1),
            n0=int(its.share * size.n0),
            growth=its.share,
            most=None if most is None else int(its.share * most),
        )
    single = single_rows(case)
    return _cut(
        replace(
            size,
            n1=count(single.members, case.member_subjects),
            n0=count(single.others, case.non_member_subjects),
            chance_high=max(its.chance, single.chance),
            growth=single.growth,
        ),
        most,
    )


def _of_canaries(its: Expected, case: Case) -> Arms:
    planted = 0 if case.canaries is None else int(case.canaries.planted.sum())
    left_out = 0 if case.canaries is None else len(case.canaries) - planted
    return Arms(
        n1=planted, n0=left_out, chance=its.chance, chance_high=its.chance, units=(planted, left_out), growth=0.0
    )


def _secrets(of: str, case: Case, params: Mapping[str, Any], most: int | None) -> tuple[Arms, ...]:
    """The tries for each secret that can be asked about."""
    found = []
    for name, known in secrets(case, asked("hidden-value", dict(params))).items():
        if not known or of not in ("*", name):
            continue
        secret = guessed(case, name, known, most or len(case.members))
        rows = len(case.members), 0 if case.non_members is None else len(case.non_members)
        if secret.targets:
            found.append(_of_secret(secret, rows, case, most))
    return tuple(found)


def _of_secret(secret: Guessed, rows: tuple[int, int], case: Case, most: int | None) -> Arms:
    each = np.ones(rows[0], dtype=np.bool_)
    persons = _independent(each, case.member_subjects) / rows[0]  # to a row
    targets = int(secret.targets * persons)
    units = int(rows[0] * persons), int(rows[1] * persons)
    return Arms(
        n1=secret.times * targets,
        n0=targets if rows[1] else 0,
        chance=secret.blind,
        chance_high=secret.informed,
        units=units,
        growth=targets / max(1, min(unit for unit in units if unit)),
        most=None if most is None else int(most * persons),
    )


def _cut(size: Arms, most: int | None) -> Arms:
    return size if most is None else replace(size, n1=min(size.n1, most), n0=min(size.n0, most), most=most)


def _persons(rows: NDArray[np.bool_], subjects: Ids | None) -> int:
    return int(rows.sum()) if subjects is None else len(np.unique(subjects[rows]))


def _independent(rows: NDArray[np.bool_], subjects: Ids | None) -> int:
    return int(rows.sum()) if subjects is None else independent_units(subjects[rows])
