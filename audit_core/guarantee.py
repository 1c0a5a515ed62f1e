"""A claim of differential privacy: its budget, every mechanism that spent of it, and what it does not cover.

The ledger is the claim's JSON. From the mechanisms in it alone the spent budget can be computed again, by another
accountant: `audit_core.accounting`.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator

from audit_core import stored_json

SCHEMA_VERSION = 1

UNKNOWN = "unknown"
"""Stands in a field of a claim for what its maker does not say. It is shown, and it is no answer."""


class InvalidGuarantee(ValueError):
    """A field of a claim is not what it must be. The text names kind and field, and never the value."""

    def __init__(self, kind: type, field: str, must: str) -> None:
        super().__init__(f"{kind.__name__}.{field} must {must}")


def _demand(holds: bool, its: object, field: str, must: str) -> None:
    if not holds:
        raise InvalidGuarantee(type(its), field, must)


MOST = 10**9
"""Of steps, tables, or the scale of noise: more is no mechanism anybody ran."""

_SANE = "be 0, or between 1e-6 and 1e9"


def _sane(noise: float) -> bool:
    return noise == 0 or (math.isfinite(noise) and 1e-6 <= noise <= MOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisyCounts:
    """Tables of counts, with independent noise from the discrete Gaussian in every cell.

    One unit changes at most one cell of each table, by at most 1.

    Attributes:
        purpose: What the counts are for: a code, or a few words.
        sigma: The scale of the noise, in rows.
        tables: How many tables.

    References:
        Canonne, Kamath & Steinke (2020), The discrete Gaussian for differential privacy, theorem 4.
    """

    purpose: str
    sigma: float
    tables: int
    kind: Literal["noisy-counts"] = "noisy-counts"

    def __post_init__(self) -> None:
        _demand(_sane(self.sigma), self, "sigma", _SANE)
        _demand(1 <= self.tables <= MOST, self, "tables", f"be 1 to {MOST:g}")

    @property
    def noise_multiplier(self) -> float:
        """The noise of one Gaussian mechanism of sensitivity 1 that costs as much."""
        return self.sigma / math.sqrt(self.tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisySteps:
    """Steps of DP-SGD: clipped gradients of a Poisson sample, summed, with Gaussian noise.

    Attributes:
        noise_multiplier: Standard deviation of the noise over `clipping_norm`.
        sample_rate: The probability with which each unit is in a step, independent of all others.
        steps: Taken, the empty ones included.
        clipping_norm: The largest L2 norm of a unit's gradient.
        expected_batch: What sums are divided by.
        sampling: How batches were drawn; only "poisson" has this accounting.

    References:
        Abadi et al. (2016), Deep learning with differential privacy, algorithm 1.
    """

    purpose: str
    noise_multiplier: float
    sample_rate: float
    steps: int
    clipping_norm: float
    expected_batch: float
    sampling: Literal["poisson", "shuffled", "unknown"]
    kind: Literal["noisy-steps"] = "noisy-steps"

    def __post_init__(self) -> None:
        _demand(_sane(self.noise_multiplier), self, "noise_multiplier", _SANE)
        _demand(0 < self.sample_rate <= 1, self, "sample_rate", "be above 0 and at most 1")
        _demand(0 <= self.steps <= MOST, self, "steps", f"be 0 to {MOST:g}")
        for name in ("clipping_norm", "expected_batch"):
            value = getattr(self, name)
            _demand(math.isfinite(value) and value > 0, self, name, "be finite and above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptValues:
    """Which values occur at all: those whose noisy count reaches a threshold.

    The noise of the counts is paid for by a `NoisyCounts`. What a threshold costs is that a value which one unit alone
    has is kept with a probability of at most `delta`.

    Attributes:
        threshold: In rows.
        sigma: Of those counts.
        tables: How many tables the threshold is applied to; a unit may be alone with a value in each.
    """

    purpose: str
    threshold: float
    sigma: float
    tables: int
    delta: float
    kind: Literal["kept-values"] = "kept-values"

    def __post_init__(self) -> None:
        _demand(0 <= self.delta < 1, self, "delta", "be at least 0 and below 1")
        _demand(math.isfinite(self.threshold), self, "threshold", "be finite")
        _demand(_sane(self.sigma), self, "sigma", _SANE)
        _demand(1 <= self.tables <= MOST, self, "tables", f"be 1 to {MOST:g}")

    @property
    def least_delta(self) -> float:
        """The probability with which a value of one unit alone is kept, by the noise; half a row for its rounding."""
        if self.sigma == 0:
            return 1.0 if self.threshold <= 1 else 0.0
        return min(1.0, self.tables * math.erfc((self.threshold - 1.5) / self.sigma / math.sqrt(2)) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A mechanism that another program ran, by what it says of it: (epsilon, delta), or rho of zCDP."""

    purpose: str
    epsilon: float | None = None
    delta: float = 0.0
    rho: float | None = None
    kind: Literal["stated"] = "stated"

    def __post_init__(self) -> None:
        _demand(
            (self.epsilon is None) != (self.rho is None), self, "epsilon", "be given where rho is not, and not both"
        )
        _demand(0 <= self.delta < 1, self, "delta", "be at least 0 and below 1")
        given = self.epsilon if self.rho is None else self.rho
        _demand(given is not None and given >= 0 and math.isfinite(given), self, "epsilon", "be finite and at least 0")


Mechanism = Annotated[NoisyCounts | NoisySteps | KeptValues | Stated, Discriminator("kind")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """A claim that what was released is (epsilon, delta)-differentially private, and what it rests on.

    Text fields may be "unknown"; the questions behind them are those of NIST SP 800-226 (2025). A text that is a code
    of `audit_core.ledger_words`, "kind:age", is shown in the reader's language, any other as it is written.

    Attributes:
        epsilon: Spent, by `accountant`.
        delta: For the whole.
        budget: The epsilon that was allowed.
        epsilon_rdp: Spent, by Rényi accounting (looser; comparable with another Rényi accountant).
        unit: Whose privacy: "row", or the column that names the person.
        rows_per_unit: How many rows of one unit may be in the data at most.
        units: How many units the data have, or about how many; None where that is not said.
        units_from: How that number is known, and whether it is public: "public", "noisy-counts", "not-told".
        relation: What neighbouring data sets differ in.
        accountant: Its name and version.
        mechanisms: All that looked at the data, in the order in which they did.
        public: What was taken for public, so that it cost nothing: "rows", "kind:age", "bounds:age", "values:sex".
        derived: What depended on the data by way of the mechanisms alone, so that it cost nothing more: encoders, the
            number of steps, an early end, suppression.
        outside: What looked at the data and was not paid for. Any such step voids the claim.
        aborts: Which checks looked at the rows, were not paid for, and may have stopped the run. A release that exists
            tells of them only that none did.
        noise_source: What the noise was drawn from.
        floating_point: What protects the noise against attacks on floating-point numbers.
        released: What leaves the house: "table", "final-model", "checkpoints", "logits".
        trust: Who sees the raw data: "central" or "local".
        tuning: How parameters were chosen.
        pretraining_overlap: Whether data of an earlier training may hold the same people; "not-applicable" where
            training starts from nothing.
        earlier_releases: What else was released of the same people.
        stopped: Why training ended before its plan; None where it did not.
    """

    epsilon: float
    delta: float
    budget: float
    epsilon_rdp: float | None = None
    unit: str
    rows_per_unit: int
    units: int | None = None
    units_from: str = UNKNOWN
    relation: Literal["add-or-remove", "replace", "zero-out", "unknown"]
    accountant: str
    mechanisms: tuple[Mechanism, ...]
    public: tuple[str, ...] = ()
    derived: tuple[str, ...] = (UNKNOWN,)
    outside: tuple[str, ...] = ()
    aborts: tuple[str, ...] = ()
    noise_source: str = UNKNOWN
    floating_point: str = UNKNOWN
    released: tuple[str, ...] = ("table",)
    trust: str = "central"
    tuning: str = UNKNOWN
    pretraining_overlap: str = UNKNOWN
    earlier_releases: str = UNKNOWN
    stopped: str | None = None
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        _demand(_sane(self.epsilon), self, "epsilon", _SANE)
        _demand(0 <= self.delta < 1, self, "delta", "be at least 0 and below 1")
        _demand(math.isfinite(self.budget) and self.budget > 0, self, "budget", "be finite and above 0")
        _demand(self.rows_per_unit >= 1, self, "rows_per_unit", "be at least 1")
        _demand(self.units is None or self.units >= 0, self, "units", "be at least 0")

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The fields whose answer, or a part of it, is "unknown"."""
        fields = (
            *("units_from", "relation", "accountant", "noise_source", "floating_point", "trust", "tuning"),
            *("pretraining_overlap", "earlier_releases"),
        )
        left_open = tuple(name for name in fields if getattr(self, name) == UNKNOWN)
        return ("derived", *left_open) if UNKNOWN in self.derived else left_open

    def to_json(self) -> bytes:
        """The ledger: sorted keys, one final newline."""
        return stored_json.written(self)

    @staticmethod
    def from_json(data: bytes) -> "Guarantee":
        """Reads a ledger.

        Raises:
            PackError: It is none of this schema version.
        """
        return stored_json.read(Guarantee, data, "ledger", SCHEMA_VERSION)
