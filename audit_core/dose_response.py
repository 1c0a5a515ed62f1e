"""Runs a calibration: every attack on leaky twins of every kind, dose and draw, and on innocent twins."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from audit_core.attempt import Attempted, attempt
from audit_core.bench import Bench, Setting, lay_out
from audit_core.cache import Cache
from audit_core.calibration import SCHEMA_VERSION, Calibration, Trial
from audit_core.case import content_digest
from audit_core.chosen import chosen
from audit_core.detection import PLANTS, compared, derived, percent
from audit_core.errors import InputError, Problem
from audit_core.grounds import reason
from audit_core.isolation import Usage
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.policy import Policy
from audit_core.progress import Progress, silent
from audit_core.recipe import Recipe
from audit_core.registry import Registry
from audit_core.run import (
    inputs_of,
    policy_facts,
    provenance,
    refuse_changed_inputs,
    release_facts,
    texts,
    volatile_of,
)
from audit_core.scorecard import Finding, Verdict
from audit_core.sources import read_sources
from audit_core.table_case import prepare
from audit_core.twins import JITTER, REDRAWN, innocent, kept_true, leaky
from audit_core.written.recipe import ModelledSpec

Chosen = Sequence[tuple[AttackPlugin | CheckPlugin, Mapping[str, Any]]]


def calibrate(
    recipe: Recipe,
    policy: Policy,
    registry: Registry,
    *,
    doses: Sequence[Fraction],
    repeats: int,
    cache: Cache | None = None,
    progress: Progress = silent,
    debug: bool = False,
) -> Calibration:
    """Plants members in a release, dose by dose, and sees which attacks notice.

    Args:
        doses: Planted rows as shares of the released rows, above 0.
        repeats: How many draws of each twin, at least 1.

    Raises:
        InputError: A file or the recipe is not what it should be, there are no non-members, or nothing that the recipe
            asks for compares members with non-members.
        PluginError: The recipe names an attack or a parameter that is not there.
        RunError: An input changed while it ran.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    plugins = [(plugin, params) for plugin, params in chosen(recipe, registry) if plugin.compares]
    if not plugins:
        raise InputError(
            Problem(
                code="nothing-to-calibrate",
                what="no attack or check that is asked for compares members with non-members",
                where="attacks",
                fix="Ask for one that does; `sekisho plugins list` shows them",
            )
        )
    progress("reading", recipe.audit)
    if isinstance(recipe.release, ModelledSpec):
        raise InputError(
            Problem(
                code="calibration-of-model",
                what="a calibration plants rows in a table, and what goes out is a language model",
                where="release",
                fix="Audit the recipe with --controls: its twins are the base, and a model over-fitted to some members",
            )
        )
    sources = read_sources(recipe)
    if "release" not in sources.files:
        raise InputError(
            Problem(
                code="calibration-needs-release",
                what="the release has yet to be made, and twins are made of one that is there",
                where="release",
                fix="Audit the recipe first, then calibrate with `release: {table: FILE}` of what it made",
            )
        )
    case = prepare(recipe, sources)
    if case.non_members is None:
        raise InputError(
            Problem(
                code="calibration-needs-non-members",
                what="without non-members no attack can be told from chance",
                where="non_members",
                fix="Give rows of the same population that were not used",
            )
        )
    setting = Setting(
        seed=recipe.seed,
        content=content_digest(case),
        limits=recipe.limits,
        confidence=policy.confidence,
        debug=debug,
        folder=recipe.folder,
    )
    bench = lay_out(case, setting, registry, [plugin for plugin, _ in plugins], cache or Cache())
    usages: dict[str, Usage] = {}
    findings = []
    for plugin, params in plugins:
        progress("started", f"{plugin.name} on the release itself")
        finding = _counted(attempt(plugin, params, bench), usages)
        findings.append(replace(finding, measurements=compared(finding), details=()))
    # What cannot be measured of the release, or breaks on it, would not do better on its twins.
    measured = {finding.attack for finding in findings if finding.outcome == "measured"}
    awake = [(plugin, params) for plugin, params in plugins if plugin.name in measured]
    tried = sorted({float(dose) for dose in doses})
    trials = tuple(_trials(bench, awake, tried, repeats, usages, progress))
    refuse_changed_inputs(recipe, case)
    progress("judging", policy.name)
    return derived(
        Calibration(
            schema_version=SCHEMA_VERSION,
            name=recipe.audit,
            verdict=Verdict.INCONCLUSIVE,
            reasons=(),
            release=release_facts(case),
            inputs=inputs_of(case),
            unit=case.unit,
            facts=case.facts,
            policy=policy_facts(policy),
            doses=tuple(tried),
            repeats=repeats,
            jitter=JITTER,
            kept_true=kept_true(case),
            redrawn=REDRAWN,
            limits=(),
            powers=(),
            findings=tuple(findings),
            trials=trials,
            provenance=provenance(recipe, registry, findings),
            texts=texts(registry, findings),
            volatile=volatile_of(started, clock, usages),
        ),
        policy,
    )


def _trials(
    bench: Bench, awake: Chosen, doses: Sequence[float], repeats: int, usages: dict[str, Usage], progress: Progress
) -> Iterator[Trial]:
    """Every attack on every twin; nothing follows from the measurements yet."""
    total = len(awake) * repeats * (1 + len(PLANTS) * len(doses))
    done = 0
    for called, trial, twin in _twins(bench, doses, repeats):
        for plugin, params in awake:
            done += 1
            progress("started", f"{plugin.name} on the {called} ({done} of {total})")
            blank = replace(trial, attack=plugin.name)
            if twin is None:
                yield replace(blank, outcome="not-run", reason=reason("too-few-for-twin"))
                continue
            finding = _counted(attempt(plugin, params, twin), usages)
            its = compared(finding)
            yield replace(blank, outcome=finding.outcome, reason=finding.reason, measurements=its)


def _twins(bench: Bench, doses: Sequence[float], repeats: int) -> Iterator[tuple[str, Trial, Bench | None]]:
    """Every twin, made when it is its turn: what it is called, its trial before any attack, and the twin itself."""
    for repeat in range(repeats):
        blank = Trial(attack="", twin="innocent", repeat=repeat, outcome="measured", reason=None, measurements=())
        draw = f"draw {repeat + 1}"
        yield f"innocent twin, {draw}", blank, innocent(bench, repeat)
        for plant in PLANTS:
            for dose in doses:
                twin = leaky(bench, dose, plant, repeat)
                planted = len(twin.case.release) - len(bench.case.release)
                trial = replace(blank, twin="leaky", plant=plant, dose=dose, planted=planted)
                yield f"leaky twin, {plant} {percent(dose)}, {draw}", trial, twin


def _counted(attempted: Attempted, usages: dict[str, Usage]) -> Finding:
    """The finding; what it took is added up by attack."""
    total = usages.setdefault(attempted.finding.attack, Usage())
    total.seconds += attempted.usage.seconds
    total.peak_mib = max(total.peak_mib, attempted.usage.peak_mib)
    return attempted.finding
