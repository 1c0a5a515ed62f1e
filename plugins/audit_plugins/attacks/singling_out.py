"""Singling out: descriptions read off the release that may fit exactly one of the people behind it."""

from collections.abc import Iterator

import numpy as np

from audit_core.answers import Condition, Predicate, Predicates
from audit_core.questions import SinglingOut
from audit_core.tables import MISSING, Column, Table


class SinglingOutAttack:
    """Describes released rows that are alone with their description, by one column and by several.

    Descriptions of weight w single out one of N people by chance with probability N w (1 - w)^(N - 1), at most 0.37;
    whoever read them off an innocent release does as well among people who were not used.

    References:
        Giomi, Boenisch, Wehmeyer & Tasnadi (2023), A unified framework for quantifying privacy risk in synthetic data,
        section 4.1.
        Cohen & Nissim (2020), Towards formalizing the GDPR's notion of singling out.
    """

    def __init__(self, tries: int, columns: int) -> None:
        """
        Args:
            tries: Descriptions by several columns.
            columns: How many columns they are of.
        """
        self.tries = tries
        self.columns = columns

    def answer(self, question: SinglingOut, rng: np.random.Generator) -> tuple[Predicates, ...]:
        """Both kinds of descriptions; none twice."""
        release = question.release.normalised()
        several = Predicates(
            of="multivariate", items=tuple(self._multivariate(release, rng)) if len(release.columns) > 1 else ()
        )
        return Predicates(of="univariate", items=tuple(univariate(release))), several

    def _multivariate(self, release: Table, rng: np.random.Generator) -> Iterator[Predicate]:
        """Random rows by random columns, on the row's side of each number's middle, if no other row is like that."""
        size = min(self.columns, len(release.columns))
        middles = [int(np.median(codes[codes != MISSING])) if (codes != MISSING).any() else 0 for codes in release.codes.T]
        seen: set[tuple[tuple[int, int], ...]] = set()
        given = 0
        for _ in range(20 * self.tries):
            if given == self.tries:
                return
            row = int(rng.integers(len(release)))
            columns = sorted(int(one) for one in rng.choice(len(release.columns), size, replace=False))
            key = tuple((one, int(release.codes[row, one])) for one in columns)
            if key in seen:
                continue
            seen.add(key)
            fits = np.ones(len(release), dtype=bool)
            for one in columns:
                fits &= _alike(release, one, int(release.codes[row, one]), middles[one])
            if np.count_nonzero(fits) == 1:
                given += 1
                yield tuple(
                    _condition(release.columns[one], int(release.codes[row, one]), middles[one]) for one in columns
                )


def univariate(release: Table) -> Iterator[Predicate]:
    """Categories that one released row has, numbers beyond which there is one row, a cell that one row misses."""
    for position, column in enumerate(release.columns):
        codes = release.codes[:, position]
        counts = np.bincount(codes + 1, minlength=len(column.values) + 1)
        if counts[0] == 1:
            yield (Condition(column=column.name, op="missing", value=None),)
        present = np.flatnonzero(counts[1:])
        if not column.numeric:
            for code in present[counts[1:][present] == 1]:
                yield (Condition(column=column.name, op="==", value=str(column.values[code])),)
        elif len(present) > 1:
            for code, op in ((present[0], "<="), (present[-1], ">=")):
                if counts[1 + code] == 1:
                    yield (Condition(column=column.name, op=op, value=float(column.values[code])),)  # type: ignore[arg-type]


def _alike(release: Table, position: int, code: int, middle: int) -> np.ndarray:
    codes = release.codes[:, position]
    if code == MISSING or not release.columns[position].numeric:
        return np.asarray(codes == code)
    return np.asarray(codes >= code if code >= middle else (codes <= code) & (codes != MISSING))


def _condition(column: Column, code: int, middle: int) -> Condition:
    if code == MISSING:
        return Condition(column=column.name, op="missing", value=None)
    if not column.numeric:
        return Condition(column=column.name, op="==", value=str(column.values[code]))
    return Condition(column=column.name, op=">=" if code >= middle else "<=", value=float(column.values[code]))
