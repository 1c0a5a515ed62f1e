"""`sekisho plan`: what an audit could show, told before it runs."""

import json
from pathlib import Path


def test_a_plan_counts_the_tests_that_the_audit_then_makes(files, pack, sekisho) -> None:
    ran = sekisho("plan", *files.options(files.leaky), "--quasi-identifiers", "age,region", "--json")
    assert ran.code == 0, ran.err
    planned = json.loads(ran.out)
    judged = json.loads((pack / "scorecard.json").read_text())["judgements"]
    sampled = [one for one in judged if one["low"] is not None and one["low"] < one["high"]]
    assert planned["tests"] == len(sampled) > 0
    assert planned["counted"]
    states = {one["rule"]: one["state"] for one in planned["rules"]}
    for one in judged:
        assert (states[one["rule"]] == "not-assessed") == (one["verdict"] == "not-assessed")


def test_a_plan_says_rules_probabilities_and_leaks_in_either_language(files, sekisho) -> None:
    english = sekisho("plan", *files.options())
    assert english.code == 0, english.err
    assert "P(pass | no leak)" in english.out
    assert "membership/auc ×" in english.out
    assert "nothing known before the run" in english.out
    assert english.err == ""
    japanese = sekisho("plan", *files.options(), "--lang", "ja")
    assert japanese.code == 0
    assert "P(合格 | 漏洩なし)" in japanese.out


def test_without_a_holdout_it_exits_3_and_says_how_to_get_one(files, sekisho) -> None:
    ran = sekisho("plan", "--release", files.fresh, "--members", files.members)
    assert ran.code == 3
    assert "no holdout" in ran.out
    assert "For the next release" in ran.out
    assert "non-members" in ran.out


def test_a_run_too_small_to_pass_is_refused_with_the_rows_it_needs(files, sekisho, table, tmp_path) -> None:
    few = {}
    for name in ("fresh", "members", "non_members"):
        head, *rows = getattr(files, name).read_text(encoding="utf-8").splitlines()
        few[name] = tmp_path / f"{name}.csv"
        few[name].write_text("\n".join([head, *rows[:80]]) + "\n", encoding="utf-8")
    ran = sekisho(
        "plan", "--release", few["fresh"], "--members", few["members"], "--non-members", few["non_members"], "--json"
    )
    assert ran.code == 3
    plan = json.loads(ran.out)
    assert {one["code"] for one in plan["obstacles"]} >= {"hopeless"}
    tail = next(one for one in plan["rules"] if one["rule"] == "membership/tpr_at_fpr_0_01")
    assert tail["pass_high"] == 0
    assert tail["needed"] > 299


def test_a_recipe_is_planned_as_its_options_are(files, sekisho) -> None:
    recipe = files.folder / "planned.yaml"
    recipe.write_text("audit: fresh\nrelease: {table: fresh.csv}\nmembers: members.csv\nnon_members: others.csv\n")
    by_recipe, by_options = sekisho("plan", recipe, "--json"), sekisho("plan", *files.options(), "--json")
    assert by_recipe.code == 0, by_recipe.err
    assert by_recipe.out == by_options.out
    stricter = sekisho("plan", recipe, "--policy", "public-release", "--json")
    assert json.loads(stricter.out)["certifying"]


def test_no_attack_runs_and_nothing_is_written(files, sekisho, attack_file, tmp_path) -> None:
    ran_file = tmp_path / "ran"
    plugin = attack_file(f"open({str(ran_file)!r}, 'w').close()\nraise ValueError", name="touches")
    folder = tmp_path / "here"
    folder.mkdir()
    ran = sekisho("plan", *files.options(), "--plugin", plugin, cwd=folder)
    assert ran.code == 0, ran.err
    assert "touches" in ran.out
    assert not ran_file.exists()
    assert list(folder.iterdir()) == []


def test_no_plan_holds_a_value_of_a_record_or_a_path(files, sekisho, canaries) -> None:
    told = [sekisho("plan", *files.options(files.leaky), *more) for more in ([], ["--json"], ["--lang", "ja"])]
    for one in told:
        for canary in canaries:
            assert canary not in one.out + one.err
        assert str(Path(files.folder)) not in one.out + one.err


def test_a_plan_of_wrong_inputs_exits_2_as_an_audit_does(files, sekisho, tmp_path) -> None:
    for arguments in (
        [],
        ["recipe.yaml", "--release", "x.csv"],
        [*files.options(), "--policy", "startr"],
        [*files.options(), "--quasi-identifiers", "aeg"],
        [*files.options(tmp_path / "nowhere.csv")],
    ):
        ran = sekisho("plan", *arguments)
        assert ran.code == 2, (arguments, ran)
        assert "Traceback" not in ran.err
        assert ran.out == ""
