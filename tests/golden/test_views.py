"""The views of one fixed scorecard, byte for byte.

Where a view was changed on purpose, look at the new pages and store them:
`SEKISHO_REFRESH_GOLDEN=1 python -m pytest tests/golden`, then review the difference like any other change.
"""

import os
from pathlib import Path

import pytest

from audit_core.scorecard import Scorecard
from audit_reports import junit, markdown_summary, scorecard_html, scorecard_json

HERE = Path(__file__).parent

VIEWS = {
    "sample.scorecard.json": (scorecard_json.render, "en"),
    "sample.scorecard.en.html": (scorecard_html.render, "en"),
    "sample.scorecard.ja.html": (scorecard_html.render, "ja"),
    "sample.junit.xml": (junit.render, "en"),
    "sample.summary.md": (markdown_summary.render, "en"),
}


@pytest.mark.parametrize("filename", VIEWS)
def test_view_is_what_is_stored(sample: Scorecard, filename: str) -> None:
    render, language = VIEWS[filename]
    view = render(sample, language)
    if os.environ.get("SEKISHO_REFRESH_GOLDEN"):
        (HERE / filename).write_bytes(view)
    assert view == (HERE / filename).read_bytes()


@pytest.mark.parametrize("filename", VIEWS)
def test_a_stored_card_gives_the_same_view(sample: Scorecard, filename: str) -> None:
    render, language = VIEWS[filename]
    assert render(Scorecard.from_json(sample.to_json()), language) == render(sample, language)
