"""Examines the audit itself: the arms, the marking, and each attack on a twin that leaks and on one that does not."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audit_core.attempt import Attempted, attempt
from audit_core.bench import Bench
from audit_core.blind_baseline import blind_baseline
from audit_core.chosen import OPENS
from audit_core.isolation import Usage
from audit_core.language.model_twins import OVERFIT, base_released, overfitted
from audit_core.measurement import Reason
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.policy import Policy
from audit_core.questions import Asset
from audit_core.scorecard import Control, Finding, Verdict
from audit_core.twins import innocent, leaky

Chosen = Sequence[tuple[AttackPlugin | CheckPlugin, Mapping[str, Any]]]


def hygiene(bench: Bench, findings: Sequence[Finding]) -> Iterator[Control]:
    """Whether the arms can be compared, and whether shuffled labels are worth a coin. Nothing without non-members."""
    case = bench.case
    if case.non_members is None:
        return
    counts: dict[str, str | int | float] = {"count": case.overlap, "rows": len(case.non_members)}
    # Too much overlap never comes this far, and texts with a near duplicate on the other side are no targets.
    code = "overlap-by-chance" if case.model is None else "near-duplicates-left-out"
    yield Control(name="overlap", verdict=Verdict.PASS, reason=Reason(code=code, args=counts))
    blind = blind_baseline(bench)
    if not blind:
        yield _unjudged("blind-baseline", outcome="not-run", reason=Reason(code="too-few-for-baseline", args={}))
    else:
        yield _unjudged("blind-baseline", measurements=blind)
    for finding in findings:
        shuffled = tuple(one for one in finding.measurements if one.name == "auc_shuffled")
        if shuffled:
            yield _unjudged("label-permutation", attack=finding.attack, measurements=shuffled)


def twins(
    bench: Bench, chosen: Chosen, findings: Sequence[Finding], policy: Policy, usages: dict[str, Usage]
) -> Iterator[Control]:
    """Every attack and check that compares members with non-members, and that the policy has a rule for.

    Args:
        usages: What each takes is added here.
    """
    ruled = {rule.attack for rule in policy.rules}
    measured = {finding.attack: finding for finding in findings if finding.outcome == "measured" and finding.compares}
    examined = [(plugin, params) for plugin, params in chosen if plugin.name in ruled & measured.keys()]
    if not examined:
        return
    if bench.case.model is not None:
        yield from _of_model(bench, examined, usages)
        return
    fresh = innocent(bench)
    for plugin, params in examined:
        if fresh is None:
            too_few = Reason(code="too-few-for-twin", args={})
            yield _unjudged("innocent-twin", attack=plugin.name, outcome="not-run", reason=too_few)
            continue
        yield _told("innocent-twin", plugin, attempt(plugin, params, fresh), usages)
    for plugin, params in examined:
        dose = float(policy.dose_of(measured[plugin.name].goal))
        yield _told("leaky-twin", plugin, attempt(plugin, params, leaky(bench, dose)), usages, dose)


def _of_model(bench: Bench, examined: Chosen, usages: dict[str, Usage]) -> Iterator[Control]:
    """The twins of a model: its base, which met nobody's text, and a model over-fitted to some members."""
    training = usages.setdefault("over-fitted model", Usage())
    for name, twin in (("innocent-twin", base_released(bench)), ("leaky-twin", overfitted(bench, training))):
        for plugin, params in examined:
            if isinstance(twin, Reason):
                yield _unjudged(name, attack=plugin.name, outcome="not-run", reason=twin)
            else:
                yield _told(name, plugin, attempt(plugin, _of_twin(plugin, params, name), twin), usages)


def _of_twin(plugin: AttackPlugin | CheckPlugin, params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The parameters; an attacker who trains the over-fitted model again does that as it was done."""
    trains = isinstance(plugin, AttackPlugin) and Asset.TRAINING in plugin.sees
    return {**params, "train": OPENS, "train_params": OVERFIT} if trains and name == "leaky-twin" else params


def _told(
    name: str,
    plugin: AttackPlugin | CheckPlugin,
    attempted: Attempted,
    usages: dict[str, Usage],
    dose: float | None = None,
) -> Control:
    finding, total = attempted.finding, usages.setdefault(f"{plugin.name} ({name})", Usage())
    total.seconds += attempted.usage.seconds
    total.peak_mib = max(total.peak_mib, attempted.usage.peak_mib)
    compared = tuple(one for one in finding.measurements if one.name in finding.compares)
    return _unjudged(
        name, attack=plugin.name, dose=dose, outcome=finding.outcome, measurements=compared, reason=finding.reason
    )


def _unjudged(name: str, *, reason: Reason | None = None, **fields: Any) -> Control:
    """A control before the policy has judged it; one that was not measured keeps this verdict."""
    why = reason or Reason(code="control-not-judged", args={})
    verdict = Verdict.ERROR if fields.get("outcome") == "errored" else Verdict.INCONCLUSIVE
    return Control(name=name, verdict=verdict, reason=why, **fields)
