"""What is the hidden value of each target? One question for each secret column.

The secrets of members and of non-members who are asked about occur in the same proportions, and common ones no more
often than settles the most: where nearly everybody has one value, guessing it is right nearly always and shows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.answers import Guesses
from audit_core.asked import AskedHiddenValue, asked
from audit_core.bench import Bench
from audit_core.case import Case
from audit_core.evidence import Excess, Proportion
from audit_core.inquiry import Inquiry, Marked, Put
from audit_core.inquiry.arms import excess_of
from audit_core.inquiry.neighbourhoods import of_targets
from audit_core.inquiry.pools import Pool, Rows, clusters, held_out, shuffled, targets_of
from audit_core.measurement import Measurement, Reason, measured
from audit_core.neighbours import scales
from audit_core.plugin import AttackPlugin
from audit_core.questions import HiddenValue
from audit_core.seeds import stream
from audit_core.tables import MISSING, Column, Table, beside, normal_form, with_own_dictionaries

TOLERANCE = 0.05
"""A number is guessed right within this share of the span that 98 % of the real values lie in."""

MOST_TIMES = 3
"""How many members are asked about for each non-member at most, where there are so many of every stratum."""

MOST_STRATA = 10
"""Groups that the values of a numeric secret are cut into, to be asked about equally often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """Who the targets are, and what they hide.

    Attributes:
        truth: Codes of the secret in normal form, shape `(n_targets,)`.
        tolerance: What a guess at a number may be off by.
    """

    secret: Column
    pool: Pool
    truth: NDArray[np.int32]
    tolerance: float


def inquiry(plugin: AttackPlugin, params: dict[str, Any], bench: Bench) -> Inquiry:
    """A question for each secret that the release lets one compare."""
    case, settings = bench.case, asked("hidden-value", params)
    puts: list[Put] = []
    caveats = []
    for name, known in secrets(case, settings).items():
        key = _key(case, name, settings.targets, bench) if known else None
        if key is None or not len(key.pool.row):
            caveats.append(Reason(code="secret-left-out", args={"column": name}))
            continue
        puts.append(
            Put(
                question=partial(_question, plugin, key, known, bench),
                accepts=Guesses,
                n=len(key.pool.row),
                texts=not key.secret.numeric,
                key=key,
            )
        )
    return Inquiry(
        puts=tuple(puts),
        mark=lambda answers: _mark(case, [put.key for put in puts], answers, bench.setting.confidence),
        caveats=tuple(caveats),
    )


def secrets(case: Case, settings: AskedHiddenValue) -> dict[str, tuple[str, ...]]:
    """Each secret, and the columns that are known of a person then; none where it cannot be compared."""
    comparable = set(case.release.names)
    names = case.release.names if settings.secrets == "all" else case.columns_of("sensitive")
    identifying = case.columns_of("quasi-identifier") if settings.known == "quasi-identifiers" else case.release.names
    return {name: tuple(sorted(comparable & set(identifying) - {name})) if name in comparable else () for name in names}


def _key(case: Case, name: str, most: int, bench: Bench) -> _Key | None:
    """The key of one secret; None where everybody has the same, so that there is nothing to guess."""
    rng = stream(bench.setting.seed, "pools", "hidden-value", name, bench.setting.content)
    members, controls = case.members.select([name]), held_out(case).select([name])
    inside, outside = strata(members, controls)
    wanted, times = asked_about(inside, outside, most)
    if times == 0:
        return None
    pool = shuffled(_chosen(inside, times * wanted, rng), _chosen(outside, wanted, rng), rng)
    truth = targets_of(case, pool).select([name]).normalised().codes[:, 0]
    tolerance = TOLERANCE * float(scales(members, controls)[0])
    return _Key(secret=members.columns[0], pool=pool, truth=truth, tolerance=tolerance)


def strata(*tables: Table) -> tuple[NDArray[np.intp], ...]:
    """For tables of one column, the group each row's value is in: each category by itself, numbers by their deciles.

    Where one number is so common that it fills whole deciles, it is a group of its own. A missing cell is a value.
    """
    column = tables[0].columns[0]
    codes = [table.normalised().codes[:, 0] for table in tables]
    if not column.numeric:
        return tuple(each.astype(np.intp) + 1 for each in codes)
    present = np.concatenate(codes)
    present = present[present != MISSING]
    if not len(present):
        return tuple(np.zeros(len(each), dtype=np.intp) for each in codes)
    edges = np.unique(np.quantile(present, np.arange(1, MOST_STRATA) / MOST_STRATA, method="lower"))
    return tuple(np.where(each == MISSING, 0, 1 + np.searchsorted(edges, each, side="left")) for each in codes)


def asked_about(inside: NDArray[np.intp], outside: NDArray[np.intp], most: int) -> tuple[NDArray[np.intp], int]:
    """How many non-members of each stratum to ask about, and for each of them how many members.

    Args:
        inside, outside: The stratum of each member and of each non-member.
        most: Non-members at most.

    Returns:
        The latter is 0 where there is nothing to guess.
    """
    width = 1 + int(max(inside.max(initial=0), outside.max(initial=0)))
    sizes = np.bincount(inside, minlength=width), np.bincount(outside, minlength=width)
    wanted = np.minimum(*sizes).clip(max=even_quota(inside, outside, most))
    some = wanted > 0
    return wanted, min(MOST_TIMES, int((sizes[0][some] // wanted[some]).min())) if some.any() else 0


def even_quota(inside: NDArray[np.intp], outside: NDArray[np.intp], most: int) -> int:
    """How many targets of each stratum to take from each arm, where there are so many: what settles the most.

    With a share p of the targets in the largest stratum, a blind guess is right with probability p, and the standard
    error of the relative excess over it goes with sqrt(p / ((1 - p) n)). A small quota lowers p, a large one raises n.

    Returns:
        0 where there is only one stratum that both arms have.
    """
    width = 1 + max(inside.max(initial=0), outside.max(initial=0))
    both = np.minimum(np.bincount(inside, minlength=width), np.bincount(outside, minlength=width))
    both = both[both > 0]
    if len(both) < 2:
        return 0
    best, least = 1, np.inf
    for quota in np.unique([*both, max(1, most // len(both)), *np.geomspace(1, both.max(), 32).astype(int)]):
        taken = np.minimum(both, quota)
        if taken.sum() > max(most, len(both)):
            break
        share = taken.max() / taken.sum()
        uncertainty = share / ((1 - share) * taken.sum())
        if uncertainty <= least:
            best, least = int(quota), uncertainty
    return best


def _chosen(strata: NDArray[np.intp], wanted: NDArray[np.intp], rng: np.random.Generator) -> Rows:
    """Rows of one arm by chance, as many of each stratum as are wanted."""
    order = rng.permutation(len(strata))
    sorted_rows = order[np.argsort(strata[order], kind="stable")]
    groups = strata[sorted_rows]
    first = np.searchsorted(groups, np.arange(len(wanted)))
    rank = np.arange(len(strata)) - first[groups]
    return np.sort(sorted_rows[rank < wanted[groups]])


def _question(plugin: AttackPlugin, key: _Key, known: Sequence[str], bench: Bench) -> HiddenValue:
    """The values shown of the secret are the release's own: which others there are is part of the secret."""
    case, name = bench.case, key.secret.name
    targets, released = with_own_dictionaries(targets_of(case, key.pool).select(known), case.release.select(known))
    others = [column for column in case.release.names if column not in known]
    neighbours = {}
    if plugin.neighbours:
        neighbours["release"] = of_targets(key.pool, bench.rows, "release", plugin.neighbours, columns=tuple(known))
    return HiddenValue(
        known=targets,
        secret=name,
        release=beside(released, *with_own_dictionaries(case.release.select(others))),
        neighbours=neighbours,
    )


def _mark(case: Case, keys: Sequence[_Key], answers: Sequence[tuple[Guesses, ...]], confidence: float) -> Marked:
    """Right guesses among members beyond those among non-members, and what one fixed guess would have reached."""
    measurements: list[Measurement] = []
    caveats = []
    for key, said in zip(keys, answers, strict=True):
        right = _right(key, said[0].values)
        evidence = excess_of(right, key.pool.member, clusters(case, key.pool), "relative")
        prior = _prior(case, key)
        name = key.secret.name
        measurements.append(measured("attribute_excess", evidence, of=name, confidence=confidence))
        measurements.append(measured("attribute_prior", prior, of=name, blind=None, confidence=confidence))
        if _weak(evidence, prior):
            caveats.append(Reason(code="attack-below-prior", args={"of": name}))
    return Marked(measurements=tuple(measurements), caveats=tuple(caveats))


def _right(key: _Key, guesses: NDArray[np.float64] | NDArray[np.object_]) -> NDArray[np.bool_]:
    """Whether each guess is right: the same word in normal form, or a number within the tolerance."""
    if key.secret.numeric:
        numbers = np.append(key.secret.values.astype(np.float64), np.nan)[key.truth]
        guessed = np.asarray(guesses, dtype=np.float64)
        both_missing = np.isnan(numbers) & np.isnan(guessed)
        return np.asarray(both_missing | (np.abs(guessed - numbers) <= key.tolerance))
    forms = np.array([*(normal_form(value) for value in key.secret.values), None], dtype=object)
    guessed_forms = {guess: None if guess is None else normal_form(str(guess)) for guess in set(guesses)}
    return np.array([guessed_forms[guess] == form for guess, form in zip(guesses, forms[key.truth], strict=True)])


def _prior(case: Case, key: _Key) -> Proportion:
    """How often the release's most frequent value is right for members who were asked about."""
    codes = case.release.select([key.secret.name]).normalised().codes[:, 0]
    mode = int(np.bincount(codes + 1).argmax()) - 1
    values = key.secret.values
    guess = (np.nan if key.secret.numeric else None) if mode == MISSING else values[mode]
    guesses = np.full(len(key.truth), guess, dtype=np.float64 if key.secret.numeric else object)
    right = _right(key, guesses)[key.pool.member]
    return Proportion(k=float(right.sum()), n=float(len(right)))


def _weak(evidence: Excess, prior: Proportion) -> bool:
    """Whether the attack was right less often than that one guess: then a low excess may be the attack's weakness."""
    return evidence.k1 / evidence.n1 < prior.value if evidence.n1 else False
