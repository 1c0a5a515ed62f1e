"""A release that is of no use, one that is, and one that is a copy: under a policy with a floor."""

import json
from pathlib import Path

import numpy as np
import pytest

POLICY = """
policy: useful
title: {en: Useful, ja: 有用性}
version: 1
needs: {table: [whole-table]}
rules:
  - attack: exact-copies
    measurement: multiset_equal
    goal: whole-table
    at_most: 0
    basis: house
    rationale: {en: Not the table itself., ja: 表そのものではないこと。}
    source: A test
  - attack: tstr
    measurement: tstr_auc_share
    of: gradient-boosting
    goal: usefulness
    at_least: 80%
    basis: house
    rationale: {en: To learn from it., ja: 学習に使えること。}
    source: A test
"""
NAMES = ("income", "hours", "note", "class")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table, canaries) -> Path:
    """Three hundred made-up people in each file; the class follows from income and hours."""
    rng = np.random.default_rng(3)
    path = tmp_path_factory.mktemp("useful")

    def people() -> list[tuple[str, ...]]:
        income, hours = rng.normal(size=300), rng.normal(size=300)
        called = np.where(income + hours > 0.5, "high", "low")
        return [
            (f"{a:.2f}", f"{b:.2f}", f"note {n % 9}", c)
            for n, (a, b, c) in enumerate(zip(income, hours, called, strict=True))
        ]

    members = people()
    for position, canary in enumerate(canaries):
        members[position] = (*members[position][:2], canary, members[position][3])
    fresh = people()
    shuffled = list(zip(*(rng.permutation(column) for column in zip(*fresh, strict=True)), strict=True))
    files = {"members": members, "others": people(), "fresh": fresh, "shuffled": shuffled, "copy": members[::-1]}
    for name, rows in files.items():
        table(path / f"{name}.csv", rows, NAMES)
    (path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return path


def audited(folder: Path, release: str, sekisho, out: Path, target: str = "class"):
    recipe = folder / f"{release}.yaml"
    recipe.write_text(
        f"audit: {release}\nrelease: {{table: {release}.csv}}\nmembers: members.csv\nnon_members: others.csv\n"
        f"policy: policy.yaml\nattacks: {{exact-copies: {{}}, marginals: {{}}, tstr: {{target: {target}, seeds: 2}}}}\n"
    )
    ran = sekisho("audit", recipe, "--out", out)
    return ran, json.loads((out / "scorecard.json").read_text())


def test_a_useless_release_fails_by_its_floor_and_the_page_says_that_it_is_no_leak(
    folder, sekisho, canaries, tmp_path
) -> None:
    out = tmp_path / "pack"
    ran, card = audited(folder, "shuffled", sekisho, out)
    assert ran.code == 1, ran.err
    assert [one["code"] for one in card["reasons"]] == ["floors-missed", "all-rules-met"]
    assert "though that is no leak" in ran.err
    assert [one["attack"] for one in card["findings"]] == ["exact-copies"]
    assert [one["attack"] for one in card["usefulness"]] == ["marginals", "tstr"]
    english, japanese = ((out / f"scorecard.{language}.html").read_text() for language in ("en", "ja"))
    assert "not useful enough, though that is no leak" in english
    assert "at least 80" in english
    assert "有用性の不足（漏洩ではありません）" in japanese
    assert "- Usefulness, Train on synthetic, test on real: Trained on the release" in (out / "summary.md").read_text()
    assert sekisho("verify", out).code == 0
    for path in (path for path in out.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("utf-8", "ignore")
        assert not [canary for canary in canaries if canary in text], path.name


def test_a_fresh_sample_reaches_the_floor_and_a_stored_pack_is_judged_without_data(folder, sekisho, tmp_path) -> None:
    out = tmp_path / "pack"
    ran, card = audited(folder, "fresh", sekisho, out)
    assert (ran.code, card["verdict"]) == (0, "pass"), ran.err
    strict = tmp_path / "strict.yaml"
    text = POLICY.replace("tstr_auc_share\n    of: gradient-boosting", "statistical_fidelity")
    strict.write_text(text.replace("tstr", "marginals").replace("80%", "99.9%"), encoding="utf-8")
    again = sekisho("judge", out, "--policy", strict)
    assert again.code == 1, again.err
    assert "floors missed: marginals/statistical_fidelity" in again.err


def test_a_copy_is_most_useful_and_fails_all_the_same(folder, sekisho, tmp_path) -> None:
    ran, card = audited(folder, "copy", sekisho, tmp_path / "pack")
    assert ran.code == 1
    assert [one["code"] for one in card["reasons"]] == ["rules-failed"]
    assert {one["rule"]: one["verdict"] for one in card["judgements"]} == {
        "exact-copies/multiset_equal": "fail",
        "tstr/tstr_auc_share": "pass",
    }


def test_a_target_that_is_a_number_is_not_run_and_reaches_no_floor(folder, sekisho, tmp_path) -> None:
    ran, card = audited(folder, "fresh", sekisho, tmp_path / "pack", target="income")
    assert ran.code == 3
    (useful,) = [one for one in card["usefulness"] if one["attack"] == "tstr"]
    assert (useful["outcome"], useful["reason"]["code"]) == ("not-run", "target-unfit")
