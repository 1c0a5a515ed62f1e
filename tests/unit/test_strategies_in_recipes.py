"""How columns come into a release, as a recipe says it: what is accepted, and every contradiction at once."""

from pathlib import Path

import pytest

from audit_core.codes import CODES
from audit_core.errors import InputError, Problem
from audit_core.recipe import Recipe, load_recipe, recipe_schema, recipe_yaml
from audit_core.synthesis.regions import LEVELS
from audit_core.written import contradictions
from audit_core.written.contradictions import warnings
from audit_core.written.strategies import EnforceRange, NoRareCombinations
from audit_core.written.strict_yaml import read_yaml

MADE = """\
audit: visits
release: {generate: {with: independent}, rows: 100}
members: train.csv
"""
FINISHED = "audit: a\nrelease: {table: s.csv}\nmembers: t.csv\n"
WHOLE = (
    MADE
    + """\
columns:
  patient_id: {type: id, strategy: fresh, pattern: "S-########"}
  full_name: {type: pii_name, locale: ja_JP}
  home: {type: pii_address, locale: ja_JP}
  address: {type: pii_address, locale: ja_JP, hierarchy: prefecture, suppress_below: 10, role: quasi-identifier}
  birth_date: {type: date, jitter: 90d, min: 1920-01-31, max: 2026-01-01}
  icd10_code: {type: categorical, preserve_distribution: true}
  age: {type: integer, min: 0, max: 120}
rules:
  - no_rare_combinations: {columns: [address, icd10_code], below: 5}
  - enforce_range: {column: age, min: 0, max: 120}
  - enforce_range: {column: birth_date, max: 2025-12-31}
k_anonymity_min: 10
output: {format: csv}
"""
)

# As published on the Synth Umi project page.
SYNTH_UMI = """\
dataset: patient_visits_q1
engine: ctgan-dp
epsilon: 3.0
delta: 1e-6
k_anonymity_min: 10
columns:
  - name: patient_id
    type: id
    strategy: hash_rekey
  - name: full_name
    type: pii_name
    locale: ja_JP
  - name: address
    type: pii_address
    hierarchy: prefecture
    suppress_below: 5
  - name: birth_date
    type: date
    perturb: ±90d
  - name: icd10_code
    type: categorical
    preserve_distribution: true
rules:
  - no_rare_combinations: true
  - enforce_range: [age, 0, 120]
output:
  rows: 12000
  format: parquet
"""


@pytest.fixture(autouse=True)
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if Faker were there, and had two locales."""
    monkeypatch.setattr(contradictions, "has_faker", lambda: True)
    monkeypatch.setattr(contradictions, "unknown_locale", lambda name: (name not in ("ja_JP", "en_US"), "ja_JP"))


def load(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path)


def problems(tmp_path: Path, text: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert all(problem.code in CODES and problem.where for problem in caught.value.problems)
    return list(caught.value.problems)


def test_a_whole_recipe(tmp_path: Path) -> None:
    recipe = load(tmp_path, WHOLE)
    columns = recipe.columns
    assert {name: spec.made for name, spec in columns.items() if spec.made} == {
        "patient_id": "fresh",
        "full_name": "pii_name",
        "home": "pii_address",
    }
    assert {name for name, spec in columns.items() if spec.role == "identifier"} == {"patient_id", "full_name", "home"}
    assert columns["address"].role == "quasi-identifier"
    assert columns["address"].declared.values == LEVELS["prefecture"].names
    assert (columns["icd10_code"].kind, columns["address"].kind, columns["birth_date"].kind) == (
        *("category", "category"),
        "date",
    )
    declared = columns["birth_date"].declared
    assert (declared.low, declared.high) == (-18_233.0, 20_454.0)
    rare, ages, dates = recipe.row_rules
    assert rare == NoRareCombinations(columns=("address", "icd10_code"), below=5)
    assert ages == EnforceRange(column="age", min=0, max=120)
    assert isinstance(dates, EnforceRange)
    assert (dates.min, dates.max) == (None, 20_453.0)
    assert recipe.format == "csv"
    assert warnings(columns) == ()


def test_written_back_it_reads_the_same_and_dates_are_dates(tmp_path: Path) -> None:
    recipe = load(tmp_path, WHOLE)
    written = recipe_yaml(recipe)
    assert load(tmp_path, written.decode()) == recipe.model_copy(update={"columns": load(tmp_path, WHOLE).columns})
    assert 'min: "1920-01-31"' in written.decode()
    plain = read_yaml(recipe_yaml(load(tmp_path, FINISHED + "columns: {a: {type: integer}}\n")), "again")
    assert isinstance(plain, dict)
    assert plain["columns"] == {"a": {"role": "plain", "type": "integer"}}
    assert (plain["rules"], "output" in plain) == ([], False)


def test_the_schema_names_the_keys() -> None:
    schema = recipe_schema()
    assert {"rules", "output"} <= set(schema["properties"])
    assert {"strategy", "locale", "hierarchy", "suppress_below", "jitter", "preserve_distribution"} <= set(
        schema["$defs"]["ColumnSpec"]["properties"]
    )
    assert schema["$defs"]["OutputSpec"]["properties"]["format"]["enum"] == ["parquet", "csv"]


@pytest.mark.parametrize(
    ("more", "code", "place", "said"),
    [
        ("columns: {a: {type: integer, jitter: 90d}}", "strategy-does-not-fit", "(columns.a.jitter)", "type: date"),
        ("columns: {a: {type: date, jitter: ±90d}}", "wrong-value", "(columns.a.jitter)", "`jitter: 90d`"),
        ("columns: {a: {type: date, jitter: 90}}", "wrong-value", "(columns.a.jitter)", "`jitter: 90d`"),
        ("columns: {a: {type: date, jitter: 0d}}", "wrong-value", "(columns.a.jitter)", "`jitter: 90d`"),
        (
            "columns: {a: {jitter: 9d, type: date, role: identifier}}",
            "strategy-does-not-fit",
            "jitter",
            "names a person",
        ),
        ("subject: a\ncolumns: {a: {type: date, jitter: 9d}}", "strategy-does-not-fit", "jitter", "names a person"),
        ("columns: {a: {type: text, strategy: fresh}}", "strategy-does-not-fit", "(columns.a.strategy)", "type: id"),
        ("columns: {a: {type: id, strategy: rekey}}", "wrong-value", "(columns.a.strategy)", "'hash_rekey'"),
        ("columns: {a: {type: id}}", "strategy-does-not-fit", "(columns.a.type)", "role: identifier"),
        ("columns: {a: {type: id, pattern: '###'}}", "strategy-does-not-fit", "(columns.a.pattern)", "strategy: fresh"),
        ("columns: {a: {type: id, strategy: fresh, pattern: '##'}}", "strategy-does-not-fit", "pattern", "100 ids"),
        ("columns: {a: {type: id, strategy: fresh, pattern: ab}}", "wrong-value", "(columns.a.pattern)", "`#`"),
        ("columns: {a: {type: id, strategy: fresh, role: sensitive}}", "strategy-does-not-fit", "role", "Take it out"),
        ("columns: {a: {type: id, strategy: fresh, values: [x]}}", "strategy-does-not-fit", "values", "Take it out"),
        ("columns: {a: {type: pii_name}}", "missing-key", "(columns.a.locale)", "locale: ja_JP"),
        ("columns: {a: {type: pii_name, locale: ja_JA}}", "locale-unknown", "(columns.a.locale)", "'ja_JP'"),
        ("columns: {a: {type: text, locale: ja_JP}}", "strategy-does-not-fit", "(columns.a.locale)", "pii_name"),
        (
            "columns: {a: {type: pii_name, locale: ja_JP, hierarchy: prefecture}}",
            "strategy-does-not-fit",
            "",
            "address",
        ),
        ("columns: {a: {type: pii_address, hierarchy: city}}", "wrong-value", "(columns.a.hierarchy)", "prefecture"),
        (
            "columns: {a: {type: pii_address, locale: en_US, hierarchy: prefecture}}",
            *("strategy-does-not-fit", "(columns.a.locale)", "locale: ja_JP"),
        ),
        (
            "columns: {a: {type: pii_address, hierarchy: prefecture, values: [x]}}",
            *("strategy-does-not-fit", "(columns.a.values)", "public list"),
        ),
        (
            "columns: {a: {type: pii_address, locale: ja_JP, suppress_below: 5}}",
            *("strategy-does-not-fit", "(columns.a.suppress_below)", "`hierarchy`"),
        ),
        ("columns: {a: {type: number, suppress_below: 5}}", "strategy-does-not-fit", "suppress_below", "category"),
        ("columns: {a: {type: category, suppress_below: 1}}", "wrong-value", "suppress_below", "equal to 2"),
        ("columns: {a: {type: date, preserve_distribution: true}}", "strategy-does-not-fit", "preserve", "Take it out"),
        ("columns: {a: {type: integer, min: 1920-01-01}}", "wrong-value", "(columns.a)", "type: date"),
        ("columns: {a: {type: date, min: 1920-02-30}}", "wrong-value", "(columns.a.min)", "calendar"),
        ("columns: {a: {type: integer, min: low}}", "wrong-value", "(columns.a.min)", "neither a number"),
        ("rules: {enforce_range: {column: a, min: 0}}", "wrong-value", "(rules)", "not a list"),
        ("rules: [{enforce_range: {column: a, min: 0}}]", "rule-undeclared-column", "enforce_range.column", "Declare"),
        (
            "columns: {address: {}}\nrules: [{no_rare_combinations: {columns: [adress], below: 5}}]",
            *("rule-undeclared-column", "no_rare_combinations.columns", "'address'"),
        ),
        ("columns: {a: {}}\nrules: [{enforce_range: {column: a, min: 0}}]", "rule-does-not-fit", "", "type: integer"),
        (
            "columns: {a: {type: id, strategy: fresh}}\nrules: [{no_rare_combinations: {columns: [a], below: 5}}]",
            *("rule-does-not-fit", "(rules[0].no_rare_combinations.columns)", "identifier"),
        ),
        ("rules: [{enforce_range: {column: a}}]", "wrong-value", "(rules[0].enforce_range)", "`min`, `max` or both"),
        ("rules: [{enforce_range: {column: a, min: 2, max: 1}}]", "wrong-value", "enforce_range)", "Swap"),
        ("rules: [{enforce_range: 5}]", "wrong-value", "(rules[0].enforce_range)", "column: age"),
        ("rules: [{no_rare_combinations: true}]", "wrong-value", "no_rare_combinations)", "columns: [A, B], below: 5"),
        ("rules: [{no_rare_combinations: {columns: [a, a], below: 5}}]", "wrong-value", "rare", "named twice"),
        ("rules: [{no_rare_combinations: {columns: [], below: 5}}]", "wrong-value", "columns)", "at least 1"),
        ("rules: [{}]", "wrong-value", "(rules[0])", "exactly one rule"),
        ("rules: [{no_rare_combination: 1}]", "unknown-key", "no_rare_combination)", "no_rare_combinations"),
        ("output: {format: xlsx}", "wrong-value", "(output.format)", "parquet"),
        ("output: {rows: 5}", "unknown-key", "(output.rows)", "rows: N"),
        ("columns: {a: {type: date, perturb: 9}}", "unknown-key", "(columns.a.perturb)", "jitter: 90d"),
        (
            "columns: {a: {role: quasi-identifier, type: category, suppress_below: 5}}\nk_anonymity_min: 10",
            *("suppress-below-k", "(columns.a.suppress_below)", "`suppress_below: 10`"),
        ),
        (
            "columns: {a: {role: quasi-identifier}}\nk_anonymity_min: 10\n"
            "rules: [{no_rare_combinations: {columns: [a], below: 5}}]",
            *("suppress-below-k", "(rules[0].no_rare_combinations.below)", "`below: 10`"),
        ),
    ],
)
def test_a_contradiction_gets_its_place_and_a_remedy(
    tmp_path: Path, more: str, code: str, place: str, said: str
) -> None:
    found = problems(tmp_path, MADE + more)
    assert len(found) == 1 or code in ("wrong-value", "unknown-key"), found
    problem = next(each for each in found if each.code == code)
    assert place in problem.where
    assert said in f"{problem.what}. {problem.fix}"


def test_a_combination_that_is_not_all_quasi_identifiers_may_be_rarer_than_k(tmp_path: Path) -> None:
    text = "columns: {a: {role: quasi-identifier}, b: {}}\nk_anonymity_min: 10\n"
    load(tmp_path, MADE + text + "rules: [{no_rare_combinations: {columns: [a, b], below: 5}}]\n")


def test_an_id_that_is_left_out_needs_no_strategy(tmp_path: Path) -> None:
    load(tmp_path, MADE + "columns: {a: {type: id, role: identifier}}\n")
    load(tmp_path, MADE + "subject: a\ncolumns: {a: {type: id}}\n")
    load(tmp_path, FINISHED + "columns: {a: {type: id}}\n")


def test_nothing_of_it_is_for_a_table_that_exists(tmp_path: Path) -> None:
    text = FINISHED + WHOLE.removeprefix(MADE)
    found = problems(tmp_path, text)
    assert {problem.code for problem in found} == {"strategy-of-a-finished-table"}
    keys = {problem.where.split("(")[1].rstrip(")") for problem in found}
    assert keys == {
        *("columns.patient_id.strategy", "columns.patient_id.pattern", "columns.full_name.type", "rules", "output"),
        *("columns.full_name.locale", "columns.home.type", "columns.home.locale", "columns.address.type"),
        *("columns.address.locale", "columns.address.hierarchy", "columns.address.suppress_below"),
        *("columns.birth_date.jitter", "columns.icd10_code.preserve_distribution"),
    }
    assert all("release: {generate:" in problem.fix or "role: identifier" in problem.fix for problem in found)


def test_without_faker_the_extra_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contradictions, "has_faker", lambda: False)
    (problem,) = problems(tmp_path, WHOLE)
    assert (problem.code, "(columns.full_name.locale)" in problem.where) == ("faker-missing", True)
    assert "sekisho[tabular]" in problem.fix
    # A prefecture needs no list but ours.
    load(tmp_path, MADE + "columns: {a: {type: pii_address, hierarchy: prefecture}}\n")


def test_hashed_ids_are_accepted_and_warned_of(tmp_path: Path) -> None:
    text = "columns: {id: {type: id, strategy: hash_rekey}, b: {type: id, strategy: hash_rekey}}\n"
    recipe = load(tmp_path, MADE + text)
    (warning,) = warnings(recipe.columns)
    assert (warning.code, warning.args) == ("linking-code-warning", {"columns": "b, id"})
    # Where the recipe is refused for something else, it is said at once.
    found = [problem.code for problem in problems(tmp_path, MADE + text + "seed: x\n")]
    assert sorted(found) == ["linking-code-asked-for", "linking-code-asked-for", "wrong-value"]


def test_all_contradictions_come_at_once_also_beside_keys_that_cannot_be_read(tmp_path: Path) -> None:
    text = (
        MADE.replace("members: train.csv", "members: 3")
        + """\
columns:
  a: {type: integer, jitter: 9d}
  b: {type: pii_name}
  c: {type: nothing}
rules:
  - enforce_range: {column: d, min: 0}
  - enforce_range: {column: c, min: 0}
  - no_rare_combinations: true
k_anonymity_min: 3
"""
    )
    assert sorted((problem.code, problem.where.split("(")[1].rstrip(")")) for problem in problems(tmp_path, text)) == [
        ("k-without-quasi-identifiers", "k_anonymity_min"),
        ("missing-key", "columns.b.locale"),
        ("rule-undeclared-column", "rules[0].enforce_range.column"),
        ("strategy-does-not-fit", "columns.a.jitter"),
        ("wrong-value", "columns.c.type"),
        ("wrong-value", "members"),
        ("wrong-value", "rules[2].no_rare_combinations"),
    ]


def test_synth_umi_s_own_recipe_gets_a_remedy_for_everything(tmp_path: Path) -> None:
    found = problems(tmp_path, SYNTH_UMI)
    told = {problem.where.split("(")[1].rstrip(")"): problem for problem in found if "(" in problem.where}
    assert {key: problem.code for key, problem in told.items()} == {
        "dataset": "unknown-key",
        "engine": "unknown-key",
        "epsilon": "unknown-key",
        "delta": "unknown-key",
        "columns": "wrong-value",
        "columns.patient_id.strategy": "linking-code-asked-for",
        "columns.address.suppress_below": "suppress-below-k",
        "columns.birth_date.perturb": "unknown-key",
        "k_anonymity_min": "k-without-quasi-identifiers",
        "rules[0].no_rare_combinations": "wrong-value",
        "rules[1].enforce_range": "wrong-value",
        "rules[1].enforce_range.column": "rule-undeclared-column",
        "output.rows": "unknown-key",
    }
    for key, said in {
        "dataset": "`members: FILE`",
        "engine": "release: {generate: {with: NAME",
        "epsilon": "params: {epsilon: 3, delta: 1e-6}",
        "columns": "columns: {age:",
        "columns.patient_id.strategy": "strategy: fresh",
        "columns.birth_date.perturb": "jitter: 90d",
        "rules[0].no_rare_combinations": "{columns: [A, B], below: 5}",
        "rules[1].enforce_range": "{column: age, min: 0, max: 120}",
        "rules[1].enforce_range.column": "columns: {age: {type: integer}}",
    }.items():
        assert said in told[key].fix
    lines = {key: int(problem.where.split(":")[1]) for key, problem in told.items()}
    assert lines["columns.patient_id.strategy"] == SYNTH_UMI.splitlines().index("    strategy: hash_rekey") + 1
    assert lines["columns.birth_date.perturb"] == SYNTH_UMI.splitlines().index("    perturb: ±90d") + 1
    missing = [problem.what for problem in found if problem.code == "missing-key"]
    assert missing == [f"the key '{key}' is missing" for key in ("audit", "release", "members")]
    tree = read_yaml(SYNTH_UMI.encode(), "it")
    assert isinstance(tree, dict)
    assert tree["delta"] == 1e-6


def test_synth_umi_s_recipe_as_published(tmp_path: Path, public_data: Path) -> None:
    published = (public_data / "synth_umi.recipe.yaml").read_text(encoding="utf-8")
    assert "\n".join(line for line in published.splitlines() if not line.startswith("#")) + "\n" == SYNTH_UMI
    assert {problem.code for problem in problems(tmp_path, published)} == {
        problem.code for problem in problems(tmp_path, SYNTH_UMI)
    }
