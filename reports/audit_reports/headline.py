"""The result in one sentence, the tally of verdicts, and the order in which judgements are read: worst first."""

from collections.abc import Iterable

from audit_core.redact import display
from audit_core.scorecard import WORST_FIRST, Judgement, Scorecard, Verdict
from audit_reports.wording import Wording


def worst_first(judgements: Iterable[Judgement]) -> list[Judgement]:
    """By verdict; within a verdict the rules stay together, in the policy's order."""
    listed = list(judgements)
    rank = {verdict: position for position, verdict in enumerate(WORST_FIRST)}
    order: dict[str, int] = {}
    for judgement in listed:
        order.setdefault(judgement.rule, len(order))
    return sorted(listed, key=lambda judgement: (rank[judgement.verdict], order[judgement.rule]))


def tally(judgements: Iterable[Judgement]) -> list[tuple[Verdict, int]]:
    """How many limits met each verdict, worst first, without the verdicts that none met."""
    listed = list(judgements)
    counted = [(verdict, sum(judgement.verdict == verdict for judgement in listed)) for verdict in WORST_FIRST]
    return [(verdict, number) for verdict, number in counted if number]


def result_sentence(scorecard: Scorecard, wording: Wording) -> str:
    """One sentence: the result and its main reason."""
    policy = wording.text(scorecard.policy.title, 80) or display(scorecard.policy.name)
    reasons = [wording.reason(reason) for reason in scorecard.reasons] or [wording.say("headline.no-reason")]
    return wording.say(f"headline.{scorecard.verdict.value}", policy=policy, reason=reasons[0])


def further_reasons(scorecard: Scorecard, wording: Wording) -> list[str]:
    """Why else the verdict is what it is, and what the policy needs that a worse reason left unsaid."""
    named = {reason.args.get("goal") for reason in scorecard.reasons}
    missing = [
        wording.say("headline.missing", goal=wording.goal(goal)) for goal in scorecard.missing if goal not in named
    ]
    return [wording.reason(reason) for reason in scorecard.reasons[1:]] + missing
