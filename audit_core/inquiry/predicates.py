"""Which rows a description fits. Conditions become intervals of codes: no code is ever built from data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Condition, Predicate
from audit_core.tables import MISSING, Column, Ids, Table, normal_form

NOBODY = -1


class NoSuchCondition(ValueError):
    """A condition names no column of the case, or compares it in a way it has not. The text names no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What some descriptions fit in one table.

    Attributes:
        single: The one person each description fits, shape `(n_predicates,)`: a row or, where rows have subjects, a
            subject; `NOBODY` where it fits no person or several.
        people: How many people it fits, shape `(n_predicates,)`.
    """

    single: Ids
    people: NDArray[np.int64]


class Described:
    """A table whose rows can be described, in normal form."""

    def __init__(self, table: Table, subjects: Ids | None) -> None:
        """
        Args:
            subjects: The person each row belongs to, shape `(n_rows,)`; each row by itself if None.
        """
        self._table = table.normalised()
        self._subjects = subjects
        self._columns = {column.name: (position, column) for position, column in enumerate(table.columns)}
        self._words: dict[str, dict[str, int]] = {}

    def fit(self, predicates: Sequence[Predicate]) -> Fit:
        """What each description fits.

        Raises:
            NoSuchCondition: A condition cannot be looked at.
        """
        single = np.full(len(predicates), NOBODY, dtype=np.int64)
        people = np.zeros(len(predicates), dtype=np.int64)
        for number, predicate in enumerate(predicates):
            rows = self._rows(predicate)
            ids = rows if self._subjects is None else np.unique(self._subjects[rows])
            people[number] = len(ids)
            if len(ids) == 1:
                single[number] = ids[0]
        return Fit(single=single, people=people)

    def _rows(self, predicate: Predicate) -> NDArray[np.intp]:
        if not predicate:
            raise NoSuchCondition("a description without a condition")
        rows: NDArray[np.intp] | None = None
        for condition in predicate:
            position, low, high = self._interval(condition)
            codes = self._table.codes[:, position]
            codes = codes if rows is None else codes[rows]
            here = np.flatnonzero(codes == low if low == high else (codes >= low) & (codes <= high))
            rows = here if rows is None else rows[here]
        return np.empty(0, dtype=np.intp) if rows is None else rows

    def _interval(self, condition: Condition) -> tuple[int, int, int]:
        """The column's position, and the lowest and highest code that fulfil the condition."""
        if condition.column not in self._columns:
            raise NoSuchCondition("column")
        position, column = self._columns[condition.column]
        if condition.op == "missing":
            return position, MISSING, MISSING
        if isinstance(condition.value, str):
            if column.numeric or condition.op != "==":
                raise NoSuchCondition("op")
            code = self._word_codes(column).get(normal_form(condition.value), len(column.values))
            return position, code, code
        if not column.numeric or condition.value is None:
            raise NoSuchCondition("value")
        values = column.values.astype(np.float64)
        left, right = (
            np.searchsorted(values, condition.value, "left"),
            np.searchsorted(values, condition.value, "right"),
        )
        low = int(left) if condition.op in ("==", ">=") else 0
        high = int(right) - 1 if condition.op in ("==", "<=") else len(values)
        return position, low, high

    def _word_codes(self, column: Column) -> dict[str, int]:
        """The code that rows in normal form have for each word in normal form."""
        if column.name not in self._words:
            self._words[column.name] = {
                normal_form(str(value)): int(code)
                for value, code in zip(column.values, column.normal_codes, strict=True)
            }
        return self._words[column.name]
