"""The page: what it holds, what it must never hold, and whether everybody can read it."""

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from audit_core.evidence import Exact, Excess, Interval
from audit_core.measurement import Histogram, Measurement, Reason, RocCurve, measured
from audit_core.scorecard import Control, Judgement, Scorecard, Verdict
from audit_reports.scorecard_html import CHAPTERS, render

SAMPLE = Scorecard.from_json((Path(__file__).parents[1] / "golden" / "sample.scorecard.json").read_bytes())
LANGUAGES = ("en", "ja")
VOID = {"meta", "br", "hr", "img", "input", "link"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None"
    parts: list["Element | str"] = field(default_factory=list)

    @property
    def children(self) -> list["Element"]:
        return [part for part in self.parts if isinstance(part, Element)]

    @property
    def content(self) -> str:
        """The text of the element and all in it."""
        return "".join(part if isinstance(part, str) else part.content for part in self.parts)

    @property
    def hidden(self) -> bool:
        """Whether a screen reader passes over it."""
        here = self.attributes.get("aria-hidden") == "true"
        return here or (self.parent is not None and self.parent.hidden)

    def all(self, *tags: str) -> list["Element"]:
        found = [self] if self.tag in tags else []
        return found + [each for child in self.children for each in child.all(*tags)]


class Page(HTMLParser):
    """The page as a tree; an element that is not closed where it should be is an error."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.root = self.here = Element("root", {}, None)
        self.feed(data.decode())
        assert self.here is self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"an attribute twice in {tag}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.parts.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.parts.append(data)

    def all(self, *tags: str) -> list[Element]:
        return self.root.all(*tags)

    def by_id(self, name: str) -> Element:
        return next(each for each in every(self.root) if each.attributes.get("id") == name)


def every(element: Element) -> list[Element]:
    return [element, *(each for child in element.children for each in every(child))]


PAGES = {language: Page(render(SAMPLE, language)) for language in LANGUAGES}
PAGE = PAGES["en"]

JUDGEMENT = next(each for each in SAMPLE.judgements if each.rule == "membership/auc")
BARE = replace(
    SAMPLE,
    reasons=(),
    judgements=(),
    findings=(),
    controls=(),
    missing=(),
    facts={},
    texts={},
    inputs=replace(SAMPLE.inputs, non_members=None, columns={}),
    provenance=replace(SAMPLE.provenance, plugins={}, refusals=()),
    volatile=replace(SAMPLE.volatile, seconds={}, peak_mib={}),
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_loaded_or_run(language: str) -> None:
    page, text = PAGES[language], render(SAMPLE, language).decode()
    assert not page.all("script", "iframe", "object", "embed", "link", "img", "form", "base")
    for element in every(page.root):
        assert not {"style", "src", "srcset", "action"} & set(element.attributes)
        assert not [name for name in element.attributes if name.startswith("on")]
        assert element.attributes.get("href", "#").startswith("#")
    (style,) = page.all("style")
    assert "url(" not in style.content
    assert "@import" not in style.content
    assert "http://" not in text
    assert "https://" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_security_policy_names_the_style_sheet_by_its_hash(language: str) -> None:
    page = PAGES[language]
    (style,) = page.all("style")
    (policy,) = [each for each in page.all("meta") if each.attributes.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(style.content.encode()).digest()).decode()
    assert policy.attributes["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_are_unique_and_every_reference_has_its_target(language: str) -> None:
    elements = every(PAGES[language].root)
    ids = [each.attributes["id"] for each in elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for element in elements:
        assert set(element.attributes.get("aria-labelledby", "").split()) <= set(ids)
        if "href" in element.attributes:
            assert element.attributes["href"].removeprefix("#") in ids


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_go_down_one_level_at_a_time(language: str) -> None:
    levels = [int(each.tag[1]) for each in PAGES[language].all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_and_charts_say_what_they_are(language: str) -> None:
    page = PAGES[language]
    assert len(page.all("table")) > 10
    for table in page.all("table"):
        assert len(table.all("caption")) == 1
        assert all(each.attributes["scope"] in ("row", "col") for each in table.all("th"))
        assert all(row.children[0].tag == "th" for row in table.all("tr"))
    charts = [each for each in page.all("svg") if each.attributes.get("role") == "img"]
    assert len(charts) > 10
    for chart in charts:
        assert chart.all("title")[0].content
        assert chart.all("desc")[0].content
    assert all(each in charts or each.hidden for each in page.all("svg"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_chapters_are_there_in_order(language: str) -> None:
    page = PAGES[language]
    letters = [each.content.split()[0] for each in page.all("h2")]
    assert letters == [letter for letter, _, _ in CHAPTERS] == list("ABCDEFGHIJ")
    assert page.all("html")[0].attributes["lang"] == language


def test_the_result_says_verdict_release_policy_and_date() -> None:
    result = PAGE.by_id("result").content
    for part in ("Fail", SAMPLE.release.digest, SAMPLE.policy.digest, "starter, version 1", "2026-04-01", "12,000"):
        assert part in result
    assert "This release does not pass the policy “Starter” — " in result


def test_worst_limits_come_first_and_not_assessed_is_a_row() -> None:
    rows = PAGE.by_id("limits").all("tbody")
    verdicts = [
        badge.attributes["class"].removeprefix("badge ")
        for body in rows
        for badge in body.all("span")
        if badge.attributes.get("class", "").startswith("badge ")
    ]
    order = ["fail", "error", "inconclusive", "pass", "not-assessed"]
    assert len(verdicts) == len(SAMPLE.judgements)
    assert verdicts == sorted(verdicts, key=order.index)
    assert set(verdicts) == set(order)


def test_rows_with_different_reasons_for_their_limit_do_not_share_one() -> None:
    other = replace(JUDGEMENT, of="another", rationale={"en": "For another reason."})
    page = Page(render(replace(SAMPLE, judgements=(JUDGEMENT, other)), "en"))
    reasons = [cell for cell in page.by_id("limits").all("td") if cell.attributes.get("class") == "why"]
    assert [cell.attributes["rowspan"] for cell in reasons] == ["1", "1"]
    assert "For another reason." in reasons[1].content


def test_a_group_risk_is_shown_with_the_size_of_the_group() -> None:
    text = PAGE.by_id("attacks").content
    assert "8.33\u00a0% (k\u00a0=\u00a012)" in text
    assert "50.0\u00a0% (l\u00a0=\u00a02)" in text


def test_coverage_names_the_attack_or_says_not_assessed() -> None:
    rows = {row.children[0].content.strip(): row for row in PAGE.by_id("coverage").all("tr")[1:]}
    membership = [cell.content.strip() for cell in rows["Membership inference: who was in the data"].all("td")]
    assert membership == ["not assessed", "assessed: Membership inference", "not assessed"]
    for goal in ("Attribute disclosure", "Singling out", "Linkability"):
        (row,) = [row for name, row in rows.items() if name.startswith(goal)]
        assert f"assessed: {goal}" in row.all("td")[0].content
    identifiers = next(row for goal, row in rows.items() if goal.startswith("Surviving identifiers"))
    assert "The policy needs this, and it was not assessed." in identifiers.content
    assert any("error: A stranger's attack" in row.content for row in rows.values())


def test_a_rule_with_a_goal_of_its_own_covers_that_goal() -> None:
    rule = replace(JUDGEMENT, attack="exact-copies", rule="exact-copies/surviving_identifiers", goal="identifiers")
    page = Page(render(replace(SAMPLE, judgements=(rule,)), "en"))
    (row,) = [row for row in page.by_id("coverage").all("tr") if row.content.strip().startswith("Surviving")]
    assert "assessed: Exact copies" in row.content


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_are_escaped_stripped_and_cut(language: str) -> None:
    text = render(SAMPLE, language).decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert 81 * "x" not in text
    assert "{{ 7*7 }}" in text
    assert ">None<" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_bare_card_says_in_each_section_that_there_is_nothing(language: str) -> None:
    page = Page(render(BARE, language))
    for _, anchor, _ in CHAPTERS:
        section = page.by_id(anchor)
        assert [each for each in section.all("p", "li", "dd") if each.content.strip()], anchor


def test_without_non_members_the_page_says_what_is_missing_and_how_to_get_it() -> None:
    heuristic = replace(
        JUDGEMENT, attack="exact-copies", goal="copies", verdict=Verdict.NO_FINDING, measurement="released_near_excess"
    )
    lacking = [
        replace(
            JUDGEMENT,
            goal=goal,
            verdict=Verdict.NOT_ASSESSED,
            measured=None,
            reason=Reason(code="needs-every-fact", args={"facts": facts}),
        )
        for goal, facts in (
            ("copies", "non_members"),
            ("membership", "non_members"),
            ("identifiers", "non_members, singular"),
            ("identity", "generalised"),
        )
    ]
    card = replace(
        SAMPLE,
        judgements=(heuristic, *lacking),
        controls=(),
        missing=("copies", "membership"),
        inputs=replace(SAMPLE.inputs, non_members=None),
    )
    page = Page(render(card, "en"))
    assert "There was no file of non-members" in page.by_id("provenance").content
    looked_at, wanting = page.by_id("coverage").all("dd")[:2]
    assert [each.content for each in looked_at.all("li")] == [
        "Copies of real rows — by a heuristic that can find a leak, but not its absence"
    ]
    assert [each.content for each in wanting.all("li")] == ["Membership inference: who was in the data"]
    assert "set a random part of it aside" in page.by_id("coverage").content
    (copies,) = [row for row in page.by_id("coverage").all("tr") if row.content.strip().startswith("Copies of")]
    assert "a heuristic, which finds leaks but not their absence: Exact copies" in copies.content
    assert "each of them needs non-members" in page.by_id("controls").content


def test_with_non_members_there_is_no_advice_on_how_to_get_them() -> None:
    assert "set a random part of it aside" not in PAGE.root.content


def test_an_attack_that_was_not_measured_takes_little_room() -> None:
    section = PAGE.by_id("attack-7")
    assert "This did not finish" in section.content
    assert [each.content for each in section.all("h4")] == ["What it would have rested on"]
    assert "a-stranger 2.0" in section.content


def test_remote_people_stand_beside_all_people() -> None:
    (table,) = [each for each in PAGE.by_id("attack-2").all("table") if each.all("caption")[0].content[:4] == "AUC:"]
    assert "limit 0.55; among remote people 0.6" in table.content
    rows = [row.all("th")[0].content for row in table.all("tr")[1:]]
    assert rows[0::2] == [row.removesuffix(" remote people only") for row in rows[1::2]]


def test_what_controls_and_charts_show_is_not_listed_again() -> None:
    sections = [PAGE.by_id(f"attack-{number}") for number in (2, 4, 5, 6)]
    others = [row.content for section in sections for row in section.all("tr")]
    assert any("Remote members recognised" in row for row in others)
    for name in ("AUC with shuffled labels", "Linking at random", "The release's commonest value"):
        assert not any(name in row for row in others)
    assert "Linking at random" in PAGE.by_id("attack-5").content
    bare = Page(render(replace(SAMPLE, controls=()), "en"))
    assert "AUC with shuffled labels" in bare.by_id("attack-2").content


def test_a_language_without_a_catalogue_is_refused() -> None:
    with pytest.raises(ValueError, match="'fr'"):
        render(SAMPLE, "fr")


@pytest.mark.parametrize(
    "verdict", [each for each in Verdict if each not in (Verdict.NOT_ASSESSED, Verdict.NO_FINDING)]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_has_a_page(verdict: Verdict, language: str) -> None:
    page = Page(render(replace(SAMPLE, verdict=verdict), language))
    assert page.by_id("result").attributes["class"] == verdict.value
    assert f"#shape-{verdict.value}" in [each.attributes["href"] for each in page.by_id("result").all("use")]


def test_order_within_the_scorecards_mappings_changes_nothing() -> None:
    turned = replace(
        SAMPLE,
        facts=dict(reversed(SAMPLE.facts.items())),
        inputs=replace(SAMPLE.inputs, columns=dict(reversed(SAMPLE.inputs.columns.items()))),
        provenance=replace(
            SAMPLE.provenance,
            plugins=dict(reversed(SAMPLE.provenance.plugins.items())),
            distributions=dict(reversed(SAMPLE.provenance.distributions.items())),
        ),
    )
    assert render(turned, "en") == render(SAMPLE, "en")


def _huge() -> Scorecard:
    """More of everything than a page shows, under long names."""
    name = 2_000 * "x"
    point = Interval(low=0.0, high=1.0, confidence=0.95, method=name)
    excess = Excess(k1=1, n1=2, k0=0, n0=0, scale="difference")
    measurements = tuple(
        Measurement(name=f"copies{n}", of=name, value=0.5, evidence=evidence, interval=point, n=2, blind=None)
        for n in range(50)
        for evidence in (excess, Exact(numerator=1, denominator=2))
    )
    rates = tuple(10 ** (step / 15 - 4) for step in range(61))
    details = tuple(RocCurve(of=f"{n}{name}", fpr=rates, tpr=rates, n1=10, n0=10) for n in range(20))
    charts = tuple(Histogram(of=name, labels=40 * (name,), counts=40 * (12,)) for _ in range(20))
    reason = Reason(code=name, args={name: name})
    judgements: tuple[Judgement, ...] = tuple(
        replace(
            JUDGEMENT,
            of=f"{n}{name}",
            verdict=list(Verdict)[n % 5],
            rationale={"en": name},
            source={"en": name},
            at_most=name,
            reason=reason,
        )
        for n in range(200)
    )
    findings = tuple(
        replace(
            finding,
            measurements=measurements,
            details=(*details, *charts),
            caveats=100 * (reason,),
            references=100 * (name,),
            params={f"{n}{name}": name for n in range(100)},
        )
        for finding in SAMPLE.findings[:3]
    )
    return replace(
        SAMPLE,
        name=name,
        reasons=50 * (reason,),
        judgements=judgements,
        findings=findings,
        usefulness=(replace(findings[0], goal="usefulness"),),
        inputs=replace(SAMPLE.inputs, columns={f"{n}{name}": name for n in range(200)}),
        controls=tuple(
            replace(control, attack=f"{n}{name}" if control.attack else "", reason=reason)
            for n in range(50)
            for control in SAMPLE.controls
        ),
        facts={f"{n}{name}": n for n in range(200)},
        provenance=replace(SAMPLE.provenance, plugins={f"{n}{name}": name for n in range(200)}),
    )


def test_what_does_not_fit_on_a_page_is_left_to_the_json() -> None:
    page = render(_huge(), "en")
    assert len(page) < 300_000
    text = Page(page).root.content
    assert "160 more limits, with the best verdicts, are only in scorecard.json." in text
    assert "76 more are only in scorecard.json." in text
    assert "40 more are not drawn." in text
    assert "40 more attacks are only in scorecard.json." in text
    assert "136 more columns are only in scorecard.json." in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_thousands_are_separated_wherever_a_number_stands(language: str) -> None:
    """In cells, charts and sentences alike; a seed and a parameter stand as they are typed."""
    n = 5032
    exact = Exact(numerator=n)
    risk, copies = Exact(numerator=1, denominator=n), Excess(k1=n, n1=10 * n, k0=n, n0=10 * n, scale="difference")
    named = {"surviving_identifiers": exact, "largest_risk": risk, "copies_excess": copies, "strange": exact}
    rows: dict[str, str | int | float] = {"rows": n, "left": n, "count": n, "value": str(n), "limit": f"1/{n}"}
    said = tuple(Reason(code=code, args=rows) for code in ("exact-above-limit", "k-anonymity-suppressed-rows", "odd"))
    finding = replace(
        SAMPLE.findings[0],
        measurements=tuple(measured(name, evidence, blind=float(n)) for name, evidence in named.items()),
        details=(Histogram(of="sizes", labels=("a", "b"), counts=(n, 10 * n)), *SAMPLE.findings[0].details),
        caveats=said,
    )
    judgements = tuple(
        replace(
            JUDGEMENT,
            attack=finding.attack,
            rule=f"{finding.attack}/{name}",
            measurement=name,
            of="all",
            at_most=written,
            margin=str(n),
            measured=evidence.value,
            low=evidence.value,
            high=evidence.value,
            blind=float(n),
            reason=said[0],
        )
        for (name, evidence), written in zip(named.items(), (str(n), f"1/{n}", str(n), str(n)), strict=True)
    )
    files = {part: replace(SAMPLE.inputs.members, rows=n) for part in ("members", "non_members")}
    page = render(
        replace(
            SAMPLE,
            reasons=said,
            release=replace(SAMPLE.release, rows=n),
            inputs=replace(SAMPLE.inputs, overlap=n, columns={f"column {at}": "" for at in range(n + 80)}, **files),
            facts={"members": n},
            findings=(finding,),
            judgements=judgements,
            controls=(Control(name="overlap", verdict=Verdict.PASS, reason=said[1]),),
            volatile=replace(SAMPLE.volatile, seconds={"total": float(n)}, peak_mib={"total": float(n)}, cores=n),
        ),
        language,
    )
    text = Page(page).root.content
    assert text.count("5,032") > 30
    assert re.findall(r".{20}(?<![\d,.#:a-f-])50(?:32|30)0?(?![\d:a-f-]).{20}", text) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sample_is_below_300_kilobytes(language: str) -> None:
    assert len(render(SAMPLE, language)) < 300_000


def _colours(style: str, start: str) -> dict[str, str]:
    block = style[style.index(start) :]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block[: block.index("}")]))


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("start", [":root {", "(prefers-color-scheme: dark)"])
def test_colours_have_the_contrast_of_wcag_aa(start: str) -> None:
    (style,) = PAGE.all("style")
    colours = _colours(style.content, start)
    for ground in ("paper", "sheet"):
        for text in ("ink", "quiet", "accent", "inconclusive", "error", "pass", "fail", "not-assessed"):
            assert _contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        assert _contrast(colours["axis"], colours[ground]) >= 3, ground
    for verdict in ("pass", "fail", "inconclusive", "error", "not-assessed"):
        assert _contrast(colours[verdict], colours[f"{verdict}-tint"]) >= 4.5, verdict
        assert _contrast(colours["ink"], colours[f"{verdict}-tint"]) >= 4.5, verdict
