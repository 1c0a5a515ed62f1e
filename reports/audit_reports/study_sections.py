"""What a study says: each setting with its verdicts, and each measurement over the settings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from audit_core.redact import display
from audit_core.scorecard import Verdict
from audit_core.study import OverSeeds, Study, Variant, worst
from audit_reports.bullet_chart import Bullet, axis, bullet_chart, shared_ticks
from audit_reports.measured_text import interval_text, unbounded
from audit_reports.numbers_as_text import count, limit_value, short_percent, significant
from audit_reports.quantities import Quantity, quantity_of
from audit_reports.wording import TEXT_LIMIT, Wording

MOST_MEASUREMENTS = 60
MOST_SETTINGS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """A setting in the table of all.

    Attributes:
        verdicts: Verdict, its word and of how many runs; the worst first.
        spent: What was claimed as spent, the most of its runs; empty where nothing was claimed.
        folders: Of its runs' packs.
    """

    setting: str
    verdicts: tuple[tuple[str, str, str], ...]
    spent: str
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSeedsRow:
    """One measurement of one setting."""

    setting: str
    chart: Markup
    value: str
    interval: str
    runs: str
    verdict: str
    verdict_word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One measurement over the settings, on one axis.

    Attributes:
        limit: In words; empty where no rule looked at it.
    """

    what: str
    by: str
    limit: str
    rows: tuple[OverSeedsRow, ...]
    axis: Markup


def setting_rows(study: Study, wording: Wording) -> tuple[SettingRow, ...]:
    """Every setting."""
    return tuple(_setting_row(variant, wording) for variant in study.variants)


def _setting_row(variant: Variant, wording: Wording) -> SettingRow:
    left = [run.verdict for run in variant.runs]
    verdicts = []
    while left:
        first = worst(left)
        verdicts.append((first.value, wording.verdict(first), count(left.count(first))))
        left = [one for one in left if one is not first]
    spent = [run.epsilon for run in variant.runs if run.epsilon is not None]
    return SettingRow(
        setting=setting_text(variant.params, wording),
        verdicts=tuple(verdicts),
        spent=significant(max(spent)) if spent else "",
        folders=tuple(display(run.folder) for run in variant.runs),
    )


def setting_text(params: dict[str, Any], wording: Wording) -> str:
    """ "epsilon = 3, epochs = 40"."""
    parts = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in params.items()]
    return display(wording.say("list.comma").join(parts), TEXT_LIMIT)


def sides(study: Study, wording: Wording) -> tuple[tuple[Side, ...], int]:
    """Each measurement over the settings, and how many were left out."""
    keys = study.keys
    shown = [_side(f"side-{number}", study, key, wording) for number, key in enumerate(keys[:MOST_MEASUREMENTS], 1)]
    return tuple(shown), max(0, len(keys) - MOST_MEASUREMENTS)


def _side(chart_id: str, study: Study, key: tuple[str, str, str], wording: Wording) -> Side:
    confidence = study.policy.confidence
    found = [(variant, its) for variant in study.variants if (its := variant.over_seeds(key, confidence)) is not None]
    found = found[:MOST_SETTINGS]
    first = found[0][1].runs[0]
    quantity = quantity_of(key[1], first.measurement)
    bullets = [_bullet(its) for _, its in found]
    ticks = shared_ticks(bullets, quantity.unit)
    what, of = wording.measurement(key[1]), wording.of(key[1], key[2])
    title = wording.say("section.what-of", what=what, of=of) if of else what
    return Side(
        what=title,
        by=wording.title(key[0]),
        limit=_limit(its=first.at_most, floor=first.at_least, quantity=quantity, wording=wording),
        rows=tuple(
            _row(f"{chart_id}-{number}", title, variant, its, bullet, ticks, quantity, wording)
            for number, ((variant, its), bullet) in enumerate(zip(found, bullets, strict=True), 1)
        ),
        axis=axis(ticks, quantity),
    )


def _limit(*, its: str, floor: str, quantity: Quantity, wording: Wording) -> str:
    if its:
        return wording.say("study.limit", limit=display(quantity.limit(its), 40))
    return wording.say("study.floor", limit=display(quantity.limit(floor), 40)) if floor else ""


def _bullet(its: OverSeeds) -> Bullet:
    first, interval, verdict = its.runs[0], its.interval, _verdict(its)
    limit, margin = limit_value(first.at_most or first.at_least), limit_value(first.margin)
    return Bullet(
        verdict="not-assessed" if verdict is None else verdict.value,
        value=its.value,
        low=interval.low,
        high=its.value if unbounded(first.measurement) else interval.high,
        limit=None if limit is None else float(limit),
        margin=None if margin is None else float(margin),
        blind=first.measurement.blind,
    )


def _verdict(its: OverSeeds) -> Verdict | None:
    verdicts = [one.verdict for one in its.runs if one.verdict is not None]
    return worst(verdicts) if verdicts else None


def _row(
    chart_id: str,
    title: str,
    variant: Variant,
    its: OverSeeds,
    bullet: Bullet,
    ticks: Sequence[float],
    quantity: Quantity,
    wording: Wording,
) -> OverSeedsRow:
    setting, interval, verdict = setting_text(variant.params, wording), its.interval, _verdict(its)
    value = quantity.text(its.value)
    exact = len(its.runs) == 1 and its.runs[0].measurement.evidence.kind == "exact"
    single = len(its.runs) == 1 and unbounded(its.runs[0].measurement)
    between = "" if exact else interval_text(quantity, interval.low, interval.high, wording, open_above=single)
    description = wording.say("list.comma").join(part for part in (setting, value, between) if part)
    return OverSeedsRow(
        setting=setting,
        chart=bullet_chart(chart_id, title, description, bullet, ticks),
        value=value,
        interval=between,
        runs=count(len(its.runs)),
        verdict="" if verdict is None else verdict.value,
        verdict_word="" if verdict is None else wording.verdict(verdict),
    )


def confidence_text(study: Study) -> str:
    """The confidence of each bound."""
    return short_percent(study.policy.confidence)
