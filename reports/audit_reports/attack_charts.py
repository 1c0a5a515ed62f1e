"""The charts of one attack's section: bullets for what was judged, and the details behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.evidence import Excess
from audit_core.measurement import Histogram, Measurement, RocCurve
from audit_core.redact import display
from audit_core.scorecard import Finding, Judgement, Scorecard, Verdict
from audit_reports.bar_charts import MOST_BARS, RatePair, bar_text, histogram_chart, rates_chart
from audit_reports.bullet_chart import Bullet, axis, bullet_chart, shared_ticks
from audit_reports.measured_text import (
    MeasuredText,
    judged_text,
    limit_text,
    measurement_behind,
    measurements_by_key,
    trials_text,
)
from audit_reports.numbers_as_text import count, limit_value, percent, short_percent
from audit_reports.quantities import quantity_of
from audit_reports.roc_chart import measurable_from, roc_chart
from audit_reports.wording import Wording

MOST_BULLETS = 16
MOST_PAIRS = 10
MOST_CURVES = 6
MOST_HISTOGRAMS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BulletRow:
    """One judged value: its chart and the words beside it."""

    of: str
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
    """One group for each rule that had something to compare; rules in the given order."""
    measurements = measurements_by_key(scorecard)
    rules = dict.fromkeys(judgement.rule for judgement in judgements)
    groups = []
    for number, rule in enumerate(rules, start=1):
        judged = [
            judgement
            for judgement in judgements
            if judgement.rule == rule
            and judgement.measured is not None
            and judgement.verdict is not Verdict.NOT_ASSESSED
        ]
        if not judged:
            continue
        shown = judged[:MOST_BULLETS]
        first = measurement_behind(shown[0], measurements)
        quantity = quantity_of(shown[0].measurement, first)
        bullets = [_bullet(judgement) for judgement in shown]
        ticks = shared_ticks(bullets, quantity.unit)
        what = wording.measurement(shown[0].measurement)
        rows = []
        for position, (judgement, bullet) in enumerate(zip(shown, bullets, strict=True), start=1):
            measurement = measurements.get((judgement.attack, judgement.measurement, judgement.of))
            limit = limit_text(judgement, first).joined(wording)
            words = judged_text(judgement, measurements, scorecard.policy.confidence, wording)
            of = wording.of(judgement.measurement, judgement.of)
            title = wording.say("list.comma").join(part for part in (what, of) if part)
            rows.append(
                BulletRow(
                    of=of,
                    chart=bullet_chart(
                        f"{chart_id}-{number}-{position}",
                        title,
                        _description(words, limit, wording),
                        bullet,
                        ticks,
                    ),
                    measured=words,
                    n="–" if measurement is None else trials_text(measurement),
                    verdict=judgement.verdict.value,
                    verdict_word=wording.verdict(judgement.verdict),
                )
            )
        groups.append(
            BulletGroup(
                what=what,
                limits=tuple(dict.fromkeys(limit_text(each, first).joined(wording) for each in shown)),
                rows=tuple(rows),
                axis=axis(ticks, quantity),
                left_out=len(judged) - len(shown),
            )
        )
    return tuple(groups)


def _bullet(judgement: Judgement) -> Bullet:
    value = 0.0 if judgement.measured is None else judgement.measured
    limit, margin = limit_value(judgement.at_most), limit_value(judgement.margin)
    return Bullet(
        verdict=judgement.verdict.value,
        value=value,
        low=value if judgement.low is None else judgement.low,
        high=value if judgement.high is None else judgement.high,
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
    excesses = [(each, each.evidence) for each in finding.measurements if isinstance(each.evidence, Excess)]
    if excesses:
        charts.append(_rates(f"{chart_id}-rates", excesses[:MOST_PAIRS], wording))
    return tuple(charts)


def _roc(
    chart_id: str, shown: RocCurve, others: Sequence[RocCurve], confidence: float, wording: Wording
) -> DetailChart:
    score = wording.of("auc", shown.of)
    title = wording.say("roc.title")
    legend = [("curve", wording.say("roc.shown", score=score))]
    legend.append(("band", wording.say("roc.band")))
    if others:
        names = wording.say("list.comma").join(wording.of("auc", curve.of) for curve in others)
        legend.append(("other", wording.say("roc.others", scores=names)))
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


def _rates(chart_id: str, excesses: Sequence[tuple[Measurement, Excess]], wording: Wording) -> DetailChart:
    pairs = [
        RatePair(
            label=wording.say("list.comma").join(
                part for part in (wording.measurement(each.name), wording.of(each.name, each.of)) if part
            ),
            member_rate=_rate(evidence.k1, evidence.n1),
            control_rate=_rate(evidence.k0, evidence.n0),
            member_text=_rate_text(evidence.k1, evidence.n1, wording),
            control_text=_rate_text(evidence.k0, evidence.n0, wording),
        )
        for each, evidence in excesses
    ]
    description = wording.say("list.semicolon").join(
        wording.say("rates.pair", label=pair.label, members=pair.member_text, controls=pair.control_text)
        for pair in pairs
    )
    title = wording.say("rates.title")
    return DetailChart(
        chart=rates_chart(chart_id, title, description, pairs),
        title=title,
        caption=wording.say("rates.caption"),
        legend=(("member", wording.say("rates.member")), ("control", wording.say("rates.control"))),
    )


def _rate(hits: float, tries: float) -> float:
    return hits / tries if tries else 0.0


def _rate_text(hits: float, tries: float, wording: Wording) -> str:
    return wording.say("rates.of", rate=percent(_rate(hits, tries)), n=count(tries))
