"""What an audit would do and could show: no attack is asked, and no release is judged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit_core.case import Case
from audit_core.chosen import chosen
from audit_core.examination import Chosen
from audit_core.expected import basis
from audit_core.grounds import reason, rounded_up
from audit_core.measurement import USEFULNESS, Reason
from audit_core.needs import lacking
from audit_core.outlook import Outlook, forecast, likely, outlook
from audit_core.policy import Policy
from audit_core.power import POWER
from audit_core.preparation import rehearsed
from audit_core.recipe import Recipe
from audit_core.registry import Registry
from audit_core.scorecard import Refusal

HOPELESS = 0.05
"""A rule that passes a release without a leak less often than this is not worth the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Whether an attack or a check would run, or what it lacks."""

    name: str
    lacks: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an audit would do and could show.

    Attributes:
        facts: Of the case.
        unit: The unit of privacy: "row", or the subject column's name.
        tests: Those that share the error of a fail (Holm); rules without sampling error are not among them.
        counted: Whether that number is known beforehand; else it is the least there will be.
        missing: Goals that the policy needs and that would not be assessed.
        obstacles: Why no release could pass; empty where nothing known beforehand stands in the way.
        refusals: Plugins that were found but could not be used.
    """

    name: str
    policy: str
    version: int
    certifying: bool
    smoke: bool
    facts: dict[str, int]
    unit: str
    attempts: tuple[Attempt, ...]
    rules: tuple[Outlook, ...]
    tests: int
    counted: bool
    missing: tuple[str, ...]
    obstacles: tuple[Reason, ...]
    refusals: tuple[Refusal, ...]

    @property
    def exit_code(self) -> int:
        """0, or 3 where the audit could at best be inconclusive."""
        return 3 if self.obstacles else 0

    @property
    def prospect(self) -> Reason:
        """What can be hoped for where there is no obstacle."""
        uncertain = [one for one in self.rules if one.required and one.pass_low is not None and one.pass_low < POWER]
        if uncertain:
            return reason("pass-uncertain", rules=", ".join(one.named for one in uncertain))
        return reason("no-obstacle")

    def to_json(self) -> str:
        """Sorted keys: the same plan gives the same text."""
        from pydantic import TypeAdapter

        tree = TypeAdapter(Plan).dump_python(self, mode="json")
        return json.dumps(tree, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)


def plan(recipe: Recipe, policy: Policy, registry: Registry) -> Plan:
    """Reads and checks the files, and says what an audit of them could show.

    Raises:
        InputError: A file or the recipe is not what it should be; every problem found is named.
        PluginError: The recipe names an attack or a parameter that is not there.
    """
    return planned(rehearsed(recipe, registry), chosen(recipe, registry), policy, registry.refusals)


def planned(case: Case, plugins: Chosen, policy: Policy, refusals: tuple[Refusal, ...] = ()) -> Plan:
    """What an audit of a case by these attacks and checks, with their parameters, could show."""
    with_defaults = [(plugin, plugin.params.model_validate(params).model_dump()) for plugin, params in plugins]
    by_name = {plugin.name: (plugin, params) for plugin, params in with_defaults}
    facts = case.facts
    rows = []
    for rule in policy.rules:
        plugin, params = by_name.get(rule.attack, (None, {}))
        its = None if plugin is None else basis(plugin, params, rule, case)
        rows.append((rule, its, outlook(rule, plugin, params, its, case)))
    tests = sum(what.tests for _, _, what in rows)
    outlooks = [what if its is None else forecast(what, rule, its, policy, facts, tests) for rule, its, what in rows]
    missing, obstacles = _obstacles(policy, facts, outlooks)
    return Plan(
        name=case.name,
        policy=policy.name,
        version=policy.version,
        certifying=policy.certifying,
        smoke=policy.smoke,
        facts=facts,
        unit=case.unit,
        attempts=tuple(
            Attempt(name=plugin.name, lacks=lacking(plugin, case, params)) for plugin, params in with_defaults
        ),
        rules=tuple(outlooks),
        tests=tests,
        counted=all(what.counted for what in outlooks),
        missing=missing,
        obstacles=obstacles,
        refusals=refusals,
    )


def _obstacles(
    policy: Policy, facts: Mapping[str, int], outlooks: Sequence[Outlook]
) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """Goals that would not be assessed, and all that keeps any release from passing."""
    assessed = {what.goal for what in outlooks if what.assesses}
    kinds = [kind for kind in policy.needs if facts.get(kind)]
    missing = tuple(dict.fromkeys(goal for kind in kinds for goal in policy.needs[kind] if goal not in assessed))
    reasons = [reason("goal-not-planned", goal=goal) for goal in missing]
    if missing and not facts["non_members"]:
        reasons.append(reason("holdout-missing"))
        wanting = [what for what in outlooks if what.required and what.goal in missing]
        sizes = [what.needed for what in wanting if what.needed is not None]
        if sizes:
            reasons.append(reason("holdout-size", needed=rounded_up(max(sizes))))
    if not kinds:
        reasons.append(reason("kind-not-covered"))
    if not assessed - {USEFULNESS}:
        reasons.append(reason("nothing-assessed"))
    required = [what for what in outlooks if what.required and what.state != "not-assessed"]
    blocked = [what.rule for what in required if what.state == "blocked" or not what.supports_pass]
    if blocked:
        reasons.append(reason("rules-blocked", rules=", ".join(dict.fromkeys(blocked))))
    reasons += [_hopeless(what) for what in required if what.pass_high is not None and what.pass_high < HOPELESS]
    return missing, tuple(reasons)


def _hopeless(what: Outlook) -> Reason:
    chance = likely(what.pass_high or 0.0)
    if what.needed is None:
        return reason("hopeless-ever", rule=what.named, chance=chance)
    return reason("hopeless", rule=what.named, chance=chance, needed=rounded_up(what.needed))
