"""What a release holds besides what a generator learnt: made without a look at the data; rows that keep the rules."""

import re
from pathlib import Path

import numpy as np
import pytest

from audit_core.cache import Cache
from audit_core.chosen import commission
from audit_core.errors import InputError, RunError
from audit_core.generation import Made, generate
from audit_core.measurement import Reason
from audit_core.pack import RELEASES
from audit_core.policy import load_policy
from audit_core.reading.files import TextColumn, TextTable, read_table
from audit_core.recipe import Recipe, load_recipe
from audit_core.registry import Registry, discover
from audit_core.run import audit
from audit_core.sources import read_sources
from audit_core.synthesis.made_up import category, fresh_ids, made_up, rekeyed_ids, room, taken_problem
from audit_core.synthesis.moved_dates import moved
from audit_core.synthesis.regions import LEVELS, coarsened, region
from audit_core.synthesis.row_rules import settled
from audit_core.table_case import prepare
from audit_core.tables import MISSING, Table, coded, read_only
from audit_core.written.strategies import EnforceRange, NoRareCombinations

PREFECTURE = LEVELS["prefecture"]


# Regions


def test_the_list_of_prefectures_is_whole_and_unambiguous() -> None:
    assert len(PREFECTURE.names) == len(set(PREFECTURE.names)) == 47
    assert {name[-1] for name in PREFECTURE.names} == {"道", "都", "府", "県"}
    assert sorted(len(name) for name in PREFECTURE.names if name[-1] in "道都府") == [3, 3, 3, 3]
    for name in PREFECTURE.names:
        assert [other for other in PREFECTURE.names if other.startswith(name)] == [name]


@pytest.mark.parametrize(
    ("address", "its"),
    [
        ("東京都府中市本町1丁目", "東京都"),
        ("京都府京都市左京区", "京都府"),
        ("〒220-0011 神奈川県横浜市西区高島２丁目", "神奈川県"),
        ("２２０－００１１　神奈川県横浜市西区", "神奈川県"),
        ("2200011神奈川県横浜市", "神奈川県"),
        ("  大阪府吹田市", "大阪府"),
        ("横浜市西区", None),
        ("x東京都港区", None),
        ("220-0011", None),
        ("", None),
    ],
)
def test_an_address_has_the_region_it_starts_with(address: str, its: str | None) -> None:
    assert region(address, PREFECTURE) == its


def test_a_file_is_made_coarse_or_refused_with_the_first_row(tmp_path: Path) -> None:
    def file(*addresses: str) -> TextTable:
        path = tmp_path / "t.csv"
        path.write_text("home,n\n" + "".join(f"{address},{n}\n" for n, address in enumerate(addresses)))
        return read_table(path, what="members", name="t.csv")

    coarse = coarsened(
        file("東京都港区1", "", "東京都港区2", "大阪府吹田市"), {"home": "prefecture", "other": "prefecture"}
    )
    column = coarse.columns["home"]
    texts = [None if code == MISSING else column.texts[int(code)].as_py() for code in column.codes]
    assert texts == ["東京都", None, "東京都", "大阪府"]
    with pytest.raises(InputError, match=r"address-without-region.*row 2: 2 of 3") as caught:
        coarsened(file("東京都港区1", "ひみつ町", "ひみつ村"), {"home": "prefecture"})
    assert "ひみつ" not in str(caught.value)


# Made up


def column(*texts: str) -> TextColumn:
    import pyarrow as pa

    return TextColumn(name="id", texts=pa.array(list(texts)), codes=np.arange(len(texts), dtype=np.int32))


def test_fresh_ids_are_all_different_and_of_the_pattern() -> None:
    ids = fresh_ids(2000, None)
    assert len(set(ids)) == 2000
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", each) for each in ids)
    assert not set(ids) & set(fresh_ids(2000, None))
    patterned = fresh_ids(50, "S?-#")
    assert len(set(patterned)) == 50
    assert all(re.fullmatch(r"S[A-Z]-[0-9]", each) for each in patterned)
    assert (room("S?-#"), room("##########" * 6), room("x")) == (260, 10**60, 1)


def test_a_pattern_that_real_ids_have_is_refused_unless_chance_could_not_hit_one() -> None:
    assert taken_problem("P#####", 10, column("P12345", "Q1"), "here")[0].code == "id-pattern-taken"
    assert taken_problem("S#####", 10, column("P12345", "P1"), "here") == []
    assert taken_problem("P" + 12 * "#", 10, column("P" + 12 * "1"), "here") == []
    assert taken_problem("a.c#", 10, column("abc1"), "here") == []  # a point is a point
    assert taken_problem("a.c#", 10, column("a.c1"), "here") != []


def test_hashed_ids_are_hashes_of_real_ones_under_a_key_that_is_new_each_time() -> None:
    import dataclasses

    real = dataclasses.replace(column("17", "18"), codes=np.array([0, 1, 1, MISSING], dtype=np.int32))
    ids = rekeyed_ids(400, real)
    assert len(set(ids) - {None}) == 2
    # 400 draws of one row of four, the missing one's: 100 on average, standard deviation 8.66; 5 of them.
    assert abs(sum(each is None for each in ids) - 100) < 44
    assert not set(ids) & set(rekeyed_ids(400, real)) - {None}
    assert not {"17", "18"} & set(ids)


def test_names_and_addresses_come_from_the_locale_and_the_seed_alone() -> None:
    pytest.importorskip("faker")
    names, same = (made_up("pii_name", "ja_JP", 50, np.random.default_rng(1)) for _ in range(2))
    assert names.tolist() == same.tolist()
    assert names.tolist() != made_up("pii_name", "ja_JP", 50, np.random.default_rng(2)).tolist()
    assert all(re.fullmatch(r"\S+ \S+", name) for name in names)
    american = made_up("pii_address", "en_US", 50, np.random.default_rng(1))
    assert all(address.isprintable() and ", " in address for address in american)
    japanese = made_up("pii_address", "ja_JP", 50, np.random.default_rng(1))
    assert all(region(address, PREFECTURE) for address in japanese)


# Dates


def test_dates_move_by_whole_days_each_as_likely_as_the_others_and_stay_in_their_bounds() -> None:
    rng = np.random.default_rng(3)
    dates = np.full(40_000, 100.25)
    dates[:4] = np.nan
    offsets = (moved(dates, 2, None, None, rng) - dates)[4:]
    counts = np.array([(offsets == each).sum() for each in range(-2, 3)])
    assert counts.sum() == len(offsets) == 39_996
    # Each count is binomial of 39,996 and 1/5: mean 7,999, standard deviation 80; 5 of them for five counts at 1e-5.
    assert (abs(counts - 7999.2) < 400).all()
    bounded = moved(np.array([100.0, 109.0, 90.0, 300.0, np.nan]), 90, 95.0, 110.0, rng)
    assert (bounded[:2] >= 95).all()
    assert (bounded[:2] <= 110).all()
    assert 95 <= bounded[2] <= 110  # out of its bounds, but near enough to come in
    assert bounded[3] == 300  # too far out to come in
    assert np.isnan(bounded[4])
    assert moved(np.array([94.5]), 1, 94.0, 95.0, rng).tolist() == [94.5]  # no whole day fits


# Rules on rows


def table(regions: list[str | None], ages: list[float]) -> Table:
    place, places = category("region", regions)
    age, numbers = coded("age", "integer", np.array(ages, dtype=float))
    codes = read_only(np.column_stack([numbers, places]))
    return Table(columns=(age, place), codes=codes)


def test_rare_combinations_are_replaced_until_none_is_left() -> None:
    rule = NoRareCombinations(columns=("region",), below=3)
    pool = table([*"aaabbcaaa", "b", "a"], [1.0] * 11)
    done = settled(pool, 6, {}, [rule])  # a a a b b c: three rows go, and a a a come
    assert done.table.texts("region").tolist() == [*"aaaaaa"]
    assert (done.rejected, done.suppressed) == ((3,), {})
    with pytest.raises(RunError, match=r"rules-not-met.*3 of 6") as caught:
        settled(pool.take(np.arange(8)), 6, {}, [rule])
    assert caught.value.exit_code == 4


def test_a_missing_cell_is_a_value_of_its_own_in_a_combination() -> None:
    done = settled(table([None, None, *"aaa"], [1.0] * 5), 4, {}, [NoRareCombinations(columns=("region",), below=2)])
    assert done.table.texts("region").tolist() == [None, None, "a", "a"]


def test_rows_out_of_range_are_replaced_and_missing_numbers_are_not_out_of_it() -> None:
    pool = table([*"abcdef"], [5.0, 130.0, np.nan, -1.0, 6.0, 7.0])
    done = settled(pool, 4, {}, [EnforceRange(column="age", min=0, max=120)])
    assert done.table.texts("region").tolist() == [*"aecf"]
    assert done.rejected == (2,)
    assert settled(pool, 4, {}, [EnforceRange(column="age", max=120)]).rejected == (1,)


def test_rare_values_are_left_out_and_what_a_rule_does_after_is_counted_again() -> None:
    done = settled(table([*"aaab", None], [1.0] * 5), 5, {"region": 2}, [])
    assert done.table.texts("region").tolist() == ["a", "a", "a", None, None]
    assert done.suppressed == {"region": 1}
    assert settled(table([*"aabbb"], [1.0] * 5), 5, {"region": 2}, []).suppressed == {"region": 0}
    # The range takes one of the two b, and then the other is rare.
    pool = table([*"aaabbaa"], [1.0, 1, 1, 1, 200, 1, 1])
    done = settled(pool, 5, {"region": 2}, [EnforceRange(column="age", max=120)])
    assert done.table.texts("region").tolist() == ["a", "a", "a", None, "a"]


def test_nothing_to_do_is_nothing_done() -> None:
    pool = table([*"abc"], [1.0, 2.0, 3.0])
    done = settled(pool, 3, {}, [])
    assert np.array_equal(done.table.codes, pool.codes)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_comes_out_keeps_all_rules(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 400))
    regions = rng.choice([*"abcdefgh", None], 2 * n, p=[0.5, 0.2, 0.1, 0.05, 0.05, 0.03, 0.02, 0.02, 0.03])
    pool = table(regions.tolist(), rng.integers(0, 130, 2 * n).astype(float).tolist())
    below, least = (int(rng.integers(2, 6)) for _ in range(2))
    rules = [NoRareCombinations(columns=("region",), below=below), EnforceRange(column="age", min=5, max=120)]
    try:
        done = settled(pool, n, {"region": least}, rules)
    except RunError:
        return
    texts = [str(text) for text in done.table.texts("region")]
    assert min(texts.count(text) for text in set(texts)) >= below
    assert min((texts.count(text) for text in set(texts) - {"None"}), default=least) >= least
    ages = done.table.numbers("age")
    assert ((ages >= 5) & (ages <= 120)).all()
    assert len(done.table) == n


# A release, whole

HEADER = "patient_id,full_name,address,birth_date,code,age"
COLUMNS = """\
columns:
  patient_id: {type: id, strategy: fresh}
  address: {type: pii_address, hierarchy: prefecture, suppress_below: 3}
  birth_date: {type: date, jitter: 90d, min: 1950-01-01, max: 1990-12-31}
  code: {type: categorical, preserve_distribution: true, values: [A, B, C, D]}
  age: {type: integer, min: 0, max: 120}
"""
NAMED = "  full_name: {type: pii_name, locale: ja_JP}\n"
UNNAMED = "  full_name: {role: identifier}\n"
RULES = """\
rules:
  - no_rare_combinations: {columns: [address, code], below: 3}
  - enforce_range: {column: age, min: 0, max: 90}
"""


def recipe(folder: Path, more: str, *, arms: int = 1, first: int = 0) -> Recipe:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(11 + first)
    prefectures = ("神奈川県横浜市西区", "東京都大田区", "埼玉県川口市", "大阪府吹田市")
    for arm, name in enumerate(("members.csv", "others.csv")[:arms]):
        rows = [
            f"P{first + 1000 * arm + person},佐藤 {'太郎花子'[2 * (person % 2) :][:2]},"
            f"{rng.choice(prefectures, p=[0.6, 0.3, 0.09, 0.01])}{person}番,"
            f"19{rng.integers(50, 91)}-0{rng.integers(1, 10)}-{rng.integers(10, 29)},"
            f"{rng.choice([*'ABCD'], p=[0.5, 0.3, 0.15, 0.05])},{rng.integers(20, 100)}"
            for person in range(300)
        ]
        (folder / name).write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    path = folder / "recipe.yaml"
    path.write_text(
        "audit: a\nrelease: {generate: {with: independent}, rows: 200}\nmembers: members.csv\n"
        + ("non_members: others.csv\n" if arms == 2 else "")
        + more,
        encoding="utf-8",
    )
    return load_recipe(path)


def made(asked: Recipe, folder: Path, registry: Registry | None = None, cache: Cache | None = None) -> Made:
    registry = registry or discover()
    order = commission(asked, registry)
    assert order is not None
    folder.mkdir(exist_ok=True)
    return generate(asked, order, read_sources(asked), registry, folder, cache or Cache())


def cells(found: Made, name: str) -> list[str | None]:
    column = found.sources.files["release"].columns[name]
    texts = [*column.texts.to_pylist(), None]
    return [texts[code] for code in column.codes]


def test_a_release_with_every_strategy(tmp_path: Path) -> None:
    asked = recipe(tmp_path / "data", COLUMNS + UNNAMED + RULES)
    found = made(asked, tmp_path / "pack")
    release = found.sources.files["release"]
    assert list(release.columns) == ["patient_id", "address", "birth_date", "code", "age"]
    assert release.n_rows == 200
    assert len(set(cells(found, "patient_id"))) == 200
    assert set(cells(found, "address")) <= {"神奈川県", "東京都", "埼玉県", None}  # 大阪府 is too rare
    assert all("1950-01-01" <= str(day) <= "1990-12-31" for day in cells(found, "birth_date"))
    assert all(int(str(age)) <= 90 for age in cells(found, "age"))
    pairs = list(zip(cells(found, "address"), cells(found, "code"), strict=True))
    assert min(pairs.count(pair) for pair in set(pairs)) >= 3
    real = (tmp_path / "data" / "members.csv").read_text(encoding="utf-8").splitlines()
    for text in (*cells(found, "patient_id"), *cells(found, "address")):
        assert not any(str(text) in line.split(",")[:3] for line in real)
    steps = {step.code: step.args for step in found.steps}
    assert set(steps) == {
        *("step-coarsened", "step-distribution-kept", "step-jitter", "step-sampled", "step-rare-combinations"),
        *("step-out-of-range", "step-suppressed", "step-fresh-ids"),
    }
    assert steps["step-sampled"] == {"count": 400, "rows": 200}
    assert steps["step-out-of-range"]["range"] == "0 – 90"
    assert int(steps["step-out-of-range"]["count"]) > 0


def test_jitter_comes_after_generation(tmp_path: Path) -> None:
    plain = made(recipe(tmp_path / "data", COLUMNS.replace("jitter: 90d, ", "") + UNNAMED), tmp_path / "a")
    moved_ones = made(recipe(tmp_path / "data", COLUMNS + UNNAMED), tmp_path / "b")
    again = made(recipe(tmp_path / "data", COLUMNS + UNNAMED), tmp_path / "c")
    days = [np.array(cells(one, "birth_date"), dtype="datetime64[D]") for one in (plain, moved_ones, again)]
    offsets = (days[1] - days[0]).astype(int)
    assert abs(offsets).max() <= 90
    # 200 dates move by one of some 181 numbers of days, and nobody can repeat which.
    assert len(set(offsets.tolist())) > 50
    assert (days[1] != days[2]).any()
    for name in ("code", "age", "address"):
        assert cells(plain, name) == cells(moved_ones, name)


def test_made_up_columns_are_the_same_whoever_the_members_are(tmp_path: Path) -> None:
    pytest.importorskip("faker")
    names = [
        cells(made(recipe(tmp_path / name, COLUMNS + NAMED, first=first), tmp_path / f"{name}-pack"), "full_name")
        for name, first in (("a", 0), ("b", 5000))
    ]
    assert names[0] == names[1]
    assert len(set(names[0])) > 50


def test_no_generator_sees_a_name_an_id_or_an_address(tmp_path: Path) -> None:
    plugin = tmp_path / "looks.py"
    plugin.write_text(
        """
from audit_core.hookspecs import hookimpl
from audit_core.plugin import GeneratorPlugin

@hookimpl
def audit_generators():
    words = {"en": "Looks"}
    return [GeneratorPlugin(name="looks", title=words, method=words, load=f"{__name__}:Looks")]

class Looks:
    guarantee = None
    def fit(self, table, schema, budget):
        assert table.names == ("address", "age", "birth_date", "code"), table.names
        assert set(table.texts("address")) <= set(schema["address"].values), "address"
        assert len(schema["address"].values) == 47
        assert schema["birth_date"].low == -7305.0
        self.table = table
        return self
    def sample(self, n, rng):
        return self.table.take(rng.integers(len(self.table), size=n))
"""
    )
    asked = recipe(tmp_path / "data", (COLUMNS + NAMED).replace("full_name: {type: pii_name, locale: ja_JP}", ""))
    text = (tmp_path / "data" / "recipe.yaml").read_text().replace("independent", "looks") + UNNAMED
    (tmp_path / "data" / "recipe.yaml").write_text(text)
    asked = load_recipe(tmp_path / "data" / "recipe.yaml")
    assert made(asked, tmp_path / "pack", discover([plugin])).sources.files["release"].n_rows == 200


SORTS = """
from audit_core.hookspecs import hookimpl
from audit_core.plugin import GeneratorPlugin

@hookimpl
def audit_generators():
    words = {{"en": "Sorts"}}
    return [GeneratorPlugin(name="sorts", title=words, method=words, load=f"{{__name__}}:Sorts")]

class Sorts:
    guarantee = None
    def fit(self, table, schema, budget):
        open({fits!r}, "a").write("x")
        self.table = table
        return self
    def sample(self, n, rng):
        rows = rng.integers(len(self.table), size=n)
        return self.table.take(rows[self.table.numbers("age")[rows].argsort(kind="stable")])
"""


def test_a_generator_is_fitted_once_and_the_order_of_its_rows_chooses_none(tmp_path: Path) -> None:
    plugin = tmp_path / "sorts.py"
    plugin.write_text(SORTS.format(fits=str(tmp_path / "fits")))
    recipe(tmp_path / "data", COLUMNS + UNNAMED + "rules: [{enforce_range: {column: age, max: 119}}]\n")
    path = tmp_path / "data" / "recipe.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("independent", "sorts"), encoding="utf-8")
    found = made(load_recipe(path), tmp_path / "pack", discover([plugin]))
    assert (tmp_path / "fits").read_text() == "x"
    # 400 rows are sampled, their ages even from 20 to 99. Of the 200 youngest none is over 80 or so; of any 200 drawn
    # among 400 a share of about 19/80 is: 47 on average, and fewer than 20 with a probability below 1e-6.
    assert sum(int(str(age)) > 80 for age in cells(found, "age")) > 20


def test_a_csv_is_the_same_table_as_the_parquet(tmp_path: Path) -> None:
    columns = COLUMNS.replace("jitter: 90d, ", "").replace("  patient_id: {type: id, strategy: fresh}\n", "")
    columns += UNNAMED + "  patient_id: {role: identifier}\n"
    parquet = made(recipe(tmp_path / "data", columns), tmp_path / "a")
    asked = recipe(tmp_path / "data", columns + "output: {format: csv}\n")
    (tmp_path / "b" / "release").mkdir(parents=True)
    (tmp_path / "b" / RELEASES["parquet"]).write_bytes(b"of a run that was cut off")
    found = made(asked, tmp_path / "b")
    assert found.path == tmp_path / "b" / "release" / "release.csv"
    assert not (tmp_path / "b" / RELEASES["parquet"]).exists()
    for name in ("address", "age", "birth_date", "code"):
        assert cells(found, name) == cells(parquet, name)


def test_a_killed_run_takes_up_its_steps_too_and_another_recipe_does_not(tmp_path: Path) -> None:
    asked = recipe(tmp_path / "data", COLUMNS + UNNAMED + RULES)
    cache = Cache(tmp_path / "cache")
    first = made(asked, tmp_path / "pack", cache=cache)
    data = first.path.read_bytes()
    again = made(asked, tmp_path / "pack", cache=cache)
    assert (again.path.read_bytes(), again.steps) == (data, first.steps)
    assert not again.usage.seconds
    other = recipe(tmp_path / "data", COLUMNS.replace("90d", "9d") + UNNAMED + RULES)
    assert made(other, tmp_path / "pack", cache=cache).path.read_bytes() != data


def test_rules_that_cannot_be_kept_end_the_run(tmp_path: Path) -> None:
    hard = COLUMNS + UNNAMED + "rules: [{no_rare_combinations: {columns: [age], below: 50}}]\n"
    with pytest.raises(RunError, match="rules-not-met"):
        made(recipe(tmp_path / "data", hard), tmp_path / "pack")


def test_a_pattern_of_real_ids_is_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    asked = recipe(tmp_path / "data", COLUMNS.replace("fresh}", 'fresh, pattern: "P###"}') + UNNAMED)
    with pytest.raises(InputError, match=r"id-pattern-taken.*columns\.patient_id\.pattern"):
        made(asked, tmp_path / "pack")
    asked = recipe(tmp_path / "data", COLUMNS.replace("fresh}", 'fresh, pattern: "S-###"}') + UNNAMED)
    ids = cells(made(asked, tmp_path / "pack"), "patient_id")
    assert all(re.fullmatch("S-[0-9]{3}", str(each)) for each in ids)


# How it is audited


def audited(asked: Recipe, folder: Path) -> tuple[dict[str, float], dict[str, dict[str, object]], tuple[Reason, ...]]:
    """The measurements of exact-copies, its caveats, and the steps on the card."""
    folder.mkdir()
    asked = asked.model_copy(update={"attacks": {"exact-copies": {}}})
    card = audit(asked, load_policy("starter"), discover(), folder=folder).scorecard
    (finding,) = card.findings
    assert finding.outcome == "measured", finding.reason
    assert card.provenance.generator is not None
    caveats = {caveat.code: dict(caveat.args) for caveat in finding.caveats}
    return {one.name: one.value for one in finding.measurements}, caveats, card.provenance.generator.steps


def test_fresh_ids_survive_nowhere_and_namesakes_are_no_survivors(tmp_path: Path) -> None:
    pytest.importorskip("faker")
    asked = recipe(tmp_path / "data", COLUMNS + NAMED + RULES)
    # Made-up names do not depend on the members: here are members who have them.
    released = set(cells(made(asked, tmp_path / "before"), "full_name"))
    path = tmp_path / "data" / "members.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    pairs = zip((row.split(",") for row in rows), released, strict=False)
    named = [",".join([row[0], str(name), *row[2:]]) for row, name in pairs]
    path.write_text("\n".join([header, *named]) + "\n", encoding="utf-8")
    values, caveats, steps = audited(asked, tmp_path / "pack")
    folder = tmp_path / "pack" / "release"
    again = read_table(folder / "release.parquet", what="release", name="release.parquet").columns["full_name"]
    assert set(again.texts.to_pylist()) == released
    assert values["surviving_identifiers"] == 0
    assert caveats["made-up-columns"] == {"columns": "full_name"}
    assert "linking-codes" not in caveats
    assert {step.code for step in steps} >= {"step-made-up-names", "step-fresh-ids"}


def test_namesakes_among_members_and_non_members_are_no_input_error(tmp_path: Path) -> None:
    pytest.importorskip("faker")
    asked = recipe(tmp_path / "data", COLUMNS + NAMED, arms=2)  # all of them are called 佐藤
    assert prepare(asked, read_sources(asked).rehearsed()).made["full_name"] == "pii_name"
    asked = recipe(tmp_path / "data", COLUMNS + UNNAMED, arms=2)
    sources = read_sources(asked).rehearsed()
    with pytest.raises(InputError, match="identifiers-shared"):
        prepare(asked, sources)


def test_ids_made_anew_do_not_pass_for_people_when_k_is_counted(tmp_path: Path) -> None:
    columns = COLUMNS.replace("type: pii_address", "type: pii_address, role: quasi-identifier") + UNNAMED
    asked = recipe(tmp_path / "data", columns + "subject: patient_id\n")
    (tmp_path / "pack").mkdir()
    asked = asked.model_copy(update={"attacks": {"k-anonymity": {}}})
    card = audit(asked, load_policy("starter"), discover(), folder=tmp_path / "pack").scorecard
    assert "k-anonymity-counts-rows" in {caveat.code for caveat in card.findings[0].caveats}


def test_hashed_ids_are_audited_as_linking_codes(tmp_path: Path) -> None:
    columns = COLUMNS.replace("fresh", "hash_rekey") + UNNAMED
    values, caveats, steps = audited(recipe(tmp_path / "data", columns), tmp_path / "pack")
    assert values["surviving_identifiers"] == 200
    assert caveats["linking-codes"] == {"columns": "patient_id", "count": 200}
    assert "step-hashed-ids" in {step.code for step in steps}
