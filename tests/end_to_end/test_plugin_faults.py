"""Plugins that die, grow, tamper, judge, measure nonsense, share a name or do not load: one finding, and its code."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

CONSTANT = "return Scores(of='s', values=np.zeros(len(question.targets)))"


@pytest.fixture
def distribution(tmp_path: Path) -> Callable[[str, str], str]:
    """Puts a distribution with one plugin module on a path; gives the PYTHONPATH that finds it beside our own."""
    folder = tmp_path / "site"

    def installed(name: str, code: str) -> str:
        module = name.replace("-", "_")
        info = folder / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(code, encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[audit_core.v1]\n{name} = {module}\n")
        return os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(folder)])

    return installed


def plugins(*files: Path) -> list[object]:
    return [word for path in files for word in ("--plugin", path)]


def found(out: Path) -> dict[str, dict]:
    return {one["attack"]: one for one in json.loads((out / "scorecard.json").read_text())["findings"]}


def judged(out: Path) -> dict[str, tuple[str, str]]:
    judgements: Sequence[dict] = json.loads((out / "scorecard.json").read_text())["judgements"]
    return {one["attack"]: (one["verdict"], one["reason"]["code"]) for one in judgements}


def page(out: Path, language: str = "en") -> str:
    return (out / f"scorecard.{language}.html").read_text(encoding="utf-8")


def test_an_attack_that_dies_or_grows_is_an_error_by_name_and_the_run_goes_on(
    sekisho, attack_file, recipe, gate, tmp_path
) -> None:
    """A signal, and the memory limit of the recipe."""
    dies = attack_file("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "dies")
    grows = attack_file("held = []\nwhile True:\n    held.append(np.ones(4_000_000))", "grows")
    asked = recipe(
        "dies", "grows", "k-anonymity", limits="{memory_gib: 0.5}", columns="{age: {role: quasi-identifier}}"
    )
    out = tmp_path / "pack"
    ran = sekisho("audit", asked, *plugins(dies, grows), "--policy", gate("dies", "grows"), "--out", out)
    assert ran.code == 4, ran.err
    assert judged(out) == {"dies": ("error", "process-died"), "grows": ("error", "memory-limit")}
    outcomes = {name: one["outcome"] for name, one in found(out).items()}
    assert outcomes == {"dies": "errored", "grows": "errored", "k-anonymity": "measured"}
    for said in ("the plugin's process was ended by signal 11", "stopped at the memory limit of 0.5 GiB"):
        assert said in ran.err
        assert said in page(out).replace("&#39;", "'")


def test_an_attack_s_own_pass_is_ignored_and_the_card_warns(sekisho, attack_file, recipe, gate, tmp_path) -> None:
    copied = "[(question.release.codes == row).all(axis=1).any() for row in question.targets.codes]"
    scores = f"Scores(of='s', values=np.array({copied}, dtype=float))"
    modest = attack_file(f"return {scores}", "modest")
    boasts = attack_file(f"return ({scores}, 'PASS', {{'verdict': 'pass'}})", "boasts")
    asked = recipe("modest", "boasts", release="{table: members.csv}")
    out = tmp_path / "pack"
    ran = sekisho("audit", asked, *plugins(modest, boasts), "--policy", gate("boasts"), "--out", out)
    assert ran.code == 1, ran.err
    assert judged(out) == {"boasts": ("fail", "lower-bound-above-limit")}
    aucs = [next(m for m in found(out)[name]["measurements"] if m["name"] == "auc") for name in ("modest", "boasts")]
    assert aucs[0] == aucs[1]
    # Two for each of the two questions.
    assert "4 items that the plugin returned are no answers and were ignored" in page(out)
    assert "4 件は、回答ではないため無視しました" in page(out, "ja")


TAMPERS = """
import pathlib
for table in (question.targets, question.release, question.reference):
    for array in (table.codes, *(column.values for column in table.columns)):
        try:
            array.flags.writeable = True
        except ValueError:
            continue
        array[...] = array.flat[0]
for path in pathlib.Path.cwd().glob("*.npy"):
    path.write_bytes(b"gone")
return Scores(of="s", values=np.zeros(len(question.targets)))
"""

LOOKS = """
release, targets = question.release, question.targets
alike = [sum(release.texts("note") == note) for note in targets.texts("note")]
return Scores(of="s", values=np.array(alike) + targets.codes.sum(axis=1) + len(question.reference))
"""


def test_an_attack_that_changes_its_question_changes_no_other_s(sekisho, attack_file, recipe, gate, tmp_path) -> None:
    """Not in memory, where it has a copy or nothing it can write to, and not on disk, where each has its own."""
    files = [attack_file(LOOKS, "before"), attack_file(TAMPERS, "tampers"), attack_file(LOOKS, "looks-after")]
    out = tmp_path / "pack"
    names = ("before", "tampers", "looks-after")
    ran = sekisho("audit", recipe(*names), *plugins(*files), "--policy", gate("looks-after"), "--out", out)
    assert ran.code in (0, 1, 3), ran.err
    findings = found(out)
    assert list(findings) == list(names)  # in this order
    assert {one["outcome"] for one in findings.values()} == {"measured"}
    before, after = ([m for m in findings[name]["measurements"] if m["name"] == "auc"] for name in names[::2])
    assert before == after


def test_a_plugin_that_does_not_import_is_listed_as_broken_and_a_policy_that_wants_it_is_inconclusive(
    sekisho, attack_file, recipe, gate, distribution, tmp_path
) -> None:
    distribution("lacks-something", "import sekisho_absent")
    site = distribution("broken-attack", "raise RuntimeError('Smith')")
    listed = sekisho("plugins", "list", PYTHONPATH=site)
    assert listed.code == 0, listed.err
    assert "broken-attack 1.0: the plugin could not be loaded (RuntimeError)" in listed.out
    assert "lacks-something 1.0: the plugin could not be loaded (ModuleNotFoundError)" in listed.out
    out = tmp_path / "pack"
    ran = sekisho(
        "audit", recipe("tried"), *plugins(attack_file(CONSTANT)), "--policy", gate("broken-attack"), "--out", out,
        PYTHONPATH=site,
    )  # fmt: skip
    assert ran.code == 3, ran.err
    assert judged(out) == {"broken-attack": ("inconclusive", "attack-not-there")}
    for text in (page(out), page(out, "ja"), (out / "scorecard.json").read_text()):
        assert "broken-attack 1.0" in text
        assert "RuntimeError" in text
        assert "Smith" not in text
    assert "Smith" not in ran.err + ran.out + listed.out + listed.err


def test_two_plugins_of_one_name_are_refused_naming_both(sekisho, attack_file, recipe, distribution, tmp_path) -> None:
    files = [attack_file(CONSTANT), tmp_path / "one" / "same.py", tmp_path / "other" / "same.py"]
    for path in files[1:]:
        path.parent.mkdir()
        path.write_bytes(files[0].read_bytes())
    site = distribution("a-stranger-s", files[0].read_text(encoding="utf-8"))
    out = tmp_path / "pack"
    for given, installed, named in (
        (files[:2], "", "of tried.py and of same.py"),
        (files[1:], "", "of one/same.py and of other/same.py"),
        (files[:1], site, "of a-stranger-s 1.0 and of tried.py"),
    ):
        more = {"PYTHONPATH": installed} if installed else {}
        ran = sekisho("audit", recipe("tried"), *plugins(*given), "--out", out, **more)
        assert ran.code == 2, ran.err
        assert f"[plugin-name-doubled] two plugins are named 'tried': {named}" in ran.err
    assert not out.exists()


NONSENSE = {
    "nan": ("Proportion(k=float('nan'), n=3)", "share", "Proportion.k must be a finite number at least 0"),
    "too-many": ("Proportion(k=5, n=3)", "share", "Proportion.k must not be above n"),
    "misnamed": ("Proportion(k=0, n=3000)", "another", "Measurement.name: not among the record's measures"),
    # What no card can hold, though no verdict depends on it.
    "no-blind-level": ("Proportion(k=0, n=3000), blind=np.nan", "share", "Measurement.blind: NaN or infinite"),
}


def test_a_check_that_measures_nonsense_is_an_error_naming_plugin_and_field(
    sekisho, check_file, recipe, gate, tmp_path
) -> None:
    out = tmp_path / "pack"
    files = [check_file(f"yield measured({of!r}, {what})", name) for name, (what, of, _) in NONSENSE.items()]
    policy = gate(*NONSENSE, measurement="share")
    ran = sekisho("audit", recipe(*NONSENSE), *plugins(*files), "--policy", policy, "--out", out)
    assert ran.code == 4, ran.err
    assert judged(out) == dict.fromkeys(NONSENSE, ("error", "malformed-answer"))
    for name, (_, _, field) in NONSENSE.items():
        assert f"error {name}/share: {name} gave a malformed answer: {field}" in ran.err
        assert found(out)[name]["measurements"] == []
    assert json.loads((out / "scorecard.json").read_text())["verdict"] == "error"


def test_a_check_that_tried_nothing_is_inconclusive(sekisho, check_file, recipe, gate, tmp_path) -> None:
    """A count of 0 in 0 is well formed: it says that nothing was tried, which may be nobody's fault.

    So it is no error, line 1 of the decision table, but not measurable, line 3. It is no pass either: the interval of
    nothing is the whole range.
    """
    out = tmp_path / "pack"
    check = check_file("yield measured('share', Proportion(k=0, n=0))")
    policy = gate("tried", measurement="share")
    ran = sekisho("audit", recipe("tried"), *plugins(check), "--policy", policy, "--out", out)
    assert ran.code == 3, ran.err
    assert judged(out) == {"tried": ("inconclusive", "not-measurable")}
    assert "0 trials are too few for any statement" in ran.err
