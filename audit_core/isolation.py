"""Runs a plugin in a fresh child process: a private folder, a time limit, a watched memory."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from audit_core.measurement import Reason

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_PASSED_ON_PREFIXES = ("OMP_", "OPENBLAS_", "MKL_")
# On a busy machine OpenMP's threads cost more in waiting for each other than they bring.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
T = TypeVar("T")

_FIRST_LOOK, _LAST_LOOK = 0.01, 0.1  # seconds between two looks at the child


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may use.

    Attributes:
        timeout_s: Wall seconds for one question.
        memory_gib: Resident size of the child and all its children.
    """

    timeout_s: float = 600.0
    memory_gib: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a child is told besides the question.

    Attributes:
        load: "package.module:Class".
        file: Where the plugin is a single file, its path.
        entropy: Of its random generator.
        debug: Let the user see what the plugin prints; otherwise nothing of it is kept.
    """

    role: str
    load: str
    file: str | None
    params: dict[str, Any]
    entropy: tuple[int, ...]
    debug: bool = False


class Failed(Exception):
    """The child gave no answer; `reason` says why, without quoting anything it held."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.code)


@dataclass(slots=True, kw_only=True)
class Usage:
    """What a plugin used: wall seconds for all its questions, and the highest resident size of a child."""

    seconds: float = 0.0
    peak_mib: float = 0.0


def run(
    job: Job,
    limits: Limits,
    write: Callable[[Path], None],
    read: Callable[[Path], T],
    usage: Usage,
) -> T:
    """Runs one job in a fresh process with a fresh folder, which is deleted after.

    Args:
        write: Puts the question into the folder.
        read: Takes the answer out of it.

    Raises:
        Failed: It raised, died, ran too long, grew too large.
    """
    with tempfile.TemporaryDirectory(prefix="sekisho-") as name:
        folder = Path(name)
        told = {key: getattr(job, key) for key in ("role", "load", "file", "params", "entropy")}
        (folder / "job.json").write_text(json.dumps(told), encoding="utf-8")
        if job.debug:
            (folder / "debug").touch()
        write(folder)
        status = _watched(folder, limits, job.debug, usage)
        if status != 0:
            raise Failed(_why(folder, status))
        return read(folder)


def _watched(folder: Path, limits: Limits, debug: bool, usage: Usage) -> int:
    started = time.monotonic()
    shown = sys.stderr.fileno() if debug else subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
        [sys.executable, "-P", "-m", "audit_core.child", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=shown,
        stderr=shown,
        cwd=folder,
        env=_environment(folder),
        start_new_session=True,
    )
    try:
        pause = _FIRST_LOOK
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(pause)
            pause = min(pause * 1.5, _LAST_LOOK)
            resident = _resident_mib(process.pid)
            usage.peak_mib = max(usage.peak_mib, resident)
            if resident > limits.memory_gib * 1024:
                raise Failed(Reason(code="memory-limit", args={"gib": limits.memory_gib}))
            if time.monotonic() - started > limits.timeout_s:
                raise Failed(Reason(code="timed-out", args={"seconds": limits.timeout_s}))
    finally:
        _end(process)


def _environment(folder: Path) -> dict[str, str]:
    """Only what Python and its numeric libraries need; the folder stands in for home and for temporary files."""
    kept = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    return _ONE_THREAD | kept | {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONHASHSEED": "0"}


def _resident_mib(pid: int) -> float:
    """Resident size of a process and its children; address-space limits would break Arrow and BLAS."""
    total = 0
    with suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_info().rss
    return total / 2**20


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the child and every process it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _why(folder: Path, status: int) -> Reason:
    if status < 0:
        return Reason(code="process-died", args={"signal": -status})
    try:
        failure = json.loads((folder / "error.json").read_text(encoding="utf-8"))
        return Reason(code="plugin-raised", args={"type": str(failure["type"]), "place": str(failure["place"])})
    except (OSError, ValueError, KeyError, TypeError):
        return Reason(code="process-exited", args={"status": status})
