"""From which dose on planted leaks are found: what follows from a calibration's evidence, and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import get_args

from audit_core import grounds
from audit_core.calibration import Calibration, Detection, Limit, Power, Trial
from audit_core.controls import fails_surely, found, loudest
from audit_core.grounds import reason
from audit_core.judge import fails
from audit_core.measurement import Measurement, Reason
from audit_core.policy import Policy, Rule
from audit_core.scorecard import Finding, Plant, Verdict
from audit_core.written.numbers import as_written

PLANTS: tuple[Plant, ...] = get_args(Plant)
"""From the plainest leak to the faintest."""

WANTED: Plant = "verbatim"
"""The plant that the policy's dose is about, as in the controls of an audit."""


def derived(calibration: Calibration, policy: Policy) -> Calibration:
    """The calibration with everything that follows from its evidence and a policy."""
    facts = calibration.facts
    findings = {finding.attack: finding for finding in calibration.findings}
    trials = tuple(_marked(trial, findings[trial.attack], policy, facts) for trial in calibration.trials)
    powers = tuple(_power(finding, trials, policy, facts) for finding in calibration.findings)
    reasons = tuple(
        why for power in powers if power.required for why in _shortcomings(power, findings[power.attack], trials)
    )
    required = sum(power.required for power in powers)
    if not required:
        reasons = (reason("nothing-calibrated"),)
    verdict = Verdict.INCONCLUSIVE if reasons else Verdict.PASS
    return replace(
        calibration,
        trials=trials,
        powers=powers,
        limits=tuple(_limits(calibration.findings, policy, facts)),
        verdict=verdict,
        reasons=reasons or (reason("calibrated", count=required),),
    )


def _marked(trial: Trial, finding: Finding, policy: Policy, facts: dict[str, int]) -> Trial:
    """The trial with what its measurements say."""
    twin = replace(finding, outcome=trial.outcome, measurements=trial.measurements)
    best = loudest(trial.measurements)
    return replace(
        trial,
        telling="" if best is None else f"{best.measurement.name}/{best.measurement.of}",
        found=found(trial.measurements) is not None,
        fails=_fails(twin, policy, facts),
        flagged=_flagged(twin, policy, facts),
    )


def _fails(finding: Finding, policy: Policy, facts: dict[str, int]) -> bool:
    return finding.outcome == "measured" and fails(policy, finding, facts=facts)


def _flagged(finding: Finding, policy: Policy, facts: dict[str, int]) -> bool:
    return finding.outcome == "measured" and fails_surely(policy, finding, partial(fails, facts=facts))


def _power(finding: Finding, trials: Sequence[Trial], policy: Policy, facts: dict[str, int]) -> Power:
    its = [trial for trial in trials if trial.attack == finding.attack]
    innocent = [trial for trial in its if trial.twin == "innocent" and trial.outcome == "measured"]
    return Power(
        attack=finding.attack,
        required=bool(_rules(finding, policy, facts)),
        dose=float(policy.dose_of(finding.goal)),
        found_unplanted=found(finding.measurements) is not None,
        fails_unplanted=_fails(finding, policy, facts),
        detections=tuple(
            Detection(
                plant=plant,
                found_from=_from(_leaky(its, plant), lambda trial: trial.found),
                fails_from=_from(_leaky(its, plant), lambda trial: trial.fails),
            )
            for plant in PLANTS
        ),
        errors=sum(trial.outcome == "errored" for trial in its),
        innocent=len(innocent),
        innocent_found=sum(trial.found for trial in innocent),
        innocent_flagged=sum(trial.flagged for trial in innocent),
    )


def _leaky(trials: Sequence[Trial], plant: Plant) -> list[Trial]:
    return [trial for trial in trials if trial.plant == plant]


def _from(trials: Sequence[Trial], holds: Callable[[Trial], bool]) -> float | None:
    """The smallest dose at which it holds in every trial, and at every larger dose too; None where there is none.

    A dose below one that was missed was found by luck.
    """
    smallest = None
    for dose in sorted({trial.dose for trial in trials}, reverse=True):
        if not all(holds(trial) for trial in trials if trial.dose == dose):
            break
        smallest = dose
    return smallest


def _rules(finding: Finding, policy: Policy, facts: dict[str, int]) -> list[Rule]:
    """The rules that apply to the case and rest on what an attack compares."""
    return [
        rule
        for rule in policy.rules
        if rule.attack == finding.attack
        and not rule.floor
        and rule.measurement in finding.compares
        and grounds.unmet(rule.when, facts) is None
    ]


def _limits(findings: Sequence[Finding], policy: Policy, facts: dict[str, int]) -> Iterator[Limit]:
    for finding in findings:
        for rule in _rules(finding, policy, facts):
            yield Limit(
                attack=rule.attack,
                measurement=rule.measurement,
                of=rule.of,
                at_most=as_written(rule.bar),
                margin=as_written(rule.margin),
            )


def _shortcomings(power: Power, finding: Finding, trials: Sequence[Trial]) -> Iterator[Reason]:
    """Why an attack is not shown to be awake and silent; nothing where it is."""
    attack = power.attack
    if finding.outcome != "measured":
        yield reason("not-calibrated", attack=attack)
        return
    if power.found_unplanted:
        yield reason("found-unplanted", attack=attack)
    if power.errors:
        yield reason("trials-errored", attack=attack, count=power.errors)
    tried = _leaky([trial for trial in trials if trial.attack == attack], WANTED)
    largest = max((trial.dose for trial in tried if trial.dose <= power.dose), default=None)
    wanted = next(its for its in power.detections if its.plant == WANTED).found_from
    if largest is None:
        yield reason("dose-not-tried", attack=attack, dose=percent(power.dose))
    elif wanted is None or wanted > power.dose:
        at_it = [trial for trial in tried if trial.dose == largest]
        counts = {"found": sum(trial.found for trial in at_it), "count": len(at_it)}
        yield reason("dose-missed", attack=attack, dose=percent(largest), **counts)
    if not power.innocent:
        yield reason("too-few-for-twin")
    elif power.innocent_flagged:
        counts = {"flagged": power.innocent_flagged, "count": power.innocent}
        yield reason("innocent-flagged", attack=attack, **counts)


def percent(dose: float) -> str:
    """A dose as it is said: 10 %."""
    return f"{100 * dose:g} %"


def compared(finding: Finding) -> tuple[Measurement, ...]:
    """What a finding compares."""
    return tuple(one for one in finding.measurements if one.name in finding.compares)
