"""Texts for people, in more than one language."""

from collections.abc import Mapping

LANGUAGES = ("en", "ja")

Words = Mapping[str, str]
"""Language code to text. "en" is required, the other languages fall back to it."""


def say(words: Words, language: str) -> str:
    """The text in one language, or in English where that language is missing."""
    return words.get(language) or words["en"]
