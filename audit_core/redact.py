"""Names made fit to be shown.

File, column, release and plugin names come from strangers. Whatever shows one, on a terminal or on a page, shows it
through `display`.
"""

import unicodedata

ELLIPSIS = "…"
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""Stands for a name, or for a half character, that cannot be shown."""

_DROPPED = {"Cc", "Cf", "Cn", "Co"}
"""Unicode categories with no glyph of their own: control, format (bidi overrides, zero width), unassigned, private."""

_BLANK = {"Zs", "Zl", "Zp"}

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"

BLANKS = (" ", NO_BREAK_SPACE)
"""The blanks that are kept, one at a time."""

_MARKS = {"Mn", "Me"}
_MARKS_IN_A_ROW = 3
"""More combining marks than this on one letter only serve to paint over the neighbouring lines."""


def encodable(name: str) -> str:
    """The name with U+FFFD for each half character, as a file name that is not UTF-8 has, so that it can be stored."""
    return name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def display(name: str, limit: int = 80) -> str:
    """The name on one line, without control, bidi or invisible characters, cut to a length.

    Escaping for HTML, XML or Markdown is left to the view. A name of which nothing is left becomes U+FFFD, so that
    it stays visible that there is one.

    Args:
        name: Anything, lone surrogates included.
        limit: The most characters returned, the ellipsis among them; at least 1.
    """
    kept: list[str] = []
    marks = 0
    # A name of megabytes is cut before it is walked; 8 leaves room for what is dropped on the way.
    for character in name[: 8 * limit + 8]:
        category = unicodedata.category(character)
        if character in "\t\n\r\v\f" or (category in _BLANK and character != NO_BREAK_SPACE):
            character = " "
        elif category == "Cs":
            character = UNREADABLE
        elif category in _DROPPED:
            continue
        marks = marks + 1 if category in _MARKS else 0
        if marks > _MARKS_IN_A_ROW or (character in BLANKS and (not kept or kept[-1] in BLANKS)):
            continue
        kept.append(character)
    text = "".join(kept).rstrip()
    shortened = len(text) > limit or len(name) > 8 * limit + 8
    if shortened:
        text = text[: limit - 1].rstrip() + ELLIPSIS
    return text or UNREADABLE
