"""What a calibration says of each attack: from which dose on it finds what, its curves, and its false alarms."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from audit_core.calibration import Calibration, Detection, Limit, Power, Trial
from audit_core.codes import PLANTS
from audit_core.controls import loudest
from audit_core.measurement import Measurement
from audit_core.redact import display
from audit_core.scorecard import Finding, Plant
from audit_core.words import say
from audit_reports.bullet_chart import Bullet, shared_ticks
from audit_reports.measured_text import interval_text, unbounded
from audit_reports.numbers_as_text import count, limit_value, short_percent
from audit_reports.power_chart import Found, Line, Point, mark_path, power_chart
from audit_reports.quantities import Quantity, quantity_of
from audit_reports.wording import Wording

Pair = tuple[str, str]

STATES = {"pass": "calibration.pass", "inconclusive": "calibration.inconclusive"}
"""The words for whether an attack, or all, is shown to be awake and silent."""

_KEYS: dict[Found, str] = {"all": "power.key-all", "some": "power.key-some", "none": "power.key-none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseCell:
    """From which dose on a plant is found; `note` says what the policy would fail."""

    found: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRow:
    """An attack's row in the table of the smallest doses found.

    Attributes:
        wanted: What the policy wants found; empty where it has no rule.
        state: "pass", "inconclusive" or "not-assessed", and the word for it.
    """

    attack: str
    cells: tuple[DoseCell, ...]
    wanted: str
    state: str
    state_word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """An attack's row in the table of false alarms."""

    attack: str
    tried: str
    found: str
    flagged: str
    unplanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One dose of one plant.

    Attributes:
        found, fails: In how many of the draws.
    """

    plant: str
    dose: str
    planted: str
    found: str
    fails: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """The chart of one attack.

    Attributes:
        legend: Kind of mark, what it is drawn by, and words.
    """

    chart: Markup
    title: str
    caption: str
    legend: tuple[tuple[str, str, str], ...]
    rows: tuple[TrialRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSection:
    """One attack."""

    anchor: str
    title: str
    name: str
    role: str
    state: str
    state_word: str
    sentences: tuple[str, ...]
    plants: tuple[str, ...]
    curves: Curves | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantWords:
    """A kind of plant, and how it is made."""

    name: str
    text: str


def plant_words(calibration: Calibration, wording: Wording) -> tuple[PlantWords, ...]:
    """How each kind of planted row is made."""
    made = {
        "verbatim": wording.say("plant.verbatim"),
        "jittered": wording.say("plant.jittered", share=short_percent(calibration.jitter)),
        "one-sensitive-column": wording.say(
            "plant.one-sensitive-column",
            column=display(calibration.kept_true),
            share=short_percent(calibration.redrawn),
        ),
    }
    return tuple(PlantWords(name=_plant(plant, wording), text=text) for plant, text in made.items())


def _plant(plant: str, wording: Wording) -> str:
    return say(PLANTS[plant], wording.language)


def dose_rows(calibration: Calibration, wording: Wording) -> tuple[DoseRow, ...]:
    """One row for each attack."""
    rows = []
    for power, finding in _each(calibration):
        state, word = _state(power, finding, calibration, wording)
        measured = finding.outcome == "measured"
        rows.append(
            DoseRow(
                attack=wording.title(power.attack),
                cells=tuple(_cell(its, calibration, power, measured, wording) for its in power.detections),
                wanted=short_percent(power.dose) if power.required else "",
                state=state,
                state_word=word,
            )
        )
    return tuple(rows)


def _each(calibration: Calibration) -> Iterator[tuple[Power, Finding]]:
    return zip(calibration.powers, calibration.findings, strict=True)


def _cell(its: Detection, calibration: Calibration, power: Power, measured: bool, wording: Wording) -> DoseCell:
    if not measured:
        return DoseCell(found=wording.say("power.not-tried"), note="")
    if its.found_from is None:
        found = wording.say("power.not-found", dose=short_percent(calibration.doses[-1]))
    else:
        found = wording.say("power.found-from", dose=short_percent(its.found_from))
    if not power.required:
        return DoseCell(found=found, note="")
    if its.fails_from is None:
        return DoseCell(found=found, note=wording.say("power.fails-nowhere"))
    return DoseCell(found=found, note=wording.say("power.fails-from", dose=short_percent(its.fails_from)))


def _state(power: Power, finding: Finding, calibration: Calibration, wording: Wording) -> tuple[str, str]:
    """Whether the attack is shown to be awake and silent: its name, for colour and shape, and its word."""
    named = {reason.args.get("attack") for reason in calibration.reasons}
    if not power.required:
        return "not-assessed", wording.say("power.not-required")
    awake = power.attack not in named and power.innocent > 0 and finding.outcome == "measured"
    state = "pass" if awake else "inconclusive"
    return state, wording.say(STATES[state])


def alarm_rows(calibration: Calibration, wording: Wording) -> tuple[AlarmRow, ...]:
    """What each attack takes for a leak where nothing was planted."""
    rows = []
    for power, finding in _each(calibration):
        if finding.outcome != "measured":
            continue
        if power.fails_unplanted:
            unplanted = wording.say("power.unplanted-fails")
        elif power.found_unplanted:
            unplanted = wording.say("power.unplanted-found")
        else:
            unplanted = wording.say("power.unplanted-quiet")
        rows.append(
            AlarmRow(
                attack=wording.title(power.attack),
                tried=count(power.innocent),
                found=count(power.innocent_found),
                flagged=count(power.innocent_flagged),
                unplanted=unplanted,
            )
        )
    return tuple(rows)


def power_sections(calibration: Calibration, wording: Wording) -> tuple[PowerSection, ...]:
    """One section for each attack, in the calibration's order."""
    sections = []
    for number, (power, finding) in enumerate(_each(calibration), start=1):
        anchor = f"attack-{number}"
        state, word = _state(power, finding, calibration, wording)
        trials = [trial for trial in calibration.trials if trial.attack == power.attack and trial.twin == "leaky"]
        sections.append(
            PowerSection(
                anchor=anchor,
                title=wording.title(power.attack),
                name=display(power.attack),
                role=wording.say(f"role.{finding.role}"),
                state=state,
                state_word=word,
                sentences=_sentences(power, finding, trials, calibration, wording),
                plants=tuple(_plant_line(its, trials, wording) for its in power.detections) if trials else (),
                curves=_curves(anchor, power, finding, trials, calibration, wording) if trials else None,
            )
        )
    return tuple(sections)


def _sentences(
    power: Power, finding: Finding, trials: Sequence[Trial], calibration: Calibration, wording: Wording
) -> tuple[str, ...]:
    """What it means, in plain words."""
    if not trials:
        why = wording.reason(finding.reason) if finding.reason else wording.say("headline.no-reason")
        return (wording.say("power.not-measured", reason=why),)
    reasons = [reason for reason in calibration.reasons if reason.args.get("attack") == power.attack]
    plain = next(its for its in power.detections if its.plant == "verbatim")
    if plain.found_from is None:
        largest = calibration.doses[-1]
        rows = count(_planted(trials, plain.plant, largest))
        meaning = wording.say("power.meaning-deaf", dose=short_percent(largest), rows=rows)
        reasons = [reason for reason in reasons if reason.code != "dose-missed"]  # just said
    else:
        rows = count(_planted(trials, plain.plant, plain.found_from))
        meaning = wording.say("power.meaning-awake", dose=short_percent(plain.found_from), rows=rows)
    return (meaning, *(wording.say("power.but", reason=wording.reason(reason)) for reason in reasons))


def _plant_line(its: Detection, trials: Sequence[Trial], wording: Wording) -> str:
    name = _plant(its.plant, wording)
    if its.found_from is None:
        largest = max(trial.dose for trial in trials)
        rows = count(_planted(trials, its.plant, largest))
        return wording.say("power.plant-missed", plant=name, dose=short_percent(largest), rows=rows)
    rows = count(_planted(trials, its.plant, its.found_from))
    return wording.say("power.plant-found", plant=name, dose=short_percent(its.found_from), rows=rows)


def _planted(trials: Sequence[Trial], plant: Plant, dose: float) -> int:
    return next(trial.planted for trial in trials if (trial.plant, trial.dose) == (plant, dose))


def _curves(
    anchor: str,
    power: Power,
    finding: Finding,
    trials: Sequence[Trial],
    calibration: Calibration,
    wording: Wording,
) -> Curves | None:
    """The chart of the most telling measurement, and a row for each dose; None where nothing was measured."""
    pair = _drawn(finding, trials, calibration.limits)
    if pair is None:
        return None
    first = _of(finding.measurements, pair)
    quantity = quantity_of(pair[0], first)
    limit = _limit(power.attack, pair, calibration.limits)
    at_most = None if limit is None else _number(limit.at_most)
    margin = None if limit is None else _number(limit.margin)
    blind = None if first is None else first.blind
    lines = tuple(
        Line(plant=its.plant, points=points)
        for its in power.detections
        if (points := tuple(_points(trials, its.plant, pair)))
    )
    found: Found = "all" if power.found_unplanted else "none"
    unplanted = None if first is None else _point(0.0, first, found)
    every = [point for line in lines for point in line.points] + ([] if unplanted is None else [unplanted])
    if not every:
        return None
    bullets = [
        Bullet(verdict="", value=point.value, low=point.low, high=point.high, limit=at_most, margin=margin, blind=blind)
        for point in every
    ]
    what = wording.measurement(pair[0])
    of = wording.of(*pair)
    shown = wording.say("section.what-of", what=what, of=of) if of else what
    return Curves(
        chart=power_chart(
            f"{anchor}-power",
            title=wording.say("power.title", what=shown),
            description=_description(lines, wording),
            axis_names=(wording.say("power.axis"), what),
            lines=lines,
            unplanted=unplanted,
            doses=calibration.doses,
            limit=at_most,
            margin=margin,
            blind=blind,
            ticks=shared_ticks(bullets, quantity.unit),
            quantity=quantity,
        ),
        title=wording.say("power.title", what=shown),
        caption=wording.say(
            "power.caption",
            repeats=calibration.repeats,
            confidence=short_percent(calibration.policy.confidence),
        ),
        legend=tuple(_legend(lines, limit, quantity, margin, blind, wording)),
        rows=tuple(_rows(trials, calibration, pair, quantity, wording)),
    )


def _drawn(finding: Finding, trials: Sequence[Trial], limits: Sequence[Limit]) -> Pair | None:
    """Of the measurements that a limit is set on, that which is most often the clearest sign of a plant that is found.

    Of all measurements where no limit is set on any, and of all plants where none is found.
    """
    pairs = [(one.name, one.of) for one in finding.measurements]
    ruled = [pair for pair in pairs if _limit(finding.attack, pair, limits) is not None]
    shown = ruled or pairs
    telling = [trial for trial in trials if trial.found] or trials
    # Not that which is above its blind level most often: one may be a little above it with nothing planted.
    clearest = Counter(_clearest(trial, shown) for trial in telling)
    return max(shown, key=lambda pair: clearest[pair], default=None)


def _clearest(trial: Trial, pairs: Sequence[Pair]) -> Pair | None:
    best = loudest([one for one in trial.measurements if (one.name, one.of) in pairs])
    return None if best is None else (best.measurement.name, best.measurement.of)


def _of(measurements: Sequence[Measurement], pair: Pair) -> Measurement | None:
    usable = (one for one in measurements if (one.name, one.of) == pair and one.evidence.measurable)
    return next(usable, None)


def _limit(attack: str, pair: Pair, limits: Sequence[Limit]) -> Limit | None:
    name, of = pair
    fitting = (each for each in limits if (each.attack, each.measurement) == (attack, name) and each.of in ("*", of))
    return next(fitting, None)


def _number(written: str) -> float | None:
    value = limit_value(written)
    return None if value is None else float(value)


def _points(trials: Sequence[Trial], plant: Plant, pair: Pair) -> Iterator[Point]:
    for dose in sorted({trial.dose for trial in trials}):
        its = [trial for trial in trials if (trial.plant, trial.dose) == (plant, dose)]
        one = _middle(its, pair)
        if one is not None:
            yield _point(dose, one, _in_how_many(its))


def _point(dose: float, one: Measurement, found: Found) -> Point:
    high = one.value if unbounded(one) else one.interval.high
    return Point(dose=dose, value=one.value, low=one.interval.low, high=high, found=found)


def _interval(quantity: Quantity, one: Measurement, wording: Wording) -> str:
    return interval_text(quantity, one.interval.low, one.interval.high, wording, open_above=unbounded(one))


def _middle(trials: Sequence[Trial], pair: Pair) -> Measurement | None:
    """Of the draws the middle one by value, the lower of two; its interval is its own."""
    drawn = [one for trial in trials if (one := _of(trial.measurements, pair)) is not None]
    drawn.sort(key=lambda one: one.value)
    return drawn[(len(drawn) - 1) // 2] if drawn else None


def _in_how_many(trials: Sequence[Trial]) -> Found:
    found = sum(trial.found for trial in trials)
    return "all" if found == len(trials) else "some" if found else "none"


def _rows(
    trials: Sequence[Trial], calibration: Calibration, pair: Pair, quantity: Quantity, wording: Wording
) -> Iterator[TrialRow]:
    for plant in PLANTS:
        for dose in calibration.doses:
            its = [trial for trial in trials if (trial.plant, trial.dose) == (plant, dose)]
            one = _middle(its, pair)
            yield TrialRow(
                plant=_plant(plant, wording),
                dose=short_percent(dose),
                planted=count(its[0].planted),
                found=_of_how_many(sum(trial.found for trial in its), its, wording),
                fails=_of_how_many(sum(trial.fails for trial in its), its, wording),
                value="–" if one is None else quantity.text(one.value),
                interval="" if one is None else _interval(quantity, one, wording),
            )


def _of_how_many(number: int, trials: Sequence[Trial], wording: Wording) -> str:
    return wording.say("power.of", number=number, count=len(trials))


def _description(lines: Sequence[Line], wording: Wording) -> str:
    """What the marks say, for those who do not see them; the numbers stand in the table below the chart."""
    parts = []
    for line in lines:
        doses = [short_percent(point.dose) for point in line.points if point.found == "all"]
        name = _plant(line.plant, wording)
        if doses:
            shown = wording.say("list.comma").join(doses)
            parts.append(wording.say("power.description-found", plant=name, doses=shown))
        else:
            parts.append(wording.say("power.description-missed", plant=name))
    return wording.say("list.semicolon").join(parts)


def _legend(
    lines: Sequence[Line],
    limit: Limit | None,
    quantity: Quantity,
    margin: float | None,
    blind: float | None,
    wording: Wording,
) -> Iterator[tuple[str, str, str]]:
    """Kind, the outline of its mark where it has one, and words."""
    for line in lines:
        yield line.plant, mark_path(line.plant, 12, 8), _plant(line.plant, wording)
    yield "unplanted", mark_path("unplanted", 12, 8), wording.say("power.key-unplanted")
    for found, words in _KEYS.items():
        yield f"found-{found}", mark_path("verbatim", 12, 8), wording.say(words)
    if blind is not None:
        yield "guess", "", wording.say("bullet.blind", blind=quantity.tick(blind))
    if limit is not None:
        yield "limit", "", wording.say("bullet.limit", limit=display(quantity.limit(limit.at_most), 40))
    if margin and limit is not None:
        yield "margin-edge", "", wording.say("limit.margin", margin=display(quantity.limit(limit.margin), 40))
