"""The repository itself: what the wheel holds, who imports whom, and that documents and settings agree."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PACKAGES = {"audit_core": ROOT, "audit_plugins": ROOT / "plugins", "audit_reports": ROOT / "reports"}
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
HEAVY: list[str] = PYPROJECT["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]


def package_files() -> set[str]:
    """Every file of the three packages in the working tree, by its path in the wheel."""
    return {
        path.relative_to(home).as_posix()
        for package, home in PACKAGES.items()
        for path in (home / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def source_files() -> list[Path]:
    rooms = ("audit_core", "plugins", "reports", "tests", "examples", "benchmarks")
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (archive,) = folder.glob("*.whl")
    return set(zipfile.ZipFile(archive).namelist())


def test_wheel_has_three_packages_and_nothing_else_at_the_top(wheel: set[str]) -> None:
    metadata = f"sekisho-{PROJECT['version']}.dist-info"
    assert {name.split("/")[0] for name in wheel} == {*PACKAGES, metadata}


def test_wheel_holds_every_file_of_the_packages(wheel: set[str]) -> None:
    packed = {name for name in wheel if ".dist-info/" not in name}
    assert packed == package_files()
    for expected in (
        "audit_core/py.typed",
        "audit_plugins/py.typed",
        "audit_reports/py.typed",
        "audit_core/demo/members.parquet",
        "audit_core/demo/leaky.yaml",
        "audit_core/demo/ATTRIBUTION.md",
        "audit_core/demo/text/notes.jsonl",
        "audit_core/demo/text/private.yaml",
        "audit_core/demo/text/base/model.safetensors",
    ):
        assert expected in packed


def test_wheel_carries_licence_command_and_entry_points(wheel: set[str]) -> None:
    metadata = f"sekisho-{PROJECT['version']}.dist-info"
    assert {f"{metadata}/licenses/LICENSE", f"{metadata}/entry_points.txt"} <= wheel


@pytest.mark.parametrize(
    ("room", "suffix"),
    [
        ("audit_core/policies", ".yaml"),
        ("audit_core/sentences", ".json"),
        ("audit_reports/locales", ".json"),
        ("audit_reports/templates", ".html.j2"),
        ("audit_reports/templates", ".css"),
    ],
)
def test_packages_hold_data_of_each_kind(room: str, suffix: str) -> None:
    """Guards the test above: without such files it would prove nothing about them."""
    assert any(name.startswith(f"{room}/") and name.endswith(suffix) for name in package_files())


def imported_roots(path: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.split(".")[0])
    return roots


def test_rooms_are_folders_not_packages() -> None:
    offenders = {
        str(path.relative_to(ROOT))
        for path in source_files()
        if imported_roots(path) & {"plugins", "reports", "tests", "examples", "benchmarks"}
    }
    assert offenders == set()


def loaded_by(program: str) -> set[str]:
    """The banned heavy modules in `sys.modules` after a program has run in a fresh interpreter."""
    epilogue = f"print('LOADED', *sorted(set(sys.modules) & set({HEAVY!r})))"
    code = f"import sys\ntry:\n    {program}\nexcept SystemExit as end:\n    assert not end.code, end.code\n{epilogue}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PACKAGES.values()))}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-1].removeprefix("LOADED").split())


@pytest.mark.parametrize("words", [["--help"], ["plugins", "list"]])
def test_light_commands_load_nothing_heavy(words: list[str]) -> None:
    assert loaded_by(f"from audit_core.cli import main; sys.argv[:] = ['sekisho', *{words!r}]; main()") == set()


def test_importing_the_core_and_the_manifests_loads_nothing_heavy() -> None:
    # What only a child process imports, or a backend that trains anyway, may import torch: ruff's settings say which.
    heavy = PYPROJECT["tool"]["ruff"]["lint"]["per-file-ignores"]
    for_children = {path for glob, rules in heavy.items() if "TID253" in rules for path in ROOT.glob(glob)}
    files = [
        path
        for path in sorted((ROOT / "audit_core").rglob("[!_]*.py"))
        if for_children.isdisjoint({path, *path.parents})
    ]
    core = [path.relative_to(ROOT).with_suffix("") for path in files]
    assert ROOT / "audit_core" / "doctor" / "diagnosis.py" in files
    modules = [".".join(path.parts) for path in core]
    modules += ["audit_plugins.manifest", "audit_reports.manifest"]
    assert loaded_by(f"import {', '.join(modules)}") == set()


def test_a_heavy_import_would_be_seen() -> None:
    assert "scipy" in loaded_by("import scipy")


def test_versions_agree() -> None:
    import audit_core

    assert audit_core.__version__ == PROJECT["version"]
    assert Version(PROJECT["version"]) >= Version("0.1.0")


def test_changelog_opens_with_this_version_and_keeps_numbers_apart_from_interface() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\]", text, flags=re.MULTILINE)
    assert next(version for version in versions if version != "Unreleased") == PROJECT["version"]
    assert "*Measured numbers changed*" in text
    assert "*Interface changed*" in text


def pins() -> dict[str, Version]:
    found: dict[str, Version] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert (pin.operator, requirement.url) == ("==", None)
            found[canonicalize_name(requirement.name)] = Version(pin.version)
    return found


def test_every_requirement_of_ci_is_pinned_within_its_range() -> None:
    extras = PROJECT["optional-dependencies"]
    required = [Requirement(line) for line in PROJECT["dependencies"] + extras["test"] + extras["dev"]]
    pinned = pins()
    for requirement in required:
        if requirement.name == PROJECT["name"]:
            assert requirement.extras <= set(extras)
        else:
            assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


@pytest.mark.parametrize("extra", ["test", "dev"])
def test_every_name_of_an_extra_is_an_installed_distribution(extra: str) -> None:
    for line in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name != PROJECT["name"]:
            assert importlib.metadata.version(requirement.name) in requirement.specifier


def test_no_file_of_the_build_names_a_package_index() -> None:
    for name in ("pyproject.toml", "constraints.txt", "Makefile", ".ci/run", ".pre-commit-config.yaml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text
        assert "index-url" not in text


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_pre_commit_runs_what_ci_runs() -> None:
    (repository,) = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["entry"].split()[-1] for hook in repository["hooks"]}
    (test_needs,) = re.findall(r"^test: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert hooks == set(test_needs.split())
    assert hooks <= make_targets()


def test_ci_starts_and_calls_the_documented_command() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^make .*\btest\b", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_demo_may_be_made_again() -> None:
    """The folder is its own: ignored by git, and what stands there is overwritten."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    options = re.findall(r"^\t\S*sekisho demo (.*)$", makefile, flags=re.MULTILINE)
    folders = {"demo-out": "", "demo-text-out": "text "}
    assert options == [f"{what}--out {folder} --force" for folder, what in folders.items()]
    assert {f"{folder}/" for folder in folders} <= set((ROOT / ".gitignore").read_text(encoding="utf-8").split())
