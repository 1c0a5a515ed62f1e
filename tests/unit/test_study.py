"""A study: its settings, and what is said of several runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit_core.errors import InputError, PluginError
from audit_core.evidence import Mean, Proportion
from audit_core.grid import settings, varied
from audit_core.measurement import measured
from audit_core.recipe import load_recipe, recipe_yaml
from audit_core.registry import discover
from audit_core.scorecard import Verdict
from audit_core.study import Compared, Run, Variant, worst

RECIPE = """audit: doses
release: {{generate: {{with: leaky, params: {{kind: jittered}}}}, rows: 30}}
members: m.csv
seed: 5
study: {study}
"""


def recipe(tmp_path: Path, study: str, text: str = RECIPE):
    path = tmp_path / "r.yaml"
    path.write_text(text.format(study=study), encoding="utf-8")
    return load_recipe(path)


def test_every_value_meets_every_other_and_the_rest_stays(tmp_path: Path) -> None:
    asked = recipe(tmp_path, "{grid: {dose: [0.1, 0.5], kind: [verbatim, jittered]}, seeds: 2}")
    found = settings(asked, discover())
    assert found == (
        {"dose": 0.1, "kind": "verbatim"},
        {"dose": 0.1, "kind": "jittered"},
        {"dose": 0.5, "kind": "verbatim"},
        {"dose": 0.5, "kind": "jittered"},
    )
    one = varied(recipe(tmp_path, "{grid: {dose: [0.1]}}"), {"dose": 0.1}, 7)
    assert (one.seed, one.study, one.release.generate.params) == (7, None, {"kind": "jittered", "dose": 0.1})
    assert b"study" not in recipe_yaml(one)
    assert b"study" in recipe_yaml(asked)


@pytest.mark.parametrize(
    ("study", "says"),
    [
        ("{grid: {}}", "no parameters"),
        ("{grid: {dose: 0.1}}", "no list of values for dose"),
        ("{grid: {dose: []}}", "no list of values for dose"),
        ("{grid: {dose: [0.1, 0.1]}}", "a value of dose twice"),
        ("{grid: {dose: [0.1]}, seeds: 0}", "greater than or equal to 1"),
        ("{grid: {dose: [0.1]}, sees: 2}", "Did you mean 'seeds'"),
    ],
)
def test_a_study_that_is_none_is_told_with_its_remedy(tmp_path: Path, study: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        recipe(tmp_path, study)
    assert says in str(error.value)


def test_parameters_that_are_not_there_are_told_all_at_once_and_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(PluginError) as error:
        settings(recipe(tmp_path, "{grid: {dose: [0.1, 7], kid: [1]}}"), discover())
    text = str(error.value)
    assert "release.generate.params.dose" in text
    assert "release.generate.params.kid" in text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("audit: a\nrelease: {{generate: {{with: leaky}}, rows: 30}}\nmembers: m.csv\n", "study-missing"),
        ("audit: a\nrelease: {{table: r.csv}}\nmembers: m.csv\nstudy: {{grid: {{dose: [1]}}}}\n", "study-missing"),
        (RECIPE.replace("{study}", "{{grid: {{dose: [0.1, 0.2]}}, seeds: 100}}"), ""),
        (
            RECIPE.replace("{study}", "{{grid: {{dose: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]}}, seeds: 100}}"),
            "study-too-large",
        ),
    ],
)
def test_nothing_to_vary_or_far_too_much_is_an_input_error(tmp_path: Path, text: str, code: str) -> None:
    asked = recipe(tmp_path, "", text)
    if not code:
        assert len(settings(asked, discover())) == 2
        return
    with pytest.raises(InputError) as error:
        settings(asked, discover())
    assert [one.code for one in error.value.problems] == [code]


def run(seed: int, value: float, verdict: Verdict | None = Verdict.PASS) -> Run:
    measurement = measured("some_excess", Proportion(k=100 * value, n=100), of="all")
    return Run(
        seed=seed,
        folder="f",
        card="sha256:0",
        verdict=Verdict.PASS,
        epsilon=None,
        compared=(Compared(attack="some", measurement=measurement, verdict=verdict),),
    )


KEY = ("some", "some_excess", "all")


MODELS = """audit: a
release: {{model: {{base: ./base, train: lora-dpsgd, params: {{epsilon: 8, delta: 1e-5}}}}}}
members: m.jsonl
text: note
study: {study}
"""


def test_the_parameters_of_a_training_vary_too_and_no_privacy_is_one_of_their_values(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    study = "{grid: {rank: [1, 8], target_modules: [[q_proj], [v_proj]], epsilon: [1, null]}, seeds: 2}"
    asked = recipe(tmp_path, study, MODELS)
    found = settings(asked, discover())
    assert len(found) == 8
    assert found[0] == {"rank": 1, "target_modules": ["q_proj"], "epsilon": 1}
    its = varied(asked, found[1], 7)
    assert its.release.model.params == {"epsilon": None, "delta": 1e-5, "rank": 1, "target_modules": ["q_proj"]}
    assert (its.seed, its.study) == (7, None)
    with pytest.raises(PluginError):
        settings(recipe(tmp_path, "{grid: {rang: [1]}}", MODELS), discover())


def test_of_several_runs_the_mean_has_students_interval() -> None:
    values = [0.1, 0.2, 0.4]
    its = Variant(params={}, runs=tuple(run(at, value) for at, value in enumerate(values))).over_seeds(KEY, 0.95)
    assert its is not None
    assert its.value == pytest.approx(np.mean(values))
    expected = Mean(mean=np.mean(values), se=np.std(values, ddof=1) / np.sqrt(3), df=2).bounds(0.95)
    assert (its.interval.low, its.interval.high) == pytest.approx((expected.low, expected.high))


def test_a_single_run_keeps_its_own_interval_and_a_missing_measurement_is_none() -> None:
    variant = Variant(params={}, runs=(run(0, 0.2),))
    its = variant.over_seeds(KEY, 0.95)
    assert its is not None
    assert its.interval == Proportion(k=20, n=100).bounds(0.95)
    assert variant.over_seeds(("some", "other", "all"), 0.95) is None


def test_a_run_without_the_measurement_is_left_out_of_its_mean() -> None:
    silent = replace(run(1, 0.9), compared=())
    its = Variant(params={}, runs=(run(0, 0.2), silent, run(2, 0.4))).over_seeds(KEY, 0.95)
    assert its is not None
    assert len(its.runs) == 2
    assert its.value == pytest.approx(0.3)


def test_the_worst_verdict_is_the_cards_own_order() -> None:
    assert worst([Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]) is Verdict.FAIL
    assert worst([Verdict.ERROR, Verdict.INCONCLUSIVE]) is Verdict.ERROR
