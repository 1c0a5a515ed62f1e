"""The plugin author's kit: small made-up cases, and trials that every attack, check and generator must hold.

An attack must catch the leaky case, be silent on the innocent one, answer the awkward ones and give the same answer
twice. A check must measure them all, and more on the leaky case than on the innocent one; a check of usefulness, more
on a release that holds together than on one whose columns have nothing to do with each other. A generator must make as
many rows as it is asked for, like those it is fitted to, the same with one seed and others with another; one that
claims differential privacy must not repeat itself.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from audit_core.attempt import attempt
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case, Role
from audit_core.chosen import Commission
from audit_core.codes import sentence
from audit_core.exchange import Folders
from audit_core.expected import expected
from audit_core.guarantee import Guarantee, Stated
from audit_core.isolation import Failed, Limits, Usage
from audit_core.kept import Kept, ledger_of
from audit_core.language.made_up_models import BY_ROTE, MadeUpModel, made_up_model
from audit_core.language.model_pass import Pass
from audit_core.made_rows import made_in_child
from audit_core.measurement import USEFULNESS, Measurement
from audit_core.plugin import AttackPlugin, CheckPlugin, GeneratorPlugin
from audit_core.registry import Origin, Registry
from audit_core.scorecard import FileFacts, Finding
from audit_core.tables import MISSING, Column, Table, content_order, read_only, with_own_dictionaries

Leak = Literal["innocent", "leaky"]

_CLEAR = 0.999  # one-sided confidence; an innocent attack is flagged in at most 1 of 1,000 trials a score
_NAMES = ("age", "income", "visits", "region", "status", "group")
_ROLES: tuple[Role, ...] = ("quasi-identifier", "plain", "plain", "quasi-identifier", "plain", "sensitive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One thing a plugin must do, and whether it did.

    Attributes:
        why: What happened instead; empty if it held.
    """

    name: str
    held: bool
    why: str = ""


def made_up_case(
    leak: Leak, *, rows: int = 600, seed: int = 1, names: tuple[str, ...] = _NAMES, missing: float = 0.0
) -> Case:
    """A case of three numeric and three categorical columns, all made up.

    Args:
        leak: "innocent": the release is another draw of the population. "leaky": half of it are members' rows.
        rows: In the release, the members and the non-members each.
        names: Of the six columns.
        missing: Share of the cells that are missing.
    """
    rng = np.random.default_rng([seed, rows])
    pool = _population(3 * rows, rng, names, missing)
    members, non_members, release = (pool.take(np.arange(part * rows, (part + 1) * rows)) for part in range(3))
    if leak == "leaky":
        codes = release.codes.copy()
        codes[: rows // 2] = members.codes[: rows // 2]
        release = Table(columns=pool.columns, codes=read_only(codes))
    release, members, non_members = (table.take(content_order(table)) for table in (release, members, non_members))
    facts = FileFacts(name="made-up", rows=rows, digest=f"made-up:{leak}:{seed}:{rows}")
    return Case(
        name=f"made-up {leak}",
        release=release,
        members=members,
        non_members=non_members,
        published=release,
        roles=dict(zip(names, _ROLES, strict=True)),
        released_identifiers=None,
        member_identifiers=None,
        member_subjects=None,
        non_member_subjects=None,
        unit="row",
        overlap=0,
        generalised=False,
        k_anonymity_min=0,
        files={"release": facts, "members": facts, "non_members": facts},
    )


def related_cases() -> tuple[Case, Case]:
    """Two cases whose last column follows from the first category; one release keeps that, one no two columns together.

    The columns by themselves are the same in both.
    """
    plain = made_up_case("innocent")
    release = _related(plain.release)
    kept = replace(
        plain,
        name="made-up related",
        release=release,
        published=release,
        members=_related(plain.members),
        non_members=None if plain.non_members is None else _related(plain.non_members),
    )
    rng = np.random.default_rng(1)
    codes = np.column_stack([rng.permutation(column) for column in release.codes.T])
    lost = Table(columns=plain.release.columns, codes=read_only(codes))
    lost = lost.take(content_order(lost))
    facts = replace(plain.files["release"], digest="made-up:unrelated")
    files = plain.files | {"release": facts}
    return kept, replace(kept, name="made-up unrelated", release=lost, published=lost, files=files)


def _related(table: Table) -> Table:
    codes = table.codes.copy()
    categories = [at for at, column in enumerate(table.columns) if not column.numeric]
    codes[:, categories[-1]] = codes[:, categories[0]] % len(table.columns[categories[-1]].values)
    related = Table(columns=table.columns, codes=read_only(codes))
    return related.take(content_order(related))


def _population(n: int, rng: np.random.Generator, names: tuple[str, ...], missing: float) -> Table:
    region = rng.integers(0, 12, n)
    numbers = (
        rng.integers(18, 95, n).astype(float),
        np.round(rng.lognormal(10, 0.5, n), 2),
        rng.poisson(3 + region % 4).astype(float),
    )
    categories = (region, rng.integers(0, 4, n), rng.choice(5, n, p=[0.5, 0.3, 0.1, 0.07, 0.03]))
    columns, codes = [], []
    for name, values in zip(names, (*numbers, *categories), strict=True):
        distinct, code = np.unique(values, return_inverse=True)
        if values.dtype == np.float64:
            columns.append(Column(name=name, kind="number", values=distinct))
        else:
            words = np.array([f"{name[:8]} {value:02d}" for value in distinct], dtype=object)  # ascending
            columns.append(Column(name=name, kind="category", values=words))
        codes.append(np.where(rng.random(n) < missing, MISSING, code))
    return Table(columns=tuple(columns), codes=read_only(np.column_stack(codes).astype(np.int32)))


def find(
    plugin: AttackPlugin | CheckPlugin, case: Case, registry: Registry, seed: int = 0, scores: Pass | None = None
) -> Finding:
    """What a plugin finds in a case, as in an audit: in a child process, marked by the core.

    Args:
        scores: Where a model goes out, what it makes of the texts.
    """
    content = f"{case.name} {case.files['release'].digest}"
    setting = Setting(seed=seed, content=content, limits=Limits(timeout_s=120), confidence=0.95)
    return attempt(plugin, plugin.trial, lay_out(case, setting, registry, [plugin], Cache(), scores)).finding


def make(
    plugin: GeneratorPlugin, case: Case, rows: int, registry: Registry, seed: int = 0, kept: Path | None = None
) -> Table:
    """What a generator makes of a case's members, as in an audit: in a child process.

    Args:
        kept: A folder for what it leaves besides rows, as in a pack.

    Raises:
        Failed: It made nothing, or no rows like the members.
    """
    params = plugin.params.model_validate(plugin.trial).model_dump(mode="json")
    (members,) = with_own_dictionaries(case.members)
    commission = Commission(plugin=plugin, params=params, rows=rows)
    keeping = None if kept is None else Kept(kept, folders=Folders())
    return made_in_child(commission, members, case.schema, registry, seed, Limits(timeout_s=120), Usage(), keeping)


def released(case: Case, made: Table) -> Case:
    """The case with another release: rows with the members' columns, over any dictionaries."""
    arms = {"release": made, "members": case.members, "non_members": case.non_members}
    tables = {name: table for name, table in arms.items() if table is not None}
    columns, codes = [], {name: np.empty(table.codes.shape, dtype=np.int32) for name, table in tables.items()}
    for position, column in enumerate(case.members.columns):
        values = np.unique(np.concatenate([table.columns[position].values for table in tables.values()]))
        columns.append(Column(name=column.name, kind=column.kind, values=values))
        for name, table in tables.items():
            found = np.append(np.searchsorted(values, table.columns[position].values), MISSING)
            codes[name][:, position] = found[table.codes[:, position]]
    united = {name: Table(columns=tuple(columns), codes=read_only(its)) for name, its in codes.items()}
    release = united["release"].take(content_order(united["release"]))
    digest = hashlib.sha256(str(_cells(release)).encode()).hexdigest()
    facts = FileFacts(name="made-up", rows=len(made), digest=f"made-up:{digest}")
    return replace(
        case,
        release=release,
        published=release,
        members=united["members"],
        non_members=united.get("non_members"),
        files=case.files | {"release": facts},
    )


def conformance(plugin: AttackPlugin | CheckPlugin | GeneratorPlugin, registry: Registry) -> Iterator[Trial]:
    """The trials, one after the other."""
    yield from (
        _of_generator(plugin, registry) if isinstance(plugin, GeneratorPlugin) else _of_measuring(plugin, registry)
    )


def _of_generator(plugin: GeneratorPlugin, registry: Registry) -> Iterator[Trial]:
    plain = made_up_case("innocent", rows=80)
    asked = {f"makes {rows} rows of 80": (plain, rows) for rows in (1, 200)}
    asked |= {f"makes rows like those with {name}": (case, 20) for name, case in _awkward_rows().items()}
    for name, (case, rows) in asked.items():
        try:
            make(plugin, case, rows, registry)
            yield _trial(name, True, "")
        except Failed as failed:
            yield _trial(name, False, sentence(failed.reason, "en"))
            return
    with tempfile.TemporaryDirectory() as name:
        one = make(plugin, plain, 40, registry, kept=Path(name))
        claim = ledger_of(Path(name))
    again = make(plugin, plain, 40, registry)
    if claim is not None:
        yield _trial("draws noise that no seed repeats", _cells(one) != _cells(again), "two runs of one seed are equal")
        return
    other = make(plugin, plain, 40, registry, seed=1)
    yield _trial("makes the same rows twice with one seed", _cells(one) == _cells(again), "two runs of one seed differ")
    yield _trial("makes other rows with another seed", _cells(one) != _cells(other), "the seed plays no part")


def _cells(table: Table) -> list[list[str | None]]:
    return [table.texts(name).tolist() for name in table.names]


def _of_measuring(plugin: AttackPlugin | CheckPlugin, registry: Registry) -> Iterator[Trial]:
    innocent = _tried(plugin, "innocent", registry)
    yield _measured("answers the innocent case", innocent)
    if innocent.outcome != "measured":
        return
    leaky = _tried(plugin, "leaky", registry)
    yield _measured("answers the leaky case", leaky)
    again = _tried(plugin, "innocent", registry)
    yield _trial("gives the same answer twice", again == innocent, "two runs of one seed differ")
    yield _trial("measures what its record says", _names(innocent) <= set(plugin.measures), "another measurement")
    surprises = [f"{one.name} ({one.of})" for one in innocent.measurements if not _as_expected(plugin, one)]
    yield _trial("gives the evidence its record expects", not surprises, f"not so: {', '.join(surprises)}")
    if isinstance(plugin, AttackPlugin):
        flagged = [f"{one.name} {one.of}" for one in innocent.measurements if _clear(one, innocent)]
        yield _trial("is silent on the innocent case", not flagged, f"flagged by {', '.join(flagged)}")
        found = any(_clear(one, leaky) for one in leaky.measurements)
        yield _trial("catches the leaky case", found, "no measurement is clearly above its blind level")
    elif plugin.goal == USEFULNESS:
        yield _trial("compares no members with non-members", not plugin.compares, "usefulness is no leak")
        useful, useless = (find(plugin, case, registry) for case in related_cases())
        more = _total(useful) > _total(useless)
        yield _trial("measures less on unrelated columns", more, "HIGHER must be MORE USEFUL")
    else:
        more = _total(leaky) >= _total(innocent)
        yield _trial("measures no less on the leaky case", more, "HIGHER must be MORE LEAKAGE")
    if "table" not in plugin.audits:
        for name, made in _awkward_texts().items():
            yield _measured(
                f"answers texts with {name}", find(plugin, made.case, _with_by_rote(registry), scores=made.scores)
            )
        return
    for name, case in _awkward().items():
        yield _measured(f"answers a case with {name}", find(plugin, _claimed(plugin, case), registry))


def _tried(plugin: AttackPlugin | CheckPlugin, leak: Leak, registry: Registry) -> Finding:
    """What a plugin finds in a made-up case of the kind of release that it is about."""
    if "table" in plugin.audits:
        return find(plugin, _claimed(plugin, made_up_case(leak), understated=leak == "leaky"), registry)
    made = made_up_model(leak)
    return find(plugin, made.case, _with_by_rote(registry), scores=made.scores)


def _with_by_rote(registry: Registry) -> Registry:
    """With a training backend besides that learns made-up texts: no other could."""
    backends = registry.training_backends | {BY_ROTE.name: BY_ROTE}
    return replace(registry, training_backends=backends, origins=registry.origins | {BY_ROTE.name: Origin(name="kit")})


def _awkward_texts() -> dict[str, MadeUpModel]:
    return {
        "a few members": made_up_model("innocent", texts=4),
        "two tokens at most": made_up_model("innocent", texts=40, length=2),
        "many tokens": made_up_model("innocent", texts=8, length=400),
    }


def _claimed(plugin: AttackPlugin | CheckPlugin, case: Case, *, understated: bool = False) -> Case:
    """The case, with a claim of differential privacy where the plugin is about one: true, or half of the truth."""
    coins = isinstance(plugin, AttackPlugin) and plugin.question == "inclusion"
    if not coins and not (isinstance(plugin, CheckPlugin) and "guarantee" in plugin.needs):
        return case
    claim = Guarantee(
        epsilon=0.5 if understated else 1.0,
        delta=1e-6,
        budget=2.0,
        unit="row",
        rows_per_unit=1,
        relation="add-or-remove",
        accountant="its own",
        mechanisms=(Stated(purpose="everything", epsilon=1.0),),
    )
    return replace(case, guarantee=claim, p_in=0.5)


_HOSTILE = tuple(f'"><script>{sign} `$' + sign * 40 for sign in "abcdef")


def _awkward() -> dict[str, Case]:
    return {
        "a few rows": made_up_case("innocent", rows=4),
        "missing cells": made_up_case("innocent", rows=80, missing=0.3),
        "a constant column": _constant(made_up_case("innocent", rows=80)),
        "hostile names": made_up_case("innocent", rows=80, names=_HOSTILE),
    }


def _awkward_rows() -> dict[str, Case]:
    """For a generator, which may take long over each: few cases that are awkward in several ways."""
    return {
        "a few rows": made_up_case("innocent", rows=4),
        "missing cells, a constant column and hostile names": _constant(
            made_up_case("innocent", rows=80, names=_HOSTILE, missing=0.3)
        ),
    }


def _constant(plain: Case) -> Case:
    """The case with one value in all of its first column."""
    return replace(
        plain,
        name="made-up constant",
        release=_flat(plain.release),
        published=_flat(plain.published),
        members=_flat(plain.members),
        non_members=None if plain.non_members is None else _flat(plain.non_members),
    )


def _flat(table: Table) -> Table:
    """The table with one value in all of its first column."""
    first = table.columns[0]
    codes = table.codes.copy()
    codes[:, 0] = 0
    columns = (Column(name=first.name, kind=first.kind, values=first.values[:1]), *table.columns[1:])
    return Table(columns=columns, codes=read_only(codes))


def _names(finding: Finding) -> set[str]:
    return {one.name for one in finding.measurements}


def _as_expected(plugin: AttackPlugin | CheckPlugin, measurement: Measurement) -> bool:
    its = expected(plugin, measurement.name, measurement.of)
    if its is None:
        return True
    kind, scale = measurement.evidence.kind, getattr(measurement.evidence, "scale", its.scale)
    right = its.kind == "unknown" or (kind == its.kind and scale == its.scale)
    return right and (not its.of or measurement.of in its.of)


def _total(finding: Finding) -> float:
    return sum(one.value for one in finding.measurements)


def _clear(measurement: Measurement, finding: Finding) -> bool:
    """Whether a measurement that tells members from non-members is clearly above its blind level."""
    if measurement.name not in finding.compares or not measurement.evidence.measurable:
        return False
    return measurement.evidence.bounds(_CLEAR).low > (measurement.blind or 0.0)


def _measured(name: str, finding: Finding) -> Trial:
    why = sentence(finding.reason, "en") if finding.reason is not None else finding.outcome
    return _trial(name, finding.outcome == "measured" and bool(finding.measurements or finding.caveats), why)


def _trial(name: str, held: bool, why: str) -> Trial:
    return Trial(name=name, held=held, why="" if held else why)
