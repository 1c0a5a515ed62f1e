"""Makes a release: fits a generator to the members in a child process, and writes what it makes into the pack."""

import hashlib
import json
import shutil
import time
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

from audit_core import __version__, exchange, pack
from audit_core.cache import Cache, key
from audit_core.case import Case, content_digest
from audit_core.chosen import Commission
from audit_core.codes import sentence
from audit_core.errors import Problem, RunError, raise_all
from audit_core.guarantee import Guarantee
from audit_core.isolation import Failed, Usage
from audit_core.kept import Kept, forget, ledger_of
from audit_core.made_rows import made_in_child
from audit_core.measurement import Reason
from audit_core.pack import write_early
from audit_core.reading.files import TextTable, read_table
from audit_core.reading.kinds import look_at
from audit_core.recipe import Recipe
from audit_core.refit import Heard, unheard
from audit_core.registry import Registry
from audit_core.seeds import stream
from audit_core.sources import Sources
from audit_core.split import record
from audit_core.synthesis import unpaid
from audit_core.synthesis.finishing import finish, id_problems, rows_to_sample
from audit_core.table_case import prepare
from audit_core.table_files import csv_of, parquet_of
from audit_core.tables import Table, with_own_dictionaries
from audit_core.written.recipe import SplitSpec
from audit_core.written.strategies import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A release that was made here.

    Attributes:
        steps: What was done to the rows besides sampling them.
    """

    path: Path
    sources: Sources
    guarantee: Guarantee | None = None
    usage: Usage = field(default_factory=Usage)
    steps: tuple[Reason, ...] = ()


def generate(
    recipe: Recipe,
    commission: Commission,
    sources: Sources,
    registry: Registry,
    folder: Path,
    cache: Cache,
    *,
    heard: Heard = unheard,
    debug: bool = False,
) -> Made:
    """Makes the release of a recipe; a killed run that had made it is taken up.

    The rows are written in random order: where a generator puts which row says nothing.

    Args:
        folder: Of the pack.
        heard: Is told how training goes.

    Raises:
        InputError: Something is wrong with the files; that shows before anything is fitted.
        RunError: The generator failed, or what it made cannot be written.
    """
    rehearsal = prepare(recipe, sources.rehearsed())
    (members,) = with_own_dictionaries(rehearsal.members)
    raise_all(id_problems(recipe, commission.rows, sources.files["members"]))
    if sources.coins is not None and isinstance(recipe.non_members, SplitSpec):
        coins = record(sources.whole, rehearsal.unit, recipe.non_members.split, sources.coins)
        write_early(folder / pack.COINS, coins)
    path = folder / pack.RELEASES[recipe.format]
    usage = Usage()
    name = _name(recipe, commission, rehearsal, registry)
    if (finished := cache.text(name)) is None or finished != _digest(path) or (steps := _steps(cache, name)) is None:
        started = time.monotonic()
        forget(folder)
        kept = Kept(folder, folders=_folders(recipe, commission, folder), completed=partial(unpaid.completed, recipe))
        to_sample = replace(commission, rows=rows_to_sample(recipe, commission.rows))
        sampled = _made(recipe, to_sample, members, rehearsal, registry, usage, kept, heard, debug)
        usage.seconds = time.monotonic() - started
        done = finish(sampled, commission.rows, recipe, sources.files["members"])
        made, steps = done.table, done.steps
        heard({"rows_sampled": len(sampled), "rows_rejected": done.rejected, "rows_released": len(made)})
        order = stream(recipe.seed, "generator", "order").permutation(len(made))
        in_file_order = made.take(order).select([name for name in sources.whole.columns if name in made.names])
        write_early(path, _file_of(in_file_order, recipe.format, _zoned(sources.whole)))
        for other in set(pack.RELEASES.values()) - {pack.RELEASES[recipe.format]}:  # of a run that was cut off
            (folder / other).unlink(missing_ok=True)
        shutil.rmtree(folder / pack.WORKSHOP, ignore_errors=True)  # another release of it would be another look
        _keep_steps(cache, name, steps)
        cache.keep_text(name, _digest(path) or b"")
    release = read_table(path, what="release", name=path.name, nulls=recipe.nulls)
    return Made(path=path, sources=sources.with_release(release), guarantee=ledger_of(folder), usage=usage, steps=steps)


def _folders(recipe: Recipe, commission: Commission, folder: Path) -> exchange.Folders:
    """Where the generator finds what outlives its process, or leaves it."""
    if commission.load is not None:
        return exchange.Folders(load=commission.load)
    workshop = folder / pack.WORKSHOP
    workshop.mkdir(mode=0o700, exist_ok=True)
    return exchange.Folders(workshop=workshop.absolute(), recipe=recipe.folder.absolute())


def _file_of(table: Table, form: Format, zoned: frozenset[str]) -> bytes:
    return csv_of(table, zoned=zoned) if form == "csv" else parquet_of(table, zoned=zoned)


def _keep_steps(cache: Cache, name: str, steps: tuple[Reason, ...]) -> None:
    cache.keep_text(f"{name}-steps", json.dumps([asdict(step) for step in steps]).encode())


def _steps(cache: Cache, name: str) -> tuple[Reason, ...] | None:
    kept = cache.text(f"{name}-steps")
    return None if kept is None else tuple(Reason(**step) for step in json.loads(kept))


def _name(recipe: Recipe, commission: Commission, rehearsal: Case, registry: Registry) -> str:
    """Under which a finished release is remembered."""
    plugin, file = commission.plugin, registry.origins[commission.plugin.name].file
    return key(
        "release",
        __version__,
        content_digest(rehearsal),
        recipe.seed,
        plugin.name,
        plugin.load,
        registry.origins[plugin.name].name,
        None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest(),
        dict(commission.params),
        commission.rows,
        None if commission.load is None else {path.name: _digest(path) for path in sorted(commission.load.glob("*"))},
        {name: asdict(one) for name, one in rehearsal.schema.items()},
        recipe.model_dump(include={"columns", "rules", "output"}, mode="json"),
    )


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest().encode()
    except OSError:
        return None


def _made(
    recipe: Recipe,
    commission: Commission,
    members: Table,
    rehearsal: Case,
    registry: Registry,
    usage: Usage,
    kept: Kept,
    heard: Heard,
    debug: bool,
) -> Table:
    """What the generator makes.

    Raises:
        RunError: It failed.
    """
    try:
        return made_in_child(
            commission,
            members,
            rehearsal.schema,
            registry,
            recipe.seed,
            recipe.generate_limits,
            usage,
            kept,
            heard,
            debug=debug,
        )
    except Failed as failed:
        raise RunError(
            Problem(
                code=failed.reason.code,
                what=f"no release was made: {sentence(failed.reason, 'en')}",
                where="release.generate",
                fix="`--debug` shows what the generator prints, which may quote records",
            )
        ) from None


def _zoned(file: TextTable) -> frozenset[str]:
    """The columns that hold moments with an offset from UTC."""
    return frozenset(name for name, column in file.columns.items() if look_at(column.texts).look == "zoned date")
