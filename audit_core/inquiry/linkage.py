"""Which rows of two files about the same people belong together? The release may give that away."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from audit_core.answers import Links
from audit_core.asked import asked
from audit_core.bench import Bench
from audit_core.case import Case
from audit_core.evidence import Exact
from audit_core.inquiry import Inquiry, Marked, Put
from audit_core.inquiry.arms import excess_of
from audit_core.inquiry.neighbourhoods import among_targets, of_targets
from audit_core.inquiry.pools import Pool, Rows, clusters, cut, targets_of
from audit_core.measurement import Measurement, Reason, measured
from audit_core.plugin import AttackPlugin
from audit_core.questions import Linkage, Neighbours
from audit_core.seeds import stream
from audit_core.tables import Table, beside, with_own_dictionaries


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """Who the targets on the left are, and where each stands on the right.

    Attributes:
        right: Positions on the right, shape `(n_targets,)`.
    """

    pool: Pool
    right: Rows
    left_columns: tuple[str, ...]
    right_columns: tuple[str, ...]


def inquiry(plugin: AttackPlugin, params: dict[str, Any], bench: Bench) -> Inquiry:
    """One question, or none where the columns cannot be dealt out to two files."""
    case, settings = bench.case, asked("linkage", params)
    left, right = dealt_out(case, settings.left)
    if not left or not right:
        return Inquiry(puts=(), mark=lambda _: Marked(measurements=()), caveats=(Reason(code="no-two-files", args={}),))
    rng = stream(bench.setting.seed, "pools", "linkage", bench.setting.content)
    (pool,) = cut(case, with_reference=False, rng=rng, targets=settings.targets)
    key = _Key(pool=pool, right=rng.permutation(len(pool.row)), left_columns=left, right_columns=right)
    put = Put(question=partial(_question, plugin, key, bench), accepts=Links, n=len(pool.row), key=key)
    return Inquiry(
        puts=(put,),
        mark=lambda answers: _mark(case, key, answers[0], bench.setting.confidence),
        caveats=(Reason(code="two-files", args={"left": ", ".join(left), "right": ", ".join(right)}),),
    )


def dealt_out(case: Case, left: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of the two files: those named and the others, else dealt out in turn by how much they tell.

    What a column tells is its entropy among the members, so neither the release nor chance plays a part.
    """
    names = case.release.names
    if left:
        named = tuple(name for name in names if name in left)
        return named, tuple(name for name in names if name not in named)
    order = sorted(names, key=lambda name: (-_entropy(case.members, name), name))
    return tuple(sorted(order[0::2])), tuple(sorted(order[1::2]))


def _entropy(table: Table, name: str) -> float:
    counts = np.bincount(table.codes[:, table.index(name)] + 1)
    share = counts[counts > 0] / len(table)
    return float(-(share * np.log(share)).sum())


def _question(plugin: AttackPlugin, key: _Key, bench: Bench) -> Linkage:
    case = bench.case
    targets = targets_of(case, key.pool)
    left, released_left = with_own_dictionaries(targets.select(key.left_columns), case.release.select(key.left_columns))
    right, released_right = with_own_dictionaries(
        targets.select(key.right_columns), case.release.select(key.right_columns)
    )
    return Linkage(
        left=left,
        right=right.take(np.argsort(key.right)),
        release=beside(released_left, released_right),
        neighbours=_neighbours(plugin, key, bench) if plugin.neighbours else {},
    )


def _neighbours(plugin: AttackPlugin, key: _Key, bench: Bench) -> dict[str, Neighbours]:
    k = plugin.neighbours
    found = among_targets(key.pool, bench.rows, "release", k, columns=key.right_columns)
    right = np.append(key.right, -1).astype(np.int32)[found.row]
    order = np.lexsort((right, found.distance), axis=1)  # ties by their place on the right, which tells nothing
    return {
        "release": of_targets(key.pool, bench.rows, "release", k, columns=key.left_columns),
        "release>right": Neighbours(
            distance=np.take_along_axis(found.distance, order, axis=1), row=np.take_along_axis(right, order, axis=1)
        ),
    }


def _mark(case: Case, key: _Key, answers: Sequence[Links], confidence: float) -> Marked:
    """Right links among members beyond those among non-members; whoever links nobody has tried and failed."""
    subject = clusters(case, key.pool)
    measurements: list[Measurement] = []
    for links in answers:
        right = links.right_of_left == key.right
        evidence = excess_of(right, key.pool.member, subject, "relative")
        measurements.append(measured("linkability_excess", evidence, of=links.of, confidence=confidence))
    prior = Exact(numerator=1, denominator=len(key.right))
    measurements.append(measured("linkability_prior", prior, blind=None, confidence=confidence))
    return Marked(measurements=tuple(measurements))
