"""Descriptions: whom they fit, which single somebody out, and what counts as a try."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.answers import Condition, Malformed, Predicate, Predicates
from audit_core.bench import Bench, Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.evidence import Excess
from audit_core.inquiry.predicates import NOBODY, Described, NoSuchCondition
from audit_core.inquiry.singling_out import inquiry
from audit_core.isolation import Limits
from audit_core.questions import SinglingOut
from audit_core.registry import Registry, discover
from audit_core.tables import MISSING, Column, Table, read_only
from audit_core.testing import find, made_up_case
from audit_plugins.attacks.singling_out import multivariate, univariate

PLUGIN = discover().attacks["singling-out"]

TABLE = Table(
    columns=(
        Column(name="age", kind="integer", values=np.array([-5.0, 0.0, 20.0, 30.0, 40.0])),
        Column(name="town", kind="category", values=np.array(["Kyōto", "NARA", "nara", "it's `$(rm)`"], dtype=object)),
    ),
    codes=read_only(np.array([[0, 0], [2, 1], [2, 2], [4, 3], [MISSING, 0], [3, MISSING]], dtype=np.int32)),
)


def bench(case: Case) -> Bench:
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    return lay_out(case, setting, Registry(), [], Cache())


def one(column: str, op: str, value: float | str | None) -> Predicate:
    return (Condition(column=column, op=op, value=value),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("predicate", "rows"),
    [
        (one("age", "==", -5.0), [0]),
        (one("age", "<=", -0.5), [0]),
        (one("age", "<=", 20.0), [0, 1, 2]),
        (one("age", ">=", 30.0), [3, 5]),
        (one("age", ">=", 41.0), []),
        (one("age", "==", 21.0), []),
        (one("age", "missing", None), [4]),
        (one("town", "==", "nara"), [1, 2]),
        (one("town", "==", " Ｎａｒａ"), [1, 2]),
        (one("town", "==", "Osaka"), []),
        (one("town", "==", "it's `$(rm)`"), [3]),
        (one("town", "missing", None), [5]),
        (one("age", ">=", 20.0) + one("town", "==", "NARA"), [1, 2]),
        (one("age", ">=", 0.0) + one("age", "<=", 30.0) + one("town", "missing", None), [5]),
    ],
)
def test_a_description_fits_these_rows(predicate: Predicate, rows: list[int]) -> None:
    fit = Described(TABLE, None).fit([predicate])
    assert fit.people.tolist() == [len(rows)]
    assert fit.single.tolist() == [rows[0] if len(rows) == 1 else NOBODY]


def test_rows_of_one_person_are_one_person() -> None:
    fit = Described(TABLE, np.array([7, 8, 8, 9, 9, 9])).fit([one("town", "==", "nara"), one("age", ">=", 0.0)])
    assert fit.single.tolist() == [8, NOBODY]
    assert fit.people.tolist() == [1, 2]


@pytest.mark.parametrize(
    "predicate",
    [one("height", "==", 1.0), one("age", "==", "20"), one("town", "==", 3.0), one("town", ">=", "nara"), ()],
)
def test_a_condition_that_cannot_be_looked_at_is_refused_without_its_value(predicate: Predicate) -> None:
    with pytest.raises(NoSuchCondition) as caught:
        Described(TABLE, None).fit([predicate])
    assert "nara" not in str(caught.value)
    case = made_up_case("innocent", rows=20)
    with pytest.raises(Malformed, match=r"Predicates\.items"):
        inquiry(PLUGIN, {}, bench(case)).mark([(Predicates(of="s", items=(one("height", "==", 1.0),)),)])


@given(st.integers(0, 10**6))
def test_fits_are_those_of_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case = made_up_case("innocent", rows=30, seed=seed % 1000, missing=0.2)
    table = case.members
    row = int(rng.integers(30))
    conditions = []
    for name in rng.choice(table.names, 2, replace=False):
        column, code = table.columns[table.index(name)], table.codes[row, table.index(name)]
        op = "missing" if code == MISSING else str(rng.choice(["==", "<=", ">="])) if column.numeric else "=="
        value = None if code == MISSING else float(column.values[code]) if column.numeric else str(column.values[code])
        conditions.append(Condition(column=str(name), op=op, value=value))  # type: ignore[arg-type]

    def fits(position: int) -> bool:
        for each in conditions:
            column, code = table.columns[table.index(each.column)], table.codes[position, table.index(each.column)]
            if (code == MISSING) != (each.op == "missing"):
                return False
            if code != MISSING:
                value = column.values[code]
                if not {"==": value == each.value, "<=": column.numeric and value <= each.value,
                        ">=": column.numeric and value >= each.value}[each.op]:  # fmt: skip
                    return False
        return True

    expected = [position for position in range(30) if fits(position)]
    fit = Described(table, None).fit([tuple(conditions)])
    assert fit.people[0] == len(expected)


def test_the_denominator_is_what_was_tried() -> None:
    """Two right of two tried is 100 %, however many somebody meant to try."""
    case = made_up_case("innocent", rows=40)
    asked = inquiry(PLUGIN, {"tries": 500}, bench(case))
    incomes = case.members.numbers("income")
    distinct, counts = np.unique(incomes, return_counts=True)
    alone = [one("income", "==", float(value)) for value in distinct[counts == 1][:2]]
    marked = asked.mark([(Predicates(of="s", items=tuple(alone)), Predicates(of="none", items=()))])
    said = {each.of: each for each in marked.measurements if each.name == "singling_out_excess"}
    evidence = said["s"].evidence
    assert isinstance(evidence, Excess)
    assert (evidence.k1, evidence.n1, evidence.n0) == (2, 2, 2)
    assert not said["none"].evidence.measurable


def test_both_arms_are_of_one_size() -> None:
    case = made_up_case("innocent", rows=200)
    assert case.non_members is not None
    few = replace(case, non_members=case.non_members.take(np.arange(50)))
    (put,) = inquiry(PLUGIN, {}, bench(few)).puts
    assert put.key.size == 50
    everyone = one("age", ">=", -1e9)
    assert put.key.members.fit([everyone]).people.tolist() == put.key.controls.fit([everyone]).people.tolist() == [50]
    people = np.repeat(np.arange(50), 4)
    grouped = replace(case, member_subjects=people, non_member_subjects=people[:200] % 20 + 100, unit="person")
    (put,) = inquiry(PLUGIN, {}, bench(grouped)).puts
    assert put.key.size == 20
    assert put.key.members.fit([everyone]).people.tolist() == [20]


def test_somebody_singled_out_twice_is_one_piece_of_evidence() -> None:
    case = made_up_case("innocent", rows=40)
    asked = inquiry(PLUGIN, {}, bench(case))
    income = case.members.numbers("income")
    alone = float(np.max(income))
    items = (one("income", ">=", alone), one("income", "==", alone), one("income", ">=", alone - 1e-6))
    (excess, _) = asked.mark([(Predicates(of="s", items=items),)]).measurements
    assert isinstance(excess.evidence, Excess)
    assert (excess.evidence.k1, excess.evidence.deff1) == (3, 3)


def test_the_attacker_has_the_release_and_nothing_else() -> None:
    case = made_up_case("innocent", rows=40)
    (put,) = inquiry(PLUGIN, {}, bench(case)).puts
    question = put.question()
    assert isinstance(question, SinglingOut)
    assert question.release.texts("region").tolist() == case.release.texts("region").tolist()


def test_every_description_by_several_columns_fits_one_released_row() -> None:
    release = made_up_case("innocent", rows=120, missing=0.1).release.normalised()
    items = list(multivariate(release, 120, np.random.default_rng(0)))
    assert len(items) > 60
    assert len(set(items)) == len(items)
    assert (Described(release, None).fit(items).people == 1).all()
    assert all(len({condition.column for condition in item}) >= 2 for item in items)


def test_descriptions_by_one_column_are_of_what_one_row_has() -> None:
    items = list(univariate(TABLE))
    assert one("age", "<=", -5.0) in items
    assert one("age", ">=", 40.0) in items
    assert one("age", "missing", None) in items
    assert one("town", "==", "it's `$(rm)`") in items
    assert (Described(TABLE, None).fit(items).people >= 1).all()


def test_where_no_row_is_alone_nothing_is_tried() -> None:
    constant = Table(columns=TABLE.columns, codes=read_only(np.zeros((20, 2), dtype=np.int32)))
    assert list(multivariate(constant, 10, np.random.default_rng(0))) == []
    assert list(univariate(constant)) == []


def test_a_release_that_copies_is_found_and_an_innocent_one_is_not() -> None:
    registry = discover()
    for leak in ("leaky", "innocent"):
        finding = find(PLUGIN, made_up_case(leak, rows=600), registry)  # type: ignore[arg-type]
        said = {each.of: each for each in finding.measurements if each.name == "singling_out_excess"}
        assert (said["multivariate"].interval.low > 0.1) is (leak == "leaky")
