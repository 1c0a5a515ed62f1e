"""The calibration: what each attack found of planted leaks of many sizes; the only source of its pages."""

from dataclasses import dataclass
from typing import Literal

from audit_core import stored_json
from audit_core.measurement import Measurement, Reason
from audit_core.scorecard import Finding, Inputs, Plant, PolicyFacts, Provenance, ReleaseFacts, Verdict, Volatile

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attack on one twin of the case.

    Attributes:
        plant: How the planted rows were changed; None on the innocent twin.
        dose: The planted rows that were asked for, as a share of the released rows; 0 on the innocent twin.
        repeat: Which draw of the planted or of the fresh rows, from 0.
        planted: How many rows were planted: whole rows, one at least, and no more than there are members.
        measurements: Those that set members against non-members.
        telling: "measurement/of" of what is least to be expected of somebody who knows nothing; empty where nothing is.
        found: Whether that is enough to be sure at 99 %, with the level shared among the measurements.
        fails: Whether a rule of the policy would fail the twin, at the rules' own confidence.
        flagged: Whether a rule would fail it at 99.9 %.
    """

    attack: str
    twin: Literal["leaky", "innocent"]
    plant: Plant | None = None
    dose: float = 0.0
    repeat: int
    planted: int = 0
    outcome: Literal["measured", "not-run", "errored"]
    reason: Reason | None
    measurements: tuple[Measurement, ...]
    telling: str = ""
    found: bool = False
    fails: bool = False
    flagged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """From which dose on one attack finds one kind of plant.

    Attributes:
        found_from: The smallest dose found in all repeats, as every larger dose was; None where the largest was missed.
        fails_from: The same of the policy's rules: the smallest dose that they would fail.
    """

    plant: Plant
    found_from: float | None
    fails_from: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What one attack finds, and what it takes for a leak.

    Attributes:
        required: Whether a rule of the policy that applies to the case rests on what the attack compares.
        dose: What the policy wants found, as a share of the released rows.
        found_unplanted, fails_unplanted: Whether the release itself, with nothing planted, is found or would fail.
        errors: Trials that did not finish.
        innocent: Innocent twins tried; of them found at 99 %, and failed at 99.9 %.
    """

    attack: str
    required: bool
    dose: float
    found_unplanted: bool
    fails_unplanted: bool
    detections: tuple[Detection, ...]
    errors: int
    innocent: int
    innocent_found: int
    innocent_flagged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A limit of the policy on what an attack compares, as written there.

    Attributes:
        of: The score, column or group; "*" for each of them.
    """

    attack: str
    measurement: str
    of: str
    at_most: str
    margin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """All that is known after a calibration.

    Attributes:
        verdict: Pass where every required attack finds the policy's dose and takes no innocent twin for a leak, else
            inconclusive; `reasons` say why. It is about the attacks, not about the release.
        doses: Those tried, ascending, as shares of the released rows.
        repeats: Draws of planted rows for each kind of plant and dose, and of innocent twins.
        jitter: In the plant "jittered", how far a number is moved at most, as a share of the span of 98 % of them.
        kept_true: In the plant "one-sensitive-column", the column that stays true.
        redrawn: There, how many of the other cells are drawn anew from the release.
        findings: What each attack measured of the release itself, with nothing planted: the points at dose 0.

    The others are as in `Scorecard`.
    """

    schema_version: int
    name: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    release: ReleaseFacts
    inputs: Inputs
    unit: str
    facts: dict[str, int]
    policy: PolicyFacts
    doses: tuple[float, ...]
    repeats: int
    jitter: float
    kept_true: str
    redrawn: float
    limits: tuple[Limit, ...]
    powers: tuple[Power, ...]
    findings: tuple[Finding, ...]
    trials: tuple[Trial, ...]
    provenance: Provenance
    texts: dict[str, dict[str, str]]
    volatile: Volatile

    def to_json(self) -> bytes:
        """Sorted keys, one final newline, no NaN: the same calibration gives the same bytes."""
        return stored_json.written(self)

    @staticmethod
    def from_json(data: bytes) -> "Calibration":
        """Reads what `to_json` wrote.

        Raises:
            PackError: It is not a calibration of this schema version.
        """
        return stored_json.read(Calibration, data, "calibration", SCHEMA_VERSION)
