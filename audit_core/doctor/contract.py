"""What a loop that trains with differential privacy must offer to be examined, and what it is asked to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import nn

Record = tuple[list[int], list[int]]
"""The tokens that are given, the start token first, and those that are learnt, the end token last; the latter may be
none where a record was cut to the model's context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """The steps to take.

    Attributes:
        clipping_norm: The largest L2 norm of a record's gradient, over all that is trained.
        noise_multiplier: The deviation of the noise over the clipping norm.
        sample_rate: The probability with which each record is in a step, independent of all others and of other steps.
        steps: How many.
        learning_rate: A step goes so many times the noisy gradient.
        expected_batch: What the noisy sum is divided by, however many records are in the step.
    """

    clipping_norm: float
    noise_multiplier: float
    sample_rate: float
    steps: int
    learning_rate: float
    expected_batch: float


LOOP = ("prepare", "private_steps")
"""The methods of a loop that can be examined."""


class PrivateLoop(Protocol):
    """What the class of a training backend must have besides, to be examined: the same code that takes its real steps.

    It is built with the backend's parameters as keywords. It may have `examined() -> PrivateLoop`, which gives a loop
    that differs only in what does not fit a model of the Llama family, such as the names of layers.
    """

    def prepare(self, base: "nn.Module") -> "nn.Module":
        """The model to train: those of its parameters that require a gradient; all others are left as they are.

        Args:
            base: A small language model of the Llama family, its weights drawn by chance, input and output embeddings
                apart.

        Returns:
            `model(input_ids=..., attention_mask=...).logits` are its logits; the last ones are those of `input_ids`.
        """
        ...

    def private_steps(self, model: "nn.Module", records: Sequence[Record], settings: LoopSettings) -> None:
        """Takes `settings.steps` steps of DP-SGD in place, without momentum or decay of weights.

        A record's loss is the mean of -log p over its own tokens to learn. A step draws each record with the
        probability `sample_rate`, clips each record's gradient, adds normal noise of deviation
        `noise_multiplier * clipping_norm` to the sum, divides by `expected_batch`, and goes `-learning_rate` times
        that. A step without a record is a step like any other.
        """
        ...
