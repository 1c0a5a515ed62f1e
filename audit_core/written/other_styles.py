"""Recipes in the style of other tools: what is meant, what to write here, and the rest read as if it were so.

So that whoever brings such a recipe learns everything that is wrong with it at once, one key each.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audit_core.errors import Problem
from audit_core.redact import display
from audit_core.written.strict_yaml import Document, Path

MEANT = {
    "dataset": "Name the audit with `audit: NAME` and the table the release was made from with `members: FILE`",
    "name": "Write `audit: NAME`",
    "train": "Write `members: FILE`",
    "training": "Write `members: FILE`",
    "real": "Write `members: FILE`",
    "holdout": "Write `non_members: FILE`",
    "control": "Write `non_members: FILE`",
    "test": "Write `non_members: FILE`",
    "synthetic": "Write `release: {table: FILE}`",
    "identifiers": "Write `columns: {NAME: {role: identifier}}`",
    "quasi_identifiers": "Write `columns: {NAME: {role: quasi-identifier}}`",
    "sensitive": "Write `columns: {NAME: {role: sensitive}}`",
    "thresholds": "Limits are in a policy: write `policy: NAME` or `policy: FILE`",
    **dict.fromkeys(
        ("engine", "generator"),
        "Write it as `release: {generate: {with: NAME, params: {...}}, rows: N}` (`sekisho plugins list` shows the "
        "generators), or leave it out for a table that exists",
    ),
    **dict.fromkeys(
        ("epsilon", "delta"),
        "It is the generator's: write it under `release: {generate: {with: NAME, params: {epsilon: 3, delta: 1e-6}}, "
        "rows: N}`, or leave it out for a table that exists",
    ),
    "rows": "Write it under `release: {generate: {with: NAME}, rows: N}`, or leave it out for a table that exists",
}
"""What people write who know other tools, and what to write here."""

_MOVED = (
    "Write `jitter: 90d`: each date is moved by a whole number of days, each from -90 to 90 equally likely. It is no "
    "privacy guarantee"
)
MEANT_OF_COLUMN = {
    **dict.fromkeys(("perturb", "noise", "shift"), _MOVED),
    "range": "Write `min` and `max`",
    "categories": "Write `values: [A, B]`",
    "sensitive": "Write `role: sensitive`",
    "identifier": "Write `role: identifier`",
}

_LISTED = "a list"
_AS_KEYS = "Write names as keys, such as `columns: {age: {type: integer, role: sensitive}}`"


def translated(document: Document) -> tuple[Document, list[Problem]]:
    """The document, a mapping, as it would stand here, and a problem for everything that was written otherwise."""
    tree = document.value
    assert isinstance(tree, dict)  # noqa: S101 - for the type checker
    problems = [_unknown(document, (key,), fix) for key, fix in MEANT.items() if key in tree]
    tree = {key: value for key, value in tree.items() if key not in MEANT}
    document = replace(document, value=tree)
    if isinstance(columns := tree.get("columns"), list) and _all_named(columns):
        problems.append(_wrong(document, ("columns",), _LISTED, _AS_KEYS))
        document = _by_name(document, columns)
        tree = dict(document.value)  # type: ignore[call-overload]
    if isinstance(columns := tree.get("columns"), dict):
        tree["columns"], its = _columns(document, columns)
        problems += its
    if isinstance(rules := tree.get("rules"), list):
        tree["rules"], its = _rules(document, rules)
        problems += its
    if isinstance(output := tree.get("output"), dict) and "rows" in output:
        fix = "Write it under `release: {generate: {with: NAME}, rows: N}`"
        problems.append(_unknown(document, ("output", "rows"), fix))
        tree["output"] = {key: value for key, value in output.items() if key != "rows"}
    return replace(document, value=tree), problems


def _all_named(columns: list[Any]) -> bool:
    return bool(columns) and all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in columns)


def _by_name(document: Document, columns: list[dict[str, Any]]) -> Document:
    """The list of columns as a mapping by name, each key in the place where it stands."""
    names = [column["name"] for column in columns]
    places = {
        ("columns", names[path[1]], *path[2:])
        if path[:1] == ("columns",) and len(path) > 1 and isinstance(path[1], int)
        else path: where
        for path, where in document.places.items()
    }
    mapping = {
        column["name"]: {key: value for key, value in column.items() if key != "name"} for column in reversed(columns)
    }
    value: dict[str, Any] = dict(document.value)  # type: ignore[call-overload]
    return replace(document, value=value | {"columns": {name: mapping[name] for name in names}}, places=places)


def _columns(document: Document, columns: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The columns without keys of another style."""
    problems, kept = [], {}
    for name, spec in columns.items():
        if isinstance(spec, dict):
            problems += [
                _unknown(document, ("columns", name, key), MEANT_OF_COLUMN[key])
                for key in spec
                if key in MEANT_OF_COLUMN
            ]
            spec = {key: value for key, value in spec.items() if key not in MEANT_OF_COLUMN}
        kept[name] = spec
    return kept, problems


def _rules(document: Document, rules: list[Any]) -> tuple[list[Any], list[Problem]]:
    """The rules, ranges in a short form written out."""
    problems: list[Problem] = []
    kept: list[Any] = []
    for position, rule in enumerate(rules):
        if isinstance(rule, dict) and _is_range(rule.get("enforce_range")):
            column, low, high = rule["enforce_range"]
            ends = f"min: {display(str(low))}, max: {display(str(high))}"
            fix = f"Write `enforce_range: {{column: {display(column)}, {ends}}}`"
            problems.append(_wrong(document, ("rules", position, "enforce_range"), _LISTED, fix))
            rule = {**rule, "enforce_range": {"column": column, "min": low, "max": high}}
        kept.append(rule)
    return kept, problems


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _unknown(document: Document, path: Path, fix: str) -> Problem:
    return Problem(code="unknown-key", what=f"the key {path[-1]!r} is not known", where=document.place(path), fix=fix)


def _wrong(document: Document, path: Path, what: str, fix: str) -> Problem:
    return Problem(code="wrong-value", what=what, where=document.place(path), fix=fix)
