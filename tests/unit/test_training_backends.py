"""The training backends: what they learn, what they claim, what they leave, and what becomes of a training cut off."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

torch = pytest.importorskip("torch")
pytest.importorskip("opacus")
pytest.importorskip("opendp")
pytest.importorskip("peft")
pytest.importorskip("transformers")

from audit_core.accounting import epsilon_pld  # noqa: E402
from audit_core.chosen import FineTuning  # noqa: E402
from audit_core.doctor.probes import UnsoundTraining  # noqa: E402
from audit_core.exchange import Folders  # noqa: E402
from audit_core.guarantee import Guarantee, NoisyCounts, NoisySteps  # noqa: E402
from audit_core.isolation import Failed, Limits, Usage  # noqa: E402
from audit_core.kept import Kept  # noqa: E402
from audit_core.language.model_release import trained_in_child  # noqa: E402
from audit_core.language.texts import Text  # noqa: E402
from audit_core.language.training import TrainingTask  # noqa: E402
from audit_core.ledger_words import known  # noqa: E402
from audit_core.measurement import Reason  # noqa: E402
from audit_core.refit import Budget  # noqa: E402
from audit_core.registry import discover  # noqa: E402
from audit_plugins.differential_privacy import checkpoint_files  # noqa: E402
from audit_plugins.differential_privacy.meter import Meter, Overspent, prv  # noqa: E402
from audit_plugins.differential_privacy.noise import NoiseSource  # noqa: E402
from audit_plugins.records.training_backends import TRAINING_BACKENDS  # noqa: E402
from audit_plugins.training import checkpoints, descent, fine_tuning, progress, spending  # noqa: E402
from audit_plugins.training.backends import Full, FullDpsgd, Lora, LoraDpsgd, PromptDpsgd  # noqa: E402
from audit_plugins.training.fine_tuning import NotFinite, TrainingStopped  # noqa: E402
from audit_plugins.training.opening import base_model  # noqa: E402
from audit_plugins.training.private_steps import noised  # noqa: E402
from audit_plugins.training.token_records import batch_of, losses, record  # noqa: E402

PARAMS = {one.name: one.params for one in TRAINING_BACKENDS}
BACKENDS: dict[str, Any] = {one.backend: one for one in (Full, FullDpsgd, Lora, LoraDpsgd, PromptDpsgd)}
PRIVATE = ("full-dpsgd", "lora-dpsgd", "prompt-dpsgd")
CLAIM = {"epsilon": 6, "delta": 1e-5}
PHASES = [{"share": 0.4, "epochs": 1, "learning_rate": 0.01}, {"share": 0.6, "epochs": 2, "batch": 8}]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One thread; and the same counts in every run, so that the same steps are planned."""
    monkeypatch.setattr(NoiseSource, "counts", lambda _, exact, sigma: exact)
    # Tests of the probes themselves run them on these loops.
    monkeypatch.setattr("audit_plugins.training.backends.refuse_unsound", lambda _: None)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def backend(name: str, **params: Any) -> Any:
    quick = {"epochs": 1, "batch": 4} | (CLAIM if name in PRIVATE else {}) | params
    return BACKENDS[name](**PARAMS[name].model_validate(quick).model_dump(mode="json"))


def task(base: Path, n: int = 24) -> TrainingTask:
    words = ("fever", "cough", "ache")
    texts = [Text(text=f"{words[at % 3]} {at * 7919 % 1000}", prompt=f"{at % 2}: ") for at in range(n)]
    return TrainingTask(texts=texts, base=base)


def budget(**fields: Any) -> Budget:
    return Budget(**({"rng": np.random.default_rng(0)} | fields))


def weights(trained: Any) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in trained.model.parameters() if one.requires_grad])


def mean_loss(trained: Any, its: TrainingTask) -> float:
    base = base_model(its.base)
    tokens = [
        [base.tokenizer(part, add_special_tokens=False)["input_ids"] for part in (one.prompt, one.text)]
        for one in its.texts
    ]
    records = [record(*both, start=base.start, end=base.end, context=base.context) for both in tokens]
    with torch.no_grad():
        return float(losses(trained.model, batch_of(records)).mean())


# Parameters


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_is_listed_with_its_words_and_its_parameters(name: str) -> None:
    (plugin,) = [one for one in TRAINING_BACKENDS if one.name == name]
    assert plugin.load == f"audit_plugins.training.backends:{BACKENDS[name].__name__}"
    assert {*plugin.title} == {*plugin.method} == {"en", "ja"}
    kind = BACKENDS[name](**plugin.params.model_validate(plugin.trial).model_dump(mode="json"))
    assert {"train", "load"} <= {*dir(kind)}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "epsilon"),
        ({"epsilon": 1}, "without a delta"),
        ({"epsilon": 0, "delta": 1e-5}, "above it"),
        (CLAIM | {"phases": [{"share": 0.3, "epochs": 1}, {"share": 0.3, "epochs": 1}]}, "do not make 1"),
        (CLAIM | {"target_modules": []}, "target_modules"),
        (CLAIM | {"dropout": 0.1}, "dropout"),
    ],
)
def test_what_cannot_be_is_refused_in_the_recipe(given: dict[str, Any], why: str) -> None:
    """An epsilon that is left out is no epsilon of null: nobody trains without privacy by forgetting a word."""
    with pytest.raises(ValidationError, match=why):
        PARAMS["lora-dpsgd"].model_validate(given)


def test_the_parameters_of_a_recipe_that_is_read_again_are_the_same() -> None:
    given = CLAIM | {"phases": [{"share": "30%", "epochs": 1}, {"share": 0.7, "epochs": 2, "batch": 4}]}
    once = PARAMS["lora-dpsgd"].model_validate(given).model_dump(mode="json")
    assert PARAMS["lora-dpsgd"].model_validate(once).model_dump(mode="json") == once


# The meter


def steps(**fields: Any) -> NoisySteps:
    its = {
        "purpose": "training", "noise_multiplier": 4.0, "sample_rate": 0.05, "steps": 20, "clipping_norm": 1.0,
        "expected_batch": 10.0, "sampling": "poisson",
    } | fields  # fmt: skip
    return NoisySteps(**its)


def test_plans_follow_one_another_and_the_one_that_would_overspend_with_all_before_is_refused() -> None:
    one, other = steps(steps=3), steps(noise_multiplier=8.0, steps=2)
    meter = Meter(prv([one, other], 1e-5) * 1.001, 1e-5)
    meter.plan(one)
    with pytest.raises(Overspent):
        meter.plan(steps(noise_multiplier=2.0))
    meter.plan(other)
    with pytest.raises(Overspent):
        meter.spend(NoisyCounts(purpose="counts", sigma=9.0, tables=1))
    seen = []
    for _ in range(5):
        meter.step()
        seen.append([mechanism.steps for mechanism in meter.spent])  # type: ignore[union-attr]
    assert seen == [[1], [2], [3], [3, 1], [3, 2]]
    with pytest.raises(Overspent):
        meter.step()
    assert meter.spent == meter.committed == (one, other)


def test_each_phase_has_the_noise_that_its_share_of_the_budget_needs_and_no_more() -> None:
    meter = Meter(2.0, 1e-5)
    phases = [
        spending.Phase(share=share, epochs=epochs, batch=20, learning_rate=1e-3)
        for share, epochs in ((0.3, 20), (0.2, 10), (0.5, 40))
    ]
    meter.spend(NoisyCounts(purpose="counts", sigma=40.0, tables=1))
    planned = spending.plans(phases, 200.0, 0.5, meter)
    assert [plan.steps for plan in planned] == [200, 100, 400]
    assert [plan.purpose for plan in planned] == [f"language-training-phase:{at}" for at in (1, 2, 3)]
    for at, share in ((1, 0.3), (2, 0.5), (3, 1.0)):
        assert 0.99 * share * 2.0 <= prv([*meter.mechanisms, *planned[:at]], 1e-5) <= share * 2.0


def test_a_batch_larger_than_the_data_is_all_of_them() -> None:
    meter = Meter(4.0, 1e-5)
    (plan,) = spending.plans([spending.Phase(share=1.0, epochs=3, batch=500, learning_rate=0.1)], 40.0, 1.0, meter)
    assert (plan.sample_rate, plan.expected_batch, plan.steps) == (1.0, 40.0, 3)


# Training


@pytest.mark.parametrize("name", ["lora", "full"])
def test_training_without_a_guarantee_learns_and_claims_nothing(name: str, tiny_base: Path) -> None:
    # The output layer of random weights can say nothing surely: it is trained too.
    layers = {"target_modules": ["q_proj", "v_proj", "lm_head"]} if name == "lora" else {}
    before = mean_loss(backend(name, epochs=0.01, learning_rate=1e-6).train(task(tiny_base), budget()), task(tiny_base))
    heard: list[Any] = []
    trained = backend(name, epochs=12, learning_rate=2e-2, **layers).train(task(tiny_base), budget(report=heard.append))
    assert trained.guarantee is None
    assert mean_loss(trained, task(tiny_base)) < 0.6 * before
    assert heard[-1]["step"] == heard[-1]["steps"] == 72
    assert heard[-1]["loss"] < 0.6 * before


def test_prompts_are_not_learnt(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def listening(model: Any, batch: Any) -> Any:
        seen.append(batch)
        return losses(model, batch)

    monkeypatch.setattr(descent, "losses", listening)
    its = task(tiny_base)
    backend("lora", epochs=1).train(its, budget())
    tokenizer = base_model(tiny_base).tokenizer
    learnt = [tokenizer.decode(row[row >= 0][:-1]) for batch in seen for row in batch.labels]
    assert sorted(learnt) == sorted(text.text for text in its.texts)


def test_the_same_seed_trains_the_same_model_without_a_guarantee(tiny_base: Path) -> None:
    one, other = (backend("lora", dropout=0.2).train(task(tiny_base), budget()) for _ in range(2))
    assert torch.equal(weights(one), weights(other))


def test_every_record_is_in_every_epoch_once() -> None:
    batches = descent.shuffled(10, 4, 3, np.random.default_rng(0))
    assert [len(batch) for batch in batches] == [4] * 8
    counts = np.bincount(np.concatenate(batches), minlength=10)
    assert counts.sum() == 32
    assert counts.min() >= 3
    assert len(descent.shuffled(10, 4, 0.1, np.random.default_rng(0))) == 1


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_training_learns_and_its_ledger_bears_out_its_claim(name: str, tiny_base: Path) -> None:
    heard: list[Any] = []
    trained = backend(name).train(task(tiny_base), budget(report=heard.append))
    claim = trained.guarantee
    count, training = claim.mechanisms
    assert isinstance(count, NoisyCounts)
    assert isinstance(training, NoisySteps)
    assert (training.steps, training.sample_rate, training.expected_batch) == (6, 4 / 24, 4.0)
    assert claim.epsilon == pytest.approx(epsilon_pld(claim.mechanisms, claim.delta), rel=0.02)
    assert 5.8 < claim.epsilon <= claim.budget == 6.0
    assert (claim.unit, claim.rows_per_unit, claim.units, claim.relation) == ("row", 1, 24, "add-or-remove")
    assert claim.released == ("final-model",)
    # Of releases before this one only its maker knows.
    assert claim.unanswered == ("earlier_releases",)
    texts = (
        *claim.public, *claim.derived, *claim.released, claim.units_from, claim.noise_source, claim.floating_point,
        claim.trust, claim.tuning, claim.pretraining_overlap, *(one.purpose for one in claim.mechanisms),
    )  # fmt: skip
    assert all(map(known, texts))
    assert heard[-1]["epsilon_spent"] == pytest.approx(claim.epsilon, abs=1e-3)
    assert "loss" not in heard[-1]
    assert torch.isfinite(weights(trained)).all()


def test_the_unit_is_that_of_the_task(tiny_base: Path) -> None:
    its = replace(task(tiny_base), unit="patient", rows_per_unit=3)
    claim = backend("lora-dpsgd").train(its, budget()).guarantee
    assert (claim.unit, claim.rows_per_unit, claim.units, claim.units_from) == ("patient", 3, None, "not-told")


def test_phases_draw_on_one_epsilon_and_each_has_its_rate(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    monkeypatch.setattr(fine_tuning, "_set_rate", lambda _, rate: rates.append(rate))
    claim = backend("lora-dpsgd", phases=PHASES).train(task(tiny_base), budget()).guarantee
    _, one, other = claim.mechanisms
    assert (one.steps, one.expected_batch, other.steps, other.expected_batch) == (6, 4.0, 6, 8.0)
    assert rates == [0.01, 1e-3]
    assert 5.8 < claim.epsilon <= 6.0


@pytest.mark.parametrize("name", PRIVATE)
def test_an_epsilon_of_null_takes_the_same_steps_without_noise_and_claims_nothing(
    name: str, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoiseSource, "normal", lambda *_: pytest.fail("noise was drawn"))
    heard: list[Any] = []
    trained = backend(name, epsilon=None, delta=None).train(task(tiny_base), budget(report=heard.append))
    assert trained.guarantee is None
    assert (heard[-1]["steps"], heard[-1]["batch"]) == (6, 4)


def test_a_budget_too_small_for_any_step_is_refused_before_a_record_is_in_one(tiny_base: Path, monkeypatch) -> None:
    monkeypatch.setattr(NoiseSource, "poisson_sample", lambda *_: pytest.fail("records were drawn"))
    with pytest.raises(Overspent):
        backend("lora-dpsgd", epsilon=1e-5).train(task(tiny_base), budget())


@pytest.mark.parametrize("name", PRIVATE)
def test_a_loop_that_does_not_hold_is_refused_before_anything_is_spent(name: str, tiny_base: Path, monkeypatch) -> None:
    examined: list[Any] = []

    def unsound(its: Any) -> None:
        examined.append(its)
        raise UnsoundTraining("noise-once")

    monkeypatch.setattr("audit_plugins.training.backends.refuse_unsound", unsound)
    monkeypatch.setattr(NoiseSource, "counts", lambda *_: pytest.fail("something was spent"))
    with pytest.raises(UnsoundTraining):
        backend(name).train(task(tiny_base), budget())
    assert isinstance(examined[0], BACKENDS[name])


def test_gradients_that_are_not_of_records_are_refused_before_anything_is_spent(tiny_base: Path, monkeypatch) -> None:
    """On the very model: of another architecture than the one on which the loop is examined."""
    monkeypatch.setattr(
        "audit_plugins.training.per_record_gradients.losses",
        lambda model, batch: losses(model, batch) * (batch.attended.sum() / batch.attended.sum(dim=1)),
    )
    monkeypatch.setattr(NoiseSource, "counts", lambda *_: pytest.fail("something was spent"))
    with pytest.raises(UnsoundTraining):
        backend("lora-dpsgd", clipping_norm=100).train(task(tiny_base), budget())


# Trainings that end before their plan


def _nan_at(step: int, taken: list[int]) -> Any:
    def poisoned(summed: Any, *rest: Any) -> Any:
        taken.append(1)
        found = noised(summed, *rest)
        return [one * float("nan") for one in found] if len(taken) == step else found

    return poisoned


def test_a_weight_that_is_no_number_stops_and_what_was_spent_stays_spent(
    tiny_base: Path, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_S", 0.0)
    monkeypatch.setattr(checkpoints, "MOST_OF_TIME", 1e9)
    monkeypatch.setattr("audit_plugins.training.private_steps.noised", _nan_at(4, []))
    with pytest.raises(TrainingStopped) as stopped:
        backend("lora-dpsgd").train(task(tiny_base), budget(workshop=tmp_path))
    claim = stopped.value.guarantee
    assert claim.stopped == "weights-not-finite"
    assert known(claim.stopped)
    assert claim.mechanisms[-1].steps == 4
    assert 0 < claim.epsilon < 6.0
    assert list(tmp_path.iterdir()) == []


def test_a_loss_that_is_no_number_stops_where_nothing_is_claimed(tiny_base: Path, monkeypatch) -> None:
    monkeypatch.setattr(descent, "losses", lambda model, batch: losses(model, batch) * float("nan"))
    with pytest.raises(NotFinite):
        backend("lora").train(task(tiny_base), budget())


class _CutOff(Exception):
    pass


def _cut_off_at(step: int) -> type:
    class Cut(progress.Live):
        def __call__(self, taken: int, batch: float, **more: float) -> None:
            if taken == step:
                raise _CutOff

    return Cut


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_S", 0.0)
    monkeypatch.setattr(checkpoints, "MOST_OF_TIME", 1e9)


@pytest.mark.usefixtures("often")
def test_a_private_training_that_was_cut_off_goes_on_with_what_it_had_spent(tiny_base, tmp_path, monkeypatch) -> None:
    """Nothing is counted again; the steps that are left are those that were planned, from the weights that were."""
    with monkeypatch.context() as cut:
        cut.setattr(fine_tuning, "Live", _cut_off_at(8))
        with pytest.raises(_CutOff):
            backend("lora-dpsgd", phases=PHASES).train(task(tiny_base), budget(workshop=tmp_path))
    left = json.loads((tmp_path / checkpoint_files.STATE).read_bytes())
    assert left["taken"] == 7
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}

    monkeypatch.setattr(NoiseSource, "counts", lambda *_: pytest.fail("counted again"))
    drawn: list[int] = []
    real = NoiseSource.poisson_sample
    monkeypatch.setattr(NoiseSource, "poisson_sample", lambda *its: drawn.append(1) or real(*its))
    heard: list[Any] = []
    trained = backend("lora-dpsgd", phases=PHASES).train(
        task(tiny_base), budget(workshop=tmp_path, report=heard.append)
    )
    assert len(drawn) == 5
    assert [one.steps for one in trained.guarantee.mechanisms[1:]] == [6, 6]
    assert [one.noise_multiplier for one in trained.guarantee.mechanisms[1:]] == [
        plan["noise_multiplier"] for plan in left["planned"]
    ]
    assert trained.guarantee.epsilon <= 6.0
    assert heard[-1]["step"] == 12


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize(
    ("name", "params"), [("lora", {"dropout": 0.1}), ("full", {}), ("lora-dpsgd", {"epsilon": None})]
)
def test_a_training_without_a_guarantee_that_was_cut_off_ends_as_if_it_had_not_been(
    name: str, params: dict[str, Any], tiny_base: Path, tmp_path: Path, monkeypatch
) -> None:
    whole = backend(name, **params).train(task(tiny_base), budget())
    with monkeypatch.context() as cut:
        cut.setattr(fine_tuning, "Live", _cut_off_at(5))
        with pytest.raises(_CutOff):
            backend(name, **params).train(task(tiny_base), budget(workshop=tmp_path))
    assert json.loads((tmp_path / checkpoint_files.STATE).read_bytes())["taken"] == 4
    steps_left: list[int] = []
    real = descent.add_gradients
    monkeypatch.setattr(descent, "add_gradients", lambda *its: steps_left.append(1) or real(*its))
    again = backend(name, **params).train(task(tiny_base), budget(workshop=tmp_path))
    assert len(steps_left) == 2
    assert torch.equal(weights(whole), weights(again))


def test_a_checkpoint_of_other_texts_parameters_or_base_is_not_gone_on_from(tiny_base: Path, tmp_path: Path) -> None:
    its = task(tiny_base)
    other_base = tmp_path / "other"
    other_base.mkdir()
    for path in tiny_base.iterdir():
        (other_base / path.name).write_bytes(path.read_bytes() + b" ")
    swapped = [Text(text=one.prompt, prompt=one.text) for one in its.texts]
    names = {
        checkpoints.identity(its, "lora", {"rank": 1}),
        checkpoints.identity(its, "full", {"rank": 1}),
        checkpoints.identity(its, "lora", {"rank": 2}),
        checkpoints.identity(replace(its, texts=swapped), "lora", {"rank": 1}),
        checkpoints.identity(replace(its, unit="patient"), "lora", {"rank": 1}),
        checkpoints.identity(replace(its, base=other_base), "lora", {"rank": 1}),
    }
    assert len(names) == 6
    (tmp_path / checkpoint_files.STATE).write_text("{}")
    (tmp_path / checkpoint_files.WEIGHTS).write_bytes(b"")
    assert checkpoints.found(tmp_path, next(iter(names))) is None
    assert checkpoints.found(None, next(iter(names))) is None


def test_a_base_that_cannot_be_trained_is_told_by_a_sentence(tiny_base: Path, tmp_path: Path) -> None:
    """Out of the child in which it is found: without its message, which is not looked through for records."""
    registry = discover()
    plugin = registry.training_backends["lora"]
    params = plugin.params.model_validate({"target_modules": ["c_attn"]}).model_dump(mode="json")
    with pytest.raises(Failed) as failed:
        trained_in_child(
            FineTuning(plugin=plugin, params=params, base=tiny_base),
            task(tiny_base),
            registry,
            seed=0,
            limits=Limits(),
            usage=Usage(),
            kept=Kept(tmp_path, folders=Folders()),
        )
    assert failed.value.reason == Reason(code="no-such-layer", args={})


# Files


@pytest.mark.parametrize("name", BACKENDS)
def test_what_is_saved_is_plain_weights_their_description_and_the_ledger(name: str, tiny_base: Path, tmp_path) -> None:
    trained = backend(name).train(task(tiny_base), budget())
    folder = tmp_path / "model"
    trained.save(folder)
    files = {path.name for path in folder.iterdir()}
    own = {
        "lora": {"adapter_config.json", "adapter_model.safetensors"},
        "prompt": {"soft_prompt.safetensors"},
        "full": {
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
        },
    }[name.removesuffix("-dpsgd")]
    assert files == own | {"model.json"} | ({"ledger.json"} if name in PRIVATE else set())
    told = json.loads((folder / "model.json").read_bytes())
    assert told["plugin"] == name
    assert told["params"]["epochs"] == 1
    if name in PRIVATE:
        assert Guarantee.from_json((folder / "ledger.json").read_bytes()) == trained.guarantee
    for path in folder.iterdir():
        assert str(tiny_base.parent).encode() not in path.read_bytes()


def test_anybody_can_load_an_adapter(tiny_base: Path, tmp_path: Path) -> None:
    import peft

    trained = backend("lora", learning_rate=0.05).train(task(tiny_base), budget())
    trained.save(tmp_path / "model")
    base = base_model(tiny_base).network
    tokens = torch.tensor([[1, 5, 9, 7]])
    plain = base(input_ids=tokens).logits.detach().clone()
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        theirs = peft.PeftModel.from_pretrained(base, tmp_path / "model").eval()
    assert torch.allclose(theirs(input_ids=tokens).logits, trained.model(input_ids=tokens).logits, atol=1e-6)
    assert not torch.allclose(theirs(input_ids=tokens).logits, plain, atol=1e-2)


def test_a_full_model_is_one_that_transformers_loads(tiny_base: Path, tmp_path: Path) -> None:
    trained = backend("full", learning_rate=0.05).train(task(tiny_base), budget())
    trained.save(tmp_path / "model")
    again = base_model(tmp_path / "model")
    tokens = torch.tensor([[1, 5, 9, 7]])
    assert torch.equal(again.network(input_ids=tokens).logits, trained.model(input_ids=tokens).logits)
    assert again.tokenizer("fever")["input_ids"] == base_model(tiny_base).tokenizer("fever")["input_ids"]


def test_a_soft_prompt_has_a_row_for_each_virtual_token(tiny_base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    backend("prompt-dpsgd", virtual_tokens=5).train(task(tiny_base), budget()).save(tmp_path / "model")
    ((name, weight),) = load_file(tmp_path / "model" / "soft_prompt.safetensors").items()
    assert (name, tuple(weight.shape)) == ("soft_prompt", (5, 32))
