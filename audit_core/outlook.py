"""What would become of a rule, before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from audit_core import grounds, power
from audit_core.case import Case
from audit_core.expected import Basis
from audit_core.grounds import reason
from audit_core.measurement import USEFULNESS, Reason
from audit_core.needs import lacking
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.policy import Policy, Rule
from audit_core.power import POWER
from audit_core.redact import display
from audit_core.written.numbers import as_written

State = Literal["judged", "exact", "unknown", "not-assessed", "blocked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What would become of a rule.

    Attributes:
        rule: "attack/measurement", as the policy names it.
        state: "judged" with sampling error; "exact", without; "unknown": judged, but nobody said by what evidence;
            "not-assessed", as its condition is not met; "blocked": it applies, and what it is about is not measured.
        reason: Why it is unknown, not assessed or blocked.
        tests: How many tests it adds to the audit, 0 where there are too few tries for any; `counted` is whether that
            number is known beforehand, else it is 1 at least.
        kind: Of the evidence, where it is known.
        n1, n0: Independent tries among members and controls, the fewest where tests differ; n0 is 0 where there is no
            control arm.
        chance, chance_high: Between these lies what a release without a leak is taken to score.
        pass_low, pass_high: Between these lies the probability that a release without a leak passes: equal for one
            test and one level of chance. None where the rule supports no pass.
        found_from: The smallest true value that fails with probability 0.8 at the level of Holm's first step; None
            where none does.
        needed: Members, and as many non-members, with which a release without a leak would pass with probability 0.8;
            None where it does already, and where no number would do that is worth naming.
    """

    rule: str
    of: str
    goal: str
    at_most: str
    at_least: str
    margin: str
    required: bool
    supports_pass: bool
    state: State
    reason: Reason | None = None
    tests: int = 0
    counted: bool = True
    kind: str | None = None
    n1: int | None = None
    n0: int | None = None
    chance: float | None = None
    chance_high: float | None = None
    pass_low: float | None = None
    pass_high: float | None = None
    found_from: float | None = None
    needed: int | None = None

    @property
    def named(self) -> str:
        """The rule, and what of it where it is not about all."""
        return self.rule if self.of == "*" else f"{self.rule} ({display(self.of)})"

    @property
    def assesses(self) -> bool:
        """Whether its goal would be assessed by it."""
        decided = self.state in ("exact", "unknown") or (self.state == "judged" and self.tests > 0)
        return decided and self.required and self.supports_pass


def outlook(
    rule: Rule,
    plugin: AttackPlugin | CheckPlugin | None,
    params: Mapping[str, Any],
    basis: Basis | None,
    case: Case,
) -> Outlook:
    """Whether the rule would be judged, by how many tests, or why not; no probability yet.

    Args:
        plugin: Its attack or check, if that is to run.
        basis: What it will be judged by.
    """
    facts = case.facts
    what = Outlook(
        rule=rule.name,
        of=rule.of,
        goal=rule.goal,
        at_most="" if rule.floor else grounds.limit(rule, facts)[1],
        at_least=grounds.limit(rule, facts)[1] if rule.floor else "",
        margin=as_written(rule.margin),
        required=rule.required,
        supports_pass=rule.supports_pass,
        state="blocked",
    )
    if condition := grounds.unmet(rule.when, facts):
        return replace(what, state="not-assessed", reason=condition)
    if plugin is None or basis is None:
        return replace(what, reason=reason("attack-not-planned", attack=rule.attack))
    if (lacks := lacking(plugin, case, params)) is not None:
        return replace(what, reason=lacks)
    if (plugin.goal == USEFULNESS) != rule.floor:
        return replace(what, reason=reason("wrong-direction", attack=rule.attack))
    if rule.measurement not in plugin.measures or not basis.arms:
        name = rule.measurement if rule.of == "*" else f"{rule.measurement} ({rule.of})"
        return replace(what, reason=reason("measurement-not-made", attack=rule.attack, measurement=name))
    if rule.floor:  # how useful a release is says nothing about leaks, and shares no level with them
        return replace(what, state="unknown", reason=reason("floor-planned"))
    together = rule.fails == "together"
    if basis.its is None or basis.its.kind == "unknown" or together:
        code = "evidence-not-declared" if basis.its is None else "evidence-unknown"
        tests, counted = (1, True) if together else (len(basis.arms), basis.counted)
        return replace(what, state="unknown", reason=reason(code), tests=tests, counted=counted)
    if basis.its.kind == "exact":
        return replace(what, state="exact", kind="exact", reason=reason("evidence-exact"))
    fewest = min(basis.arms, key=lambda arms: (arms.n1, arms.n0))
    tests = sum(power.measurable(basis.its, arms.n1, arms.n0, arms.chance) for arms in basis.arms)
    trials = fewest.n1 if basis.its.kind == "proportion" else min(fewest.n1, fewest.n0)
    return replace(
        what,
        state="judged",
        kind=basis.its.kind,
        reason=None if tests else reason("not-measurable", trials=f"{trials:,}"),
        tests=tests,
        counted=basis.counted,
        n1=fewest.n1,
        n0=fewest.n0,
        chance=min(arms.chance for arms in basis.arms),
        chance_high=max(arms.chance_high for arms in basis.arms),
    )


def forecast(what: Outlook, rule: Rule, basis: Basis, policy: Policy, facts: Mapping[str, int], tests: int) -> Outlook:
    """The outlook with its probabilities among so many tests.

    A rule that applies only for want of non-members gets the number that it would need.
    """
    if rule.floor:
        return what
    limit = grounds.limit(rule, facts)[0]
    most = float(limit + rule.margin)
    if not basis.arms:
        return what
    if what.state == "judged":
        level = (1 - rule.fail_confidence) / max(1, tests)
        what = replace(what, found_from=_found_from(basis, float(limit), level))
        if rule.supports_pass:
            low, high = _passes(basis, most, policy.confidence)
            what = replace(what, pass_low=low, pass_high=high)
    elif what.state != "not-assessed" or not _wants_non_members(rule, facts):
        return what
    if rule.supports_pass and (what.pass_low is None or what.pass_low < POWER):
        return replace(what, needed=_needed(basis, most, policy.confidence))
    return what


def _found_from(basis: Basis, limit: float, level: float) -> float | None:
    """The leak that is found whichever score, column or group it is in, whatever the level of chance."""
    if basis.its is None:
        return None
    found = [
        power.detectable(basis.its, arms.n1, arms.n0, chance, limit, level)
        for arms in basis.arms
        for chance in (arms.chance, arms.chance_high)
    ]
    known = [leak for leak in found if leak is not None]
    return max(known) if len(known) == len(found) else None


def _passes(basis: Basis, most: float, confidence: float) -> tuple[float, float]:
    """Between what a release without a leak passes all tests, whatever the level of chance (Fréchet's bounds)."""
    if basis.its is None:
        return 0.0, 1.0
    each = [
        sorted(
            power.pass_probability(basis.its, arms.n1, arms.n0, chance, most, confidence)
            for chance in (arms.chance, arms.chance_high)
        )
        for arms in basis.arms
    ]
    return max(0.0, 1 - sum(1 - low for low, _ in each)), min(high for _, high in each)


def _needed(basis: Basis, most: float, confidence: float) -> int | None:
    """Members, and as many non-members, with which all tests are passed with probability 0.8."""
    if basis.its is None:
        return None
    each = 1 - (1 - POWER) / len(basis.arms)
    units = []
    for arms in set(basis.arms):
        cap = arms.worth_naming if arms.most is None else min(arms.most, arms.worth_naming)
        tries = power.needed(basis.its, arms.n1, arms.n0, arms.chance_high, most, confidence, each, cap)
        units.append(None if tries is None else arms.units_for(tries))
    known = [one for one in units if one is not None]
    return max(known) if len(known) == len(units) else None


def _wants_non_members(rule: Rule, facts: Mapping[str, int]) -> bool:
    """Whether nothing but non-members is missing for the rule to apply."""
    return not facts["non_members"] and grounds.unmet(rule.when, {**facts, "non_members": 10**9}) is None


def likely(probability: float) -> str:
    """A probability in percent; never a certainty that rounding made."""
    if 0 < probability < 0.001:
        return "< 0.1 %"
    if probability > 0.999:
        return "> 99.9 %"
    return f"{100 * probability:.3g} %"
