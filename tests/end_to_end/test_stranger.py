"""A stranger's attack, in its own distribution, installed beside our wheel in a clean environment, is on the card."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(source: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return max(out.glob("*.whl"), key=lambda path: path.stat().st_mtime)


@pytest.mark.slow
def test_the_template_is_installed_beside_the_wheel_and_its_row_is_on_the_card(files, tmp_path) -> None:
    wheels = [build(ROOT, tmp_path / "ours"), build(ROOT / "plugins" / "template", tmp_path / "theirs")]
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install = [
        str(python),
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "-c",
        str(ROOT / "constraints.txt"),
    ]
    done = subprocess.run([*install, *map(str, wheels)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sekisho = tmp_path / "env" / "bin" / "sekisho"

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(sekisho), *map(str, arguments)], capture_output=True, text=True, cwd=tmp_path)

    listed = json.loads(run("plugins", "list", "--json").stdout)
    assert {row["name"]: row["origin"] for row in listed["plugins"]}["rare-pairs"] == "sekisho-attack-template 0.1.0"
    assert listed["refusals"] == []
    ran = run("audit", *files.options(files.leaky), "--out", tmp_path / "pack")
    assert ran.returncode == 1, ran.stderr
    card = json.loads((tmp_path / "pack" / "scorecard.json").read_text())
    (found,) = [finding for finding in card["findings"] if finding["attack"] == "rare-pairs"]
    assert found["outcome"] == "measured"
    assert found["origin"] == "sekisho-attack-template 0.1.0"
    assert "Rare pairs of values" in (tmp_path / "pack" / "scorecard.en.html").read_text(encoding="utf-8")
    assert "まれな値の組" in (tmp_path / "pack" / "scorecard.ja.html").read_text(encoding="utf-8")
    heavy = run("plugins", "check", "rare-pairs")
    assert heavy.returncode == 0, heavy.stdout
