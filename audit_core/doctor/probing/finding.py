"""What a probe hands back."""

from dataclasses import dataclass

from audit_core.measurement import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Whether it held, and what was seen."""

    held: bool
    seen: Reason


def shown(number: float) -> str:
    """A number as a sentence shows it: a sum that is no number any more is said to be none."""
    return f"{number:.3g}"
