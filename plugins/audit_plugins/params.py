"""The parameters of the built-in plugins: light models, read where the recipe is checked."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from audit_core.asked import (
    AskedContinuation,
    AskedGenerator,
    AskedMembership,
    AskedSinglingOut,
    AskedTarget,
    AskedTraining,
    Targets,
)
from audit_core.written.numbers import fraction, probability


def _above_zero(value: object) -> float:
    amount = float(fraction(value))
    if amount == 0:
        raise ValueError("0; write a number above it, such as 3")
    return amount


def _share(value: object) -> float:
    share = float(probability(value))
    if not 0 < share < 1:
        raise ValueError("not between 0 and 1; write for example 1e-6")
    return share


_POSITIVE: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0}
Amount = Annotated[float, PlainValidator(_above_zero), WithJsonSchema(_POSITIVE)]
Share = Annotated[float, PlainValidator(_share), WithJsonSchema(_POSITIVE | {"exclusiveMaximum": 1})]


class DpCtganParams(BaseModel):
    """What `dp-ctgan` may spend, and how it is trained. All of it is fixed before the data are looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epsilon: Amount = Field(description="the budget; see `delta`")
    delta: Share = Field(description="well below one over the number of rows")
    target: str | None = Field(
        default=None,
        description=(
            "the column that the others are to go with, such as what is to be predicted; a category. Without it the "
            "first sensitive category is meant; if there is none, no column is told apart"
        ),
    )
    epochs: float = Field(default=40, gt=0, le=10_000, description="how often a row is in a step, on average")
    batch: int = Field(default=1024, ge=1, le=10**6, description="rows in a step, on average")
    counts_share: Share = Field(
        default=0.2, description="noisy counts alone would cost this share of epsilon; the steps take the rest"
    )
    pairs_share: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="noisy counts of pairs of columns that go together would alone cost this share of epsilon",
    )
    clipping_norm: float = Field(default=1.0, gt=0, le=1000, description="the largest norm of a row's gradient")

    @model_validator(mode="after")
    def _something_left(self) -> Self:
        if self.counts_share + self.pairs_share >= 1:
            raise ValueError("counts_share and pairs_share leave nothing of the budget to train with")
        return self


class ExternalParams(BaseModel):
    """The program that `external` runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[str, ...] = Field(
        min_length=1,
        description=(
            "its words, in which {train}, {release}, {rows}, {seed}, {schema} and {ledger} stand for the CSV file to "
            "read, the one to write, how many rows, a seed, a JSON file of what is declared of the columns, and where "
            "to write the ledger of what is claimed; needs --allow-commands"
        ),
        json_schema_extra={"needs": "allow-commands"},
    )

    @model_validator(mode="after")
    def _reads_and_writes(self) -> Self:
        for placeholder in ("{train}", "{release}"):
            if not any(placeholder in word for word in self.command):
                raise ValueError(f"no {placeholder} in the command: it would not learn of that file")
        return self


class CtganParams(BaseModel):
    """How `ctgan` is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=300, ge=1, le=100_000)
    batch: int = Field(default=500, ge=10, le=10**6, multiple_of=10, description="rows in a step")


class KAnonymityParams(BaseModel):
    """How `k-anonymity` groups rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    missing: Literal["value", "drop-suppressed"] = Field(
        default="value",
        description=(
            "A missing cell is always a value that equals another missing cell. With drop-suppressed, rows whose "
            "quasi-identifiers are all missing are left out: their publisher suppressed them, nobody can be looked "
            "up in them. A row with only some missing is never left out."
        ),
    )


class TrainOnSyntheticParams(AskedTarget):
    """What `tstr` predicts, and how often."""

    seeds: int = Field(default=5, ge=2, le=100, description="models of each kind on each side, each with its own seed")


class DetectionParams(BaseModel):
    """How often `detection` tries."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seeds: int = Field(default=3, ge=2, le=100, description="how often the folds are dealt out anew")


class MarginalRatioParams(AskedMembership):
    """How `marginal-ratio` finds the marginals that a generator keeps."""

    bins: int = Field(default=10, ge=2, le=1000, description="numbers go into so many bins, by quantiles")
    replays: int = Field(default=20, ge=1, le=1000, description="on how many subsamples the choice is replayed")


class ShadowQueriesParams(AskedGenerator):
    """How `shadow-queries` fits the generator again, and what it looks at."""

    targets: Targets | None = Field(default=1000, description="at most so many members and non-members; all if none")
    fits: int = Field(default=64, ge=2, le=100_000, description="shadow fits for each of the two questions")
    queries: int = Field(default=200, ge=1, le=10_000, description="marginal queries, the same for all targets")
    n_jobs: int = Field(default=2, ge=1, le=10_000, description="shadow fits at a time")
    backend: Literal["loky", "threading", "dask"] | None = Field(
        default="loky", description="of joblib: processes, threads, or a Dask cluster; one after the other if none"
    )
    backend_params: dict[str, Any] = Field(
        default_factory=dict,
        description=(
            'of joblib\'s backend, for dask {scheduler_host: "tcp://HOST:8786"}, to which the rows are sent; needs '
            "--allow-commands"
        ),
        json_schema_extra={"needs": "allow-commands"},
    )


class ShadowModelsParams(AskedTraining):
    """How `lira` trains the model again."""

    models: int = Field(default=16, ge=4, le=10_000, description="shadow models; every target is in half of them")
    n_jobs: int = Field(
        default=2,
        ge=1,
        le=10_000,
        description="shadow models at a time, by joblib; each takes the memory of a training, see `limits.memory_gib`",
    )


class LeakyParams(BaseModel):
    """What `leaky` leaks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dose: float = Field(ge=0, le=1, allow_inf_nan=False, description="the share of the rows that are members' rows")
    kind: Literal["verbatim", "jittered", "one-sensitive-column"] = Field(
        default="verbatim",
        description=(
            "as they are; or with numbers moved a little; or with the sensitive column true and some of the other "
            "cells drawn anew"
        ),
    )


class SinglingOutParams(AskedSinglingOut):
    """How `singling-out` describes people."""

    tries: int = Field(default=10_000, ge=1, le=100_000, description="descriptions by several columns")


class PrefixExtractionParams(AskedContinuation):
    """How `prefix-extraction` runs the model."""

    batch: int = Field(
        default=32, ge=1, le=10**6, description="texts that are continued at a time; for memory and speed"
    )
