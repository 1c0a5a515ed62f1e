"""Section C: every limit of the policy, what was measured against it, and why it is there; fail first."""

from dataclasses import dataclass

from audit_core.scorecard import Judgement, Scorecard
from audit_reports.headline import worst_first
from audit_reports.measured_text import (
    LimitText,
    MeasuredText,
    judged_text,
    limit_text,
    measurement_behind,
    measurements_by_key,
    reason_text,
)
from audit_reports.wording import Wording

MOST_ROWS = 40
"""More would make a page of more than 300 kB; the rows left out are the best ones, and the page says how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """One judgement.

    Attributes:
        again: The row above is of the same rule, in the same group.
        floor: It is a floor under usefulness.
    """

    what: str
    again: bool
    of: str
    attack: str
    measured: MeasuredText
    limit: LimitText
    verdict: str
    verdict_word: str
    reason: str
    required: bool
    floor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitGroup:
    """Neighbouring rows of one verdict that share the reason for their limit."""

    rows: tuple[LimitRow, ...]
    rationale: str
    basis: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsTable:
    """What section C shows.

    Attributes:
        floors: Whether there is a floor under usefulness among them.
    """

    groups: tuple[LimitGroup, ...]
    left_out: int
    floors: bool


def limits_table(scorecard: Scorecard, wording: Wording) -> LimitsTable:
    """The rows in reading order, at most `MOST_ROWS` of them."""
    measurements = measurements_by_key(scorecard)
    shown = worst_first(scorecard.judgements)[:MOST_ROWS]
    groups: list[LimitGroup] = []
    run: list[Judgement] = []
    for position, judgement in enumerate(shown):
        run.append(judgement)
        following = shown[position + 1] if position + 1 < len(shown) else None
        if following is not None and _shares_its_reason(following, judgement):
            continue
        rows = []
        for place, each in enumerate(run):
            measurement = measurement_behind(each, measurements)
            rows.append(
                LimitRow(
                    what=wording.measurement(each.measurement),
                    again=place > 0 and wording.of(each.measurement, each.of) != "",
                    of=wording.of(each.measurement, each.of),
                    attack=wording.title(each.attack),
                    measured=judged_text(each, measurements, scorecard.policy.confidence, wording),
                    limit=limit_text(each, measurement),
                    verdict=each.verdict.value,
                    verdict_word=wording.verdict(each.verdict),
                    reason=reason_text(each, measurements, wording),
                    required=each.required,
                    floor=each.floor,
                )
            )
        groups.append(
            LimitGroup(
                rows=tuple(rows),
                rationale=wording.text(judgement.rationale),
                basis=wording.basis(judgement.basis),
                source=wording.text(judgement.source) if judgement.source else "",
            )
        )
        run = []
    floors = any(each.floor for each in shown)
    return LimitsTable(groups=tuple(groups), left_out=len(scorecard.judgements) - len(shown), floors=floors)


def _shares_its_reason(one: Judgement, other: Judgement) -> bool:
    return (one.rule, one.verdict, one.rationale, one.basis, one.source) == (
        other.rule,
        other.verdict,
        other.rationale,
        other.basis,
        other.source,
    )
