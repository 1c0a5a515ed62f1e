"""Charts: where things are drawn, and what is not shown."""

import re

import pytest
from markupsafe import Markup
from scipy.stats import beta, binom

from audit_core.measurement import Histogram, RocCurve
from audit_reports.bar_charts import Arms, bar_text, histogram_chart, rates_chart
from audit_reports.bullet_chart import Bullet, axis, bullet_chart, shared_ticks
from audit_reports.quantities import Quantity
from audit_reports.roc_chart import band, lowest_rate, measurable_from, roc_chart
from audit_reports.svg import Scale, coordinate, decades, drawing, element, fit, round_ticks


def attribute(markup: str, selector: str, name: str) -> list[float]:
    """An attribute's values in all elements of a class."""
    elements = re.findall(rf'<\w+ class="{selector}"[^>]*>', markup)
    return [float(re.findall(rf' {name}="([^"]*)"', each)[0]) for each in elements]


def test_attributes_and_texts_are_escaped() -> None:
    written = element("text", '</text><script>"', class_='"><b>', data_x=None, x=1.25)
    assert written == '<text class="&#34;&gt;&lt;b&gt;" x="1.2">&lt;/text&gt;&lt;script&gt;&#34;</text>'
    assert "<script>" not in drawing("a", 1, 1, "<script>", "<script>", Markup("<g/>"))


def test_coordinates_are_short_and_have_no_negative_zero() -> None:
    assert [coordinate(value) for value in (1.0, 2.04, -0.01, -3.46)] == ["1", "2", "0", "-3.5"]


def test_scales_keep_what_lies_beyond_at_their_ends() -> None:
    linear = Scale(low=0, high=2, start=10, end=110)
    assert [linear(value) for value in (-1, 0, 1, 2, 5)] == [10, 10, 60, 110, 110]
    logarithmic = Scale(low=1e-4, high=1, start=0, end=4, logarithmic=True)
    assert [round(logarithmic(value), 9) for value in (0, 1e-4, 1e-2, 1)] == [0, 0, 2, 4]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 0.0191, [0, 0.005, 0.01, 0.015, 0.02]),
        (0.493, 0.583, [0.45, 0.5, 0.55, 0.6]),
        (-0.013, 0.02, [-0.02, -0.01, 0, 0.01, 0.02]),
        (0, 1, [0, 0.5, 1]),
        (0, 100, [0, 50, 100]),
    ],
)
def test_ticks_are_round_and_reach_over_the_range(low: float, high: float, ticks: list[float]) -> None:
    assert round_ticks(low, high) == ticks


def test_ticks_need_a_range() -> None:
    with pytest.raises(ValueError, match="range"):
        round_ticks(1, 1)


def test_decades_end_at_one() -> None:
    assert decades(1e-3) == pytest.approx([1e-3, 1e-2, 1e-1, 1])


def test_labels_are_cut_by_the_width_of_their_letters() -> None:
    assert fit("narrow", 6) == "narrow"
    assert fit("narrower", 6) == "narro…"
    assert fit("年齢年齢", 6) == "年齢…"


def bullet(**changes: float | None) -> Bullet:
    values = {"value": 0.04, "low": 0.03, "high": 0.06, "limit": 0.0, "margin": 0.01, "blind": 0.005, **changes}
    return Bullet(verdict="fail", **values)  # type: ignore[arg-type]


def test_a_bullet_shows_each_mark_where_its_value_is() -> None:
    chart = bullet_chart("a", "title", "description", bullet(), [0.0, 0.02, 0.04, 0.06])
    scale = Scale(low=0, high=0.06, start=12, end=308)
    assert attribute(chart, "estimate fail", "cx") == [pytest.approx(scale(0.04), abs=0.05)]
    assert attribute(chart, "limit", "x1") == [pytest.approx(scale(0), abs=0.05)]
    assert attribute(chart, "margin-edge", "x1") == [pytest.approx(scale(0.01), abs=0.05)]
    left, right = re.findall(r"M([\d.]+) 12H([\d.]+)", chart)[0]
    assert float(left) == pytest.approx(scale(0.03), abs=0.05)
    assert float(right) == pytest.approx(scale(0.06), abs=0.05)
    assert float(re.findall(r'class="blind" d="M([\d.]+)', chart)[0]) == pytest.approx(scale(0.005), abs=0.05)


def test_a_bullet_leaves_out_what_there_is_not() -> None:
    chart = bullet_chart("a", "title", "description", bullet(limit=None, margin=None, blind=None), [0.0, 0.1])
    for mark in ("limit", "margin-edge", "held", "blind"):
        assert f'class="{mark}"' not in chart


@pytest.mark.parametrize(
    ("changes", "unit"),
    [
        ({}, "rate"),
        ({"value": 0.0, "low": 0.0, "high": 0.0, "margin": 0.0, "blind": None}, "truth"),
        ({"value": 0.5, "low": 0.5, "high": 0.5, "limit": 0.5, "margin": 0.0, "blind": 0.5}, "number"),
        ({"low": -0.2}, "rate"),
    ],
)
def test_a_shared_axis_reaches_every_mark(changes: dict[str, float | None], unit: str) -> None:
    bullets = [bullet(**changes), bullet(**changes)]
    ticks = shared_ticks(bullets, unit)
    assert ticks[0] <= min(bullets[0].marks) + 1e-12
    assert ticks[-1] >= max(bullets[0].marks) - 1e-12
    assert axis(ticks, Quantity(unit="rate")).count("<text") == len(ticks)


CURVE = RocCurve(of="score", fpr=(1e-4, 1e-3, 1e-2, 0.1, 1.0), tpr=(0.0, 0.0025, 0.03, 0.2, 1.0), n1=2000, n0=1000)


def test_the_band_is_clopper_pearson_on_both_rates() -> None:
    limits = band(CURVE, 0.95)
    for position, (fpr, tpr) in enumerate(zip(CURVE.fpr, CURVE.tpr, strict=True)):
        false, true = int(fpr * CURVE.n0 + 1e-9), round(tpr * CURVE.n1)
        low = 0.0 if false == 0 else beta.ppf(0.05, false, CURVE.n0 - false + 1)
        high = 1.0 if false == CURVE.n0 else beta.ppf(0.95, false + 1, CURVE.n0 - false)
        assert (limits.fpr_low[position], limits.fpr_high[position]) == pytest.approx((low, high), rel=1e-9)
        if 0 < true < CURVE.n1:
            # By its definition the lower bound is the rate at which that many hits or more have a chance of 5 %.
            assert binom.sf(true - 1, CURVE.n1, limits.tpr_low[position]) == pytest.approx(0.05, rel=1e-6)
            assert binom.cdf(true, CURVE.n1, limits.tpr_high[position]) == pytest.approx(0.05, rel=1e-6)


def test_a_rate_is_measurable_from_where_no_false_positive_bounds_it() -> None:
    # Without a false positive among 299 controls the rate is below 1 % at 95 %: 0.99 ** 299 = 0.0495.
    assert measurable_from(299, 0.95) < 0.01 < measurable_from(298, 0.95)


@pytest.mark.parametrize(("n0", "lowest"), [(50, 1e-2), (1000, 1e-3), (4000, 1e-4), (10**7, 1e-4)])
def test_the_axes_start_below_what_the_controls_resolve(n0: int, lowest: float) -> None:
    curve = RocCurve(of="score", fpr=(0.5,), tpr=(0.5,), n1=10, n0=n0)
    assert lowest_rate([curve]) == pytest.approx(lowest)


def test_curves_rise_and_stay_on_the_plot() -> None:
    other = RocCurve(of="other", fpr=CURVE.fpr, tpr=CURVE.fpr, n1=2000, n0=1000)
    chart = roc_chart(
        "a",
        title="title",
        description="description",
        axis_names=("fpr", "tpr"),
        shown=CURVE,
        others=[other],
        confidence=0.95,
    )
    assert chart.count('class="curve other dashes-1"') == 1
    for path in re.findall(r'class="(?:curve|curve other dashes-1|band)" d="([^"]*)"', chart):
        points = [tuple(map(float, point.split())) for point in path.strip("MZ").split("L")]
        assert all(54 <= x <= 346 and 10 <= y <= 268 for x, y in points)
    curve = re.findall(r'class="curve" d="([^"]*)"', chart)[0]
    heights = [float(point.split()[1]) for point in curve.strip("M").split("L")]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == 10


@pytest.mark.parametrize("number", [None, 1, 10])
def test_small_counts_are_suppressed_and_drawn_alike(number: int | None) -> None:
    chart = histogram_chart("a", "t", "d", Histogram(of="sizes", labels=("1", "2"), counts=(number, 100)))
    assert bar_text(None) == "<11"
    assert "&lt;11" in chart
    assert attribute(chart, "bar suppressed", "width") == [7]
    assert attribute(chart, "bar", "width") == [240]
    if number is not None:
        assert f">{number}</text>" not in chart.replace(">1</text>", "", 1)


def test_zero_and_eleven_are_shown() -> None:
    assert [bar_text(0), bar_text(11), bar_text(12000)] == ["0", "11", "12,000"]


def test_a_histogram_of_nothing_is_drawn() -> None:
    chart = histogram_chart("a", "t", "d", Histogram(of="sizes", labels=("1",), counts=(0,)))
    assert attribute(chart, "bar", "width") == [0]


def arms(member: float, control: float, prior: float | None = None, what: str = "a", of: str = "") -> Arms:
    return Arms(
        what=what,
        of=of,
        member_rate=member,
        control_rate=control,
        member_text="member",
        control_text="control",
        prior_rate=prior,
        prior_text="" if prior is None else "prior",
    )


def test_rates_share_one_scale_from_zero() -> None:
    chart = rates_chart("a", "t", "d", [arms(0.04, 0.01), arms(0.0, 0.02)])
    assert attribute(chart, "bar member", "width") == [270, 0]
    assert attribute(chart, "bar control", "width") == [67.5, 135]
    assert attribute(rates_chart("a", "t", "d", [arms(0.0, 0.0)]), "bar member", "width") == [0]


def test_the_prior_is_a_mark_on_the_scale_of_the_arms() -> None:
    chart = rates_chart("a", "t", "d", [arms(0.2, 0.1), arms(0.2, 0.1, prior=0.4)])
    assert attribute(chart, "bar member", "width") == [135, 135]
    (line,) = re.findall(r'<line class="prior"[^>]*>', chart)
    assert 'x1="270.5"' in line
    assert chart.count(">prior<") == 1


def test_a_long_label_keeps_what_tells_its_row_from_the_others() -> None:
    chart = rates_chart("a", "t", "d", [arms(0.2, 0.1, what=100 * "w", of="by several columns")])
    assert "w… (by several columns)</text>" in chart


def test_each_other_curve_is_dashed_its_own_way() -> None:
    others = [RocCurve(of=f"{n}", fpr=CURVE.fpr, tpr=CURVE.fpr, n1=2000, n0=1000) for n in range(6)]
    chart = roc_chart(
        "a",
        title="title",
        description="description",
        axis_names=("fpr", "tpr"),
        shown=CURVE,
        others=others,
        confidence=0.95,
    )
    assert re.findall(r'class="curve other dashes-(\d)"', chart) == list("123456")
