"""Which of the canaries was the model trained on?

Coins dealt them, so an attacker who knows nothing cannot tell them apart, whatever the people's texts are like. What an
attacker makes of the planted ones is set against all that were not; and where differential privacy is claimed, those
that a coin decided about can refute the claim.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.bench import Bench
from audit_core.evidence import Coins, Mean, Ranking, TailHits
from audit_core.guarantee import Guarantee
from audit_core.inquiry import Inquiry, Marked, Put
from audit_core.inquiry.inclusion import guessed, told
from audit_core.inquiry.membership import curve
from audit_core.isolation import Failed
from audit_core.language.canaries import P_IN, Canaries
from audit_core.language.model_pass import texts_of_case
from audit_core.language.texts import table_of_texts
from audit_core.measurement import Measurement, Reason, RocCurve, measured
from audit_core.plugin import AttackPlugin
from audit_core.questions import Asset, Membership
from audit_core.seeds import stream
from audit_core.statistics.estimates import delong, tail_hits
from audit_core.statistics.extraction import blind_exposure, exposure, extrapolated

GUESSED = {"top-1-in-20": 1 / 20, "top-1-in-5": 1 / 5, "top-2-in-5": 2 / 5}
"""How many of the canaries that had a coin are guessed to be planted, those with the highest scores; fixed beforehand.

They are few beside people's texts, so a larger share has to be guessed than of those.
"""

_FPR = 0.01


def inquiry(plugin: AttackPlugin, params: dict[str, Any], bench: Bench) -> Inquiry:
    """One question, about all canaries in random order."""
    case, setting = bench.case, bench.setting
    if case.canaries is None:
        raise ValueError("the question needs canaries")
    order = stream(setting.seed, "canaries", setting.content).permutation(len(case.canaries))
    canaries = case.canaries.take(order)
    first = len(texts_of_case(case)) - len(canaries)
    return Inquiry(
        puts=(
            Put(
                question=partial(_question, plugin, canaries, first + order, bench),
                accepts=Scores,
                n=len(canaries),
                key=canaries,
            ),
        ),
        mark=lambda answers: mark(canaries, answers[0], case.guarantee, setting.confidence, case.unit),
        caveats=() if canaries.verified else (Reason(code="canaries-unverified", args={}),),
    )


def _question(plugin: AttackPlugin, canaries: Canaries, places: NDArray[np.intp], bench: Bench) -> Membership:
    scores = bench.scores.take(places) if bench.scores and Asset.MODEL in plugin.sees else None
    cut = 0 if scores is None else int((scores.model.truncated | (scores.model.lengths == 0)).sum())
    if cut:
        raise Failed(Reason(code="canaries-cut", args={"count": cut}))
    return Membership(
        targets=table_of_texts(canaries.texts),
        release=None,
        reference=None,
        under_model=None if scores is None else scores.model,
        under_base=scores.base if scores is not None and Asset.BASE in plugin.sees else None,
    )


def mark(
    canaries: Canaries, scores: Sequence[Scores], claim: Guarantee | None, confidence: float, unit: str = "row"
) -> Marked:
    """Marks one set of scores by the canaries' coins.

    Args:
        unit: Of privacy, in the case. A canary is one unit, whatever that is.
    """
    measurements: list[Measurement] = []
    curves: list[RocCurve] = []
    shown: dict[str, Coins] = {}
    planted, coined = canaries.planted, canaries.coined
    why_not = None if claim is None else _not_of(claim, unit, canaries)
    for score in scores:
        measurements += _told_apart(score.of, score.values[planted], score.values[~planted], confidence)
        curves.append(curve(score.of, score.values, planted))
        if claim is not None and why_not is None:
            guesses = guessed(score.values[coined], planted[coined], GUESSED, P_IN, claim)
            shown |= {f"{score.of}/{name}": its for name, its in guesses.items()}
    measurements += [measured("epsilon_shown", its, of=of, confidence=confidence) for of, its in shown.items()]
    caveats = [_counted(canaries, scores)]
    if why_not is not None:
        caveats.append(why_not)
    elif claim is not None and shown:
        caveats.append(told(tuple(shown.values()), claim, confidence))
    return Marked(measurements=tuple(measurements), details=tuple(curves), caveats=tuple(caveats))


def _told_apart(
    of: str, planted: NDArray[np.float64], others: NDArray[np.float64], confidence: float
) -> list[Measurement]:
    """How well the planted stand out: as a ranking, at a low false-positive rate, and in bits."""
    auc, variance = delong(planted, others)
    n1, n0 = len(planted), len(others)
    hits = TailHits(hits=tail_hits(planted, others, _FPR), n1=n1, n0=n0, fpr=_FPR)
    found = [
        measured(
            "auc_planted", Ranking(auc=auc, variance=variance, n1=n1, n0=n0), of=of, blind=0.5, confidence=confidence
        ),
        measured("tpr_at_fpr_0_01_planted", hits, of=of, blind=_FPR, confidence=confidence),
    ]
    if len(np.unique(others)) >= 3:  # a model that says the same of all is the base itself
        bits = exposure(planted, others)
        by_rank = Mean(mean=bits.by_rank.mean(), se=bits.standard_error, df=max(1, n1 - 1))
        found.append(measured("exposure", by_rank, of=of, blind=blind_exposure(n0), confidence=confidence))
    return found


def _not_of(claim: Guarantee, unit: str, canaries: Canaries) -> Reason | None:
    """Why a claim is not set against the canaries; None where it is about what their coins decide."""
    if claim.relation != "add-or-remove" or claim.unit != unit:
        return Reason(code="claim-not-of-coins", args={"unit": unit})
    if not canaries.verified:  # by other coins than these, or by none, a claim that is true could seem refuted
        return Reason(code="canaries-refute-nothing", args={})
    if canaries.repeat > claim.rows_per_unit:
        return Reason(code="canaries-repeated", args={"times": canaries.repeat, "rows": claim.rows_per_unit})
    return None


def _counted(canaries: Canaries, scores: Sequence[Scores]) -> Reason:
    """How many there are, and what exposure could have been: at most, of nothing learnt, and by a fitted curve."""
    left_out = int((~canaries.planted).sum())
    return Reason(
        code="canaries-planted",
        args={
            "planted": int(canaries.planted.sum()),
            "left_out": left_out,
            "times": canaries.repeat,
            "most": f"{np.log2(left_out):.1f}",
            "blind": f"{blind_exposure(left_out):.2f}",
            "fitted": _by_curve(canaries, scores),
        },
    )


def _by_curve(canaries: Canaries, scores: Sequence[Scores]) -> str:
    """The mean extrapolated exposure, of the score that shows the most; a dash where no curve can be fitted."""
    means = []
    for one in scores:
        with suppress(ValueError):
            means.append(extrapolated(one.values[canaries.planted], one.values[~canaries.planted]).mean())
    return f"{max(means):.1f}" if means else "–"
