"""The phrases of the views, one catalogue of keys to words for each language."""

import json
from functools import cache
from importlib.resources import files

from audit_core.words import LANGUAGES


@cache
def phrases(language: str) -> dict[str, str]:
    """All phrases of one language.

    Raises:
        ValueError: There is no catalogue for the language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"there is no catalogue for language {language!r}, only for {', '.join(LANGUAGES)}")
    text = files("audit_reports").joinpath("locales", f"{language}.json").read_text(encoding="utf-8")
    catalogue: dict[str, str] = json.loads(text)
    return catalogue


def phrase(language: str, key: str, **values: object) -> str:
    """One phrase with its placeholders filled in.

    Raises:
        KeyError: The catalogue lacks the key, or the phrase needs a value that is not given.
    """
    return phrases(language)[key].format(**values)
