"""What may be written of how a column comes into a release that is made here, and of the rows that may be in it."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, WithJsonSchema, model_validator

Strategy = Literal["fresh", "hash_rekey"]
Hierarchy = Literal["prefecture"]
Format = Literal["parquet", "csv"]

PII = ("pii_name", "pii_address")
"""The types that are made up from a locale."""

_DAYS = re.compile(r"([1-9][0-9]{0,4})d")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def as_days(text: str) -> float:
    """A date as days since 1970-01-01.

    Raises:
        ValueError: The calendar has no such date.
    """
    try:
        return float((date.fromisoformat(text) - date(1970, 1, 1)).days)
    except ValueError:
        raise ValueError("a date that the calendar has not; write it as YYYY-MM-DD") from None


def as_iso_date(days: float) -> str | float:
    """Days since 1970-01-01 as a date; a part of a day, or what the calendar has not, as it is."""
    try:
        return date.fromordinal(int(days) + date(1970, 1, 1).toordinal()).isoformat() if days == int(days) else days
    except (ValueError, OverflowError):
        return days


def is_iso_date(value: object) -> bool:
    return isinstance(value, str) and _ISO_DATE.fullmatch(value) is not None


def _bound(value: object) -> object:
    if isinstance(value, str):
        if not is_iso_date(value):
            raise ValueError("neither a number nor a date; write for example 120 or 1920-01-31")
        return as_days(value)
    return value


Bound = Annotated[
    float,
    BeforeValidator(_bound),
    Field(allow_inf_nan=False),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "format": "date"}]}),
]
"""A number; of a date, the date itself or its days since 1970-01-01."""


def _jitter(value: object) -> object:
    if not isinstance(value, str) or _DAYS.fullmatch(value) is None:
        raise ValueError("not a number of days; write for example `jitter: 90d`")
    return value


Jitter = Annotated[str, BeforeValidator(_jitter), WithJsonSchema({"type": "string", "pattern": f"^{_DAYS.pattern}$"})]


def days_of(jitter: str) -> int:
    return int(jitter.removesuffix("d"))


def _pattern(value: object) -> object:
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isprintable() or not {"#", "?"} & {*value}:
        raise ValueError("not a look of ids; write `#` for a digit and `?` for a capital letter, such as `S-########`")
    return value


Pattern = Annotated[str, BeforeValidator(_pattern)]

Below = Annotated[StrictInt, Field(ge=2, le=10**6)]


class NoRareCombinations(_Strict):
    """Rows whose values in some columns together occur in fewer synthetic rows are rejected."""

    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    below: Below = Field(description="rows; a combination has to occur at least this often")

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("the columns are missing; write `no_rare_combinations: {columns: [A, B], below: 5}`")
        columns = value.get("columns")
        if isinstance(columns, list):
            if len({*map(str, columns)}) < len(columns):
                raise ValueError("a column is named twice; name each once")
            return {**value, "columns": tuple(columns)}
        return value


class EnforceRange(_Strict):
    """Rows whose number or date is out of a range are rejected."""

    column: str
    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="before")
    @classmethod
    def _mapping(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("not a range; write `enforce_range: {column: age, min: 0, max: 120}`")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> "EnforceRange":
        if self.min is None and self.max is None:
            raise ValueError("a range without an end; write `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("a range of which `min` lies above `max`; swap the two")
        return self


RowRule = NoRareCombinations | EnforceRange


class RuleSpec(_Strict):
    """One rule on the rows of a release that is made here; exactly one of the two."""

    no_rare_combinations: NoRareCombinations | None = None
    enforce_range: EnforceRange | None = None

    @model_validator(mode="after")
    def _one(self) -> "RuleSpec":
        if (self.no_rare_combinations is None) == (self.enforce_range is None):
            raise ValueError(
                "not exactly one rule; start a new `- ` for each of `no_rare_combinations` and `enforce_range`"
            )
        return self

    @property
    def rule(self) -> RowRule:
        """The one that is written."""
        rule = self.enforce_range if self.no_rare_combinations is None else self.no_rare_combinations
        assert rule is not None  # noqa: S101 - the validator saw to it
        return rule


class OutputSpec(_Strict):
    """The file of a release that is made here."""

    format: Format = "parquet"
