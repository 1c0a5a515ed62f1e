"""Section D: what an attacker could be after, against what an attacker could hold, and which attack looked at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from audit_core.scorecard import Finding, Scorecard, Verdict
from audit_reports.wording import Wording

GOALS = ("copies", "membership", "identifiers", "identity", "attribute", "singling-out", "linkability")
"""The goals that any table should be seen against; whatever else a plugin names comes after them."""

Status = Literal["assessed", "measured", "not-run", "errored", "not-assessed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One attack's or check's part in a cell."""

    status: Status
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """One goal.

    Attributes:
        missing: The policy needs this goal, and it was not assessed.
        cells: One for each column; an empty cell is not assessed.
    """

    goal: str
    missing: bool
    cells: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageGrid:
    columns: tuple[str, ...]
    rows: tuple[CoverageRow, ...]


def coverage_grid(scorecard: Scorecard, wording: Wording) -> CoverageGrid:
    """Goals by attacker knowledge; least knowledge first, the auditor's own checks last."""
    held = sorted(
        {finding.sees for finding in scorecard.findings}, key=lambda sees: (sees == ("case",), len(sees), sees)
    )
    goals = list(GOALS)
    named = [finding.goal for finding in scorecard.findings] + [rule.goal for rule in scorecard.judgements]
    goals += [goal for goal in dict.fromkeys([*named, *scorecard.missing]) if goal not in GOALS]
    rows = []

    def part(finding: Finding, goal: str) -> Iterator[Entry]:
        status = _status(finding, goal, scorecard)
        if status is not None:
            title = wording.title(finding.attack)
            yield Entry(status=status, words=wording.say(f"coverage.{status}", attack=title))

    for goal in goals:
        cells = [
            tuple(entry for finding in scorecard.findings if finding.sees == sees for entry in part(finding, goal))
            for sees in held
        ]
        rows.append(CoverageRow(goal=wording.goal(goal), missing=goal in scorecard.missing, cells=tuple(cells)))
    return CoverageGrid(columns=tuple(wording.sees(sees) for sees in held), rows=tuple(rows))


def _status(finding: Finding, goal: str, scorecard: Scorecard) -> Status | None:
    """What a finding says about a goal; None where it is about others only.

    A rule may look at what an attack measured for another goal than the attack's own.
    """
    judged = any(
        (rule.attack, rule.goal) == (finding.attack, goal)
        and rule.verdict is not Verdict.NOT_ASSESSED
        and rule.measured is not None
        for rule in scorecard.judgements
    )
    if judged:
        return "assessed"
    if finding.goal != goal:
        return None
    return "measured" if finding.outcome == "measured" else finding.outcome
