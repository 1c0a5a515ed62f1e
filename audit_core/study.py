"""The study: one recipe with several settings of its generator or training, and several seeds, side by side.

It has no verdict of its own. Every run has its own pack, and the study is made of their scorecards alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit_core import stored_json
from audit_core.evidence import Interval, Mean
from audit_core.measurement import Measurement
from audit_core.scorecard import WORST_FIRST, Judgement, PolicyFacts, Provenance, Scorecard, Verdict, Volatile

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A measurement of one run that a rule looked at, or that says how useful its release is.

    Attributes:
        attack: That made it; an attack or a check.
        at_most, margin, at_least: As the policy has them; empty where it has none.
        verdict: Of the rule that looked at it, the worst of several; None where none did.
    """

    attack: str
    measurement: Measurement
    at_most: str = ""
    margin: str = ""
    at_least: str = ""
    verdict: Verdict | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is a measurement of, in any run."""
        return self.attack, self.measurement.name, self.measurement.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One audit of the study.

    Attributes:
        folder: Its pack, within the study's.
        card: The digest of its scorecard's file.
        epsilon: What its release claims to have spent; None where nothing is claimed.
    """

    seed: int
    folder: str
    card: str
    verdict: Verdict
    epsilon: float | None
    compared: tuple[Compared, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One setting and its runs, a seed each.

    Attributes:
        params: The parameters that vary, by name.
    """

    params: dict[str, Any]
    runs: tuple[Run, ...]

    def over_seeds(self, key: tuple[str, str, str], confidence: float) -> "OverSeeds | None":
        """One measurement over all runs that have it; None where none has."""
        its = [one for run in self.runs for one in run.compared if one.key == key]
        if not its:
            return None
        return OverSeeds(runs=tuple(its), confidence=confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverSeeds:
    """One measurement of one setting, over its runs."""

    runs: tuple[Compared, ...]
    confidence: float

    @property
    def value(self) -> float:
        """The mean over runs."""
        return sum(one.measurement.value for one in self.runs) / len(self.runs)

    @property
    def interval(self) -> Interval:
        """Of the mean over seeds by Student's t; of a single run its own. One-sided bounds, as everywhere."""
        if len(self.runs) == 1:
            return self.runs[0].measurement.evidence.bounds(self.confidence)
        values = [one.measurement.value for one in self.runs]
        squares = sum((value - self.value) ** 2 for value in values) / (len(values) - 1)
        return Mean(mean=self.value, se=(squares / len(values)) ** 0.5, df=len(values) - 1).bounds(self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All settings and what came of them.

    Attributes:
        generator: Whose parameters vary: a generator, or a training backend.
        varied: Their names.
        rows: Released by each run; 0 where a model is.

    The others are as in `Scorecard`.
    """

    schema_version: int
    name: str
    generator: str
    varied: tuple[str, ...]
    rows: int
    variants: tuple[Variant, ...]
    policy: PolicyFacts
    provenance: Provenance
    texts: dict[str, dict[str, str]]
    volatile: Volatile

    @property
    def keys(self) -> tuple[tuple[str, str, str], ...]:
        """Every measurement that some run has, in the order of the first that has it."""
        found = (one.key for variant in self.variants for run in variant.runs for one in run.compared)
        return tuple(dict.fromkeys(found))

    def to_json(self) -> bytes:
        """Sorted keys, one final newline, no NaN: the same study gives the same bytes."""
        return stored_json.written(self)

    @staticmethod
    def from_json(data: bytes) -> "Study":
        """Reads what `to_json` wrote.

        Raises:
            PackError: It is not a study of this schema version.
        """
        return stored_json.read(Study, data, "study", SCHEMA_VERSION)


def compared(card: Scorecard) -> tuple[Compared, ...]:
    """What a scorecard has to compare with others."""
    judged: dict[tuple[str, str, str], Judgement] = {}
    for one in sorted(card.judgements, key=lambda its: WORST_FIRST.index(its.verdict)):
        judged.setdefault((one.attack, one.measurement, one.of), one)
    found = []
    for findings, always in ((card.findings, False), (card.usefulness, True)):
        for finding in findings:
            for measurement in finding.measurements:
                rule = judged.get((finding.attack, measurement.name, measurement.of))
                if rule is not None or always:
                    found.append(_compared(finding.attack, measurement, rule))
    return tuple(found)


def _compared(attack: str, measurement: Measurement, rule: Judgement | None) -> Compared:
    if rule is None:
        return Compared(attack=attack, measurement=measurement)
    return Compared(
        attack=attack,
        measurement=measurement,
        at_most=rule.at_most,
        margin=rule.margin,
        at_least=rule.at_least,
        verdict=rule.verdict,
    )


def run_of(seed: int, folder: str, card: Scorecard, digest: str) -> Run:
    """One run, from its scorecard."""
    return Run(
        seed=seed,
        folder=folder,
        card=digest,
        verdict=card.verdict,
        epsilon=None if card.guarantee is None else card.guarantee.epsilon,
        compared=compared(card),
    )


def texts_of(cards: Sequence[Scorecard]) -> dict[str, dict[str, str]]:
    """The plugins' own words on any of the cards."""
    found: dict[str, dict[str, str]] = {}
    for card in cards:
        for language, words in card.texts.items():
            found.setdefault(language, {}).update(words)
    return found


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst of some verdicts."""
    return min(verdicts, key=WORST_FIRST.index)
