"""Opens language models from files that were inspected: nothing is fetched, and no code of a model is run."""

import contextlib
import copy
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit_core.errors import Problem
from audit_core.exchange import LEDGER
from audit_core.guarantee import Guarantee
from audit_core.language.texts import Text
from audit_core.language.token_scores import TokenScores
from audit_core.language.training import Unfit
from audit_core.reading.model_files import ADAPTER, ADAPTER_WEIGHTS, SOFT_PROMPT
from audit_plugins.training.decoding import greedy
from audit_plugins.training.teacher_forcing import Positions, token_scores

USUAL_CONTEXT = 1024
"""Tokens, where a model's configuration says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A causal language model with its tokenizer.

    Attributes:
        network: In evaluation mode and 32-bit floats.
        start: The token that stands before every record: that for the beginning of a text; else for the end; else for
            filling up; else the first.
        end: The token that ends every record: that for the end of a text; else `start`.
        context: The most tokens that it takes.
    """

    network: nn.Module
    tokenizer: Any
    start: int
    end: int
    context: int


def base_model(path: Path) -> Base:
    """The model in a folder, or in a GGUF file, whose weights become 32-bit floats again.

    Raises:
        Unfit: Not all of its weights are there, or it looks ahead.
    """
    if path.suffix.lower() != ".gguf":
        network, tokenizer = _read(path)
    else:
        # By itself: what stands beside such a file could change how it is read, and nothing is to be written there.
        with tempfile.TemporaryDirectory(prefix="sekisho-gguf-") as alone:
            (Path(alone) / "model.gguf").symlink_to(path.absolute())
            network, tokenizer = _read(Path(alone), gguf_file="model.gguf")
        network = _as_if_never_quantised(network)
    network.eval()
    known = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    start = next((one for one in known if one is not None), 0)
    end = start if tokenizer.eos_token_id is None else tokenizer.eos_token_id
    _refuse_looking_ahead(network, start, end)
    return Base(
        network=network,
        tokenizer=tokenizer,
        start=start,
        end=end,
        context=getattr(network.config, "max_position_embeddings", None) or USUAL_CONTEXT,
    )


def _read(folder: Path, **gguf: str) -> tuple[Any, Any]:
    """The network and the tokenizer in a folder.

    Raises:
        Unfit: Not all of the network's weights are there: the others would be random numbers.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, **gguf}
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        read: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=not gguf, output_loading_info=True, **local
        )
    network, told = read
    if told["missing_keys"] or told["mismatched_keys"]:
        what = f"{len(told['missing_keys']) + len(told['mismatched_keys'])} of the model's weights are not in its files"
        fix = "Save the whole model again: `save_pretrained`"
        raise Unfit(Problem(code="model-incomplete", what=what, where="release.model", fix=fix))
    return network, tokenizer


@torch.inference_mode()
def _refuse_looking_ahead(network: Any, start: int, end: int) -> None:
    """Whether what it says of a token depends on that token: then nothing that is measured of it means anything.

    Raises:
        Unfit: It does.
    """
    other = next(one for one in (end, 0, 1) if one != start)
    tokens = torch.tensor([[start, start, start], [start, start, other]])
    first, second = network(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False).logits[:, :2]
    if (first - second).abs().max() > 1e-3 * first.abs().max():
        what = "the model looks at the tokens that it is asked about, so it does not write from left to right"
        fix = "Audit a causal language model; for a decoder made from an encoder set is_decoder in its config.json"
        raise Unfit(Problem(code="model-not-causal", what=what, where="release.model", fix=fix))


def _as_if_never_quantised(network: Any) -> Any:
    """The same weights in a model that can be saved."""
    config = copy.deepcopy(network.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = type(network)(config)
    plain.load_state_dict(network.state_dict())
    plain.tie_weights()
    return plain


def encoded(base: Base, texts: Sequence[Text]) -> list[tuple[list[int], list[int]]]:
    """For each text the tokens of its prompt, and its own; not cut."""
    if not texts:
        return []

    def tokens(of: list[str]) -> list[list[int]]:
        found: list[list[int]] = base.tokenizer(of, add_special_tokens=False, verbose=False)["input_ids"]
        return found

    own = tokens([one.text for one in texts])
    prompts = {one.prompt for one in texts} - {""}
    of_prompt = {"": list[int]()} | dict(zip(sorted(prompts), tokens(sorted(prompts)), strict=True) if prompts else {})
    return [(list(of_prompt[one.prompt]), list(its)) for one, its in zip(texts, own, strict=True)]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps libraries from writing about what they read."""
    from transformers.utils import logging as its

    logging: Any = its
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


class OpenedModel:
    """A language model that is asked and not trained; it is an `audit_core.language.training.Model`.

    Attributes:
        guarantee: What is claimed of it by the ledger in its folder; None where there is none.
    """

    def __init__(
        self, its: Base, *, guarantee: Guarantee | None = None, before: "Callable[[], OpenedModel] | None" = None
    ) -> None:
        """Takes the model, the claim, and how to open the model before it was fine-tuned."""
        self.guarantee = guarantee
        self._its, self._open_before = its, before
        self._before: OpenedModel | None = None

    def token_scores(self, texts: Sequence[Text]) -> Iterator[TokenScores]:
        """As `audit_core.language.training.Model.token_scores`."""
        return token_scores(self._its.network, self._positions(texts))

    def complete(self, prefixes: Sequence[Sequence[int]], length: int) -> NDArray[np.int32]:
        """As `audit_core.language.training.Model.complete`."""
        its = self._its
        whole = [[its.start, *prefix] for prefix in prefixes]
        return greedy(its.network, whole, length, end=its.end, context=its.context)

    def tokens(self, texts: Sequence[Text]) -> list[tuple[list[int], list[int]]]:
        """As `audit_core.language.training.Model.tokens`."""
        return encoded(self._its, texts)

    def base(self) -> "OpenedModel | None":
        """As `audit_core.language.training.Model.base`; it is opened when it is asked for."""
        if self._before is None and self._open_before is not None:
            self._before = self._open_before()
        return self._before

    def _positions(self, texts: Sequence[Text]) -> Iterator[list[Positions]]:
        """Some texts at a time, so that no more than these are tokens at once."""
        for at in range(0, len(texts), WINDOW):
            yield [
                Positions.of(prompt, text, start=self._its.start, context=self._its.context)
                for prompt, text in encoded(self._its, texts[at : at + WINDOW])
            ]


WINDOW = 1024
"""Texts whose scores are held at once, and among which those of like lengths are put side by side."""


class WithoutAdapter(nn.Module):
    """A network that adapters were put in, as it was before: with the same weights."""

    def __init__(self, adapted: Any) -> None:
        """Takes the network with its adapters."""
        super().__init__()
        self.network = adapted

    def forward(self, **arguments: Any) -> Any:
        """As the network's; the adapters are off for this call alone, so that both can be asked by turns."""
        with self.network.disable_adapter():
            return self.network(**arguments)


def opened(folder: Path, base: Path | None) -> OpenedModel:
    """The model in a folder: an adapter or a soft prompt, for which the base is needed, or a whole model.

    Args:
        folder: Of the model; or a GGUF file.
        base: The model before it was fine-tuned.

    Raises:
        ValueError: There is no base to put what is in the folder in.
        Unfit: Weights of the model are missing, or an adapter does not belong to the base.
    """
    claim = _ledger(folder)
    if (folder / ADAPTER).is_file():
        return _adapted(folder, _needed(base), claim)
    if (folder / SOFT_PROMPT).is_file():
        return _soft_prompted(folder, base_model(_needed(base)), claim)
    its = base_model(folder)
    before = None if base is None else partial(_as_far_as, base, its.context)
    return OpenedModel(its, guarantee=claim, before=before)


def _as_far_as(base: Path, context: int) -> OpenedModel:
    """A base, cut where the model is that was made of it: the same tokens are compared."""
    its = base_model(base)
    return OpenedModel(replace(its, context=min(its.context, context)))


def _adapted(folder: Path, base: Path, claim: Guarantee | None) -> OpenedModel:
    from peft import PeftModel

    its = base_model(base)
    with quiet():
        network: Any = PeftModel.from_pretrained(its.network, str(folder), is_trainable=False)
    alone = _refuse_ill_fitting(network, folder)
    with_adapter = replace(its, network=network.eval())
    if alone and network.peft_config["default"].bias == "none":
        without = OpenedModel(replace(its, network=WithoutAdapter(network).eval()))
        return OpenedModel(with_adapter, guarantee=claim, before=lambda: without)
    return OpenedModel(with_adapter, guarantee=claim, before=partial(_as_far_as, base, its.context))


def _refuse_ill_fitting(network: Any, folder: Path) -> bool:
    """Whether the adapter's file holds nothing but matrices of low rank, which can be switched off.

    Raises:
        Unfit: Not everything in the file was put in the network, or not everything that was put in it is in the
            file: it would be the base, or partly so, and seem to remember nothing.
    """
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(folder / ADAPTER_WEIGHTS, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys() if "lora_" in name}  # noqa: SIM118 - no mapping
        alone = len(stored) == len(file.keys())
    there = get_peft_model_state_dict(network, save_embedding_layers=False)
    low_rank = {name: one for name, one in there.items() if "lora_" in name}
    if not stored or stored.keys() != low_rank.keys() or not all(_equal(stored[it], low_rank[it]) for it in stored):
        what = "the adapter's weights are not those of layers of the base"
        fix = "Name the base that the adapter was trained on"
        raise Unfit(Problem(code="adapter-mismatch", what=what, where="release.model.base", fix=fix))
    return alone and len(there) == len(low_rank)


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.float(), other.float())


def _soft_prompted(folder: Path, its: Base, claim: Guarantee | None) -> OpenedModel:
    from safetensors.torch import load_file

    from audit_plugins.training.techniques import SoftPrompted

    weights = load_file(folder / SOFT_PROMPT)["soft_prompt"]
    network = SoftPrompted(its.network, len(weights))
    with torch.no_grad():
        network.soft_prompt.weight.copy_(weights)
    its = replace(its, context=its.context - len(weights))  # of both: the same tokens are compared
    without = OpenedModel(its)
    return OpenedModel(replace(its, network=network.eval()), guarantee=claim, before=lambda: without)


def _needed(base: Path | None) -> Path:
    if base is None:
        raise ValueError("an adapter without the model that it belongs to")
    return base


def _ledger(folder: Path) -> Guarantee | None:
    path = folder / LEDGER
    return Guarantee.from_json(path.read_bytes()) if path.is_file() else None
