"""The demo's data: what is stored is what the script makes, and each release is what its recipe says it is."""

import importlib.util
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from ruamel.yaml import YAML
from scipy import stats

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "audit_core" / "demo"
RELEASES = ("ctgan", "leaky", "fresh")
TABLES = ("members", "non_members", *(f"release_{name}" for name in RELEASES))

# The error any one test below may make if everything is right.
LEVEL = 1e-5


@pytest.fixture(scope="module")
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("make_demo_data", ROOT / "examples" / "make_demo_data.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return {name: pq.read_table(DEMO / f"{name}.parquet") for name in TABLES}


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEMO / "build.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def records(tables: dict[str, pa.Table]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table, in their order."""
    return {
        name: list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        for name, table in tables.items()
    }


@pytest.fixture(scope="module")
def leaked(records: dict[str, list[tuple[Any, ...]]]) -> NDArray[np.bool_]:
    """Which rows of the leaky release equal a member."""
    members = set(records["members"])
    return np.array([row in members for row in records["release_leaky"]])


def test_demo_holds_these_files_and_nothing_else() -> None:
    names = {path.name for path in DEMO.iterdir()}
    recipes = {f"{name}.yaml" for name in RELEASES}
    data = {f"{name}.parquet" for name in (*TABLES, "coins")}
    assert names == data | recipes | {"build.json", "ATTRIBUTION.md", "text"}


def test_demo_of_tables_is_below_two_megabytes() -> None:
    assert sum(path.stat().st_size for path in DEMO.iterdir() if path.is_file()) < 2_000_000


@pytest.mark.parametrize("name", TABLES)
def test_all_tables_have_one_schema_and_no_missing_cell(
    name: str, tables: dict[str, pa.Table], script: ModuleType
) -> None:
    assert tables[name].schema.equals(script.SCHEMA, check_metadata=True)
    assert all(column.null_count == 0 for column in tables[name].columns)


def test_row_counts_are_those_recorded(tables: dict[str, pa.Table], facts: dict[str, Any]) -> None:
    assert {name: len(table) for name, table in tables.items()} == facts["rows"]
    assert len({len(tables[f"release_{name}"]) for name in RELEASES}) == 1


def test_coins_are_those_of_the_seed(script: ModuleType, facts: dict[str, Any]) -> None:
    coins = pq.read_table(DEMO / "coins.parquet")
    assert len(coins) == facts["rows_read"] - facts["duplicates_dropped"]
    assert coins.equals(script.toss_coins(len(coins), facts["seed"]))


def test_coins_are_fair(script: ModuleType) -> None:
    coins = pq.read_table(DEMO / "coins.parquet")["coin"].to_numpy()
    lower = 0
    for limit in script.ARM_LIMITS.values():
        hits = int(((coins >= lower) & (coins < limit)).sum())
        share = (limit - lower) / script.COIN_SIDES
        assert stats.binomtest(hits, len(coins), share).pvalue > LEVEL / len(script.ARM_LIMITS)
        lower = limit


def test_each_record_is_in_one_arm_only(records: dict[str, list[tuple[Any, ...]]], script: ModuleType) -> None:
    arms = Counter(pq.read_table(DEMO / "coins.parquet")["arm"].to_pylist())
    drawn = {"members": "members", "non_members": "non_members", "fresh": "release_fresh"}
    assert {arm: arms[arm] for arm in drawn} == {arm: len(records[name]) for arm, name in drawn.items()}
    assert set(arms) == {*script.ARM_LIMITS, script.UNUSED}
    # Records are distinct in the source, so an equal row would be the same record.
    together = [row for name in drawn.values() for row in records[name]]
    assert len(set(together)) == len(together)


def test_leaky_release_holds_two_percent_members_each_once(
    records: dict[str, list[tuple[Any, ...]]], leaked: NDArray[np.bool_], facts: dict[str, Any]
) -> None:
    verbatim = [row for row, is_member in zip(records["release_leaky"], leaked, strict=True) if is_member]
    assert len(verbatim) == len(set(verbatim)) == facts["leaked_rows"] == round(0.02 * len(leaked))


def test_leaked_rows_are_spread_over_the_release(leaked: NDArray[np.bool_]) -> None:
    # In random order the leaked positions are a random subset of all: Wilcoxon's rank sum under the null.
    places = np.arange(len(leaked))
    assert stats.mannwhitneyu(places[leaked], places[~leaked]).pvalue > LEVEL


def halves(column: pa.ChunkedArray, like: pa.ChunkedArray) -> NDArray[np.float64]:
    """1 for the most frequent text of `like`, or for a number above its median; else 0."""
    if like.type == pa.string():
        (mode, _), *_ = Counter(like.to_pylist()).most_common(1)
        return np.asarray(column.to_numpy() == mode, dtype=np.float64)
    return np.asarray(column.to_numpy() > np.median(like.to_numpy()), dtype=np.float64)


def largest_dependence(table: pa.Table) -> tuple[float, int]:
    """The largest n·φ² over all pairs of columns, each cut in two, and the number of pairs."""
    halved = np.column_stack([halves(column, column) for column in table.columns])
    phi = np.asarray(np.corrcoef(halved, rowvar=False))[np.triu_indices(halved.shape[1], k=1)]
    return float(len(table) * (phi**2).max()), len(phi)


def test_leaky_release_is_independent_beside_the_leak(tables: dict[str, pa.Table], leaked: NDArray[np.bool_]) -> None:
    # n·φ² of two independent binary columns is chi-square with one degree of freedom; Bonferroni over the pairs.
    statistic, pairs = largest_dependence(tables["release_leaky"].filter(pa.array(~leaked)))
    limit = stats.chi2.isf(LEVEL / pairs, df=1)
    assert statistic < limit
    assert largest_dependence(tables["members"])[0] > limit


def test_leaky_release_has_the_members_marginals(tables: dict[str, pa.Table]) -> None:
    members, release = tables["members"], tables["release_leaky"]
    for name in members.column_names:
        share = float(halves(members[name], members[name]).mean())
        hits = int(halves(release[name], members[name]).sum())
        # The release is drawn from the members, so the count is binomial at the members' own share.
        assert stats.binomtest(hits, len(release), share).pvalue > LEVEL / len(members.column_names)


@pytest.mark.parametrize("name", RELEASES)
def test_recipe_names_files_and_columns_that_exist(name: str, script: ModuleType) -> None:
    recipe = YAML(typ="safe").load(DEMO / f"{name}.yaml")
    assert recipe["audit"] == f"adult-{name}"
    assert recipe["release"] == {"table": f"release_{name}.parquet"}
    assert (recipe["members"], recipe["non_members"]) == ("members.parquet", "non_members.parquet")
    assert set(recipe["columns"]) <= set(script.COLUMNS)


def test_recipes_differ_in_the_release_only() -> None:
    recipes = [YAML(typ="safe").load(DEMO / f"{name}.yaml") for name in RELEASES]
    for recipe in recipes:
        del recipe["audit"], recipe["release"]
    assert recipes[0] == recipes[1] == recipes[2]


def test_attribution_names_source_licence_and_what_was_changed(facts: dict[str, Any]) -> None:
    text = (DEMO / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for named in ("Barry Becker", "Ronny Kohavi", "1996", "10.24432/C5XW20", "creativecommons.org/licenses/by/4.0"):
        assert named in text
    numbers = [facts["rows_read"], facts["duplicates_dropped"], facts["leaked_rows"], *facts["rows"].values()]
    for number in numbers:
        assert f"{number:,}" in text
    assert f"`{facts['seed']}`" in text


def test_recorded_total_variation_is_that_of_the_tables(
    tables: dict[str, pa.Table], facts: dict[str, Any], script: ModuleType
) -> None:
    for name, recorded in facts["total_variation_from_members"].items():
        table = tables["non_members"] if name == "non_members" else tables[f"release_{name}"]
        assert recorded == script.total_variation(tables["members"], table)


def test_total_variation_by_hand(script: ModuleType) -> None:
    left, right = pa.chunked_array([["a", "a", "b", "c"]]), pa.chunked_array([["a", "b", "b", "d"]])
    # |2-1| + |1-2| + |1-0| + |0-1| quarters, halved.
    assert script._variation(left, right) == 0.5
    assert script._variation(left, left) == 0.0


def test_script_makes_what_is_stored(tmp_path: Path, script: ModuleType) -> None:
    folder = Path(os.environ.get("SEKISHO_DATA", "")) / "adult"
    if "SEKISHO_DATA" not in os.environ or not (folder / "adult.data").exists():
        pytest.skip("needs the raw UCI Adult files in $SEKISHO_DATA/adult (https://doi.org/10.24432/C5XW20)")
    for kept in ("release_ctgan.parquet", "build.json"):
        shutil.copy(DEMO / kept, tmp_path)
    made = script.make(folder, tmp_path, keep_ctgan=True)
    assert made == json.loads((DEMO / "build.json").read_text(encoding="utf-8"))
    for name in (*TABLES, "coins"):
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(pq.read_table(DEMO / f"{name}.parquet"))


def test_reader_names_the_line_that_is_short(tmp_path: Path, script: ModuleType) -> None:
    (tmp_path / "adult.data").write_text("39, State-gov, 77516\n", encoding="ascii")
    (tmp_path / "adult.test").write_text("", encoding="ascii")
    with pytest.raises(ValueError, match=r"^adult\.data, line 1: 3 values, 15 expected$"):
        script.read_adult(tmp_path)


def test_reader_strips_drops_duplicates_and_keeps_question_marks(tmp_path: Path, script: ModuleType) -> None:
    line = "39, ?, 1, Bachelors, 13, Divorced, ?, Wife, White, Female, 0, 0, 40, ?, <=50K"
    (tmp_path / "adult.data").write_text(f"{line}\n\n", encoding="ascii")
    (tmp_path / "adult.test").write_text(f"|1x3 Cross validator\n{line}.\n", encoding="ascii")
    table, read = script.read_adult(tmp_path)
    assert (len(table), read) == (1, 2)
    assert table["workclass"].to_pylist() == ["?"]
    assert table["income"].to_pylist() == ["<=50K"]
