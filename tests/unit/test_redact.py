"""Hostile names, made fit to be shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.redact import UNREADABLE, display, encodable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("age", "age"),
        ("診療科（外来）", "診療科（外来）"),
        ("عمر", "عمر"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("\x1b[31mred\x07\x00", "[31mred"),
        ("a\r\n\tb   c", "a b c"),
        ("  both ends  ", "both ends"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("e\u0301", "e\u0301"),
        ("Z" + 9 * "\u0351", "Z" + 3 * "\u0351"),
        ("half \ud800", f"half {UNREADABLE}"),
        ("5\u00a0%", "5\u00a0%"),
        ("", UNREADABLE),
        ("\u202e\u200b", UNREADABLE),
    ],
)
def test_what_is_kept(name: str, shown: str) -> None:
    assert display(name) == shown


def test_a_long_name_ends_in_an_ellipsis() -> None:
    assert display(10_000 * "x") == 79 * "x" + "…"
    assert display(80 * "x") == 80 * "x"
    assert display(81 * "x", limit=10) == 9 * "x" + "…"


def test_what_was_cut_before_it_was_read_is_marked_as_cut() -> None:
    assert display("start" + 100_000 * "\u200b" + "end") == "start…"


def test_escaping_is_left_to_the_view() -> None:
    assert display('"><script>') == '"><script>'


@given(st.text(), st.integers(min_value=1, max_value=100))
def test_any_name_becomes_one_short_visible_line(name: str, limit: int) -> None:
    shown = display(name, limit)
    assert 1 <= len(shown) <= limit
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert shown.encode()
    assert display(shown, limit) == shown


def test_a_name_that_is_not_utf_8_can_be_stored() -> None:
    assert encodable("release-\udcff.csv").encode().decode() == "release-\N{REPLACEMENT CHARACTER}.csv"
    assert encodable("会員 😀.csv") == "会員 😀.csv"
