"""Records of text, as a language model meets them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One record.

    Attributes:
        prompt: What stands before it and is given, such as a label; never learnt, never scored. Empty where nothing is.
    """

    text: str
    prompt: str = ""
