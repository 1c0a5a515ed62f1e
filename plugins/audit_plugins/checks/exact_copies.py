"""Are real records in the release, as they are or all but?

With non-members, members' values are found in the release no more often than non-members' values, unless it copies.
Without, the release is compared with what chance among the members themselves would give; that can raise a finding
but never settle one, since no such control holds for every honest generator.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.evidence import Exact, Excess
from audit_core.measurement import Measurement, Reason, measured
from audit_core.questions import Neighbours
from audit_core.statistics.estimates import design_effect
from audit_core.tables import Ids, Table, normal_form, row_ids

Hits = NDArray[np.bool_]

NEAR = 0.02
"""A near copy has the same categories and differs by at most this share of the span per numeric column, on average."""

CLOSER = 0.1
"""A released row is suspiciously near where its member is this much nearer than that member's nearest other member."""

_HASHES = ("md5", "sha1", "sha256")


class ExactCopies:
    """Measures copies: raw, in normal form (NFKC, stripped, case folded) and near.

    A release that copies nobody scores 0 on every measurement.

    References:
        Article 29 Working Party (2014), Opinion 05/2014 on anonymisation techniques (WP216): singling out.
        Newcombe (1998), Interval estimation for the difference between independent proportions.
        Rao & Scott (1992), A simple method for the analysis of clustered binary data.
    """

    def measure(self, case: Case, rng: np.random.Generator) -> Iterable[Measurement | Reason]:
        """Measures the case; deterministic, `rng` is not used."""
        if case.release.columns:
            yield from _tables(_without_singular(case))
            yield from _singular(case)
        if case.identifying:
            both = case.released_identifiers, case.member_identifiers
            count = surviving(both[0], both[1]) if both[0] is not None and both[1] is not None else 0.0
            yield measured("surviving_identifiers", Exact(numerator=count), blind=None)
            if count:
                yield Reason(code="identifiers-may-coincide", args={"count": int(count)})


def _without_singular(case: Case) -> Case:
    """The case without columns nearly all distinct: a record under a new running number is still a copy."""
    kept = [name for name in case.release.names if name not in case.singular]
    if not kept or len(kept) == len(case.release.names):
        return case
    return replace(
        case,
        release=case.release.select(kept),
        members=case.members.select(kept),
        non_members=None if case.non_members is None else case.non_members.select(kept),
        published=case.published.select([name for name in case.published.names if name not in case.singular]),
    )


def _tables(case: Case) -> Iterator[Measurement | Reason]:
    normal = _Normal(case)
    # A generalised column is not comparable; where there is one, the release is not the members' table.
    compared = {*case.release.names, *case.identifying}
    equal = compared >= set(case.published.names) and _same_multiset(normal.release, normal.members)
    yield measured("multiset_equal", Exact(numerator=float(equal)))
    yield from normal.released()
    yield from _released_near(case)
    if case.non_members is None:
        return
    raw = row_ids(case.release, case.members, case.non_members)
    yield _copies("raw", case, raw[1], raw[2], np.isin(raw[1], raw[0]), np.isin(raw[2], raw[0]))
    ids = normal.release, normal.members, normal.non_members
    yield _copies("normalised", case, ids[1], ids[2], np.isin(ids[1], ids[0]), np.isin(ids[2], ids[0]))
    near = [_near(case, arm) for arm in ("members", "non_members")]
    yield _copies("near", case, ids[1], ids[2], *near)
    yield Reason(code="near-copies-tolerance", args={"percent": f"{100 * NEAR:g}"})


class _Normal:
    """Row ids of the case in normal form."""

    def __init__(self, case: Case) -> None:
        tables = [case.release.normalised(), case.members.normalised()]
        if case.non_members is not None:
            tables.append(case.non_members.normalised())
        ids = row_ids(*tables)
        self.release, self.members = ids[0], ids[1]
        self.non_members = ids[2] if len(ids) > 2 else np.empty(0, dtype=np.int64)

    def released(self) -> Iterator[Measurement]:
        """What can be said without a holdout: two excesses over what chance among the members gives."""
        values, counts = np.unique(self.members, return_counts=True)
        repeated = np.isin(self.members, values[counts > 1])
        copied = np.isin(self.release, values)
        yield measured(
            "released_copies_excess",
            Excess(
                k1=float(copied.sum()),
                n1=float(len(self.release)),
                k0=float(repeated.sum()),
                n0=float(len(self.members)),
                scale="difference",
            ),
            of="any",
        )
        once = np.isin(self.release, values[counts == 1])
        yield measured(
            "released_copies_excess",
            Excess(
                k1=float(once.sum()),
                n1=float(len(self.release)),
                k0=float((counts == 2).sum()),
                n0=float(len(self.members) // 2),
                scale="difference",
                deff1=_multiplicity(self.release[once]),
            ),
            of="once",
        )


def _multiplicity(hits: Ids) -> float:
    """Sum of squares over sum of the hit values' counts: rows that repeat one value are one piece of evidence."""
    counts = np.unique(hits, return_counts=True)[1]
    return float((counts**2).sum() / counts.sum()) if len(counts) else 1.0


def _same_multiset(release: Ids, members: Ids) -> bool:
    return len(release) == len(members) and bool(np.array_equal(np.sort(release), np.sort(members)))


def _copies(of: str, case: Case, members: Ids, non_members: Ids, inside: Hits, outside: Hits) -> Measurement:
    """Hits among the values that occur exactly once in members and non-members together.

    Under no leak such a value is a member's or a non-member's by chance alone, whatever the sizes of the arms.
    """
    values, counts = np.unique(np.concatenate([members, non_members]), return_counts=True)
    singles = values[counts == 1]
    arms = []
    for ids, hit, subjects in (
        (members, inside, case.member_subjects),
        (non_members, outside, case.non_member_subjects),
    ):
        single = np.isin(ids, singles)
        effect = 1.0 if subjects is None or not single.any() else design_effect(hit[single], subjects[single])
        arms.append((float(hit[single].sum()), float(single.sum()), effect))
    (k1, n1, deff1), (k0, n0, deff0) = arms
    evidence = Excess(k1=k1, n1=n1, k0=k0, n0=n0, scale="difference", deff1=deff1, deff0=deff0)
    return measured("copies_excess", evidence, of=of)


def _singular(case: Case) -> Iterator[Measurement | Reason]:
    """Values of columns that nearly everybody has alone: an identifier nobody declared may be among them."""
    if case.singular:
        yield Reason(code="singular-columns", args={"columns": ", ".join(case.singular)})
    if case.non_members is None:
        return
    for name in case.singular:
        release, members, non_members = row_ids(
            *(table.select([name]).normalised() for table in (case.release, case.members, case.non_members))
        )
        inside, outside = np.isin(members, release), np.isin(non_members, release)
        yield replace(_copies(name, case, members, non_members, inside, outside), name="singular_values_excess")


def _near(case: Case, arm: str) -> Hits:
    """Whether each row of an arm has a released row within the tolerance."""
    numeric = sum(column.numeric for column in case.release.columns)
    nearest = case.neighbours[f"{arm}>release"].distance[:, 0]
    # A distance of 1 is one differing category; many numeric columns must not add up to it.
    return np.asarray(nearest <= min(NEAR * numeric, 0.99))


def _released_near(case: Case) -> Iterator[Measurement]:
    """Released rows that crowd a member, against members that crowd another member."""
    others = case.neighbours["members>members"]
    if len(case.members) < 3:
        return
    to_release = case.neighbours["release>members"]
    their_member, its_member = to_release.row[:, 0], others.row[:, 0]
    crowding = to_release.distance[:, 0] < CLOSER * others.distance[their_member, 0]
    left_out = others.distance[:, 0] < CLOSER * _second(others, its_member)
    # Rows that crowd one member are one piece of evidence; so are two members that crowd each other.
    rows = np.arange(len(its_member))
    pair = np.minimum(rows, its_member) * len(rows) + np.maximum(rows, its_member)
    yield measured(
        "released_near_excess",
        Excess(
            k1=float(crowding.sum()),
            n1=float(len(crowding)),
            k0=float(left_out.sum()),
            n0=float(len(left_out)),
            scale="difference",
            deff1=_multiplicity(their_member[crowding].astype(np.int64)),
            deff0=_multiplicity(pair[left_out]),
        ),
    )


def _second(others: Neighbours, member: NDArray[np.int32]) -> NDArray[np.float32]:
    """Distance from each row's nearest member to that member's nearest other one, leaving the row itself out."""
    rows = np.arange(len(member))
    mutual = others.row[member, 0] == rows
    return np.asarray(np.where(mutual, others.distance[member, 1], others.distance[member, 0]))


def surviving(released: Table, members: Table) -> float:
    """Released cells that hold a member's identifier in normal form, or its unsalted MD5, SHA-1 or SHA-256 in hex."""
    found = 0
    for name in released.names:
        known = {normal_form(text) for text in set(members.texts(name)) if text is not None}
        hashed = {
            hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()
            for text in set(members.texts(name))
            if text is not None
            for kind in _HASHES
        }
        texts, counts = np.unique(
            np.array([text for text in released.texts(name) if text is not None], dtype=object).astype(str),
            return_counts=True,
        )
        for text, count in zip(texts, counts, strict=True):
            normal = normal_form(str(text))
            found += int(count) if normal in known or normal in hashed else 0
    return float(found)
