"""Section G: what the release is good for, beside real rows and beside a release that says nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.measurement import Measurement
from audit_core.redact import display
from audit_core.scorecard import WORST_FIRST, Finding, Judgement, Scorecard
from audit_reports.attack_sections import MeasurementRow, measurement_rows
from audit_reports.bullet_chart import axis
from audit_reports.headline import worst_first
from audit_reports.measured_text import MeasuredText, limit_text, measurement_text
from audit_reports.numbers_as_text import limit_value, significant
from audit_reports.quantities import quantity_of
from audit_reports.usefulness_chart import Strip, strip_chart, strip_ticks
from audit_reports.wording import Wording

REAL = {"tstr_f1": "trtr_f1", "tstr_auc": "trtr_auc", "statistical_fidelity": "fresh_fidelity"}
"""What the release is measured by, and the same of real rows."""

SHARES = {"tstr_f1": "tstr_f1_share", "tstr_auc": "tstr_auc_share"}

COMPARED = (*REAL, "indistinguishability")
"""What is drawn; anything else is listed."""

MOST_STRIPS = 8
MOST_FLOORS = 8
MOST_OTHERS = 16
MOST_WORDS = 6
"""Caveats, references and parameters."""

WORST = 8
"""So many of each further measurement are listed, the least useful first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorText:
    """A floor of the policy and whether it is reached."""

    of: str
    floor: str
    verdict: str
    verdict_word: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripRow:
    """One value of the release, with the words beside its chart; empty where there is nothing to say."""

    what: str
    of: str
    chart: Markup
    release: MeasuredText
    real: MeasuredText
    blind: str
    share: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsefulnessSection:
    """One check of usefulness.

    Attributes:
        verdict: The worst on its floors; empty where the policy sets none.
    """

    title: str
    name: str
    verdict: str
    verdict_word: str
    sentences: tuple[str, ...]
    floors: tuple[FloorText, ...]
    strips: tuple[StripRow, ...]
    axis: Markup
    others: tuple[MeasurementRow, ...]
    others_left_out: int
    params: tuple[tuple[str, str], ...]
    origin: str
    caveats: tuple[str, ...]
    references: tuple[str, ...]


def usefulness_sections(scorecard: Scorecard, wording: Wording) -> tuple[UsefulnessSection, ...]:
    """One section for each check of usefulness, in the scorecard's order."""
    return tuple(
        _section(f"useful-{number}", finding, scorecard, wording)
        for number, finding in enumerate(scorecard.usefulness, start=1)
    )


def _section(anchor: str, finding: Finding, scorecard: Scorecard, wording: Wording) -> UsefulnessSection:
    judged = [one for one in scorecard.judgements if one.attack == finding.attack]
    by_key = {(one.name, one.of): one for one in finding.measurements}
    drawn = [one for one in finding.measurements if one.name in COMPARED][:MOST_STRIPS]
    strips = [_strip(one, by_key.get((REAL.get(one.name, ""), one.of)), judged) for one in drawn]
    ticks = strip_ticks(strips) if strips else [0.0, 1.0]
    beside = {*COMPARED, *REAL.values()} | {SHARES[one.name] for one in drawn if one.name in SHARES}
    others = [one for one in finding.measurements if one.name not in beside]
    shown = _least_useful(others)[:MOST_OTHERS]
    verdict = min((one.verdict for one in judged), key=WORST_FIRST.index) if judged else None
    return UsefulnessSection(
        title=wording.title(finding.attack),
        name=display(finding.attack),
        verdict=verdict.value if verdict else "",
        verdict_word=wording.verdict(verdict) if verdict else "",
        sentences=_sentences(finding, strips, by_key, wording),
        floors=tuple(_floor(one, by_key, wording) for one in worst_first(judged)[:MOST_FLOORS]),
        strips=tuple(
            _row(f"{anchor}-{number}", strip, by_key, ticks, wording) for number, strip in enumerate(strips, start=1)
        ),
        axis=axis(ticks, quantity_of(drawn[0].name)) if drawn else Markup(""),
        others=measurement_rows(shown, wording),
        others_left_out=len(others) - len(shown),
        params=tuple(
            (display(key), wording.param(value)) for key, value in sorted(finding.params.items())[:MOST_WORDS]
        ),
        origin=display(finding.origin),
        caveats=tuple(wording.reason(caveat) for caveat in finding.caveats[:MOST_WORDS]),
        references=tuple(display(reference, 240) for reference in finding.references[:MOST_WORDS]),
    )


def _strip(release: Measurement, real: Measurement | None, judged: Sequence[Judgement]) -> Strip:
    """A floor under the share of real rows is drawn as that share of them."""
    units = {release.name: 1.0} | ({} if real is None else {SHARES.get(release.name, ""): real.value})
    floors = ((one, limit_value(one.at_least)) for one in judged if one.of == release.of and one.measurement in units)
    its, floor = next(((one, floor) for one, floor in floors if floor is not None), (None, None))
    return Strip(
        release=release,
        real=real,
        floor=None if its is None or floor is None else float(floor) * units[its.measurement],
        verdict="" if its is None else its.verdict.value,
    )


def _row(
    chart_id: str, strip: Strip, by_key: dict[tuple[str, str], Measurement], ticks: Sequence[float], wording: Wording
) -> StripRow:
    its = strip.release
    release = measurement_text(its, wording)
    real = MeasuredText(value="", interval="", confidence="", blind="")
    if strip.real is not None:
        real = measurement_text(strip.real, wording)
    share = by_key.get((SHARES.get(its.name, ""), its.of))
    said = [wording.say("usefulness.of-release", value=release.value)]
    if real.value:
        said.append(wording.say("usefulness.of-real", value=real.value))
    if its.blind is not None:
        said.append(wording.say("usefulness.of-nothing", value=release.blind))
    title = wording.say("list.comma").join(
        part for part in (wording.measurement(its.name), wording.of(its.name, its.of)) if part
    )
    return StripRow(
        what=wording.measurement(its.name),
        of=wording.of(its.name, its.of),
        chart=strip_chart(chart_id, title, wording.say("list.comma").join(said), strip, ticks),
        release=release,
        real=real,
        blind=release.blind,
        share="" if share is None else _share(share, wording),
    )


def _share(share: Measurement, wording: Wording) -> str:
    words = measurement_text(share, wording)
    return wording.say("usefulness.share", value=words.value, interval=words.interval)


def _floor(judgement: Judgement, by_key: dict[tuple[str, str], Measurement], wording: Wording) -> FloorText:
    measurement = by_key.get((judgement.measurement, judgement.of))
    quantity = quantity_of(judgement.measurement, measurement)
    of = wording.of(judgement.measurement, judgement.of)
    what = wording.measurement(judgement.measurement)
    return FloorText(
        of=wording.say("section.what-of", what=what, of=of) if of else what,
        floor=limit_text(judgement, measurement).joined(wording),
        verdict=judgement.verdict.value,
        verdict_word=wording.verdict(judgement.verdict),
        reason=wording.reason(judgement.reason, quantity),
    )


def _sentences(
    finding: Finding, strips: Sequence[Strip], by_key: dict[tuple[str, str], Measurement], wording: Wording
) -> tuple[str, ...]:
    """What came of it, in plain words."""
    if finding.outcome != "measured":
        reason = wording.reason(finding.reason) if finding.reason else wording.say("headline.no-reason")
        return (wording.say(f"section.{finding.outcome}", reason=reason),)
    if not finding.measurements:
        return (wording.say("usefulness.nothing"),)
    if not strips:
        return (wording.say("usefulness.measured"),)
    first = strips[0]
    its, real = first.release, first.real
    words = measurement_text(its, wording)
    if its.name == "indistinguishability":
        best = min(strips, key=lambda strip: strip.release.value).release
        model = wording.of(best.name, best.of)
        return (wording.say("usefulness.told", model=model, auc=significant(1 - best.value / 2)),)
    if its.name == "statistical_fidelity":
        said = [wording.say("usefulness.near", value=words.value)]
        if real is not None:
            said.append(wording.say("usefulness.fresh", value=measurement_text(real, wording).value))
        return tuple(said)
    said = [
        wording.say(
            "usefulness.trained", model=wording.of(its.name, its.of), what=wording.measurement(its.name),
            value=words.value,
        )
    ]  # fmt: skip
    if real is not None:
        said.append(wording.say("usefulness.trained-real", value=measurement_text(real, wording).value))
    share = by_key.get((SHARES.get(its.name, ""), its.of))
    if share is not None:
        said.append(wording.say("usefulness.kept", value=measurement_text(share, wording).value))
    return tuple(said)


def _least_useful(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The least useful of each measurement, in the order of the measurements."""
    names = dict.fromkeys(one.name for one in measurements)
    return [
        one
        for name in names
        for one in sorted((one for one in measurements if one.name == name), key=lambda one: one.value)[:WORST]
    ]
