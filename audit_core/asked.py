"""What a recipe may set of a question: the core reads these fields off an attack's parameters when it asks.

An attack whose parameters have none of them is asked with the defaults.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from audit_core.questions import QuestionName

Targets = Annotated[int, Field(ge=1, le=10**9)]

MOST_TARGETS = 2_000
"""Targets in each arm of a question about pairs of columns, where more cost time and settle little."""


class Asked(BaseModel):
    """A question, as far as a recipe may shape it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedMembership(Asked):
    """Who of the targets was a member?"""

    targets: Targets | None = Field(default=None, description="at most so many members and non-members; all if none")


class AskedInclusion(Asked):
    """Which of the targets did a coin let in?"""

    targets: Targets = Field(default=20_000, description="at most so many of those that had a coin, and half of them")


class AskedGenerator(AskedMembership):
    """Who of the targets was a member, asked of an attacker who can run the generator?"""

    generator: str | None = Field(
        default=None, description="a generator plugin; that of the release if it is made here"
    )
    generator_params: dict[str, Any] = Field(default_factory=dict, description="its parameters")
    command: tuple[str, ...] = Field(
        default=(),
        description=(
            "a program that refits instead: words, in which {train}, {release} and {rows} stand for the CSV file to "
            "read, the one to write, and how many rows; needs --allow-commands"
        ),
        json_schema_extra={"needs": "allow-commands"},
    )

    @model_validator(mode="after")
    def _one_generator(self) -> Self:
        if (self.generator is None) == (not self.command):
            raise ValueError("name the generator: either `generator: NAME` or `command: [PROGRAM, ...]`")
        if self.command and not any("{train}" in word for word in self.command):
            raise ValueError("no {train} in the command: it would not learn of the rows to fit to")
        if self.command and not any("{release}" in word for word in self.command):
            raise ValueError("no {release} in the command: it would not learn where to write")
        return self


class AskedTraining(AskedMembership):
    """Who of the targets was a member, asked of an attacker who can fine-tune the base again?"""

    train: str = Field(description="a training backend; that of the model if it is trained here")
    train_params: dict[str, Any] = Field(default_factory=dict, description="its parameters")


class AskedHiddenValue(Asked):
    """What is the hidden value of each target?"""

    targets: Targets = Field(
        default=5_000, description="at most so many non-members for a secret, and three times as many members"
    )
    known: Literal["other-columns", "quasi-identifiers"] = Field(
        default="other-columns", description="what the attacker knows of a person"
    )
    secrets: Literal["declared", "all"] = Field(
        default="declared", description="the columns declared sensitive, or every column in turn"
    )


class AskedLinkage(Asked):
    """Which rows of two files belong together?"""

    targets: Targets = Field(default=MOST_TARGETS, description="at most so many members and non-members")
    left: tuple[str, ...] = Field(
        default=(), description="the columns of one file, the others are in the other; dealt out evenly if none"
    )


class AskedSinglingOut(Asked):
    """Which descriptions does exactly one person answer to?"""


class AskedContinuation(Asked):
    """How does each text go on?"""

    prefix: Annotated[int, Field(ge=1, strict=True)] | Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.5, description="what is known of each text: a share of its tokens, such as 0.5, or so many of them"
    )
    suffix: int = Field(
        default=50, ge=1, le=10_000, description="at most so many of the tokens after them are asked for"
    )
    targets: Targets = Field(default=1_000, description="at most so many members and non-members")


class AskedCanaries(Asked):
    """Which of the canaries was the model trained on? The recipe says how many there are."""


class AskedTarget(Asked):
    """What does a column depend on? A check with these parameters runs only where `targets.target_of` finds one."""

    target: str | None = Field(
        default=None, description="the column to predict; the first sensitive category of 2 to 20 values if none"
    )


ASKED: dict[QuestionName, type[Asked]] = {
    "membership": AskedMembership,
    "inclusion": AskedInclusion,
    "hidden-value": AskedHiddenValue,
    "linkage": AskedLinkage,
    "singling-out": AskedSinglingOut,
    "continuation": AskedContinuation,
    "canaries": AskedCanaries,
}


def asked(question: QuestionName, params: dict[str, Any]) -> Any:
    """The question's settings among an attack's parameters."""
    model = ASKED[question]
    return model.model_validate({name: value for name, value in params.items() if name in model.model_fields})
