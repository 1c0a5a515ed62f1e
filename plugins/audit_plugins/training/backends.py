"""The training backends: what of a model is trained, and whether privately."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from audit_core.doctor.contract import LoopSettings, Record
from audit_core.doctor.probes import refuse_unsound
from audit_core.language.training import Model, TrainingTask
from audit_core.refit import Budget
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.training.fine_tuning import Allowed, FineTuned, Recipe, fine_tuned, privately_fine_tuned
from audit_plugins.training.opening import opened
from audit_plugins.training.per_record_gradients import PerRecordGradients
from audit_plugins.training.private_steps import private_descent
from audit_plugins.training.spending import Phase
from audit_plugins.training.techniques import Everything, LowRank, SoftPrompt, Technique


class _Plain:
    """Training without a guarantee.

    Attributes:
        backend: The name that a recipe calls it by.
    """

    backend: str

    def __init__(
        self, params: Mapping[str, Any], technique: Technique, *, epochs: float, batch: int, learning_rate: float
    ) -> None:
        self._recipe = Recipe(
            backend=self.backend, params=params, technique=technique, portion=params["physical_batch"]
        )
        self._phase = Phase(share=1.0, epochs=epochs, batch=batch, learning_rate=learning_rate)

    def train(self, task: TrainingTask, budget: Budget) -> FineTuned:
        """Trains in shuffled epochs, by Adam.

        Raises:
            NotFinite: A loss or a weight is no number any more.
            Unfit: The base cannot be trained in this way.
        """
        return fine_tuned(self._recipe, task, budget, [self._phase])

    @staticmethod
    def load(folder: Path, base: Path | None) -> Model:
        """Opens a model that was saved."""
        return opened(folder, base)


class Lora(_Plain):
    """Adapters of low rank, trained without a guarantee.

    References:
        Hu et al. (2022), LoRA: low-rank adaptation of large language models.
    """

    backend = "lora"

    def __init__(self, **params: Any) -> None:
        """Takes the parameters; see `LoraParams`."""
        super().__init__(params, _low_rank(params), **_schedule(params))


class Full(_Plain):
    """All of a model, trained without a guarantee."""

    backend = "full"

    def __init__(self, **params: Any) -> None:
        """Takes the parameters; see `FullParams`."""
        super().__init__(params, Everything(), **_schedule(params))


class _Private:
    """DP-SGD: it is a `TrainingBackend`, and a loop whose steps can be examined.

    References:
        Abadi et al. (2016), Deep learning with differential privacy; Yu et al. (2022), Differentially private
        fine-tuning of language models; Li, Tramèr, Liang & Hashimoto (2022), Large language models can be strong
        differentially private learners.
    """

    backend: str

    def __init__(self, params: Mapping[str, Any], technique: Technique) -> None:
        self._params, self._technique = params, technique
        self._recipe = Recipe(
            backend=self.backend, params=params, technique=technique, portion=params["physical_batch"]
        )

    def examined(self) -> Self:
        """The same on a model of another kind, on which its steps can be examined."""
        return self

    def train(self, task: TrainingTask, budget: Budget) -> FineTuned:
        """Trains for the planned steps; with an epsilon of None likewise, but for clipping, noise and any claim.

        Raises:
            TrainingStopped: A weight was no number any more; the exception carries what was spent.
            NotFinite: The same, where nothing is claimed.
            Overspent: The budget is too small.
            Unfit: The base cannot be trained in this way.
            UnsoundTraining, NotPerRecord: A probe of the training itself did not hold; nothing was spent.
        """
        phases, epsilon = _phases(self._params), self._params["epsilon"]
        if epsilon is None:
            return fine_tuned(self._recipe, task, budget, phases, by_coins=True)
        allowed = Allowed(
            epsilon=epsilon,
            delta=self._params["delta"],
            clipping_norm=self._params["clipping_norm"],
            count_share=self._params["count_share"],
            phases=phases,
        )
        return privately_fine_tuned(self._recipe, task, budget, allowed, self._look_at_itself)

    def _look_at_itself(self) -> None:
        refuse_unsound(self.examined())

    @staticmethod
    def load(folder: Path, base: Path | None) -> Model:
        """Opens a model that was saved."""
        return opened(folder, base)

    def prepare(self, base: nn.Module) -> nn.Module:
        """The model whose parameters that require a gradient are to be trained.

        Raises:
            Unfit: The base cannot be trained in this way.
        """
        return self._technique.put_in(base, private=True)

    def private_steps(self, model: nn.Module, records: Sequence[Record], settings: LoopSettings) -> None:
        """Takes steps in place: those of the real training, by gradient descent as it is in place of Adam."""
        optimizer = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=settings.learning_rate)
        with PerRecordGradients(model, self._recipe.portion) as gradients:
            for _ in private_descent(gradients, records, settings, optimizer, NoiseSource()):
                pass


class LoraDpsgd(_Private):
    """Adapters of low rank, trained with DP-SGD."""

    backend = "lora-dpsgd"

    def __init__(self, **params: Any) -> None:
        """Takes the parameters; see `LoraDpsgdParams`."""
        super().__init__(params, _low_rank(params))

    def examined(self) -> Self:
        """On layers that the examined model has, where it has none of those named."""
        return type(self)(**{**self._params, "target_modules": ("q_proj", "v_proj")})


class PromptDpsgd(_Private):
    """A soft prompt, trained with DP-SGD."""

    backend = "prompt-dpsgd"

    def __init__(self, **params: Any) -> None:
        """Takes the parameters; see `PromptDpsgdParams`."""
        super().__init__(params, SoftPrompt(tokens=params["virtual_tokens"]))


class FullDpsgd(_Private):
    """All of a small model, trained with DP-SGD."""

    backend = "full-dpsgd"

    def __init__(self, **params: Any) -> None:
        """Takes the parameters; see `FullDpsgdParams`."""
        super().__init__(params, Everything())


def _low_rank(params: Mapping[str, Any]) -> LowRank:
    return LowRank(
        rank=params["rank"],
        alpha=params["alpha"],
        targets=tuple(params["target_modules"]),
        dropout=params.get("dropout", 0.0),
    )


def _schedule(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in ("epochs", "batch", "learning_rate")}


def _phases(params: Mapping[str, Any]) -> tuple[Phase, ...]:
    """Those that are asked for, else one; what one does not say is as of the whole."""
    whole = {"share": 1.0, **_schedule(params)}
    asked: Sequence[Mapping[str, Any]] = params["phases"] or ({},)
    return tuple(Phase(**{**whole, **{key: value for key, value in one.items() if value is not None}}) for one in asked)
