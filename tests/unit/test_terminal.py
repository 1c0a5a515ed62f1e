"""What a person at a terminal reads."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit_core.scorecard import Scorecard
from audit_core.terminal import summary

SAMPLE = Scorecard.from_json((Path(__file__).parents[1] / "golden" / "sample.scorecard.json").read_bytes())


def test_the_summary_has_a_line_for_each_control_that_is_not_passed(capsys: pytest.CaptureFixture[str]) -> None:
    summary(SAMPLE, None, "en")
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    twins = [line for line in lines if "-twin" in line]
    assert [line.split(":")[0] for line in twins] == [
        "inconclusive innocent-twin (singling-out)",
        "inconclusive leaky-twin (attribute-disclosure)",
        "error leaky-twin (linkability)",
    ]


def test_the_summary_says_nothing_of_controls_that_are_passed(capsys: pytest.CaptureFixture[str]) -> None:
    passed = tuple(control for control in SAMPLE.controls if control.verdict == "pass")
    summary(replace(SAMPLE, controls=passed), None, "en")
    assert "twin" not in capsys.readouterr().err
