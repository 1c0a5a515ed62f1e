"""Planted leaks in; curves, a page and an exit code out."""

import json
import os
import signal
import stat
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

VIEWS = {"calibration.json", "calibration.en.html", "calibration.ja.html"}
RECORDS = {"recipe.resolved.yaml", "policy.resolved.yaml", "manifest.json"}
QUICK = ["--doses", "10%", "--repeats", "1"]
DEMO = """
audit: demo
release: {table: release_ctgan.parquet}
members: members.parquet
non_members: non_members.parquet
columns: {income: {role: sensitive}}
attacks: {linkability: {}}
"""


@pytest.fixture(scope="module")
def demo(sekisho, tmp_path_factory) -> Path:
    """The calibration of one attack on the demo's CTGAN release."""
    from importlib import resources

    folder = tmp_path_factory.mktemp("demo")
    with resources.as_file(resources.files("audit_core") / "demo") as data:
        for name in ("release_ctgan", "members", "non_members"):
            (folder / f"{name}.parquet").symlink_to(data / f"{name}.parquet")
        (folder / "recipe.yaml").write_text(DEMO)
        out = folder / "out"
        ran = sekisho("calibrate", folder / "recipe.yaml", "--allow-outside", *QUICK, "--out", out, "--json")
    assert ran.code == 0, ran.err
    assert ran.out == (out / "calibration.json").read_text(encoding="utf-8")
    assert ran.err.splitlines()[-1].endswith("calibration.en.html")
    return out


def document(folder: Path) -> dict:
    return json.loads((folder / "calibration.json").read_text(encoding="utf-8"))


def test_a_calibration_is_whole_and_for_its_owner_only(demo) -> None:
    assert {path.name for path in demo.iterdir()} == VIEWS | RECORDS
    assert stat.S_IMODE(demo.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in demo.iterdir()} == {0o600}


def test_every_twin_was_tried_and_the_plainest_plant_found(demo) -> None:
    told = document(demo)
    assert told["verdict"] == "pass"
    tried = {(one["twin"], one["plant"], one["dose"], one["repeat"]) for one in told["trials"]}
    plants = ("verbatim", "jittered", "one-sensitive-column")
    assert tried == {("innocent", None, 0, 0), *(("leaky", plant, 0.1, 0) for plant in plants)}
    assert len(told["trials"]) == len(tried)
    assert all(one["measurements"] and one["outcome"] == "measured" for one in told["trials"])
    (power,) = told["powers"]
    assert (power["attack"], power["required"], power["dose"]) == ("linkability", True, 0.1)
    assert next(one for one in power["detections"] if one["plant"] == "verbatim")["found_from"] == 0.1
    assert (power["innocent"], power["innocent_flagged"]) == (1, 0)


def test_a_stored_calibration_renders_again_and_verifies(demo, sekisho, tmp_path) -> None:
    for language in ("en", "ja"):
        page = tmp_path / f"{language}.html"
        ran = sekisho("render", demo, "--lang", language, "--out", page)
        assert ran.code == 0, ran.err
        assert page.read_bytes() == (demo / f"calibration.{language}.html").read_bytes()
    ran = sekisho("verify", demo)
    assert (ran.code, ran.out) == (0, "verified\n"), ran.err
    wrong = sekisho("render", demo, "--format", "junit")
    assert (wrong.code, "calibration-html" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"found_from": 0.1', '"found_from": 0.01', "pack-judgement-changed"),
        ('"k1": ', '"k1": 1', "pack-figure-changed"),
    ],
)
def test_a_forged_find_or_count_is_found_though_the_digests_agree(demo, sekisho, tmp_path, old, new, code) -> None:
    import shutil

    from audit_core import pack

    copy = Path(shutil.copytree(demo, tmp_path / "copy"))
    text = (copy / "calibration.json").read_text(encoding="utf-8")
    assert old in text
    (copy / "calibration.json").write_text(text.replace(old, new, 1), encoding="utf-8")
    (copy / "manifest.json").write_bytes(
        pack.manifest({path.name: pack.digest(path.read_bytes()) for path in copy.iterdir()})
    )
    ran = sekisho("verify", copy)
    assert (ran.code, code in ran.err) == (1, True), ran.err


@pytest.fixture
def recipe(files):
    """Writes a recipe of one attack on the fresh release."""
    number = count()

    def write(attack: str, **changes: str) -> Path:
        path = files.folder / f"calibrate-{next(number)}.yaml"
        written = {
            "audit": attack,
            "release": "{table: fresh.csv}",
            "members": "members.csv",
            "non_members": "others.csv",
            "attacks": f"{{{attack}: {{}}}}",
        } | changes
        path.write_text("".join(f"{key}: {value}\n" for key, value in written.items() if value), encoding="utf-8")
        return path

    return write


def test_no_output_of_a_calibration_holds_a_value_of_a_record(files, sekisho, recipe, canaries, tmp_path) -> None:
    from audit_core.tables import normal_form

    out = tmp_path / "out"
    ran = sekisho("calibrate", recipe("exact-copies"), *QUICK, "--out", out, "--lang", "ja")
    # The policy wants copies found at 1 %, and only 10 % was tried.
    assert (ran.code, "exact-copies" in ran.out) == (3, True), ran.err
    told = document(out)
    assert [one["code"] for one in told["reasons"]] == ["dose-not-tried"]
    texts = [path.read_text(encoding="utf-8") for path in out.iterdir()] + [ran.out + ran.err]
    for text in texts:
        assert str(files.folder) not in text.replace(str(out), "")
        for canary in canaries:
            assert normal_form(canary) not in normal_form(text)


def test_what_cannot_be_calibrated_is_exit_2_before_any_work(files, sekisho, recipe, tmp_path) -> None:
    for arguments, code in (
        ([recipe("exact-copies", non_members="")], "calibration-needs-non-members"),
        ([recipe("k-anonymity", columns="{age: {role: quasi-identifier}}")], "nothing-to-calibrate"),
        ([recipe("exact-copies"), "--doses", "0"], "a dose of 0"),
        ([recipe("exact-copies"), "--doses", "10"], "10%"),
        ([recipe("exact-copies"), "--doses", "much"], "not a finite number"),
        ([recipe("exact-copies"), "--repeats", "0"], "--repeats"),
        ([], "--members"),
    ):
        out = tmp_path / str(len(code))
        ran = sekisho("calibrate", *arguments, "--out", out)
        assert (ran.code, code in ran.err) == (2, True), (arguments, ran)
        assert not (out / "calibration.json").exists()


def test_a_broken_attack_is_no_crash_and_not_calibrated(sekisho, recipe, attack_file, tmp_path) -> None:
    out = tmp_path / "out"
    plugin = attack_file("raise ValueError('no')")
    ran = sekisho("calibrate", recipe("tried"), *QUICK, "--plugin", plugin, "--out", out)
    assert ran.code == 3, ran.err  # nothing that the policy has a rule for was calibrated
    told = document(out)
    assert [one["code"] for one in told["reasons"]] == ["nothing-calibrated"]
    assert told["trials"] == []


@pytest.mark.slow
def test_a_calibration_that_is_cut_off_resumes_where_it_stopped(files, sekisho, attack_file, tmp_path) -> None:
    asked = tmp_path / "asked"
    asked.touch()
    wait = tmp_path / "wait"
    wait.touch()
    body = f"""
    import pathlib, time
    asked = pathlib.Path({str(asked)!r})
    with asked.open("a") as file:
        file.write("x")
    while pathlib.Path({str(wait)!r}).exists() and len(asked.read_text()) > 4:
        time.sleep(0.1)
    return Scores(of="s", values=np.arange(len(question.targets), dtype=float))
    """
    recipe = files.folder / "cut.yaml"
    recipe.write_text(
        "audit: cut\nrelease: {table: fresh.csv}\nmembers: members.csv\nnon_members: others.csv\nattacks: {tried: {}}\n"
    )
    out = tmp_path / "out"
    arguments = ["calibrate", str(recipe), *QUICK, "--plugin", str(attack_file(body)), "--out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "audit_core", *arguments, str(out)], env={**os.environ}, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    # Two questions each: the release itself and the first twin are done when the second twin is asked.
    for line in process.stderr:
        if b"(2 of 4)" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (out / "calibration.json").exists()
    assert sekisho(*arguments, out).code == 2  # what stands there is not overwritten in silence
    before = len(asked.read_text())
    wait.unlink()
    resumed = sekisho(*arguments, out, "--resume")
    assert resumed.code == 3, resumed.err
    # The release and the first twin were not asked again: three twins are left, of two questions each.
    assert len(asked.read_text()) - before == 6
    assert sekisho(*arguments, tmp_path / "whole").code == 3
    told = [document(folder) for folder in (out, tmp_path / "whole")]
    for one in told:
        del one["volatile"]
    assert told[0] == told[1]
    assert {path.name for path in out.iterdir()} == VIEWS | RECORDS
