"""The gradient of each record by itself, clipped: Opacus' hooks on the model as it is, and a look at what they gave."""

import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from audit_core.doctor.contract import Record
from audit_plugins.training.token_records import batch_of, losses, portions


class NotPerRecord(Exception):
    """A trainable parameter has no gradient of each record: clipping would not bound what one record does."""


class PerRecordGradients:
    """Clipped gradients of records, while it is entered.

    Portions of a batch are for memory only: clipped sums add up, so that a batch is the same whatever its portions.
    Noise has no place here; it is added to the sum, once.

    Attributes:
        model: As it is: its hooks are taken off again.
        parameters: Those that are trained.

    References:
        Goodfellow (2015), Efficient per-example gradient computations.
    """

    def __init__(self, model: nn.Module, portion: int) -> None:
        """Takes the model, and how many records are looked at at a time."""
        self.model, self._portion = model, portion
        self.named = {name: one for name, one in model.named_parameters() if one.requires_grad}
        self.parameters = list(self.named.values())
        self._hooks: Any = None
        self._were: list[tuple[nn.Module, bool]] = []

    def __enter__(self) -> Self:
        from opacus.grad_sample import GradSampleHooks

        self._were = [(module, module.training) for module in self.model.modules()]
        # No dropout anywhere: the hooks want only the modules whose own parameters are trained to be in training.
        self.model.eval()
        for module in self.model.modules():
            module.training = any(one.requires_grad for one in module.parameters(recurse=False))
        self._hooks = GradSampleHooks(self.model, batch_first=True, loss_reduction="sum")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.cleanup()
        for parameter in self.parameters:
            parameter.grad = None
        for module, training in self._were:
            module.training = training

    def clipped_sum(self, records: Sequence[Record], clipping_norm: float) -> list[Tensor]:
        """The sum of the records' clipped gradients, for each parameter; zeros where there is no record.

        A record whose gradient is not finite adds nothing. The others stay, so that it does not show either.

        Raises:
            NotPerRecord: A parameter has no gradient of each record.
        """
        total = [torch.zeros_like(parameter) for parameter in self.parameters]
        for portion in portions(records, self._portion):
            each = self._gradients(portion)
            norms = torch.stack([one.flatten(1).norm(dim=1) for one in each]).norm(dim=0)
            finite = torch.isfinite(norms)
            factors = torch.where(finite, clipping_norm / norms.clamp(min=clipping_norm), 0.0)
            for summed, one in zip(total, each, strict=True):
                if not finite.all():
                    one[~finite] = 0.0  # 0 times infinity is no number
                summed += (factors @ one.flatten(1)).view_as(summed)
        return total

    def _gradients(self, records: Sequence[Record]) -> list[Tensor]:
        """Of each record, for each parameter: shape `(n_records, *of_parameter)`."""
        for parameter in self.parameters:
            parameter.grad = None
            parameter.grad_sample = None  # type: ignore[attr-defined]
        loss = losses(self.model, batch_of(records)).sum()
        with warnings.catch_warnings():
            # What is trained first in a model has no input that needs a gradient.
            warnings.filterwarnings("ignore", message="Full backward hook is firing", category=UserWarning)
            torch.autograd.backward(loss)
        return [self._of_each(name, parameter, len(records)) for name, parameter in self.named.items()]

    @staticmethod
    def _of_each(name: str, parameter: nn.Parameter, records: int) -> Tensor:
        found = getattr(parameter, "grad_sample", None)
        if not isinstance(found, Tensor) or found.shape != (records, *parameter.shape):
            raise NotPerRecord(f"{name} has no gradient of each record")
        return found
