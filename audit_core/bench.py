"""One case laid out for all attempts: what is expensive is computed once and shared."""

from dataclasses import dataclass, field

from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.isolation import Limits
from audit_core.neighbours import NearestRows
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.pools import Pool, cut
from audit_core.questions import Asset
from audit_core.registry import Registry
from audit_core.seeds import stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the attempts of one audit are made.

    Attributes:
        content: Digest of the case's content: names the cached results, and keeps the key's stream from anybody who
            does not hold the files.
        confidence: Of the intervals shown.
    """

    seed: int
    content: str
    limits: Limits
    confidence: float
    debug: bool = False


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One case laid out for all attempts: what is expensive is computed once and shared."""

    case: Case
    setting: Setting
    registry: Registry
    rows: NearestRows
    cache: Cache
    pools: dict[bool, tuple[Pool, ...]] = field(default_factory=dict)

    def pools_of(self, plugin: AttackPlugin) -> tuple[Pool, ...]:
        with_reference = Asset.REFERENCE in plugin.sees
        if with_reference not in self.pools:
            secret = stream(self.setting.seed, "pools", str(with_reference), self.setting.content)
            self.pools[with_reference] = cut(self.case, with_reference=with_reference, rng=secret)
        return self.pools[with_reference]


def lay_out(
    case: Case, setting: Setting, registry: Registry, plugins: list[AttackPlugin | CheckPlugin], cache: Cache
) -> Bench:
    """Prepares what the plugins will share."""
    tables = {"release": case.release, "members": case.members}
    if case.non_members is not None:
        tables["non_members"] = case.non_members
    wanted: dict[tuple[str, str], int] = {}
    for plugin in plugins:
        for left, right, k in _pairs(plugin):
            wanted[left, right] = max(k, wanted.get((left, right), 0))
    rows = NearestRows(tables, wanted, setting.content, cache)
    return Bench(case=case, setting=setting, registry=registry, rows=rows, cache=cache)


def _pairs(plugin: AttackPlugin | CheckPlugin) -> tuple[tuple[str, str, int], ...]:
    if isinstance(plugin, CheckPlugin):
        return plugin.neighbours
    if plugin.neighbours and Asset.RELEASE in plugin.sees:
        return (("members", "release", plugin.neighbours), ("non_members", "release", plugin.neighbours))
    return ()
