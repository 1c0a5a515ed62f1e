"""Which of the targets did a coin let in? The question that a claim of differential privacy can be refuted by.

It is asked as one about membership. What differs is who the targets are: records, or one record of each person, drawn
from all that had a coin without a look at how it fell. The reference is of those that are no targets, so nothing but
the release tells anything of the targets' coins.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Scores
from audit_core.asked import asked
from audit_core.bench import Bench
from audit_core.case import Case
from audit_core.evidence import Coins, shown_by_any
from audit_core.guarantee import Guarantee
from audit_core.inquiry import Inquiry, Marked, Put
from audit_core.inquiry.membership import question
from audit_core.inquiry.pools import Pool, held_out
from audit_core.measurement import Reason, measured
from audit_core.plugin import AttackPlugin
from audit_core.seeds import stream
from audit_core.tables import Ids

GUESSED = {"top-1-in-400": 1 / 400, "top-1-in-100": 1 / 100, "top-1-in-25": 1 / 25}
"""How many of the targets are guessed to be in, those with the highest scores; fixed before any score is seen.

Few guesses see a few copies, many can refute a larger epsilon.
"""


LEAST_CLAIM = 1e-3
"""What a smaller claim is held against, one of nothing at all too: a share of nothing would be no number."""


def inquiry(plugin: AttackPlugin, params: dict[str, Any], bench: Bench) -> Inquiry:
    """One question."""
    case, setting = bench.case, bench.setting
    pool = _pool(case, asked("inclusion", params).targets, stream(setting.seed, "coins", setting.content))
    claim = case.guarantee
    if claim is None:
        raise ValueError("the question needs a claim")
    return Inquiry(
        puts=(Put(question=partial(question, plugin, params, pool, bench), accepts=Scores, n=len(pool.row), key=pool),),
        mark=lambda answers: mark(pool, answers[0], case.p_in, claim, setting.confidence),
    )


def _pool(case: Case, most: int, rng: np.random.Generator) -> Pool:
    """Up to half of all that had a coin, in random order; the other half's non-members are the reference."""
    n_members = len(case.members)
    rows, whose = _one_each(n_members + len(held_out(case)), case, rng)
    targets = rng.permutation(rows)[: max(1, min(most, len(rows) // 2))]
    others = np.arange(n_members, len(whose))
    return Pool(
        member=targets < n_members,
        row=np.where(targets < n_members, targets, targets - n_members),
        reference=others[~np.isin(whose[others], whose[targets])] - n_members,
    )


def _one_each(n: int, case: Case, rng: np.random.Generator) -> tuple[NDArray[np.intp], Ids]:
    """A row of each unit of privacy, by chance, and each row's unit; members first, then non-members."""
    if case.member_subjects is None or case.non_member_subjects is None:
        return np.arange(n), np.arange(n)
    whose = np.concatenate([case.member_subjects, case.non_member_subjects])
    order = rng.permutation(n)
    _, first = np.unique(whose[order], return_index=True)
    return np.sort(order[first]), whose


def mark(pool: Pool, scores: Sequence[Scores], p_in: float, claim: Guarantee, confidence: float) -> Marked:
    """How many of the targets with the highest scores were in."""
    shown = {
        f"{score.of}/{name}": its
        for score in scores
        for name, its in guessed(score.values, pool.member, GUESSED, p_in, claim).items()
    }
    return Marked(
        measurements=tuple(measured("epsilon_shown", its, of=of, confidence=confidence) for of, its in shown.items()),
        caveats=(told(tuple(shown.values()), claim, confidence),),
    )


def guessed(
    values: NDArray[np.float64], inside: NDArray[np.bool_], shares: Mapping[str, float], p_in: float, claim: Guarantee
) -> dict[str, Coins]:
    """How many of the guesses were right, for each share of the targets that is guessed to be in.

    Args:
        values: A score of each target, in random order, which settles ties; shape `(n_targets,)`. HIGHER = IN.
        inside: Whether its coin let it in.
    """
    order = np.argsort(-values, kind="stable")
    found = {}
    for name, share in shares.items():
        guesses = max(1, round(share * len(order)))
        found[name] = Coins(
            right=int(inside[order[:guesses]].sum()),
            guesses=guesses,
            coins=len(order),
            p_in=p_in,
            claimed=max(claim.epsilon, LEAST_CLAIM),
            delta=claim.delta,
        )
    return found


def told(guesses: Sequence[Coins], claim: Guarantee, confidence: float) -> Reason:
    """What they show. A low bound alone is no praise, so what a perfect attack would have shown stands beside it."""
    low, ceiling = shown_by_any(guesses, confidence)
    epsilons = {"shown": low, "ceiling": ceiling, "claimed": claim.epsilon}
    return Reason(code="one-run", args={name: f"{epsilon:.2f}" for name, epsilon in epsilons.items()})
