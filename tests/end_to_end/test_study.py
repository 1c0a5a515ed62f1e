"""`sekisho study`: packs of all runs, one page beside them, and a run that was cut off."""

import json
import re
from pathlib import Path

import pytest

RECIPE = """audit: doses
release: {generate: {with: leaky}, rows: 60}
members: members.csv
non_members: {split: 0.5}
attacks: {exact-copies: {}}
study: {grid: {dose: [0.05, 0.9]}, seeds: 2}
"""


@pytest.fixture(scope="module")
def studied(few, sekisho, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("study") / "pack"
    recipe = few.folder / "study.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    ran = sekisho("study", recipe, "--out", out, "--json-events")
    assert ran.code == 0, ran.err
    events = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    assert {(event["setting"], event["seed"]) for event in events} == {(1, 0), (1, 1), (2, 0), (2, 1)}
    assert "dose 0.9" in ran.out
    return out


def study(pack: Path) -> dict:
    return json.loads((pack / "study.json").read_text())


def excess(pack: Path, variant: int) -> float:
    runs = study(pack)["variants"][variant]["runs"]
    values = [
        one["measurement"]["value"]
        for run in runs
        for one in run["compared"]
        if (one["measurement"]["name"], one["measurement"]["of"]) == ("copies_excess", "raw")
    ]
    return sum(values) / len(values)


def test_each_run_has_a_pack_and_the_study_says_what_is_in_it(studied: Path, sekisho) -> None:
    its = study(studied)
    assert [variant["params"] for variant in its["variants"]] == [{"dose": 0.05}, {"dose": 0.9}]
    for variant in its["variants"]:
        for run in variant["runs"]:
            card = json.loads((studied / run["folder"] / "scorecard.json").read_text())
            assert card["verdict"] == run["verdict"]
            assert card["provenance"]["seed"] == run["seed"]
            assert card["provenance"]["generator"]["params"]["dose"] == variant["params"]["dose"]
            assert (studied / run["folder"] / "scorecard.en.html").is_file()
    assert excess(studied, 1) > excess(studied, 0) + 0.3
    assert sekisho("verify", studied).code == 0
    assert sekisho("render", studied).out.startswith("<!doctype html>")


def test_the_page_shows_every_setting_in_both_languages(studied: Path) -> None:
    for language, words in (("en", "Side by side"), ("ja", "設定間の比較")):
        page = (studied / f"study.{language}.html").read_text()
        assert words in page
        assert "dose = 0.9" in page
        assert len(re.findall('<table class="bullets">', page)) >= 3
        assert "{" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_what_is_said_of_a_run_must_be_on_its_card(studied: Path, sekisho, tmp_path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(studied, copy)
    path = copy / study(copy)["variants"][0]["runs"][0]["folder"] / "scorecard.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 9'))
    ran = sekisho("verify", copy)
    assert ran.code == 1
    assert "does not follow from its scorecard" in ran.err
    path.unlink()
    assert "missing" in sekisho("verify", copy).err


def test_a_study_that_was_cut_off_goes_on_with_the_runs_that_are_left(studied: Path, few, sekisho, tmp_path) -> None:
    import shutil

    cut = tmp_path / "cut"
    shutil.copytree(studied, cut)
    for path in cut.iterdir():
        if path.is_file():
            path.unlink()
    shutil.rmtree(cut / "runs" / "02-seed-1")
    kept = (cut / "runs" / "01-seed-0" / "scorecard.json").read_bytes()
    recipe = few.folder / "study.yaml"
    assert sekisho("study", recipe, "--out", cut).code == 2
    ran = sekisho("study", recipe, "--out", cut, "--resume", "--json-events")
    assert ran.code == 0, ran.err
    events = [json.loads(line) for line in ran.err.splitlines() if line.startswith("{")]
    assert {(event["setting"], event["seed"]) for event in events} == {(2, 1)}
    assert (cut / "runs" / "01-seed-0" / "scorecard.json").read_bytes() == kept

    def plain(pack: Path) -> list:
        return [
            [(run["seed"], run["verdict"], run["compared"]) for run in variant["runs"]]
            for variant in study(pack)["variants"]
        ]

    assert plain(cut) == plain(studied)


def test_a_recipe_without_a_study_writes_nothing(few, sekisho, tmp_path) -> None:
    recipe = few.folder / "no-study.yaml"
    recipe.write_text(RECIPE.rsplit("study:", 1)[0], encoding="utf-8")
    ran = sekisho("study", recipe, "--out", tmp_path / "pack")
    assert ran.code == 2
    assert "no study" in ran.err
    assert not (tmp_path / "pack").exists()
