"""Section F: what is claimed of how the release was made, what it cost, and what that allows an attacker."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit_core import ledger_words
from audit_core.accounting import allowed_by
from audit_core.evidence import Coins, shown_by_any
from audit_core.guarantee import UNKNOWN, Guarantee, KeptValues, Mechanism, NoisyCounts, NoisySteps
from audit_core.redact import display
from audit_core.scorecard import Scorecard
from audit_reports.numbers_as_text import count, percent, significant
from audit_reports.wording import TEXT_LIMIT, Wording

MOST_MECHANISMS = 40
MOST_NAMED = 60
NAME_LIMIT = 120
"""Characters of each."""


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
        answers: Question, answer, and whether the answer leaves something open.
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
            MechanismRow(purpose=wording.of_ledger(one.purpose), what=_what(one, wording))
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
    relation = (
        wording.of_ledger(UNKNOWN) if claim.relation == UNKNOWN else wording.say(f"claim.relation.{claim.relation}")
    )
    answers = {
        "unit": wording.say("training.with-note", what=unit, note=each),
        "units_from": _units(claim, wording),
        "relation": relation,
        "budget": spent,
        "accountant": wording.of_ledger(claim.accountant),
        "public": _listed(claim.public, wording),
        "derived": _listed(claim.derived, wording),
        "outside": _listed(claim.outside, wording),
        "aborts": _aborts(claim, wording),
        "noise_source": wording.of_ledger(claim.noise_source),
        "floating_point": wording.of_ledger(claim.floating_point),
        "released": _listed(claim.released, wording),
        "trust": wording.of_ledger(claim.trust),
        "tuning": wording.of_ledger(claim.tuning),
        "pretraining_overlap": wording.of_ledger(claim.pretraining_overlap),
        "earlier_releases": wording.of_ledger(claim.earlier_releases),
    }
    if claim.stopped is not None:
        answers["stopped"] = wording.of_ledger(claim.stopped)
    return tuple(
        (
            wording.question(name),
            display(answer, 4 * TEXT_LIMIT),
            name in claim.unanswered or (name == "outside" and bool(claim.outside)),
        )
        for name, answer in answers.items()
    )


def _units(claim: Guarantee, wording: Wording) -> str:
    """How many units, and how that is known."""
    how = wording.of_ledger(claim.units_from)
    return how if claim.units is None else wording.say("training.with-note", what=count(claim.units), note=how)


def _aborts(claim: Guarantee, wording: Wording) -> str:
    """The checks that may have stopped the run, and what that tells."""
    if not claim.aborts:
        return wording.say("training.none-told")
    return wording.say("training.aborts", checks=_listed(claim.aborts, wording))


def _listed(names: tuple[str, ...], wording: Wording) -> str:
    if not names:
        return wording.say("training.none-named")
    shown = ledger_words.listed([display(name, NAME_LIMIT) for name in names[:MOST_NAMED]], wording.language)
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


def _by_coins(claim: Guarantee, guesses: Sequence[Coins], confidence: float, wording: Wording) -> Iterator[Allowed]:
    """The claim itself beside the epsilon that guesses about coins showed, and what they could have shown."""
    if guesses:
        shown, ceiling = (significant(epsilon) for epsilon in shown_by_any(guesses, confidence))
        yield Allowed(
            what=wording.say("training.epsilon"),
            most=significant(claim.epsilon),
            measured=wording.say("training.of-ceiling", shown=shown, ceiling=ceiling),
        )


def _allowed(claim: Guarantee, scorecard: Scorecard, wording: Wording) -> tuple[Allowed, ...]:
    """The largest AUC and TPR under the claim, beside what membership inference was shown to reach."""
    measurements = [one for each in scorecard.findings for one in each.measurements]
    guesses = [one.evidence for one in measurements if isinstance(one.evidence, Coins)]
    rows = [*_by_coins(claim, guesses, scorecard.policy.confidence, wording)]
    for name, most in allowed_by(claim).items():
        lows = [one.interval.low for one in measurements if one.name == name]
        shown = significant if name == "auc" else percent
        measured = shown(max(lows)) if lows else wording.say("training.not-measured")
        rows.append(Allowed(what=wording.say(f"measurement.{name}"), most=shown(most), measured=measured))
    return tuple(rows)
