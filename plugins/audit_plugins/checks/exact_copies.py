"""Are real records in the release, as they are or all but?

With non-members, members' values are found in the release no more often than non-members' values, unless it copies.
Without, the release is compared with what chance could give, as the members themselves show it or as it is at most;
that can raise a finding but never settle one. `copies_without_holdout` says what it is compared with and why.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case
from audit_core.evidence import Exact, Excess
from audit_core.measurement import Measurement, Reason, measured
from audit_core.statistics.estimates import design_effect
from audit_core.tables import MISSING, Ids, Table, normal_form, row_ids
from audit_plugins.checks.copies_without_holdout import released_excesses

Hits = NDArray[np.bool_]

NEAR = 0.02
"""A near copy has the same categories and differs by at most this share of the span per numeric column, on average."""

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
            linking = [name for name, how in case.made.items() if how == "hash_rekey"]
            codes = _linking_codes(case, linking)
            count = surviving(both[0], both[1], linking) if both[0] is not None and both[1] is not None else 0.0
            yield measured("surviving_identifiers", Exact(numerator=count + codes), blind=None)
            if codes:
                yield Reason(code="linking-codes", args={"columns": ", ".join(linking), "count": int(codes)})
            if names := [name for name, how in case.made.items() if how.startswith("pii_")]:
                yield Reason(code="made-up-columns", args={"columns": ", ".join(names)})
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
    arms = [case.release, case.members] if case.non_members is None else [case.release, case.members, case.non_members]
    release, members, *non_members = row_ids(*(table.normalised() for table in arms))
    # A generalised column is not comparable; where there is one, the release is not the members' table.
    compared = {*case.release.names, *case.identifying}
    equal = compared >= set(case.published.names) and _same_multiset(release, members)
    yield measured("multiset_equal", Exact(numerator=float(equal)))
    yield from released_excesses(case, release, members)
    if case.non_members is None:
        return
    raw = row_ids(case.release, case.members, case.non_members)
    yield _copies("raw", case, raw[1], raw[2], np.isin(raw[1], raw[0]), np.isin(raw[2], raw[0]))
    (others,) = non_members
    yield _copies("normalised", case, members, others, np.isin(members, release), np.isin(others, release))
    near = [_near(case, arm) for arm in ("members", "non_members")]
    yield _copies("near", case, members, others, *near)
    yield Reason(code="near-copies-tolerance", args={"percent": f"{100 * NEAR:g}"})


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


def _linking_codes(case: Case, names: Sequence[str]) -> float:
    """Released cells that are known to be keyed hashes of members' identifiers; no search could find them out."""
    released = case.released_identifiers
    if released is None:
        return 0.0
    return float(sum(np.count_nonzero(released.select([name]).codes != MISSING) for name in names))


def surviving(released: Table, members: Table, linking: Collection[str] = ()) -> float:
    """Released cells that hold a member's identifier in normal form, or its unsalted MD5, SHA-1 or SHA-256 in hex.

    Args:
        linking: Columns that are not looked at, because every cell of them is counted already.
    """
    found = 0
    for name in released.names:
        if name in linking:
            continue
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
