"""The scorecard as JSON: the source of every other view."""

from audit_core.scorecard import Scorecard


def render(scorecard: Scorecard, language: str) -> bytes:
    """The scorecard's own bytes; it holds every language, so `language` changes nothing."""
    return scorecard.to_json()
