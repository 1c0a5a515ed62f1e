"""The generator `ctgan`: the conditional GAN of the package of that name; no privacy is claimed."""

import numpy as np

from audit_core.refit import Budget, Schema
from audit_core.tables import MISSING, Column, Table, coded, decimal_places, read_only

_WORDS_OF_MISSING = "\N{SYMBOL FOR NULL}"
"""Stands for a missing cell of a category while the package has it."""


class Ctgan:
    """Trains a CTGAN on all columns.

    References:
        Xu, Skoularidou, Cuesta-Infante & Veeramachaneni (2019), Modeling tabular data using conditional GAN.
    """

    def __init__(self, *, epochs: int, batch: int) -> None:
        """Takes the parameters; see `CtganParams`."""
        self._epochs, self._batch = epochs, batch

    def fit(self, table: Table, schema: Schema, budget: Budget) -> "FittedCtgan":
        """Trains on the processor. A number's missing cells are filled with its median, and not made again."""
        import pandas as pd
        from ctgan import CTGAN

        columns = {column.name: _cells(table, column) for column in table.columns}
        words = [column.name for column in table.columns if not column.numeric]
        model = CTGAN(epochs=self._epochs, batch_size=self._batch, enable_gpu=False)
        model.set_random_state(int(budget.rng.integers(2**31)))
        model.fit(pd.DataFrame(columns), words)
        return FittedCtgan(model, table.columns)


class FittedCtgan:
    """A trained CTGAN."""

    guarantee = None

    def __init__(self, model: object, columns: tuple[Column, ...]) -> None:
        """Takes the model and the columns it was trained on."""
        self._model, self._columns = model, columns

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """New rows, with numbers rounded to the decimal places of the members' and kept in their range."""
        self._model.set_random_state(int(rng.integers(2**31)))  # type: ignore[attr-defined]
        frame = self._model.sample(n)  # type: ignore[attr-defined]
        columns, parts = [], []
        for column in self._columns:
            if column.numeric:
                values = column.values.astype(np.float64)
                numbers = frame[column.name].to_numpy(dtype=np.float64)
                rounded = np.round(numbers, decimal_places(values) if column.kind == "number" else 0)
                made, codes = coded(column.name, column.kind, np.clip(rounded, values.min(), values.max()))
            else:
                made = column
                known = {word: code for code, word in enumerate(column.values)}
                codes = np.array([known.get(word, MISSING) for word in frame[column.name]], dtype=np.int32)
            columns.append(made)
            parts.append(codes)
        return Table(columns=tuple(columns), codes=read_only(np.column_stack(parts)))


def _cells(table: Table, column: Column) -> np.ndarray:
    if column.numeric:
        numbers = table.numbers(column.name)
        return np.where(np.isnan(numbers), np.nanmedian(numbers) if not np.isnan(numbers).all() else 0.0, numbers)
    texts = table.texts(column.name)
    return np.array([_WORDS_OF_MISSING if text is None else text for text in texts], dtype=object)
