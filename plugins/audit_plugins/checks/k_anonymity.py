"""The check `k-anonymity`: how small the groups are in which a released row can hide, and what a group tells."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.evidence import Exact
from audit_core.measurement import Detail, Histogram, Measurement, Reason, measured
from audit_core.tables import MISSING, Codes, Table
from audit_plugins.checks.equivalence_classes import Classes, Keys, class_keys, equivalence_classes, shared_by
from audit_plugins.checks.sensitive_values import disclosure, value_counts

QUASI_IDENTIFIERS = "quasi-identifiers"
"""What the measurements of the classes themselves are `of`; the others are of a sensitive column."""

USUAL_K = 11
"""The k that `share_below_k` looks at where the recipe claims none: 1/11 is the largest risk within 0.09."""

SIZES = (1, 2, 3, 5, 10, 11, 20, 50, 100)
"""Lower ends of the bins of class sizes: every customary k is one of them."""


class KAnonymity:
    """Equivalence classes of the rows as they go out, over the declared quasi-identifiers.

    A class's size is the number of its people: of its rows, or, where the release keeps the subject column, of the
    different subjects in it; where a subject is declared and the release dropped it, as few people as could fill
    it. Raw values are compared, so two spellings are two values. No blind level exists for the measures of size; a
    class that tells nothing scores 0 in `t_closeness` and `delta_disclosure`.

    Measurements of "quasi-identifiers", all `Exact`, in (0, 1] or [0, 1]:
        largest_risk: 1 / k, k the smallest class's size (the prosecutor's maximum).
        average_risk: The mean over rows of 1 / size; classes / rows where every row is a person.
        share_below_k: Share of rows in classes smaller than the k the recipe claims, or than 11.
        sample_uniqueness: Share of rows in classes of one.
        k_map_risk: 1 / the fewest real people, members and non-members, who share a released class; classes that no
            real person shares are left out. Not measured where a quasi-identifier was generalised.

    Measurements of each released sensitive column, all `Exact`:
        l_distinct_risk: 1 / l, l the fewest distinct values in a class.
        l_entropy_risk: 1 / exp(H), H the lowest entropy of a class in nats.
        t_closeness: The largest distance of a class from all rows, over ranks for numbers and dates, total variation
            for categories; from 0 to 1.
        delta_disclosure: The largest |ln(q / p)| in nats over classes and the values present in them. The strict
            measure is infinite where a value is absent from a class; a caveat counts the classes where one is.

    References:
        Sweeney (2002), k-anonymity; Machanavajjhala et al. (2007), l-diversity; Li, Li & Venkatasubramanian (2007),
        t-closeness; Brickell & Shmatikov (2008), The cost of privacy; El Emam & Dankar (2008), Protecting privacy
        using k-anonymity.
    """

    def __init__(self, missing: Literal["value", "drop-suppressed"] = "value") -> None:
        self.missing = missing

    def measure(self, case: Case, rng: np.random.Generator) -> Iterator[Measurement | Detail | Reason]:
        """Measures the published rows; nothing here is random."""
        names = [name for name in case.columns_of("quasi-identifier") if name in case.published.names]
        if not names:
            yield Reason(code="k-anonymity-no-quasi-identifier", args={})
            return
        published, dropped = self._kept(case.published, names)
        if dropped:
            yield Reason(code="k-anonymity-suppressed-rows", args={"rows": dropped, "left": len(published)})
        if not len(published):
            yield Reason(code="k-anonymity-no-row", args={})
            return

        incomplete = int(np.count_nonzero(missing_cells(published, names) > 0))
        if incomplete:
            yield Reason(code="k-anonymity-missing-values", args={"rows": incomplete})
        if not case.generalised:
            yield Reason(code="k-anonymity-synthetic-rows", args={})
        kept = case.unit in published.names and case.unit not in case.made  # ids made anew tell nobody's rows apart
        if case.unit != "row" and not kept:
            yield Reason(code="k-anonymity-counts-rows", args={"subject": case.unit})
        k_limit = case.k_anonymity_min or USUAL_K
        yield Reason(code="k-anonymity-share-below", args={"k": k_limit})
        people = published.codes[:, published.index(case.unit)] if kept else None
        yield from class_risks(published, names, people, _most_rows(case), k_limit, case.columns_of("sensitive"))
        yield from self._k_map(case, names)

    def _kept(self, table: Table, names: Sequence[str]) -> tuple[Table, int]:
        """The rows that are looked at, and how many are not because their publisher suppressed them."""
        if self.missing == "value":
            return table, 0
        kept = missing_cells(table, names) < len(names)
        return table.take(kept), int(np.count_nonzero(~kept))

    def _k_map(self, case: Case, names: Sequence[str]) -> Iterator[Measurement | Reason]:
        """How many real people share the released classes."""
        if not set(names) <= set(case.release.names):
            yield Reason(code="k-map-not-comparable", args={})
            return
        release, _ = self._kept(case.release, names)
        real = [table for table in (case.members, case.non_members) if table is not None]
        subjects = [ids for ids in (case.member_subjects, case.non_member_subjects) if ids is not None]
        keys = class_keys(names, release, *real)
        released, population = keys.cut(len(release))
        people = np.concatenate(subjects) if subjects else None
        shared = shared_by(equivalence_classes(released), equivalence_classes(population, people))
        found = shared[shared > 0]
        if len(found):
            yield measured(
                "k_map_risk", Exact(numerator=1, denominator=int(found.min())), of=QUASI_IDENTIFIERS, blind=None
            )
        empty, single = len(shared) - len(found), int(np.count_nonzero(found == 1))
        if empty or single:
            yield Reason(code="k-map-classes", args={"classes": len(shared), "empty": empty, "single": single})


def missing_cells(table: Table, names: Sequence[str]) -> NDArray[np.int32]:
    """How many of the named cells each row misses, shape `(n_rows,)`."""
    missing = np.zeros(len(table), dtype=np.int32)
    for name in names:
        missing += table.codes[:, table.index(name)] == MISSING
    return missing


def _most_rows(case: Case) -> int:
    """The most rows that one person has among the members; 1 where the unit of privacy is the row."""
    if case.member_subjects is None:
        return 1
    return int(np.unique(case.member_subjects, return_counts=True)[1].max())


def class_risks(
    table: Table, names: Sequence[str], people: Codes | None, most_rows: int, k_limit: int, sensitive: Sequence[str]
) -> Iterator[Measurement | Histogram | Reason]:
    """All that the table's own classes say.

    Args:
        people: The person each row belongs to, where the release tells.
        most_rows: Where it does not: the most rows one person may have. A class then counts as few people as could
            fill it.
    """
    keys = class_keys(names, table)
    classes = equivalence_classes(keys, people)
    if people is None and most_rows > 1:
        classes = replace(classes, people=-(-classes.rows // most_rows))
    yield from size_risks(classes, k_limit)
    yield histogram(classes)
    del classes  # as large as the table where most rows are alone
    for name in sensitive:
        if name in table.names:
            yield from sensitive_risks(table, name, keys)


def size_risks(classes: Classes, k_limit: int) -> Iterator[Measurement]:
    """The measures that look at class sizes alone."""
    rows = int(classes.rows.sum())
    evidence = {
        "largest_risk": Exact(numerator=1, denominator=int(classes.people.min())),
        "average_risk": Exact(numerator=float((classes.rows / classes.people).sum()), denominator=rows),
        "share_below_k": Exact(numerator=int(classes.rows[classes.people < k_limit].sum()), denominator=rows),
        "sample_uniqueness": Exact(numerator=int(classes.rows[classes.people == 1].sum()), denominator=rows),
    }
    for name, exact in evidence.items():
        yield measured(name, exact, of=QUASI_IDENTIFIERS, blind=None)


def histogram(classes: Classes) -> Histogram:
    """How many rows are in classes of each size."""
    bins: NDArray[np.intp] = np.searchsorted(SIZES, classes.people, side="right") - 1
    rows = np.bincount(bins, weights=classes.rows, minlength=len(SIZES)).astype(np.int64).tolist()
    spans = [(low, above - 1) for low, above in pairwise(SIZES)]
    labels = [str(low) if low == high else f"{low}-{high}" for low, high in spans]
    return Histogram(
        of="class sizes",
        labels=(*labels, f"{SIZES[-1]}+"),
        counts=tuple(rows),
    )


def sensitive_risks(published: Table, name: str, keys: Keys) -> Iterator[Measurement | Reason]:
    """The measures that look at what a class tells about one sensitive column. A missing cell is a value."""
    column, codes = published.columns[published.index(name)], published.codes[:, published.index(name)]
    missing = int(np.count_nonzero(codes == MISSING))
    if missing:
        yield Reason(code="sensitive-missing-values", args={"column": name, "rows": missing})
    worst = disclosure(value_counts(keys, codes, len(column.values) + 1), ordered=column.numeric)
    yield measured("l_distinct_risk", Exact(numerator=1, denominator=worst.distinct), of=name, blind=None)
    yield measured("l_entropy_risk", Exact(numerator=float(np.exp(-worst.entropy))), of=name, blind=None)
    yield measured("t_closeness", Exact(numerator=worst.closeness), of=name, blind=0.0)
    yield measured("delta_disclosure", Exact(numerator=worst.log_ratio), of=name, blind=0.0)
    if worst.incomplete:
        yield Reason(
            code="delta-disclosure-absent-values",
            args={"column": name, "classes": worst.incomplete, "all": worst.classes},
        )
