"""Columns made without a look at the data: ids, names and addresses.

None of them is compared with the real ones and drawn again where it equals one. That would be a look at the data: a
common name that is missing from a long list of made-up ones would be known to be a member's. Ids come from a space so
large that chance does not hit a real one; names come from short public lists, and a namesake is a namesake.
"""

import hashlib
import hmac
import re
import secrets
import uuid
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import Problem
from audit_core.reading.files import TextColumn
from audit_core.tables import MISSING, Codes, Column

DIGIT, LETTER = "#", "?"
_ALPHABETS = {DIGIT: "0123456789", LETTER: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}

ROOM = 2
"""A pattern needs this many times as many ids as there are rows."""

COLLISIONS = 1e-6
"""So many ids that equal a real one may be expected of a pattern, at most."""


def room(pattern: str) -> int:
    """How many ids a pattern has."""
    return int(np.prod([len(_ALPHABETS.get(place, " ")) for place in pattern], dtype=object))


def fresh_ids(rows: int, pattern: str | None) -> NDArray[np.object_]:
    """Ids, all different, shape `(rows,)`: of a pattern's look, or random UUIDs.

    They are drawn from the system's randomness: neither the seed nor the data can repeat them.

    Args:
        pattern: `#` stands for a digit, `?` for a capital letter; it has room for `ROOM` times the rows.
    """
    if pattern is None:
        return np.array([str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)) for _ in range(rows)], dtype=object)
    drawn: dict[str, None] = {}
    while len(drawn) < rows:
        drawn["".join(secrets.choice(_ALPHABETS[place]) if place in _ALPHABETS else place for place in pattern)] = None
    return np.array(list(drawn), dtype=object)


def taken_problem(pattern: str, rows: int, real: TextColumn, where: str) -> list[Problem]:
    """A problem if real ids look like the pattern and chance would hit one: the pattern has to tell the two apart."""
    known = "|".join(f"{re.escape(place)}" for place in _ALPHABETS)
    parts = re.split(f"({known})", pattern)
    look = re.compile("".join(f"[{_ALPHABETS[part]}]" if part in _ALPHABETS else re.escape(part) for part in parts))
    alike = sum(look.fullmatch(text) is not None for text in real.texts.to_pylist())
    if rows * alike <= COLLISIONS * room(pattern):
        return []
    what = "real ids have the look of the pattern, so that a new one could equal a real one by chance"
    fix = "Give it a letter that no real id has, such as `S-########`, or leave `pattern` out"
    return [Problem(code="id-pattern-taken", what=what, where=where, fix=fix)]


def rekeyed_ids(rows: int, real: TextColumn) -> NDArray[np.object_]:
    """For each row the keyed hash of a real id drawn at random, shape `(rows,)`; None where that is missing.

    The key is drawn from the system's randomness and kept nowhere. What is released is a linking code all the same.
    """
    key = secrets.token_bytes(32)
    hashes = [hmac.digest(key, text.encode(), hashlib.sha256).hex()[:32] for text in real.texts.to_pylist()]
    drawn: Codes = np.random.default_rng().choice(real.codes, rows)
    return np.array([*hashes, None], dtype=object)[drawn]


def made_up(kind: str, locale: str, rows: int, rng: np.random.Generator) -> NDArray[np.object_]:
    """Names ("pii_name") or addresses ("pii_address") of a locale by Faker, shape `(rows,)`, each on one line."""
    from faker import Faker

    faker = Faker(locale)
    faker.seed_instance(int(rng.integers(2**62)))
    draw: Callable[[], str] = faker.name if kind == "pii_name" else faker.address
    return np.array([", ".join(draw().splitlines()) for _ in range(rows)], dtype=object)


def faker_version() -> str:
    """Of the lists that names and addresses come from."""
    from importlib.metadata import version

    return version("Faker")


def unknown_locale(locale: str) -> tuple[bool, str | None]:
    """Whether Faker has no such locale, and the one like it if there is one."""
    from faker.config import AVAILABLE_LOCALES

    from audit_core.written.strict_yaml import closest

    return locale not in AVAILABLE_LOCALES, closest(locale, AVAILABLE_LOCALES)


def has_faker() -> bool:
    """Whether it is installed."""
    from importlib.util import find_spec

    return find_spec("faker") is not None


def category(name: str, cells: Sequence[str | None] | NDArray[np.object_]) -> tuple[Column, Codes]:
    """A column of texts and the cells' codes; None is a missing cell."""
    present = [text for text in cells if text is not None]
    values = sorted(set(present))
    position = {text: code for code, text in enumerate(values)}
    codes = np.array([MISSING if text is None else position[text] for text in cells], dtype=np.int32)
    return Column(name=name, kind="category", values=np.array(values, dtype=object)), codes
