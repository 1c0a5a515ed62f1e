"""The scorecard as one HTML page: no script, no network, a strict content security policy, fit for print."""

from dataclasses import dataclass

from audit_core.redact import display
from audit_core.scorecard import Scorecard
from audit_core.words import LANGUAGES
from audit_reports.attack_sections import attack_sections
from audit_reports.catalogue import phrase, phrases
from audit_reports.control_tables import control_tables
from audit_reports.coverage_grid import coverage_grid
from audit_reports.headline import further_reasons, result_sentence, tally
from audit_reports.limits_table import limits_table
from audit_reports.numbers_as_text import count
from audit_reports.page import page
from audit_reports.provenance_tables import provenance
from audit_reports.training_section import training
from audit_reports.usefulness_section import usefulness_sections
from audit_reports.wording import Wording, wording_of

CHAPTERS = (
    ("A", "result", "result.heading"),
    ("B", "not-said", "limitsof.heading"),
    ("C", "limits", "limits.heading"),
    ("D", "coverage", "coverage.heading"),
    ("E", "attacks", "attacks.heading"),
    ("F", "training", "training.heading"),
    ("G", "usefulness", "usefulness.heading"),
    ("H", "controls", "controls.heading"),
    ("I", "provenance", "provenance.heading"),
    ("J", "glossary", "glossary.heading"),
)

MOST_REASONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What section A says.

    Attributes:
        facts: Name, text, and the classes of the cell.
    """

    name: str
    verdict: str
    word: str
    sentence: str
    also: tuple[str, ...]
    also_left_out: int
    facts: tuple[tuple[str, str, str], ...]
    certifying: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term of the glossary: in the page's language, in the other, and what it means."""

    here: str
    there: str
    text: str


def render(scorecard: Scorecard, language: str) -> bytes:
    """The page in one language.

    Raises:
        ValueError: There is no catalogue for the language.
    """
    wording = wording_of(scorecard, language)
    other_language = next(each for each in LANGUAGES if each != language)
    made, result = provenance(scorecard, wording), _result(scorecard, wording)
    return page(
        "scorecard.html.j2",
        wording,
        title=wording.say("page.title", verdict=result.word, name=result.name),
        kind=wording.say("page.kind"),
        name=result.name,
        source="scorecard.json",
        digest=made.digest,
        version=display(scorecard.provenance.sekisho),
        sheets=("scorecard.css",),
        chapters=CHAPTERS,
        other_language=other_language,
        result=result,
        tally=[
            (verdict.value, wording.verdict(verdict), count(number)) for verdict, number in tally(scorecard.judgements)
        ],
        limits=limits_table(scorecard, wording),
        coverage=coverage_grid(scorecard, wording),
        attacks=attack_sections(scorecard, wording),
        training=training(scorecard, wording),
        usefulness=usefulness_sections(scorecard, wording),
        controls=control_tables(scorecard, wording),
        provenance=made,
        overlap=count(scorecard.inputs.overlap),
        has_non_members=scorecard.inputs.non_members is not None,
        glossary=_glossary(language, other_language),
    )


def _result(scorecard: Scorecard, wording: Wording) -> Result:
    policy, also = scorecard.policy, further_reasons(scorecard, wording)
    model = scorecard.release.kind == "model"
    row = "result.unit-text" if model else "result.unit-row"
    unit = row if scorecard.unit == "row" else "result.unit-subject"
    facts = (
        ("result.release", display(scorecard.release.name), "name"),
        *(_of_model(scorecard, wording) if model else (("result.rows", count(scorecard.release.rows), "plain"),)),
        ("result.digest", display(scorecard.release.digest, 100), "digest wide"),
        (
            "result.policy",
            wording.say("result.policy-version", name=display(policy.name), version=str(policy.version)),
            "plain",
        ),
        ("result.date", display(scorecard.volatile.started)[:10], "plain"),
        ("result.policy-digest", display(policy.digest, 100), "digest wide"),
        ("result.unit", wording.say(unit, column=display(scorecard.unit)), "plain"),
    )
    return Result(
        name=display(scorecard.name),
        verdict=scorecard.verdict.value,
        word=wording.verdict(scorecard.verdict),
        sentence=result_sentence(scorecard, wording),
        also=tuple(also[:MOST_REASONS]),
        also_left_out=max(0, len(also) - MOST_REASONS),
        facts=tuple((wording.say(name), text, kind) for name, text, kind in facts),
        certifying=policy.certifying,
    )


def _of_model(scorecard: Scorecard, wording: Wording) -> tuple[tuple[str, str, str], ...]:
    base = scorecard.release.base
    return (
        ("result.kind", wording.say("result.kind-model"), "plain"),
        ("result.base", wording.say("result.no-base") if base is None else display(base), "name"),
    )


def _glossary(language: str, other_language: str) -> tuple[Term, ...]:
    """Terms in the catalogue's order."""
    keys = [key.removesuffix(".term") for key in phrases(language) if key.endswith(".term")]
    return tuple(
        Term(
            here=phrase(language, f"{key}.term"),
            there=phrase(other_language, f"{key}.term"),
            text=phrase(language, f"{key}.text"),
        )
        for key in keys
    )
