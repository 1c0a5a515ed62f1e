"""What stands in a pack can be judged, rendered and verified without data; what was altered is found."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from audit_core.errors import PackError
from audit_core.pack import opened


@pytest.fixture
def copy(pack, tmp_path) -> Path:
    return Path(shutil.copytree(pack, tmp_path / "copy"))


def test_a_pack_as_written_verifies(pack, sekisho) -> None:
    ran = sekisho("verify", pack)
    assert (ran.code, ran.out) == (0, "verified\n"), ran.err


@pytest.mark.parametrize(
    "name",
    [
        "scorecard.json",
        "scorecard.ja.html",
        "policy.resolved.yaml",
        "recipe.resolved.yaml",
        "manifest.json",
        "junit.xml",
    ],
)
def test_one_changed_byte_is_found(copy, sekisho, name) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    ran = sekisho("verify", copy)
    assert ran.code in (1, 2)
    assert ran.err


def forge(copy: Path, name: str, old: str, new: str) -> None:
    """Alters a file and the list of digests alike, as somebody would who knows about it."""
    from audit_core import pack

    text = (copy / name).read_text(encoding="utf-8")
    assert re.search(old, text)
    (copy / name).write_text(re.sub(old, new, text, count=1), encoding="utf-8")
    digests = {path.name: pack.digest(path.read_bytes()) for path in copy.iterdir()}
    (copy / "manifest.json").write_bytes(pack.manifest(digests))


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("scorecard.json", r'"k1": 200\.0', '"k1": 2.0', "pack-figure-changed"),
        ("scorecard.json", r'"verdict": "fail"', '"verdict": "pass"', "pack-judgement-changed"),
        ("policy.resolved.yaml", r"margin: 1%|margin: 1/100|margin: 0\.01", "margin: 0.9", "pack-policy-changed"),
        ("scorecard.en.html", r"(?i)</h1>", "!</h1>", "pack-view-changed"),
    ],
)
def test_a_forged_count_verdict_limit_or_page_is_found_though_the_digests_agree(
    copy, sekisho, name, old, new, code
) -> None:
    forge(copy, name, old, new)
    ran = sekisho("verify", copy)
    assert ran.code == 1
    assert code in ran.err


def test_every_view_renders_again_to_the_same_bytes(pack, sekisho, tmp_path) -> None:
    for name, language, file in (
        ("html", "en", "scorecard.en.html"),
        ("html", "ja", "scorecard.ja.html"),
        ("junit", "en", "junit.xml"),
        ("markdown", "en", "summary.md"),
        ("json", "en", "scorecard.json"),
    ):
        ran = sekisho("render", pack / "scorecard.json", "--format", name, "--lang", language, "--out", tmp_path / file)
        assert ran.code == 0, ran.err
        assert (tmp_path / file).read_bytes() == (pack / file).read_bytes()


def test_a_pack_is_judged_by_another_policy_without_data(pack, copy, sekisho, tmp_path) -> None:
    same = sekisho("judge", copy, "--policy", "starter", "--json")
    assert same.code == 1
    assert same.out == (pack / "scorecard.json").read_text(encoding="utf-8")
    other = sekisho("judge", copy, "--policy", "emahc-0070", "--out", tmp_path / "other")
    card = json.loads((tmp_path / "other" / "scorecard.json").read_text())
    assert card["policy"]["name"] == "emahc-0070"
    assert other.code == {"pass": 0, "fail": 1, "inconclusive": 3}[card["verdict"]]
    assert sekisho("verify", tmp_path / "other").code == 0


def test_a_pack_is_not_overwritten_unless_told(files, copy, sekisho) -> None:
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    ran = sekisho("audit", *files.options(), "--out", copy)
    assert ran.code == 2
    assert "--force" in ran.err
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_second_run_into_one_folder_is_refused_by_process_number(files, sekisho, tmp_path) -> None:
    out = tmp_path / "pack"
    out.mkdir()
    (out / ".lock").write_text(str(os.getpid()))
    ran = sekisho("audit", *files.options(), "--out", out)
    assert ran.code == 2
    assert str(os.getpid()) in ran.err


def test_an_unwritable_output_is_refused_before_any_work(files, sekisho, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    ran = sekisho("audit", *files.options(), "--out", tmp_path / "file" / "pack")
    assert ran.code == 2
    assert "started" not in ran.err


def test_a_refused_input_leaves_nothing_and_the_corrected_one_is_audited(few, sekisho, table, tmp_path) -> None:
    release = table(tmp_path / "release.csv", [("34", "1")], ["age"])
    out = tmp_path / "runs" / "pack"
    command = ["audit", *few.options(release), "--out", out]
    refused = sekisho(*command)
    assert refused.code == 2
    assert "release.csv" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["release.csv"]
    release.write_bytes(few.fresh.read_bytes())
    ran = sekisho(*command)
    assert ran.code in (0, 3), ran.err
    assert (out / "scorecard.json").exists()


def test_a_refused_input_leaves_what_stood_there(few, sekisho, tmp_path) -> None:
    empty, pack = tmp_path / "empty", tmp_path / "pack"
    empty.mkdir()
    pack.mkdir()
    (pack / "scorecard.json").write_text("{}")
    for out in (empty, pack):
        ran = sekisho("audit", *few.options(tmp_path / "nothing.csv"), "--out", out, "--force")
        assert ran.code == 2, ran.err
    assert list(empty.iterdir()) == []
    assert [path.name for path in pack.iterdir()] == ["scorecard.json"]


def test_a_number_that_json_does_not_have_is_refused(copy, sekisho) -> None:
    card = json.loads((copy / "scorecard.json").read_text())
    card["controls"][0]["reason"]["args"]["count"] = float("nan")
    (copy / "scorecard.json").write_text(json.dumps(card))
    for command in (["verify", copy], ["judge", copy, "--policy", "starter"], ["render", copy]):
        ran = sekisho(*command)
        assert (ran.code, "scorecard-unreadable" in ran.err) == (2, True), ran.err


def test_only_a_folder_is_verified(pack, sekisho) -> None:
    ran = sekisho("verify", pack / "scorecard.json")
    assert (ran.code, "pack-missing" in ran.err) == (2, True), ran.err


def test_a_lock_is_told_before_what_stands_there_and_our_own_number_is_no_lock(tmp_path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / ".lock").write_text(str(os.getppid()))
    with pytest.raises(PackError, match=str(os.getppid())), opened(tmp_path):
        pass
    (tmp_path / ".lock").write_text(str(os.getpid()))
    with opened(tmp_path, resume=True) as folder:
        assert (folder / ".lock").read_text() == str(os.getpid())
    assert not (tmp_path / ".lock").exists()


def test_a_view_that_cannot_be_written_is_exit_2(pack, sekisho, tmp_path) -> None:
    for out in (tmp_path, tmp_path / "nothing" / "card.html"):
        ran = sekisho("render", pack, "--out", out)
        assert (ran.code, "pack-not-writable" in ran.err) == (2, True), ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_pack_of_another_version_is_compared_by_its_digests_where_words_may_differ(copy, sekisho) -> None:
    forge(copy, "scorecard.json", r'"sekisho": "[0-9.]+"', '"sekisho": "0.0.1"')
    forge(copy, "scorecard.en.html", r"(?i)</h1>", "!</h1>")
    ran = sekisho("verify", copy)
    assert ran.code == 0, ran.err
    assert "0.0.1" in ran.err
