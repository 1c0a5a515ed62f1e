"""One case laid out for all attempts: what is expensive is computed once and shared."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.isolation import Limits
from audit_core.language.model_pass import Pass
from audit_core.nearest_rows import CaseRows, NearestRows
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.questions import Asset
from audit_core.registry import Registry
from audit_core.tables import Ids, Table

REMOTE_NEIGHBOURS = 5
"""How many reference rows tell how remote a target is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the attempts of one audit are made.

    Attributes:
        content: Digest of the case's content: names the cached results, and keeps the key's stream from anybody who
            does not hold the files.
        confidence: Of the intervals shown.
        record_risk: Keep how each member was ranked.
        folder: Of the recipe: a program that it names is run there.
        making: What training a model, or a pass of it, may use.
        twin: Which twin of the case this is; empty for the case itself. Its targets are those of the case.
    """

    seed: int
    content: str
    limits: Limits
    confidence: float
    debug: bool = False
    record_risk: bool = False
    folder: Path = field(default_factory=Path)
    making: Limits = field(default_factory=lambda: Limits(timeout_s=86_400.0))
    twin: str = ""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One case laid out for all attempts.

    Attributes:
        reference_neighbours: How many nearest reference rows of a target to compute, whoever asks.
        scores: Where a model goes out, what it makes of each member, then of each non-member.
        groups: Then, for each member and each non-member, which texts it must not be parted from in folds.
    """

    case: Case
    setting: Setting
    registry: Registry
    rows: NearestRows
    cache: Cache
    reference_neighbours: int = REMOTE_NEIGHBOURS
    scores: Pass | None = None
    groups: tuple[Ids, Ids] | None = None


def lay_out(
    case: Case,
    setting: Setting,
    registry: Registry,
    plugins: Sequence[AttackPlugin | CheckPlugin],
    cache: Cache,
    scores: Pass | None = None,
    groups: tuple[Ids, Ids] | None = None,
) -> Bench:
    """Prepares what the plugins will share."""
    wanted: dict[tuple[str, str], int] = {}
    for plugin in plugins:
        for left, right, k in _pairs(plugin):
            wanted[left, right] = max(k, wanted.get((left, right), 0))
    return Bench(
        case=case,
        setting=setting,
        registry=registry,
        rows=CaseRows(tables_of(case), wanted, setting.content, cache),
        cache=cache,
        reference_neighbours=max([REMOTE_NEIGHBOURS, *map(_of_reference, plugins)]),
        scores=scores,
        groups=groups,
    )


def tables_of(case: Case) -> dict[str, Table]:
    """The tables of a case that rows are neighbours in, by name."""
    tables = {"release": case.release, "members": case.members}
    return tables if case.non_members is None else tables | {"non_members": case.non_members}


def _pairs(plugin: AttackPlugin | CheckPlugin) -> tuple[tuple[str, str, int], ...]:
    if isinstance(plugin, CheckPlugin):
        return plugin.neighbours
    if plugin.question in ("membership", "inclusion") and plugin.neighbours and Asset.RELEASE in plugin.sees:
        return (("members", "release", plugin.neighbours), ("non_members", "release", plugin.neighbours))
    return ()


def _of_reference(plugin: AttackPlugin | CheckPlugin) -> int:
    return plugin.neighbours if isinstance(plugin, AttackPlugin) and Asset.REFERENCE in plugin.sees else 0
