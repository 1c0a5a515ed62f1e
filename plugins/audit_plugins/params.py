"""The parameters of the built-in plugins: light models, read where the recipe is checked."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from audit_core.asked import AskedSinglingOut


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


class SinglingOutParams(AskedSinglingOut):
    """How `singling-out` describes people."""

    tries: int = Field(default=10_000, ge=1, le=100_000, description="descriptions by several columns")
