"""Section D: what an attacker could be after, against what an attacker could hold, and which attack looked at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from audit_core.scorecard import Finding, Judgement, Scorecard, Verdict
from audit_reports.wording import Wording

GOALS = ("whole-table", "copies", "identifiers", "membership", "attribute", "singling-out", "linkability", "identity")
"""The goals that any table should be seen against; whatever else a plugin names comes after them."""

GOALS_OF_MODELS = ("membership", "extraction")
"""The same of a language model."""

Status = Literal["assessed", "heuristic", "measured", "not-run", "errored", "not-assessed"]


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
    """What section D shows.

    Attributes:
        without: None where there were non-members.
    """

    columns: tuple[str, ...]
    rows: tuple[CoverageRow, ...]
    without: "WithoutNonMembers | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutNonMembers:
    """What an audit of a release and its members alone says, and what it does not.

    Attributes:
        looked_at: Goals of which something was compared with a limit.
        wanting: Goals that nothing was assessed of, because there was nobody to compare members with.
    """

    looked_at: tuple[str, ...]
    wanting: tuple[str, ...]


def coverage_grid(scorecard: Scorecard, wording: Wording) -> CoverageGrid:
    """Goals by attacker knowledge; least knowledge first, the auditor's own checks last."""
    held = sorted(
        {finding.sees for finding in scorecard.findings}, key=lambda sees: (sees == ("case",), len(sees), sees)
    )
    usual = GOALS_OF_MODELS if scorecard.release.kind == "model" else GOALS
    goals = list(usual)
    named = [finding.goal for finding in scorecard.findings]
    named += [rule.goal for rule in scorecard.judgements if not rule.floor]
    goals += [goal for goal in dict.fromkeys([*named, *scorecard.missing]) if goal not in usual]
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
    return CoverageGrid(
        columns=tuple(wording.sees(sees) for sees in held),
        rows=tuple(rows),
        without=_without_non_members(scorecard, goals, wording),
    )


def _without_non_members(scorecard: Scorecard, goals: list[str], wording: Wording) -> WithoutNonMembers | None:
    if scorecard.inputs.non_members is not None:
        return None
    compared = _compared(scorecard)
    looked_at = {rule.goal for rule in compared}
    assessed = {rule.goal for rule in compared if _could_pass(rule)}
    lacking = ((rule.goal, str(rule.reason.args.get("facts", "")).split(", ")) for rule in scorecard.judgements)
    # A rule that lacks a peculiarity of the data too would not apply with non-members either.
    wanting = {goal for goal, facts in lacking if "non_members" in facts and "singular" not in facts}
    return WithoutNonMembers(
        looked_at=tuple(
            wording.goal(goal) if goal in assessed else wording.say("without.fails-only", goal=wording.goal(goal))
            for goal in goals
            if goal in looked_at
        ),
        wanting=tuple(wording.goal(goal) for goal in goals if goal in wanting - looked_at),
    )


def _compared(scorecard: Scorecard) -> list[Judgement]:
    """Those of the judgements that something was compared with a limit in."""
    judged = (rule for rule in scorecard.judgements if rule.verdict is not Verdict.NOT_ASSESSED)
    return [rule for rule in judged if rule.measured is not None]


def _could_pass(rule: Judgement) -> bool:
    """Whether its verdict is no heuristic's, which finds leaks but not their absence."""
    return rule.verdict is not Verdict.NO_FINDING and rule.reason.code != "supports-no-pass"


def _status(finding: Finding, goal: str, scorecard: Scorecard) -> Status | None:
    """What a finding says about a goal; None where it is about others only.

    A rule may look at what an attack measured for another goal than the attack's own.
    """
    judged = [rule for rule in _compared(scorecard) if (rule.attack, rule.goal) == (finding.attack, goal)]
    if judged:
        return "assessed" if any(map(_could_pass, judged)) else "heuristic"
    if finding.goal != goal:
        return None
    return "measured" if finding.outcome == "measured" else finding.outcome
