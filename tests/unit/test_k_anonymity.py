"""The check `k-anonymity` against closed forms and against the definitions written out in plain Python."""

import csv
import math
import os
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from audit_core.case import Case, Role
from audit_core.codes import CODES, sentence
from audit_core.evidence import Exact
from audit_core.measurement import Histogram, Measurement, Reason
from audit_core.scorecard import FileFacts
from audit_core.tables import MISSING, Column, Kind, Table, read_only
from audit_plugins.checks.equivalence_classes import class_keys, equivalence_classes
from audit_plugins.checks.k_anonymity import KAnonymity
from audit_plugins.checks.sensitive_values import disclosure, ordered_distances, value_counts
from audit_plugins.params import KAnonymityParams

Cell = float | str | None
Cells = Sequence[Cell]
Shares = dict[Cell, Fraction]
Data = Mapping[str, Cells]
QI = "quasi-identifiers"

DIGITS = 1e-11
"""Evidence keeps 12 significant digits: it is off by at most 5e-12 of its value."""


def columns_over(*data: Data) -> dict[str, Column]:
    """Dictionaries over the union of the data; text makes a category, numbers an integer column."""
    columns = {}
    for name in data[0]:
        values = {cell for each in data for cell in each[name] if cell is not None}
        kind: Kind = "category" if any(isinstance(value, str) for value in values) else "integer"
        dtype = object if kind == "category" else np.float64
        columns[name] = Column(name=name, kind=kind, values=np.array(sorted(values), dtype=dtype))
    return columns


def table_of(data: Data, columns: dict[str, Column]) -> Table:
    codes = []
    for name, column in columns.items():
        place: dict[Hashable, int] = {value: code for code, value in enumerate(column.values.tolist())}
        codes.append([MISSING if cell is None else place[cell] for cell in data[name]])
    return Table(columns=tuple(columns.values()), codes=read_only(np.array(codes, dtype=np.int32).T))


def case_of(
    released: Data,
    roles: dict[str, Role],
    *,
    members: Data | None = None,
    non_members: Data | None = None,
    subjects: tuple[Sequence[int], Sequence[int]] | None = None,
    unit: str = "row",
    generalised: bool = False,
    k_anonymity_min: int = 0,
) -> Case:
    """A case over the released columns; the members are the released rows where none are given."""
    members = members or released
    common = {name: cells for name, cells in released.items() if name in members}
    columns = columns_over(common, members, *([non_members] if non_members else []))
    non_member_table = table_of(non_members, columns) if non_members else None
    return Case(
        name="case",
        release=table_of(common, columns),
        members=table_of(members, columns),
        non_members=non_member_table,
        published=table_of(released, columns_over(released)),
        roles=roles,
        released_identifiers=None,
        member_identifiers=None,
        member_subjects=np.array(subjects[0], dtype=np.int64) if subjects else None,
        non_member_subjects=np.array(subjects[1], dtype=np.int64) if subjects and non_members else None,
        unit=unit,
        overlap=0,
        generalised=generalised,
        k_anonymity_min=k_anonymity_min,
        files={"release": FileFacts(name="release.csv", rows=0, digest="sha256:0")},
    )


def findings(
    case: Case, **params: str
) -> tuple[dict[tuple[str, str], Measurement], list[Histogram], dict[str, Reason]]:
    """Measurements by (name, of), charts, caveats by code."""
    found = list(
        KAnonymity(**KAnonymityParams.model_validate(params).model_dump()).measure(case, np.random.default_rng(0))
    )
    measurements = {(item.name, item.of): item for item in found if isinstance(item, Measurement)}
    charts = [item for item in found if isinstance(item, Histogram)]
    caveats = {item.code: item for item in found if isinstance(item, Reason)}
    assert len(found) == len(measurements) + len(charts) + len(caveats)
    return measurements, charts, caveats


def values(case: Case, **params: str) -> dict[tuple[str, str], float]:
    return {key: each.value for key, each in findings(case, **params)[0].items()}


def fraction(measurement: Measurement) -> Fraction:
    assert isinstance(measurement.evidence, Exact)
    return Fraction(measurement.evidence.numerator) / Fraction(measurement.evidence.denominator)


# The definitions, literally: one pass over all values of all classes, in fractions.


def distribution(cells: Cells) -> Shares:
    return {value: Fraction(count, len(cells)) for value, count in Counter(cells).items()}


def ordered_distance(q: Shares, p: Shares) -> Fraction:
    ranked = sorted(p, key=lambda value: (value is not None, value))
    gap, total = Fraction(0), Fraction(0)
    for value in ranked:
        gap += q.get(value, Fraction(0)) - p[value]
        total += abs(gap)
    return total / (len(ranked) - 1) if len(ranked) > 1 else Fraction(0)


def variation(q: Shares, p: Shares) -> Fraction:
    return sum((abs(q.get(value, Fraction(0)) - p[value]) for value in p), Fraction(0)) / 2


def sensitive_oracle(groups: Sequence[Hashable], cells: Cells) -> dict[str, float]:
    p = distribution(cells)
    members = defaultdict(list)
    for group, cell in zip(groups, cells, strict=True):
        members[group].append(cell)
    shares = [distribution(inside) for inside in members.values()]
    numeric = not any(isinstance(cell, str) for cell in cells)
    distance = ordered_distance if numeric else variation
    return {
        "l_distinct_risk": 1 / min(len(q) for q in shares),
        "l_entropy_risk": 1 / math.exp(min(-sum(float(x) * math.log(x) for x in q.values()) for q in shares)),
        "t_closeness": float(max(distance(q, p) for q in shares)),
        "delta_disclosure": max(abs(math.log(q[value] / p[value])) for q in shares for value in q),
    }


def size_oracle(groups: Sequence[Hashable], people: Sequence[Hashable], k: int) -> dict[str, float]:
    inside = defaultdict(set)
    for group, person in zip(groups, people, strict=True):
        inside[group].add(person)
    sizes = [len(inside[group]) for group in groups]
    return {
        "largest_risk": 1 / min(sizes),
        "average_risk": sum(1 / size for size in sizes) / len(sizes),
        "share_below_k": sum(size < k for size in sizes) / len(sizes),
        "sample_uniqueness": sum(size == 1 for size in sizes) / len(sizes),
    }


ROLES: dict[str, Role] = {"a": "quasi-identifier", "b": "quasi-identifier", "s": "sensitive"}

numbers = st.sampled_from([None, 0.0, 1.0, 2.0, 5.0])
words = st.sampled_from([None, "x", "y", "z"])


@st.composite
def data(draw: st.DrawFn, sensitive: st.SearchStrategy = numbers, most: int = 14) -> Data:
    rows = draw(st.lists(st.tuples(numbers, words, sensitive), min_size=1, max_size=most))
    return {name: [row[place] for row in rows] for place, name in enumerate("abs")}


@settings(max_examples=300, deadline=None)
@given(released=st.one_of(data(numbers), data(words)), k=st.integers(0, 4))
def test_every_measure_equals_its_definition(released: Data, k: int) -> None:
    groups = list(zip(released["a"], released["b"], strict=True))
    found = values(case_of(released, ROLES, k_anonymity_min=k))
    for name, expected in size_oracle(groups, range(len(groups)), k or 11).items():
        assert found[name, QI] == pytest.approx(expected, rel=DIGITS, abs=DIGITS)
    for name, expected in sensitive_oracle(groups, released["s"]).items():
        assert found[name, "s"] == pytest.approx(expected, rel=DIGITS, abs=DIGITS)


@settings(max_examples=100, deadline=None)
@given(released=data(), members=data(), non_members=st.none() | data(), seed=st.integers(0, 99))
def test_k_map_counts_the_real_people_in_released_classes(
    released: Data, members: Data, non_members: Data | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    subjects = (rng.integers(0, 5, len(members["a"])), rng.integers(5, 9, len(non_members["a"]) if non_members else 0))
    real = [(members, subjects[0]), *([(non_members, subjects[1])] if non_members else [])]
    rows: Counter[tuple[Cell, Cell]] = Counter()
    people: dict[tuple[Cell, Cell], set[int]] = defaultdict(set)
    for each, ids in real:
        for a, b, person in zip(each["a"], each["b"], ids, strict=True):
            rows[a, b] += 1
            people[a, b].add(int(person))
    classes = set(zip(released["a"], released["b"], strict=True))
    for by_subject in (False, True):
        sizes = [len(people[each]) if by_subject else rows[each] for each in classes]
        shared = [size for size in sizes if size]
        case = case_of(
            released,
            ROLES,
            members=members,
            non_members=non_members,
            subjects=tuple(each.tolist() for each in subjects) if by_subject else None,
            unit="person" if by_subject else "row",
        )
        measurements, _, caveats = findings(case)
        if shared:
            assert measurements["k_map_risk", QI].value == pytest.approx(1 / min(shared))
        else:
            assert ("k_map_risk", QI) not in measurements
        counts = caveats["k-map-classes"].args if "k-map-classes" in caveats else {"empty": 0, "single": 0}
        assert counts["empty"] == sizes.count(0)
        assert counts["single"] == sizes.count(1)


def test_k_map_is_no_claim_where_a_quasi_identifier_was_generalised() -> None:
    released: Data = {"a": ["30-39", "30-39"], "b": ["x", "x"]}
    members: Data = {"b": ["x", "x"]}
    case = case_of(released, ROLES, members=members, generalised=True)
    measurements, _, caveats = findings(case)
    assert measurements["largest_risk", QI].value == pytest.approx(1 / 2)
    assert ("k_map_risk", QI) not in measurements
    assert "k-map-not-comparable" in caveats


@settings(max_examples=100, deadline=None)
@given(released=st.one_of(data(numbers), data(words)), pairs=st.integers(1, 5))
def test_looking_at_a_few_classes_at_a_time_changes_nothing(released: Data, pairs: int) -> None:
    table = table_of(released, columns_over(released))
    keys = class_keys(["a", "b"], table)
    column = table.columns[table.index("s")]
    counts = value_counts(keys, table.codes[:, table.index("s")], len(column.values) + 1)
    assert disclosure(counts, ordered=column.numeric, pairs=pairs) == disclosure(counts, ordered=column.numeric)


@settings(max_examples=50, deadline=None)
@given(released=data(), seed=st.integers(0, 99))
def test_row_order_changes_nothing(released: Data, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(released["a"]))
    shuffled = {name: [cells[row] for row in order] for name, cells in released.items()}
    assert findings(case_of(shuffled, ROLES)) == findings(case_of(released, ROLES))


def test_rows_cut_out_of_a_larger_table_are_counted_by_themselves() -> None:
    released: Data = {"a": [1, 2, 2, 3, 3, 3], "b": ["x"] * 6, "s": [0, 0, 1, 0, 1, 2]}
    whole = table_of(released, columns_over(released))
    keys = class_keys(["a", "b"], whole.take(np.array([5, 1, 3, 2])))
    assert equivalence_classes(keys).rows.tolist() == [2, 2]


def test_a_missing_quasi_identifier_is_a_class_of_its_own_and_not_dropped() -> None:
    released: Data = {"a": [1, 1, 1, None], "b": ["x"] * 4, "s": [0, 1, 2, 3]}
    measurements, _, caveats = findings(case_of(released, ROLES))
    assert measurements["largest_risk", QI].value == 1
    assert caveats["k-anonymity-missing-values"].args == {"rows": 1}


def test_missing_cells_are_equal_to_each_other() -> None:
    released: Data = {"a": [1, 1, None, None], "b": ["x"] * 4}
    assert values(case_of(released, ROLES))["largest_risk", QI] == pytest.approx(1 / 2)


def test_suppressed_rows_are_left_out_on_request_and_counted() -> None:
    released: Data = {"a": [1, 1, None, None], "b": ["x", "x", None, "x"], "s": [0, 1, 2, 3]}
    measurements, _, caveats = findings(case_of(released, ROLES), missing="drop-suppressed")
    # The row that misses only a stays, alone in its class; that of three rows two are in a class of two is left.
    assert measurements["average_risk", QI].value == pytest.approx(2 / 3)
    assert measurements["largest_risk", QI].value == 1
    assert caveats["k-anonymity-suppressed-rows"].args == {"rows": 1, "left": 3}
    assert caveats["k-anonymity-missing-values"].args == {"rows": 1}


def test_suppressed_rows_are_left_out_of_k_map_too() -> None:
    released: Data = {"a": [1, 1, None], "b": ["x", "x", None]}
    case = case_of(released, ROLES)
    assert values(case)["k_map_risk", QI] == 1
    assert values(case, missing="drop-suppressed")["k_map_risk", QI] == pytest.approx(1 / 2)


def test_nothing_is_measured_where_every_row_is_suppressed() -> None:
    released: Data = {"a": [None, None], "b": [None, None], "s": [0, 1]}
    measurements, charts, caveats = findings(case_of(released, ROLES), missing="drop-suppressed")
    assert not measurements
    assert not charts
    assert "k-anonymity-no-row" in caveats


def test_nothing_is_measured_without_quasi_identifiers() -> None:
    measurements, charts, caveats = findings(case_of({"s": [0, 1]}, {"s": "sensitive", "a": "quasi-identifier"}))
    assert not measurements
    assert not charts
    assert list(caveats) == ["k-anonymity-no-quasi-identifier"]


def test_the_average_is_over_rows_and_not_over_classes() -> None:
    # Two people alone and 98 together: 3 classes of 100 rows. Averaged over classes it would be (1 + 1 + 1/98) / 3.
    released: Data = {"a": [1, 2, *[3] * 98], "b": ["x"] * 100}
    assert fraction(findings(case_of(released, ROLES))[0]["average_risk", QI]) == Fraction(3, 100)


def test_the_evidence_of_the_largest_risk_is_a_fraction_of_whole_numbers() -> None:
    assert fraction(findings(case_of({"a": [1] * 11, "b": ["x"] * 11}, ROLES))[0]["largest_risk", QI]) == Fraction(
        1, 11
    )


def test_one_class_with_a_constant_sensitive_column() -> None:
    released: Data = {"a": [1] * 7, "b": ["x"] * 7, "s": [4] * 7}
    measurements, _, caveats = findings(case_of(released, ROLES))
    assert measurements["l_distinct_risk", "s"].value == 1
    assert measurements["l_entropy_risk", "s"].value == 1
    assert measurements["t_closeness", "s"].value == 0
    assert measurements["delta_disclosure", "s"].value == 0
    assert "delta-disclosure-absent-values" not in caveats


@pytest.mark.parametrize("cells", [[0, 1, 1, 5, 5, 5, 7], ["x", "y", "y", "z", "z", "z", "w"]])
def test_one_class_is_as_all_rows_are(cells: Cells) -> None:
    found = values(case_of({"a": [1] * 7, "b": ["x"] * 7, "s": cells}, ROLES))
    assert found["t_closeness", "s"] == 0
    assert found["delta_disclosure", "s"] == 0
    assert found["l_distinct_risk", "s"] == pytest.approx(1 / 4)


def test_ordered_distances_of_the_salary_example() -> None:
    # Li, Li & Venkatasubramanian (2007): salaries 3k to 11k, once each; the classes {3k, 4k, 5k} and {6k, 8k, 11k} are
    # 0.375 and 0.167 from all rows. For {7k, 9k, 10k} Q - P is -1, -2, -3, -4, -2, -3, -1, 1, 0 ninths; 17 / 72.
    released: Data = {"a": [1] * 3 + [2] * 3 + [3] * 3, "s": [3, 4, 5, 6, 8, 11, 7, 9, 10]}
    table = table_of(released, columns_over(released))
    keys = class_keys(["a"], table)
    counts = value_counts(keys, table.codes[:, 1], 10)
    assert ordered_distances(counts) == pytest.approx([0.375, 1 / 6, 17 / 72])
    assert disclosure(counts, ordered=True).closeness == pytest.approx(0.375)


def test_closeness_of_categories_is_total_variation() -> None:
    # p = (1/2, 1/2); both classes hold one value only: half of |1 - 1/2| + |0 - 1/2|.
    released: Data = {"a": [1, 1, 2, 2], "b": ["x"] * 4, "s": ["u", "u", "v", "v"]}
    measurements, _, caveats = findings(case_of(released, ROLES))
    assert measurements["t_closeness", "s"].value == pytest.approx(1 / 2)
    assert measurements["l_distinct_risk", "s"].value == 1
    assert measurements["delta_disclosure", "s"].value == pytest.approx(math.log(2))
    assert caveats["delta-disclosure-absent-values"].args == {"column": "s", "classes": 2, "all": 2}


def test_entropy_of_uneven_values_is_below_their_number() -> None:
    # Shares 1/2, 1/4, 1/4: entropy 3/2 ln 2, so the risk is 2 ** -1.5 where distinct values give 1/3.
    released: Data = {"a": [1] * 4, "b": ["x"] * 4, "s": [1, 1, 2, 3]}
    found = values(case_of(released, ROLES))
    assert found["l_entropy_risk", "s"] == pytest.approx(2**-1.5)
    assert found["l_distinct_risk", "s"] == pytest.approx(1 / 3)


def test_a_missing_sensitive_cell_is_the_lowest_value_and_said() -> None:
    released: Data = {"a": [1, 1, 2, 2], "b": ["x"] * 4, "s": [None, None, 8, 9]}
    measurements, _, caveats = findings(case_of(released, ROLES))
    # Ranks: missing 0, 8 is 1, 9 is 2; the first class is all missing, Q = (1, 1, 1) against P = (1/2, 3/4, 1).
    assert measurements["t_closeness", "s"].value == pytest.approx((1 / 2 + 1 / 4) / 2)
    assert measurements["l_distinct_risk", "s"].value == 1
    assert caveats["sensitive-missing-values"].args == {"column": "s", "rows": 2}


def test_every_released_sensitive_column_is_measured() -> None:
    released: Data = {"a": [1, 1], "b": ["x", "x"], "s": [1, 2], "u": ["v", "v"]}
    found = values(case_of(released, {**ROLES, "u": "sensitive", "not-released": "sensitive"}))
    assert {of for _, of in found} == {QI, "s", "u"}
    assert found["l_distinct_risk", "u"] == 1


def test_a_person_with_several_rows_is_one_person() -> None:
    released: Data = {"a": [1] * 12 + [2] * 12, "b": ["x"] * 24, "person": [*"p" * 12, *"abcdefghijkl"]}
    measurements, charts, caveats = findings(case_of(released, {**ROLES, "person": "subject"}, unit="person"))
    expected = size_oracle(released["a"], released["person"], 11)
    for name, value in expected.items():
        assert measurements[name, QI].value == pytest.approx(value)
    assert measurements["largest_risk", QI].value == 1
    assert "k-anonymity-counts-rows" not in caveats
    assert measurements["share_below_k", QI].value == pytest.approx(1 / 2)
    assert (charts[0].counts[0], sum(count or 0 for count in charts[0].counts)) == (12, 24)


def test_a_class_counts_as_few_people_as_could_fill_it_where_the_release_lacks_the_subject() -> None:
    released: Data = {"a": [1, 1, 1], "b": ["x"] * 3}
    case = case_of(released, ROLES, unit="person", subjects=([0, 0, 1], []))
    measurements, _, caveats = findings(case)
    # A member has up to two rows, so three rows may be those of two people.
    assert measurements["largest_risk", QI].value == pytest.approx(1 / 2)
    assert measurements["k_map_risk", QI].value == pytest.approx(1 / 2)
    assert caveats["k-anonymity-counts-rows"].args == {"subject": "person"}


def test_synthetic_rows_are_weak_evidence_and_generalised_ones_are_not() -> None:
    released: Data = {"a": [1, 1], "b": ["x", "x"]}
    assert "k-anonymity-synthetic-rows" in findings(case_of(released, ROLES))[2]
    assert "k-anonymity-synthetic-rows" not in findings(case_of(released, ROLES, generalised=True))[2]


@pytest.mark.parametrize(("claimed", "limit", "below"), [(0, 11, 10), (10, 10, 0), (12, 12, 21)])
def test_the_share_below_k_is_strict_and_k_is_said(claimed: int, limit: int, below: int) -> None:
    released: Data = {"a": [1] * 10 + [2] * 11, "b": ["x"] * 21}
    measurements, _, caveats = findings(case_of(released, ROLES, k_anonymity_min=claimed))
    assert fraction(measurements["share_below_k", QI]) == Fraction(below, 21)
    assert caveats["k-anonymity-share-below"].args == {"k": limit}


def test_the_histogram_counts_rows_and_suppresses_small_cells() -> None:
    sizes = [1] * 11 + [2] + [4] * 5 + [9, 10, 11, 19, 20, 99, 100]
    released: Data = {"a": np.repeat(np.arange(len(sizes)), sizes).tolist(), "b": ["x"] * sum(sizes)}
    (chart,) = findings(case_of(released, ROLES))[1]
    assert dict(zip(chart.labels, chart.counts, strict=True)) == {
        "1": 11,
        "2": None,
        "3-4": 20,
        "5-9": None,
        "10": None,
        "11-19": 30,
        "20-49": 20,
        "50-99": 99,
        "100+": 100,
    }


def test_keys_that_would_overflow_are_renumbered() -> None:
    # Four columns of 2 ** 21 values span 2 ** 84 combinations, more than an int64 has.
    column = np.arange(2**21, dtype=np.float64)
    columns = tuple(Column(name=name, kind="number", values=column) for name in "abcd")
    rng = np.random.default_rng(5)
    codes = rng.choice([MISSING, 0, 1, 2**21 - 1], size=(400, 4)).astype(np.int32)
    first, second = (Table(columns=columns, codes=read_only(part)) for part in (codes[:300], codes[300:]))
    keys = class_keys("abcd", first, second)
    ids = keys.ids
    assert ids.min() >= 0
    assert ids.max() < keys.span <= 2**62
    rows = [tuple(row) for row in codes.tolist()]
    assert len(set(zip(rows, ids.tolist(), strict=True))) == len(set(rows)) == len(set(ids.tolist()))


def test_every_caveat_has_its_words() -> None:
    released: Data = {"a": [1, 2, None, None], "b": ["x", "y", "x", None], "s": [None, 1, 2, 3]}
    members: Data = {"a": [1, 7], "b": ["x", "x"], "s": [1, 1]}
    case = case_of(released, ROLES, members=members, unit="person", subjects=([0, 1], []))
    caveats = findings(case, missing="drop-suppressed")[2]
    assert len(caveats) == 8
    for code, reason in caveats.items():
        assert set(CODES[code].title) == set(CODES[code].more) == {"en", "ja"}
        for language in ("en", "ja"):
            assert "{" not in sentence(reason, language)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValidationError):
        KAnonymityParams(missing="drop")  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        KAnonymityParams(absent="value")  # type: ignore[call-arg]


def published_file(name: str) -> Data:
    folder = os.environ.get("SEKISHO_DATA")
    if not folder:
        pytest.skip(f"SEKISHO_DATA is not set: pycanon/{name} was not read")
    with (Path(folder) / "pycanon" / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {column: [row[column] for row in rows] for column in rows[0]}


@pytest.mark.parametrize(
    ("name", "quasi_identifiers", "sensitive", "k"),
    [
        (
            "adult_anonymized_10.csv",
            ["age", "education", "occupation", "relationship", "sex", "native-country"],
            "salary-class",
            10,
        ),
        ("StudentsMath_Score_k5.csv", ["Teacher", "Gender", "Ethnic", "Freeredu", "wesson"], "Score", 5),
    ],
)
def test_published_k_anonymous_tables_have_their_k(
    name: str, quasi_identifiers: list[str], sensitive: str, k: int
) -> None:
    released: dict[str, Cells] = {**published_file(name)}
    if sensitive == "Score":
        released["Score"] = [float(score) for score in released["Score"] if score is not None]
    roles: dict[str, Role] = dict.fromkeys(quasi_identifiers, "quasi-identifier")
    measurements, _, _ = findings(case_of(released, {**roles, sensitive: "sensitive"}, generalised=True))
    assert fraction(measurements["largest_risk", QI]) == Fraction(1, k)
    groups = list(zip(*(released[column] for column in quasi_identifiers), strict=True))
    for measure, expected in size_oracle(groups, range(len(groups)), 11).items():
        assert measurements[measure, QI].value == pytest.approx(expected, rel=DIGITS, abs=DIGITS)
    for measure, expected in sensitive_oracle(groups, released[sensitive]).items():
        assert measurements[measure, sensitive].value == pytest.approx(expected, rel=DIGITS, abs=DIGITS)
