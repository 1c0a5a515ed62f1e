from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from audit_core.case import Case
from audit_core.measurement import Measurement
from audit_core.neighbours import nearest, scales
from audit_core.tables import Column, Table, read_only
from audit_core.testing import made_up_case
from audit_plugins.checks.exact_copies import ExactCopies, surviving


def measure(case: Case) -> dict[tuple[str, str], Measurement]:
    tables = {"release": case.release, "members": case.members, "non_members": case.non_members}
    present = {name: table.normalised() for name, table in tables.items() if table is not None}
    units = scales(*present.values())
    pairs = [
        ("members", "release", 1),
        ("non_members", "release", 1),
        ("release", "members", 1),
        ("members", "members", 2),
    ]
    neighbours = {
        f"{a}>{b}": nearest(present[a], present[b], units, k=k, leave_self_out=a == b)
        for a, b, k in pairs
        if a in present and b in present
    }
    said = ExactCopies().measure(replace(case, neighbours=neighbours), np.random.default_rng(0))
    return {(one.name, one.of): one for one in said if isinstance(one, Measurement)}


def with_release(case: Case, codes: np.ndarray) -> Case:
    release = Table(columns=case.release.columns, codes=read_only(codes))
    return replace(case, release=release, published=release)


def test_the_members_in_any_order_are_the_same_multiset() -> None:
    case = made_up_case("innocent", rows=50)
    order = np.random.default_rng(1).permutation(50)
    assert measure(with_release(case, case.members.codes[order]))["multiset_equal", "all"].value == 1
    assert measure(case)["multiset_equal", "all"].value == 0
    short = measure(with_release(case, case.members.codes[:-1]))
    assert short["multiset_equal", "all"].value == 0


def test_four_binary_columns_copied_whole_are_caught_where_no_value_is_rare() -> None:
    rng = np.random.default_rng(2)
    columns = tuple(Column(name=f"b{j}", kind="category", values=np.array(["0", "1"], dtype=object)) for j in range(4))
    members, others = (Table(columns=columns, codes=read_only(rng.integers(0, 2, (400, 4)))) for _ in range(2))
    case = replace(made_up_case("innocent", rows=5), members=members, non_members=others)
    found = measure(with_release(replace(case, release=members), members.codes[::-1]))
    assert found["multiset_equal", "all"].value == 1
    assert not found["copies_excess", "raw"].evidence.measurable


def test_copies_count_only_values_that_occur_once_in_both_arms_together() -> None:
    case = made_up_case("innocent", rows=60)
    codes = case.release.codes.copy()
    codes[:20] = case.members.codes[:20]
    evidence = measure(with_release(case, codes))["copies_excess", "raw"].evidence
    assert evidence.k1 == 20
    assert evidence.k0 == 0
    # An extra verbatim member never lowers the raw count.
    codes[20] = case.members.codes[20]
    assert measure(with_release(case, codes))["copies_excess", "raw"].evidence.k1 == 21


def test_a_member_equal_to_a_non_member_tells_nothing() -> None:
    case = made_up_case("innocent", rows=60)
    assert case.non_members is not None
    shared = case.non_members.codes.copy()
    shared[0] = case.members.codes[0]
    both = replace(case, non_members=Table(columns=case.members.columns, codes=read_only(shared)))
    evidence = measure(with_release(both, case.members.codes[:1]))["copies_excess", "raw"].evidence
    assert (evidence.k1, evidence.n1) == (0, 59)


@pytest.mark.parametrize("change", [str.upper, lambda text: text + " ", lambda text: text.replace("r", "ｒ")])
def test_changed_case_padding_and_width_are_copies_in_normal_form(change) -> None:
    case = made_up_case("innocent", rows=80)
    words = case.members.columns[3].values
    all_words = np.array(sorted({*words, *map(change, words)}), dtype=object)
    column = Column(name="region", kind="category", values=all_words)

    def recoded(table: Table, altered: bool) -> Table:
        codes = table.codes.copy()
        target = np.searchsorted(all_words, [change(word) if altered else word for word in words])
        codes[:, 3] = target[codes[:, 3]]
        return Table(columns=(*table.columns[:3], column, *table.columns[4:]), codes=read_only(codes))

    assert case.non_members is not None
    disguised = replace(
        case,
        members=recoded(case.members, False),
        non_members=recoded(case.non_members, False),
        release=recoded(case.members.take(np.arange(40)), True),
    )
    found = measure(disguised)
    assert found["copies_excess", "raw"].evidence.k1 == 0
    assert found["copies_excess", "normalised"].evidence.k1 == 40


def test_jittered_copies_are_near_copies() -> None:
    case = made_up_case("innocent", rows=300)
    codes = case.release.codes.copy()
    codes[:100] = case.members.codes[:100]
    codes[:100, 1] = np.clip(codes[:100, 1] + 1, 0, len(case.members.columns[1].values) - 1)
    found = measure(with_release(case, codes))
    assert found["copies_excess", "raw"].evidence.k1 <= 1
    assert found["copies_excess", "near"].evidence.k1 >= 95
    # Without non-members too: the jittered rows crowd their members as no member crowds another.
    alone = measure(replace(with_release(case, codes), non_members=None))
    assert alone["released_near_excess", "distance"].evidence.bounds(0.99).low > 0.02


def test_without_non_members_a_verbatim_share_is_found_and_a_fresh_sample_is_not() -> None:
    leaky = measure(replace(made_up_case("leaky", rows=400), non_members=None))
    both = [leaky["released_copies_excess", of].evidence.bounds(0.99).low for of in ("any", "once")]
    assert min(both) > 0
    fresh = measure(replace(made_up_case("innocent", rows=400), non_members=None))
    assert min(fresh["released_copies_excess", of].evidence.bounds(0.99).low for of in ("any", "once")) <= 0
    assert ("copies_excess", "raw") not in fresh


def test_repeated_hits_of_one_value_are_one_piece_of_evidence() -> None:
    case = replace(made_up_case("innocent", rows=100), non_members=None)
    codes = case.release.codes.copy()
    codes[:30] = case.members.codes[0]
    evidence = measure(with_release(case, codes))["released_copies_excess", "once"].evidence
    assert evidence.k1 == 30
    assert evidence.deff1 == pytest.approx(30)


def test_a_persons_equal_rows_do_not_narrow_the_bound() -> None:
    case = made_up_case("innocent", rows=120)
    people = np.repeat(np.arange(30), 4)
    grouped = replace(case, member_subjects=people, non_member_subjects=people + 30, unit="person")
    codes = case.members.codes[people < 5]  # all rows of five people
    alone = measure(with_release(case, codes))["copies_excess", "raw"].evidence
    together = measure(with_release(grouped, codes))["copies_excess", "raw"].evidence
    assert together.deff1 > 3
    assert together.bounds(0.99).low < alone.bounds(0.99).low


def test_identifiers_survive_as_they_are_in_other_width_and_hashed() -> None:
    def ids(*values: str) -> Table:
        words = np.array(sorted(values), dtype=object)
        return Table(
            columns=(Column(name="id", kind="category", values=words),),
            codes=read_only(np.arange(len(words)).reshape(-1, 1)),
        )

    members = ids("P-001", "P-002", "P-003")
    assert surviving(ids("X-1", "X-2"), members) == 0
    assert surviving(ids("p-001 ", "Ｐ-002", "X-9"), members) == 2
    hashed = "93d5ab3d0b4d0a1f4d0e0a3c" * 2
    assert surviving(ids(hashed), members) == 0
    import hashlib

    assert surviving(ids(hashlib.sha256(b"P-003").hexdigest().upper()), members) == 1


def test_a_fresh_sample_shows_no_excess() -> None:
    found = measure(made_up_case("innocent", rows=600))
    for of in ("raw", "normalised", "near"):
        assert found["copies_excess", of].evidence.p_value(0.0) > 1e-5
    assert Fraction(found["multiset_equal", "all"].value) == 0


def with_ids(case: Case, released: np.ndarray) -> Case:
    """The case with a running number as a further column: members 0-, non-members 1000-."""
    assert case.non_members is not None
    column = Column(name="number", kind="integer", values=np.arange(5000.0))

    def numbered(table: Table, numbers: np.ndarray) -> Table:
        codes = np.column_stack([table.codes, numbers[: len(table)]])
        return Table(columns=(*table.columns, column), codes=read_only(codes))

    return replace(
        case,
        members=numbered(case.members, np.arange(1000)),
        non_members=numbered(case.non_members, np.arange(1000, 2000)),
        release=numbered(case.release, released),
    )


def test_an_identifier_nobody_declared_is_found_by_its_values() -> None:
    case = made_up_case("innocent", rows=300)
    kept = measure(with_ids(case, np.arange(1000)))["singular_values_excess", "number"].evidence
    assert (kept.k1, kept.k0) == (300, 0)
    fresh = measure(with_ids(case, np.arange(3000, 4000)))["singular_values_excess", "number"].evidence
    assert (fresh.k1, fresh.k0) == (0, 0)
    # New running numbers that fall among real ones meet members and non-members alike.
    running = measure(with_ids(case, np.r_[0:150, 1000:1150]))["singular_values_excess", "number"].evidence
    assert running.value == 0


def test_measured_quantities_and_repeated_values_are_no_identifiers() -> None:
    case = made_up_case("innocent", rows=300)
    assert case.singular == ()  # "income" is distinct in nearly everybody, but a fraction
    assert with_ids(case, np.arange(1000)).singular == ("number",)
    assert "singular_values_excess" not in {name for name, _ in measure(case)}


def test_a_copy_under_a_new_number_is_still_a_copy() -> None:
    case = with_ids(made_up_case("leaky", rows=300), np.arange(3000, 4000))
    assert measure(case)["copies_excess", "raw"].evidence.k1 == 150
