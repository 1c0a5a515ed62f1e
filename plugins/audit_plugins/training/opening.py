"""Opens language models from files that were inspected: nothing is fetched, and no code of a model is run."""

import contextlib
import copy
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audit_core.exchange import LEDGER
from audit_core.guarantee import Guarantee
from audit_core.reading.model_files import ADAPTER, SOFT_PROMPT
from audit_core.texts import Text
from audit_core.token_scores import TokenScores
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
    """The model in a folder, or in a GGUF file, whose weights become 32-bit floats again."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    network: nn.Module
    gguf = path.suffix.lower() == ".gguf"
    place: dict[str, Any] = {"gguf_file": path.name} if gguf else {"use_safetensors": True}
    folder = path.parent if gguf else path
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **({"gguf_file": path.name} if gguf else {})
        )
        network = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=torch.float32, **place
        )
    if gguf:
        network = _as_if_never_quantised(network)
    network.eval()
    known = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    start = next((one for one in known if one is not None), 0)
    return Base(
        network=network,
        tokenizer=tokenizer,
        start=start,
        end=start if tokenizer.eos_token_id is None else tokenizer.eos_token_id,
        context=getattr(network.config, "max_position_embeddings", None) or USUAL_CONTEXT,
    )


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
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


class OpenedModel:
    """A language model that is asked and not trained; it is an `audit_core.training.Model`.

    Attributes:
        guarantee: What is claimed of it by the ledger in its folder; None where there is none.
    """

    def __init__(self, its: Base, *, guarantee: Guarantee | None = None, before: "OpenedModel | None" = None) -> None:
        """Takes the model, the claim, and the model before it was fine-tuned."""
        self.guarantee = guarantee
        self._its, self._before = its, before

    def token_scores(self, texts: Sequence[Text]) -> Iterator[TokenScores]:
        """As `audit_core.training.Model.token_scores`."""
        with self._adapted():
            yield from token_scores(self._its.network, self._positions(texts))

    def complete(self, prefixes: Sequence[Sequence[int]], length: int) -> NDArray[np.int32]:
        """As `audit_core.training.Model.complete`."""
        its = self._its
        with self._adapted():
            return greedy(
                its.network, [[its.start, *prefix] for prefix in prefixes], length, end=its.end, context=its.context
            )

    def tokens(self, texts: Sequence[Text]) -> list[tuple[list[int], list[int]]]:
        """As `audit_core.training.Model.tokens`."""
        return encoded(self._its, texts)

    def base(self) -> "OpenedModel | None":
        """As `audit_core.training.Model.base`."""
        return self._before

    def _positions(self, texts: Sequence[Text]) -> Iterator[list[Positions]]:
        """Some texts at a time, so that no more than these are tokens at once."""
        for at in range(0, len(texts), WINDOW):
            yield [
                Positions.of(prompt, text, start=self._its.start, context=self._its.context)
                for prompt, text in encoded(self._its, texts[at : at + WINDOW])
            ]

    def _adapted(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()


WINDOW = 1024
"""Texts whose scores are held at once, and among which those of like lengths are put side by side."""


class _Unadapted(OpenedModel):
    """The model that adapters were put in, without them: the same weights."""

    def _adapted(self) -> contextlib.AbstractContextManager[Any]:
        network: Any = self._its.network
        return network.disable_adapter()  # type: ignore[no-any-return]


def opened(folder: Path, base: Path | None) -> OpenedModel:
    """The model in a folder: an adapter or a soft prompt, for which the base is needed, or a whole model.

    Args:
        folder: Of the model; or a GGUF file.
        base: The model before it was fine-tuned.

    Raises:
        ValueError: There is no base to put what is in the folder in.
    """
    claim = _ledger(folder)
    if (folder / ADAPTER).is_file():
        from peft import PeftModel

        its = base_model(_needed(base))
        with quiet():
            network = PeftModel.from_pretrained(its.network, str(folder), is_trainable=False)
        its = replace(its, network=network.eval())
        return OpenedModel(its, guarantee=claim, before=_Unadapted(its))
    if (folder / SOFT_PROMPT).is_file():
        return _soft_prompted(folder, base_model(_needed(base)), claim)
    whole = base_model(folder)
    return OpenedModel(whole, guarantee=claim, before=None if base is None else OpenedModel(base_model(base)))


def _soft_prompted(folder: Path, its: Base, claim: Guarantee | None) -> OpenedModel:
    from safetensors.torch import load_file

    from audit_plugins.training.techniques import SoftPrompted

    weights = load_file(folder / SOFT_PROMPT)["soft_prompt"]
    network = SoftPrompted(its.network, len(weights))
    with torch.no_grad():
        network.soft_prompt.weight.copy_(weights)
    room = its.context - len(weights)
    return OpenedModel(replace(its, network=network.eval(), context=room), guarantee=claim, before=OpenedModel(its))


def _needed(base: Path | None) -> Path:
    if base is None:
        raise ValueError("an adapter without the model that it belongs to")
    return base


def _ledger(folder: Path) -> Guarantee | None:
    path = folder / LEDGER
    return Guarantee.from_json(path.read_bytes()) if path.is_file() else None
