"""A short summary in Markdown for a CI job's page: verdict, sentence, limits, controls. Always in English."""

import re
from collections.abc import Sequence

from audit_core.redact import display
from audit_core.scorecard import Judgement, Scorecard, Verdict
from audit_reports.control_tables import control_name, control_tables, not_passed
from audit_reports.headline import result_sentence, tally, worst_first
from audit_reports.measured_text import judged_text, limit_text, measurement_behind, measurements_by_key, reason_text
from audit_reports.provenance_tables import card_digest
from audit_reports.usefulness_section import usefulness_sections
from audit_reports.wording import Wording, wording_of

LANGUAGE = "en"
MOST_ROWS = 20

_SHAPES = {
    Verdict.PASS: "●",
    Verdict.FAIL: "✖",
    Verdict.INCONCLUSIVE: "◆",
    Verdict.ERROR: "▲",
    Verdict.NOT_ASSESSED: "○",
    Verdict.NO_FINDING: "◇",
}


def render(scorecard: Scorecard, language: str) -> bytes:
    """Heading, sentence, at most `MOST_ROWS` limits, worst first, the controls not passed, and what it does not say."""
    wording = wording_of(scorecard, LANGUAGE)
    lines = [
        f"## {_SHAPES[scorecard.verdict]} {wording.verdict(scorecard.verdict)}: {escaped(display(scorecard.name))}",
        "",
        escaped(result_sentence(scorecard, wording)),
        "",
    ]
    if scorecard.missing:
        missing = ", ".join(wording.goal(goal) for goal in scorecard.missing)
        lines += [f"The policy also needs, and nothing assessed: {escaped(missing)}.", ""]
    lines += _table(scorecard, wording)
    lines += _usefulness(scorecard, wording)
    lines += _controls(scorecard, wording)
    counted = [f"{number} {wording.verdict(verdict).lower()}" for verdict, number in tally(scorecard.judgements)]
    policy = f"{display(scorecard.policy.name)}, version {scorecard.policy.version}"
    lines += [
        f"Limits: {', '.join(counted) or 'none'}. Policy: {escaped(policy)}.",
        f"Release: {escaped(display(scorecard.release.name))}, `{_code(scorecard.release.digest)}`.",
        f"Scorecard: `sha256:{card_digest(scorecard)}`.",
        "",
        escaped(" ".join(wording.say(f"limitsof.{key}") for key in ("attacks", "absence", "release", "legal"))),
    ]
    return ("\n".join(lines) + "\n").encode()


def escaped(text: str) -> str:
    """Plain text that Markdown and the HTML within it leave alone; a web address is not made a link."""
    text = re.sub(r"([\\`*_{}\[\]#|~!@$])", r"\\\1", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("://", "&#58;//")


def _code(text: str) -> str:
    """Text for a code span, which knows no escapes."""
    return display(text, 100).replace("`", "'")


def _table(scorecard: Scorecard, wording: Wording) -> list[str]:
    judged = worst_first(each for each in scorecard.judgements if each.verdict is not Verdict.NOT_ASSESSED)
    if not judged:
        return []
    lines = ["| Verdict | What | Measured | Limit | Why |", "|---|---|---|---|---|"]
    lines += [_row(judgement, scorecard, wording) for judgement in judged[:MOST_ROWS]]
    lines.append("")
    if len(judged) > MOST_ROWS:
        lines += [f"{_counted(judged[MOST_ROWS:], wording)} more in the scorecard.", ""]
    return lines


def _controls(scorecard: Scorecard, wording: Wording) -> list[str]:
    """How the attacks did on their twins, and each control that is not passed."""
    passed = sum(control.verdict is Verdict.PASS for control in scorecard.controls)
    summary = control_tables(scorecard, wording).summary
    counted = f"Controls: {passed} of {len(scorecard.controls)} pass. {summary}" if scorecard.controls else summary
    lines = [escaped(counted), ""]
    wrong = not_passed(scorecard)
    for control in wrong[:MOST_ROWS]:
        verdict = f"{_SHAPES[control.verdict]} {wording.verdict(control.verdict)}"
        lines.append(f"- {verdict}: {escaped(f'{control_name(control, wording)} – {wording.reason(control.reason)}')}.")
    if len(wrong) > MOST_ROWS:
        lines.append(f"- {len(wrong) - MOST_ROWS} more in the scorecard.")
    return [*lines, ""] if wrong else lines


def _usefulness(scorecard: Scorecard, wording: Wording) -> list[str]:
    """What the release is good for, a line for each check."""
    lines = [
        f"- Usefulness, {escaped(section.title)}: {escaped(' '.join(section.sentences))}"
        for section in usefulness_sections(scorecard, wording)
    ]
    return [*lines, ""] if lines else []


def _row(judgement: Judgement, scorecard: Scorecard, wording: Wording) -> str:
    measurements = measurements_by_key(scorecard)
    words = judged_text(judgement, measurements, scorecard.policy.confidence, wording)
    of = wording.of(judgement.measurement, judgement.of)
    what = wording.measurement(judgement.measurement)
    measurement = measurement_behind(judgement, measurements)
    cells = (
        f"{_SHAPES[judgement.verdict]} {wording.verdict(judgement.verdict)}",
        wording.say("section.what-of", what=what, of=of) if of else what,
        f"{words.value}, {words.interval}" if words.interval else words.value or wording.say("limits.not-measured"),
        limit_text(judgement, measurement).joined(wording),
        reason_text(judgement, measurements, wording),
    )
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def _counted(judgements: Sequence[Judgement], wording: Wording) -> str:
    return ", ".join(f"{number} {wording.verdict(verdict).lower()}" for verdict, number in tally(judgements))
