"""A judged or merely measured value in text: the estimate, its interval, the confidences, the limit."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit_core.measurement import Measurement
from audit_core.redact import display
from audit_core.scorecard import Judgement, Scorecard
from audit_reports.numbers_as_text import count, limit_value, short_percent
from audit_reports.quantities import Quantity, quantity_of
from audit_reports.wording import Wording

Key = tuple[str, str, str]


def measurements_by_key(scorecard: Scorecard) -> dict[Key, Measurement]:
    """Every measurement by attack, name and what it is of."""
    return {
        (finding.attack, measurement.name, measurement.of): measurement
        for finding in scorecard.findings + scorecard.usefulness
        for measurement in finding.measurements
    }


def measurement_behind(judgement: Judgement, measurements: Mapping[Key, Measurement]) -> Measurement | None:
    """What a judgement is about; where it is about several together, the first of them, for its unit."""
    found = measurements.get((judgement.attack, judgement.measurement, judgement.of))
    if found is not None:
        return found
    named = (judgement.attack, judgement.measurement)
    return next((each for (attack, name, _), each in measurements.items() if (attack, name) == named), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredText:
    """What a table's cells say about one value; empty where there is nothing to say."""

    value: str
    interval: str
    confidence: str
    blind: str


NOTHING = MeasuredText(value="", interval="", confidence="", blind="")


def reason_text(judgement: Judgement, measurements: Mapping[Key, Measurement], wording: Wording) -> str:
    """Why a judgement is what it is, its numbers in the unit of what was measured."""
    quantity = quantity_of(judgement.measurement, measurement_behind(judgement, measurements))
    return wording.reason(judgement.reason, quantity)


def unbounded(measurement: Measurement | None) -> bool:
    """Whether nothing bounds the true value from above."""
    return measurement is not None and measurement.evidence.kind == "coins"


def interval_text(quantity: Quantity, low: float, high: float, wording: Wording, *, open_above: bool = False) -> str:
    if open_above:
        return wording.say("interval.above", low=quantity.text(low))
    return wording.say("interval.from-to", low=quantity.text(low), high=quantity.text(high))


def judged_text(
    judgement: Judgement, measurements: Mapping[Key, Measurement], confidence: float, wording: Wording
) -> MeasuredText:
    """The value as a rule used it: low at the rule's fail confidence, high at the policy's.

    Args:
        confidence: The policy's.
    """
    if judgement.measured is None:
        return NOTHING
    measurement = measurement_behind(judgement, measurements)
    quantity = quantity_of(judgement.measurement, measurement)
    low = judgement.measured if judgement.low is None else judgement.low
    high = judgement.measured if judgement.high is None else judgement.high
    if measurement is not None and measurement.evidence.kind == "exact":
        interval, confidences = "", wording.say("interval.exact")
    else:
        interval = interval_text(quantity, low, high, wording, open_above=unbounded(measurement))
        ends = (judgement.fail_confidence, confidence)  # a limit fails by the low end, a floor by the high one
        lower, upper = (short_percent(one) for one in (reversed(ends) if judgement.floor else ends))
        said = "interval.confidence-low" if unbounded(measurement) else "interval.confidences"
        confidences = wording.say(said, low=lower, high=upper)
    return MeasuredText(
        value=quantity.text(judgement.measured),
        interval=interval,
        confidence=confidences,
        blind="" if judgement.blind is None else quantity.tick(judgement.blind),
    )


def measurement_text(measurement: Measurement, wording: Wording) -> MeasuredText:
    """A value that no rule looked at."""
    quantity = quantity_of(measurement.name, measurement)
    exact, its = measurement.evidence.kind == "exact", measurement.interval
    interval = interval_text(quantity, its.low, its.high, wording, open_above=unbounded(measurement))
    return MeasuredText(
        value=quantity.text(measurement.value),
        interval="" if exact else interval,
        confidence=wording.say("interval.exact")
        if exact
        else wording.say(
            "interval.method",
            confidence=short_percent(measurement.interval.confidence),
            method=wording.method(measurement.interval.method),
        ),
        blind="" if measurement.blind is None else quantity.tick(measurement.blind),
    )


def trials_text(measurement: Measurement) -> str:
    """The independent trials; what is exact was not tried but counted."""
    return "–" if measurement.evidence.kind == "exact" else count(measurement.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitText:
    """A limit and its margin, which is empty where there is none; or a floor."""

    limit: str
    margin: str
    floor: bool = False

    def joined(self, wording: Wording) -> str:
        """Both in a few words, for a sentence."""
        if self.floor:
            return wording.say("limit.at-least", limit=self.limit)
        if not self.margin:
            return self.limit
        return wording.say("limit.with-margin", limit=self.limit, margin=self.margin)


def limit_text(judgement: Judgement, measurement: Measurement | None) -> LimitText:
    """The limit as the policy writes it, in the unit of what it limits."""
    quantity = quantity_of(judgement.measurement, measurement)
    without = limit_value(judgement.margin) == 0
    return LimitText(
        limit=display(quantity.limit(judgement.bar), 40),
        margin="" if without else display(quantity.limit(judgement.margin), 40),
        floor=judgement.floor,
    )
