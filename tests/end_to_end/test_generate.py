"""A recipe that has its release made: a pack with the release in it, the coins of the split, and a verdict."""

import json
import stat
from pathlib import Path

import pytest

RECIPE = """audit: made
release: {{generate: {{with: {generator}}}, rows: 800}}
members: members.csv
non_members: {non_members}
attacks: {attacks}
"""
LEAKY = "leaky, params: {dose: 0.3}"
COPIES = "{exact-copies: , membership: }"


@pytest.fixture
def recipe(files):
    """Writes a recipe beside the files."""

    def write(name: str, generator: str, *, non_members: str = "others.csv", attacks: str = COPIES) -> Path:
        path = files.folder / f"{name}.yaml"
        path.write_text(RECIPE.format(generator=generator, non_members=non_members, attacks=attacks))
        return path

    return write


def card(pack: Path) -> dict:
    return json.loads((pack / "scorecard.json").read_text())


def test_a_leaky_generator_fails_on_a_split_of_its_members(files, recipe, sekisho, canaries, tmp_path) -> None:
    out = tmp_path / "pack"
    ran = sekisho("audit", recipe("split", LEAKY, non_members="{split: 0.5}"), "--out", out)
    assert ran.code == 1, ran.err
    assert "generating leaky" in ran.err
    found = card(out)
    failed = {one["rule"] for one in found["judgements"] if one["verdict"] == "fail"}
    assert "exact-copies/copies_excess" in failed
    assert found["release"]["rows"] == 800
    assert (found["release"]["name"], found["release"]["digest"][:7]) == ("release.parquet", "sha256:")
    params = {"dose": 0.3, "kind": "verbatim"}
    assert found["provenance"]["generator"] == {"name": "leaky", "params": params, "steps": []}
    assert found["provenance"]["split"] == 0.5
    assert found["provenance"]["plugins"]["leaky"] == found["provenance"]["plugins"]["membership"]
    rows = [found["inputs"][arm]["rows"] for arm in ("members", "non_members")]
    # 2,000 coins: beyond 5 standard deviations lies less than 1e-6.
    assert sum(rows) == 2000
    assert abs(rows[0] - 1000) < 5 * 22.4
    assert "leaky (dose = 0.3, kind = verbatim)" in (out / "scorecard.en.html").read_text()

    paths = [path for path in out.rglob("*") if path.is_file()]
    assert {path.relative_to(out).as_posix() for path in paths} >= {"release/release.parquet", "coins.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    coins = json.loads((out / "coins.json").read_text())
    assert [len(coins[arm]) for arm in ("members", "non_members")] == rows
    for path in paths:
        if path.name != "release.parquet":  # which is to be published, and leaks on purpose
            assert not any(canary in path.read_text(encoding="utf-8") for canary in canaries)

    assert sekisho("verify", out).code == 0
    for name in ("release/release.parquet", "coins.json"):
        before = (out / name).read_bytes()
        (out / name).write_bytes(before[:-1])
        assert sekisho("verify", out).code == 1
        (out / name).write_bytes(before)

    again = sekisho("audit", files.folder / "split.yaml", "--out", tmp_path / "again")
    assert again.code == 1
    for name in ("release/release.parquet", "coins.json"):
        assert (tmp_path / "again" / name).read_bytes() == (out / name).read_bytes()
    # The release as a file of its own is judged alike.
    (files.folder / "named.parquet").write_bytes((out / "release" / "release.parquet").read_bytes())
    named = files.folder / "named.yaml"
    named.write_text(
        "audit: made\nrelease: {table: named.parquet}\nmembers: members.csv\nnon_members: others.csv\n"
        "attacks: {exact-copies: }\n"
    )
    assert sekisho("audit", named, "--out", tmp_path / "named").code == 1
    assert card(tmp_path / "named")["release"]["digest"] == found["release"]["digest"]


def test_an_innocent_generator_is_not_failed_and_attacks_on_request_find_the_leaky_one(
    recipe, sekisho, tmp_path
) -> None:
    innocent = sekisho("audit", recipe("innocent", "independent"), "--out", tmp_path / "innocent")
    assert innocent.code in (0, 3), innocent.err
    shadow = "{shadow-queries: {fits: 8, targets: 400, backend: threading}, marginal-ratio: }"
    ran = sekisho("audit", recipe("shadow", LEAKY, attacks=shadow), "--out", tmp_path / "shadow")
    found = {one["attack"]: one for one in card(tmp_path / "shadow")["findings"]}
    assert set(found) == {"shadow-queries", "marginal-ratio"}, ran.err
    assert found["shadow-queries"]["sees"] == ["generator", "reference", "release"]
    assert found["shadow-queries"]["params"]["generator"] == "leaky"
    (auc,) = (one for one in found["shadow-queries"]["measurements"] if one["name"] == "auc")
    assert auc["interval"]["low"] > 0.5
    assert auc["evidence"]["n1"] == 400


def test_wrong_recipes_are_told_at_once_and_nothing_is_made(recipe, sekisho, tmp_path) -> None:
    wrong = recipe("wrong", "leeky", attacks="{membrship: , shadow-queries: {command: [x]}}")
    ran = sekisho("audit", wrong, "--out", tmp_path / "pack")
    assert ran.code == 2
    for said in ("did you mean 'leaky'", "did you mean 'membership'", "no {train}", "--allow-commands"):
        assert said in ran.err
    wrong.write_text(wrong.read_text().replace("rows: 800", "rows: 0"))
    ran = sekisho("audit", wrong, "--out", tmp_path / "pack")
    assert (ran.code, "wrong.yaml:2:36 (release.rows)" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "pack" / "release").exists()


FAILS = """
from audit_core.hookspecs import hookimpl
from audit_core.plugin import GeneratorPlugin

@hookimpl
def audit_generators():
    words = {"en": "Fails"}
    return [GeneratorPlugin(name="fails", title=words, method=words, load=f"{__name__}:Fails")]

class Fails:
    def fit(self, table, schema, budget):
        raise ValueError(str(table.texts("note").tolist()))
"""


def test_a_generator_that_fails_is_exit_4_and_quotes_no_record(recipe, sekisho, canaries, tmp_path) -> None:
    plugin = tmp_path / "fails.py"
    plugin.write_text(FAILS)
    ran = sekisho("audit", recipe("fails", "fails"), "--out", tmp_path / "pack", "--plugin", plugin)
    assert ran.code == 4
    assert "the plugin stopped with ValueError at fails.py" in ran.err
    assert not any(canary in ran.err for canary in canaries)
    listed = sekisho("plugins", "list", "--plugin", plugin)
    assert "generator  fails" in listed.out
    assert "generator  leaky" in listed.out
    shown = sekisho("plugins", "show", "leaky")
    assert "dose" in shown.out
    assert "only where a recipe names it" in sekisho("plugins", "show", "shadow-queries").out
    assert sekisho("plugins", "show", "leeky").err.strip().startswith("sekisho: [attack-unknown]")
