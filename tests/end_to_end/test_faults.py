"""Attacks that break, plugins that do not load, runs that are cut off."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError('no')",
        "import os\nos._exit(5)",
        "return Scores(of='s', values=np.full(len(question.targets), np.nan))",
    ],
)
def test_a_broken_gating_attack_is_an_error_and_the_others_finish(
    files, sekisho, attack_file, gate, tmp_path, body
) -> None:
    out = tmp_path / "pack"
    ran = sekisho("audit", *files.options(), "--plugin", attack_file(body), "--policy", gate("tried"), "--out", out)
    assert ran.code == 4, ran.err
    assert "tried" in ran.err
    card = json.loads((out / "scorecard.json").read_text())
    outcomes = {one["attack"]: one["outcome"] for one in card["findings"]}
    assert outcomes["tried"] == "errored"
    assert outcomes["exact-copies"] == outcomes["membership"] == "measured"


def test_limits_come_from_the_recipe(files, sekisho, attack_file, gate, tmp_path) -> None:
    recipe = files.folder / "limited.yaml"
    recipe.write_text(
        "audit: limited\nrelease: {table: fresh.csv}\nmembers: members.csv\nnon_members: others.csv\n"
        "attacks: {tried: {}}\nlimits: {timeout_s: 4}\n"
    )
    plugin = attack_file("import time\ntime.sleep(300)")
    out = tmp_path / "pack"
    started = time.monotonic()
    ran = sekisho("audit", recipe, "--plugin", plugin, "--policy", gate("tried"), "--out", out)
    assert ran.code == 4, ran.err
    assert "timed out after 4" in ran.err
    assert time.monotonic() - started < 120


def test_a_stranger_that_answers_is_on_the_card(files, sekisho, attack_file, gate, tmp_path) -> None:
    body = "return Scores(of='order', values=np.arange(len(question.targets), dtype=float))"
    out = tmp_path / "pack"
    ran = sekisho("audit", *files.options(), "--plugin", attack_file(body), "--policy", gate("tried"), "--out", out)
    assert ran.code == 0, ran.err
    assert "A test attack" in (out / "scorecard.en.html").read_text()
    assert "tried.py" in (out / "scorecard.en.html").read_text()


def test_a_rule_on_a_plugin_that_is_not_there_is_inconclusive(files, sekisho, gate, tmp_path) -> None:
    ran = sekisho("audit", *files.options(), "--policy", gate("absent"), "--out", tmp_path / "pack")
    assert ran.code == 3, ran.err


def test_naming_an_attack_that_is_not_there_is_exit_2(files, sekisho, tmp_path) -> None:
    recipe = files.folder / "absent.yaml"
    recipe.write_text("audit: a\nrelease: {table: fresh.csv}\nmembers: members.csv\nattacks: {membrship: {}}\n")
    ran = sekisho("audit", recipe, "--out", tmp_path / "pack")
    assert ran.code == 2
    assert "did you mean 'membership'" in ran.err


def test_a_plugin_that_floods_both_streams_leaves_json_whole(files, sekisho, attack_file, tmp_path) -> None:
    body = """
    import sys
    for stream in (sys.stdout, sys.stderr):
        for _ in range(2000):
            print("flood" * 100, file=stream)
    return Scores(of="s", values=np.zeros(len(question.targets)))
    """
    ran = sekisho("audit", *files.options(), "--plugin", attack_file(body), "--json", "--out", tmp_path / "pack")
    assert json.loads(ran.out)["verdict"] == "pass"
    assert "floodflood" not in ran.err


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_cut_off_leaves_nothing_behind_and_resumes(
    files, sekisho, attack_file, tmp_path, sent, code
) -> None:
    mark = tmp_path / "started"
    wait = tmp_path / "wait"
    wait.touch()
    body = f"""
    import pathlib, time
    pathlib.Path({str(mark)!r}).touch()
    while pathlib.Path({str(wait)!r}).exists():
        time.sleep(0.1)
    return Scores(of="s", values=np.arange(len(question.targets), dtype=float))
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    out = tmp_path / "pack"
    arguments = ["audit", *files.options(), "--plugin", str(attack_file(body)), "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "audit_core", *arguments],
        env={**os.environ, "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
    )
    while not mark.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(sent)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert list(temporary.iterdir()) == []
    assert not (out / "scorecard.json").exists()
    assert sekisho(*arguments).code == 2  # what stands there is not overwritten in silence
    wait.unlink()
    resumed = sekisho(*arguments, "--resume")
    assert resumed.code == 0, resumed.err
    whole = sekisho(*arguments[:-1], tmp_path / "whole")
    assert whole.code == 0
    cards = [json.loads((folder / "scorecard.json").read_text()) for folder in (out, tmp_path / "whole")]
    for card in cards:
        del card["volatile"]
    assert cards[0] == cards[1]


def test_output_into_a_closed_pipe_is_quiet(sekisho) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "audit_core", "schema", "scorecard"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    with process.stderr as errors:
        assert b"Traceback" not in errors.read()
    assert process.wait(timeout=60) == 141


def test_the_exit_code_survives_a_native_library_that_aborts_at_the_end(tmp_path) -> None:
    """As the thread pool of a reader does now and then."""
    last = "import ctypes, sys\nlibc = ctypes.CDLL(None)\nlibc.__cxa_atexit(libc.abort, None, None)\n"
    for work, code in (("sys.exit(3)", 3), ("pass", 0), ("print('said')", 0)):
        program = f"{last}from audit_core.leaving import leave_after\ndef work():\n    {work}\n"
        plain = subprocess.run([sys.executable, "-c", f"{program}work()"], capture_output=True, check=False)
        kept = subprocess.run([sys.executable, "-c", f"{program}leave_after(work)"], capture_output=True, check=False)
        assert plain.returncode == -6
        assert kept.returncode == code
        assert kept.stdout == (b"said\n" if "said" in work else b"")


def test_a_fault_of_our_own_is_exit_4_and_quotes_nothing(monkeypatch, capsys) -> None:
    from audit_core.cli import main

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Smith, 12 Main Street")

    monkeypatch.setattr("audit_core.policy.load_policy", broken)
    with pytest.raises(SystemExit) as left:
        main(["policy", "show", "starter"])
    said = capsys.readouterr().err
    assert left.value.code == 4
    assert "RuntimeError at test_faults.py:" in said
    assert "Smith" not in said
