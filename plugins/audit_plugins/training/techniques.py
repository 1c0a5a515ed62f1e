"""What of a model is trained: adapters of low rank, a soft prompt before every record, or all of it."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from audit_core.errors import Problem
from audit_core.language.training import Unfit

SOFT_PROMPT = "soft_prompt"

EVERY_LAYER = "all-linear"
"""In place of the layers' names, as PEFT calls it."""


class Technique(Protocol):
    """What of a model is trained.

    Attributes:
        room: How many places of the context it takes.
    """

    @property
    def room(self) -> int: ...

    def put_in(self, network: nn.Module, *, private: bool) -> nn.Module:
        """The model whose parameters that require a gradient are to be trained; the network itself is in it.

        Raises:
            Unfit: The network is none that can be trained in this way.
        """
        ...

    def save(self, model: nn.Module, tokenizer: Any, base: str, folder: Path) -> None:
        """Writes what was trained, weights as safetensors.

        Args:
            base: The name of the model that was started from.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LowRank:
    """Adapters of low rank beside some layers.

    Attributes:
        alpha: Their products count alpha over rank times; None for twice the rank.
        targets: The names of the layers, as they end; `EVERY_LAYER` stands for all but the output.
        dropout: In what the adapters see, where training is not private.

    References:
        Hu et al. (2022), LoRA: low-rank adaptation of large language models.
    """

    rank: int
    alpha: int | None
    targets: tuple[str, ...]
    dropout: float = 0.0

    @property
    def room(self) -> int:
        return 0

    def put_in(self, network: nn.Module, *, private: bool) -> nn.Module:
        """With fresh adapters, which leave what the model says as it was."""
        from peft import LoraConfig, TaskType, get_peft_model

        layers = {name: module for name, module in network.named_modules() if _is_layer(module)}
        targets = _all_but_output(network, layers) if self.targets == (EVERY_LAYER,) else self.targets
        for target in targets:
            if not any(_ends(name, target) for name in layers):
                raise Unfit(_no_such_layer(target, layers))
        chosen = [module for name, module in layers.items() if any(_ends(name, target) for target in targets)]
        config = LoraConfig(
            task_type=TaskType.CAUSAL_LM,
            r=self.rank,
            lora_alpha=2 * self.rank if self.alpha is None else self.alpha,
            target_modules=list(targets),
            lora_dropout=0.0 if private else self.dropout,
            fan_in_fan_out=all(type(module).__name__ == "Conv1D" for module in chosen),
        )
        with _quiet_adapters():
            model: nn.Module = get_peft_model(network, config)
        model.eval()
        for name, module in model.named_modules():
            if "lora_dropout" in name and isinstance(module, nn.Dropout):
                module.train()
        return model

    def save(self, model: nn.Module, tokenizer: Any, base: str, folder: Path) -> None:
        """In the format of PEFT: `adapter_config.json` and `adapter_model.safetensors`."""
        from peft import get_peft_model_state_dict
        from safetensors.torch import save_file

        # PEFT's own `save_pretrained` also writes a page about the model, and the path of the base on this machine.
        told = model.peft_config["default"].to_dict() | {"base_model_name_or_path": base, "inference_mode": True}  # type: ignore[index, union-attr]
        plain = {name: sorted(value) if isinstance(value, set) else value for name, value in told.items()}
        _write_json(folder / "adapter_config.json", plain)
        weights = get_peft_model_state_dict(model, save_embedding_layers=False)
        save_file(
            {name: one.detach().contiguous() for name, one in weights.items()}, folder / "adapter_model.safetensors"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftPrompt:
    """Virtual tokens before every record.

    Attributes:
        tokens: How many.

    References:
        Lester, Al-Rfou & Constant (2021), The power of scale for parameter-efficient prompt tuning.
    """

    tokens: int

    @property
    def room(self) -> int:
        return self.tokens

    def put_in(self, network: nn.Module, *, private: bool) -> nn.Module:
        """With virtual tokens that are those of the vocabulary, drawn by chance."""
        return SoftPrompted(network, self.tokens)

    def save(self, model: nn.Module, tokenizer: Any, base: str, folder: Path) -> None:
        """As `soft_prompt.safetensors`, shape `(n_virtual, hidden)`."""
        from safetensors.torch import save_file

        weights = model.soft_prompt.weight.detach().contiguous()  # type: ignore[union-attr, operator]
        save_file({SOFT_PROMPT: weights}, folder / f"{SOFT_PROMPT}.safetensors")


class SoftPrompted(nn.Module):
    """A network that sees virtual tokens before every record.

    They are looked up for each record, so that each record has a gradient of its own; looked up once and repeated, they
    would have one gradient for all.
    """

    def __init__(self, network: nn.Module, tokens: int) -> None:
        """Takes the network, which stays as it is."""
        super().__init__()
        network.requires_grad_(False)
        self.network = network
        known: Tensor = network.get_input_embeddings().weight  # type: ignore[operator]
        self.soft_prompt = nn.Embedding(tokens, known.shape[1])
        with torch.no_grad():
            self.soft_prompt.weight.copy_(known[torch.randint(len(known), (tokens,))])
        self.eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **arguments: Any) -> Any:
        """As the network's; the last places of `logits` are those of `input_ids`."""
        records, tokens = len(input_ids), self.soft_prompt.num_embeddings
        embedded = self.network.get_input_embeddings()(input_ids)  # type: ignore[operator]
        past = arguments.get("past_key_values")
        if past is None or not past.get_seq_length():  # else they are in what is kept
            virtual = self.soft_prompt(torch.arange(tokens).expand(records, -1))
            embedded = torch.cat([virtual, embedded], dim=1)
        attended = torch.cat([torch.ones((records, tokens), dtype=attention_mask.dtype), attention_mask], dim=1)
        return self.network(inputs_embeds=embedded, attention_mask=attended, **arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """All parameters of a model."""

    @property
    def room(self) -> int:
        return 0

    def put_in(self, network: nn.Module, *, private: bool) -> nn.Module:
        """The network itself."""
        if private and _tied(network):
            raise Unfit(TIED)
        network.requires_grad_(True)
        return network.eval()

    def save(self, model: nn.Module, tokenizer: Any, base: str, folder: Path) -> None:
        """As transformers saves a model, with its tokenizer."""
        model.save_pretrained(folder, max_shard_size="1GB")  # type: ignore[operator]
        tokenizer.save_pretrained(folder)


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Those that require a gradient, by name."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


def _is_layer(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _all_but_output(network: nn.Module, layers: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """The last parts of the names of all layers but the one that the logits come from."""
    output = network.get_output_embeddings()  # type: ignore[operator]
    return tuple(sorted({name.rpartition(".")[2] for name, module in layers.items() if module is not output}))


def _ends(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _tied(network: nn.Module) -> bool:
    output = network.get_output_embeddings()  # type: ignore[operator]
    return output is not None and output.weight is network.get_input_embeddings().weight  # type: ignore[operator]


TIED = Problem(
    code="embeddings-tied",
    what="the base has one matrix for its input and output embeddings",
    where="release.model.base",
    fix=(
        "Untie it: load it with tie_word_embeddings=False, copy the input embeddings' weight into the output "
        "embeddings', save it to a folder and name that; or train adapters with lora-dpsgd"
    ),
)


def _no_such_layer(target: str, layers: Sequence[str] | dict[str, nn.Module]) -> Problem:
    there = sorted({name.rpartition(".")[2] for name in layers})
    return Problem(
        code="no-such-layer",
        what=f"the base has no layer {target}",
        where="release.model.params.target_modules",
        fix=f"Name some of its layers: {', '.join(there)}",
    )


@contextmanager
def _quiet_adapters() -> Iterator[None]:
    with warnings.catch_warnings():
        # PEFT asks a model of transformers for what is going to be called otherwise.
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")
        yield


def _write_json(path: Path, told: object) -> None:
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
