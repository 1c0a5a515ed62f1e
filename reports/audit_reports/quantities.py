"""In which unit a measurement is read: a rate, a bare number, a yes or no, or one over a group size."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from audit_core.codes import separated
from audit_core.measurement import Measurement
from audit_reports.numbers_as_text import MINUS, NO_BREAK_SPACE, limit_value, percent, short, short_percent, significant

Unit = Literal["rate", "number", "truth"]

_RATES = {"average_risk", "share_below_k", "sample_uniqueness", "tstr_f1_share", "tstr_auc_share", "epsilon_shown"}
_TRUTHS = {"multiset_equal"}
_GROUP_SIZE = {"largest_risk": "k", "k_map_risk": "k", "l_distinct_risk": "l", "l_entropy_risk": "l"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """How values of one measurement are written.

    Attributes:
        group_size: The symbol of the size whose inverse is measured ("k" where 1/k is), or None.
    """

    unit: Unit
    group_size: str | None = None

    def text(self, value: float) -> str:
        """A measured value: "8.33 % (k = 12)"."""
        if self.unit == "number" or (self.unit == "truth" and value not in (0, 1)):
            return significant(value)
        if self.unit == "truth":
            return str(int(value))
        if self.group_size is None or value <= 0:
            return percent(value)
        size = 1 / value
        shown = f"{size:,.0f}" if abs(size - round(size)) < 1e-6 * size else significant(size)
        return f"{percent(value)} ({self.group_size}{NO_BREAK_SPACE}={NO_BREAK_SPACE}{shown})"

    def tick(self, value: float) -> str:
        """A chosen value, such as an axis tick: "3 %"."""
        return short_percent(value) if self.unit == "rate" else short(value)

    def as_given(self, number: str | int | float) -> str:
        """A number from a sentence, in this unit and with all its digits: "0.03001" is "3.001 %" of a rate."""
        try:
            value = Decimal(str(number))
        except InvalidOperation:
            return str(number)
        if self.unit != "rate" or not value.is_finite():
            return str(number)
        return f"{(100 * value).normalize():,f}{NO_BREAK_SPACE}%".replace("-", MINUS)

    def limit(self, written: str) -> str:
        """A limit as a policy writes it: "3 %", "0.55", "1/11 (k = 11)"; anything unreadable as written."""
        value = limit_value(written)
        if value is None:
            return written
        if self.group_size is not None and value > 0:
            size = 1 / value
            shown = f"{size.numerator:,}" if size.denominator == 1 else significant(float(size))
            return f"{separated(written)} ({self.group_size}{NO_BREAK_SPACE}={NO_BREAK_SPACE}{shown})"
        return self.tick(float(value))


def quantity_of(name: str, measurement: Measurement | None = None) -> Quantity:
    """The quantity of a measurement by its name; of a stranger's, by its evidence: counted trials give a rate."""
    if name in _TRUTHS:
        return Quantity(unit="truth")
    if name in _GROUP_SIZE:
        return Quantity(unit="rate", group_size=_GROUP_SIZE[name])
    counted = measurement is not None and measurement.evidence.kind in ("proportion", "excess", "tail-hits")
    known = name in _RATES or name.startswith("tpr_at_fpr_") or name.endswith(("_excess", "_prior", "_fidelity"))
    return Quantity(unit="rate" if counted or known else "number")
