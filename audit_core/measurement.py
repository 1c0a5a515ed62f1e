"""A named value with its evidence."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator

from audit_core.evidence import KINDS, Evidence, Interval, InvalidEvidence

USEFULNESS = "usefulness"
"""The goal of checks that measure what a release is good for, instead of what it gives away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A coded sentence: the code picks the words, the arguments fill them in."""

    code: str
    args: dict[str, str | int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One value. HIGHER = MORE LEAKAGE, always; where a check's goal is `usefulness`, HIGHER = MORE USEFUL, always.

    Attributes:
        name: What was measured, snake_case.
        of: The score, column or group it is about.
        value: The point estimate; derived from the evidence.
        evidence: The counts behind it.
        interval: At the policy's confidence.
        n: Independent trials behind the value.
        blind: What an attacker who knows nothing scores, or of usefulness, a release that says nothing; None where
            there is no such level.
    """

    name: str
    of: str
    value: float
    evidence: Evidence
    interval: Interval
    n: float
    blind: float | None


def measured(
    name: str, evidence: Evidence, *, of: str = "all", blind: float | None = 0.0, confidence: float = 0.95
) -> Measurement:
    """The measurement that follows from evidence: its value, its interval at the confidence, its trials.

    Raises:
        InvalidEvidence: It is no evidence.
    """
    if not isinstance(evidence, KINDS):
        raise InvalidEvidence(Measurement, "evidence", "be of one of the kinds of evidence")
    return Measurement(
        name=name,
        of=of,
        value=evidence.value,
        evidence=evidence,
        interval=evidence.bounds(confidence),
        n=evidence.trials,
        blind=blind,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RocCurve:
    """TPR on a log-spaced grid of FPR, for a chart; judged by nobody."""

    of: str
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    n1: int
    n0: int
    kind: Literal["roc"] = "roc"

    def __post_init__(self) -> None:
        if len(self.fpr) != len(self.tpr):
            raise InvalidEvidence(RocCurve, "tpr", "be as many as fpr")


SUPPRESSED_TO = 10
"""A count from 1 to this many people is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts for a chart. A count from 1 to 10 becomes None here: so few people could be recognised by it."""

    of: str
    labels: tuple[str, ...]
    counts: tuple[int | None, ...]
    kind: Literal["histogram"] = "histogram"

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.counts):
            raise InvalidEvidence(Histogram, "counts", "be as many as labels")
        if any(count is not None and count < 0 for count in self.counts):
            raise InvalidEvidence(Histogram, "counts", "be at least 0")
        shown = tuple(None if count is not None and 1 <= count <= SUPPRESSED_TO else count for count in self.counts)
        object.__setattr__(self, "counts", shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByQuantile:
    """A mean for each of several groups of equal size, ordered by something else, for a chart.

    A group of 10 people or fewer has no place here.

    Attributes:
        of: What is averaged, and by what the groups are ordered.
        order: For each group, the mean of what they are ordered by.
        means: For each group, of what is averaged.
        n: The people in a group, at least.
    """

    of: str
    order: tuple[float, ...]
    means: tuple[float, ...]
    n: int
    kind: Literal["by-quantile"] = "by-quantile"

    def __post_init__(self) -> None:
        if len(self.order) != len(self.means):
            raise InvalidEvidence(ByQuantile, "means", "be as many as order")
        if self.means and self.n <= SUPPRESSED_TO:
            raise InvalidEvidence(ByQuantile, "n", f"be above {SUPPRESSED_TO}")


Detail = Annotated[RocCurve | Histogram | ByQuantile, Discriminator("kind")]
