"""The calibration as one HTML page in the look of the scorecard."""

from dataclasses import dataclass

from audit_core.calibration import Calibration
from audit_core.redact import display
from audit_reports.calibration_sections import STATES, alarm_rows, dose_rows, plant_words, power_sections
from audit_reports.catalogue import phrases
from audit_reports.numbers_as_text import count, short_percent
from audit_reports.page import page
from audit_reports.provenance_tables import provenance
from audit_reports.wording import Wording

CHAPTERS = (
    ("A", "result", "result.heading"),
    ("B", "not-said", "limitsof.heading"),
    ("C", "doses", "power.heading-doses"),
    ("D", "curves", "power.heading-curves"),
    ("E", "alarms", "power.heading-alarms"),
    ("F", "provenance", "provenance.heading"),
)

_HEADLINES = {"pass": "calibration.headline-pass", "inconclusive": "calibration.headline-inconclusive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What section A says.

    Attributes:
        facts: Name, text, and the classes of the cell.
    """

    verdict: str
    word: str
    sentence: str
    also: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]


def render(calibration: Calibration, language: str) -> bytes:
    """The page in one language.

    Raises:
        ValueError: There is no catalogue for the language.
    """
    phrases(language)
    wording = Wording(language=language, texts=calibration.texts, rules={})
    made, outcome = provenance(calibration, wording), _outcome(calibration, wording)
    name = display(calibration.name)
    return page(
        "calibration.html.j2",
        wording,
        title=wording.say("calibration.title", verdict=outcome.word, name=name),
        kind=wording.say("calibration.kind"),
        name=name,
        source="calibration.json",
        digest=made.digest,
        version=display(calibration.provenance.sekisho),
        sheets=("scorecard.css", "calibration.css"),
        chapters=CHAPTERS,
        outcome=outcome,
        plants=plant_words(calibration, wording),
        doses=dose_rows(calibration, wording),
        attacks=power_sections(calibration, wording),
        alarms=alarm_rows(calibration, wording),
        provenance=made,
        overlap=count(calibration.inputs.overlap),
        has_non_members=calibration.inputs.non_members is not None,
    )


def _outcome(calibration: Calibration, wording: Wording) -> Outcome:
    policy, release = calibration.policy, calibration.release
    unit = "result.unit-row" if calibration.unit == "row" else "result.unit-subject"
    said = [wording.reason(reason) for reason in calibration.reasons] or [wording.say("headline.no-reason")]
    doses = wording.say("list.comma").join(short_percent(dose) for dose in calibration.doses)
    version = wording.say("result.policy-version", name=display(policy.name), version=policy.version)
    facts = (
        ("result.release", display(release.name), "name"),
        ("result.rows", count(release.rows), "plain"),
        ("result.digest", display(release.digest, 100), "digest wide"),
        ("result.policy", version, "plain"),
        ("result.date", display(calibration.volatile.started)[:10], "plain"),
        ("result.policy-digest", display(policy.digest, 100), "digest wide"),
        ("calibration.doses", doses, "plain"),
        ("calibration.repeats", count(calibration.repeats), "plain"),
        ("result.unit", wording.say(unit, column=display(calibration.unit)), "plain"),
    )
    verdict = calibration.verdict.value
    return Outcome(
        verdict=verdict,
        word=wording.say(STATES[verdict]),
        sentence=wording.say(_HEADLINES[verdict], reason=said[0]),
        also=tuple(said[1:]),
        facts=tuple((wording.say(name), text, kind) for name, text, kind in facts),
    )
