"""Makes a release: fits a generator to the members in a child process, and writes what it makes into the pack."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from audit_core import __version__, exchange, isolation, pack
from audit_core.answers import Malformed
from audit_core.cache import Cache, key, write_atomically
from audit_core.case import Case, Sources, content_digest, prepare
from audit_core.chosen import Commission
from audit_core.codes import sentence
from audit_core.errors import PackError, Problem, RunError, raise_all
from audit_core.guarantee import Guarantee
from audit_core.isolation import Failed, Job, Limits, Usage
from audit_core.measurement import Reason
from audit_core.model_folder import DIGESTS, digests
from audit_core.reading.files import TextTable, read_table
from audit_core.reading.kinds import look_at
from audit_core.recipe import Recipe
from audit_core.refit import Heard, Schema, unheard
from audit_core.registry import Registry
from audit_core.seeds import stream
from audit_core.split import record
from audit_core.synthesis import unpaid
from audit_core.synthesis.finishing import finish, id_problems, rows_to_sample
from audit_core.table_files import csv_of, parquet_of
from audit_core.tables import MISSING, Table, with_own_dictionaries
from audit_core.written.recipe import SplitSpec
from audit_core.written.strategies import Format

_LARGEST_MODEL_FILE = 2**31


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
        _write(folder / pack.COINS, coins)
    path = folder / pack.RELEASES[recipe.format]
    usage = Usage()
    name = _name(recipe, commission, rehearsal, registry)
    if (finished := cache.text(name)) is None or finished != _digest(path) or (steps := _steps(cache, name)) is None:
        started = time.monotonic()
        # What an earlier attempt claimed, perhaps by another generator, is no claim of this one.
        (folder / pack.LEDGER).unlink(missing_ok=True)
        shutil.rmtree(folder / pack.MODEL, ignore_errors=True)
        kept = Kept(folder, folders=_folders(recipe, commission, folder), completed=partial(unpaid.completed, recipe))
        to_sample = replace(commission, rows=rows_to_sample(recipe, commission.rows))
        sampled = _made(recipe, to_sample, members, rehearsal, registry, usage, kept, heard, debug)
        usage.seconds = time.monotonic() - started
        done = finish(sampled, commission.rows, recipe, sources.files["members"])
        made, steps = done.table, done.steps
        heard({"rows_sampled": len(sampled), "rows_rejected": done.rejected, "rows_released": len(made)})
        order = stream(recipe.seed, "generator", "order").permutation(len(made))
        in_file_order = made.take(order).select([name for name in sources.whole.columns if name in made.names])
        _write(path, _file_of(in_file_order, recipe.format, _zoned(sources.whole)))
        for other in set(pack.RELEASES.values()) - {pack.RELEASES[recipe.format]}:  # of a run that was cut off
            (folder / other).unlink(missing_ok=True)
        _keep_steps(cache, name, steps)
        cache.keep_text(name, _digest(path) or b"")
    release = read_table(path, what="release", name=path.name, nulls=recipe.nulls)
    return Made(path=path, sources=sources.with_release(release), guarantee=ledger_of(folder), usage=usage, steps=steps)


def ledger_of(folder: Path) -> Guarantee | None:
    """What is claimed of the release that a pack's run made; None where nothing is.

    Raises:
        PackError: The ledger is none.
    """
    path = folder / pack.LEDGER
    return Guarantee.from_json(path.read_bytes()) if path.is_file() else None


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
    kept: "Kept",
    heard: Heard,
    debug: bool,
) -> Table:
    """What the generator makes.

    Raises:
        RunError: It failed.
    """
    try:
        return made_in_child(
            commission, members, rehearsal.schema, registry, recipe.seed, recipe.limits, usage, kept, heard, debug=debug
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


def made_in_child(
    commission: Commission,
    table: Table,
    schema: Schema,
    registry: Registry,
    seed: int,
    limits: Limits,
    usage: Usage,
    kept: "Kept | None" = None,
    heard: Heard = unheard,
    *,
    debug: bool = False,
) -> Table:
    """What a generator makes of a table, in a child process.

    Args:
        kept: Where its claim and the fitted generator are put; nowhere if None.

    Raises:
        Failed: It raised, died, ran too long, grew too large, or made something else than rows like those of the table.
    """
    name = commission.plugin.name
    job = Job(
        plugin=name,
        role="generator",
        load=commission.plugin.load,
        file=registry.origins[name].file,
        params=dict(commission.params),
        entropy=tuple(int(word) for word in stream(seed, "generator", name).integers(2**32, size=8)),
        debug=debug,
    )
    folders = exchange.Folders() if kept is None else kept.folders
    write = partial(exchange.write_commission, table=table, schema=schema, rows=commission.rows, folders=folders)
    read = partial(_read, name, table, commission.rows, kept=kept)
    return isolation.run(job, limits, write, read, usage, heard, None if kept is None else kept.ledger_from)


@dataclass(frozen=True, slots=True)
class Kept:
    """Puts into a pack what a generator leaves besides rows.

    Attributes:
        pack: The pack's folder.
        completed: Adds to a claim what the generator cannot know of.
    """

    pack: Path
    folders: exchange.Folders
    completed: Callable[[Guarantee], Guarantee] = lambda claim: claim

    def ledger_from(self, folder: Path) -> None:
        """The claim, also of a training that failed: what was spent stays spent."""
        with suppress(PackError):
            if (claim := exchange.read_guarantee(folder)) is not None:
                _write(self.pack / pack.LEDGER, self.completed(claim).to_json())

    def model_from(self, folder: Path) -> None:
        """The plain files of the fitted generator."""
        files = {
            path.name: path.read_bytes()
            for path in sorted((folder / exchange.MODEL).glob("*"))
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST_MODEL_FILE
        }
        for name, data in (files | ({DIGESTS: digests(files)} if files else {})).items():
            _write(self.pack / pack.MODEL / name, data)


def _read(name: str, members: Table, rows: int, folder: Path, kept: Kept | None) -> Table:
    """What a child made, trusting none of it."""
    try:
        if exchange.read_guarantee(folder) is not None and kept is not None:
            kept.ledger_from(folder)
        if kept is not None:
            kept.model_from(folder)
        made = exchange.read_table(folder, "made")
        if made is None:
            raise Malformed("sample: no table")
        _check(made, members, rows)
        return made.take(np.arange(rows))  # off the folder, which is about to be deleted
    except Malformed as error:
        reason = Reason(code="malformed-answer", args={"plugin": name, "field": str(error)})
        raise Failed(reason) from None
    except PackError:
        raise Failed(Reason(code="malformed-answer", args={"plugin": name, "field": "guarantee"})) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        reason = Reason(code="malformed-answer", args={"plugin": name, "field": "sample: unreadable"})
        raise Failed(reason) from None


def _check(made: Table, members: Table, rows: int) -> None:
    """Whether a table has the columns of the members, the wanted number of rows, and nothing but values.

    Raises:
        Malformed: It has not.
    """
    if made.codes.shape != (rows, len(members.columns)) or made.codes.dtype != np.int32:
        raise Malformed(f"sample: shape {made.codes.shape}, wanted ({rows}, {len(members.columns)})")
    for position, (column, like) in enumerate(zip(made.columns, members.columns, strict=True)):
        codes, values = made.codes[:, position], column.values
        if (column.name, column.kind) != (like.name, like.kind):
            raise Malformed("sample: the columns are not those of the members, in their order")
        if codes.min() < MISSING or codes.max() >= len(values):
            raise Malformed(f"sample: codes of column {position + 1} out of range")
        if not column.numeric:
            if not all(isinstance(value, str) and _writable(value) for value in values):
                raise Malformed(f"sample: column {position + 1} has values that are no text")
        elif values.ndim != 1 or values.dtype != np.float64 or not np.isfinite(values).all():
            raise Malformed(f"sample: column {position + 1} has values that are no finite numbers")
        elif column.kind == "integer" and (values != np.round(values)).any():
            raise Malformed(f"sample: column {position + 1} has fractions where the members have integers")


def _writable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _zoned(file: TextTable) -> frozenset[str]:
    """The columns that hold moments with an offset from UTC."""
    return frozenset(name for name, column in file.columns.items() if look_at(column.texts).look == "zoned date")


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        what = f"the file could not be written: {os.strerror(error.errno or 0)}"
        fix = "Make room or choose another --out"
        raise RunError(Problem(code="pack-write-failed", what=what, where=path.name, fix=fix)) from None
