"""Language models opened from files: what they say of texts, how they go on, and what is refused."""

import json
import math
import shutil
import socket
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from scipy.stats import binomtest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")
safetensors_torch = pytest.importorskip("safetensors.torch")

from audit_core.errors import InputError  # noqa: E402
from audit_core.guarantee import Guarantee  # noqa: E402
from audit_core.language.texts import Text  # noqa: E402
from audit_core.language.token_scores import TOP_K, TokenScores, joined  # noqa: E402
from audit_plugins.training import opening, teacher_forcing  # noqa: E402
from audit_plugins.training.decoding import NOTHING, greedy  # noqa: E402
from audit_plugins.training.opening import Base, OpenedModel, base_model, encoded, opened  # noqa: E402
from audit_plugins.training.teacher_forcing import Positions, statistics, token_scores  # noqa: E402

WORDS = ("fever", "cough", "ache", "rash", "chill")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A network of 12 tokens that is sure of some things."""
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=12, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=32, initializer_range=0.6,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def adapter(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter on the tiny base that changes what it says."""
    return adapter_in(tmp_path_factory.mktemp("adapter"), tiny_base)


@pytest.fixture(scope="module")
def soft_prompt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompt")
    weights = torch.randn(5, 32, generator=torch.Generator().manual_seed(1))
    safetensors_torch.save_file({"soft_prompt": weights}, folder / "soft_prompt.safetensors")
    return folder


def adapter_in(folder: Path, base: Path, **settings: Any) -> Path:
    from peft import LoraConfig, get_peft_model

    its = base_model(base)
    with opening.quiet():
        config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", **settings)
        network = get_peft_model(its.network, config)
        torch.manual_seed(5)
        for name, one in network.named_parameters():
            if one.requires_grad:
                torch.nn.init.normal_(one, std=0.5 if "lora_" in name else 0.05)
        network.save_pretrained(folder)
    return folder


def texts(n: int = 24, seed: int = 0) -> list[Text]:
    """Of many lengths; one without a prompt in three, one longer than the context of 64 tokens."""
    rng = np.random.default_rng(seed)
    made = [
        Text(text=" ".join(rng.choice(WORDS, rng.integers(1, 9))), prompt=("", "a: ", "longer: ")[at % 3])
        for at in range(n - 1)
    ]
    return [*made, Text(text="word " * 20)]


def scores(model: Any, of: Sequence[Text]) -> TokenScores:
    return joined(list(model.token_scores(of)))


def naive(network: Any, tokens: list[int], scored: int) -> list[tuple[float, ...]]:
    """The five numbers of the last tokens, each from one pass over all before it, in 64-bit floats."""
    found = []
    for at in range(len(tokens) - scored, len(tokens)):
        before = torch.tensor([tokens[:at]])
        with torch.no_grad():
            said = network(input_ids=before, attention_mask=torch.ones_like(before)).logits[0, -1].double()
        log_p = said.log_softmax(0)
        mean = float((log_p.exp() * log_p).sum())
        deviation = math.sqrt(float((log_p.exp() * (log_p - mean) ** 2).sum()))
        kept = sorted(log_p.tolist(), reverse=True)[: teacher_forcing.TOP_K]
        own = float(log_p[tokens[at]])
        among = own - math.log(sum(math.exp(one) for one in kept)) if own >= kept[-1] else -math.inf
        found.append((own, mean, deviation, among, float(own == kept[0])))
    return found


def of_scores(its: TokenScores) -> np.ndarray:
    return np.stack([its.log_prob, its.mean, its.deviation, its.log_prob_top_k, its.top.astype(np.float32)])


# Bases


def test_a_base_is_in_evaluation_mode_in_32_bit_floats_and_knows_its_tokens(tiny_base: Path) -> None:
    its = base_model(tiny_base)
    assert not any(module.training for module in its.network.modules())
    assert {one.dtype for one in its.network.parameters()} == {torch.float32}
    assert (its.start, its.end, its.context) == (256, 257, 64)


@pytest.mark.parametrize(
    ("bos", "eos", "pad", "expected"),
    [
        (5, 6, 7, (5, 6)),
        (None, 6, 7, (6, 6)),
        (None, None, 7, (7, 7)),
        (None, None, None, (0, 0)),
        (5, None, 7, (5, 5)),
    ],
)
def test_what_starts_and_ends_a_record_where_a_tokenizer_lacks_a_token(
    bos: int | None, eos: int | None, pad: int | None, expected: tuple[int, int], tiny_base: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    its = base_model(tiny_base)
    for name, token in (("bos", bos), ("eos", eos), ("pad", pad)):
        setattr(its.tokenizer, f"{name}_token", None if token is None else its.tokenizer.convert_ids_to_tokens(token))
    monkeypatch.setattr(opening, "_read", lambda folder: (its.network, its.tokenizer))
    again = base_model(tiny_base)
    assert (again.start, again.end) == expected


def test_prompt_and_text_are_tokenised_apart_whole_and_without_added_tokens(tiny_base: Path) -> None:
    its = base_model(tiny_base)
    its.tokenizer.model_max_length = 8
    (prompt, text), (none, long) = encoded(its, [Text(text="ab", prompt="c: "), Text(text="é" * 100)])
    assert (its.tokenizer.decode(prompt), its.tokenizer.decode(text)) == ("c: ", "ab")
    assert (len(prompt), len(text), none, len(long)) == (3, 2, [], 200)
    assert encoded(its, []) == []


def test_a_tokenizer_file_that_cuts_and_fills_up_does_neither(tiny_base: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    told = json.loads((folder / "tokenizer.json").read_bytes())
    told["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    told["padding"] = {
        "strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
        "pad_token": "!",
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(told))
    assert encoded(base_model(folder), [Text(text="abcdef", prompt="x")]) == encoded(
        base_model(tiny_base), [Text(text="abcdef", prompt="x")]
    )


@pytest.mark.parametrize("name", ["model.layers.1.mlp.up_proj.weight", "lm_head.weight"])
def test_a_weight_that_is_missing_is_refused_and_not_made_up(name: str, tiny_base: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    weights = safetensors_torch.load_file(folder / "model.safetensors")
    del weights[name]
    safetensors_torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="model-incomplete"):
        base_model(folder)


def test_a_model_that_looks_ahead_is_refused(tmp_path: Path, tiny_base: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=258, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        is_decoder=True,
    )  # fmt: skip
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    with opening.quiet():
        transformers.BertLMHeadModel(config).save_pretrained(folder)
    base_model(folder)
    told = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps(told | {"is_decoder": False}))
    with pytest.raises(InputError, match="model-not-causal"):
        base_model(folder)


def test_opening_says_nothing(tiny_base: Path, adapter: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = opened(adapter, tiny_base)
    scores(model, texts(3))
    model.complete([[70]], 2)
    assert capfd.readouterr() == ("", "")


# GGUF


def gguf_file(path: Path, base: Path) -> Path:
    """A base written as other programs write it: 32-bit floats, queries and keys in their order of rotation."""
    gguf = pytest.importorskip("gguf")
    its = base_model(base)
    config, letters = its.network.config, its.tokenizer.get_vocab()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    tokens = sorted(letters, key=lambda letter: letters[letter])
    writer.add_token_list([*tokens[:255], "ab", *tokens[256:]])  # the format wants a merge
    writer.add_token_types([1] * 256 + [3] * 2)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)
    names = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
        "model.layers.": "blk.", "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    }  # fmt: skip
    for name, weight in its.network.state_dict().items():
        array, called = weight.numpy(), name
        if "q_proj" in name or "k_proj" in name:
            heads = config.num_attention_heads
            array = array.reshape(heads, 2, -1, config.hidden_size).swapaxes(1, 2).reshape(array.shape)
        for ours, theirs in names.items():
            called = called.replace(ours, theirs)
        writer.add_tensor(called, array.copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_file_is_opened_as_what_it_was_made_of_and_nothing_beside_it_is_read_or_written(
    tiny_base: Path, tmp_path: Path
) -> None:
    """What stands beside it would send the libraries to another model, or to another tokenizer."""
    path = gguf_file(tmp_path / "model.GGUF", tiny_base)
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some/where"}))
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoConfig": "evil.Config"}, "model_type": "evil"}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "!", "tokenizer_class": "Evil"}))
    before = sorted(tmp_path.iterdir())
    its, whole = base_model(path), base_model(tiny_base)
    assert sorted(tmp_path.iterdir()) == before
    assert (its.start, its.end, its.context) == (256, 257, 64)
    assert not hasattr(its.network.config, "quantization_config")
    for name, weight in whole.network.state_dict().items():
        assert torch.equal(its.network.state_dict()[name], weight), name
    some = [Text(text="fever é 12", prompt="a: "), Text(text="x\ny")]
    assert encoded(its, some) == encoded(whole, some)
    np.testing.assert_allclose(
        of_scores(scores(opened(path, None), some)), of_scores(scores(opened(tiny_base, None), some)), atol=1e-5
    )
    its.network.save_pretrained(tmp_path / "saved")
    assert (tmp_path / "saved" / "model.safetensors").is_file()


# Scores


def kinds(tiny_base: Path, adapter: Path, soft_prompt: Path) -> dict[str, OpenedModel]:
    return {
        "whole": opened(tiny_base, None),
        "adapter": opened(adapter, tiny_base),
        "soft": opened(soft_prompt, tiny_base),
    }


@pytest.mark.parametrize("kind", ["whole", "adapter", "soft"])
def test_scores_are_those_of_one_token_after_the_other(
    kind: str, tiny_base: Path, adapter: Path, soft_prompt: Path
) -> None:
    """Within what 32-bit sums over a vocabulary allow."""
    model = kinds(tiny_base, adapter, soft_prompt)[kind]
    room = 59 if kind == "soft" else 64
    some = [Text(text="fever and cough", prompt="a: "), Text(text="x"), Text(text="word " * 20)]
    its = scores(model, some)
    expected, tokens = [], []
    for (prompt, text), cut in zip(model.tokens(some), (False, False, True), strict=True):
        whole = [256, *prompt, *text]
        kept = whole[:room]
        assert (len(kept) < len(whole)) == cut
        expected += naive(model._its.network, kept, len(kept) - 1 - len(prompt))
        tokens += kept[1 + len(prompt) :]
    assert its.truncated.tolist() == [False, False, True]
    assert its.token.tolist() == tokens
    np.testing.assert_allclose(of_scores(its).T, np.array(expected), rtol=2e-4, atol=2e-5)


def test_a_text_is_scored_alike_whoever_stands_beside_it(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the given order, too, however windows and batches are cut."""
    model, some = opened(tiny_base, None), texts()
    together = scores(model, some)
    alone = joined([scores(model, [one]) for one in some])
    assert np.array_equal(together.starts, alone.starts)
    assert np.array_equal(together.token, alone.token)
    np.testing.assert_allclose(of_scores(together), of_scores(alone), rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(opening, "WINDOW", 7)
    monkeypatch.setattr(teacher_forcing, "MOST_TOKENS", 70)
    parts = list(model.token_scores(some))
    assert [len(part) for part in parts] == [7, 7, 7, 3]
    np.testing.assert_allclose(of_scores(joined(parts)), of_scores(alone), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["whole", "adapter", "soft"])
def test_a_text_longer_than_a_batch_is_read_in_pieces(
    kind: str, tiny_base: Path, adapter: Path, soft_prompt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = kinds(tiny_base, adapter, soft_prompt)[kind]
    some = [Text(text="word " * 11, prompt="p" * 20), Text(text="cough")]
    whole = scores(model, some)
    widest = []
    hook = model._its.network.register_forward_pre_hook(
        lambda _, __, given: widest.append(given["input_ids"].numel()), with_kwargs=True
    )
    monkeypatch.setattr(teacher_forcing, "MOST_TOKENS", 9)
    in_pieces = scores(model, some)
    hook.remove()
    assert max(widest) == 9
    np.testing.assert_allclose(of_scores(in_pieces), of_scores(whole), rtol=1e-4, atol=1e-5)


def test_texts_without_a_token_of_their_own_have_no_scores(tiny_base: Path) -> None:
    """An empty one, and one whose prompt fills the context."""
    model = opened(tiny_base, None)
    its = scores(model, [Text(text=""), Text(text="ab"), Text(text="ab", prompt="p" * 80), Text(text="", prompt="q")])
    assert its.lengths.tolist() == [0, 2, 0, 0]
    assert its.truncated.tolist() == [False, False, True, False]
    assert len(scores(model, [Text(text="")]).token) == 0
    assert len(scores(model, [])) == 0


def test_the_likeliest_is_found_where_a_vocabulary_is_wide_and_some_of_it_is_ruled_out() -> None:
    """Beside 64-bit floats; ties, an outlier that is nearly sure, and minus infinities among them."""
    generator = torch.Generator().manual_seed(2)
    for wide in (3, 39, 40, 41, 258, 5003, 49152):
        logits = torch.randn((6, wide), generator=generator) * 4
        logits[1] = logits[1].round()
        logits[2, wide // 2] = 60.0
        logits[3, ::2] = -torch.inf
        logits[4] = 0.0
        token = torch.tensor([0, 1, wide // 2, 1, wide - 1, int(logits[5].argmax())])
        exact = logits.double().log_softmax(1)
        weight = exact.exp()
        rid = exact.masked_fill(weight == 0, 0.0)
        mean = (weight * rid).sum(1)
        deviation = (weight * (rid - mean[:, None]) ** 2).sum(1).sqrt()
        own = exact.gather(1, token[:, None])[:, 0]
        kept = exact.topk(min(TOP_K, wide), dim=1).values
        among = (own - kept.logsumexp(1)).masked_fill(own < kept[:, -1], -torch.inf)
        top = (own == kept[:, 0]).double()
        found = statistics(logits.clone(), token).double()
        np.testing.assert_allclose(found, torch.stack([own, mean, deviation, among, top]), rtol=1e-4, atol=2e-3)


def test_a_token_that_is_ruled_out_has_a_finite_score() -> None:
    logits = torch.zeros((1, 50))
    logits[0, 7] = -torch.inf
    own, *_, among, top = statistics(logits, torch.tensor([7]))[:, 0].tolist()
    assert own < -9000
    assert math.isfinite(own)
    assert (among, top) == (-math.inf, 0)


def test_numbers_that_are_none_stay_so() -> None:
    """A broken model is not mended here: the core refuses its scores."""
    logits = torch.zeros((1, 50))
    logits[0, 3] = torch.nan
    assert torch.isnan(statistics(logits, torch.tensor([7]))[:3]).all()


def test_every_text_meets_each_model_once(tiny_base: Path, adapter: Path) -> None:
    model = opened(adapter, tiny_base)
    some = [Text(text=f"{at:063d}") for at in range(2000)]
    base, met = model.base(), Counter[tuple[int, ...]]()
    assert base is not None

    def count(_: Any, __: Any, given: dict[str, Any]) -> None:
        met.update(tuple(row) for row in given["input_ids"].tolist())

    network: Any = model._its.network
    hook = network.register_forward_pre_hook(count, with_kwargs=True)
    for its in (model, base):
        met.clear()
        assert sum(len(part) for part in its.token_scores(some)) == len(some)
        assert met == Counter((256, *row[:-1]) for _, row in model.tokens(some))
    hook.remove()


def test_memory_does_not_grow_with_the_number_of_texts(tiny_base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Had all logits stayed, they would be 63 MiB more; had all tokens and scores stayed, eight times as many."""
    monkeypatch.setattr(opening, "WINDOW", 250)
    model, process = opened(tiny_base, None), psutil.Process()

    def peak(n: int) -> int:
        some = [Text(text=f"{at:016d}") for at in range(n)]
        tracemalloc.start()
        for _ in model.token_scores(some):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    few = peak(500)
    before = process.memory_info().rss
    assert peak(4000) < 1.25 * few
    assert process.memory_info().rss - before < 32 * 2**20


# Sampling


def sampled(network: Any, prefix: list[int], length: int, n: int, top_k: int, generator: Any) -> np.ndarray:
    """Continuations drawn token by token at temperature 1 from the most likely tokens; shape `(n, length)`."""
    tokens = torch.tensor([prefix] * n)
    for _ in range(length):
        with torch.no_grad():
            said = network(input_ids=tokens).logits[:, -1]
        kept = said.topk(top_k, dim=1)
        drawn = torch.multinomial(kept.values.softmax(1), 1, generator=generator)
        tokens = torch.cat([tokens, kept.indices.gather(1, drawn)], dim=1)
    return tokens[:, len(prefix) :].numpy()


@pytest.mark.parametrize("top_k", [12, 5])
def test_the_chance_of_an_end_is_how_often_it_is_sampled(
    top_k: int, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(n, p)-discoverable from one pass. Two exact binomial tests, each at 1e-5 over two.

    References:
        Hayes et al. (2025), Measuring memorization in language models via probabilistic extraction, section 3.
    """
    monkeypatch.setattr(teacher_forcing, "TOP_K", top_k)
    prefix, groups, tries = [1, 4, 2], 1500, 7
    generator = torch.Generator().manual_seed(11)
    drawn = sampled(small, prefix, 3, groups * tries, top_k, generator)
    kinds, counts = np.unique(sampled(small, prefix, 3, 400, top_k, generator), axis=0, return_counts=True)
    end = kinds[counts.argmax()]  # of other samples, so that the choice does not flatter
    whole = Positions(tokens=np.array([*prefix, *end]), scored=3, truncated=False)
    (its,) = token_scores(small, [[whole]])
    chance = math.exp(its.totals(its.log_prob_top_k if top_k < 12 else its.log_prob)[0])
    hits = (drawn == end).all(axis=1)
    assert 0.02 < chance < 0.98
    assert binomtest(int(hits.sum()), len(hits), chance).pvalue > 5e-6
    met = hits.reshape(groups, tries).any(axis=1)
    assert binomtest(int(met.sum()), groups, -math.expm1(tries * math.log1p(-chance))).pvalue > 5e-6


def test_an_end_beyond_the_likeliest_tokens_is_never_sampled(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher_forcing, "TOP_K", 3)
    prefix = [1, 4, 2]
    with torch.no_grad():
        order = small(input_ids=torch.tensor([prefix])).logits[0, -1].argsort(descending=True).tolist()
    for place, token in enumerate(order):
        (its,) = token_scores(small, [[Positions(tokens=np.array([*prefix, token]), scored=1, truncated=False)]])
        assert np.isfinite(its.log_prob_top_k[0]) == (place < 3)
        assert its.top[0] == (place == 0)


# Greedy decoding


def one_by_one(network: Any, prefix: list[int], length: int, end: int, context: int) -> list[int]:
    """Without a cache, and without anybody beside."""
    tokens, found = list(prefix), list[int]()
    while len(found) < length and len(tokens) <= context:
        said = torch.tensor([tokens])
        with torch.no_grad():
            best = int(network(input_ids=said, attention_mask=torch.ones_like(said)).logits[0, -1].argmax())
        if best == end:
            break
        tokens.append(best)
        found.append(best)
    return found + [NOTHING] * (length - len(found))


@pytest.mark.parametrize("kind", ["whole", "adapter", "soft"])
def test_many_prefixes_go_on_as_each_does_by_itself(
    kind: str, tiny_base: Path, adapter: Path, soft_prompt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from audit_plugins.training import decoding

    monkeypatch.setattr(decoding, "AT_ONCE", 4)
    model = kinds(tiny_base, adapter, soft_prompt)[kind]
    rng = np.random.default_rng(0)
    prefixes = [rng.integers(256, size=size).tolist() for size in (1, 5, 5, 9, 5, 1, 5, 5, 5, 56, 70)]
    found = model.complete(prefixes, 8)
    its = model._its
    for prefix, row in zip(prefixes, found.tolist(), strict=True):
        assert row == one_by_one(its.network, [256, *prefix], 8, its.end, its.context)
    assert found.dtype == np.int32
    assert model.complete([], 3).shape == (0, 3)


def test_prefixes_of_like_lengths_share_their_steps(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than each length having its own; and no more keys and values are kept than memory has room for."""
    from audit_plugins.training import decoding

    met = list[tuple[int, int]]()
    hook = small.register_forward_pre_hook(
        lambda _, __, given: met.append(tuple(given["attention_mask"].shape)), with_kwargs=True
    )
    prefixes = [[1 + at % 7] * (1 + at % 5) for at in range(20)]
    together = greedy(small, prefixes, 6, end=99, context=32)
    assert met == [(20, place) for place in range(1, 11)]
    monkeypatch.setattr(decoding, "MOST_TOKENS", 50)
    met.clear()
    assert np.array_equal(greedy(small, prefixes, 6, end=99, context=32), together)
    assert max(rows * places for rows, places in met) <= 50
    met.clear()
    greedy(small, [[1] * 2, [1] * 12], 3, end=99, context=32)
    assert len(met) == 6
    hook.remove()


def test_nothing_comes_after_the_end_of_a_record(small: Any) -> None:
    prefixes = [[1, at, 2] for at in range(12)]
    free = greedy(small, prefixes, 6, end=99, context=32)
    assert (free >= 0).all()
    end = int(np.bincount(free[:, 1:].ravel()).argmax())
    found = greedy(small, prefixes, 6, end=end, context=32)
    assert (found == NOTHING).any()
    for row, whole in zip(found.tolist(), free.tolist(), strict=True):
        stop = whole.index(end) if end in whole else 6
        assert row == whole[:stop] + [NOTHING] * (6 - stop)


def test_decoding_stops_where_the_context_ends(small: Any) -> None:
    found = greedy(small, [[1] * 30, [1] * 32, [1] * 33], 6, end=99, context=32)
    assert (found >= 0).sum(axis=1).tolist() == [3, 1, 0]


# Models on bases


def test_an_adapter_changes_what_is_said_and_its_base_is_the_base(tiny_base: Path, adapter: Path) -> None:
    model, some = opened(adapter, tiny_base), texts()
    base = model.base()
    assert base is not None
    assert base.base() is None
    alone = of_scores(scores(opened(tiny_base, None), some))
    assert np.array_equal(of_scores(scores(base, some)), alone)
    assert np.abs(of_scores(scores(model, some))[0] - alone[0]).max() > 0.05
    assert np.array_equal(base.complete([[70, 71]], 5), opened(tiny_base, None).complete([[70, 71]], 5))


def test_model_and_base_are_asked_by_turns(
    tiny_base: Path, adapter: Path, soft_prompt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share weights: one must not be left switched off while the other has the word."""
    monkeypatch.setattr(opening, "WINDOW", 5)
    some = texts()
    for folder in (adapter, soft_prompt):
        model = opened(folder, tiny_base)
        base: Any = model.base()
        alone = [of_scores(scores(one, some)) for one in (model, base)]
        turns = list(zip(model.token_scores(some), base.token_scores(some), strict=True))
        for which in (0, 1):
            assert np.array_equal(of_scores(joined([turn[which] for turn in turns])), alone[which])
        assert not np.array_equal(*alone)


@pytest.mark.parametrize("settings", [{"bias": "all"}, {"modules_to_save": ["lm_head"]}, {"use_dora": True}])
def test_the_base_of_an_adapter_that_changes_more_than_products_is_the_base_too(
    settings: dict[str, Any], tiny_base: Path, tmp_path: Path
) -> None:
    model, some = opened(adapter_in(tmp_path, tiny_base, **settings), tiny_base), texts(6)
    base: Any = model.base()
    assert np.array_equal(of_scores(scores(base, some)), of_scores(scores(opened(tiny_base, None), some)))
    assert not np.array_equal(of_scores(scores(model, some)), of_scores(scores(base, some)))


def test_an_adapter_in_half_precision_is_opened(tiny_base: Path, adapter: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(adapter, tmp_path / "adapter")
    weights = safetensors_torch.load_file(folder / "adapter_model.safetensors")
    half = {name: one.to(torch.bfloat16) for name, one in weights.items()}
    safetensors_torch.save_file(half, folder / "adapter_model.safetensors")
    model = opened(folder, tiny_base)
    assert {one.dtype for one in model._its.network.parameters()} == {torch.float32}


@pytest.mark.parametrize("change", ["renamed", "some left out", "another base's"])
def test_an_adapter_that_is_not_put_in_whole_is_refused(
    change: str, tiny_base: Path, adapter: Path, tmp_path: Path
) -> None:
    """Libraries only warn: the model would be the base, and seem to remember nothing."""
    folder = shutil.copytree(adapter, tmp_path / "adapter")
    weights = safetensors_torch.load_file(folder / "adapter_model.safetensors")
    if change == "renamed":
        weights = {name.replace("base_model.model.", "module.base_model.model."): one for name, one in weights.items()}
    elif change == "some left out":
        del weights[min(weights)]
    else:
        weights = {name.replace("layers.1.", "layers.7."): one for name, one in weights.items()}
    safetensors_torch.save_file(weights, folder / "adapter_model.safetensors")
    with pytest.raises(InputError, match="adapter-mismatch"):
        opened(folder, tiny_base)


def test_the_base_that_an_adapter_names_is_not_followed(tiny_base: Path, adapter: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(adapter, tmp_path / "adapter")
    told = json.loads((folder / "adapter_config.json").read_bytes())
    (folder / "adapter_config.json").write_text(json.dumps(told | {"base_model_name_or_path": "some/where"}))
    assert np.array_equal(
        of_scores(scores(opened(folder, tiny_base), texts(4))), of_scores(scores(opened(adapter, tiny_base), texts(4)))
    )
    with pytest.raises(ValueError, match="without the model"):
        opened(folder, None)


def test_model_and_base_score_the_same_tokens(tiny_base: Path, soft_prompt: Path, tmp_path: Path) -> None:
    """A soft prompt leaves less room, and a fine-tuned model may have a shorter context: the base is cut there too."""
    short = shutil.copytree(tiny_base, tmp_path / "short")
    told = json.loads((short / "config.json").read_bytes())
    (short / "config.json").write_text(json.dumps(told | {"max_position_embeddings": 40}))
    for model, room in ((opened(soft_prompt, tiny_base), 59), (opened(short, tiny_base), 40)):
        base: Any = model.base()
        its, before = (scores(one, texts()) for one in (model, base))
        assert its.lengths.max() == room - 1
        assert np.array_equal(its.token, before.token)
        assert np.array_equal(its.truncated, before.truncated)


def test_a_base_of_its_own_is_opened_when_it_is_asked_for(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    real: Callable[[Path], Base] = opening.base_model

    def noted(path: Path) -> Base:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(opening, "base_model", noted)
    whole = shutil.copytree(tiny_base, tmp_path / "whole")
    model = opened(whole, tiny_base)
    assert asked == [whole]
    assert model.base() is model.base()
    assert asked == [whole, tiny_base]


def test_the_claim_is_the_ledger_in_the_folder(tiny_base: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_base, tmp_path / "model")
    assert opened(folder, None).guarantee is None
    claim = Guarantee(
        epsilon=3.0, delta=1e-5, budget=3.0, unit="row", rows_per_unit=1, accountant="made up",
        mechanisms=(), relation="add-or-remove",
    )  # fmt: skip
    (folder / "ledger.json").write_bytes(claim.to_json())
    assert opened(folder, None).guarantee == claim
