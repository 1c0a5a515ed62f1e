"""The scorecard: the only source of every view, and all that judging, verifying and rendering need."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from audit_core import stored_json
from audit_core.guarantee import Guarantee
from audit_core.measurement import Detail, Measurement, Reason

SCHEMA_VERSION = 2


Plant = Literal["verbatim", "jittered", "one-sensitive-column"]
"""How rows of members are planted in a release: as they are, a little moved, or true in one column only."""


class Verdict(StrEnum):
    """From best to worst; the first two belong to single rules and controls only.

    `NO_FINDING`: a rule that can fail, but supports no pass and is not required, found nothing.
    """

    NOT_ASSESSED = "not-assessed"
    NO_FINDING = "no-finding"
    PASS = "pass"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    FAIL = "fail"


WORST_FIRST = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
    Verdict.NO_FINDING,
    Verdict.NOT_ASSESSED,
)
"""The order in which verdicts are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """A file that went in: its base name, never its path.

    Attributes:
        digest: "sha256:" and the hex digest of the file's bytes.
    """

    name: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFacts:
    """What goes out.

    Attributes:
        rows, columns: Of a table; 0 and none of a model.
        base: Of a model, the name of what it was fine-tuned from; None where nobody has that.
    """

    name: str
    kind: Literal["table", "model"]
    rows: int
    columns: tuple[str, ...]
    digest: str
    base: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCounts:
    """What is to be known of the texts of one arm; nothing of this is dropped without being counted here.

    Attributes:
        records: In the file, or its part.
        empty: Without a text; neither trained on nor asked about.
        duplicated: Texts beyond the first of several equal ones.
        other_normal_form: Texts that are not in Unicode's composed form (NFC).
        equal_but_for_form: Texts that equal another but for letter case, width, blanks or composition.
        near_other_side: With a near duplicate on the other side; not asked about.
        too_long: Longer than the model's context; of these the part that fits is scored.
        too_short: With fewer than two tokens, so that no beginning and end can be told apart.
    """

    records: int
    empty: int = 0
    duplicated: int = 0
    other_normal_form: int = 0
    equal_but_for_form: int = 0
    near_other_side: int = 0
    too_long: int = 0
    too_short: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the release was compared with.

    Attributes:
        overlap: Non-member rows that equal some member row.
        columns: Role and kind of every column, e.g. `{"age": "integer, quasi-identifier"}`; of a table.
        texts: Where a model goes out, what is to be known of the texts, by arm.
    """

    members: FileFacts
    non_members: FileFacts | None
    overlap: int
    columns: dict[str, str]
    texts: dict[str, TextCounts] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFacts:
    """The policy it was judged by."""

    name: str
    title: dict[str, str]
    version: int
    digest: str
    confidence: float
    certifying: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A rule meets a measurement.

    Attributes:
        rule: "attack/measurement", as the policy names it.
        of: The score, column or group; "*" where nothing was measured.
        at_most: The limit as written in the policy, e.g. "1/11"; empty for a floor.
        at_least: The floor under a measurement of usefulness; empty for a limit.
        margin: What the upper bound may exceed the limit by and still pass, as written.
        measured: The point estimate, or None.
        low, high: As this rule used them: the bound that fails (low of a limit, high of a floor) at the rule's fail
            confidence, the other at the policy's.
        basis: law, standard, literature, tool, convention or house.
    """

    rule: str
    attack: str
    measurement: str
    of: str
    goal: str
    at_most: str
    margin: str
    required: bool
    verdict: Verdict
    reason: Reason
    measured: float | None
    low: float | None
    high: float | None
    blind: float | None
    fail_confidence: float
    basis: str
    rationale: dict[str, str]
    source: dict[str, str]
    at_least: str = ""

    @property
    def floor(self) -> bool:
        """Whether it is about a floor under usefulness."""
        return self.at_least != ""

    @property
    def bar(self) -> str:
        """The limit or the floor, as written."""
        return self.at_least or self.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one attack or check found, or why it found nothing.

    Attributes:
        outcome: "measured"; "not-run" (something it needs is not there); "errored".
        sees: What the attacker holds besides the targets, e.g. ("reference", "release"); for a check ("case",).
        details: For charts.
        compares: Measurements that set members against non-members: they need arms that differ in nothing else.
    """

    attack: str
    role: Literal["attack", "check"]
    goal: str
    outcome: Literal["measured", "not-run", "errored"]
    reason: Reason | None
    sees: tuple[str, ...]
    measurements: tuple[Measurement, ...]
    details: tuple[Detail, ...]
    caveats: tuple[Reason, ...]
    references: tuple[str, ...]
    params: dict[str, Any]
    origin: str
    compares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Whether the audit itself can be believed.

    Attributes:
        name: "overlap", "blind-baseline", "label-permutation", "innocent-twin" or "leaky-twin".
        attack: The attack or check it is about; empty where it is about the case.
        dose: Of a leaky twin: rows of members planted in the release, as a share of its rows.
        measurements: Its evidence: what the attack measures of a twin, say.
        verdict, reason: They follow from the evidence, the policy and, for what was not measured, the reason why.
    """

    name: str
    attack: str = ""
    dose: float | None = None
    outcome: Literal["measured", "not-run", "errored"] = "measured"
    measurements: tuple[Measurement, ...] = ()
    verdict: Verdict
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A plugin that was found but could not be used."""

    origin: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorFacts:
    """What made the release, where the audit made it: the plugin and its parameters.

    Attributes:
        steps: What was done to the rows besides sampling them; the counts in them are of synthetic rows.
    """

    name: str
    params: dict[str, Any]
    steps: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made this card: versions, plugins with their distribution, seed.

    Attributes:
        split: Where the non-members are rows of the members' file, the probability of a row, or subject, to become one.
    """

    sekisho: str
    python: str
    seed: int
    distributions: dict[str, str]
    plugins: dict[str, str]
    refusals: tuple[Refusal, ...]
    generator: GeneratorFacts | None = None
    split: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volatile:
    """What differs between two runs of the same audit; no verdict depends on it.

    Attributes:
        started: ISO 8601, UTC.
        seconds: Wall time of each attack and check, and "total".
        peak_mib: Highest resident size of each attack and check, and of the core ("core").
    """

    started: str
    seconds: dict[str, float]
    peak_mib: dict[str, float]
    platform: str
    cores: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """All that is known after an audit.

    Attributes:
        unit: The unit of privacy: "row", or the subject column's name.
        facts: What the rules' `when` conditions look at, e.g. `{"non_members": 8000, "generalised": 0}`; a truth is
            1 or 0, a count is itself.
        reasons: Why the overall verdict is what it is.
        missing: Goals the policy needs that were not assessed.
        findings: Of risk: HIGHER = MORE LEAKAGE.
        usefulness: What the checks of usefulness found: HIGHER = MORE USEFUL.
        texts: For each language, plugin texts by key: "membership.title", "membership.assumption".
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
    missing: tuple[str, ...]
    judgements: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]
    guarantee: Guarantee | None
    usefulness: tuple[Finding, ...]
    provenance: Provenance
    texts: dict[str, dict[str, str]]
    volatile: Volatile

    def to_json(self) -> bytes:
        """Sorted keys, one final newline, no NaN: the same scorecard gives the same bytes."""
        return stored_json.written(self)

    @staticmethod
    def from_json(data: bytes) -> "Scorecard":
        """Reads what `to_json` wrote.

        Raises:
            PackError: It is not a scorecard of this schema version.
        """
        return stored_json.read(Scorecard, data, "scorecard", SCHEMA_VERSION)
