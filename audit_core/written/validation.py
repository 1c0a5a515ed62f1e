"""A YAML document against a pydantic model: all problems at once, each with its place and, where near, a suggestion."""

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from audit_core.errors import InputError, Problem
from audit_core.written.strict_yaml import Document, Path, closest, read_document

Model = TypeVar("Model", bound=BaseModel)


def read_model(data: bytes, where: str, model: type[Model]) -> Model:
    """The document as a model.

    A validator may raise `ValueError("what is wrong; what to do")`.

    Raises:
        InputError: With every problem found, each at its line and column.
    """
    return validated(read_document(data, where), model)


def validated(document: Document, model: type[Model]) -> Model:
    """A document that was read before, as a model.

    Raises:
        InputError: With every problem found, each at its line and column.
    """
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise InputError(*(_problem(each, document, model) for each in found)) from None


def _problem(error: Any, document: Document, model: type[BaseModel]) -> Problem:
    """One of pydantic's errors, in our words where a common one."""
    path, value = _written(error["loc"], document.value)
    kind = error["type"]
    if kind == "extra_forbidden":
        keys = tuple(_keys(model, path[:-1]))
        guess = closest(str(path[-1]), keys)
        fix = f"Did you mean {guess!r}?" if guess else f"Known here: {', '.join(keys)}"
        if path[-1] in keys:
            fix = "It does not go with the other keys here"
        return _at(document, path, "unknown-key", f"the key {path[-1]!r} is not known", fix)
    if kind == "missing":
        what = f"the key {error['loc'][-1]!r} is missing"
        return _at(document, path, "missing-key", what, f"Add {error['loc'][-1]}")
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        guess = closest(value, choices) if isinstance(value, str) else None
        fix = f"Did you mean {guess!r}?" if guess else f"Write one of {', '.join(choices)}"
        return _at(document, path, "wrong-value", "not one of the words allowed here", fix)
    if kind in ("value_error", "assertion_error"):
        what, _, fix = str(error["ctx"]["error"]).partition("; ")
        return _at(document, path, "wrong-value", what, fix[:1].upper() + fix[1:])
    message = str(error["msg"])
    return _at(document, path, "wrong-value", message[:1].lower() + message[1:], "")


def _at(document: Document, path: Path, code: str, what: str, fix: str) -> Problem:
    return Problem(code=code, what=what, where=document.place(path), fix=fix)


def _written(location: Path, value: Any) -> tuple[Path, Any]:
    """The steps of pydantic's location that stand in the document (a union's member names do not), and the value."""
    path: Path = ()
    for step in location:
        there = step in value if isinstance(value, dict) else isinstance(value, list) and step in range(len(value))
        if there:
            value = value[step]
            path = (*path, step)
    return path, value


def _keys(model: type[BaseModel], path: Path) -> Iterator[str]:
    """The keys a model knows at a path."""
    kinds: list[Any] = [model]
    for step in path:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (field.alias or name for name, field in kind.model_fields.items())


def _inside(kind: Any, step: str | int) -> Iterator[Any]:
    """The types that may stand under a key or an index of a type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step == (field.alias or name):
                yield from _alternatives(field.annotation)
    elif get_origin(kind) in (dict, list, tuple):
        yield from _alternatives(get_args(kind)[-1 if get_origin(kind) is dict else 0])


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The members of a union, or the type itself."""
    if get_origin(annotation) is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _alternatives(member)
    else:
        yield annotation
