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


def made(folder: Path, rows: int, copied: int) -> Files:
    """A population of made-up people, `rows` in each file; three members carry the canaries."""
    people = population(3 * rows, np.random.default_rng(7))
    members, others, fresh = people[:rows], people[rows : 2 * rows], people[2 * rows :]
    for position, canary in enumerate(CANARIES):
        members[position] = (*members[position][:5], canary)
    return Files(
        folder=folder,
        members=write(folder / "members.csv", members),
        non_members=write(folder / "others.csv", others),
        fresh=write(folder / "fresh.csv", fresh),
        leaky=write(folder / "leaky.csv", [*members[:copied], *fresh[copied:]]),
    )


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """2,000 rows in each file, enough to pass; the leaky release copies 200 members."""
    return made(tmp_path_factory.mktemp("files"), 2000, 200)


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """100 rows in each file, for what is not about the verdict."""
    return made(tmp_path_factory.mktemp("few"), 100, 10)


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
    """Runs `sekisho` with arguments; keywords but `cwd` are variables of its environment."""

    def run(*arguments: object, cwd: Path | None = None, **variables: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "audit_core", *map(str, arguments)],
            capture_output=True,
            cwd=cwd,
            env=environment(**variables),
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


GATED = """
policy: gated
title: {en: Gated, ja: ゲート}
version: 1
needs: {table: [membership]}
rules:
"""
GATE = """
  - attack: ATTACK
    measurement: MEASUREMENT
    goal: membership
    at_most: 0.55
    basis: house
    rationale: {en: A test., ja: 試験。}
    source: A test
"""


@pytest.fixture
def gate(tmp_path: Path) -> Callable[..., Path]:
    """A policy that gates on one measurement of each of some attacks or checks."""

    def written(*attacks: str, measurement: str = "auc") -> Path:
        path = tmp_path / "gated.yaml"
        gates = (GATE.replace("ATTACK", attack).replace("MEASUREMENT", measurement) for attack in attacks)
        path.write_text(GATED + "".join(gates), encoding="utf-8")
        return path

    return written


@pytest.fixture
def recipe(few: Files, tmp_path: Path) -> Callable[..., Path]:
    """A recipe on few rows that runs the attacks named; further keys as YAML text."""

    def written(*attacks: str, **more: str) -> Path:
        named = ", ".join(f"{name}: {{}}" for name in attacks)
        keys = {
            "audit": "few",
            "release": f"{{table: {few.fresh.name}}}",
            "members": few.members.name,
            "non_members": few.non_members.name,
            "attacks": f"{{{named}}}",
            **more,
        }
        folder = tmp_path / "recipe"
        folder.mkdir(exist_ok=True)
        for file in (few.fresh, few.members, few.non_members):
            (folder / file.name).write_bytes(file.read_bytes())
        path = folder / "recipe.yaml"
        path.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()), encoding="utf-8")
        return path

    return written
