"""Runs the command as a user would: in a process of its own, on files."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

NAMES = ("age", "income", "visits", "region", "status", "note")
CANARIES = ("Wisteria-7731", "Kaede=カナリア", "９０４４１８２")
"""Values that only a member's record holds. No output may hold them, in any width or case."""

Row = tuple[str, ...]


def population(n: int, rng: np.random.Generator) -> list[Row]:
    """Rows of three numbers and three categories."""
    return [
        (
            str(rng.integers(18, 95)),
            f"{rng.lognormal(10, 0.5):.2f}",
            str(rng.poisson(4)),
            f"region {rng.integers(0, 12)}",
            ("single", "married", "widowed")[rng.integers(0, 3)],
            f"note {rng.integers(0, 40)}",
        )
        for _ in range(n)
    ]


def write(path: Path, rows: Sequence[Row], names: Sequence[str] = NAMES) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
    return path


@dataclass(frozen=True)
class Files:
    """The three files of an audit, and a release that copies members."""

    folder: Path
    members: Path
    non_members: Path
    fresh: Path
    leaky: Path

    def options(self, release: Path | None = None) -> list[str]:
        named = {"--release": release or self.fresh, "--members": self.members, "--non-members": self.non_members}
        return [str(word) for pair in named.items() for word in pair]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A population of 6,000 made-up people; three members carry the canaries."""
    folder = tmp_path_factory.mktemp("files")
    rows = population(6000, np.random.default_rng(7))
    members, others, fresh = rows[:2000], rows[2000:4000], rows[4000:]
    for position, canary in enumerate(CANARIES):
        members[position] = (*members[position][:5], canary)
    return Files(
        folder=folder,
        members=write(folder / "members.csv", members),
        non_members=write(folder / "others.csv", others),
        fresh=write(folder / "fresh.csv", fresh),
        leaky=write(folder / "leaky.csv", [*members[:200], *fresh[200:]]),
    )


@dataclass(frozen=True)
class Ran:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", **more}


@pytest.fixture(scope="session")
def sekisho() -> Callable[..., Ran]:
    """Runs `sekisho` with arguments."""

    def run(*arguments: object, cwd: Path | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "audit_core", *map(str, arguments)],
            capture_output=True,
            cwd=cwd,
            env=environment(),
            timeout=600,
        )
        return Ran(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def canaries() -> tuple[str, ...]:
    return CANARIES


@pytest.fixture(scope="session")
def table() -> Callable[..., Path]:
    """Writes rows as CSV: `table(path, rows, names)`."""
    return write


@pytest.fixture(scope="session")
def pack(files: Files, sekisho: Callable[..., Ran], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished pack of the leaky release."""
    out = tmp_path_factory.mktemp("packs") / "leaky"
    ran = sekisho("audit", *files.options(files.leaky), "--quasi-identifiers", "age,region", "--out", out)
    assert ran.code == 1, ran.err
    return out
