"""What a recipe asks for: defaults, `*`, attacks on request, the generator an attacker holds; every problem at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audit_core.chosen import chosen, commission
from audit_core.errors import PluginError
from audit_core.recipe import Recipe, load_recipe
from audit_core.registry import discover

REGISTRY = discover()
ON_REQUEST = {name for name, plugin in REGISTRY.measuring.items() if plugin.opt_in}
ANSWER = "return Scores(of='s', values=np.zeros(len(question.targets)))"


def recipe(tmp_path: Path, attacks: str = "", release: str = "{table: s.csv}", **options: Any) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"audit: a\nrelease: {release}\nmembers: t.csv\n{attacks}\n")
    return load_recipe(path, **options)


def named(tmp_path: Path, attacks: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {plugin.name: dict(params) for plugin, params in chosen(recipe(tmp_path, attacks, **more), REGISTRY)}


def problems(tmp_path: Path, attacks: str = "", **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(PluginError) as caught:
        chosen(recipe(tmp_path, attacks, **more), REGISTRY)
    assert caught.value.exit_code == 2
    return [(problem.code, problem.where) for problem in caught.value.problems]


def test_what_runs_on_request_runs_only_where_it_is_named(tmp_path: Path) -> None:
    assert {"shadow-queries", "marginal-ratio"} <= ON_REQUEST
    by_default = named(tmp_path, "")
    about_tables = {name for name, plugin in REGISTRY.measuring.items() if "table" in plugin.audits}
    assert set(by_default) == about_tables - ON_REQUEST
    assert set(named(tmp_path, "attacks: {marginal-ratio: {}}")) == {"marginal-ratio"}
    more = named(tmp_path, 'attacks: {"*": {}, marginal-ratio: {bins: 5}}')
    assert more == by_default | {"marginal-ratio": {"bins": 5}}


@pytest.mark.parametrize(
    "attacks", ['{"*": , k-anonymity: {missing: value}}', '{k-anonymity: {missing: value}, "*": }']
)
def test_a_name_beside_all_the_others_keeps_its_parameters(tmp_path: Path, attacks: str) -> None:
    assert named(tmp_path, f"attacks: {attacks}")["k-anonymity"] == {"missing": "value"}


def test_an_attack_of_a_stranger_may_ask_to_be_asked_for(attack_file: Callable[..., Path], tmp_path: Path) -> None:
    registry = discover([attack_file(ANSWER)])
    registry.attacks["tried"] = replace(registry.attacks["tried"], opt_in=True)
    assert "tried" not in [plugin.name for plugin, _ in chosen(recipe(tmp_path), registry)]


MADE = "{generate: {with: leaky, params: {dose: 0.5}}, rows: 9}"


def test_an_attacker_holds_the_generator_that_made_the_release_unless_told_otherwise(tmp_path: Path) -> None:
    shadow = "attacks: {shadow-queries: {fits: 4}}"
    assert named(tmp_path, shadow, release=MADE)["shadow-queries"] == {
        "fits": 4,
        "generator": "leaky",
        "generator_params": {"dose": 0.5},
    }
    other = "attacks: {shadow-queries: {generator: independent}}"
    assert named(tmp_path, other, release=MADE)["shadow-queries"] == {"generator": "independent"}
    assert problems(tmp_path, shadow) == [("attack-parameter", "attacks.shadow-queries")]


def test_the_release_to_make(tmp_path: Path) -> None:
    found = commission(recipe(tmp_path, release=MADE), REGISTRY)
    assert found is not None
    assert (found.plugin.name, found.params, found.rows) == ("leaky", {"dose": 0.5, "kind": "verbatim"}, 9)
    assert commission(recipe(tmp_path), REGISTRY) is None


def test_every_problem_at_once(tmp_path: Path) -> None:
    attacks = (
        'attacks: {"*": {k: 1}, membrship: {}, marginal-ratio: {bins: 1, replay: 3}, '
        "shadow-queries: {generator: leeky, fits: 0}}"
    )
    found = problems(tmp_path, attacks, release="{generate: {with: leaky, params: {dose: 2, knd: x}}, rows: 9}")
    assert sorted(found) == [
        ("attack-parameter", "attacks.*"),
        ("attack-parameter", "attacks.marginal-ratio.bins"),
        ("attack-parameter", "attacks.marginal-ratio.replay"),
        ("attack-parameter", "attacks.shadow-queries.fits"),
        ("attack-unknown", "attacks.membrship"),
        ("generator-parameter", "release.generate.params.dose"),
        ("generator-parameter", "release.generate.params.knd"),
        ("generator-unknown", "attacks.shadow-queries.generator"),
    ]
    with pytest.raises(PluginError, match="did you mean 'independent'"):
        chosen(recipe(tmp_path, release="{generate: {with: indepndent}, rows: 1}"), REGISTRY)
    shadow = "attacks: {shadow-queries: {generator: leaky, generator_params: {dose: 7}}}"
    assert problems(tmp_path, shadow) == [("generator-parameter", "attacks.shadow-queries.generator_params.dose")]


@pytest.mark.parametrize(
    "params",
    ["command: [fit, '{train}', '{release}']", "generator: independent, backend: dask, backend_params: {a: b}"],
)
def test_a_recipe_runs_no_program_and_reaches_no_machine_without_leave(tmp_path: Path, params: str) -> None:
    attacks = f"attacks: {{shadow-queries: {{{params}}}}}"
    assert [code for code, _ in problems(tmp_path, attacks)] == ["commands-not-allowed"]
    assert set(named(tmp_path, attacks, allow_commands=True)) == {"shadow-queries"}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("command: [fit, '{train}']", "no {release}"),
        ("command: [fit, '{release}']", "no {train}"),
        ("command: [fit, '{train}', '{release}'], generator: leaky", "either"),
        ("fits: 9", "either"),
    ],
)
def test_a_command_that_cannot_work_is_told(tmp_path: Path, params: str, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        chosen(recipe(tmp_path, f"attacks: {{shadow-queries: {{{params}}}}}", allow_commands=True), REGISTRY)
