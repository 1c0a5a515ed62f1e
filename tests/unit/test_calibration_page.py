"""The page of a calibration: what it holds, what it must never hold, and where its marks are."""

import base64
import hashlib
import html
import re
from dataclasses import replace

import pytest

from audit_core.calibration import Calibration
from audit_core.detection import derived
from audit_core.measurement import Reason
from audit_reports.calibration_html import CHAPTERS, render
from audit_reports.calibration_sections import power_sections
from audit_reports.power_chart import Line, Point, power_chart
from audit_reports.quantities import Quantity
from audit_reports.wording import Wording

LANGUAGES = ("en", "ja")


@pytest.fixture(scope="module")
def calibration(made) -> Calibration:
    """Copies as they are are found from 5 % on, jittered ones at 10 %, the faintest never."""

    def hits(plant: str, dose: float, repeat: int) -> float:
        least = {"verbatim": 0.05, "jittered": 0.1, "one-sensitive-column": 1.0}[plant]
        return 90 if dose >= least or (plant, dose, repeat) == ("jittered", 0.05, 1) else 4

    return derived(made.calibration(made.grid(hits)), made.policy())


@pytest.fixture(scope="module")
def pages(calibration) -> dict[str, str]:
    return {language: render(calibration, language).decode() for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_loaded_or_run(pages, language: str) -> None:
    text = html.unescape(pages[language])
    assert not re.search(r"<(script|iframe|object|embed|link|img|form|base)\b", text)
    assert "url(" not in text
    assert "http" not in text.replace('http-equiv="', "")
    (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_chapters_charts_and_tables_are_named(pages, language: str) -> None:
    text = pages[language]
    assert [letter for letter, _, _ in CHAPTERS] == re.findall(r'<h2><span class="letter">(.)</span>', text)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert set(" ".join(re.findall(r'aria-labelledby="([^"]+)"', text)).split()) <= set(ids)
    assert text.count("<table") == text.count("<caption>")
    for row in re.findall(r"<tr>(.*?)</tr>", text, flags=re.DOTALL):
        assert row.lstrip().startswith("<th scope=")


def test_the_page_says_what_is_found_and_what_it_means(pages) -> None:
    text = pages["en"].replace("\u00a0", " ")
    assert "The attacks are awake: each of 1 attacks" in text
    assert "Were 100 rows of the release copies of members (5 %), this would show it" in text
    assert "Copied, numbers moved a little: found from 10 % of the released rows (200 rows)" in text
    assert "True in one sensitive column: not even 10 % of the released rows (200 rows) is found in every draw" in text
    assert "<td>1 of 2</td>" not in text  # every cell carries the name of its column for narrow screens
    assert re.search(r'data-label="Found">1 of 2</td>', text)


def test_what_hinders_is_said_with_the_attack(calibration, made) -> None:
    loud = derived(replace(calibration, findings=(made.finding(measurements=(made.excess(90),)),)), made.policy())
    text = render(loud, "en").decode()
    assert "Not every attack is shown to be awake: Copies finds the release itself" in text
    assert "But: Copies finds the release itself" in text
    assert "fails the policy, before anything is planted" in text


def test_an_attack_that_was_not_tried_has_no_chart(calibration, made) -> None:
    silent = made.finding(outcome="errored", reason=Reason(code="timed-out", args={"seconds": 1}), measurements=())
    text = render(derived(replace(calibration, findings=(silent,), trials=()), made.policy()), "en").decode()
    assert "This was not tried on twins" in text
    assert "<figure" not in text
    assert "No attack was tried on innocent twins." in text


def test_hostile_names_are_escaped_stripped_and_cut(calibration) -> None:
    hostile = '"><script>alert(1)</script>\u202e' + 200 * "x"
    changed = replace(
        calibration,
        name=hostile,
        kept_true=hostile,
        texts={"en": {"exact-copies.title": hostile}},
        release=replace(calibration.release, name=hostile),
    )
    for language in LANGUAGES:
        text = render(changed, language).decode()
        assert "<script" not in text
        assert "\u202e" not in text
        assert 81 * "x" not in text


def test_of_two_scores_that_a_limit_is_set_on_the_more_telling_is_drawn(calibration, made) -> None:
    both = tuple(
        replace(trial, measurements=(made.excess(4, of="deaf"), *trial.measurements)) for trial in calibration.trials
    )
    findings = (made.finding(measurements=(made.excess(4, of="deaf"), made.excess(4))),)
    two = derived(replace(calibration, findings=findings, trials=both), made.policy())
    (section,) = power_sections(two, Wording(language="en", texts={}, rules={}))
    assert section.curves is not None
    assert "(as written)" in section.curves.title
    assert "(deaf)" not in section.curves.title


def test_a_score_that_is_a_little_above_its_blind_level_everywhere_is_not_the_most_telling(calibration, made) -> None:
    """15 of 2,000 against 4 of 2,000 is above chance at 99 %, with nothing planted too."""
    both = tuple(
        replace(trial, measurements=(made.excess(15, of="offset"), *trial.measurements)) for trial in calibration.trials
    )
    findings = (made.finding(measurements=(made.excess(15, of="offset"), made.excess(4))),)
    two = derived(replace(calibration, findings=findings, trials=both), made.policy())
    (section,) = power_sections(two, Wording(language="en", texts={}, rules={}))
    assert section.curves is not None
    assert "(as written)" in section.curves.title


def marks(chart: str, plant: str) -> list[tuple[str, float, float]]:
    """For each mark whether it is found, and where its outline starts."""
    found = re.findall(rf'class="mark {plant} found-(\w+)" d="M([\d.]+) ([\d.]+)', chart)
    return [(state, float(x), float(y)) for state, x, y in found]


def chart(lines: tuple[Line, ...], doses: tuple[float, ...], **changes: float | None) -> str:
    fields: dict[str, float | None] = {"limit": 0.02, "margin": 0.01, "blind": 0.0, **changes}
    return str(
        power_chart(
            "a",
            title="title",
            description="description",
            axis_names=("dose", "value"),
            lines=lines,
            unplanted=Point(dose=0, value=0, low=-0.01, high=0.01, found="none"),
            doses=doses,
            ticks=(-0.05, 0.0, 0.05, 0.1),
            quantity=Quantity(unit="rate"),
            **fields,  # type: ignore[arg-type]
        )
    )


def test_marks_stand_at_their_dose_on_a_logarithmic_axis_and_say_what_was_found() -> None:
    points = tuple(
        Point(dose=dose, value=dose, low=dose / 2, high=min(2 * dose, 0.1), found=found)
        for dose, found in ((0.01, "none"), (0.1, "all"), (0.03162, "some"))
    )
    ordered = tuple(sorted(points, key=lambda point: point.dose))
    drawn = chart((Line(plant="verbatim", points=ordered),), (0.01, 0.03162, 0.1))
    (one, two, three) = marks(drawn, "verbatim")
    assert [one[0], two[0], three[0]] == ["none", "some", "all"]
    assert two[1] - one[1] == pytest.approx(three[1] - two[1], abs=0.2)  # equal ratios, equal steps
    # Values of 0.01 and 0.1 on an axis from -0.05 to 0.1 that is 236 units high.
    assert one[2] - three[2] == pytest.approx(236 * 0.09 / 0.15, abs=0.2)
    (nothing,) = marks(drawn, "unplanted")
    assert nothing[0] == "none"
    assert nothing[1] < one[1]


def test_a_single_dose_and_no_limit_can_be_drawn() -> None:
    line = Line(plant="jittered", points=(Point(dose=0.1, value=0.05, low=0.04, high=0.06, found="all"),))
    drawn = chart((line,), (0.1,), limit=None, margin=None, blind=None)
    assert len(marks(drawn, "jittered")) == 1
    assert 'class="limit"' not in drawn
    assert 'class="guess"' not in drawn
    assert 'class="limit"' in chart((line,), (0.1,))


def test_dose_labels_that_would_touch_are_left_out() -> None:
    doses = (0.1, 0.101, 0.2)
    points = tuple(Point(dose=dose, value=0.0, low=0.0, high=0.0, found="none") for dose in doses)
    drawn = chart((Line(plant="verbatim", points=points),), doses)
    assert ">10.1\u00a0%<" not in drawn
    assert ">20\u00a0%<" in drawn


def test_a_language_without_a_catalogue_is_refused(calibration) -> None:
    with pytest.raises(ValueError, match="'fr'"):
        render(calibration, "fr")


def test_the_same_calibration_gives_the_same_page(calibration, pages) -> None:
    assert render(Calibration.from_json(calibration.to_json()), "ja").decode() == pages["ja"]
