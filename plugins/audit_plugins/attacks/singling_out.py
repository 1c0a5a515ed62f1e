"""Singling out: descriptions read off the release that may fit exactly one of the people behind it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Condition, Predicate, Predicates
from audit_core.neighbours import scales
from audit_core.questions import SinglingOut
from audit_core.tables import MISSING, Column, Table

NEAR = 0.02
"""A number is described up to this share of the span that 98 % of the released values lie in."""

PATIENCE = 5
"""Rows looked at for each description wanted, since some rows are never alone."""


class SinglingOutAttack:
    """Describes released rows that are alone with their description, by one column and by several.

    A description that fits a share w of all people singles out one of N by chance with probability
    N w (1 - w)^(N - 1), at most 0.37; whoever reads descriptions off an innocent release does as well among people who
    were not used.

    References:
        Giomi, Boenisch, Wehmeyer & Tasnadi (2023), A unified framework for quantifying privacy risk in synthetic data,
        section 4.1.
        Cohen & Nissim (2020), Towards formalizing the GDPR's notion of singling out.
    """

    def __init__(self, tries: int) -> None:
        """
        Args:
            tries: Descriptions by several columns, one for each released row at most.
        """
        self.tries = tries

    def answer(self, question: SinglingOut, rng: np.random.Generator) -> tuple[Predicates, ...]:
        """Both kinds of descriptions; none twice."""
        release = question.release.normalised()
        several = tuple(multivariate(release, min(self.tries, len(release)), rng))
        return Predicates(of="univariate", items=tuple(univariate(release))), Predicates(
            of="multivariate", items=several
        )


def multivariate(release: Table, tries: int, rng: np.random.Generator) -> Iterator[Predicate]:
    """Random rows by random columns, two at least, and as many as it takes until no other released row fits."""
    units = scales(release)
    reach = [_reach(column, NEAR * units[position]) for position, column in enumerate(release.columns)]
    seen: set[tuple[tuple[int, int], ...]] = set()
    for _ in range(PATIENCE * tries):
        if len(seen) == tries:
            return
        row = int(rng.integers(len(release)))
        described = _described(release, row, rng.permutation(len(release.columns)), reach)
        key = tuple((position, int(release.codes[row, position])) for position in described)
        if described and key not in seen:
            seen.add(key)
            yield tuple(
                condition
                for position, code in key
                for condition in _conditions(release.columns[position], code, reach[position])
            )


def _reach(column: Column, near: float) -> NDArray[np.intp]:
    """For each code, the lowest and the highest code that are near it, shape `(n_distinct, 2)`."""
    codes = np.arange(len(column.values))
    if not column.numeric:
        return np.column_stack([codes, codes])
    values = column.values.astype(np.float64)
    low, high = np.searchsorted(values, values - near, "left"), np.searchsorted(values, values + near, "right") - 1
    return np.column_stack([np.minimum(low, codes), np.maximum(high, codes)])


def _described(release: Table, row: int, order: NDArray[np.intp], reach: list[NDArray[np.intp]]) -> tuple[int, ...]:
    """The columns, in ascending order, by which the row is alone; none if it never is."""
    fits: NDArray[np.intp] | slice = slice(None)
    for count, position in enumerate(order, start=1):
        codes, code = release.codes[fits, position], release.codes[row, position]
        low, high = (MISSING, MISSING) if code == MISSING else reach[position][code]
        here = np.flatnonzero((codes >= low) & (codes <= high))
        fits = here if isinstance(fits, slice) else fits[here]
        if len(fits) == 1 and count > 1:
            return tuple(sorted(int(one) for one in order[:count]))
    return ()


def _conditions(column: Column, code: int, reach: NDArray[np.intp]) -> Iterator[Condition]:
    if code == MISSING:
        yield Condition(column=column.name, op="missing", value=None)
    elif not column.numeric:
        yield Condition(column=column.name, op="==", value=str(column.values[code]))
    else:
        low, high = (float(column.values[end]) for end in reach[code])
        if low == high:
            yield Condition(column=column.name, op="==", value=low)
        else:
            yield Condition(column=column.name, op=">=", value=low)
            yield Condition(column=column.name, op="<=", value=high)


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
            if counts[1 + present[0]] == 1:
                yield (Condition(column=column.name, op="<=", value=float(column.values[present[0]])),)
            if counts[1 + present[-1]] == 1:
                yield (Condition(column=column.name, op=">=", value=float(column.values[present[-1]])),)
