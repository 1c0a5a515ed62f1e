"""Puts one plugin to work in a child process and marks what it says. Whatever happens, there is a finding."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from audit_core import __version__, exchange, isolation, marking
from audit_core.answers import Scores
from audit_core.bench import Bench
from audit_core.cache import Cache, key
from audit_core.case import Case
from audit_core.isolation import Failed, Job, Usage
from audit_core.measurement import Detail, Measurement, Reason, measured
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.pools import Pool, question_of
from audit_core.questions import Asset, Neighbours
from audit_core.scorecard import Finding
from audit_core.seeds import stream
from audit_core.tables import Ids, Table


def attempt(plugin: AttackPlugin | CheckPlugin, params: Mapping[str, Any], bench: Bench) -> tuple[Finding, Usage]:
    """One plugin's finding: measured, not run for want of something, or errored with the reason."""
    usage = Usage()
    blank = _blank(plugin, params, bench)
    if (lacking := _lacking(plugin, bench.case)) is not None:
        return replace(blank, outcome="not-run", reason=lacking), usage
    name = key(
        "finding",
        __version__,
        bench.setting.content,
        bench.setting.seed,
        bench.setting.confidence,
        plugin.name,
        plugin.load,
        blank.origin,
        _code(bench.registry.origins[plugin.name].file),
        blank.params,
        _declared(bench.case),
    )
    if (stored := _stored(name, bench.cache)) is not None:
        return stored, usage
    work = _attack if isinstance(plugin, AttackPlugin) else _check
    started = time.monotonic()
    try:
        finding = work(plugin, blank, bench, usage)  # type: ignore[arg-type]
    except Failed as failed:
        return replace(blank, outcome="errored", reason=failed.reason), usage
    finally:
        usage.seconds = time.monotonic() - started
    bench.cache.keep_text(name, TypeAdapter(Finding).dump_json(finding))
    return finding, usage


def _declared(case: Case) -> dict[str, Any]:
    """What a plugin may depend on besides the tables' content: roles, claims, identifiers (by the files' digests)."""
    return {
        "roles": case.roles,
        "unit": case.unit,
        "generalised": case.generalised,
        "k_anonymity_min": case.k_anonymity_min,
        "files": {name: facts.digest for name, facts in case.files.items()},
    }


def _code(file: str | None) -> str | None:
    """The digest of a plugin that is a single file: its name stays when its code changes."""
    return None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _stored(name: str, cache: Cache) -> Finding | None:
    """What an earlier run found; None if nothing, or if what it wrote is damaged."""
    data = cache.text(name)
    try:
        return None if data is None else TypeAdapter(Finding).validate_json(data)
    except ValidationError:
        return None


def _blank(plugin: AttackPlugin | CheckPlugin, params: Mapping[str, Any], bench: Bench) -> Finding:
    attack = isinstance(plugin, AttackPlugin)
    return Finding(
        attack=plugin.name,
        role="attack" if attack else "check",
        goal=plugin.goal,
        outcome="measured",
        reason=None,
        sees=tuple(sorted(plugin.sees)) if isinstance(plugin, AttackPlugin) else ("case",),
        measurements=(),
        details=(),
        caveats=(),
        references=plugin.references,
        params=plugin.params.model_validate(params).model_dump(mode="json"),
        origin=bench.registry.origins[plugin.name].name,
    )


def _lacking(plugin: AttackPlugin | CheckPlugin, case: Case) -> Reason | None:
    """What the case does not have that the plugin cannot do without."""
    if isinstance(plugin, AttackPlugin):
        if case.non_members is None:
            return Reason(code="needs-non-members", args={})
        if not case.release.columns:
            return Reason(code="needs-comparable-columns", args={})
        if Asset.REFERENCE in plugin.sees and (units := _units(case.non_members, case.non_member_subjects)) < 2:
            return Reason(code="not-measurable", args={"trials": str(units)})  # no fold would be left as reference
        return None
    missing = [name for name in plugin.needs if not case.facts.get(name)]
    return Reason(code="needs-facts", args={"facts": ", ".join(missing)}) if missing else None


def _units(table: Table, subjects: Ids | None) -> int:
    return len(table) if subjects is None else len(np.unique(subjects))


def _job(plugin: AttackPlugin | CheckPlugin, blank: Finding, bench: Bench, question: int) -> Job:
    # The child learns its own stream only: from the run's seed it could repeat the pools' if the content were known.
    entropy = stream(bench.setting.seed, blank.role, plugin.name, str(question)).integers(2**32, size=8)
    return Job(
        role=blank.role,
        load=plugin.load,
        file=bench.registry.origins[plugin.name].file,
        params=blank.params,
        entropy=tuple(int(word) for word in entropy),
        debug=bench.setting.debug,
    )


def _attack(plugin: AttackPlugin, blank: Finding, bench: Bench, usage: Usage) -> Finding:
    pools = bench.pools_of(plugin)
    answers, ignored = [], 0
    for number, pool in enumerate(pools):
        # One after the other: beside each other, the one could read the other's question, which holds its controls.
        question = question_of(bench.case, pool, plugin.sees, _neighbours(plugin, pool, bench))
        scores, more = isolation.run(
            _job(plugin, blank, bench, number),
            bench.setting.limits,
            partial(exchange.write_question, question=question),
            partial(_read_scores, plugin.name, len(pool.row)),
            usage,
        )
        answers.append(scores)
        ignored += more
    if len({tuple(score.of for score in scores) for scores in answers}) > 1:
        raise Failed(_malformed(plugin.name, "Scores.of: not the same in every question"))
    measurements, curves = marking.membership(bench.case, pools, answers, bench.setting.confidence)
    return replace(blank, measurements=measurements, details=curves, caveats=_ignored(ignored))


def _neighbours(plugin: AttackPlugin, pool: Pool, bench: Bench) -> dict[Asset, Neighbours]:
    """The targets' nearest rows in every asset the attack sees, in the targets' order."""
    if not plugin.neighbours:
        return {}
    arms = {"members": pool.row[pool.member], "non_members": pool.row[~pool.member]}
    found: dict[Asset, Neighbours] = {}
    for asset in sorted(plugin.sees):
        parts = {}
        for arm, rows in arms.items():
            if asset is Asset.RELEASE:
                every = bench.rows.between(arm, "release", plugin.neighbours)
                parts[arm] = Neighbours(distance=every.distance[rows], row=every.row[rows])
            else:
                parts[arm] = bench.rows.among(arm, rows, "non_members", pool.reference, plugin.neighbours)
        found[asset] = _in_order(pool, parts["members"], parts["non_members"])
    return found


def _in_order(pool: Pool, members: Neighbours, non_members: Neighbours) -> Neighbours:
    distance = np.empty((len(pool.row), members.distance.shape[1]), dtype=np.float32)
    row = np.empty_like(distance, dtype=np.int32)
    for which, part in ((pool.member, members), (~pool.member, non_members)):
        distance[which], row[which] = part.distance, part.row
    return Neighbours(distance=distance, row=row)


def _check(plugin: CheckPlugin, blank: Finding, bench: Bench, usage: Usage) -> Finding:
    neighbours = {
        f"{left}>{right}": bench.rows.between(left, right, k)
        for left, right, k in plugin.neighbours
        if bench.rows.has(left) and bench.rows.has(right)
    }
    case = replace(bench.case, neighbours=neighbours)
    measurements, details, caveats = isolation.run(
        _job(plugin, blank, bench, 0),
        bench.setting.limits,
        partial(exchange.write_case, case=case),
        partial(_read_measured, plugin, bench.setting.confidence),
        usage,
    )
    return replace(blank, measurements=measurements, details=details, caveats=caveats)


def _read_scores(name: str, n_targets: int, folder: Path) -> tuple[tuple[Scores, ...], int]:
    try:
        return exchange.read_scores(folder, n_targets), _count_ignored(folder)
    except exchange.Malformed as error:
        raise Failed(_malformed(name, str(error))) from None


def _read_measured(
    plugin: CheckPlugin, confidence: float, folder: Path
) -> tuple[tuple[Measurement, ...], tuple[Detail, ...], tuple[Reason, ...]]:
    try:
        told = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
        said = TypeAdapter(tuple[Measurement, ...]).validate_python(told["measurements"])
        details = TypeAdapter(tuple[Detail, ...]).validate_python(told["details"])
        caveats = TypeAdapter(tuple[Reason, ...]).validate_python(told["caveats"])
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field_name = ".".join(str(part) for part in first["loc"])
        raise Failed(_malformed(plugin.name, f"{field_name}: {first['type']}")) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise Failed(_malformed(plugin.name, "measured.json: unreadable")) from None
    for measurement in said:
        if measurement.name not in plugin.measures:
            raise Failed(_malformed(plugin.name, "Measurement.name: not among the record's measures"))
    # Value, interval and n follow from the evidence; what a plugin says of them does not count.
    measurements = tuple(
        measured(one.name, one.evidence, of=one.of, blind=one.blind, confidence=confidence) for one in said
    )
    return measurements, details, caveats + _ignored(_count_ignored(folder))


def _count_ignored(folder: Path) -> int:
    try:
        return int(json.loads((folder / "ignored.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return 0


def _ignored(count: int) -> tuple[Reason, ...]:
    return (Reason(code="answers-ignored", args={"count": count}),) if count else ()


def _malformed(name: str, field_name: str) -> Reason:
    return Reason(code="malformed-answer", args={"plugin": name, "field": field_name})
