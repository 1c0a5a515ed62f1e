"""What controls say, from their stored evidence alone, and what follows for the attacks.

A twin's evidence is judged by the policy's own rules, so judging comes in here by `would_fail`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from audit_core.grounds import reason, shown
from audit_core.measurement import Measurement, Reason
from audit_core.plugin import MEASURES
from audit_core.policy import Policy
from audit_core.scorecard import Control, Finding, Verdict

CONFOUNDED = 0.55
"""A blind AUC above this means that members and non-members differ in more than membership."""

CONFOUNDED_CONFIDENCE = 0.95
"""The confidence at which it has to be above."""

FOUND = 0.99
"""The confidence at which a planted leak counts as found."""

OVER_SENSITIVE = 0.999
"""The confidence at which an attack that fails fresh real rows is taken to fail everything."""

BUG = 1 - 1e-6
"""The confidence at which shuffled labels that are worth more or less than a coin are taken for a bug."""

_OF_MODELS = {
    "over-sensitive": "over-sensitive-to-base",
    "silent-on-innocent": "silent-on-base",
    "plant-found": "overfit-found",
    "plant-missed": "overfit-missed",
}
"""What is said where twins are models: what the model was fine-tuned from, and one over-fitted to some members."""

_DEALT_BY_COIN = frozenset(MEASURES["canaries"])
"""What is measured of arms that coins dealt: how people's texts differ does not concern it."""

WouldFail = Callable[[Policy, Finding], bool]


def judged_controls(
    policy: Policy, controls: Sequence[Control], findings: Sequence[Finding], would_fail: WouldFail, *, model: bool
) -> tuple[Control, ...]:
    """The controls with their verdicts.

    Args:
        model: Whether a language model goes out; its twins are models too.
        would_fail: Whether any rule of a policy would fail a finding, at the rules' own confidence.
    """
    by_attack = {finding.attack: finding for finding in findings}
    judged = []
    for control in controls:
        verdict, why = _judged(policy, control, by_attack, would_fail)
        why = replace(why, code=_OF_MODELS.get(why.code, why.code)) if model else why
        judged.append(replace(control, verdict=verdict, reason=why))
    return tuple(judged)


def _judged(
    policy: Policy, control: Control, findings: Mapping[str, Finding], would_fail: WouldFail
) -> tuple[Verdict, Reason]:
    if control.outcome != "measured" or control.name == "overlap":
        return control.verdict, control.reason
    if control.name == "blind-baseline":
        return _blind(control.measurements)
    if control.name == "label-permutation":
        return _shuffled(control.measurements)
    finding = findings.get(control.attack)
    rules = tuple(rule for rule in policy.rules if rule.attack == control.attack)
    if finding is None or not rules:
        return Verdict.NOT_ASSESSED, reason("no-rule-for-control", attack=control.attack)
    if control.name == "innocent-twin":
        if fails_surely(policy, replace(finding, measurements=control.measurements), would_fail):
            return Verdict.INCONCLUSIVE, reason("over-sensitive", attack=control.attack)
        return Verdict.PASS, reason("silent-on-innocent", attack=control.attack)
    return _leaky(policy, control, finding.goal)


def _blind(measurements: Sequence[Measurement]) -> tuple[Verdict, Reason]:
    """Judged by the classifier that tells the most for sure."""
    low, highest = max((one.evidence.bounds(CONFOUNDED_CONFIDENCE).low, one.value) for one in measurements)
    value = shown(highest)
    if low > CONFOUNDED:
        return Verdict.INCONCLUSIVE, reason("confounded", value=value, low=shown(low))
    return Verdict.PASS, reason("not-confounded", value=value, low=shown(low))


def _shuffled(measurements: Sequence[Measurement]) -> tuple[Verdict, Reason]:
    for one in measurements:
        bounds = one.evidence.bounds(BUG)
        if not bounds.low <= 0.5 <= bounds.high:
            return Verdict.ERROR, reason("shuffled-labels-tell", score=one.of, value=shown(one.value))
    return Verdict.PASS, reason("shuffled-labels-are-a-coin", count=len(measurements))


def _leaky(policy: Policy, control: Control, goal: str) -> tuple[Verdict, Reason]:
    args = {"attack": control.attack, "dose": f"{100 * (control.dose or 0):g} %"}
    wanted = policy.dose_of(goal)
    if Fraction(control.dose or 0).limit_denominator(10**9) > wanted:
        return Verdict.INCONCLUSIVE, reason("plant-too-large", wanted=f"{100 * float(wanted):g} %", **args)
    best = found(control.measurements)
    if best is not None:
        return Verdict.PASS, reason("plant-found", of=best.of, **args)
    return Verdict.INCONCLUSIVE, reason("plant-missed", **args)


def fails_surely(policy: Policy, finding: Finding, would_fail: WouldFail) -> bool:
    """Whether a rule about a finding's attack would fail it with next to no doubt."""
    its = (rule for rule in policy.rules if rule.attack == finding.attack)
    sure = replace(policy, rules=tuple(replace(rule, fail_confidence=OVER_SENSITIVE) for rule in its))
    return would_fail(sure, finding)


def found(measurements: Sequence[Measurement]) -> Measurement | None:
    """The measurement that shows most clearly that somebody knows more than nothing; None where none shows it."""
    best = loudest(measurements)
    return None if best is None or _p_value(best.measurement) > best.level else best.measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Loudest:
    """The measurement of a leaky twin that is least like a blind attacker's.

    Attributes:
        level: What its p-value may be at most if the leak is to count as found: 1 - FOUND, shared among as many
            measurements as could have been the loudest.
    """

    measurement: Measurement
    level: float


def loudest(measurements: Sequence[Measurement]) -> Loudest | None:
    """What decides whether a planted leak was found; None where nothing can be said.

    One of many scores is bound to look good by chance, so they share the level.
    """
    tests = [one for one in measurements if one.blind is not None and one.evidence.measurable]
    if not tests:
        return None
    return Loudest(measurement=min(tests, key=_p_value), level=(1 - FOUND) / len(tests))


def _p_value(measurement: Measurement) -> float:
    """Of "no more than a blind attacker"."""
    return float(measurement.evidence.p_value(measurement.blind or 0.0))


def unsound(controls: Sequence[Control], findings: Sequence[Finding]) -> dict[str, Reason]:
    """For every rule name whose measurement a control found unsound, why."""
    found: dict[str, Reason] = {}
    for control in controls:
        if control.name == "leaky-twin" or control.verdict not in (Verdict.INCONCLUSIVE, Verdict.ERROR):
            continue
        if control.outcome != "measured":
            continue
        for finding in findings:
            if control.attack in ("", finding.attack):
                names = finding.compares if control.attack else set(finding.compares) - _DEALT_BY_COIN
                found |= {f"{finding.attack}/{name}": control.reason for name in names}
    return found


def vouched_for(controls: Sequence[Control], findings: Sequence[Finding]) -> frozenset[str]:
    """Attacks that found the planted leak and were silent on the innocent twin, in a case that is not confounded."""
    passed = {(control.name, control.attack) for control in controls if control.verdict is Verdict.PASS}
    if ("blind-baseline", "") not in passed:
        return frozenset()
    names = (finding.attack for finding in findings)
    return frozenset(name for name in names if passed >= {("leaky-twin", name), ("innocent-twin", name)})
