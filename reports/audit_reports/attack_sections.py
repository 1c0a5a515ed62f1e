"""Section E: each attack and check in the same four parts: a sentence, bullets, a detail chart, its basis."""

from collections.abc import Sequence
from dataclasses import dataclass

from audit_core.evidence import Excess
from audit_core.measurement import Measurement
from audit_core.redact import display
from audit_core.scorecard import Finding, Judgement, Scorecard, Verdict
from audit_reports.attack_charts import REMOTE, BulletGroup, DetailChart, bullet_groups, detail_charts, priors
from audit_reports.headline import worst_first
from audit_reports.measured_text import (
    MeasuredText,
    judged_text,
    limit_text,
    measurement_behind,
    measurement_text,
    measurements_by_key,
    reason_text,
    trials_text,
)
from audit_reports.numbers_as_text import count, limit_value, percent
from audit_reports.quantities import quantity_of
from audit_reports.wording import Wording

MOST_MEASUREMENTS = 24
MOST_CAVEATS = 12
MOST_REFERENCES = 12
MOST_PARAMS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementRow:
    """A value that no limit was set for.

    Attributes:
        again: The row above is of the same measurement.
    """

    what: str
    again: bool
    of: str
    measured: MeasuredText
    n: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackSection:
    """One attack or check.

    Attributes:
        verdict: The worst of its judgements, of those that a pass does not require only a fail; "error" where it did
            not finish; no pass where the policy needs its goal and that was not assessed.
        measured: Whether there is anything to show but what it would have rested on.
    """

    anchor: str
    title: str
    name: str
    role: str
    verdict: str
    verdict_word: str
    sentences: tuple[str, ...]
    measured: bool
    bullets: tuple[BulletGroup, ...]
    details: tuple[DetailChart, ...]
    assumption: str
    sees: str
    goal: str
    trials: str
    params: tuple[tuple[str, str], ...]
    origin: str
    caveats: tuple[str, ...]
    references: tuple[str, ...]
    others: tuple[MeasurementRow, ...]
    others_left_out: int


def attack_sections(scorecard: Scorecard, wording: Wording) -> tuple[AttackSection, ...]:
    """One section for each finding, in the scorecard's order."""
    return tuple(
        _section(f"attack-{number}", finding, scorecard, wording)
        for number, finding in enumerate(scorecard.findings, start=1)
    )


def _section(anchor: str, finding: Finding, scorecard: Scorecard, wording: Wording) -> AttackSection:
    judgements = _most_telling_first([each for each in scorecard.judgements if each.attack == finding.attack])
    verdict = _verdict(finding, judgements)
    if beside_the_point := verdict is Verdict.PASS and finding.goal in scorecard.missing:
        verdict = Verdict.NOT_ASSESSED
    sentences = _sentences(finding, judgements, verdict, beside_the_point, scorecard, wording)
    others = _others(finding, judgements, scorecard)
    return AttackSection(
        anchor=anchor,
        title=wording.title(finding.attack),
        name=display(finding.attack),
        role=wording.say(f"role.{finding.role}"),
        verdict=verdict.value,
        verdict_word=wording.verdict(verdict),
        sentences=sentences,
        measured=finding.outcome == "measured",
        bullets=bullet_groups(f"{anchor}-bullet", judgements, scorecard, wording),
        details=detail_charts(anchor, finding, judgements, scorecard.policy.confidence, wording),
        assumption=wording.assumption(finding.attack),
        sees=wording.sees(finding.sees),
        goal=wording.goal(finding.goal),
        trials=_trials(finding, wording),
        params=tuple(
            (display(key), wording.param(value)) for key, value in sorted(finding.params.items())[:MOST_PARAMS]
        ),
        origin=display(finding.origin),
        caveats=tuple(wording.reason(caveat) for caveat in finding.caveats[:MOST_CAVEATS]),
        references=tuple(display(reference, 240) for reference in finding.references[:MOST_REFERENCES]),
        others=measurement_rows(others[:MOST_MEASUREMENTS], wording),
        others_left_out=max(0, len(others) - MOST_MEASUREMENTS),
    )


def _others(finding: Finding, judgements: list[Judgement], scorecard: Scorecard) -> list[Measurement]:
    """What no limit was compared with and nothing else of the page shows; one measurement after the other.

    What was measured among remote people follows the same among all.
    """
    compared = {
        (each.measurement, each.of)
        for each in judgements
        if each.measured is not None and each.verdict is not Verdict.NOT_ASSESSED
    }
    drawn = {(each.name, each.of) for each in priors(finding).values()}
    controls = {
        (each.name, each.of)
        for control in scorecard.controls
        if control.name == "label-permutation" and control.attack == finding.attack
        for each in control.measurements
    }
    others = [each for each in finding.measurements if (each.name, each.of) not in compared | drawn | controls]
    place: dict[str, int] = {}
    for each in others:
        place.setdefault(each.name.removesuffix(REMOTE), len(place))
    return sorted(others, key=lambda each: (place[each.name.removesuffix(REMOTE)], each.name.endswith(REMOTE)))


def measurement_rows(measurements: Sequence[Measurement], wording: Wording) -> tuple[MeasurementRow, ...]:
    """A row for each measurement."""
    return tuple(
        MeasurementRow(
            what=wording.measurement(each.name),
            again=position > 0 and each.name == measurements[position - 1].name,
            of=wording.of(each.name, each.of),
            measured=measurement_text(each, wording),
            n=trials_text(each),
        )
        for position, each in enumerate(measurements)
    )


def _most_telling_first(judgements: list[Judgement]) -> list[Judgement]:
    """What fails first, then what a pass requires, then the rest, as in the overall verdict.

    In each of these the worst verdict comes first; among equals, what lies furthest above, or least below, its limit.
    """

    def above(judgement: Judgement) -> float:
        limit, margin = limit_value(judgement.at_most), limit_value(judgement.margin)
        if judgement.measured is None or limit is None:
            return float("-inf")
        beyond = judgement.measured - float(limit) - float(margin or 0)
        # A "no" that had to be "no" is not close to its limit.
        held_truth = beyond <= 0 and quantity_of(judgement.measurement).unit == "truth"
        return float("-inf") if held_truth else beyond

    def weight(judgement: Judgement) -> tuple[bool, bool, bool]:
        assessed = judgement.verdict is not Verdict.NOT_ASSESSED
        return not assessed, judgement.verdict is not Verdict.FAIL, not judgement.required

    return sorted(worst_first(sorted(judgements, key=above, reverse=True)), key=weight)


def _verdict(finding: Finding, judgements: list[Judgement]) -> Verdict:
    if judgements and judgements[0].verdict is not Verdict.NOT_ASSESSED:
        return judgements[0].verdict
    return Verdict.ERROR if finding.outcome == "errored" else Verdict.NOT_ASSESSED


def _sentences(
    finding: Finding,
    judgements: list[Judgement],
    verdict: Verdict,
    beside_the_point: bool,
    scorecard: Scorecard,
    wording: Wording,
) -> tuple[str, ...]:
    """What came of it, and how it is among those who were not used, or what somebody who knows nothing would score.

    Args:
        beside_the_point: Limits held, but not on what the attack is after; that would be read as a pass on it.
    """
    if finding.outcome != "measured":
        reason = wording.reason(finding.reason) if finding.reason else wording.say("headline.no-reason")
        return (wording.say(f"section.{finding.outcome}", reason=reason),)
    if not judgements or (verdict is Verdict.NOT_ASSESSED and not beside_the_point):
        return (wording.say("section.not-assessed"),)
    first = judgements[0]
    measurements = measurements_by_key(scorecard)
    words = judged_text(first, measurements, scorecard.policy.confidence, wording)
    of = wording.of(first.measurement, first.of)
    what = wording.measurement(first.measurement)
    what = wording.say("section.what-of", what=what, of=of) if of else what
    if not words.value or verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.NO_FINDING):
        return (wording.say(f"section.{verdict.value}", what=what, reason=reason_text(first, measurements, wording)),)
    measurement = measurement_behind(first, measurements)
    limit = limit_text(first, measurement).joined(wording)
    interval = wording.say("section.interval", interval=words.interval) if words.interval else ""
    key = "goal-missing" if beside_the_point else verdict.value
    said = [wording.say(f"section.{key}", what=what, value=words.value, interval=interval, limit=limit)]
    if measurement is not None and isinstance(measurement.evidence, Excess) and measurement.evidence.measurable:
        arms = measurement.evidence
        members, controls = percent(arms.k1 / arms.n1), percent(arms.k0 / arms.n0)
        said.append(wording.say("section.arms", members=members, controls=controls))
    elif words.blind and quantity_of(first.measurement).unit != "truth":
        said.append(wording.say("section.blind", blind=words.blind))
    return tuple(said)


def _trials(finding: Finding, wording: Wording) -> str:
    """The least and the most independent trials behind a value; empty where nothing was tried."""
    beside = {prior.name for prior in priors(finding).values()} | {"auc_shuffled"}
    numbers = sorted(
        measurement.n
        for measurement in finding.measurements
        if measurement.evidence.kind != "exact" and measurement.name not in beside
    )
    if not numbers:
        return ""
    if numbers[0] == numbers[-1]:
        return count(numbers[0])
    return wording.say("interval.from-to", low=count(numbers[0]), high=count(numbers[-1]))
