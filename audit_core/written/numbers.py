"""Numbers as people write them in recipes and policies: read exactly, and written back in a short exact form."""

import re
import unicodedata
from fractions import Fraction

MAX_LENGTH = 64
LARGEST = 10**12

_NUMBER = re.compile(
    r"(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)\s*(?P<percent>%)?"
    r"|(?P<over>[0-9]+)\s*/\s*(?P<under>[0-9]+)"
)


def fraction(value: object) -> Fraction:
    """A number as people write it: `7%`, `1/11`, `1e-6`, 0.05; exact, so 0.05 is 1/20.

    Raises:
        ValueError: It is not a finite number of 0 or more. The message is "what is wrong; what to write".
    """
    if isinstance(value, Fraction):
        text = str(value)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = unicodedata.normalize("NFKC", str(value)).strip()
    else:
        raise ValueError("not a number; write for example 0.07, 7% or 1/11")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a number of more than {MAX_LENGTH} characters; write it shorter")
    if text.startswith(("-", "−")):
        raise ValueError("a number below 0; write 0 or more")
    written = _NUMBER.fullmatch(text)
    if written is None:
        raise ValueError("not a finite number; write for example 0.07, 7% or 1/11")
    if written["over"] is not None:
        if int(written["under"]) == 0:
            raise ValueError("a division by 0; write for example 1/11")
        number = Fraction(int(written["over"]), int(written["under"]))
    else:
        number = Fraction(written["number"]) / (100 if written["percent"] else 1)
    if number > LARGEST:
        raise ValueError(f"a number above {LARGEST:,}; write a smaller one")
    return number


def probability(value: object) -> Fraction:
    """As `fraction`, and at most 1: a 7 that means 7 % is an error, not a limit nobody reaches.

    Raises:
        ValueError: As `fraction`, or the number is above 1.
    """
    number = fraction(value)
    if number > 1:
        raise ValueError(f"a share above 1; write {as_written(number / 100)} or {as_written(number)}% if that is meant")
    return number


def as_written(number: Fraction) -> str:
    """A fraction in a short exact form, such as "1/11", "0.55", "1e-6" or "0"; `fraction` reads it back."""
    ratio = f"{number.numerator}/{number.denominator}"
    twos_and_fives = number.denominator
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
    if twos_and_fives != 1:
        return ratio
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
    digits = str((number * 10**places).numerator)
    if places == 0:
        return digits
    if places > 5 and len(digits) < places - 3:
        mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
        decimal = f"{mantissa}e-{places - len(digits) + 1}"
    else:
        padded = digits.rjust(places + 1, "0")
        decimal = f"{padded[:-places]}.{padded[-places:]}"
    return decimal if len(digits) <= 6 or len(decimal) <= len(ratio) else ratio
