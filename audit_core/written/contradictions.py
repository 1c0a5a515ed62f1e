"""What a recipe says of its columns and of a release's rows: each key by itself is right, and together they are not.

It is looked at even where other parts of the recipe cannot be read, so that all is told at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from audit_core.errors import Problem
from audit_core.measurement import Reason
from audit_core.reading.places import quoted
from audit_core.redact import display
from audit_core.synthesis.made_up import ROOM, has_faker, room, unknown_locale
from audit_core.synthesis.regions import LEVELS
from audit_core.written.recipe import ColumnSpec
from audit_core.written.strategies import PII, NoRareCombinations, RowRule, RuleSpec
from audit_core.written.strict_yaml import Document, Path, closest

Model = TypeVar("Model", bound=BaseModel)

_LET_IT_BE_MADE = "Let it be made: `release: {generate: {with: NAME}, rows: N}`; or take this out"

_ONLY_MADE = ("strategy", "pattern", "locale", "hierarchy", "suppress_below", "jitter", "preserve_distribution")
"""Keys of a column that say how it comes into a release that is made here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declarations:
    """What could be read of a recipe's declarations.

    Attributes:
        unread: Names of columns of which something cannot be read.
        rules: By their positions in the recipe.
        k: The k that is claimed, 0 for none.
        made: Whether the release is made here, as far as can be seen.
        rows: How many rows it is to have, or 0.
        subject: The column that names the person, if it is said.
    """

    columns: Mapping[str, ColumnSpec]
    unread: frozenset[str]
    rules: Mapping[int, RowRule]
    k: int
    made: bool
    rows: int
    subject: object


def declared_in(document: Document) -> Declarations:
    """The declarations of a recipe that may have errors elsewhere."""
    tree: dict[str, Any] = document.value if isinstance(document.value, dict) else {}
    columns, rules, release = tree.get("columns"), tree.get("rules"), tree.get("release")
    k = tree.get("k_anonymity_min")
    finished = isinstance(release, str) or (isinstance(release, dict) and "table" in release)
    rows = release.get("rows") if isinstance(release, dict) else 0
    specs = {name: _read(ColumnSpec, its) for name, its in columns.items()} if isinstance(columns, dict) else {}
    written = [_read(RuleSpec, its) for its in rules] if isinstance(rules, list) else []
    return Declarations(
        columns={name: spec for name, spec in specs.items() if spec is not None},
        unread=frozenset(name for name, spec in specs.items() if spec is None),
        rules={position: spec.rule for position, spec in enumerate(written) if spec is not None},
        k=max(k, 0) if isinstance(k, int) else 0,
        made=not finished,
        rows=rows if isinstance(rows, int) else 0,
        subject=tree.get("subject"),
    )


def _read(model: type[Model], value: object) -> Model | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def column_problems(declared: Declarations, document: Document) -> list[Problem]:
    """Everything that does not go together, each with its place."""
    return [
        *_k_problems(declared, document),
        *(_made_problems(declared, document) if declared.made else _finished_problems(declared, document)),
    ]


def warnings(columns: Mapping[str, ColumnSpec]) -> tuple[Reason, ...]:
    """What is accepted and had better be known."""
    named = ", ".join(sorted(name for name, spec in columns.items() if spec.strategy == "hash_rekey"))
    return (Reason(code="linking-code-warning", args={"columns": named}),) if named else ()


def linking_codes(declared: Declarations, document: Document) -> list[Problem]:
    """What is accepted, and yet should be known: ids that are hashes of real ones."""
    return [
        Problem(
            code="linking-code-asked-for",
            what="a keyed hash of a real id is a linking code, and the audit counts it as a surviving identifier",
            where=document.place(("columns", name, "strategy")),
            fix="Write `strategy: fresh`",
        )
        for name, spec in declared.columns.items()
        if spec.strategy == "hash_rekey"
    ]


def _k_problems(declared: Declarations, document: Document) -> Iterator[Problem]:
    quasi = {name for name, spec in declared.columns.items() if spec.role == "quasi-identifier"}
    if not declared.k:
        return
    if not quasi:
        yield Problem(
            code="k-without-quasi-identifiers",
            what="k-anonymity is claimed, but no column is a quasi-identifier",
            where=document.place(("k_anonymity_min",)),
            fix="Declare `role: quasi-identifier` for the columns by which a person could be known",
        )
    for name, spec in declared.columns.items():
        if spec.suppress_below is not None and spec.suppress_below < declared.k:
            yield _below_k(document, ("columns", name, "suppress_below"), spec.suppress_below, declared.k)
    for position, rule in declared.rules.items():
        if isinstance(rule, NoRareCombinations) and rule.below < declared.k and quasi >= set(rule.columns):
            yield _below_k(document, ("rules", position, "no_rare_combinations", "below"), rule.below, declared.k)


def _below_k(document: Document, path: Path, below: int, k: int) -> Problem:
    what = f"groups of {below:,} rows are kept, while `k_anonymity_min` claims at least {k:,}"
    return Problem(
        code="suppress-below-k", what=what, where=document.place(path), fix=f"Write `{path[-1]}: {k}` or more"
    )


def _finished_problems(declared: Declarations, document: Document) -> Iterator[Problem]:
    """What belongs to a release that is made here, where it is a table that exists."""
    paths: list[Path] = [
        ("columns", name, key)
        for name, spec in declared.columns.items()
        for key in _ONLY_MADE
        if getattr(spec, key) is not None
    ]
    written = document.value if isinstance(document.value, dict) else {}
    paths += [(key,) for key in ("rules", "output") if written.get(key)]
    for path in paths:
        what = f"{path[-1]!r} is about a release that is made here, and this one is a table that exists"
        where = document.place(path)
        yield Problem(code="strategy-of-a-finished-table", what=what, where=where, fix=_LET_IT_BE_MADE)
    for name, spec in declared.columns.items():
        if spec.type in PII:
            what = f"the type {spec.type!r} is about a release that is made here, and this one is a table that exists"
            where = document.place(("columns", name, "type"))
            fix = "Write `type: text, role: identifier`"
            yield Problem(code="strategy-of-a-finished-table", what=what, where=where, fix=fix)


def _made_problems(declared: Declarations, document: Document) -> Iterator[Problem]:
    for name, spec in declared.columns.items():
        identifies = spec.made is None and (spec.role == "identifier" or name == declared.subject)
        for key, what, fix in (
            *_type_problems(spec),
            *_id_problems(spec, declared.rows, name == declared.subject),
            *(_unlearnt_problems(spec) if identifies else ()),
        ):
            yield _strategy(document, ("columns", name, key), what, fix)
    yield from _locale_problems(declared, document)
    for position, rule in declared.rules.items():
        yield from _rule_problems(rule, position, declared, document)


def _strategy(document: Document, path: Path, what: str, fix: str) -> Problem:
    return Problem(code="strategy-does-not-fit", what=what, where=document.place(path), fix=fix)


def _type_problems(spec: ColumnSpec) -> Iterator[tuple[str, str, str]]:
    """Keys that do not go with the type of a column: the key, what is wrong, what to do."""
    if spec.jitter is not None and spec.type != "date":
        yield "jitter", "only dates are moved by days", "Declare `type: date`, or take it out"
    if spec.hierarchy is not None and spec.type != "pii_address":
        yield "hierarchy", "only an address has a hierarchy of places", "Declare `type: pii_address`, or take it out"
    if spec.hierarchy is not None and spec.values is not None:
        yield "values", f"the values are the public list of each {spec.hierarchy}", "Take it out"
    learnt = spec.kind == "category" and spec.made is None
    if spec.suppress_below is not None and not learnt:
        fix = "Declare `type: category`" + (", or a `hierarchy` for the address" if spec.type == "pii_address" else "")
        yield "suppress_below", "only values of a category that is learnt can be rare", fix
    if spec.preserve_distribution is not None and not learnt:
        yield "preserve_distribution", "only a category that is learnt has a distribution to keep", "Take it out"
    if spec.made is not None:
        if spec.role in ("quasi-identifier", "sensitive"):
            what = f"a column that is made without a look at the data is not {spec.role}"
            yield "role", what, "Take it out: it is an identifier"
        for key in ("min", "max", "values"):
            if getattr(spec, key) is not None:
                yield key, "the column is made without it", "Take it out"


def _unlearnt_problems(spec: ColumnSpec) -> Iterator[tuple[str, str, str]]:
    """Keys of a column that no generator sees because it names a person."""
    for key in ("hierarchy", "suppress_below", "jitter", "preserve_distribution"):
        if getattr(spec, key) is not None:
            yield key, "the column names a person, so that no generator learns it", "Take it out, or the role"


def _id_problems(spec: ColumnSpec, rows: int, subject: bool) -> Iterator[tuple[str, str, str]]:
    if spec.type == "id" and spec.strategy is None and spec.pattern is None and spec.role == "plain" and not subject:
        fix = "Write `strategy: fresh`, or `role: identifier` to leave it out of the release"
        yield "type", "ids would be learnt, and real ones released", fix
    if spec.strategy is not None and spec.type != "id":
        yield "strategy", "only ids are made anew or hashed", "Declare `type: id`, or take it out"
    if spec.pattern is None:
        return
    if spec.strategy != "fresh":
        yield "pattern", "only fresh ids have a pattern", "Write `strategy: fresh`, or take it out"
    elif room(spec.pattern) < ROOM * rows:
        what = f"the pattern has {room(spec.pattern):,} ids, too few for {rows:,} rows"
        yield "pattern", what, "Add a `#`"


def _locale_problems(declared: Declarations, document: Document) -> Iterator[Problem]:
    """Locales that are missing, contradicted or unknown, and the lists that names and addresses come from."""
    asked: list[tuple[Path, str]] = []
    for name, spec in declared.columns.items():
        path: Path = ("columns", name, "locale")
        if spec.type not in PII:
            if spec.locale is not None:
                fix = "Declare `type: pii_name` or `type: pii_address`, or take it out"
                yield _strategy(document, path, "only names and addresses have a locale", fix)
        elif spec.hierarchy is not None:
            if spec.locale not in (None, LEVELS[spec.hierarchy].locale):
                what = f"addresses of this locale have no {spec.hierarchy}"
                yield _strategy(document, path, what, f"Write `locale: {LEVELS[spec.hierarchy].locale}`")
        elif spec.locale is None:
            what = f"the key 'locale' is missing: {spec.type!r} is made up from one"
            yield Problem(
                code="missing-key", what=what, where=document.place(path), fix="Write for example `locale: ja_JP`"
            )
        else:
            asked.append((path, spec.locale))
    if asked and not has_faker():
        what = "names and addresses are made up by Faker, which is not installed"
        where, fix = document.place(asked[0][0]), "Install it: `pip install 'sekisho[tabular]'`"
        yield Problem(code="faker-missing", what=what, where=where, fix=fix)
        return
    for path, locale in asked:
        unknown, near = unknown_locale(locale)
        if unknown:
            what = f"there is no locale {quoted(locale)}" + (f"; did you mean {near!r}?" if near else "")
            fix = "Write one that Faker has, such as ja_JP, en_US or de_DE"
            yield Problem(code="locale-unknown", what=what, where=document.place(path), fix=fix)


def _rule_problems(rule: RowRule, position: int, declared: Declarations, document: Document) -> Iterator[Problem]:
    rare = isinstance(rule, NoRareCombinations)
    word = "no_rare_combinations" if rare else "enforce_range"
    names = rule.columns if isinstance(rule, NoRareCombinations) else (rule.column,)
    for name in names:
        where = document.place(("rules", position, word, "columns" if rare else "column"))
        spec = declared.columns.get(name)
        if name in declared.unread:
            continue
        if spec is None:
            near = closest(name, declared.columns)
            what = f"the column {quoted(name)} is not declared" + (f"; did you mean {near!r}?" if near else "")
            fix = f"Declare it: `columns: {{{display(name)}: {{type: {'category' if rare else 'integer'}}}}}`"
            yield Problem(code="rule-undeclared-column", what=what, where=where, fix=fix)
        elif spec.made is not None or spec.role == "identifier":
            what = f"the column {quoted(name)} is an identifier, which no rule can be about"
            yield Problem(code="rule-does-not-fit", what=what, where=where, fix="Take it out of the rule")
        elif not rare and spec.kind not in ("integer", "number", "date"):
            what = f"the column {quoted(name)} is not declared to have numbers or dates"
            fix = "Declare `type: integer`, `number` or `date`"
            yield Problem(code="rule-does-not-fit", what=what, where=where, fix=fix)
