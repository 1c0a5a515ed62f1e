"""Puts one plugin to work in a child process and marks what it says. Whatever happens, there is a finding."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError

from audit_core import __version__, exchange, isolation, needs
from audit_core.answers import Malformed
from audit_core.bench import Bench
from audit_core.cache import key
from audit_core.case import Case
from audit_core.evidence import InvalidEvidence
from audit_core.exchanged_answers import read_answers
from audit_core.inquiry import (
    Inquiry,
    Put,
    canaries,
    continuation,
    hidden_value,
    inclusion,
    linkage,
    membership,
    singling_out,
)
from audit_core.isolation import Failed, Job, Usage, malformed
from audit_core.measurement import Detail, Measurement, Reason, measured
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.questions import Asset, QuestionName
from audit_core.registry import Registry
from audit_core.scorecard import Finding
from audit_core.seeds import stream

INQUIRIES: dict[QuestionName, Callable[[AttackPlugin, dict[str, Any], Bench], Inquiry]] = {
    "membership": membership.inquiry,
    "inclusion": inclusion.inquiry,
    "hidden-value": hidden_value.inquiry,
    "linkage": linkage.inquiry,
    "singling-out": singling_out.inquiry,
    "continuation": continuation.inquiry,
    "canaries": canaries.inquiry,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """What came of an attempt.

    Attributes:
        record_risk: For each score of a membership attack, how each member was ranked; see `inquiry.Marked`.
    """

    finding: Finding
    usage: Usage = field(default_factory=Usage)
    record_risk: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def attempt(plugin: AttackPlugin | CheckPlugin, params: Mapping[str, Any], bench: Bench) -> Attempted:
    """One plugin's finding: measured, not run for want of something, or errored with the reason."""
    blank = _blank(plugin, params, bench)
    if (lacking := needs.lacking(plugin, bench.case, blank.params)) is not None:
        return Attempted(finding=replace(blank, outcome="not-run", reason=lacking))
    name = key(
        "finding",
        __version__,
        bench.setting.content,
        bench.setting.twin,
        bench.setting.seed,
        bench.setting.confidence,
        plugin.name,
        plugin.load,
        blank.origin,
        _code(bench.registry.origins[plugin.name].file),
        _handed_over(plugin, blank.params, bench.registry),
        blank.params,
        _declared(bench.case),
    )
    if (stored := _stored(name, bench)) is not None:
        return stored
    work = _attack if isinstance(plugin, AttackPlugin) else _check
    usage = Usage()
    started = time.monotonic()
    try:
        attempted = replace(work(plugin, blank, bench, usage), usage=usage)  # type: ignore[arg-type]
    except Failed as failed:
        return Attempted(finding=replace(blank, outcome="errored", reason=failed.reason), usage=usage)
    finally:
        usage.seconds = time.monotonic() - started
    bench.cache.keep_text(name, TypeAdapter(Finding).dump_json(attempted.finding))
    if bench.setting.record_risk and attempted.record_risk:
        bench.cache.keep_arrays(name, attempted.record_risk)
    return attempted


def _declared(case: Case) -> dict[str, Any]:
    """What a plugin may depend on besides the tables' content: roles, claims, identifiers (by the files' digests)."""
    return {
        "roles": case.roles,
        "unit": case.unit,
        "generalised": case.generalised,
        "k_anonymity_min": case.k_anonymity_min,
        "files": {name: facts.digest for name, facts in case.files.items()},
        "p_in": case.p_in,
        "model": None if case.model is None else [case.model.digest, case.model.base_digest],
        "claim": None if case.guarantee is None else hashlib.sha256(case.guarantee.to_json()).hexdigest(),
    }


def _code(file: str | None) -> str | None:
    """The digest of a plugin that is a single file: its name stays when its code changes."""
    return None if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _handed_over(plugin: AttackPlugin | CheckPlugin, params: Mapping[str, Any], registry: Registry) -> list[str | None]:
    """What brought the generator or the training that an attack is handed, and its code; nothing without either."""
    if not isinstance(plugin, AttackPlugin) or not plugin.sees & {Asset.GENERATOR, Asset.TRAINING}:
        return []
    name = params.get("generator" if Asset.GENERATOR in plugin.sees else "train")
    if name is None:
        return []
    return [registry.origins[name].name, _code(registry.origins[name].file)]


def _stored(name: str, bench: Bench) -> Attempted | None:
    """What an earlier run found; None if nothing, something damaged, or less than is wanted now."""
    data = bench.cache.text(name)
    try:
        finding = None if data is None else TypeAdapter(Finding).validate_json(data)
    except ValidationError:
        return None
    if finding is None:
        return None
    if not bench.setting.record_risk or not any(one.name == "auc" for one in finding.measurements):
        return Attempted(finding=finding)
    risk = bench.cache.arrays(name)
    return None if risk is None else Attempted(finding=finding, record_risk=risk)


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
        compares=plugin.compares,
    )


def _job(plugin: AttackPlugin | CheckPlugin, blank: Finding, bench: Bench, question: int) -> Job:
    # The child learns its own stream only: from the run's seed it could repeat the pools' if the content were known.
    entropy = stream(bench.setting.seed, blank.role, plugin.name, str(question), bench.setting.twin).integers(
        2**32, size=8
    )
    return Job(
        plugin=plugin.name,
        role=blank.role,
        load=plugin.load,
        file=bench.registry.origins[plugin.name].file,
        params=blank.params,
        entropy=tuple(int(word) for word in entropy),
        debug=bench.setting.debug,
    )


def _attack(plugin: AttackPlugin, blank: Finding, bench: Bench, usage: Usage) -> Attempted:
    inquiry = INQUIRIES[plugin.question](plugin, blank.params, bench)
    answers, ignored = [], 0
    for number, put in enumerate(inquiry.puts):
        # One after the other: beside each other, the one could read the other's question, which holds its controls.
        said, more = isolation.run(
            _job(plugin, blank, bench, number),
            bench.setting.making if Asset.TRAINING in plugin.sees else bench.setting.limits,
            partial(exchange.write_question, question=put.question()),
            partial(_read_answers, plugin.name, put),
            usage,
        )
        answers.append(said)
        ignored += more
    if len({tuple(one.of for one in said) for said in answers}) > 1 and plugin.question == "membership":
        raise Failed(malformed(plugin.name, "Scores.of: not the same in every question"))
    try:
        marked = inquiry.mark(answers)
    except Malformed as error:
        raise Failed(malformed(plugin.name, str(error))) from None
    finding = replace(
        blank,
        measurements=marked.measurements,
        details=marked.details,
        caveats=inquiry.caveats + marked.caveats + _ignored(ignored),
    )
    return Attempted(finding=finding, record_risk=marked.record_risk)


def _check(plugin: CheckPlugin, blank: Finding, bench: Bench, usage: Usage) -> Attempted:
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
    return Attempted(finding=replace(blank, measurements=measurements, details=details, caveats=caveats))


def _read_answers(name: str, put: Put, folder: Path) -> tuple[tuple[Any, ...], int]:
    try:
        return read_answers(folder, put.accepts, put.n, texts=put.texts, width=put.width), _count_ignored(folder)
    except Malformed as error:
        raise Failed(malformed(name, str(error))) from None


def _read_measured(
    plugin: CheckPlugin, confidence: float, folder: Path
) -> tuple[tuple[Measurement, ...], tuple[Detail, ...], tuple[Reason, ...]]:
    try:
        told = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
        rooms = [told[room] for room in ("measurements", "details", "caveats")]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise Failed(malformed(plugin.name, "measured.json: unreadable")) from None
    said: tuple[Measurement, ...] = _validated(plugin.name, "Measurement", Measurement, rooms[0])
    details: tuple[Detail, ...] = _validated(plugin.name, "Detail", Detail, rooms[1])
    caveats: tuple[Reason, ...] = _validated(plugin.name, "Reason", Reason, rooms[2])
    for measurement in said:
        if measurement.name not in plugin.measures:
            raise Failed(malformed(plugin.name, "Measurement.name: not among the record's measures"))
    # Value, interval and n follow from the evidence; what a plugin says of them does not count.
    measurements = tuple(
        measured(one.name, one.evidence, of=one.of, blind=one.blind, confidence=confidence) for one in said
    )
    return measurements, details, caveats + _ignored(_count_ignored(folder))


def _validated(plugin: str, name: str, kind: Any, told: object) -> Any:
    """What a child told, as a tuple of one kind. A card holds no number that is not finite, so none may come in."""
    try:
        return TypeAdapter(tuple[kind, ...], config=ConfigDict(allow_inf_nan=False)).validate_python(told)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        first = next((fault for fault in faults if fault["type"] == "finite_number"), faults[0])
        why = first.get("ctx", {}).get("error")
        place = ".".join(str(part) for part in (name, *first["loc"][1:]))
        what = "NaN or infinite" if first["type"] == "finite_number" else first["type"]
        field_name = str(why) if isinstance(why, InvalidEvidence) else f"{place}: {what}"
        raise Failed(malformed(plugin, field_name)) from None


def _count_ignored(folder: Path) -> int:
    try:
        return int(json.loads((folder / "ignored.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return 0


def _ignored(count: int) -> tuple[Reason, ...]:
    return (Reason(code="answers-ignored", args={"count": count}),) if count else ()
