"""Two files about the same people: what is in them, who belongs to whom, which links are right."""

from dataclasses import replace

import numpy as np
import pytest

from audit_core.answers import Links
from audit_core.bench import Bench, Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.inquiry.linkage import dealt_out, inquiry
from audit_core.isolation import Limits
from audit_core.neighbours import nearest
from audit_core.questions import Linkage, Neighbours
from audit_core.registry import Registry, discover
from audit_core.tables import Table
from audit_core.testing import find, made_up_case
from audit_plugins.attacks.linkability import nearest_pairs

PLUGIN = discover().attacks["linkability"]


def bench(case: Case) -> Bench:
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    return lay_out(case, setting, Registry(), [], Cache())


def asked(case: Case, **params):
    made = inquiry(PLUGIN, params, bench(case))
    (put,) = made.puts
    question = put.question()
    assert isinstance(question, Linkage)
    return made, put, question


def texts(table: Table) -> list[tuple]:
    return list(zip(*(table.texts(name) for name in table.names), strict=True))


def test_the_two_files_hold_the_same_people_each_in_an_order_of_its_own() -> None:
    case = made_up_case("innocent", rows=60, missing=0.1)
    _, put, question = asked(case)
    key = put.key
    assert set(question.left.names) | set(question.right.names) == set(case.release.names)
    assert not set(question.left.names) & set(question.right.names)
    people = [
        (texts(case.members) if member else texts(case.non_members))[row]
        for member, row in zip(key.pool.member, key.pool.row, strict=True)
    ]
    columns = {name: position for position, name in enumerate(case.release.names)}
    left, right = texts(question.left), texts(question.right)
    for target, person in enumerate(people):
        assert left[target] == tuple(person[columns[name]] for name in question.left.names)
        assert right[key.right[target]] == tuple(person[columns[name]] for name in question.right.names)
    assert (key.right != np.arange(len(people))).any()


def test_the_right_links_are_all_right_and_none_is_none() -> None:
    made, put, question = asked(made_up_case("innocent", rows=60))
    nobody = np.full(len(question.left), -1)
    shifted = (put.key.right + 1) % len(question.right)
    marked = made.mark([tuple(Links(of=of, right_of_left=links) for of, links in
                              (("true", put.key.right), ("none", nobody), ("wrong", shifted)))])  # fmt: skip
    hits = {one.of: one.evidence for one in marked.measurements if one.name == "linkability_excess"}
    assert (hits["true"].k1, hits["true"].n1, hits["true"].k0, hits["true"].n0) == (60, 60, 60, 60)
    assert (hits["none"].k1, hits["none"].n1) == (0, 60)  # whoever links nobody has tried all the same
    assert hits["wrong"].k1 == 0
    (prior,) = [one for one in marked.measurements if one.name == "linkability_prior"]
    assert prior.value == pytest.approx(1 / 120)


def test_columns_are_dealt_out_by_how_much_they_tell_and_a_recipe_may_say_otherwise() -> None:
    case = made_up_case("innocent", rows=300)
    left, right = dealt_out(case, ())
    assert "income" in left  # all but distinct, so first
    assert abs(len(left) - len(right)) <= 1
    named, others = dealt_out(case, ("age", "region"))
    assert (set(named), set(others)) == ({"age", "region"}, {"group", "income", "status", "visits"})
    assert inquiry(PLUGIN, {"left": list(case.release.names)}, bench(case)).puts == ()


def test_the_neighbours_are_those_by_each_files_own_columns() -> None:
    case = made_up_case("leaky", rows=50)
    _, _, question = asked(case)
    laid = bench(case).rows
    for name, table, columns in (("release", question.left, question.left.names),):
        found = question.neighbours[name]
        units = laid.units_of(columns)  # type: ignore[attr-defined]
        expected = nearest(
            table.normalised(), question.release.select(columns).normalised(), units, k=PLUGIN.neighbours
        )
        assert np.allclose(found.distance, expected.distance, atol=1e-5)
    back = question.neighbours["release>right"]
    units = laid.units_of(question.right.names)  # type: ignore[attr-defined]
    expected = nearest(
        question.release.select(question.right.names).normalised(),
        question.right.normalised(),
        units,
        k=PLUGIN.neighbours,
    )
    assert np.allclose(back.distance, expected.distance, atol=1e-5)
    assert (back.row >= 0).all()
    near = question.right.codes[back.row[:, 0]]
    released = question.release.select(question.right.names).codes
    exact = back.distance[:, 0] == 0
    assert exact.sum() >= 25  # half of the release are members' rows
    assert (near[exact] == released[exact]).all()


def test_the_shortest_way_over_a_released_row_wins_and_a_missing_neighbour_leads_nowhere() -> None:
    inf = np.float32(np.inf)
    left = Neighbours(
        distance=np.array([[0, 1], [2, inf], [inf, inf]], dtype=np.float32),
        row=np.array([[0, 1], [1, -1], [-1, -1]], dtype=np.int32),
    )
    right = Neighbours(
        distance=np.array([[3, 4], [0, 9]], dtype=np.float32), row=np.array([[5, 6], [7, 8]], dtype=np.int32)
    )
    assert nearest_pairs(left, right, np.random.default_rng(0)).tolist() == [7, 7, -1]


def test_a_release_that_copies_is_found_and_an_innocent_one_is_not() -> None:
    registry = discover()
    for leak, low in (("leaky", 0.25), ("innocent", -0.05)):
        finding = find(PLUGIN, made_up_case(leak, rows=500), registry)  # type: ignore[arg-type]
        (excess,) = [one for one in finding.measurements if one.name == "linkability_excess"]
        assert (excess.interval.low > 0.25) is (leak == "leaky")
        assert excess.interval.low > low


def test_rows_of_a_person_widen_the_interval() -> None:
    case = made_up_case("innocent", rows=400)
    people = np.repeat(np.arange(100), 4)
    grouped = replace(case, member_subjects=people, non_member_subjects=people + 100, unit="person")
    made, put, question = asked(grouped)
    marked = made.mark([(Links(of="s", right_of_left=np.where(put.key.pool.row < 200, put.key.right, -1)),)])
    (excess,) = [one for one in marked.measurements if one.name == "linkability_excess"]
    assert excess.n == pytest.approx(100, rel=0.1)
    assert len(question.left) == 800
