"""Section F: what is claimed of how the release was made, what it cost, and what that allows an attacker."""

from dataclasses import dataclass

from audit_core.accounting import largest_auc, most_true_positives
from audit_core.guarantee import UNKNOWN, Guarantee, KeptValues, Mechanism, NoisyCounts, NoisySteps
from audit_core.redact import display
from audit_core.scorecard import Scorecard
from audit_reports.numbers_as_text import count, percent, significant
from audit_reports.wording import TEXT_LIMIT, Wording

MOST_MECHANISMS = 40
MOST_NAMED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MechanismRow:
    """One mechanism of the ledger."""

    purpose: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What an attacker could reach at most, and the highest lower bound that was measured."""

    what: str
    most: str
    measured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The claim as the page shows it.

    Attributes:
        answers: Question, answer, and whether the answer is "unknown".
    """

    sentence: str
    answers: tuple[tuple[str, str, bool], ...]
    mechanisms: tuple[MechanismRow, ...]
    mechanisms_left_out: int
    allowed: tuple[Allowed, ...]


def training(scorecard: Scorecard, wording: Wording) -> Training | None:
    """None where nothing is claimed."""
    claim = scorecard.guarantee
    if claim is None:
        return None
    numbers = {"epsilon": significant(claim.epsilon), "delta": significant(claim.delta)}
    return Training(
        sentence=wording.say("training.sentence", **numbers, budget=significant(claim.budget)),
        answers=_answers(claim, wording),
        mechanisms=tuple(
            MechanismRow(purpose=display(one.purpose, TEXT_LIMIT), what=_what(one, wording))
            for one in claim.mechanisms[:MOST_MECHANISMS]
        ),
        mechanisms_left_out=max(0, len(claim.mechanisms) - MOST_MECHANISMS),
        allowed=_allowed(claim, scorecard, wording),
    )


def _answers(claim: Guarantee, wording: Wording) -> tuple[tuple[str, str, bool], ...]:
    """The questions of NIST SP 800-226, each with the ledger's answer."""
    unit = wording.say(
        "training.unit-row" if claim.unit == "row" else "training.unit-subject", column=display(claim.unit)
    )
    each = wording.say("training.rows-per-unit", rows=count(claim.rows_per_unit))
    spent = wording.say("training.spent", epsilon=significant(claim.epsilon), budget=significant(claim.budget))
    known = {
        "unit": f"{unit} ({each})",
        "relation": claim.relation if claim.relation == UNKNOWN else wording.say(f"claim.relation.{claim.relation}"),
        "budget": spent,
        "accountant": claim.accountant,
        "public": _listed(claim.public, wording),
        "outside": _listed(claim.outside, wording),
        "noise": claim.noise_source,
        "floating": claim.floating_point,
        "released": _listed(claim.released, wording),
        "trust": claim.trust if claim.trust not in ("central", "local") else wording.say(f"claim.trust.{claim.trust}"),
        "tuning": claim.tuning,
        "earlier": claim.earlier_releases,
    }
    if claim.stopped is not None:
        known["stopped"] = claim.stopped
    return tuple(
        (
            wording.say(f"claim.question.{name}"),
            wording.say("training.unknown") if answer == UNKNOWN else display(answer, 4 * TEXT_LIMIT),
            answer == UNKNOWN or (name == "outside" and bool(claim.outside)),
        )
        for name, answer in known.items()
    )


def _listed(names: tuple[str, ...], wording: Wording) -> str:
    if not names:
        return wording.say("training.none-named")
    shown = wording.say("list.comma").join(display(name) for name in names[:MOST_NAMED])
    return shown + (" …" if len(names) > MOST_NAMED else "")


def _what(one: Mechanism, wording: Wording) -> str:
    if isinstance(one, NoisyCounts):
        return wording.say("training.noisy-counts", sigma=significant(one.sigma), tables=count(one.tables))
    if isinstance(one, NoisySteps):
        return wording.say(
            "training.noisy-steps",
            steps=count(one.steps),
            rate=percent(one.sample_rate),
            batch=significant(one.expected_batch),
            noise=significant(one.noise_multiplier),
            norm=significant(one.clipping_norm),
            sampling=wording.say(f"claim.sampling.{one.sampling}"),
        )
    if isinstance(one, KeptValues):
        return wording.say("training.kept-values", threshold=significant(one.threshold), delta=significant(one.delta))
    if one.rho is not None:
        return wording.say("training.stated-rho", rho=significant(one.rho))
    return wording.say("training.stated", epsilon=significant(one.epsilon or 0.0), delta=significant(one.delta))


def _allowed(claim: Guarantee, scorecard: Scorecard, wording: Wording) -> tuple[Allowed, ...]:
    """The largest AUC and TPR under the claim, beside what membership inference was shown to reach."""
    limits = {
        "auc": significant(largest_auc(claim.epsilon, claim.delta)),
        "tpr_at_fpr_0_01": percent(most_true_positives(claim.epsilon, claim.delta, 0.01)),
        "tpr_at_fpr_0_001": percent(most_true_positives(claim.epsilon, claim.delta, 0.001)),
    }
    rows = []
    for name, most in limits.items():
        lows = [one.interval.low for each in scorecard.findings for one in each.measurements if one.name == name]
        shown = significant if name == "auc" else percent
        measured = shown(max(lows)) if lows else wording.say("training.not-measured")
        rows.append(Allowed(what=wording.say(f"measurement.{name}"), most=most, measured=measured))
    return tuple(rows)
