"""Preparing a case: files in, tables in canonical order out, or every problem at once and no value in it."""

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.case import Case, content_digest
from audit_core.codes import CODES
from audit_core.errors import InputError, Problem
from audit_core.recipe import load_recipe, recipe_of_files
from audit_core.sources import digests_now
from audit_core.table_case import prepare
from audit_core.tables import Table
from audit_core.written.recipe import ColumnSpec

CANARY = "Kanarie7731"

Frame = dict[str, list[Any]]

MEMBERS: Frame = {
    "age": [39, 41, 39, None, 17, 23],
    "zip": ["01234", "90210", "01234", "x", "", "é🙂"],
    "seen": ["2024-01-02", "2023-12-31", "2024-01-02", "2024-02-29", None, "1999-01-01"],
    "income": [1.5, 2.25, 1.5, -3.0, 0.1, 1e300],
}
NON_MEMBERS: Frame = {
    "age": [50, 51, 52],
    "zip": ["a", "b", "c"],
    "seen": ["2020-01-01", "2020-01-02", "2020-01-03"],
    "income": [1.0, 2.0, 3.5],
}
RELEASE: Frame = {
    "age": [40, 41, 39, 60],
    "zip": ["01234", "90210", "01234", 'q\n,"r'],
    "seen": ["2024-01-02", "2023-12-31", "2024-01-02", None],
    "income": [1.5, 2.25, 1.5, 7.0],
}


def save(folder: Path, arm: str, frame: Frame, *, ending: str = "csv", seed: int | None = None) -> Path:
    """Writes a file, with rows and columns shuffled by a seed."""
    table = pa.table(frame)
    if seed is not None:
        rng = np.random.default_rng(seed)
        table = table.select(rng.permutation(sorted(frame)).tolist()).take(rng.permutation(len(table)))
    path = folder / f"{arm}.{ending}"
    if ending == "parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        nulls_are_text = [table.field(at).with_type(pa.string()) for at in range(table.num_columns)]
        pyarrow.csv.write_csv(table.cast(pa.schema(nulls_are_text)), path)
    return path


def case_of(
    folder: Path,
    release: Frame = RELEASE,
    members: Frame = MEMBERS,
    non_members: Frame | None = NON_MEMBERS,
    *,
    ending: str = "csv",
    seed: int | None = None,
    **recipe: Any,
) -> Case:
    folder.mkdir(exist_ok=True)
    return prepare(
        recipe_of_files(
            release=save(folder, "release", release, ending=ending, seed=seed),
            members=save(folder, "members", members, ending=ending, seed=seed and seed + 1),
            non_members=None
            if non_members is None
            else save(folder, "holdout", non_members, ending=ending, seed=seed and seed + 2),
            **recipe,
        )
    )


def refused(folder: Path, *args: Any, **options: Any) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        case_of(folder, *args, **options)
    assert caught.value.exit_code == 2
    assert CANARY not in str(caught.value)
    assert str(folder) not in str(caught.value)
    assert all(problem.code in CODES for problem in caught.value.problems)
    return list(caught.value.problems)


def with_column(frame: Frame, **columns: list[Any]) -> Frame:
    return {**frame, **columns}


def rows_in(table: Table | None) -> list[tuple[str | None, ...]]:
    assert table is not None
    return list(zip(*(table.texts(name) for name in table.names), strict=True))


def same(one: Table | None, other: Table | None) -> bool:
    if one is None or other is None:
        return one is other
    return (
        one.names == other.names
        and [column.kind for column in one.columns] == [column.kind for column in other.columns]
        and all(np.array_equal(a.values, b.values) for a, b in zip(one.columns, other.columns, strict=True))
        and np.array_equal(one.codes, other.codes)
    )


def test_a_case_holds_what_the_files_hold(tmp_path: Path) -> None:
    case = case_of(tmp_path, quasi_identifiers=["age"], sensitive=["income"])
    assert case.name == "release"
    assert case.members.names == ("age", "income", "seen", "zip")
    assert [column.kind for column in case.members.columns] == ["integer", "number", "date", "category"]
    assert sorted(rows_in(case.release), key=str) == sorted(
        [
            ("40", "1.5", "2024-01-02", "01234"),
            ("41", "2.25", "2023-12-31", "90210"),
            ("39", "1.5", "2024-01-02", "01234"),
            ("60", "7", None, 'q\n,"r'),
        ],
        key=str,
    )
    assert (None, "-3", "2024-02-29", "x") in rows_in(case.members)
    assert ("17", "0.1", None, None) in rows_in(case.members)
    assert case.roles == {"age": "quasi-identifier", "income": "sensitive", "seen": "plain", "zip": "plain"}
    assert {arm: (facts.name, facts.rows) for arm, facts in case.files.items()} == {
        "release": ("release.csv", 4),
        "members": ("members.csv", 6),
        "non_members": ("holdout.csv", 3),
    }
    assert case.facts["quasi_identifiers"] == 1
    assert (case.unit, case.member_subjects, case.released_identifiers) == ("row", None, None)


def test_all_tables_but_the_published_share_their_columns(tmp_path: Path) -> None:
    case = case_of(tmp_path)
    assert case.non_members is not None
    assert all(
        a is b is c
        for a, b, c in zip(case.release.columns, case.members.columns, case.non_members.columns, strict=True)
    )
    assert rows_in(case.published) == rows_in(case.release)
    for position, column in enumerate(case.published.columns):
        assert set(range(len(column.values))) <= set(case.published.codes[:, position])


def test_format_row_order_and_column_order_change_nothing(tmp_path: Path) -> None:
    release = with_column(RELEASE, who=["p1", "z2", "z3", "z4"])
    members = with_column(MEMBERS, who=["p1", "p1", "p2", "p3", "p4", "p4"])
    non_members = with_column(NON_MEMBERS, who=["q1", "q2", "q2"])
    ways: list[tuple[str, int | None]] = [("csv", None), ("parquet", None), ("csv", 3), ("parquet", 8), ("csv", 21)]
    cases = [
        case_of(
            tmp_path / str(number),
            release,
            members,
            non_members,
            ending=ending,
            seed=seed,
            subject="who",
            identifiers=["who"],
        )
        for number, (ending, seed) in enumerate(ways)
    ]
    first = cases[0]
    assert len({content_digest(case) for case in cases}) == 1
    assert len({case.files["members"].digest for case in cases}) > 1
    for case in cases:
        for field in ("release", "members", "non_members", "published", "released_identifiers", "member_identifiers"):
            assert same(getattr(case, field), getattr(first, field))
        for field in ("release", "members", "non_members", "published"):
            assert getattr(case, field).codes.tolist() == sorted(getattr(first, field).codes.tolist())
        for field in ("member_subjects", "non_member_subjects"):
            assert getattr(case, field).tolist() == getattr(first, field).tolist()


def frames(*, rows: int) -> st.SearchStrategy[Frame]:
    words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
    cells: dict[str, st.SearchStrategy[Any]] = {
        "word": words | st.sampled_from(["NA", "01", "1.0", '"', ",", "\n", " x", "ｘ"]),
        "whole": st.integers(-(2**53) + 1, 2**53 - 1),
        "real": st.floats(allow_nan=False, allow_infinity=False).filter(lambda real: abs(real) != 2**53),
        "day": st.dates(),
        "moment": st.datetimes(),
        "truth": st.booleans(),
    }
    columns = {name: st.lists(st.none() | cell, min_size=rows, max_size=rows) for name, cell in cells.items()}
    return st.fixed_dictionaries(columns)


@settings(max_examples=40, deadline=None)
@given(frames(rows=3), frames(rows=4))
def test_whatever_is_in_the_files_their_format_changes_nothing(release: Frame, members: Frame) -> None:
    results: list[str | list[str]] = []
    kinds = {"word": "category", "truth": "category", "whole": "integer", "real": "number"}
    kinds |= {"day": "date", "moment": "date"}
    for ending, seed in (("csv", None), ("parquet", 5)):
        with tempfile.TemporaryDirectory() as folder:
            columns = {name: ColumnSpec.model_validate({"type": kind}) for name, kind in kinds.items()}
            recipe = recipe_of_files(
                release=save(Path(folder), "release", release, ending=ending, seed=seed),
                members=save(Path(folder), "members", members, ending=ending, seed=seed),
                columns=columns,
            )
            case = prepare(recipe)
            results.append(content_digest(case))
            assert {column.name: column.kind for column in case.members.columns} == kinds
            for arm, frame in ((case.release, release), (case.members, members)):
                assert sorted(map(str, arm.texts("word"))) == sorted(str(cell or None) for cell in frame["word"])
                expected = [math.nan if cell is None else float(cell) for cell in frame["real"]]
                assert np.array_equal(np.sort(arm.numbers("real")), np.sort(expected), equal_nan=True)
    assert results[0] == results[1]


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_content_digest_tells_any_change_of_content(tmp_path: Path, position: int) -> None:
    arms = [RELEASE, MEMBERS, NON_MEMBERS]
    digests = {content_digest(case_of(tmp_path / "0", *arms))}
    for number, (name, value) in enumerate([("age", 77), ("zip", "new"), ("seen", "2024-05-05"), ("income", 8.5)], 1):
        changed = list(arms)
        changed[position] = with_column(arms[position], **{name: [value, *arms[position][name][1:]]})
        digests.add(content_digest(case_of(tmp_path / str(number), *changed)))
    digests.add(content_digest(case_of(tmp_path / "5", RELEASE, MEMBERS, None)))
    assert len(digests) == 6


def test_without_non_members(tmp_path: Path) -> None:
    case = case_of(tmp_path, non_members=None)
    assert case.non_members is None
    assert set(case.files) == {"release", "members"}
    assert case.overlap == 0


def test_identifiers_and_subject_are_not_modelled(tmp_path: Path) -> None:
    case = case_of(
        tmp_path,
        with_column(RELEASE, who=["p1", "z2", "z3", "z4"]),
        with_column(MEMBERS, who=["p1", "p1", "p2", "p3", "p4", "p4"], case=[1, 2, 3, 4, 5, 6]),
        with_column(NON_MEMBERS, who=["q1", "q2", "q2"], case=[7, 8, 9]),
        identifiers=["who", "case"],
        subject="who",
    )
    assert case.release.names == ("age", "income", "seen", "zip")
    assert case.published.names == ("age", "income", "seen", "who", "zip")
    assert (case.roles["who"], case.roles["case"], case.unit) == ("identifier", "identifier", "who")
    assert case.released_identifiers is not None
    assert case.member_identifiers is not None
    assert case.released_identifiers.names == case.member_identifiers.names == ("who",)
    assert case.released_identifiers.columns[0] is case.member_identifiers.columns[0]
    # Rows as in the members: who has which row.
    who = case.member_identifiers.texts("who")
    ages = case.members.texts("age")
    assert sorted(zip(who, ages, strict=True), key=str) == sorted(
        [("p1", "39"), ("p1", "41"), ("p2", "39"), ("p3", None), ("p4", "17"), ("p4", "23")], key=str
    )
    assert case.member_subjects is not None
    assert [[a == b for b in case.member_subjects] for a in case.member_subjects] == [
        [a == b for b in who] for a in who
    ]
    assert case.non_member_subjects is not None
    assert not set(case.member_subjects) & set(case.non_member_subjects)
    assert len(set(case.non_member_subjects)) == 2


def test_a_subject_that_is_no_identifier(tmp_path: Path) -> None:
    case = case_of(
        tmp_path,
        members=with_column(MEMBERS, who=[1, 1, 2, 3, 4, 4]),
        non_members=with_column(NON_MEMBERS, who=[5, 6, 7]),
        subject="who",
    )
    assert case.roles["who"] == "subject"
    assert case.released_identifiers is None
    assert "who" not in case.members.names


def test_generalised_columns_are_published_but_not_compared(tmp_path: Path) -> None:
    coarse = with_column(RELEASE, age=["40-49", "40-49", "30-39", "60+"])
    kinds = [problem.code for problem in refused(tmp_path / "a", coarse)]
    assert kinds == ["kinds-differ"]
    recipe = (
        "audit: g\nrelease: {table: release.csv, generalised: true}\nmembers: members.csv\nnon_members: holdout.csv\n"
        "columns: {age: {type: integer, role: quasi-identifier}}\nk_anonymity_min: 2\n"
    )
    (tmp_path / "a" / "recipe.yaml").write_text(recipe)
    case = prepare(load_recipe(tmp_path / "a" / "recipe.yaml"))
    assert case.release.names == case.members.names == ("income", "seen", "zip")
    assert case.published.names == ("age", "income", "seen", "zip")
    assert case.published.columns[0].kind == "category"
    assert case.published.columns[0].values.tolist() == ["30-39", "40-49", "60+"]
    assert case.published.codes.tolist() == sorted(case.published.codes.tolist())
    assert (case.generalised, case.k_anonymity_min, case.facts["generalised"]) == (True, 2, 1)
    assert case.roles["age"] == "quasi-identifier"


def test_a_release_generalised_in_every_column_leaves_nothing_to_compare(tmp_path: Path) -> None:
    tmp_path.joinpath("release.csv").write_text("age\n20-29\n30-39\n")
    tmp_path.joinpath("members.csv").write_text("age\n21\n33\n")
    tmp_path.joinpath("holdout.csv").write_text("age\n24\n37\n")
    recipe = recipe_of_files(
        release=tmp_path / "release.csv", members=tmp_path / "members.csv", non_members=tmp_path / "holdout.csv"
    )
    release = recipe.release.model_copy(update={"generalised": True})
    case = prepare(recipe.model_copy(update={"release": release}))
    assert (case.facts["columns"], case.facts["released"], case.overlap) == (0, 2, 0)
    assert rows_in(case.published) == [("20-29",), ("30-39",)]


def test_the_release_may_be_the_members(tmp_path: Path) -> None:
    case = case_of(tmp_path, MEMBERS)
    assert np.array_equal(case.release.codes, case.members.codes)


# Refusals


def test_one_file_in_two_places(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path / "a", NON_MEMBERS)
    assert (problem.code, problem.where) == ("same-file", "non-members file holdout.csv")
    assert "release file release.csv" in problem.what
    (problem,) = refused(tmp_path / "b", non_members=MEMBERS)
    assert "members file members.csv" in problem.what
    save(tmp_path, "members", MEMBERS)
    save(tmp_path, "release", NON_MEMBERS, ending="parquet")
    save(tmp_path, "holdout", NON_MEMBERS, seed=4)
    with pytest.raises(InputError, match="same-rows"):
        prepare(
            recipe_of_files(
                release=tmp_path / "release.parquet",
                members=tmp_path / "members.csv",
                non_members=tmp_path / "holdout.csv",
            )
        )


def test_what_is_wrong_in_several_files_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "release.csv").write_text(f"a,b\n{CANARY}\n")
    (tmp_path / "members.csv").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        prepare(
            recipe_of_files(
                release=tmp_path / "release.csv", members=tmp_path / "members.csv", non_members=tmp_path / "none.csv"
            )
        )
    assert [problem.code for problem in caught.value.problems] == ["file-empty", "ragged-row", "file-missing"]
    assert CANARY not in str(caught.value)


def test_columns_and_roles_are_checked_together(tmp_path: Path) -> None:
    release = {name: cells for name, cells in RELEASE.items() if name != "zip"}
    found = refused(
        tmp_path, with_column(release, Zip=["1", "2", "3", "4"]), quasi_identifiers=["ag"], subject="patient"
    )
    assert [problem.code for problem in found] == ["unknown-column", "unknown-column", "columns-differ"]
    assert found[0].what == "unknown column 'ag', did you mean 'age'?"
    assert (found[1].where, found[2].where) == ("subject", "release file release.csv")


def test_non_members_need_every_column_even_identifiers(tmp_path: Path) -> None:
    members = with_column(MEMBERS, who=["a", "b", "c", "d", "e", "f"])
    (problem,) = refused(tmp_path, members=members, identifiers=["who"])
    assert (problem.code, problem.what) == ("columns-differ", "missing: 'who'")


def test_shared_people_are_counted_and_not_named(tmp_path: Path) -> None:
    members = with_column(MEMBERS, who=["a", "b", CANARY, CANARY, "d", None])
    non_members = with_column(NON_MEMBERS, who=[CANARY, CANARY, "b"])
    (problem,) = refused(tmp_path / "a", members=members, non_members=non_members, identifiers=["who"])
    assert problem.code == "identifiers-shared"
    assert problem.where == "non-members file holdout.csv, column 'who'"
    assert problem.what.startswith("2 of its values")
    members["who"][5] = "f"
    (problem,) = refused(tmp_path / "b", members=members, non_members=non_members, subject="who")
    assert problem.code == "subjects-shared"


def test_rows_that_do_not_say_whose_they_are(tmp_path: Path) -> None:
    members = with_column(MEMBERS, who=["a", None, "b", None, "d", "e"])
    (problem,) = refused(
        tmp_path, members=members, non_members=with_column(NON_MEMBERS, who=["x", "y", "z"]), subject="who"
    )
    assert problem.code == "subject-missing"
    assert problem.where == "members file members.csv, column 'who', row 2"
    assert problem.what.startswith("2 rows")


def numbers(rows: np.ndarray[Any, Any]) -> Frame:
    return {"x": rows.tolist(), "y": (rows * 7 % 1000).tolist()}


def test_non_members_taken_from_the_members_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    members, fresh = rng.permutation(10**6)[:400], np.arange(10**6, 10**6 + 200)
    mixed = np.concatenate([members[:20], fresh[:180]])
    (problem,) = refused(tmp_path / "a", numbers(np.arange(7, 10**6, 5003)), numbers(members), numbers(mixed))
    assert problem.code == "non-members-overlap"
    assert "20 of 200 rows" in problem.what
    assert "0 of 400 members" in problem.what
    # One equal row is no proof; two people may have the same values.
    mixed = np.concatenate([members[:1], fresh[:199]])
    assert case_of(tmp_path / "b", numbers(np.arange(7, 10**6, 5003)), numbers(members), numbers(mixed)).overlap == 1


def test_equal_rows_by_chance_are_counted_and_let_pass(tmp_path: Path) -> None:
    rng = np.random.default_rng(12)
    pool = rng.integers(0, 300, 900)
    case = case_of(tmp_path, numbers(rng.integers(0, 300, 300)), numbers(pool[:600]), numbers(pool[600:]))
    assert case.overlap == sum(int(value) in set(pool[:600].tolist()) for value in pool[600:])
    assert case.overlap > 200


# What the run asks later


def test_digests_tell_whether_an_input_changed(tmp_path: Path) -> None:
    recipe = recipe_of_files(release=save(tmp_path, "release", RELEASE), members=save(tmp_path, "members", MEMBERS))
    case = prepare(recipe)
    before = {arm: facts.digest for arm, facts in case.files.items()}
    assert digests_now(recipe) == before
    save(tmp_path, "members", NON_MEMBERS)
    assert digests_now(recipe)["members"] != before["members"]
    (tmp_path / "release.csv").unlink()
    assert digests_now(recipe)["release"] == "unreadable"


def test_names_of_any_kind_change_no_table(tmp_path: Path) -> None:
    plain = case_of(tmp_path / "a")
    renamed = dict(zip(sorted(MEMBERS), ["`a`", "b'\";--", "c{{ 1 }}", "d <b>\u202e🙂"], strict=True))
    arms = [{renamed[name]: cells for name, cells in frame.items()} for frame in (RELEASE, MEMBERS, NON_MEMBERS)]
    odd = case_of(tmp_path / "b", arms[0], arms[1], arms[2])
    assert odd.members.names == tuple(renamed[name] for name in plain.members.names)
    assert np.array_equal(odd.members.codes, plain.members.codes)
    assert np.array_equal(odd.release.codes, plain.release.codes)


def people(n: int, seed: int) -> Frame:
    rng = np.random.default_rng(seed)
    return {
        "age": rng.integers(18, 90, n).tolist(),
        "region": [f"region {at}" for at in rng.integers(0, 6, n)],
        "note": [f"{seed} {at}" for at in range(n)],  # in everybody another: no coding can be told from it
    }


def test_values_that_are_not_declared_are_counted_and_not_named(tmp_path: Path) -> None:
    zips = sorted({value for value in MEMBERS["zip"] if value})
    declared = {"zip": {"type": "category", "values": zips[:-1]}, "age": {"values": ["39"]}}
    problems = {problem.code: problem for problem in refused(tmp_path, RELEASE, MEMBERS, columns=declared)}
    assert "hold a value that is not among the 3 declared" in problems["undeclared-values"].what
    assert "values-of-numbers" in problems
    assert not any(value in str(problem) for problem in problems.values() for value in ("é🙂", "90210"))


def test_what_is_declared_is_for_a_generator_to_know(tmp_path: Path) -> None:
    declared = {"age": {"type": "integer", "min": 0, "max": 120}, "zip": {"type": "category"}}
    schema = case_of(tmp_path, RELEASE, MEMBERS, columns=declared).schema
    assert (schema["age"].kind, schema["age"].low, schema["age"].high) == ("integer", 0, 120)
    assert (schema["zip"].kind, schema["zip"].values) == ("category", None)
    assert schema["income"].kind is None


def test_a_release_coded_differently_is_refused(tmp_path: Path) -> None:
    members, fresh = people(60, 1), people(60, 2)
    case_of(tmp_path / "fresh", fresh, members, people(40, 3))
    months = with_column(fresh, age=[12 * age + 1000 for age in fresh["age"]])
    (problem,) = refused(tmp_path / "numbers", months, members, None)
    assert (problem.code, problem.where) == ("values-disjoint", "release file release.csv, column 'age'")
    letters = with_column(fresh, region=[f"R{name[-1]}" for name in fresh["region"]])
    (problem,) = refused(tmp_path / "words", letters, members, None)
    assert problem.where.endswith("column 'region'")
    # Case and padding are no other coding.
    case_of(tmp_path / "shown", with_column(fresh, region=[name.upper() for name in fresh["region"]]), members, None)


def test_a_coarser_category_is_left_to_k_where_the_release_is_generalised(tmp_path: Path) -> None:
    coarse = with_column(people(60, 2), region=["north", "south"] * 30)
    for arm, frame in (("release", coarse), ("members", people(60, 1)), ("holdout", people(40, 3))):
        save(tmp_path, arm, frame)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "audit: g\nrelease: {table: release.csv, generalised: true}\nmembers: members.csv\nnon_members: holdout.csv\n"
    )
    case = prepare(load_recipe(recipe))
    assert "region" not in case.release.names
    assert "region" in case.published.names
