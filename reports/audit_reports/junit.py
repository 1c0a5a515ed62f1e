"""Test cases for a CI server: one for each judgement, control, and the verdict as a whole. Always in English."""

import xml.etree.ElementTree as ET

from audit_core.redact import display
from audit_core.scorecard import Judgement, Scorecard, Verdict
from audit_reports.control_tables import control_name
from audit_reports.headline import result_sentence
from audit_reports.measured_text import judged_text, limit_text, measurement_behind, measurements_by_key, reason_text
from audit_reports.wording import Wording, wording_of

LANGUAGE = "en"

_ELEMENTS = {
    Verdict.FAIL: "failure",
    # A skipped test is green on a CI server, and what is undecided must not be.
    Verdict.INCONCLUSIVE: "failure",
    Verdict.ERROR: "error",
    Verdict.NOT_ASSESSED: "skipped",
    Verdict.NO_FINDING: "skipped",
}


def render(scorecard: Scorecard, language: str) -> bytes:
    """The suites "limits", "controls" (both in the scorecard's order) and "verdict".

    The verdict also fails where only coverage is missing. A control that is not passed is skipped: where it matters, a
    limit or the verdict fails for it.
    """
    wording = wording_of(scorecard, LANGUAGE)
    root = ET.Element("testsuites", name="sekisho")
    limits = _suite(root, "limits", [judgement.verdict for judgement in scorecard.judgements], scorecard)
    measurements = measurements_by_key(scorecard)
    for judgement in scorecard.judgements:
        words = judged_text(judgement, measurements, scorecard.policy.confidence, wording)
        measurement = measurement_behind(judgement, measurements)
        said = [f"{'floor' if judgement.floor else 'limit'} {limit_text(judgement, measurement).joined(wording)}"]
        if words.value:
            said.insert(0, f"measured {words.value} ({words.interval or words.confidence})")
        _case(
            limits,
            classname=display(judgement.attack),
            name=_name(judgement, wording),
            verdict=judgement.verdict,
            message=reason_text(judgement, measurements, wording),
            text="\n".join(said),
        )
    controls = [
        Verdict.PASS if control.verdict is Verdict.PASS else Verdict.NOT_ASSESSED for control in scorecard.controls
    ]
    suite = _suite(root, "controls", controls, scorecard)
    for control, shown in zip(scorecard.controls, controls, strict=True):
        _case(
            suite,
            classname=display(control.attack) if control.attack else "sekisho",
            name=display(control.name),
            verdict=shown,
            message=f"{control.verdict.value}: {wording.reason(control.reason)}",
            text=control_name(control, wording),
        )
    verdict = _suite(root, "verdict", [scorecard.verdict], scorecard)
    missing = "\n".join(f"not assessed: {wording.goal(goal)}" for goal in scorecard.missing)
    _case(
        verdict,
        classname="sekisho",
        name=f"verdict of {display(scorecard.name)}",
        verdict=scorecard.verdict,
        message=result_sentence(scorecard, wording),
        text=missing,
    )
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _suite(root: ET.Element, name: str, verdicts: list[Verdict], scorecard: Scorecard) -> ET.Element:
    elements = [_ELEMENTS.get(verdict) for verdict in verdicts]
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(elements)),
        failures=str(elements.count("failure")),
        errors=str(elements.count("error")),
        skipped=str(elements.count("skipped")),
        timestamp=display(scorecard.volatile.started),
    )
    properties = ET.SubElement(suite, "properties")
    policy = f"{display(scorecard.policy.name)} {scorecard.policy.version} {display(scorecard.policy.digest, 100)}"
    for key, value in (
        ("release", display(scorecard.release.name)),
        ("release digest", display(scorecard.release.digest, 100)),
        ("policy", policy),
    ):
        ET.SubElement(properties, "property", name=key, value=value)
    return suite


def _case(suite: ET.Element, *, classname: str, name: str, verdict: Verdict, message: str, text: str) -> None:
    case = ET.SubElement(suite, "testcase", classname=classname, name=name)
    element = _ELEMENTS.get(verdict)
    if element == "skipped":
        ET.SubElement(case, element, message=message)
    elif element is not None:
        ET.SubElement(case, element, type=verdict.value, message=f"{verdict.value}: {message}").text = text


def _name(judgement: Judgement, wording: Wording) -> str:
    """The rule's own names rather than words: a CI server follows a test case by its name."""
    of = "" if judgement.of in ("*", "all") else f" [{display(judgement.of)}]"
    return display(judgement.measurement) + of
