"""Has a training loop examined, in a child process of its own."""

import importlib.util
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_core import exchange, isolation
from audit_core.codes import CODES, sentence
from audit_core.doctor.findings import Probe
from audit_core.errors import PluginError, Problem, RunError
from audit_core.isolation import Failed, Job, Limits, Usage, malformed
from audit_core.measurement import Reason
from audit_core.plugin import TrainingBackendPlugin
from audit_core.refit import Heard, unheard
from audit_core.registry import Registry
from audit_core.words import LANGUAGES

LIMITS = Limits(timeout_s=600.0, memory_gib=4.0)

_NEEDED = ("torch", "transformers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What an examination found.

    Attributes:
        backend: Its name.
        origin: Where it came from.
        probes: In the order of `findings.PROBES`.
        seconds: That it took.
    """

    backend: str
    origin: str
    probes: tuple[Probe, ...]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 if all held; 4 if the loop raised in all of them, so that nothing is known; else 1."""
        if all(probe.held for probe in self.probes):
            return 0
        return 4 if all(probe.seen.code == RAISED for probe in self.probes) else 1

    def to_json(self) -> str:
        """With the sentences in all languages; the same findings give the same text, but for `seconds`."""
        told = {
            "backend": self.backend,
            "origin": self.origin,
            "probes": [
                {
                    "name": probe.name,
                    "outcome": probe.outcome,
                    "severity": probe.severity,
                    "must": {language: sentence(Reason(code=probe.code, args={}), language) for language in LANGUAGES},
                    "why": dict(CODES[probe.code].more),
                    "seen": {"code": probe.seen.code, "args": dict(probe.seen.args)}
                    | {language: sentence(probe.seen, language) for language in LANGUAGES},
                }
                for probe in self.probes
            ],
            "seconds": round(self.seconds, 1),
        }
        return json.dumps(told, ensure_ascii=False, indent=1)


RAISED = "doctor-seen-raised"


def diagnosis(
    plugin: TrainingBackendPlugin,
    params: Mapping[str, Any],
    registry: Registry,
    limits: Limits = LIMITS,
    *,
    heard: Heard = unheard,
    debug: bool = False,
) -> Diagnosis:
    """Examines the loop of a training backend.

    Args:
        params: Of the backend, with its defaults.
        heard: Is told how many probes are done.

    Raises:
        PluginError: There is no loop to examine, or what the examination needs is not installed.
        RunError: The loop could not be made, ran too long, grew too large, or died.
    """
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise PluginError(
            Problem(
                code="backend-needs-extra",
                what=f"an examination needs {', '.join(missing)}, which is not installed",
                fix="Install it with `pip install 'sekisho[language]'`",
            )
        )
    origin = registry.origins[plugin.name]
    job = Job(
        plugin=plugin.name,
        role="doctor",
        load=plugin.load,
        file=origin.file,
        params=dict(params),
        entropy=(0,),
        debug=debug,
    )
    started = time.monotonic()
    try:
        probes, lacking = isolation.run(job, limits, _nothing, _reading(plugin.name), Usage(), heard)
    except Failed as failed:
        raise RunError(_failed(failed.reason)) from None
    if lacking:
        raise PluginError(_no_loop(plugin, lacking))
    return Diagnosis(backend=plugin.name, origin=origin.name, probes=probes, seconds=time.monotonic() - started)


def _nothing(folder: Path) -> None:
    """The child needs nothing but its job: records and model are made up there."""


def _reading(name: str) -> Any:
    def read(folder: Path) -> tuple[tuple[Probe, ...], tuple[str, ...]]:
        try:
            return exchange.read_examination(folder)
        except (OSError, ValueError):
            raise Failed(malformed(name, "examination: unreadable")) from None

    return read


def _failed(why: Reason) -> Problem:
    return Problem(
        code=why.code,
        what=f"the loop could not be examined: {sentence(why, 'en')}",
        fix="`--debug` shows what it prints, tracebacks included; no record of yours is in them",
    )


def _no_loop(plugin: TrainingBackendPlugin, lacking: tuple[str, ...]) -> Problem:
    signatures = {
        "prepare": "`prepare(self, base)`, which gives the model to train",
        "private_steps": "`private_steps(self, model, records, settings)`, which takes steps of DP-SGD in place",
    }
    return Problem(
        code="no-private-loop",
        what=f"{plugin.load.partition(':')[2]} of {plugin.name!r} has no {' and no '.join(lacking)} to examine",
        fix=f"Give the class {' and '.join(signatures[name] for name in lacking)}: the guide of plugins, "
        "plugins/README.md, has an example. A backend that claims no privacy needs none of this",
    )
