"""The worked example of patient visits, as a user runs it, and recipes whose columns are made by strategy."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ATTACKS = "attacks: {exact-copies: , k-anonymity: }\n"


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """The folder of the example, with few rows."""
    command = [sys.executable, str(EXAMPLES / "make_patient_visits.py"), str(tmp_path), "--rows", "1500"]
    subprocess.run(command, check=True)
    return tmp_path


def recipe(folder: Path, *changes: tuple[str, str]) -> Path:
    """The example for fewer rows, by a generator that takes no time and does the same each time."""
    text = (EXAMPLES / "patient-visits.yaml").read_text(encoding="utf-8").replace("rows: 3000", "rows: 600")
    quick = re.sub(r"with: dp-ctgan\n.*?params: {[^}]*}", "with: independent", text, flags=re.DOTALL)
    assert quick != text
    text = quick
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "patient-visits.yaml"
    path.write_text(text + ATTACKS, encoding="utf-8")
    return path


def test_the_table_of_visits_is_the_same_each_time_and_another_with_another_seed(visits, tmp_path) -> None:
    first = (visits / "patient-visits.csv").read_bytes()
    command = [sys.executable, str(EXAMPLES / "make_patient_visits.py"), str(tmp_path / "again"), "--rows", "1500"]
    subprocess.run(command, check=True)
    assert (tmp_path / "again" / "patient-visits.csv").read_bytes() == first
    subprocess.run([*command, "--seed", "1"], check=True)
    assert (tmp_path / "again" / "patient-visits.csv").read_bytes() != first
    rows = list(csv.DictReader(first.decode().splitlines()))
    assert len({row["patient_id"] for row in rows}) == len(rows) == 1500
    for row in rows:
        born, seen = (tuple(map(int, row[name].split("-"))) for name in ("birth_date", "visit_date"))
        assert int(row["age"]) == seen[0] - born[0] - (seen[1:] < born[1:])


def test_the_worked_example(visits, sekisho, tmp_path) -> None:
    pytest.importorskip("faker")
    out = tmp_path / "pack"
    ran = sekisho("audit", recipe(visits, ("format: parquet", "format: csv")), "--out", out)
    # The rules of membership are not run here, so that nothing can pass; and nothing fails.
    assert ran.code == 3, ran.err
    card = json.loads((out / "scorecard.json").read_text(encoding="utf-8"))
    assert not [one["rule"] for one in card["judgements"] if one["verdict"] == "fail"]
    k = {one["name"]: one["value"] for one in card["findings"][0]["measurements"] + card["findings"][1]["measurements"]}
    assert k["largest_risk"] <= 1 / 11
    assert k["surviving_identifiers"] == 0
    codes = [step["code"] for step in card["provenance"]["generator"]["steps"]]
    assert codes == [
        *("step-coarsened", "step-distribution-kept", "step-jitter", "step-sampled"),
        *("step-rare-combinations", "step-rare-combinations", "step-out-of-range", "step-suppressed"),
        *("step-made-up-names", "step-fresh-ids"),
    ]
    assert "no privacy is claimed for this" in (out / "scorecard.en.html").read_text(encoding="utf-8")
    assert "プライバシーの保証はありません" in (out / "scorecard.ja.html").read_text(encoding="utf-8")

    release = list(csv.DictReader((out / "release" / "release.csv").read_text(encoding="utf-8").splitlines()))
    real = list(csv.DictReader((visits / "patient-visits.csv").read_text(encoding="utf-8").splitlines()))
    assert (len(release), list(release[0])) == (600, list(real[0]))
    assert not {row["patient_id"] for row in release} & {row["patient_id"] for row in real}
    assert {row["address"] for row in release} <= {"神奈川県", "東京都", "埼玉県", "千葉県", "静岡県", "山梨県", ""}
    # No real id and no real address anywhere in the pack.
    hidden = [row[name] for row in real for name in ("patient_id", "address")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in out.rglob("*") if path.is_file())
    assert not [value for value in hidden if value in text]

    assert sekisho("verify", out).code == 0
    path = out / "release" / "release.csv"
    path.write_bytes(path.read_bytes()[:-2])
    assert sekisho("verify", out).code == 1


def test_hashed_ids_are_warned_of_and_fail(visits, sekisho, tmp_path) -> None:
    path = recipe(
        visits, ("strategy: fresh", "strategy: hash_rekey"), ("type: pii_name, locale: ja_JP", "role: identifier")
    )
    path.write_text(path.read_text(encoding="utf-8").replace("non_members: {split: 0.5}\n", ""), encoding="utf-8")
    ran = sekisho("audit", path, "--out", tmp_path / "pack")
    assert ran.code == 1, ran.err
    assert "sekisho: warning: patient_id: hash_rekey gives keyed hashes" in ran.err
    card = json.loads((tmp_path / "pack" / "scorecard.json").read_text(encoding="utf-8"))
    failed = {one["rule"] for one in card["judgements"] if one["verdict"] == "fail"}
    assert failed == {"exact-copies/surviving_identifiers"}
    assert "連結符号" in (tmp_path / "pack" / "scorecard.ja.html").read_text(encoding="utf-8")
    planned = sekisho("plan", path, "--lang", "ja")
    assert "sekisho: warning: patient_id：hash_rekey" in planned.err


def test_rules_that_no_rows_can_keep_are_exit_4_and_leave_no_release(visits, sekisho, tmp_path) -> None:
    path = recipe(visits, ("type: pii_name, locale: ja_JP", "role: identifier"), ("below: 5", "below: 400"))
    path.write_text(path.read_text(encoding="utf-8").replace("non_members: {split: 0.5}\n", ""), encoding="utf-8")
    ran = sekisho("audit", path, "--out", tmp_path / "pack")
    assert (ran.code, "[rules-not-met] rules: of 1,200 sampled rows" in ran.err) == (4, True), ran.err
    assert not (tmp_path / "pack" / "release").exists()
    assert sekisho("explain", "rules-not-met").code == 0
