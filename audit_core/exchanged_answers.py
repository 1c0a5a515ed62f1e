"""What a child hands back: its answers as .npy and JSON, read as if nothing in them could be trusted."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import (
    Answer,
    Condition,
    Continuations,
    Guesses,
    Links,
    Malformed,
    Predicate,
    Predicates,
    Scores,
)

_FILE = "answers.json"

MOST_PREDICATES = 100_000
MOST_CONDITIONS = 64


def write_answers(folder: Path, answers: tuple[Answer, ...]) -> None:
    """Writes answers of one kind."""
    said: list[dict[str, Any]] = []
    for position, answer in enumerate(answers):
        entry: dict[str, Any] = {"kind": type(answer).__name__, "of": answer.of}
        match answer:
            case Scores(values=values):
                np.save(_array(folder, position), np.asarray(values, dtype=np.float64))
            case Guesses(values=values) if np.asarray(values).dtype == object:
                entry["texts"] = [None if value is None else str(value) for value in values]
            case Guesses(values=values):
                np.save(_array(folder, position), np.asarray(values, dtype=np.float64))
            case Links(right_of_left=right):
                np.save(_array(folder, position), np.asarray(right, dtype=np.int64))
            case Continuations(tokens=tokens):
                np.save(_array(folder, position), np.asarray(tokens, dtype=np.int32))
            case Predicates(items=items):
                entry["items"] = [[[one.column, one.op, _plain(one.value)] for one in item] for item in items]
        said.append(entry)
    (folder / _FILE).write_text(json.dumps(said), encoding="utf-8")


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str) else float(value)  # type: ignore[arg-type]


def _array(folder: Path, position: int) -> Path:
    return folder / f"answers.{position}.npy"


def read_answers(folder: Path, kind: type[Answer], n: int, *, texts: bool = False, width: int = 0) -> tuple[Any, ...]:
    """Reads what a child wrote.

    Args:
        n: How many values each must have.
        texts: Whether the values of a guess are words.
        width: How many tokens each continuation must have.

    Raises:
        Malformed: Names are missing or doubled, a shape is wrong, a value is not what it may be.
    """
    try:
        said = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise Malformed(f"{_FILE}: unreadable") from None
    name = kind.__name__
    if not isinstance(said, list) or not said or not all(isinstance(entry, dict) for entry in said):
        raise Malformed(f"{name}: none was given")
    names = [entry.get("of") for entry in said]
    if not all(isinstance(of, str) and of for of in names):
        raise Malformed(f"{name}.of: a name is missing")
    if len(set(names)) != len(names):
        raise Malformed(f"{name}.of: a name is given twice")
    if kind is Guesses and len(said) > 1:
        raise Malformed("Guesses: more than one for a question")
    return tuple(_answer(kind, entry, _array(folder, position), n, texts, width) for position, entry in enumerate(said))


def _answer(kind: type[Answer], entry: dict[str, Any], path: Path, n: int, texts: bool, width: int) -> Answer:
    of = entry["of"]
    if kind is Scores:
        return Scores(of=of, values=_finite(path, n))
    if kind is Links:
        return Links(of=of, right_of_left=_positions(path, n))
    if kind is Continuations:
        return Continuations(of=of, tokens=_tokens(path, n, width))
    if kind is Predicates:
        return Predicates(of=of, items=_items(entry.get("items")))
    return Guesses(of=of, values=_words(entry.get("texts"), n) if texts else _loaded("Guesses.values", path, n, "f8"))


def _finite(path: Path, n: int) -> NDArray[np.float64]:
    values: NDArray[np.float64] = _loaded("Scores.values", path, n, "f8")
    if not np.isfinite(values).all():
        raise Malformed("Scores.values: NaN or infinite")
    return values


def _positions(path: Path, n: int) -> NDArray[np.int64]:
    right: NDArray[np.int64] = _loaded("Links.right_of_left", path, n, "i8")
    if n and not (right.min() >= -1 and right.max() < n):
        raise Malformed("Links.right_of_left: not a position on the right, nor -1")
    return right


def _tokens(path: Path, n: int, width: int) -> NDArray[np.int32]:
    tokens: NDArray[np.int32] = _loaded("Continuations.tokens", path, n, "i4", width)
    if tokens.size and tokens.min() < -1:
        raise Malformed("Continuations.tokens: not a token, nor -1")
    return tokens


def _loaded(field: str, path: Path, n: int, kind: str, width: int | None = None) -> NDArray[Any]:
    try:
        values: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        raise Malformed(f"{field}: unreadable") from None
    wanted = (n,) if width is None else (n, width)
    if values.shape != wanted or values.dtype != np.dtype(kind):
        raise Malformed(f"{field}: shape {values.shape}, wanted {wanted}")
    return values


def _words(said: object, n: int) -> NDArray[np.object_]:
    if not isinstance(said, list) or not all(word is None or isinstance(word, str) for word in said):
        raise Malformed("Guesses.values: not words")
    if len(said) != n:
        raise Malformed(f"Guesses.values: shape ({len(said)},), wanted ({n},)")
    words = np.empty(n, dtype=object)
    words[:] = said
    return words


def _items(said: object) -> tuple[Predicate, ...]:
    if not isinstance(said, list) or len(said) > MOST_PREDICATES:
        raise Malformed(f"Predicates.items: not a list of at most {MOST_PREDICATES:,}")
    return tuple(_predicate(item) for item in said)


def _predicate(said: object) -> Predicate:
    if not isinstance(said, list) or not 0 < len(said) <= MOST_CONDITIONS:
        raise Malformed(f"Predicates.items: not 1 to {MOST_CONDITIONS} conditions")
    return tuple(_condition(one) for one in said)


def _condition(said: object) -> Condition:
    match said:
        case [str() as column, ("==" | "<=" | ">=") as op, (str() | int() | float()) as value]:
            if isinstance(value, str) or math.isfinite(value):
                return Condition(column=column, op=op, value=value)
        case [str() as column, "missing", None]:
            return Condition(column=column, op="missing", value=None)
    raise Malformed("Predicates.items: not a condition")
