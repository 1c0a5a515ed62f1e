"""Section H: whether the audit itself can be believed; first the case, then each attack with its controls beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit_core.controls import BUG, CONFOUNDED, CONFOUNDED_CONFIDENCE, OVER_SENSITIVE, loudest
from audit_core.evidence import Mean
from audit_core.measurement import Measurement
from audit_core.scorecard import Control, Judgement, Scorecard, Verdict
from audit_reports.measured_text import interval_text, limit_text, unbounded
from audit_reports.numbers_as_text import count, level_percent, limit_value, short
from audit_reports.quantities import quantity_of
from audit_reports.wording import Wording

OF_ATTACKS = ("label-permutation", "innocent-twin", "leaky-twin")
"""Controls of an attack, in the order of the columns."""

TWINS = ("innocent-twin", "leaky-twin")

MOST_OF_CASE = 4
MOST_ATTACKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisive:
    """What decided a control, where it was measured.

    Attributes:
        what: The measurement and what it is of.
        note: At which confidence, and what it was compared with.
    """

    what: str
    value: str
    interval: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCell:
    """One control.

    Attributes:
        name: What was controlled, in words.
        decisive: None where nothing was measured, or nothing of it is compared with anything.
    """

    name: str
    verdict: str
    verdict_word: str
    reason: str
    decisive: Decisive | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackRow:
    """One attack.

    Attributes:
        cells: One for each column; None where there is no such control.
    """

    title: str
    cells: tuple[ControlCell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTables:
    """What section H shows.

    Attributes:
        summary: Of the twins; what is missing where none were tried.
        columns: Names of the attacks' controls, those that there are.
        no_control: For each column, what an empty cell says.
        levels: Which confidence decides about twins; empty where there are none.
    """

    summary: str
    case: tuple[ControlCell, ...]
    columns: tuple[str, ...]
    no_control: tuple[str, ...]
    attacks: tuple[AttackRow, ...]
    levels: str
    left_out: int


def not_passed(scorecard: Scorecard) -> list[Control]:
    """The controls that found something wrong, or were not done, in the scorecard's order."""
    return [control for control in scorecard.controls if control.verdict is not Verdict.PASS]


def called(control: str, wording: Wording) -> str:
    """What is controlled; twins of a model are other things than twins of a table."""
    usual = wording.known(f"control.{control}", control)
    return wording.known(f"control.{control}.model", usual) if wording.model else usual


def control_name(control: Control, wording: Wording) -> str:
    """What was controlled, and of which attack."""
    name = called(control.name, wording)
    if not control.attack:
        return name
    return wording.say("section.what-of", what=name, of=wording.title(control.attack))


def control_tables(scorecard: Scorecard, wording: Wording) -> ControlTables:
    """The controls in two tables, in the order of the scorecard's attacks."""
    of_case = [control for control in scorecard.controls if not control.attack]
    of_attacks = [control for control in scorecard.controls if control.attack]
    named = {control.name for control in of_attacks}
    columns = [*(name for name in OF_ATTACKS if name in named), *sorted(named - set(OF_ATTACKS))]
    order = [finding.attack for finding in scorecard.findings]
    order += [control.attack for control in of_attacks]
    controlled = {control.attack for control in of_attacks}
    attacks = [attack for attack in dict.fromkeys(order) if attack in controlled]
    by_key = {(control.attack, control.name): control for control in of_attacks}

    def cell(attack: str, name: str) -> ControlCell | None:
        control = by_key.get((attack, name))
        return None if control is None else _cell(control, scorecard.judgements, wording)

    return ControlTables(
        summary=_summary(scorecard, wording),
        case=tuple(_cell(control, (), wording) for control in of_case[:MOST_OF_CASE]),
        columns=tuple(called(name, wording) for name in columns),
        no_control=tuple(
            wording.say("controls.no-scores" if name == "label-permutation" else "controls.not-tried")
            for name in columns
        ),
        attacks=tuple(
            AttackRow(title=wording.title(attack), cells=tuple(cell(attack, name) for name in columns))
            for attack in attacks[:MOST_ATTACKS]
        ),
        levels=wording.say("controls.levels") if named & {*TWINS} else "",
        left_out=max(0, len(attacks) - MOST_ATTACKS),
    )


def _summary(scorecard: Scorecard, wording: Wording) -> str:
    """How the attacks did on their twins, or why there are none."""
    twins = [control for control in scorecard.controls if control.name in TWINS]
    if twins:
        passed = [control.name for control in twins if control.verdict is Verdict.PASS]
        return wording.say(
            "controls.summary",
            tried=count(len({control.attack for control in twins})),
            found=count(passed.count("leaky-twin")),
            silent=count(passed.count("innocent-twin")),
        )
    if scorecard.inputs.non_members is None:
        return wording.say("controls.no-non-members")
    return wording.say("controls.twins-missing" if scorecard.policy.certifying else "controls.no-twins")


def _cell(control: Control, judgements: Sequence[Judgement], wording: Wording) -> ControlCell:
    found = _decisive(control, judgements, wording)
    about = "" if found is None else found[0].name
    return ControlCell(
        name=called(control.name, wording),
        verdict=control.verdict.value,
        verdict_word=wording.verdict(control.verdict),
        reason=wording.reason(control.reason, about=about),
        decisive=None if found is None else found[1],
    )


def _decisive(
    control: Control, judgements: Sequence[Judgement], wording: Wording
) -> tuple[Measurement, Decisive] | None:
    """The measurement that the verdict hangs on, with its interval at the confidence that the verdict uses."""
    if control.outcome != "measured" or not control.measurements:
        return None
    if control.name == "blind-baseline":
        limit = wording.say("controls.confounded-above", limit=short(CONFOUNDED))
        loud = max(control.measurements, key=lambda one: one.evidence.bounds(CONFOUNDED_CONFIDENCE).low)
        return _decided(loud, CONFOUNDED_CONFIDENCE, limit, wording)
    if control.name == "label-permutation":
        farthest = max(control.measurements, key=_standard_errors)
        return _decided(farthest, BUG, _blind(farthest, wording), wording)
    if control.name == "innocent-twin":
        return _of_innocent(control, judgements, wording)
    best = loudest(control.measurements)
    return (
        None if best is None else _decided(best.measurement, 1 - best.level, _blind(best.measurement, wording), wording)
    )


def _standard_errors(measurement: Measurement) -> float:
    """How far the scores of shuffled labels are from a coin's 0.5."""
    evidence = measurement.evidence
    if not isinstance(evidence, Mean) or evidence.mean == 0.5:
        return 0.0
    return abs(evidence.mean - 0.5) / evidence.se if evidence.se else float("inf")


def _of_innocent(
    control: Control, judgements: Sequence[Judgement], wording: Wording
) -> tuple[Measurement, Decisive] | None:
    """What came nearest to failing the fresh rows by a rule; the rules share the level, as in Holm's first step."""
    limits = _limits(control.attack, judgements)
    tests = [
        (measurement.evidence.p_value(limit), measurement, judgement)
        for measurement in control.measurements
        if measurement.evidence.kind != "exact" and measurement.evidence.measurable
        for limit, judgement in limits.get((measurement.name, measurement.of), ())
    ]
    if not tests:
        return None
    _, measurement, judgement = min(tests, key=lambda test: test[0])
    limit = wording.say("bullet.limit", limit=limit_text(judgement, measurement).limit)
    return _decided(measurement, 1 - (1 - OVER_SENSITIVE) / len(tests), limit, wording)


def _limits(
    attack: str, judgements: Sequence[Judgement]
) -> Mapping[tuple[str, str], tuple[tuple[float, Judgement], ...]]:
    """The limits that apply to each measurement of an attack, by the measurement's name and what it is of."""
    found: dict[tuple[str, str], tuple[tuple[float, Judgement], ...]] = {}
    for judgement in judgements:
        limit = limit_value(judgement.at_most)
        if judgement.attack == attack and judgement.verdict is not Verdict.NOT_ASSESSED and limit is not None:
            key = (judgement.measurement, judgement.of)
            found[key] = (*found.get(key, ()), (float(limit), judgement))
    return found


def _blind(measurement: Measurement, wording: Wording) -> str:
    if measurement.blind is None:
        return ""
    return wording.say("bullet.blind", blind=quantity_of(measurement.name, measurement).tick(measurement.blind))


def _decided(
    measurement: Measurement, confidence: float, compared: str, wording: Wording
) -> tuple[Measurement, Decisive]:
    """
    Args:
        compared: What it is compared with, in words.
    """
    quantity = quantity_of(measurement.name, measurement)
    bounds = measurement.evidence.bounds(confidence)
    what, of = wording.measurement(measurement.name), wording.of(measurement.name, measurement.of)
    level = wording.say("controls.confidence", confidence=level_percent(confidence))
    return measurement, Decisive(
        what=wording.say("section.what-of", what=what, of=of) if of else what,
        value=quantity.text(measurement.value),
        interval=interval_text(quantity, bounds.low, bounds.high, wording, open_above=unbounded(measurement)),
        note=wording.say("list.comma").join(part for part in (level, compared) if part),
    )
