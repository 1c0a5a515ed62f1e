"""The parameters of the built-in plugins: light models, read where the recipe is checked."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from audit_core.asked import AskedGenerator, AskedMembership, AskedSinglingOut, AskedTarget, Targets


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
