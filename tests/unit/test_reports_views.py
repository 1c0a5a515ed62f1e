"""JSON, JUnit and Markdown."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from audit_core.errors import PackError
from audit_core.scorecard import Scorecard, Verdict
from audit_reports import junit, markdown_summary, scorecard_json
from audit_reports.markdown_summary import escaped
from audit_reports.provenance_tables import card_digest

SAMPLE = Scorecard.from_json((Path(__file__).parents[1] / "golden" / "sample.scorecard.json").read_bytes())


def suites(card: Scorecard) -> dict[str, ET.Element]:
    root = ET.fromstring(junit.render(card, "en"))  # noqa: S314 - our own output
    return {suite.attrib["name"]: suite for suite in root}


def cases(suite: ET.Element) -> list[ET.Element]:
    return suite.findall("testcase")


def test_json_is_the_scorecard_itself() -> None:
    assert scorecard_json.render(SAMPLE, "ja") == SAMPLE.to_json()


def test_junit_has_a_case_for_each_judgement() -> None:
    limits = suites(SAMPLE)["limits"]
    assert [case.attrib["classname"] for case in cases(limits)] == [
        "exact-copies",
        "exact-copies",
        "exact-copies",
        "exact-copies",
        "exact-copies",
        *(12 * ["membership"]),
        "attribute-disclosure",
        "attribute-disclosure",
        "linkability",
        "singling-out",
        "singling-out",
        "k-anonymity",
        "k-anonymity",
        "strangers-attack",
        "tstr",
        "marginals",
    ]
    assert limits.attrib["tests"] == str(len(SAMPLE.judgements))
    assert (limits.attrib["failures"], limits.attrib["errors"], limits.attrib["skipped"]) == ("11", "1", "2")


@pytest.mark.parametrize(
    ("verdict", "element"),
    [
        (Verdict.FAIL, "failure"),
        (Verdict.INCONCLUSIVE, "failure"),
        (Verdict.ERROR, "error"),
        (Verdict.NOT_ASSESSED, "skipped"),
        (Verdict.PASS, None),
    ],
)
def test_what_is_undecided_is_a_failure_and_not_skipped(verdict: Verdict, element: str | None) -> None:
    judgement = replace(SAMPLE.judgements[0], verdict=verdict)
    (case,) = cases(suites(replace(SAMPLE, judgements=(judgement,)))["limits"])
    assert [child.tag for child in case] == ([] if element is None else [element])
    assert case.attrib["name"] == "copies_excess [raw]"


def test_junit_is_red_where_only_coverage_is_missing() -> None:
    card = replace(SAMPLE, judgements=(), verdict=Verdict.INCONCLUSIVE, missing=("membership",))
    (case,) = cases(suites(card)["verdict"])
    (failure,) = case
    assert failure.tag == "failure"
    assert "not assessed: Membership inference" in (failure.text or "")
    assert list(cases(suites(replace(card, verdict=Verdict.PASS, missing=()))["verdict"])[0]) == []


def test_junit_has_a_case_for_each_control_and_none_of_them_is_red() -> None:
    controls = suites(SAMPLE)["controls"]
    assert controls.attrib["tests"] == str(len(SAMPLE.controls))
    assert (controls.attrib["failures"], controls.attrib["errors"], controls.attrib["skipped"]) == ("0", "0", "3")
    by_name = {(case.attrib["classname"], case.attrib["name"]): case for case in cases(controls)}
    assert list(by_name["sekisho", "blind-baseline"]) == []
    (missed,) = by_name["attribute-disclosure", "leaky-twin"]
    assert missed.tag == "skipped"
    assert missed.attrib["message"].startswith("inconclusive: ")


def test_markdown_says_how_the_attacks_did_on_twins_and_what_went_wrong() -> None:
    text = markdown_summary.render(SAMPLE, "en").decode()
    assert "Controls: 6 of 9 pass. Of 4 attacks and checks that were tried on twins, 1 found the planted leak" in text
    listed = [line for line in text.splitlines() if line.startswith("- ") and "Usefulness" not in line]
    assert len(listed) == 3
    assert listed[1].startswith(
        "- ◆ Inconclusive: Leaky twin: members planted in the release (Attribute disclosure) – "
    )
    without = replace(SAMPLE, controls=())
    assert "No attack was tried on twins, since the policy" in markdown_summary.render(without, "en").decode()


def test_junit_holds_no_character_that_xml_forbids() -> None:
    text = junit.render(SAMPLE, "en").decode()
    assert "<script" not in text
    assert not re.search("[\u0000-\u0008\u000b-\u001f\u202a-\u202e\ufffe\uffff]", text)


def test_markdown_is_short_and_says_what_counts() -> None:
    text = markdown_summary.render(SAMPLE, "ja").decode()
    lines = text.splitlines()
    assert lines[0] == "## ✖ Fail: patient-visits-2026q1"
    assert "The policy also needs, and nothing assessed: Surviving identifiers." in text
    assert "Limits: 6 fail, 1 error, 5 inconclusive, 13 pass, 2 not assessed." in text
    assert SAMPLE.release.digest in text
    assert card_digest(SAMPLE) in text
    assert len(lines) < 50


def test_markdown_tables_keep_their_columns_whatever_the_names() -> None:
    rows = [line for line in markdown_summary.render(SAMPLE, "en").decode().splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 20
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_markdown_says_how_much_it_left_out() -> None:
    many = replace(SAMPLE, judgements=30 * (SAMPLE.judgements[0],))
    text = markdown_summary.render(many, "en").decode()
    assert "10 fail more in the scorecard." in text
    assert len([line for line in text.splitlines() if line.startswith("| ✖")]) == 20


def test_markdown_leaves_nothing_to_be_interpreted() -> None:
    hostile = "<img src=x> [a](http://b) `c` | *d* _e_ # ~f~ @g $h$ &amp; \\"
    assert escaped(hostile) == (
        r"&lt;img src=x&gt; \[a\](http&#58;//b) \`c\` \| \*d\* \_e\_ \# \~f\~ \@g \$h\$ &amp;amp; \\"
    )


def test_a_card_of_another_version_is_refused() -> None:
    other = replace(SAMPLE, schema_version=1).to_json()
    with pytest.raises(PackError, match="it is of version 1"):
        Scorecard.from_json(other)
