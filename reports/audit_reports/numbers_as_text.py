"""Numbers as people read them, the same in every language: three significant digits, per cent where it is a rate."""

import math
from fractions import Fraction

NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def significant(value: float, digits: int = 3) -> str:
    """The value to so many significant digits: 0.0123, 45.6, 12,300, 1.23×10⁻⁷."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    power = math.floor(math.log10(abs(rounded)))
    if power < -4 or power > 14:
        mantissa = f"{rounded / 10.0**power:.{digits - 1}f}"
        text = f"{mantissa}×10{str(power).translate(_SUPERSCRIPT)}"
    else:
        text = f"{rounded:,.{max(0, digits - 1 - power)}f}"
    return text.replace("-", MINUS)


def percent(rate: float) -> str:
    """A rate in per cent: 0.0123 is "1.23 %"."""
    return f"{significant(100 * rate)}{NO_BREAK_SPACE}%"


def short(value: float) -> str:
    """A number that somebody chose, such as a limit or a tick: up to six digits, without trailing zeros."""
    return f"{value:,.6g}".replace("-", MINUS)


def short_percent(rate: float) -> str:
    """A rate that somebody chose, in per cent: 0.03 is "3 %"."""
    return f"{short(100 * rate)}{NO_BREAK_SPACE}%"


def level_percent(confidence: float) -> str:
    """A confidence near 1, in per cent, to two significant digits of what it leaves open: 0.99857 is "99.86 %"."""
    return short_percent(1 - float(f"{1 - confidence:.1e}"))


def count(number: float) -> str:
    """A count with thousands separated; an effective count is rounded down."""
    return f"{math.floor(number):,}"


def limit_value(written: str) -> Fraction | None:
    """A limit as a policy writes it ("1/11", "0.03", "3%"); None where it is not a number."""
    text = written.strip()
    try:
        return Fraction(text[:-1].strip()) / 100 if text.endswith("%") else Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
