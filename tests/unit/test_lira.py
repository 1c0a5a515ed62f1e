"""Shadow models of a language model: the scores beside naive ones, and what the attack is handed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit_core import exchange
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.chosen import chosen
from audit_core.errors import PluginError
from audit_core.inquiry import membership
from audit_core.inquiry.pools import Pool
from audit_core.isolation import Limits
from audit_core.language.made_up_models import BY_ROTE, made_up_model
from audit_core.language.texts import Text
from audit_core.language.training import Retraining
from audit_core.questions import Membership
from audit_core.recipe import load_recipe
from audit_core.registry import Origin, Registry, discover
from audit_core.tables import Column, Table, read_only
from audit_plugins.attacks.lira import POOLED_BELOW, ShadowModels, offline, online, relative
from audit_plugins.attacks.shadows import halves

RNG = np.random.default_rng(4)


def shadows_of(models: int, n: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inside = halves(models, n, RNG)
    return RNG.normal(-2, 0.5, n), RNG.normal(-2, 0.5, (models, n)) + 0.7 * inside, inside


@pytest.mark.parametrize("models", [6, POOLED_BELOW])
def test_lira_is_the_ratio_of_two_normal_densities(models: int) -> None:
    phi, shadows, inside = shadows_of(models)
    found, below = online(phi, shadows, inside), offline(phi, shadows, inside)
    spread = {}
    for side in (True, False):
        each = [shadows[inside[:, target] == side, target] for target in range(len(phi))]
        squares = [((one - one.mean()) ** 2).sum() for one in each]
        pooled = np.sqrt(sum(squares) / sum(len(one) - 1 for one in each))
        spread[side] = [pooled if models < POOLED_BELOW else one.std(ddof=1) for one in each]
    for target in range(len(phi)):
        density = {}
        for side in (True, False):
            mean, s = shadows[inside[:, target] == side, target].mean(), spread[side][target]
            density[side] = np.log(np.exp(-(((phi[target] - mean) / s) ** 2) / 2) / s)
        assert found[target] == pytest.approx(density[True] - density[False])
        out = shadows[~inside[:, target], target]
        assert below[target] == pytest.approx((phi[target] - out.mean()) / spread[False][target])


def test_rmia_counts_the_others_over_which_a_target_rose() -> None:
    phi, shadows, inside = shadows_of(8)
    rose = []
    for target in range(len(phi)):
        means = [np.exp(shadows[inside[:, target] == side, target]).mean() for side in (True, False)]
        rose.append(np.exp(phi[target]) / np.mean(means))
    naive = [np.mean([mine > other for at, other in enumerate(rose) if at != place]) for place, mine in enumerate(rose)]
    assert relative(phi, shadows, inside) == pytest.approx(naive)


def test_shadow_models_that_never_move_say_nothing_of_anybody() -> None:
    inside = halves(4, 6, RNG)
    same = np.full((4, 6), -2.0)
    for score in (online, offline, relative):
        found = score(np.full(6, -2.0), same, inside)
        assert np.isfinite(found).all()
        assert len(set(found.tolist())) == 1


def test_every_target_is_in_one_model_of_each_pair() -> None:
    inside = halves(10, 9, RNG)
    assert (inside[::2] ^ inside[1::2]).all()
    assert inside.sum(axis=0).tolist() == [5] * 9


def registry() -> Registry:
    its = discover()
    return replace(
        its,
        training_backends=its.training_backends | {BY_ROTE.name: BY_ROTE},
        origins=its.origins | {BY_ROTE.name: Origin(name="test")},
    )


def question() -> Membership:
    its, known = made_up_model("leaky", texts=40), registry()
    setting = Setting(seed=1, content="secret", limits=Limits(), confidence=0.95)
    bench = lay_out(its.case, setting, known, [known.attacks["lira"]], Cache(), its.scores)
    params = {"train": "by-rote", "train_params": {}, "models": 4, "n_jobs": 1, "targets": None}
    (put,) = membership.inquiry(known.attacks["lira"], params, bench).puts
    return put.question()  # type: ignore[return-value]


def test_the_attacker_is_handed_a_way_to_train_and_no_key(tmp_path: Path) -> None:
    asked = question()
    exchange.write_question(tmp_path, asked)
    again = exchange.read_question(tmp_path)
    assert isinstance(again, Membership)
    assert again.training == Retraining(load=BY_ROTE.load, file=None, params={}, base="/base")


def test_who_was_a_member_changes_no_byte_of_the_question(tmp_path: Path) -> None:
    its, known = made_up_model("innocent", texts=40), registry()
    other = replace(its.case, members=its.case.non_members, non_members=its.case.members)
    order = np.concatenate([np.arange(40, 80), np.arange(40), np.arange(80, len(its.scores.prompts))])
    shown = []
    for at, (case, scores) in enumerate(((its.case, its.scores), (other, its.scores.take(order)))):
        setting = Setting(seed=1, content="secret", limits=Limits(), confidence=0.95)
        bench = lay_out(case, setting, known, [known.attacks["lira"]], Cache(), scores)
        everybody = Pool(  # the same people in the same order, whichever side they are on
            member=np.arange(80) < 40 if at == 0 else np.arange(80) >= 40,
            row=np.tile(np.arange(40), 2),
            reference=np.empty(0, dtype=np.intp),
        )
        params = {"train": "by-rote", "train_params": {}}
        folder = tmp_path / str(at)
        folder.mkdir()
        exchange.write_question(folder, membership.question(known.attacks["lira"], params, everybody, bench))
        shown.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert shown[0].keys() == shown[1].keys()
    assert {name for name in shown[0] if shown[0][name] != shown[1][name]} == set()


def test_shadow_models_of_another_size_are_told(tmp_path: Path) -> None:
    its, known = made_up_model("leaky", texts=40), registry()
    setting = Setting(seed=1, content="secret", limits=Limits(), confidence=0.95)
    told = []
    for trained, targets in ((40, None), (40, 20), (300, None)):
        case = replace(its.case, trained_rows=trained)
        bench = lay_out(case, setting, known, [known.attacks["lira"]], Cache(), its.scores)
        params = {"train": "by-rote", "train_params": {}, "targets": targets}
        told.append([one.args for one in membership.inquiry(known.attacks["lira"], params, bench).caveats])
    assert told == [[], [{"shadow": 20, "released": 40}], [{"shadow": 40, "released": 300}]]


def test_where_shadow_models_are_trained_changes_no_score() -> None:
    asked = question()
    one, other = (
        ShadowModels(models=4, n_jobs=jobs, train="x").answer(asked, np.random.default_rng(2)) for jobs in (1, 2)
    )
    assert [score.of for score in one] == ["online", "offline", "rmia"]
    for mine, theirs in zip(one, other, strict=True):
        assert (mine.values == theirs.values).all()


def test_it_needs_a_way_to_train() -> None:
    with pytest.raises(ValueError, match="a way to train"):
        ShadowModels(models=4, n_jobs=1).answer(replace(question(), training=None), RNG)


def test_a_text_without_tokens_stands_in_the_middle() -> None:
    asked = question()
    assert asked.under_model is not None
    (column,) = asked.targets.columns
    values = np.array(["", *column.values], dtype=object)
    codes = np.vstack([[[0]], asked.targets.codes + 1]).astype(np.int32)
    targets = Table(columns=(Column(name="text", kind="category", values=values),), codes=read_only(codes))
    starts = np.concatenate([[0], asked.under_model.starts])
    truncated = np.concatenate([[False], asked.under_model.truncated])
    under = replace(asked.under_model, starts=starts, truncated=truncated)
    scores = ShadowModels(models=4, n_jobs=1).answer(replace(asked, targets=targets, under_model=under), RNG)
    for score in scores:
        assert score.values[0] == np.median(score.values[1:])


def recipe(tmp_path: Path, model: str, attacks: str):
    (tmp_path / "notes.jsonl").write_text(json.dumps({"note": "x"}) + "\n")
    (tmp_path / "recipe.yaml").write_text(
        f"audit: a\nrelease: {{model: {{{model}}}}}\nmembers: notes.jsonl\nnon_members: notes2.jsonl\ntext: note\n"
        f"attacks: {attacks}\n"
    )
    return load_recipe(tmp_path / "recipe.yaml")


def params(tmp_path: Path, model: str, attacks: str) -> dict[str, object]:
    found = chosen(recipe(tmp_path, model, attacks), discover())
    return next(dict(its) for plugin, its in found if plugin.name == "lira")


def test_the_training_of_the_release_is_the_one_that_is_handed_over(tmp_path: Path) -> None:
    trained = "base: ./base, train: lora, params: {rank: 3}"
    assert params(tmp_path, trained, "{lira: {}}") == {"train": "lora", "train_params": {"rank": 3}}
    other = "{lira: {train: full, train_params: {epochs: 2}}}"
    assert params(tmp_path, trained, other) == {"train": "full", "train_params": {"epochs": 2}}


@pytest.mark.parametrize(
    ("attacks", "code", "where"),
    [
        ("{lira: {}}", "attack-parameter", "attacks.lira.train"),
        ("{lira: {train: lorra}}", "backend-unknown", "attacks.lira.train"),
        ("{lira: {train: lora, train_params: {ranks: 3}}}", "backend-parameter", "attacks.lira.train_params.ranks"),
        ("{lira: {train: lora, models: 1}}", "attack-parameter", "attacks.lira.models"),
    ],
)
def test_of_a_loaded_model_somebody_has_to_say_how_it_was_trained(
    tmp_path: Path, attacks: str, code: str, where: str
) -> None:
    with pytest.raises(PluginError) as caught:
        params(tmp_path, "load: ./model, base: ./base", attacks)
    assert [(one.code, one.where) for one in caught.value.problems] == [(code, where)]


def test_retraining_gives_the_scores_of_a_model_that_learnt_the_texts() -> None:
    training = Retraining(load=BY_ROTE.load, file=None, params={}, base="/base")
    texts = [Text(text="w1 w2 w3"), Text(text="w4 w5")]
    before, after = training.scores([], texts, RNG), training.scores(texts[:1], texts, RNG)
    gained = (after.totals(after.log_prob) - before.totals(before.log_prob)) / after.lengths
    assert gained[0] > 0.5
    assert gained[1] == 0
