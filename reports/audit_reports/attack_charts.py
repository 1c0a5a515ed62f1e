"""The charts of one attack's section: bullets for what was judged, and the details behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.accounting import allowed_by
from audit_core.evidence import Excess
from audit_core.measurement import ByQuantile, Histogram, Measurement, RocCurve
from audit_core.redact import display
from audit_core.scorecard import Finding, Judgement, Scorecard, Verdict
from audit_reports.bar_charts import MOST_BARS, Arms, bar_text, histogram_chart, rates_chart, shares_chart
from audit_reports.bullet_chart import Bullet, axis, bullet_chart, shared_ticks
from audit_reports.measured_text import (
    MeasuredText,
    judged_text,
    limit_text,
    measurement_behind,
    measurements_by_key,
    trials_text,
    unbounded,
)
from audit_reports.numbers_as_text import count, limit_value, percent, short_percent, significant
from audit_reports.quantities import quantity_of
from audit_reports.roc_chart import measurable_from, roc_chart
from audit_reports.wording import Wording

Key = tuple[str, str]

MOST_BULLETS = 14
MOST_RATES = 10
MOST_CURVES = 6
MOST_HISTOGRAMS = 2

REMOTE = "_remote"
"""Ends the name of what was measured among remote people only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulletRow:
    """One judged value: its chart and the words beside it.

    Attributes:
        remote: It is about remote people only, in a group that is about all people.
    """

    of: str
    remote: bool
    chart: Markup
    measured: MeasuredText
    n: str
    verdict: str
    verdict_word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulletGroup:
    """The bullets of one measurement, on one axis.

    Attributes:
        limits: Each different one, in words.
    """

    what: str
    limits: tuple[str, ...]
    rows: tuple[BulletRow, ...]
    axis: Markup
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailChart:
    """A chart with the caption that says how to read it."""

    chart: Markup
    title: str
    caption: str
    legend: tuple[tuple[str, str], ...]


def bullet_groups(
    chart_id: str, judgements: Sequence[Judgement], scorecard: Scorecard, wording: Wording
) -> tuple[BulletGroup, ...]:
    """One group for each measurement that there was something to compare of, in the given order."""
    judged = [
        judgement
        for judgement in judgements
        if judgement.measured is not None and judgement.verdict is not Verdict.NOT_ASSESSED
    ]
    families: dict[str, list[Judgement]] = {}
    for judgement in judged:
        families.setdefault(judgement.measurement.removesuffix(REMOTE), []).append(judgement)
    return tuple(
        _group(f"{chart_id}-{number}", _remote_beside_all(family), scorecard, wording)
        for number, family in enumerate(families.values(), start=1)
    )


def _remote_beside_all(judgements: Sequence[Judgement]) -> list[Judgement]:
    """What is of one score together: all people, then the remote ones."""
    place = {of: position for position, of in reversed(list(enumerate(judgement.of for judgement in judgements)))}
    return sorted(judgements, key=lambda judgement: (place[judgement.of], judgement.measurement.endswith(REMOTE)))


def _group(chart_id: str, judged: Sequence[Judgement], scorecard: Scorecard, wording: Wording) -> BulletGroup:
    measurements = measurements_by_key(scorecard)
    shown = judged[:MOST_BULLETS]
    first = measurement_behind(shown[0], measurements)
    quantity = quantity_of(shown[0].measurement, first)
    bullets = [_bullet(judgement, open_above=unbounded(first)) for judgement in shown]
    ticks = shared_ticks(bullets, quantity.unit)
    whole = min((judgement.measurement for judgement in shown), key=len)
    rows = []
    for position, (judgement, bullet) in enumerate(zip(shown, bullets, strict=True), start=1):
        measurement = measurements.get((judgement.attack, judgement.measurement, judgement.of))
        limit = limit_text(judgement, first).joined(wording)
        words = judged_text(judgement, measurements, scorecard.policy.confidence, wording)
        of = wording.of(judgement.measurement, judgement.of)
        title = wording.say("list.comma").join(
            part for part in (wording.measurement(judgement.measurement), of) if part
        )
        rows.append(
            BulletRow(
                of=of,
                remote=judgement.measurement != whole,
                chart=bullet_chart(f"{chart_id}-{position}", title, _description(words, limit, wording), bullet, ticks),
                measured=words,
                n="–" if measurement is None else trials_text(measurement),
                verdict=judgement.verdict.value,
                verdict_word=wording.verdict(judgement.verdict),
            )
        )
    return BulletGroup(
        what=wording.measurement(whole),
        limits=(
            *dict.fromkeys(
                wording.say(
                    "bullet.limit" if each.measurement == whole else "bullet.limit-remote",
                    limit=limit_text(each, first).joined(wording),
                )
                for each in shown
            ),
            *_allowed(whole, scorecard, wording),
        ),
        rows=tuple(rows),
        axis=axis(ticks, quantity),
        left_out=len(judged) - len(shown),
    )


def _allowed(measurement: str, scorecard: Scorecard, wording: Wording) -> tuple[str, ...]:
    """What a claim of differential privacy allows an attacker of this measurement; nothing where there is none."""
    most = {} if scorecard.guarantee is None else allowed_by(scorecard.guarantee)
    if measurement not in most:
        return ()
    text = quantity_of(measurement).text(most[measurement])
    return (wording.say("bullet.allowed", most=text),)


def _bullet(judgement: Judgement, *, open_above: bool) -> Bullet:
    value = 0.0 if judgement.measured is None else judgement.measured
    limit, margin = limit_value(judgement.at_most), limit_value(judgement.margin)
    return Bullet(
        verdict=judgement.verdict.value,
        value=value,
        low=value if judgement.low is None else judgement.low,
        high=value if judgement.high is None or open_above else judgement.high,
        limit=None if limit is None else float(limit),
        margin=None if margin is None else float(margin),
        blind=judgement.blind,
    )


def _description(words: MeasuredText, limit: str, wording: Wording) -> str:
    parts = [wording.say("bullet.measured", value=words.value)]
    if words.interval:
        parts.append(wording.say("bullet.interval", interval=words.interval))
    parts.append(wording.say("bullet.limit", limit=limit))
    if words.blind:
        parts.append(wording.say("bullet.blind", blind=words.blind))
    return wording.say("list.comma").join(parts)


def detail_charts(
    chart_id: str, finding: Finding, judgements: Sequence[Judgement], confidence: float, wording: Wording
) -> tuple[DetailChart, ...]:
    """The ROC curves in one chart, each histogram, and member rates beside control rates; whatever there is."""
    charts = []
    curves = [detail for detail in finding.details if isinstance(detail, RocCurve) and detail.fpr]
    curves = [curve for curve in curves if curve.n1 > 0 and curve.n0 > 0]
    if curves:
        worst = {judgement.of for judgement in judgements[:1]}
        shown = next((curve for curve in curves if curve.of in worst), curves[0])
        others = [curve for curve in curves if curve is not shown][:MOST_CURVES]
        charts.append(_roc(f"{chart_id}-roc", shown, others, confidence, wording))
    histograms = [detail for detail in finding.details if isinstance(detail, Histogram) and detail.counts]
    for number, histogram in enumerate(histograms[:MOST_HISTOGRAMS], start=1):
        charts.append(_histogram(f"{chart_id}-histogram-{number}", histogram, wording))
    groups = [detail for detail in finding.details if isinstance(detail, ByQuantile) and detail.means]
    for number, group in enumerate(groups[:MOST_HISTOGRAMS], start=1):
        charts.append(_by_quantile(f"{chart_id}-quantile-{number}", group, wording))
    rates = _arms(finding, wording)
    if rates:
        charts.append(_rates(f"{chart_id}-rates", rates, priors(finding), wording))
    return tuple(charts)


def priors(finding: Finding) -> dict[Key, Measurement]:
    """What somebody who does not attack gets right, for each excess (by name and what it is of) that has such a rate.

    A prior is named after its excess, and is of the same or of all.
    """
    by_key = {(each.name, each.of): each for each in finding.measurements}
    found = {}
    for each in finding.measurements:
        if isinstance(each.evidence, Excess):
            name = f"{each.name.removesuffix('_excess')}_prior"
            prior = by_key.get((name, each.of)) or by_key.get((name, "all"))
            if prior is not None:
                found[each.name, each.of] = prior
    return found


def _roc(
    chart_id: str, shown: RocCurve, others: Sequence[RocCurve], confidence: float, wording: Wording
) -> DetailChart:
    score = wording.of("auc", shown.of)
    title = wording.say("roc.title")
    legend = [("curve", wording.say("roc.shown", score=score))]
    legend.append(("band", wording.say("roc.band")))
    legend += [
        (f"other dashes-{number}", wording.say("roc.other", score=wording.of("auc", curve.of)))
        for number, curve in enumerate(others, start=1)
    ]
    legend.append(("guess", wording.say("roc.guess")))
    legend.append(("edge", wording.say("roc.edge", fpr=percent(measurable_from(shown.n0, confidence)))))
    return DetailChart(
        chart=roc_chart(
            chart_id,
            title=title,
            description=wording.say("roc.description", score=score),
            axis_names=(wording.say("roc.fpr"), wording.say("roc.tpr")),
            shown=shown,
            others=others,
            confidence=confidence,
        ),
        title=title,
        caption=wording.say(
            "roc.caption", confidence=short_percent(confidence), n1=count(shown.n1), n0=count(shown.n0)
        ),
        legend=tuple(legend),
    )


def _histogram(chart_id: str, histogram: Histogram, wording: Wording) -> DetailChart:
    title = wording.known(f"histogram.{histogram.of}.title", histogram.of)
    shown = list(zip(histogram.labels, histogram.counts, strict=True))[:MOST_BARS]
    bars = wording.say("list.comma").join(f"{display(label, 20)}: {bar_text(number)}" for label, number in shown)
    caption = wording.say("histogram.caption")
    left_out = len(histogram.labels) - len(shown)
    if left_out:
        caption += wording.say("sentence.space") + wording.say("histogram.left-out", count=count(left_out))
    return DetailChart(chart=histogram_chart(chart_id, title, bars, histogram), title=title, caption=caption, legend=())


def _by_quantile(chart_id: str, groups: ByQuantile, wording: Wording) -> DetailChart:
    title = wording.known(f"quantile.{groups.of}.title", groups.of)
    labels = [wording.say("quantile.label", value=significant(value)) for value in groups.order]
    rows = list(zip(labels, groups.means, strict=True))[:MOST_BARS]
    said = wording.say("list.comma").join(f"{label}: {percent(value)}" for label, value in rows)
    return DetailChart(
        chart=shares_chart(chart_id, title, said, rows),
        title=title,
        caption=wording.say("quantile.caption", n=count(groups.n)),
        legend=(),
    )


def _arms(finding: Finding, wording: Wording) -> list[Arms]:
    """Both arms of each excess, and the rate of somebody who does not attack."""
    prior_of = priors(finding)
    rows = []
    for each in finding.measurements:
        if isinstance(each.evidence, Excess):
            evidence, prior = each.evidence, prior_of.get((each.name, each.of))
            rows.append(
                Arms(
                    what=wording.measurement(each.name),
                    of=wording.of(each.name, each.of),
                    member_rate=_rate(evidence.k1, evidence.n1),
                    control_rate=_rate(evidence.k0, evidence.n0),
                    member_text=_rate_text(evidence.k1, evidence.n1, wording),
                    control_text=_rate_text(evidence.k0, evidence.n0, wording),
                    prior_rate=None if prior is None else prior.value,
                    prior_text="" if prior is None else percent(prior.value),
                )
            )
    return rows


def _rates(chart_id: str, rows: Sequence[Arms], prior_of: Mapping[Key, Measurement], wording: Wording) -> DetailChart:
    shown = rows[:MOST_RATES]
    said = []
    for row in shown:
        label = wording.say("list.comma").join(part for part in (row.what, row.of) if part)
        pair = wording.say("rates.pair", label=label, members=row.member_text, controls=row.control_text)
        said.append(pair + (wording.say("rates.and-prior", prior=row.prior_text) if row.prior_text else ""))
    title, caption = wording.say("rates.title"), [wording.say("rates.caption")]
    legend = [("member", wording.say("rates.member")), ("control", wording.say("rates.control"))]
    if prior_of:
        caption.append(wording.say("rates.prior"))
        names = dict.fromkeys(each.name for each in prior_of.values())
        legend += [("prior", wording.measurement(name)) for name in names]
    if len(rows) > len(shown):
        caption.append(wording.say("rates.left-out", count=count(len(rows) - len(shown))))
    return DetailChart(
        chart=rates_chart(chart_id, title, wording.say("list.semicolon").join(said), shown),
        title=title,
        caption=wording.say("sentence.space").join(caption),
        legend=tuple(legend),
    )


def _rate(hits: float, tries: float) -> float:
    return hits / tries if tries else 0.0


def _rate_text(hits: float, tries: float, wording: Wording) -> str:
    return wording.say("rates.of", rate=percent(_rate(hits, tries)), n=count(tries))
