"""Files in; a verdict, a pack and an exit code out."""

import csv
import json
import stat
from pathlib import Path

VIEWS = {"scorecard.json", "scorecard.en.html", "scorecard.ja.html", "junit.xml", "summary.md"}
RECORDS = {"recipe.resolved.yaml", "policy.resolved.yaml", "manifest.json"}


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def judgements(pack: Path) -> list[dict]:
    return json.loads((pack / "scorecard.json").read_text())["judgements"]


def test_a_fresh_sample_passes(files, sekisho, tmp_path) -> None:
    ran = sekisho("audit", *files.options(), "--out", tmp_path / "pack", "--json")
    assert ran.code == 0, ran.err
    card = json.loads(ran.out)
    assert card["verdict"] == "pass"
    assert ran.out == (tmp_path / "pack" / "scorecard.json").read_text()
    assert ran.err.splitlines()[-1].endswith("scorecard.en.html")


def test_a_leaky_release_fails_and_says_why(pack) -> None:
    card = json.loads((pack / "scorecard.json").read_text())
    assert card["verdict"] == "fail"
    failed = {(one["rule"], one["of"]) for one in card["judgements"] if one["verdict"] == "fail"}
    assert ("exact-copies/copies_excess", "raw") in failed
    assert "copies" in (pack / "scorecard.en.html").read_text()


def test_a_pack_is_whole_and_for_its_owner_only(pack) -> None:
    assert {path.name for path in pack.iterdir()} == VIEWS | RECORDS
    assert stat.S_IMODE(pack.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in pack.iterdir()} == {0o600}


def test_without_non_members_the_verdict_is_inconclusive_and_names_what_is_missing(files, sekisho, tmp_path) -> None:
    out = tmp_path / "pack"
    ran = sekisho("audit", "--release", files.fresh, "--members", files.members, "--out", out)
    assert ran.code == 3
    assert json.loads((out / "scorecard.json").read_text())["missing"] == ["copies", "membership"]
    leaky = sekisho("audit", "--release", files.leaky, "--members", files.members, "--out", tmp_path / "leaky")
    assert leaky.code == 1, leaky.err


def test_row_order_column_order_and_format_change_no_byte_of_the_judgement(
    files, pack, sekisho, table, tmp_path
) -> None:
    import pyarrow.csv
    import pyarrow.parquet

    turned = {}
    for arm in ("leaky", "members", "non_members"):
        names, *rows = rows_of(getattr(files, arm))
        order = [3, 0, 5, 1, 4, 2]
        path = table(
            tmp_path / f"{arm}.csv",
            [tuple(row[at] for at in order) for row in reversed(rows)],
            [names[at] for at in order],
        )
        turned[arm] = tmp_path / f"{arm}.parquet"
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), turned[arm])
    ran = sekisho(
        "audit", "--release", turned["leaky"], "--members", turned["members"], "--non-members", turned["non_members"],
        "--quasi-identifiers", "region,age", "--out", tmp_path / "pack",
    )  # fmt: skip
    assert ran.code == 1, ran.err
    assert json.dumps(judgements(tmp_path / "pack")) == json.dumps(judgements(pack))


def test_a_recipe_does_what_the_options_do(files, pack, sekisho, tmp_path) -> None:
    recipe = files.folder / "leaky.yaml"
    recipe.write_text(
        "audit: leaky\nrelease: {table: leaky.csv}\nmembers: members.csv\nnon_members: others.csv\n"
        "columns:\n  age: {role: quasi-identifier}\n  region: {role: quasi-identifier}\n"
    )
    ran = sekisho("audit", recipe, "--out", tmp_path / "pack")
    assert ran.code == 1, ran.err
    assert judgements(tmp_path / "pack") == judgements(pack)


def test_no_output_holds_a_value_of_a_record(files, pack, sekisho, canaries, table, attack_file, tmp_path) -> None:
    """Canaries in members' records, in every file, on both streams, in success, failure and error, as bytes."""
    names, *rows = rows_of(files.members)
    broken = tmp_path / "broken.csv"
    broken.write_text(files.members.read_text(encoding="utf-8") + f"{canaries[0]},{canaries[1]}\n", encoding="utf-8")
    stray = table(tmp_path / "stray.csv", [("abc" + canaries[0], *rows[0][1:]), *map(tuple, rows[1:])], names)
    plugin = attack_file(
        "texts = list(question.targets.texts('note'))\nprint(texts)\nraise ValueError(str(texts))", name="prints"
    )
    ran = [
        sekisho("audit", *files.options(), "--out", tmp_path / "a", "--plugin", plugin, "--json-events"),
        sekisho("audit", *files.options(broken), "--out", tmp_path / "b"),
        sekisho("audit", *files.options(stray), "--out", tmp_path / "c"),
        sekisho("judge", pack, "--policy", "jp-appi", "--out", tmp_path / "d"),
        sekisho("render", pack, "--format", "html", "--lang", "ja"),
        sekisho("verify", pack),
    ]
    assert [one.code for one in ran[1:3]] == [2, 2]
    written = [
        path for folder in (pack, tmp_path / "a", tmp_path / "d") for path in folder.rglob("*") if path.is_file()
    ]
    assert len(written) >= 3 * len(VIEWS)
    texts = [path.read_text(encoding="utf-8") for path in written] + [one.out + one.err for one in ran]
    from audit_core.tables import normal_form

    for text in texts:
        normal = normal_form(text)
        for canary in canaries:
            assert canary not in text
            assert normal_form(canary) not in normal
    found = json.loads((tmp_path / "a" / "scorecard.json").read_text())["findings"]
    assert {one["attack"]: one["outcome"] for one in found}["prints"] == "errored"


def test_no_path_user_or_host_is_in_a_pack(files, pack) -> None:
    import getpass
    import socket

    for path in pack.iterdir():
        text = path.read_text(encoding="utf-8")
        assert str(files.folder) not in text
        assert socket.gethostname() not in text
        assert f"/{getpass.getuser()}" not in text


def test_hostile_names_change_no_verdict_and_stay_names(files, pack, sekisho, table, tmp_path) -> None:
    hostile = [
        '"><script>alert(1)</script>',
        "\u202eedoc\u202c",
        "x" * 10_000,
        "it's `$(rm)` \\N{SNOWMAN}",
        "{{ 7*7 }}",
        "SELECT",
    ]
    renamed = {
        arm: table(tmp_path / f"{arm}.csv", [tuple(row) for row in rows_of(getattr(files, arm))[1:]], hostile)
        for arm in ("leaky", "members", "non_members")
    }
    out = tmp_path / '"><script> 記録'
    ran = sekisho(
        "audit", "--release", renamed["leaky"], "--members", renamed["members"],
        "--non-members", renamed["non_members"], "--out", out,
    )  # fmt: skip
    assert ran.code == 1, ran.err
    assert {(one["rule"], one["of"]) for one in judgements(out) if one["verdict"] == "fail"} == {
        (one["rule"], one["of"]) for one in judgements(pack) if one["verdict"] == "fail"
    }
    for language in ("en", "ja"):
        page = (out / f"scorecard.{language}.html").read_text(encoding="utf-8")
        assert "<script" not in page
        assert "\u202e" not in page
        assert "x" * 200 not in page
        assert "49" not in page.split("{{ 7*7 }}")[0][-20:]


def test_input_errors_exit_2_and_name_every_problem(files, sekisho, table, tmp_path) -> None:
    names, *rows = rows_of(files.fresh)
    less = table(tmp_path / "less.csv", [tuple(row[1:]) for row in rows], ["incom", *names[2:]])
    ran = sekisho("audit", *files.options(less), "--out", tmp_path / "pack")
    assert ran.code == 2
    assert "less.csv" in ran.err
    assert "age" in ran.err
    assert "income" in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "pack" / "scorecard.json").exists()


def test_usage_errors_exit_2(files, sekisho, tmp_path) -> None:
    for arguments in (
        ["audit"],
        ["audit", "recipe.yaml", "--release", "x.csv"],
        ["audit", *files.options(), "--policy", "startr", "--out", tmp_path / "p"],
        ["audit", *files.options(), "--quasi-identifiers", "aeg", "--out", tmp_path / "p"],
        ["explain", "no-such-code"],
        ["frobnicate"],
        ["verify", tmp_path / "nothing"],
    ):
        ran = sekisho(*arguments)
        assert ran.code == 2, (arguments, ran)
        assert ran.err.strip()
        assert "Traceback" not in ran.err


def test_fail_on_fail_lets_an_inconclusive_verdict_through(files, sekisho, tmp_path) -> None:
    arguments = ["audit", "--release", files.fresh, "--members", files.members, "--policy", "ci-smoke"]
    assert sekisho(*arguments, "--out", tmp_path / "a").code == 3
    assert sekisho(*arguments, "--out", tmp_path / "b", "--fail-on", "fail").code == 0


def test_record_risk_is_a_file_of_its_own_for_its_owner_only(files, sekisho, canaries, tmp_path) -> None:
    """A line for each member by its row, no value of any record; the copied rows are found at low false positives."""
    target = tmp_path / "risk.csv"
    recipe = files.folder / "risk.yaml"
    recipe.write_text(
        "audit: risk\nrelease: {table: leaky.csv}\nmembers: members.csv\nnon_members: others.csv\n"
        "attacks: {membership: {}}\n"
    )
    ran = sekisho("audit", recipe, "--record-risk", target, "--out", tmp_path / "pack")
    assert ran.code == 1, ran.err
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    header, *rows = rows_of(target)
    assert header[0] == "row"
    assert "membership/distance-difference" in header
    assert [int(row[0]) for row in rows] == list(range(1, 2001))
    found = header.index("membership/distance-difference")
    copied, others = ([float(row[found]) for row in part] for part in (rows[:200], rows[200:]))
    assert sorted(copied)[180] < 0.05 < sorted(others)[900]
    assert not [canary for canary in canaries if canary in target.read_text(encoding="utf-8")]
    assert not [path for path in (tmp_path / "pack").iterdir() if "risk" in path.name]
    ran = sekisho("audit", *files.options(), "--record-risk", tmp_path / "no" / "risk.csv", "--out", tmp_path / "other")
    assert ran.code == 2
    assert not (tmp_path / "other").exists()
    again = sekisho("audit", *files.options(), "--record-risk", files.members, "--out", tmp_path / "other")
    assert again.code == 2
    assert files.members.read_text(encoding="utf-8").startswith("age,")
