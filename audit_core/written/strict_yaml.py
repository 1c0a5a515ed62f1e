"""Strict YAML: what people write in recipes and policies, read without surprises, each problem with its place.

YAML 1.2, core schema: `NO` and `12:30` are text, `1e-6` is a number; a key is always text, as written. Refused are
duplicate keys, anchors, aliases, merge keys, tags, directives, a second document, and anything over the caps.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from audit_core.errors import InputError, Problem, raise_all
from audit_core.written.numbers import as_written

MAX_BYTES = 1_000_000
MAX_DEPTH = 30

Path = tuple[str | int, ...]

_NULL = re.compile(r"(?:null|Null|NULL|~|)")
_TRUE = re.compile(r"(?:true|True|TRUE)")
_FALSE = re.compile(r"(?:false|False|FALSE)")
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that was read.

    Attributes:
        where: What to call the file in a problem.
        value: Mappings (with text keys), lists, text, numbers, truths and None.
        places: For the path of every key and item, (line, column), both from 1.
    """

    where: str
    value: object
    places: dict[Path, tuple[int, int]]

    def place(self, path: Path) -> str:
        """File, line, column and key path of a path, or of its nearest parent that was written."""
        written = path
        while written and written not in self.places:
            written = written[:-1]
        line, column = self.places.get(written, (1, 1))
        return f"{self.where}:{line}:{column}" + (f" ({as_key(path)})" if path else "")


def as_key(path: Path) -> str:
    """A path as people write it: `rules[3].at_most`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read_yaml(data: bytes, where: str) -> object:
    """The one document in `data`; None where there is nothing but comments.

    Raises:
        InputError: With every problem found, each at its line and column.
    """
    return read_document(data, where).value


def read_document(data: bytes, where: str) -> Document:
    """As `read_yaml`, with the place of every key, for problems that show only later."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(data) > MAX_BYTES:
        raise InputError(_problem("yaml-too-large", f"{len(data):,} bytes, more than {MAX_BYTES:,}", where))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        place = f"{where}:{line}"
        raise InputError(_problem("yaml-not-utf-8", "not UTF-8 text", place, "Save the file as UTF-8")) from None
    reader = _Reader(events=YAML(typ="safe", pure=True).parse(text), where=where)
    try:
        value = reader.document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = where if mark is None else f"{where}:{mark.line + 1}:{mark.column + 1}"
        raise InputError(*reader.problems, _problem("yaml-syntax", str(error.problem), place)) from None
    except YAMLError as error:  # a character that YAML does not allow
        position = getattr(error, "position", 0)
        place = f"{where}:{text.count(chr(10), 0, position) + 1}"
        what = "a control character, which YAML does not allow"
        raise InputError(*reader.problems, _problem("yaml-syntax", what, place, "Remove it")) from None
    except (ValueError, OverflowError):  # an escape such as "\\UFFFFFFFF"
        what = "an escape sequence that is no character"
        raise InputError(*reader.problems, _problem("yaml-syntax", what, where, "Write the character itself")) from None
    raise_all(reader.problems)
    return Document(where=where, value=value, places=reader.places)


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Builds the document from the parser's events; no node is ever shared, so nothing can grow."""

    events: Iterator[Any]
    where: str
    problems: list[Problem] = field(default_factory=list)
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def document(self) -> object:
        from ruamel.yaml.events import DocumentStartEvent, StreamEndEvent

        next(self.events)  # the start of the stream
        start = next(self.events)
        if isinstance(start, StreamEndEvent):
            return None
        if start.version or start.tags:
            self.complain("yaml-directive", "a % directive", start, "Remove it: this is read as YAML 1.2")
        value = self.node(next(self.events), ())
        next(self.events)  # the end of the document
        if isinstance(another := next(self.events), DocumentStartEvent):
            raise InputError(
                *self.problems,
                self.problem("yaml-several-documents", "a second document starts", another, "Keep one document"),
            )
        return value

    def node(self, event: Any, path: Path) -> object:
        from ruamel.yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

        if len(path) > MAX_DEPTH:
            raise InputError(*self.problems, self.problem("yaml-too-deep", f"nested over {MAX_DEPTH} deep", event))
        self.places.setdefault(path, (event.start_mark.line + 1, event.start_mark.column + 1))
        if event.anchor is not None:
            kind = "an alias" if isinstance(event, AliasEvent) else "an anchor"
            self.complain("yaml-anchor", kind, event, "Write the value out where it is used")
        if isinstance(event, AliasEvent):
            return None
        if event.tag is not None:
            self.complain("yaml-tag", "a ! tag", event, "Remove it")
        if isinstance(event, ScalarEvent):
            return self.scalar(event)
        if isinstance(event, MappingStartEvent):
            mapping: dict[str, object] = {}
            while not isinstance(key_event := next(self.events), MappingEndEvent):
                key = self.key(key_event, path)
                known = key in mapping
                if known:
                    line = self.places[(*path, key)][0]
                    what = f"the key {key!r} was given before, at line {line}"
                    self.complain("yaml-duplicate-key", what, key_event, "Keep one of the two")
                else:
                    self.places[(*path, key)] = (key_event.start_mark.line + 1, key_event.start_mark.column + 1)
                value = self.node(next(self.events), (*path, key))
                if not known:
                    mapping[key] = value
            return mapping
        items: list[object] = []
        while not isinstance(item := next(self.events), SequenceEndEvent):
            items.append(self.node(item, (*path, len(items))))
        return items

    def key(self, event: Any, path: Path) -> str:
        from ruamel.yaml.events import ScalarEvent

        if not isinstance(event, ScalarEvent):
            self.complain("yaml-key", "a key that is not text", event, "Write a plain word before the colon")
            self.node(event, (*path, "?"))
            return f"?{len(self.problems)}"
        if event.anchor is not None or event.tag is not None:
            self.complain("yaml-anchor", "a key with an anchor or a tag", event, "Write the key by itself")
        if event.value == "<<" and event.style is None:
            self.complain("yaml-anchor", "a merge key", event, "Write the keys out")
        return self.text(event)

    def scalar(self, event: Any) -> object:
        text: str = event.value
        if event.style is not None or event.tag is not None:
            return self.text(event)
        if _NULL.fullmatch(text):
            return None
        if _TRUE.fullmatch(text):
            return True
        if _FALSE.fullmatch(text):
            return False
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if _NOT_FINITE.fullmatch(text):
            self.complain("yaml-not-a-number", "neither a number nor text", event, "Write a finite number")
            return None
        return self.text(event)

    def text(self, event: Any) -> str:
        text: str = event.value
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.complain("yaml-syntax", "half of a surrogate pair", event, "Write the character itself")
            return ""
        return text

    def complain(self, code: str, what: str, event: Any, fix: str = "") -> None:
        self.problems.append(self.problem(code, what, event, fix))

    def problem(self, code: str, what: str, event: Any, fix: str = "") -> Problem:
        mark = event.start_mark
        return _problem(code, what, f"{self.where}:{mark.line + 1}:{mark.column + 1}", fix)


def _problem(code: str, what: str, where: str, fix: str = "") -> Problem:
    return Problem(code=code, what=what, where=where, fix=fix)


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like the name, for "did you mean"; None where none is near."""
    plain = {candidate.casefold().replace("_", "-"): candidate for candidate in candidates}
    found = get_close_matches(name.casefold().replace("_", "-"), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def write_yaml(tree: object) -> bytes:
    """Mappings, lists, text, numbers, fractions, truths and None as block YAML: the same tree, the same bytes."""
    return ("\n".join(_lines(tree)) + "\n").encode()


def _lines(tree: object) -> Iterator[str]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            name = key if _PLAIN_KEY.fullmatch(key) else _quoted(key)
            if isinstance(value, dict | list | tuple) and value:
                yield f"{name}:"
                yield from (f"  {line}" for line in _lines(value))
            else:
                yield f"{name}: {_scalar(value)}"
    elif isinstance(tree, list | tuple) and tree:
        for item in tree:
            first, *rest = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(tree)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Fraction):
        return as_written(value)
    return json.dumps(list(value) if isinstance(value, tuple) else value, allow_nan=False)


def _quoted(text: str) -> str:
    """Text in double quotes, with every unprintable character escaped."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
