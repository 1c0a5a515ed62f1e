"""Section E: each attack and check in the same four parts: a sentence, bullets, a detail chart, its basis."""

from dataclasses import dataclass

from audit_core.measurement import Measurement
from audit_core.redact import display
from audit_core.scorecard import Finding, Judgement, Scorecard, Verdict
from audit_reports.attack_charts import BulletGroup, DetailChart, bullet_groups, detail_charts
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
from audit_reports.numbers_as_text import count, limit_value
from audit_reports.quantities import quantity_of
from audit_reports.wording import Wording

MOST_MEASUREMENTS = 32
MOST_CAVEATS = 12
MOST_REFERENCES = 12
MOST_PARAMS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementRow:
    """A value that no limit was set for."""

    what: str
    of: str
    measured: MeasuredText
    n: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackSection:
    """One attack or check.

    Attributes:
        verdict: The worst of its judgements, of those that a pass does not require only a fail; "error" where it did
            not finish.
    """

    anchor: str
    title: str
    name: str
    role: str
    verdict: str
    verdict_word: str
    sentences: tuple[str, ...]
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
    compared = {
        (each.measurement, each.of)
        for each in judgements
        if each.measured is not None and each.verdict is not Verdict.NOT_ASSESSED
    }
    others = [each for each in finding.measurements if (each.name, each.of) not in compared]
    return AttackSection(
        anchor=anchor,
        title=wording.title(finding.attack),
        name=display(finding.attack),
        role=wording.say(f"role.{finding.role}"),
        verdict=verdict.value,
        verdict_word=wording.verdict(verdict),
        sentences=_sentences(finding, judgements, verdict, scorecard, wording),
        bullets=bullet_groups(f"{anchor}-bullet", judgements, scorecard, wording),
        details=detail_charts(anchor, finding, judgements, scorecard.policy.confidence, wording),
        assumption=wording.assumption(finding.attack),
        sees=wording.sees(finding.sees),
        goal=wording.goal(finding.goal),
        trials=_trials(finding.measurements, wording),
        params=tuple(
            (display(key), display(str(value))) for key, value in sorted(finding.params.items())[:MOST_PARAMS]
        ),
        origin=display(finding.origin),
        caveats=tuple(wording.reason(caveat) for caveat in finding.caveats[:MOST_CAVEATS]),
        references=tuple(display(reference, 240) for reference in finding.references[:MOST_REFERENCES]),
        others=tuple(
            MeasurementRow(
                what=wording.measurement(each.name),
                of=wording.of(each.name, each.of),
                measured=measurement_text(each, wording),
                n=trials_text(each),
            )
            for each in others[:MOST_MEASUREMENTS]
        ),
        others_left_out=max(0, len(others) - MOST_MEASUREMENTS),
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
    finding: Finding, judgements: list[Judgement], verdict: Verdict, scorecard: Scorecard, wording: Wording
) -> tuple[str, ...]:
    """What came of it, and what somebody who knows nothing would score."""
    if finding.outcome != "measured":
        reason = wording.reason(finding.reason) if finding.reason else wording.say("headline.no-reason")
        return (wording.say(f"section.{finding.outcome}", reason=reason),)
    if not judgements or verdict is Verdict.NOT_ASSESSED:
        return (wording.say("section.not-assessed"),)
    first = judgements[0]
    measurements = measurements_by_key(scorecard)
    words = judged_text(first, measurements, scorecard.policy.confidence, wording)
    of = wording.of(first.measurement, first.of)
    what = wording.measurement(first.measurement)
    what = wording.say("section.what-of", what=what, of=of) if of else what
    if not words.value or verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.NO_FINDING):
        return (wording.say(f"section.{verdict.value}", what=what, reason=reason_text(first, measurements, wording)),)
    limit = limit_text(first, measurement_behind(first, measurements)).joined(wording)
    interval = wording.say("section.interval", interval=words.interval) if words.interval else ""
    said = [wording.say(f"section.{verdict.value}", what=what, value=words.value, interval=interval, limit=limit)]
    if words.blind:
        said.append(wording.say("section.blind", blind=words.blind))
    return tuple(said)


def _trials(measurements: tuple[Measurement, ...], wording: Wording) -> str:
    """The least and the most independent trials behind a value; empty where nothing was tried."""
    numbers = sorted(measurement.n for measurement in measurements if measurement.evidence.kind != "exact")
    if not numbers:
        return ""
    if numbers[0] == numbers[-1]:
        return count(numbers[0])
    return wording.say("interval.from-to", low=count(numbers[0]), high=count(numbers[-1]))
