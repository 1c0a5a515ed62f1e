"""A generator that can be run: what to load, and with which parameters.

The core runs one to make a release. An attacker who sees `Asset.GENERATOR` is handed one, to run on rows of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audit_core.loading import load
from audit_core.tables import Table, with_own_dictionaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a recipe declares of one column.

    Attributes:
        role: "plain", "quasi-identifier" or "sensitive"; a generator sees no identifier.
        kind: "integer", "number", "date" or "category"; None where nothing is declared, and it was inferred from the
            files.
        low, high: The bounds of a number, or of a date in days since 1970-01-01; None where none is declared.
        values: Of a category, all that it may have; None where none are declared.
    """

    role: str = "plain"
    kind: str | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None


Schema = Mapping[str, Declared]


Heard = Callable[[Mapping[str, float]], None]


def unheard(told: Mapping[str, float]) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a fit may use.

    Attributes:
        rng: For all randomness but the noise of a guarantee, which must not be repeatable.
        report: To be told now and then how training goes: numbers by name, such as "step", "steps", "epsilon_spent".
        workshop: A folder for checkpoints, from which a fit that was cut off goes on; None where there is none. What is
            in it leaves the house no more than the rows themselves.
        folder: The recipe's; None where there is none.
    """

    rng: np.random.Generator
    report: Heard = unheard
    workshop: Path | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """How to run a generator. It can be pickled, so a process elsewhere can run it.

    Attributes:
        load: "package.module:Class" of a `Generator`.
        file: Where the plugin is a single file, its path.
    """

    load: str
    file: str | None
    params: dict[str, Any]
    schema: Schema

    def make(self, table: Table, rows: int, rng: np.random.Generator) -> Table:
        """New rows of the generator fitted to a table, of whose dictionaries it sees only the values that occur."""
        return make(load(self.load, self.file)(**self.params), table, self.schema, rows, rng)


def make(generator: Any, table: Table, schema: Schema, rows: int, rng: np.random.Generator) -> Table:
    """New rows of a generator fitted to a table."""
    fitting, sampling = rng.spawn(2)
    made: Table = fitted(generator, table, schema, Budget(rng=fitting)).sample(rows, sampling)
    return made


def fitted(generator: Any, table: Table, schema: Schema, budget: Budget) -> Any:
    """A generator fitted to a table, of whose dictionaries it sees only the values that occur."""
    (own,) = with_own_dictionaries(table)
    return generator.fit(own, {name: schema.get(name, Declared()) for name in table.names}, budget)
