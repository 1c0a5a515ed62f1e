"""The records by which a plugin introduces itself, and the protocols its code fulfils.

Records are light: `load` names the code as "package.module:Class" and is imported only where it runs, in a child
process. A manifest of records imports no heavy library.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from audit_core.answers import Answer
from audit_core.guarantee import Guarantee
from audit_core.language.training import Model, Trained, TrainingTask
from audit_core.measurement import Detail, Measurement, Reason
from audit_core.questions import Asset, Question, QuestionName
from audit_core.refit import Budget, Schema
from audit_core.tables import Table
from audit_core.words import Words

if TYPE_CHECKING:
    from audit_core.calibration import Calibration
    from audit_core.case import Case
    from audit_core.scorecard import Scorecard

API = 1
"""The version of these records and protocols."""


ReleaseKind = Literal["table", "model"]

MEASURES: dict[QuestionName, tuple[str, ...]] = {
    "membership": (
        "auc",
        "tpr_at_fpr_0_01",
        "tpr_at_fpr_0_001",
        "auc_remote",
        "tpr_at_fpr_0_01_remote",
        "auc_shuffled",
        "tpr_validated",
        "fpr_validated",
    ),
    "inclusion": ("epsilon_shown",),
    "hidden-value": ("attribute_excess", "attribute_prior"),
    "linkage": ("linkability_excess", "linkability_prior"),
    "singling-out": ("singling_out_excess", "singling_out_prior"),
    "continuation": (
        "extraction_excess",
        "near_extraction_excess",
        "discoverable_excess",
        "ngram_share_excess",
        "edit_similarity_excess",
        "rouge_l_excess",
        "bleu_excess",
        "suffix_log_prob_excess",
        "reproduction_by_perplexity",
    ),
    "canaries": (
        *("auc_planted", "tpr_at_fpr_0_01_planted", "exposure"),
        "epsilon_shown",
    ),
}
"""What the core measures of the answers to each question."""

_BESIDES = frozenset(
    {
        *("auc_shuffled", "tpr_validated", "fpr_validated"),
        *("attribute_prior", "linkability_prior", "singling_out_prior"),
        "reproduction_by_perplexity",
    }
)
"""What is measured to see the others by, or to compare with what others report."""


class NoParams(BaseModel):
    """A plugin without parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is known of a measurement's evidence before anything runs; `sekisho plan` works out probabilities from it.

    Attributes:
        kind: Of the evidence, as it names itself; "unknown" where nothing can be said beforehand but how many tests
            there will be.
        scale: Of an excess.
        chance: What a release without a leak is taken to score: the control arm's rate of an excess, the rate of a
            proportion, the false-positive rate of tail hits, an AUC.
        tries: What is tried. "rows": every row of an arm; "single-rows": those whose values occur once in members and
            non-members together; "secrets": the targets of a question about hidden values; "released": as many as
            there are released rows, "released-once": those that no other released row equals; "canaries": those that
            were planted, and those that were not. For single rows and secrets chance is judged from the real rows, and
            is this at least.
        share: Of the rows, how many are tried.
        most: So many tries in an arm at most, or the parameter that says how many.
        of: Its scores, columns or groups, where they are always the same.
        each: The fact of the case that counts them, where they differ from case to case.
    """

    kind: Literal["exact", "proportion", "excess", "ranking", "tail-hits", "unknown"]
    scale: Literal["difference", "relative"] = "difference"
    chance: float = 0.0
    tries: Literal["rows", "single-rows", "secrets", "released", "released-once", "canaries"] = "rows"
    share: float = 1.0
    most: int | str | None = None
    of: tuple[str, ...] = ()
    each: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackPlugin:
    """An attack: it is asked a question and answers it; the core marks the answer.

    Attributes:
        name: Kebab-case, unique among attacks and checks.
        title: A few words, for headings.
        goal: What the attacker is after; a row of the coverage grid, e.g. "membership".
        question: Which question it answers.
        audits: What a release must be for it to apply: rows of a table, or a language model.
        sees: What its attacker holds besides the targets.
        assumption: One sentence: who could do this in practice.
        scores: The `of` of its answers where they are always the same; `sekisho plan` counts tests by them.
        expects: What the evidence of its measurements will be, by name or by "name/of", where the core cannot know.
        references: Author, year, title.
        load: "package.module:Class" of an `Attack`; it is built with the parameters as keywords.
        params: The model of its parameters.
        neighbours: How many nearest rows the core should hand over: of each seen asset for each target of a question
            about membership or inclusion, of the release by what is known of each target, and for a linkage both ways.
        release_neighbours: How many nearest reference rows of each released row, in those.
        requires: Distributions it needs beyond sekisho's own.
        opt_in: It runs only where a recipe names it: it takes long, say, or needs a parameter.
        base_optional: It sees `Asset.BASE` where somebody has the base, and does without where nobody has.
        trial: The parameters the author's kit tries it with, where the defaults will not do.

    An attack that sees `Asset.GENERATOR` has the parameters `generator`, `generator_params` and `command` (see
    `asked.AskedGenerator`), by which the core knows what to hand over; one that sees `Asset.TRAINING` has `train` and
    `train_params` (`asked.AskedTraining`).
    """

    name: str
    title: Words
    goal: str
    question: QuestionName
    sees: frozenset[Asset]
    assumption: Words
    scores: tuple[str, ...] = ()
    expects: Mapping[str, Expected] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    load: str
    params: type[BaseModel] = NoParams
    neighbours: int = 0
    release_neighbours: int = 0
    requires: tuple[str, ...] = ()
    opt_in: bool = False
    base_optional: bool = False
    audits: frozenset[ReleaseKind] = frozenset({"table"})
    trial: Mapping[str, Any] = field(default_factory=dict)
    api: int = API

    @property
    def measures(self) -> tuple[str, ...]:
        """The measurements that the core makes of its answers; the question decides."""
        return MEASURES[self.question]

    @property
    def compares(self) -> tuple[str, ...]:
        """Those of its measures that set members against non-members."""
        return tuple(name for name in self.measures if name not in _BESIDES)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlugin:
    """A check: there is nothing to ask, it measures the case itself.

    A check holds the whole case, so install only checks you trust with the data.

    Attributes:
        goal: As in `AttackPlugin`: HIGHER = MORE LEAKAGE. "usefulness" turns the direction of everything the check
            measures, HIGHER = MORE USEFUL: a policy may set a floor on it, and its finding stands apart from the risks.
        neighbours: What the core should fill `Case.neighbours` with: (from, to, how many), for example
            ("members", "release", 1); left out where the case lacks a table.
        expects: What the evidence of its measurements will be, by name or by "name/of"; one that is not there is
            planned as unknown.
        needs: Facts of the case that must be non-zero for it to run, e.g. ("quasi_identifiers",).
        compares: Those of its measures that set members against non-members, so that they need arms that differ in
            nothing else, and can be deaf.

    The others are as in `AttackPlugin`.
    """

    name: str
    title: Words
    goal: str
    assumption: Words
    measures: tuple[str, ...]
    references: tuple[str, ...] = ()
    load: str
    params: type[BaseModel] = NoParams
    neighbours: tuple[tuple[str, str, int], ...] = ()
    expects: Mapping[str, Expected] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    compares: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    opt_in: bool = False
    audits: frozenset[ReleaseKind] = frozenset({"table"})
    trial: Mapping[str, Any] = field(default_factory=dict)
    api: int = API


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorPlugin:
    """A generator: it is fitted to rows and makes new ones.

    Attributes:
        name: What a recipe writes after `with`.
        method: One sentence: how it makes rows.
        load: "package.module:Class" of a `Generator`; it is built with the parameters as keywords.

    The others are as in `AttackPlugin`.
    """

    name: str
    title: Words
    method: Words
    references: tuple[str, ...] = ()
    load: str
    params: type[BaseModel] = NoParams
    requires: tuple[str, ...] = ()
    trial: Mapping[str, Any] = field(default_factory=dict)
    api: int = API


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBackendPlugin:
    """A training backend: it fine-tunes a language model on texts, and opens what it trained.

    Attributes:
        name: What a recipe writes after `train`.
        method: One sentence: how it trains.
        load: "package.module:Class" of a `TrainingBackend`; it is built with the parameters as keywords.

    The others are as in `AttackPlugin`.
    """

    name: str
    title: Words
    method: Words
    references: tuple[str, ...] = ()
    load: str
    params: type[BaseModel] = NoParams
    requires: tuple[str, ...] = ()
    trial: Mapping[str, Any] = field(default_factory=dict)
    api: int = API


@dataclass(frozen=True, slots=True, kw_only=True)
class RendererPlugin:
    """A view of a scorecard, of a calibration or of a study.

    Attributes:
        name: What `sekisho render --format NAME` takes.
        of: The kind of document it shows.
        filename: In the pack; "{language}" in it makes one file for each language.
        load: "package.module:function" of a `Renderer`.
    """

    name: str
    title: Words
    filename: str
    load: str
    of: Literal["scorecard", "calibration", "study"] = "scorecard"
    api: int = API


class Attack(Protocol):
    """What an attack's class must have."""

    def answer(self, question: Question, rng: np.random.Generator) -> Answer | tuple[Answer, ...]:
        """Answers one question. Every question meets a fresh instance in a fresh process."""
        ...


class Check(Protocol):
    """What a check's class must have."""

    def measure(self, case: "Case", rng: np.random.Generator) -> Iterable[Measurement | Detail | Reason]:
        """Measures the case; a `Reason` in the result is a caveat, a `Detail` a chart."""
        ...


class Fitted(Protocol):
    """What fitting a generator gives.

    One that can be kept has `save(folder: Path) -> None` too, which writes files that run no code when read, among them
    `generator.json` with the plugin's name under "plugin"; its generator's class then has a static method
    `load(folder: Path) -> Fitted`.

    Attributes:
        guarantee: What is claimed of the rows it makes; None where nothing is.
    """

    guarantee: Guarantee | None

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """As many new rows, with the fitted table's columns: their names and kinds; the values are free."""
        ...


class Generator(Protocol):
    """What a generator's class must have."""

    def fit(self, table: Table, schema: Schema, budget: Budget) -> Fitted:
        """Fits to rows that hold no identifier; their order means nothing.

        Args:
            schema: What the recipe declares of the columns. Nothing in it was computed from the rows.
            budget: What the fit may use.
        """
        ...


class TrainingBackend(Protocol):
    """What a training backend's class must have."""

    def train(self, task: TrainingTask, budget: Budget) -> Trained:
        """Trains on all texts of the task.

        Args:
            budget: What the training may use.
        """
        ...

    @staticmethod
    def load(folder: Path, base: Path | None) -> Model:
        """Opens a model that was saved, or one that somebody else made; its files were inspected already.

        Args:
            base: The model before it was fine-tuned; None where there is none at hand.
        """
        ...


class Renderer(Protocol):
    """What a renderer must be: the same document gives the same bytes. It is of the kind that the record says."""

    def __call__(self, document: "Scorecard | Calibration", language: str) -> bytes: ...
