"""The step that every private training of language models takes: clipped record by record, noised once."""

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("opacus")
pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

from scipy.stats import chi2  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from audit_core.doctor.contract import Record  # noqa: E402
from audit_core.doctor.probes import UnsoundTraining  # noqa: E402
from audit_core.language.training import UNFIT, Unfit  # noqa: E402
from audit_plugins.differential_privacy.noise import NoiseSource  # noqa: E402
from audit_plugins.params_language import FullDpsgdParams, LoraDpsgdParams, PromptDpsgdParams  # noqa: E402
from audit_plugins.training import private_steps  # noqa: E402
from audit_plugins.training.backends import FullDpsgd, LoraDpsgd, PromptDpsgd  # noqa: E402
from audit_plugins.training.per_record_gradients import NotPerRecord, PerRecordGradients  # noqa: E402
from audit_plugins.training.self_check import refuse_unsound_gradients  # noqa: E402
from audit_plugins.training.techniques import trained_parameters  # noqa: E402
from audit_plugins.training.token_records import batch_of, losses, portions, record  # noqa: E402

VOCABULARY = 61
BACKENDS = {
    "lora-dpsgd": (LoraDpsgd, LoraDpsgdParams),
    "prompt-dpsgd": (PromptDpsgd, PromptDpsgdParams),
    "full-dpsgd": (FullDpsgd, FullDpsgdParams),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    clipping_norm: float = 0.1
    noise_multiplier: float = 0.0
    sample_rate: float = 0.5
    steps: int = 1
    learning_rate: float = 1.0
    expected_batch: float = 4.0


def llama(seed: int = 0, **changes: Any) -> nn.Module:
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, tie_word_embeddings=False, attention_dropout=0.3, bos_token_id=1, eos_token_id=2,
        **changes,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transformers.LlamaForCausalLM(config)


def gpt2() -> nn.Module:
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=2, n_positions=64, tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config)


def loop(name: str, **params: Any) -> Any:
    kind, model = BACKENDS[name]
    return kind(**model(epsilon=4, delta=1e-5, **params).model_dump(mode="json"))


def prepared(name: str, base: nn.Module | None = None, **params: Any) -> nn.Module:
    """The model as it is trained; what is fresh in it is moved, so that no gradient is hidden behind a factor of 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model: nn.Module = loop(name, **params).prepare(llama() if base is None else base)
        with torch.no_grad():
            for one in trained_parameters(model).values():
                one.add_(0.1 * torch.randn(one.shape))
    return model


def made_up(lengths: list[int], given: int = 1, seed: int = 0) -> list[Record]:
    rng = np.random.default_rng(seed)
    return [(rng.integers(3, VOCABULARY, given).tolist(), rng.integers(3, VOCABULARY, n).tolist()) for n in lengths]


def naive_loss(model: nn.Module, one: Record) -> torch.Tensor:
    """Token by token, and of one record."""
    tokens = [*one[0], *one[1]]
    logits = model(
        input_ids=torch.tensor([tokens]), attention_mask=torch.ones((1, len(tokens)), dtype=torch.long)
    ).logits
    logits = logits[0, -len(tokens) :]
    terms = [-functional.log_softmax(logits[at - 1], dim=0)[tokens[at]] for at in range(len(one[0]), len(tokens))]
    return torch.stack(terms).mean()


def naive_sum(model: nn.Module, records: list[Record], norm: float) -> torch.Tensor:
    parameters = list(trained_parameters(model).values())
    total = torch.zeros(sum(one.numel() for one in parameters), dtype=torch.float64)
    for one in records:
        own = torch.cat([part.flatten() for part in torch.autograd.grad(naive_loss(model, one), parameters)]).double()
        total += own * min(1.0, norm / float(own.norm()))
    return total


def flat(parts: Any) -> torch.Tensor:
    return torch.cat([part.detach().flatten() for part in parts]).double()


def summed(model: nn.Module, records: list[Record], norm: float, portion: int = 3) -> torch.Tensor:
    with PerRecordGradients(model, portion) as gradients:
        return flat(gradients.clipped_sum(records, norm))


# Records


def test_a_record_has_its_start_and_its_end_and_is_cut_where_the_context_ends() -> None:
    assert record([7, 8], [9], start=1, end=2, context=9) == ([1, 7, 8], [9, 2])
    assert record([], [9, 9, 9], start=1, end=2, context=3) == ([1], [9, 9])
    assert record([7, 8, 9], [5], start=1, end=2, context=3) == ([1, 7, 8], [])


def test_a_record_counts_by_the_mean_of_its_own_labels_whatever_the_others_are() -> None:
    model = llama().eval()
    records = [*made_up([1, 30]), *made_up([4], given=6), ([5, 6], [])]
    together = losses(model, batch_of(records))
    alone = [losses(model, batch_of([one])).item() for one in records]
    assert together.tolist() == pytest.approx(alone, rel=1e-5)
    assert together[:3].tolist() == pytest.approx([naive_loss(model, one).item() for one in records[:3]], rel=1e-5)
    assert together[3] == 0


def test_what_is_given_before_a_record_is_not_learnt() -> None:
    batch = batch_of([([1, 7, 8], [9, 2])])
    assert batch.labels.tolist() == [[-100, -100, -100, 9, 2]]


def test_portions_hold_every_record_once() -> None:
    records = made_up([5, 1, 9, 9, 2, 30, 4])
    parts = list(portions(records, 3))
    assert [len(part) for part in parts] == [3, 3, 1]
    assert sorted(one for part in parts for one in part) == sorted(records)


# Clipped record by record


@pytest.mark.parametrize("norm", [1e-2, 0.3, 100.0])
@pytest.mark.parametrize("name", BACKENDS)
def test_the_sum_is_that_of_a_loop_over_single_records(name: str, norm: float) -> None:
    model = prepared(name)
    for records in (made_up([1, 14, 3, 7, 2], given=2), made_up([20, 1])):
        expected = naive_sum(model, records, norm)
        for portion in (1, 2, 8):
            found = summed(model, records, norm, portion)
            assert float((found - expected).norm() / expected.norm()) < 1e-4


@pytest.mark.parametrize("name", BACKENDS)
def test_models_with_learnt_positions_have_gradients_of_records_too(name: str) -> None:
    params = {"target_modules": ["c_attn"]} if name == "lora-dpsgd" else {}
    model = prepared(name, gpt2(), **params)
    records = made_up([1, 14, 3])
    expected = naive_sum(model, records, 0.3)
    assert float((summed(model, records, 0.3) - expected).norm() / expected.norm()) < 1e-4


@pytest.mark.parametrize("name", BACKENDS)
def test_a_record_more_or_less_moves_the_sum_by_the_clipping_norm_at_most(name: str) -> None:
    model, norm = prepared(name), 0.05
    rest = made_up([1, 9, 4], seed=1)
    without = summed(model, rest, norm)
    for extreme in (*made_up([1], seed=2), *made_up([50], seed=3), *made_up([1], given=50, seed=4), ([1], [2])):
        for place in (0, 3):
            moved = summed(model, [*rest[:place], extreme, *rest[place:]], norm) - without
            assert float(moved.norm()) <= norm * (1 + 1e-4)


def test_a_mean_over_the_tokens_of_a_batch_is_noticed(monkeypatch) -> None:
    """The loss that comes with many models; a record's weight in it hangs on the lengths of the others."""

    def coupled(model: nn.Module, batch: Any) -> torch.Tensor:
        logits = model(input_ids=batch.tokens, attention_mask=batch.attended).logits[:, :-1]
        mean = functional.cross_entropy(logits.reshape(-1, VOCABULARY), batch.labels[:, 1:].reshape(-1))
        return mean.expand(len(batch.tokens)) / len(batch.tokens)

    monkeypatch.setattr("audit_plugins.training.per_record_gradients.losses", coupled)
    with pytest.raises(UnsoundTraining):
        refuse_unsound_gradients(prepared("lora-dpsgd"), VOCABULARY, 100.0)


def test_a_prompt_that_is_looked_up_once_for_all_is_refused() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = llama().requires_grad_(False)
            self.prompt = nn.Embedding(3, 16)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> Any:
            virtual = self.prompt(torch.arange(3)[None]).expand(len(input_ids), -1, -1)
            return self.network(
                inputs_embeds=torch.cat([virtual, self.network.get_input_embeddings()(input_ids)], dim=1)
            )

    with pytest.raises(NotPerRecord, match=r"prompt\.weight"):
        summed(Shared(), made_up([4, 2]), 1.0)


def test_a_parameter_without_gradients_is_refused() -> None:
    model = prepared("lora-dpsgd")
    model.unused = nn.Linear(2, 2)
    with pytest.raises(NotPerRecord, match="unused"):
        summed(model, made_up([4, 2]), 1.0)


@pytest.mark.parametrize("name", BACKENDS)
def test_the_check_of_the_very_model_leaves_it_as_it_was(name: str) -> None:
    model = loop(name).prepare(llama())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    refuse_unsound_gradients(model, VOCABULARY, 1.0)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(hasattr(one, "grad_sample") for one in model.parameters())
    assert not any(module.training for module in model.modules())


def test_a_gradient_that_is_no_number_is_left_out_and_the_others_stay(monkeypatch) -> None:
    model, records = prepared("lora-dpsgd"), made_up([3, 6, 2])

    def one_infinite(its: nn.Module, batch: Any) -> torch.Tensor:
        found = losses(its, batch)
        bad = (batch.tokens[:, 0] == records[1][0][0]) & (batch.attended.sum(dim=1) == 7)
        return found * torch.where(bad, math.inf, 1.0)

    expected = summed(model, [records[0], records[2]], 0.05)
    monkeypatch.setattr("audit_plugins.training.per_record_gradients.losses", one_infinite)
    assert torch.allclose(summed(model, records, 0.05), expected, atol=1e-7)
    assert not summed(model, [records[1]], 0.05).any()


def test_a_record_without_a_label_adds_nothing_alone_and_beside_others() -> None:
    model, records = prepared("lora-dpsgd"), made_up([3, 6])
    cut = ([5, 6, 7], list[int]())
    assert not summed(model, [cut], 0.05).any()
    assert torch.allclose(summed(model, [records[0], cut, records[1]], 0.05), summed(model, records, 0.05), atol=1e-7)


# Noise


class Fixed(NoiseSource):
    """Chosen rows in place of coins."""

    def __init__(self, *rows: list[int]) -> None:
        super().__init__()
        self.rows = list(rows)

    def poisson_sample(self, n: int, rate: float) -> Any:
        return np.array(self.rows.pop(0), dtype=np.intp)


def moved_by(model: nn.Module, act: Any) -> torch.Tensor:
    before = flat(trained_parameters(model).values())
    act()
    return flat(trained_parameters(model).values()) - before


@pytest.mark.parametrize("name", BACKENDS)
def test_a_step_divides_by_the_expected_number_of_records_and_not_by_how_many_there_are(name, monkeypatch) -> None:
    model, records = prepared(name), made_up([3, 6, 2, 9])
    for rows in ([0], [0, 1, 3], [2, 1]):
        monkeypatch.setattr("audit_plugins.training.backends.NoiseSource", lambda rows=rows: Fixed(rows))
        expected = -naive_sum(model, [records[at] for at in rows], 0.1) / 4.0
        moved = moved_by(model, lambda: loop(name).private_steps(model, records, Settings()))
        assert float((moved - expected).norm() / expected.norm()) < 1e-2  # weights are rounded as they move


@pytest.mark.parametrize("name", BACKENDS)
def test_noise_is_drawn_once_a_step_with_the_planned_deviation_also_where_nobody_is(name, monkeypatch) -> None:
    """Chi-squared at 1e-5; noise in each of four portions would have twice the deviation."""
    model, records = prepared(name), made_up([3, 6, 2, 9])
    settings = Settings(clipping_norm=1e-6, noise_multiplier=3e6, expected_batch=2.0, steps=2, learning_rate=0.1)
    one = loop(name, physical_batch=1)
    for rows in ([], [0, 1, 2, 3]):
        monkeypatch.setattr("audit_plugins.training.backends.NoiseSource", lambda rows=rows: Fixed(rows, rows))
        its = copy.deepcopy(model)
        moved = moved_by(its, lambda its=its: one.private_steps(its, records, settings)).numpy()
        wanted = 0.1 * 3.0 / 2.0 * 2**0.5
        squares = float((moved**2).sum()) / wanted**2
        assert len(moved) >= 256
        assert chi2.ppf(5e-6, len(moved)) < squares < chi2.isf(5e-6, len(moved))
        assert np.isfinite(moved).all()
        assert (moved != 0).all()


def test_records_come_by_coins_of_their_own() -> None:
    """Of 4,000 draws with probability 0.3, chi-squared of batch sizes at 1e-5; a shuffled file has no spread."""
    drawn = []

    class Listening(PerRecordGradients):
        def clipped_sum(self, records: Any, clipping_norm: float) -> Any:
            drawn.append(len(records))
            return [torch.zeros_like(one) for one in self.parameters]

    model = prepared("lora-dpsgd")
    optimizer = torch.optim.SGD(trained_parameters(model).values(), lr=0.0)
    settings = Settings(sample_rate=0.3, steps=400)
    entered: list[int] = []
    steps = private_steps.private_descent(
        Listening(model, 8), made_up([2] * 10), settings, optimizer, NoiseSource(), enter=lambda: entered.append(1)
    )
    assert len(list(steps)) == len(entered) == 400
    spread = float(((np.array(drawn) - 3.0) ** 2).sum() / 2.1)
    assert chi2.ppf(5e-6, 400) < spread < chi2.isf(5e-6, 400)
    assert 0 in drawn


@pytest.mark.parametrize("name", ["lora-dpsgd", "prompt-dpsgd"])
def test_the_base_stays_and_what_is_trained_moves(name: str) -> None:
    model = loop(name).prepare(llama())
    frozen = {key: one.clone() for key, one in model.named_parameters() if not one.requires_grad}
    assert {one.requires_grad for one in model.parameters()} == {True, False}
    settings = Settings(noise_multiplier=1.0, steps=3, sample_rate=0.9)
    moved = moved_by(model, lambda: loop(name).private_steps(model, made_up([3, 6, 2, 9]), settings))
    assert (moved != 0).all()
    assert all(torch.equal(one, frozen[key]) for key, one in model.named_parameters() if not one.requires_grad)


def test_no_dropout_of_the_base_or_of_adapters_takes_part() -> None:
    model, records = prepared("lora-dpsgd"), made_up([3, 6, 2, 9])
    assert torch.equal(summed(model, records, 0.1), summed(model, records, 0.1))


# What cannot be


def test_tied_embeddings_are_refused_and_the_way_out_is_told() -> None:
    tied = llama()
    tied.lm_head.weight = tied.model.embed_tokens.weight
    with pytest.raises(Unfit, match="tie_word_embeddings=False") as tied_found:
        loop("full-dpsgd").prepare(tied)
    assert tied_found.value.problems[0].code in UNFIT
    loop("lora-dpsgd").prepare(tied)


def test_a_layer_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(Unfit, match=r"no layer c_attn.*q_proj") as found:
        loop("lora-dpsgd", target_modules=["c_attn"]).prepare(llama())
    assert found.value.problems[0].code in UNFIT


def test_steps_without_noise_learn() -> None:
    model, records = prepared("full-dpsgd"), made_up([5] * 8)
    before = float(losses(model, batch_of(records)).mean().detach())
    settings = Settings(clipping_norm=1.0, steps=40, learning_rate=1.0, sample_rate=0.9, expected_batch=7.2)
    loop("full-dpsgd").private_steps(model, records, settings)
    assert float(losses(model, batch_of(records)).mean().detach()) < 0.7 * before
