"""The records by which a plugin introduces itself, and the protocols its code fulfils.

Records are light: `load` names the code as "package.module:Class" and is imported only where it runs, in a child
process. A manifest of records imports no heavy library.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict

from audit_core.answers import Answer
from audit_core.measurement import Detail, Measurement, Reason
from audit_core.questions import Asset, Question, QuestionName
from audit_core.refit import Budget, Schema
from audit_core.tables import Table
from audit_core.words import Words

if TYPE_CHECKING:
    from audit_core.case import Case
    from audit_core.scorecard import Scorecard

API = 1
"""The version of these records and protocols."""


MEASURES: dict[QuestionName, tuple[str, ...]] = {
    "membership": (
        "auc",
        "tpr_at_fpr_0_01",
        "tpr_at_fpr_0_001",
        "auc_remote",
        "tpr_at_fpr_0_01_remote",
        "auc_shuffled",
    ),
    "hidden-value": ("attribute_excess", "attribute_prior"),
    "linkage": ("linkability_excess", "linkability_prior"),
    "singling-out": ("singling_out_excess", "singling_out_prior"),
}
"""What the core measures of the answers to each question."""

_BESIDES = frozenset({"auc_shuffled", "attribute_prior", "linkability_prior", "singling_out_prior"})
"""What is measured to see the others by, and says nothing of members."""


class NoParams(BaseModel):
    """A plugin without parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackPlugin:
    """An attack: it is asked a question and answers it; the core marks the answer.

    Attributes:
        name: Kebab-case, unique among attacks and checks.
        title: A few words, for headings.
        goal: What the attacker is after; a row of the coverage grid, e.g. "membership".
        question: Which question it answers.
        sees: What its attacker holds besides the targets.
        assumption: One sentence: who could do this in practice.
        references: Author, year, title.
        load: "package.module:Class" of an `Attack`; it is built with the parameters as keywords.
        params: The model of its parameters.
        neighbours: How many nearest rows the core should hand over: of each seen asset for each target of a membership
            question, of the release by what is known of each target, and for a linkage both ways.
        release_neighbours: How many nearest reference rows of each released row, in a membership question.
        requires: Distributions it needs beyond sekisho's own.
        opt_in: It runs only where a recipe names it: it takes long, say, or needs a parameter.
        trial: The parameters the author's kit tries it with, where the defaults will not do.

    An attack that sees `Asset.GENERATOR` has the parameters `generator`, `generator_params` and `command` (see
    `asked.AskedGenerator`), by which the core knows what to hand over.
    """

    name: str
    title: Words
    goal: str
    question: QuestionName
    sees: frozenset[Asset]
    assumption: Words
    references: tuple[str, ...] = ()
    load: str
    params: type[BaseModel] = NoParams
    neighbours: int = 0
    release_neighbours: int = 0
    requires: tuple[str, ...] = ()
    opt_in: bool = False
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
        neighbours: What the core should fill `Case.neighbours` with: (from, to, how many), for example
            ("members", "release", 1); left out where the case lacks a table.
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
    needs: tuple[str, ...] = ()
    compares: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    opt_in: bool = False
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
class RendererPlugin:
    """A view of the scorecard.

    Attributes:
        name: What `sekisho render --format NAME` takes.
        filename: In the pack; "{language}" in it makes one file for each language.
        load: "package.module:function" of a `Renderer`.
    """

    name: str
    title: Words
    filename: str
    load: str
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

    Attributes:
        guarantee: What is claimed of the rows it makes; None where nothing is.
    """

    guarantee: None

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


class Renderer(Protocol):
    """What a renderer must be: the same scorecard gives the same bytes."""

    def __call__(self, scorecard: "Scorecard", language: str) -> bytes: ...
