"""A plugin that fails, hangs, grows, dies, lies or pries costs one finding, and learns nothing."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from audit_core.attempt import attempt
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.isolation import Limits
from audit_core.registry import discover
from audit_core.scorecard import Finding
from audit_core.testing import made_up_case

AttackFile = Callable[..., Path]
MINUTE = Limits(timeout_s=60)


def find(path: Path, limits: Limits = MINUTE, rows: int = 40, debug: bool = False) -> Finding:
    registry = discover([path])
    plugin = registry.attacks[path.stem.replace("_", "-")]
    case = made_up_case("innocent", rows=rows)
    setting = Setting(seed=0, content="test", limits=limits, confidence=0.95, debug=debug)
    return attempt(plugin, {}, lay_out(case, setting, registry, [plugin], Cache())).finding


def test_raising_is_told_by_kind_and_place_without_the_message(attack_file: AttackFile) -> None:
    finding = find(attack_file("raise KeyError('Smith, 12 Main Street')"))
    assert finding.outcome == "errored"
    assert finding.reason is not None
    assert finding.reason.code == "plugin-raised"
    assert finding.reason.args["type"] == "KeyError"
    assert str(finding.reason.args["place"]).startswith("tried.py:")
    assert "Smith" not in str(finding)


def test_a_dead_process_is_told_by_its_signal(attack_file: AttackFile) -> None:
    finding = find(attack_file("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"))
    assert finding.reason is not None
    assert (finding.reason.code, finding.reason.args) == ("process-died", {"signal": 11})


@pytest.mark.parametrize(("status", "code"), [(0, "malformed-answer"), (3, "process-exited")])
def test_leaving_without_an_answer(attack_file: AttackFile, status: int, code: str) -> None:
    finding = find(attack_file(f"import os\nos._exit({status})"))
    assert finding.outcome == "errored"
    assert finding.reason is not None
    assert finding.reason.code == code


def living(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ends(pid: int) -> bool:
    """Whether a process ends within five seconds."""
    for _ in range(50):
        if not living(pid):
            return True
        time.sleep(0.1)
    return False


CHILD = "subprocess.Popen(['sh', '-c', script])"
DETACHED = "subprocess.Popen(['sh', '-c', script], start_new_session=True)"
ORPHAN = "subprocess.run(['sh', '-c', f\"sh -c '{script}' &\"], start_new_session=True)"  # it descends from nobody
HANGS = "time.sleep(600)"
EXITS = "os._exit(3)"
ANSWERS = "return Scores(of='s', values=np.zeros(len(question.targets)))"


@pytest.mark.parametrize(
    ("start", "then", "outcome"),
    [
        (CHILD, HANGS, "timed-out"),
        (DETACHED, HANGS, "timed-out"),
        (ORPHAN, HANGS, "timed-out"),
        (DETACHED, EXITS, "process-exited"),
        (DETACHED, ANSWERS, "measured"),
        (ORPHAN, ANSWERS, "measured"),
    ],
)
def test_an_attack_is_ended_with_all_that_it_started(
    attack_file: AttackFile, tmp_path: Path, start: str, then: str, outcome: str
) -> None:
    """Though it be in a session of its own, and its parent gone, and the attack ended by itself."""
    mark = tmp_path / "mark"
    body = f"""
    import os, pathlib, subprocess, time
    mark = pathlib.Path({str(mark)!r})
    script = f"echo $$ > {{mark}}; exec sleep 60"
    {start}
    while not mark.exists() or not mark.read_text():
        time.sleep(0.01)
    {then}
    """
    started = time.monotonic()
    finding = find(attack_file(body), Limits(timeout_s=5))
    assert time.monotonic() - started < 60
    assert outcome == (finding.outcome if finding.reason is None else finding.reason.code)
    assert ends(int(mark.read_text()))


def test_a_growing_attack_is_ended(attack_file: AttackFile) -> None:
    body = """
    held = []
    while True:
        held.append(np.ones(4_000_000))
    """
    finding = find(attack_file(body), Limits(timeout_s=60, memory_gib=0.5))
    assert finding.reason is not None
    assert (finding.reason.code, finding.reason.args) == ("memory-limit", {"gib": 0.5})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("return Scores(of='s', values=np.full(len(question.targets), np.nan))", "Scores.values: NaN or infinite"),
        ("return Scores(of='s', values=np.zeros(3))", "Scores.values: shape"),
        ("return Scores(of='', values=np.zeros(len(question.targets)))", "Scores.of: a name is missing"),
        ("return (Scores(of='s', values=np.zeros(len(question.targets))),) * 2", "Scores.of: a name is given twice"),
        ("return None", "Scores: none was given"),
        ("return Scores(of=str(rng.random()), values=np.zeros(len(question.targets)))", "Scores.of: not the same"),
    ],
)
def test_a_malformed_answer_names_plugin_and_field(attack_file: AttackFile, body: str, field: str) -> None:
    finding = find(attack_file(body))
    assert finding.outcome == "errored"
    assert finding.reason is not None
    assert finding.reason.args["plugin"] == "tried"
    assert str(finding.reason.args["field"]).startswith(field)


def checked(path: Path) -> Finding:
    registry = discover([path])
    plugin = registry.checks["tried"]
    setting = Setting(seed=0, content="test", limits=MINUTE, confidence=0.95)
    return attempt(plugin, {}, lay_out(made_up_case("innocent", rows=4), setting, registry, [plugin], Cache())).finding


HELD = "Proportion(k=1, n=3)"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("yield measured('share', Proportion(k=float('nan'), n=3))", "Proportion.k must be a finite number"),
        ("yield measured('share', Proportion(k=5, n=3))", "Proportion.k must not be above n"),
        ("yield measured('share', Proportion(k='Smith', n=3))", "Proportion.k must be a number"),
        ("yield measured('share', 0.1)", "Measurement.evidence must be"),
        ("yield measured('other', Proportion(k=1, n=3))", "Measurement.name: not among"),
        (f"yield measured('share', {HELD}, of=5)", "Measurement.of: string_type"),
        (f"yield measured('share', {HELD}, blind=np.nan)", "Measurement.blind: NaN or infinite"),
        (
            f"p = {HELD}\nobject.__setattr__(p, 'k', 5.0)\nyield measured('share', p)",
            "Proportion.k must not be above n",
        ),
        (f"yield measured('share', {HELD})\nyield Reason(code='a', args={{'b': np.inf}})", "Reason.args.b"),
        (
            f"yield measured('share', {HELD})\nyield RocCurve(of='s', fpr=(np.nan,), tpr=(0.5,), n1=1, n0=1)",
            "Detail.roc.fpr.0: NaN or infinite",
        ),
        (
            f"yield measured('share', {HELD})\nyield Histogram(of='s', labels=('a',), counts=(20, 30))",
            "Histogram.counts must be as many as labels",
        ),
    ],
)
def test_a_malformed_measurement_names_plugin_and_field_and_quotes_nothing(
    check_file: AttackFile, body: str, field: str
) -> None:
    finding = checked(check_file(body))
    assert finding.outcome == "errored"
    assert finding.measurements == ()
    assert finding.reason is not None
    assert (finding.reason.code, finding.reason.args["plugin"]) == ("malformed-answer", "tried")
    assert str(finding.reason.args["field"]).startswith(field)
    assert "Smith" not in str(finding)


def test_what_a_child_writes_in_evidence_s_name_is_not_repeated(check_file: AttackFile) -> None:
    body = """
    from audit_core.evidence import InvalidEvidence
    error = InvalidEvidence(Proportion, "k", "be a number")
    error.args = ("Smith, 12 Main Street",)
    raise error
    yield
    """
    finding = checked(check_file(body))
    assert finding.reason is not None
    assert finding.reason.code == "plugin-raised"
    assert "Smith" not in str(finding)


def test_a_verdict_of_its_own_is_ignored_and_said(attack_file: AttackFile) -> None:
    finding = find(attack_file("return (Scores(of='s', values=np.zeros(len(question.targets))), 'PASS')"))
    assert finding.outcome == "measured"
    assert [(caveat.code, caveat.args) for caveat in finding.caveats] == [("answers-ignored", {"count": 2})]


def test_what_a_plugin_prints_goes_nowhere(attack_file: AttackFile, capfd: pytest.CaptureFixture[str]) -> None:
    body = """
    import os, sys
    print("Smith" * 100_000); print("Smith", file=sys.stderr); os.write(1, b"Smith")
    return Scores(of="s", values=np.zeros(len(question.targets)))
    """
    assert find(attack_file(body)).outcome == "measured"
    assert "Smith" not in "".join(capfd.readouterr())


def test_debug_shows_what_it_prints_on_standard_error_only(
    attack_file: AttackFile, capfd: pytest.CaptureFixture[str]
) -> None:
    find(attack_file("print('here')\nraise ValueError('there')"), debug=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "here" in err
    assert "there" in err


def test_the_question_cannot_be_written_to(attack_file: AttackFile) -> None:
    finding = find(attack_file("question.release.codes[0, 0] = 0"))
    assert finding.reason is not None
    assert finding.reason.args["type"] == "ValueError"


def test_the_folder_is_gone_after(attack_file: AttackFile, tmp_path: Path) -> None:
    mark = tmp_path / "folder"
    body = f"""
    import os, pathlib
    pathlib.Path({str(mark)!r}).write_text(os.getcwd())
    return Scores(of="s", values=np.zeros(len(question.targets)))
    """
    assert find(attack_file(body)).outcome == "measured"
    assert not Path(mark.read_text()).exists()


PRIES = """
import gc, glob, json, os, pathlib, sys
seen = [" ".join(sys.argv), json.dumps(dict(os.environ)), os.getcwd()]
for link in glob.glob("/proc/self/fd/*"):
    try:
        seen.append(os.readlink(link))
    except OSError:
        pass
for path in pathlib.Path.cwd().rglob("*"):
    if path.is_file():
        seen.append(path.name + " " + path.read_bytes().hex())
frame, depth = sys._getframe(), 0
while frame is not None:
    seen.append(repr({name: value for name, value in frame.f_locals.items() if name != "seen"}))
    frame = frame.f_back
keys = [item for item in gc.get_objects() if type(item).__name__ in ("Pool", "Case", "Bench")]
state = pathlib.Path.home() / "state"
carried = state.exists()
state.write_text("seen")
module = sys.modules[__name__]
carried = carried or hasattr(module, "mark")
module.mark = True
pathlib.Path(OUT).joinpath(str(os.getpid())).write_text(json.dumps(
    {"seen": seen, "keys": len(keys), "carried": carried, "n": len(question.targets)}))
return Scores(of="s", values=np.zeros(len(question.targets)))
"""


def test_an_attack_that_looks_for_the_key_does_not_find_it(
    attack_file: AttackFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments, environment, open files, its folder, frames, live objects, state from one question to the next."""
    import json

    from audit_core.inquiry.pools import cut
    from audit_core.seeds import stream

    told = tmp_path / "told"
    told.mkdir()
    monkeypatch.setenv("SEKISHO_SECRET", "the key is here")
    finding = find(attack_file(PRIES.replace("OUT", repr(str(told)))))
    assert finding.outcome == "measured"
    case = made_up_case("innocent", rows=40)
    pools = cut(case, with_reference=True, rng=stream(0, "pools", "True", "test"))
    reports = [json.loads(path.read_text()) for path in told.iterdir()]
    assert len(reports) == len(pools) == 2
    for report in reports:
        everything = "\n".join(report["seen"])
        assert report["keys"] == 0
        assert not report["carried"]
        assert "the key is here" not in everything
        for pool in pools:
            for form in (pool.member, pool.member.astype(np.int32), pool.member.astype(float), pool.row):
                assert form.tobytes().hex() not in everything
        assert "made-up" not in everything  # no name of an input file
        assert str(os.getpid()) not in everything.split()


def test_the_stream_an_attack_gets_does_not_repeat_the_pools(attack_file: AttackFile, tmp_path: Path) -> None:
    told = tmp_path / "order"
    body = f"""
    import pathlib
    with open({str(told)!r}, "a") as file:
        file.write(str(rng.permutation(40).tolist()) + chr(10))
    return Scores(of="s", values=np.zeros(len(question.targets)))
    """
    find(attack_file(body))
    first, second = told.read_text().splitlines()
    assert first != second
    from audit_core.inquiry.pools import cut
    from audit_core.seeds import stream

    case = made_up_case("innocent", rows=40)
    orders = [str(pool.row.tolist()) for pool in cut(case, with_reference=True, rng=stream(0, "pools", "True", "test"))]
    assert not {first, second} & set(orders)


def test_a_finished_attempt_is_not_run_again(attack_file: AttackFile, tmp_path: Path) -> None:
    count = tmp_path / "count"
    body = f"""
    with open({str(count)!r}, "a") as file:
        file.write("x")
    return Scores(of="s", values=np.zeros(len(question.targets)))
    """
    path = attack_file(body)
    registry = discover([path])
    plugin, case = registry.attacks["tried"], made_up_case("innocent", rows=20)
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    findings = [
        attempt(plugin, {}, lay_out(case, used, registry, [plugin], Cache(tmp_path / "cache"))).finding
        for used in (setting, setting, replace(setting, seed=1))
    ]
    assert findings[0] == findings[1]
    assert count.read_text() == "xx" * 2  # two questions, run for two of the three


def test_a_stored_finding_is_not_taken_for_another_question(attack_file: AttackFile, tmp_path: Path) -> None:
    """Not after the plugin's code, a column's role, a claim or a file has changed."""
    path = attack_file("return Scores(of='first', values=np.zeros(len(question.targets)))")
    registry = discover([path])
    plugin = registry.attacks["tried"]
    case = made_up_case("innocent", rows=40)
    setting = Setting(seed=0, content="test", limits=MINUTE, confidence=0.95)

    def stored(case: Case) -> int:
        attempt(plugin, {}, lay_out(case, setting, registry, [plugin], Cache(tmp_path / "cache")))
        return len(list((tmp_path / "cache").glob("*.json")))

    assert (stored(case), stored(case)) == (1, 1)
    facts = replace(case.files["release"], digest="another")
    others = (
        replace(case, roles={**case.roles, "age": "plain"}),
        replace(case, unit="age"),
        replace(case, generalised=True),
        replace(case, k_anonymity_min=5),
        replace(case, files={**case.files, "release": facts}),
    )
    assert [stored(other) for other in others] == [2, 3, 4, 5, 6]
    path.write_text(path.read_text() + "\n# changed\n")
    assert stored(case) == 7


def test_an_attack_finds_no_other_question_beside_its_own(
    attack_file: AttackFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other fold's question holds this fold's controls as its reference."""
    questions = tmp_path / "questions"  # another audit on this machine has its own beside ours
    questions.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(questions))
    told = tmp_path / "told"
    body = f"""
    import pathlib, time
    time.sleep(1)
    here = pathlib.Path.cwd()
    others = [path for path in here.parent.glob("sekisho-*") if path != here and (path / "reference.npy").exists()]
    with open({str(told)!r}, "a") as file:
        file.write(f"{{len(others)}}")
    return Scores(of="s", values=np.zeros(len(question.targets)))
    """
    assert find(attack_file(body)).outcome == "measured"
    assert told.read_text() == "00"
