"""Runs a plugin in a fresh child process: a private folder, a time limit, a watched memory."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil

from audit_core.language.training import UNFIT
from audit_core.measurement import Reason
from audit_core.refit import Heard, unheard

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
_PASSED_ON_PREFIXES = ("OMP_", "OPENBLAS_", "MKL_")
# On a busy machine OpenMP's threads cost more in waiting for each other than they bring.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# A model comes from a folder: no library may ask a hub about it.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
_OF_EVIDENCE = re.compile(r"[A-Z][A-Za-z]{,20}\.[a-z0-9]{1,20} must [a-z0-9 .]{1,40}")
"""What `InvalidEvidence` says. A child could write anything there."""

T = TypeVar("T")

REPORTS, _LONGEST_REPORTS = "progress.jsonl", 2**20
_FIRST_LOOK, _LAST_LOOK = 0.01, 0.1  # seconds between two looks at the child
_ROUNDS = 100  # more than any plugin needs that does not start processes in order to survive


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
        plugin: Its name; the child is not told.
        load: "package.module:Class".
        file: Where the plugin is a single file, its path.
        entropy: Of its random generator.
        debug: Let the user see what the plugin prints; otherwise nothing of it is kept.
    """

    plugin: str
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
    heard: Heard = unheard,
    salvage: Callable[[Path], None] | None = None,
) -> T:
    """Runs one job in a fresh process with a fresh folder, which is deleted after.

    Args:
        write: Puts the question into the folder.
        read: Takes the answer out of it.
        heard: Is told what the child reports while it works.
        salvage: Takes out of the folder what is to be kept although the child failed.

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
        status = _watched(folder, limits, job.debug, usage, Reports(folder, heard))
        if status != 0:
            if salvage is not None:
                salvage(folder)
            raise Failed(_why(folder, status, job.plugin))
        return read(folder)


class Reports:
    """What a child reports in lines of JSON; what is none is passed over."""

    def __init__(self, folder: Path, heard: Heard) -> None:
        """Takes the child's folder, and who is told."""
        self._path, self._heard, self._read = folder / REPORTS, heard, 0

    def hear(self) -> None:
        """Tells of the last line written since."""
        with suppress(OSError, ValueError):
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read(_LONGEST_REPORTS)
            whole, _, _ = new.rpartition(b"\n")
            if not whole:
                return
            self._read += len(whole) + 1
            told = json.loads(whole.splitlines()[-1])
            if isinstance(told, dict):
                self._heard({str(name): value for name, value in told.items() if isinstance(value, int | float)})


def _watched(folder: Path, limits: Limits, debug: bool, usage: Usage, reports: Reports) -> int:
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
    child = psutil.Process(process.pid)  # it has not been waited for, so the number is still its own
    family, born = {child}, child.create_time()
    try:
        pause = _FIRST_LOOK
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(pause)
            pause = min(pause * 1.5, _LAST_LOOK)
            reports.hear()
            family |= _descendants(child)
            resident = _resident_mib(family)
            usage.peak_mib = max(usage.peak_mib, resident)
            if resident > limits.memory_gib * 1024:
                raise Failed(Reason(code="memory-limit", args={"gib": limits.memory_gib}))
            if time.monotonic() - started > limits.timeout_s:
                raise Failed(Reason(code="timed-out", args={"seconds": limits.timeout_s}))
    finally:
        family |= _descendants(child)
        _end(process, family, partial(_homed_in, folder, born))


def _environment(folder: Path) -> dict[str, str]:
    """Only what Python and its numeric libraries need; the folder stands in for home and for temporary files."""
    kept = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }
    own = {"HOME": str(folder), "TMPDIR": str(folder), "JOBLIB_TEMP_FOLDER": str(folder), "PYTHONHASHSEED": "0"}
    return _ONE_THREAD | kept | _OFFLINE | own


def _descendants(child: psutil.Process) -> set[psutil.Process]:
    """What descends from a process through processes that live."""
    with suppress(psutil.Error):
        return set(child.children(recursive=True))
    return set()


def _resident_mib(family: set[psutil.Process]) -> float:
    """Resident size of processes, the dead ones taken out; address-space limits would break Arrow and BLAS."""
    total = 0
    for process in tuple(family):
        try:
            if process.is_running():  # and is not another one with its number
                total += process.memory_info().rss
                continue
        except psutil.AccessDenied:
            continue
        except psutil.Error:
            pass
        family.discard(process)
    return total / 2**20


def _end(
    process: subprocess.Popen[bytes], family: set[psutil.Process], others: Callable[[], set[psutil.Process]]
) -> None:
    """Ends the child and every process it started, also where it ended by itself and left some behind.

    Args:
        family: The child, and what was seen to descend from it.
        others: Finds what else it started.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left, ended = {one for one in family if one.is_running()} | others(), set[psutil.Process]()
    for _ in range(_ROUNDS):
        if not left:
            return
        for one in left:
            with suppress(psutil.Error):
                one.kill()  # and never another process that has been given its number
        ended |= left
        left = others() - ended  # what one of them started in its last moment


def _homed_in(folder: Path, born: float) -> set[psutil.Process]:
    """The processes whose home is the child's folder: whatever it starts inherits that, in a session of its own too.

    Args:
        born: When the child was; what is older, which is most, need not be looked into.
    """
    found = set()
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            one = psutil.Process(pid)
            if one.create_time() >= born and one.environ().get("HOME") == str(folder):
                found.add(one)
    return found


def _why(folder: Path, status: int, plugin: str) -> Reason:
    if status < 0:
        return Reason(code="process-died", args={"signal": -status})
    try:
        failure = json.loads((folder / "error.json").read_text(encoding="utf-8"))
        raised = Reason(code="plugin-raised", args={"type": str(failure["type"]), "place": str(failure["place"])})
        evidence = _OF_EVIDENCE.fullmatch(str(failure.get("evidence")))
        unfit = failure.get("unfit")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Reason(code="process-exited", args={"status": status})
    if isinstance(unfit, str) and unfit in UNFIT:
        return Reason(code=unfit, args={})
    return raised if evidence is None else malformed(plugin, evidence.group())


def malformed(plugin: str, field: str) -> Reason:
    """That an answer is not what it must be.

    Args:
        field: What is wrong with it, without a value.
    """
    return Reason(code="malformed-answer", args={"plugin": plugin, "field": field})
