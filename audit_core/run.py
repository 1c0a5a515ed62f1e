"""The story of an audit, from recipe to scorecard."""

import os
import platform
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audit_core import __version__
from audit_core.attempt import Attempted, attempt
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case, content_digest
from audit_core.chosen import chosen
from audit_core.errors import Problem, RunError, raise_all
from audit_core.examination import hygiene, twins
from audit_core.isolation import Usage
from audit_core.judge import judge
from audit_core.measurement import USEFULNESS, Measurement, Reason, measured
from audit_core.policy import Policy
from audit_core.preparation import Prepared, prepared
from audit_core.progress import Progress, silent
from audit_core.recipe import Recipe
from audit_core.registry import Registry
from audit_core.scorecard import (
    SCHEMA_VERSION,
    Finding,
    GeneratorFacts,
    Inputs,
    PolicyFacts,
    Provenance,
    ReleaseFacts,
    Scorecard,
    Verdict,
    Volatile,
)
from audit_core.sources import digests_now
from audit_core.words import LANGUAGES, say
from audit_core.written.recipe import ModelledSpec, SplitSpec

_DISTRIBUTIONS = ("numpy", "scipy", "scikit-learn", "pyarrow", "pydantic")
_OF_MODELS = ("torch", "transformers", "peft")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What an audit yields.

    Attributes:
        record_risk: For each attack and score, how each member was ranked, shape `(n_members,)`, where it was asked
            for; see `inquiry.Marked`.
        member_rows: For each of those members, its row in the members' file, counted from 1.
    """

    scorecard: Scorecard
    record_risk: dict[str, NDArray[np.float64]]
    member_rows: NDArray[np.int64]


def audit(
    recipe: Recipe,
    policy: Policy,
    registry: Registry,
    *,
    cache: Cache | None = None,
    progress: Progress = silent,
    debug: bool = False,
    with_twins: bool | None = None,
    record_risk: bool = False,
    folder: Path | None = None,
) -> Audited:
    """Audits a release and judges it by a policy.

    Args:
        with_twins: Try every attack on twins of the case; only where the policy certifies if None.
        record_risk: Keep how each member was ranked.
        folder: Of the pack, where a release is written that the recipe wants made.

    Raises:
        InputError: A file or the recipe is not what it should be; every problem found is named.
        PluginError: The recipe names an attack, a generator or a parameter that is not there.
        RunError: A release could not be made, or an input changed while the audit ran.
        ValueError: A release is to be made, or a model to be run, and no folder is given.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    plugins = chosen(recipe, registry)
    cache = cache or Cache()
    its = prepared(recipe, registry, cache, progress, folder, debug=debug)
    case = its.case
    setting = Setting(
        seed=recipe.seed,
        content=content_digest(case),
        limits=recipe.limits,
        confidence=policy.confidence,
        debug=debug,
        record_risk=record_risk,
        folder=recipe.folder,
        making=recipe.generate_limits,
    )
    measuring = [plugin for plugin, _ in plugins]
    bench = lay_out(case, setting, registry, measuring, cache, scores=its.scores, groups=its.groups)
    attempts: dict[str, Attempted] = {}
    for plugin, params in plugins:
        progress("started", plugin.name)
        attempts[plugin.name] = attempt(plugin, params, bench)
        progress("finished", plugin.name)
    findings = tuple(attempted.finding for attempted in attempts.values())
    usages = {name: attempted.usage for name, attempted in attempts.items()} | its.usages
    progress("started", "controls")
    controls = [*hygiene(bench, findings)]
    if (policy.certifying if with_twins is None else with_twins) and case.non_members is not None:
        controls += twins(bench, plugins, findings, policy, usages)
    progress("finished", "controls")
    refuse_changed_inputs(recipe, case, its.made)
    progress("judging", policy.name)
    card = _unjudged(recipe, its, registry, findings, policy, volatile_of(started, clock, usages))
    return Audited(
        scorecard=judged(replace(card, controls=tuple(controls)), policy),
        record_risk={
            f"{name}/{score}": risk
            for name, attempted in attempts.items()
            for score, risk in attempted.record_risk.items()
        },
        member_rows=case.member_rows,
    )


def judged(scorecard: Scorecard, policy: Policy) -> Scorecard:
    """The scorecard judged by a policy, from its stored evidence alone."""
    findings, usefulness = (
        tuple(replace(finding, measurements=_measured_again(finding.measurements, policy)) for finding in some)
        for some in (scorecard.findings, scorecard.usefulness)
    )
    controls = tuple(
        replace(control, measurements=_measured_again(control.measurements, policy)) for control in scorecard.controls
    )
    result = judge(policy, findings + usefulness, scorecard.facts, controls=controls)
    return replace(
        scorecard,
        policy=policy_facts(policy),
        findings=findings,
        usefulness=usefulness,
        controls=result.controls,
        judgements=result.judgements,
        verdict=result.verdict,
        reasons=result.reasons,
        missing=result.missing,
    )


def _measured_again(measurements: Sequence[Measurement], policy: Policy) -> tuple[Measurement, ...]:
    """The measurements with intervals at the policy's confidence."""
    return tuple(
        measured(one.name, one.evidence, of=one.of, blind=one.blind, confidence=policy.confidence)
        for one in measurements
    )


def refuse_changed_inputs(recipe: Recipe, case: Case, made: Path | None = None) -> None:
    before = {name: facts.digest for name, facts in case.files.items()}
    raise_all(
        [
            Problem(
                code="input-changed",
                what="the file changed while the audit ran, so there is no verdict",
                where=case.files[name].name,
                fix="Run the audit again on files that nobody writes to",
            )
            for name, digest in digests_now(recipe, made).items()
            if before.get(name) != digest
        ],
        RunError,
    )


def _unjudged(
    recipe: Recipe,
    its: Prepared,
    registry: Registry,
    findings: tuple[Finding, ...],
    policy: Policy,
    volatile: Volatile,
) -> Scorecard:
    case = its.case
    return Scorecard(
        schema_version=SCHEMA_VERSION,
        name=recipe.audit,
        verdict=Verdict.INCONCLUSIVE,
        reasons=(),
        release=release_facts(case),
        inputs=inputs_of(case),
        unit=case.unit,
        facts=case.facts,
        policy=policy_facts(policy),
        missing=(),
        judgements=(),
        findings=tuple(finding for finding in findings if finding.goal != USEFULNESS),
        controls=(),
        guarantee=case.guarantee,
        usefulness=tuple(finding for finding in findings if finding.goal == USEFULNESS),
        provenance=provenance(recipe, registry, findings, its.made_by, its.steps),
        texts=texts(registry, findings),
        volatile=volatile,
    )


def release_facts(case: Case) -> ReleaseFacts:
    release = case.files["release"]
    return ReleaseFacts(
        name=release.name,
        kind="table" if case.model is None else "model",
        rows=release.rows,
        columns=case.published.names if case.model is None else (),
        digest=release.digest,
        base=None if case.model is None else case.model.base_name,
    )


def inputs_of(case: Case) -> Inputs:
    return Inputs(
        members=case.files["members"],
        non_members=case.files.get("non_members"),
        overlap=case.overlap,
        columns=_columns(case),
        texts=case.texts or None,
    )


def _columns(case: Case) -> dict[str, str]:
    if case.model is not None:
        return {}
    kinds = {column.name: column.kind for table in (case.members, case.published) for column in table.columns}
    return {
        name: ", ".join(word for word in (kinds.get(name, ""), "" if role == "plain" else role) if word)
        for name, role in case.roles.items()
    }


def policy_facts(policy: Policy) -> PolicyFacts:
    return PolicyFacts(
        name=policy.name,
        title=dict(policy.title),
        version=policy.version,
        digest=policy.digest,
        confidence=policy.confidence,
        certifying=policy.certifying,
    )


def provenance(
    recipe: Recipe,
    registry: Registry,
    findings: Sequence[Finding],
    made_by: tuple[str, Mapping[str, object]] | None = None,
    steps: tuple[Reason, ...] = (),
) -> Provenance:
    distributions = {}
    for name in (*_DISTRIBUTIONS, *(_OF_MODELS if isinstance(recipe.release, ModelledSpec) else ())):
        try:
            distributions[name] = version(name)
        except PackageNotFoundError:
            continue
    return Provenance(
        sekisho=__version__,
        python=platform.python_version(),
        seed=recipe.seed,
        distributions=distributions,
        plugins={finding.attack: finding.origin for finding in findings}
        | ({} if made_by is None else {made_by[0]: registry.origins[made_by[0]].name}),
        refusals=registry.refusals,
        generator=None if made_by is None else GeneratorFacts(name=made_by[0], params=dict(made_by[1]), steps=steps),
        split=recipe.non_members.split if isinstance(recipe.non_members, SplitSpec) else None,
    )


def texts(registry: Registry, findings: Sequence[Finding]) -> dict[str, dict[str, str]]:
    """The plugins' own words, so that a view needs no plugin."""
    plugins = registry.measuring
    return {
        language: {
            f"{finding.attack}.{part}": say(words, language)
            for finding in findings
            for part, words in (
                ("title", plugins[finding.attack].title),
                ("assumption", plugins[finding.attack].assumption),
            )
        }
        for language in LANGUAGES
    }


def volatile_of(started: datetime, clock: float, usages: Mapping[str, Usage]) -> Volatile:
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return Volatile(
        started=started.isoformat(timespec="seconds"),
        seconds={name: round(usage.seconds, 2) for name, usage in usages.items()}
        | {"total": round(time.monotonic() - clock, 2)},
        peak_mib={name: round(usage.peak_mib, 1) for name, usage in usages.items()} | {"core": round(kib / 1024, 1)},
        platform=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
    )
