"""The recipe: strict, helpful, all problems at once, and written back without a path of the machine."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_core.errors import InputError, Problem
from audit_core.isolation import Limits
from audit_core.recipe import Recipe, load_recipe, recipe_of_files, recipe_schema, recipe_yaml
from audit_core.written.recipe import GeneratedSpec, SplitSpec
from audit_core.written.strict_yaml import read_yaml

unhurried = settings(deadline=None)

WHOLE = """\
audit: visits
release: {table: out/synthetic.parquet, generalised: true}
members: train.parquet
non_members: holdout.parquet
columns:
  patient_id: {role: identifier}
  age: {type: integer, role: quasi-identifier}
  2019: {type: number}
  icd10: {role: sensitive}
subject: patient_id
k_anonymity_min: 10
policy: starter
nulls: ["?", NA]
encoding: cp932
delimiter: ";"
seed: 7
attacks: {membership: {neighbours: 5}, exact-copies: }
limits: {timeout_s: 60, memory_gib: 1.5}
requires-plugins: [stranger]
"""
MADE = "{generate: {with: x}, rows: 9"
SHORT = "audit: a\nrelease: {table: s.csv}\nmembers: t.csv\n"


def load(tmp_path: Path, text: str, *, allow_outside: bool = False) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, allow_outside=allow_outside)


def problems(tmp_path: Path, text: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert caught.value.exit_code == 2
    assert str(tmp_path) not in str(caught.value)
    return list(caught.value.problems)


def test_a_whole_recipe(tmp_path: Path) -> None:
    recipe = load(tmp_path, WHOLE)
    assert recipe.audit == "visits"
    assert recipe.release.table == "out/synthetic.parquet"
    assert recipe.release.generalised is True
    assert recipe.path("members") == tmp_path / "train.parquet"
    assert recipe.path("non_members") == tmp_path / "holdout.parquet"
    assert recipe.columns["age"].kind == "integer"
    assert recipe.columns["2019"].role == "plain"
    assert recipe.subject == "patient_id"
    assert recipe.k_anonymity_min == 10
    assert recipe.nulls == ("", "?", "NA")
    assert (recipe.encoding, recipe.delimiter, recipe.seed) == ("cp932", ";", 7)
    assert recipe.attacks == {"membership": {"neighbours": 5}, "exact-copies": {}}
    assert recipe.limits == Limits(timeout_s=60.0, memory_gib=1.5)
    assert recipe.requires_plugins == ("stranger",)


def test_what_is_left_out(tmp_path: Path) -> None:
    recipe = load(tmp_path, SHORT)
    assert recipe.non_members is None
    assert recipe.path("non_members") is None
    assert (recipe.policy, recipe.seed, recipe.attacks, recipe.k_anonymity_min) == ("starter", 0, None, 0)
    assert recipe.limits == Limits(timeout_s=600.0, memory_gib=4.0)
    assert recipe.generate_limits == Limits(timeout_s=86_400.0, memory_gib=4.0)  # training takes longer than an attack
    assert recipe.nulls == ("",)
    assert recipe.release.generalised is False


def test_text_and_id_are_categories(tmp_path: Path) -> None:
    recipe = load(tmp_path, SHORT + "columns: {a: {type: text}, b: {type: id}, c: {type: date}, d: {}}")
    assert [recipe.columns[name].kind for name in "abcd"] == ["category", "category", "date", None]


@pytest.mark.parametrize(
    ("text", "code", "place", "said"),
    [
        (SHORT + "policies: x", "unknown-key", "recipe.yaml:4:1 (policies)", "'policy'"),
        (SHORT + "columns: {age: {rol: sensitive}}", "unknown-key", "recipe.yaml:4:17 (columns.age.rol)", "'role'"),
        (SHORT + "columns: {age: {role: sensitiv}}", "wrong-value", "(columns.age.role)", "'sensitive'"),
        (SHORT + "columns: {age: {type: categorie}}", "wrong-value", "(columns.age.type)", "'categor"),
        (SHORT + "columns: [age]", "wrong-value", "recipe.yaml:4:1 (columns)", "columns: {age: {type: integer"),
        (SHORT + "attacks: [membership]", "wrong-value", "(attacks)", "attacks: {membership: {}}"),
        (SHORT + "nulls: NA", "wrong-value", "(nulls)", "brackets"),
        (SHORT + "nulls: [-1]", "wrong-value", "(nulls[0])", "string"),
        (SHORT + "encoding: cp9999", "wrong-value", "(encoding)", "cp932"),
        (SHORT + "encoding: rot13", "wrong-value", "(encoding)", "cp932"),
        (SHORT + "delimiter: ';;'", "wrong-value", "(delimiter)", "one plain character"),
        (SHORT + "delimiter: '\"'", "wrong-value", "(delimiter)", "one plain character"),
        (SHORT + "seed: -1", "wrong-value", "(seed)", "greater than or equal to 0"),
        (SHORT + "seed: 1.5", "wrong-value", "(seed)", "integer"),
        (SHORT + "seed: yes", "wrong-value", "(seed)", "integer"),
        (SHORT + "k_anonymity_min: -3", "wrong-value", "(k_anonymity_min)", "greater than or equal to 0"),
        (SHORT + "k_anonymity_min: 10", "k-without-quasi-identifiers", "(k_anonymity_min)", "quasi-identifier"),
        (
            "audit: a\nrelease: {generate: {load: m}, rows: 9}\nmembers: t.csv\nnon_members: {split: 0.5}\n",
            "wrong-value",
            "(non_members)",
            "fitted before these coins fall",
        ),
        (SHORT + "limits: {timeout_s: 0}", "wrong-value", "(limits.timeout_s)", "greater than 0"),
        (SHORT + "limits: {memory: 1}", "unknown-key", "(limits.memory)", "'memory_gib'"),
        (SHORT + "subject: a\ncolumns: {a: {role: sensitive}}", "column-role-twice", "(columns.a)", "at once"),
        (SHORT.replace("audit: a", "audit: ''"), "wrong-value", "recipe.yaml:1:1 (audit)", "printable"),
        (SHORT.replace("audit: a", 'audit: "a\\e[31m"'), "wrong-value", "(audit)", "printable"),
        (SHORT.replace("audit: a\n", ""), "missing-key", "recipe.yaml:1:1", "Add audit"),
        (SHORT.replace("{table: s.csv}", "s.csv"), "wrong-value", "(release)", "release: {table: FILE}"),
        (SHORT.replace("{table: s.csv}", "{}"), "missing-key", "(release)", "'table'"),
        (SHORT.replace("{table: s.csv}", "{model: {load: ./m}}"), "missing-key", "", "which column holds the texts"),
        (SHORT.replace("{table: s.csv}", "{generate: {with: x}}"), "missing-key", "(release)", "'rows'"),
        (SHORT.replace("{table: s.csv}", "{generate: x, rows: 9}"), "wrong-value", "(release.generate)", "with: NAME"),
        (SHORT.replace("{table: s.csv}", "{generate: {}, rows: 9}"), "wrong-value", "(release.generate)", "with: NAME"),
        (
            SHORT.replace("{table: s.csv}", "{generate: {load: m, params: {a: 1}}, rows: 9}"),
            "wrong-value",
            "(release.generate)",
            "eave out `params`",
        ),
        (SHORT.replace("{table: s.csv}", MADE + ", table: s.csv}"), "wrong-value", "(release)", "Keep `table` or"),
        (SHORT.replace("{table: s.csv}", MADE + ", generalised: true}"), "unknown-key", "generalised", "not go with"),
        (SHORT.replace("{table: s.csv}", MADE + ", row: 1}"), "unknown-key", "(release.row)", "'rows'"),
        (SHORT.replace("{table: s.csv}", "{generate: {with: x}, rows: 0}"), "wrong-value", "(release.rows)", "than or"),
        (
            SHORT.replace("{table: s.csv}", "{texts: x, column: y}"),
            "wrong-value",
            "(release)",
            "audits no released texts",
        ),
        (SHORT + "non_members: {split: 0.5}", "wrong-value", "(non_members)", "not used"),
        (SHORT + "train: x.csv", "unknown-key", "(train)", "members: FILE"),
        (SHORT + "non_members: {split: 0}", "wrong-value", "(non_members.split)", "0.5"),
        (SHORT + "epsilon: 3", "unknown-key", "(epsilon)", "under `release: {generate:"),
        (SHORT + "members: u.csv", "yaml-duplicate-key", "recipe.yaml:4:1", "members"),
        ("", "recipe-empty", "recipe.yaml", "members"),
        ("- a\n", "recipe-empty", "recipe.yaml", "members"),
        (SHORT.replace("t.csv", "../t.csv"), "path-outside", "recipe.yaml:3:1 (members)", "--allow-outside"),
        (SHORT.replace("t.csv", "/etc/passwd"), "path-outside", "(members)", "--allow-outside"),
        (SHORT.replace("s.csv", "../s.csv"), "path-outside", "(release.table)", "--allow-outside"),
        (SHORT + "non_members: ~/h.csv", "path-invalid", "(non_members)", "not expanded"),
        (SHORT + "policy: ../mine.yaml", "path-outside", "(policy)", "--allow-outside"),
    ],
)
def test_a_wrong_recipe_gets_its_place_and_a_remedy(
    tmp_path: Path, text: str, code: str, place: str, said: str
) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.code == code
    assert place in problem.where
    assert said in f"{problem.what}. {problem.fix}"


def test_a_release_that_is_made_and_a_split(tmp_path: Path) -> None:
    text = SHORT.replace("{table: s.csv}", "{generate: {with: leaky, params: {dose: 0.5}}, rows: 9}")
    recipe = load(tmp_path, text + "non_members: {split: 20%}\n")
    assert isinstance(recipe.release, GeneratedSpec)
    assert (recipe.release.generate.name, recipe.release.generate.params) == ("leaky", {"dose": 0.5})
    assert (recipe.release.rows, recipe.generalised, recipe.allow_commands) == (9, False, False)
    assert recipe.non_members == SplitSpec(split=0.2)
    assert [recipe.path(arm) for arm in ("release", "non_members")] == [None, None]
    written = recipe_yaml(recipe)
    assert load(tmp_path, written.decode()) == recipe
    for wrong, what in ((MADE + ", row: 1}", "release.row"), ("{generate: {with: x, parms: {}}, rows: 9}", "parms")):
        found = problems(tmp_path, SHORT.replace("{table: s.csv}", wrong) + "non_members: {spilt: 1}\n")
        assert {problem.code for problem in found} == {"unknown-key", "missing-key"}
        assert any(what in problem.where for problem in found)
        assert any("Did you mean 'split'?" in problem.fix for problem in found)


def test_all_problems_at_once(tmp_path: Path) -> None:
    text = "dataset: x\naudit: a\nrelease: {tabel: s.csv}\nmembers: 3\nseed: x\nk_anonymity_min: 2\n"
    assert sorted((problem.code, problem.where.split("(")[1]) for problem in problems(tmp_path, text)) == [
        ("k-without-quasi-identifiers", "k_anonymity_min)"),
        ("missing-key", "release)"),
        ("unknown-key", "dataset)"),
        ("unknown-key", "release.tabel)"),
        ("wrong-value", "members)"),
        ("wrong-value", "seed)"),
    ]
    text = SHORT + "non_members: ../h.csv\npolicy: ../p.yaml\nk_anonymity_min: 2\n"
    codes = ["k-without-quasi-identifiers", "path-outside", "path-outside"]
    assert [problem.code for problem in problems(tmp_path, text)] == codes


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file-missing"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(InputError, match="file-not-regular"):
        load_recipe(tmp_path)


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    home = tmp_path / "home"
    home.mkdir()
    (home / "t.csv").symlink_to(tmp_path / "secret.csv")
    (problem,) = problems(home, SHORT)
    assert problem.code == "path-outside"
    assert load(home, SHORT, allow_outside=True).path("members") == tmp_path / "secret.csv"


def test_a_policy_file_is_found_from_the_recipe_s_folder(tmp_path: Path) -> None:
    recipe = load(tmp_path, SHORT + "policy: rules/mine.yaml\n")
    assert Path(recipe.policy) == tmp_path / "rules" / "mine.yaml"
    assert b'policy: "mine.yaml"' in recipe_yaml(recipe)


# The command line's form


def test_the_recipe_of_options(tmp_path: Path) -> None:
    recipe = recipe_of_files(
        release=tmp_path / "synth.csv",
        members="../train.csv",
        identifiers=("id",),
        quasi_identifiers=("age", "zip"),
        sensitive=["icd10"],
        subject="id",
        nulls=["?"],
        k_anonymity_min=5,
    )
    assert recipe.audit == "synth"
    assert recipe.path("release") == tmp_path / "synth.csv"
    assert recipe.path("members") == Path("../train.csv").resolve()
    assert {name: spec.role for name, spec in recipe.columns.items()} == {
        "id": "identifier",
        "age": "quasi-identifier",
        "zip": "quasi-identifier",
        "icd10": "sensitive",
    }
    assert (recipe.subject, recipe.policy, recipe.k_anonymity_min, recipe.nulls) == ("id", "starter", 5, ("", "?"))


def test_options_are_named_as_options() -> None:
    with pytest.raises(InputError, match="--sensitive: the column 'age' is given two roles"):
        recipe_of_files(release="s.csv", members="t.csv", quasi_identifiers=["age"], sensitive=["age"])
    with pytest.raises(InputError, match="--members: `~` is not expanded"):
        recipe_of_files(release="s.csv", members="~/t.csv")
    with pytest.raises(InputError, match="unknown-key"):
        recipe_of_files(release="s.csv", members="t.csv", sed=3)


# Written back


def test_written_back_it_reads_the_same(tmp_path: Path) -> None:
    recipe = load(tmp_path, WHOLE)
    again = load(tmp_path, recipe_yaml(recipe).decode())
    assert again == recipe.model_copy(update={"columns": again.columns})
    assert again.columns == recipe.columns
    assert recipe_yaml(again) == recipe_yaml(recipe)


def test_defaults_are_written_out(tmp_path: Path) -> None:
    written = recipe_yaml(load(tmp_path, SHORT)).decode()
    for line in ('policy: "starter"', "seed: 0", "  timeout_s: 600.0", 'encoding: "utf-8"', "  generalised: false"):
        assert line in written.splitlines()


def test_the_order_of_columns_in_a_recipe_changes_no_byte(tmp_path: Path) -> None:
    one = load(tmp_path, SHORT + "columns: {a: {type: id}, b: {}}")
    other = load(tmp_path, SHORT + "columns: {b: {}, a: {type: id}}")
    assert recipe_yaml(one) == recipe_yaml(other)


def test_no_path_of_the_machine_is_written(tmp_path: Path) -> None:
    recipe = recipe_of_files(
        release=tmp_path / "s.csv",
        members=f"{tmp_path}/../t.csv",
        non_members="../../h.csv",
        policy=str(tmp_path / "p.yaml"),
    )
    written = recipe_yaml(recipe).decode()
    assert 'table: "s.csv"' in written
    assert 'members: "t.csv"' in written
    assert 'non_members: "h.csv"' in written
    assert 'policy: "p.yaml"' in written
    for part in (*tmp_path.parts[1:], ".."):
        assert part not in written


@unhurried
@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), max_size=3))
def test_any_column_name_is_written_back(names: set[str]) -> None:
    recipe = recipe_of_files(release="s.csv", members="t.csv", sensitive=sorted(names))
    tree = read_yaml(recipe_yaml(recipe), "again")
    assert isinstance(tree, dict)
    assert tree["columns"] == {name: {"role": "sensitive"} for name in names}


def test_the_schema_names_every_key_and_can_be_written_as_json() -> None:
    schema = recipe_schema()
    assert json.loads(json.dumps(schema)) == schema
    keys = set(schema["properties"])
    assert {"audit", "release", "members", "non_members", "columns", "limits", "requires-plugins"} <= keys
    assert not keys & {"folder", "allow_outside", "limits_spec"}
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"audit", "release", "members"}
