"""A split by coins: each row or subject falls by its own coin, which is written down without a value."""

import json
from pathlib import Path

import numpy as np
import pytest

from audit_core.errors import InputError
from audit_core.reading.files import TextTable, read_table
from audit_core.recipe import Recipe, load_recipe
from audit_core.sources import read_sources
from audit_core.split import flip, record
from audit_core.table_case import prepare


def table(path: Path, n: int, rows_each: int = 1) -> TextTable:
    """A file of `n` people with as many rows each."""
    lines = [f"person {n - row // rows_each},{row}" for row in range(n * rows_each)]
    path.write_text("\n".join(["who,number", *lines]) + "\n")
    return read_table(path, what="members", name=path.name)


def test_the_same_file_and_seed_fall_the_same_way(tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv", 100)
    assert (flip(file, None, 0.5, 7) == flip(file, None, 0.5, 7)).all()
    assert (flip(file, None, 0.5, 7) != flip(file, None, 0.5, 8)).any()
    other = table(tmp_path / "u.csv", 101)
    assert (flip(file, None, 0.5, 7) != flip(other, None, 0.5, 7)[:100]).any()


@pytest.mark.parametrize("rows_each", [1, 3])
def test_people_are_set_aside_with_all_their_rows_and_with_the_probability_asked_for(
    tmp_path: Path, rows_each: int
) -> None:
    # Of 5,000 coins with 0.3 the share has standard deviation 0.00648; 4.5 of them are exceeded with less than 1e-5.
    coins = flip(table(tmp_path / "t.csv", 5000, rows_each), "who", 0.3, 1).reshape(5000, rows_each)
    assert (coins == coins[:, :1]).all()
    assert abs((~coins[:, 0]).mean() - 0.3) < 4.5 * 0.00648


def test_rows_fall_by_themselves_where_there_is_no_subject(tmp_path: Path) -> None:
    # Two rows of a person fall apart with probability 0.5; 5 standard deviations of 1,000 such pairs.
    coins = flip(table(tmp_path / "t.csv", 1000, 2), None, 0.5, 1).reshape(1000, 2)
    assert abs((coins[:, 0] != coins[:, 1]).mean() - 0.5) < 5 * np.sqrt(0.25 / 1000)


def test_coins_that_leave_a_side_empty_are_an_error(tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv", 1)
    with pytest.raises(InputError, match="split-one-sided"):
        flip(file, None, 0.5, 0)


def test_the_record_names_every_row_once_and_no_value(tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv", 50)
    coins = flip(file, None, 0.5, 3)
    told = json.loads(record(file, "row", 0.5, coins))
    assert sorted(told["members"] + told["non_members"]) == list(range(1, 51))
    assert [row - 1 for row in told["members"]] == np.flatnonzero(coins).tolist()
    assert told["file"] == {"name": "t.csv", "digest": file.digest, "rows": 50}
    assert b"person" not in record(file, "who", 0.5, coins)


def recipe(tmp_path: Path, more: str = "") -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "audit: a\nrelease: {generate: {with: independent}, rows: 9}\nmembers: t.csv\nnon_members: {split: 0.5}\n"
        "columns: {who: {role: identifier}}\n" + more
    )
    return load_recipe(path)


def test_the_two_sides_are_the_rows_of_the_file_and_keep_what_the_columns_are(tmp_path: Path) -> None:
    table(tmp_path / "t.csv", 40)
    # One row makes a column text: whatever side it falls on, the column is text on both.
    text = (tmp_path / "t.csv").read_text().replace(",17\n", ",n/a\n")
    (tmp_path / "t.csv").write_text(text)
    sources = read_sources(recipe(tmp_path))
    case = prepare(recipe(tmp_path), sources.rehearsed())
    assert case.non_members is not None
    assert len(case.members) + len(case.non_members) == 40
    assert [column.kind for column in case.members.columns] == ["category"]
    numbers = [*case.members.texts("number"), *case.non_members.texts("number")]
    assert sorted(numbers) == sorted({*map(str, range(40)), "n/a"} - {"17"})
    lines = text.splitlines()[1:]
    assert [lines[row - 1].split(",")[1] for row in case.member_rows] == case.members.texts("number").tolist()
    assert {name: facts.rows for name, facts in case.files.items()} == {
        "members": len(case.members),
        "non_members": len(case.non_members),
        "release": len(case.members),
    }


def test_a_row_without_a_subject_is_named_by_its_row_in_the_file(tmp_path: Path) -> None:
    table(tmp_path / "t.csv", 40)
    text = (tmp_path / "t.csv").read_text().replace("person 10,30\n", ",30\n")
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match="row 31"):
        read_sources(recipe(tmp_path, "subject: who\n"))
    with pytest.raises(InputError, match="unknown-column"):
        read_sources(recipe(tmp_path, "subject: whom\n"))
