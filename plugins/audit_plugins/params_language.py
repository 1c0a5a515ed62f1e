"""The parameters of the training backends: light models, read where the recipe is checked."""

import math
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from audit_plugins.params import Amount, Share

LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj")
"""The layers of attention, as models of the Llama kind name them."""


class _Trained(BaseModel):
    """What all trainings have."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    physical_batch: int = Field(
        default=8, ge=1, le=10**6, description="records that are looked at at a time; for memory, changes nothing else"
    )


class _Adapters(BaseModel):
    """Adapters of low rank."""

    rank: int = Field(default=8, ge=1, le=4096)
    alpha: int | None = Field(
        default=None, ge=1, le=10**6, description="the adapters count alpha over rank times; twice the rank if left out"
    )
    target_modules: tuple[str, ...] = Field(
        default=LAYERS,
        min_length=1,
        description="the layers that get an adapter, as the base names them; all-linear for all but the output",
    )


class LoraParams(_Trained, _Adapters):
    """How `lora` trains."""

    dropout: float = Field(default=0.0, ge=0, lt=1, description="of what the adapters see, while they are trained")
    epochs: float = Field(default=3, gt=0, le=10_000)
    batch: int = Field(default=16, ge=1, le=10**6, description="records in a step")
    learning_rate: float = Field(default=1e-3, gt=0, le=10, description="of Adam")


class FullParams(_Trained):
    """How `full` trains."""

    epochs: float = Field(default=3, gt=0, le=10_000)
    batch: int = Field(default=16, ge=1, le=10**6, description="records in a step")
    learning_rate: float = Field(default=3e-4, gt=0, le=10, description="of Adam")


class PhaseParams(BaseModel):
    """A part of a private training; what it does not say is as of the whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: Share = Field(description="of epsilon; those of all phases make 1")
    epochs: float = Field(gt=0, le=10_000, description="how often a record is in a step of it, on average")
    batch: int | None = Field(default=None, ge=1, le=10**6)
    learning_rate: float | None = Field(default=None, gt=0, le=10)


class _Private(_Trained):
    """What a private training may spend, and how it goes. All of it is fixed before the data are looked at."""

    epsilon: Amount | None = Field(
        description=(
            "the budget; see `delta`. null trains in the same steps without clipping and noise, and claims nothing"
        )
    )
    delta: Share | None = Field(default=None, description="well below one over the number of records")
    clipping_norm: float = Field(default=1.0, gt=0, le=1000, description="the largest norm of a record's gradient")
    epochs: float = Field(default=10, gt=0, le=10_000, description="how often a record is in a step, on average")
    batch: int = Field(default=128, ge=1, le=10**6, description="records in a step, on average")
    count_share: Share = Field(
        default=0.2, description="the noisy count of the records alone would cost this share of epsilon"
    )
    phases: tuple[PhaseParams, ...] | None = Field(
        default=None,
        min_length=2,
        max_length=100,
        description="in place of `epochs`: parts of the training, one after the other, that draw on one epsilon",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.epsilon is not None and self.delta is None:
            raise ValueError("an epsilon without a delta; write for example delta: 1e-6")
        if self.phases is not None and not math.isclose(sum(one.share for one in self.phases), 1.0, abs_tol=1e-6):
            raise ValueError("the shares of the phases do not make 1")
        return self


class LoraDpsgdParams(_Private, _Adapters):
    """How `lora-dpsgd` trains."""

    learning_rate: float = Field(default=1e-3, gt=0, le=10, description="of Adam")


class PromptDpsgdParams(_Private):
    """How `prompt-dpsgd` trains."""

    virtual_tokens: int = Field(default=16, ge=1, le=10_000, description="the length of the soft prompt")
    learning_rate: float = Field(default=1e-2, gt=0, le=10, description="of Adam")


class FullDpsgdParams(_Private):
    """How `full-dpsgd` trains."""

    learning_rate: float = Field(default=5e-4, gt=0, le=10, description="of Adam")
