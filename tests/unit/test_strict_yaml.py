"""Strict YAML: no surprise, every problem with its place, numbers as people write them."""

from fractions import Fraction
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PlainValidator, WithJsonSchema

from audit_core.errors import InputError, Problem
from audit_core.written.numbers import as_written, fraction, probability
from audit_core.written.strict_yaml import (
    MAX_BYTES,
    MAX_DEPTH,
    closest,
    read_document,
    read_yaml,
    write_yaml,
)
from audit_core.written.validation import read_model


def refused(data: bytes | str) -> list[tuple[str, str]]:
    """The codes and places of the problems."""
    with pytest.raises(InputError) as caught:
        read_yaml(data.encode() if isinstance(data, str) else data, "r.yaml")
    return [(problem.code, problem.where) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("true", True),
        ("1e-6", 1e-6),
        ("12:30", "12:30"),
        ("0123", 123),
        ("1_000", "1_000"),
        ("2026-01-31", "2026-01-31"),
        ("~", None),
        ("", None),
        ("7%", "7%"),
        ("1/11", "1/11"),
        (".5", 0.5),
        ("-3", -3),
        ("'1'", "1"),
        ('"null"', "null"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    read = read_yaml(f"a: {text}\n".encode(), "r.yaml")
    assert isinstance(read, dict)
    assert read["a"] == value
    assert type(read["a"]) is type(value)


def test_keys_are_text_as_written() -> None:
    assert read_yaml(b"NO: 1\n0123: 2\nnull: 3\n1.0: 4\n", "r.yaml") == {"NO": 1, "0123": 2, "null": 3, "1.0": 4}


def test_nothing_but_comments_is_nothing() -> None:
    assert read_yaml(b"# a comment\n", "r.yaml") is None
    assert read_yaml(b"", "r.yaml") is None
    assert read_yaml(b"\xef\xbb\xbfa: 1\r\n", "r.yaml") == {"a": 1}


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        ("a: 1\n\tb: 2\n", "yaml-syntax", "r.yaml:2:1"),
        ("a: [1, 2\n", "yaml-syntax", "r.yaml:2:1"),
        ("a: b: c\n", "yaml-syntax", "r.yaml:1:5"),
        ("a: 1\nb: \x07\n", "yaml-syntax", "r.yaml:2"),
        ('a: "\\UFFFFFFFF"\n', "yaml-syntax", "r.yaml"),
        ('a: "\\ud800"\n', "yaml-syntax", "r.yaml:1:4"),
        (b"a: 1\nb: \xff\n", "yaml-not-utf-8", "r.yaml:2"),
        ("a:\n  b: 1\n  b: 2\n", "yaml-duplicate-key", "r.yaml:3:3"),
        ("a: &x 1\n", "yaml-anchor", "r.yaml:1:4"),
        ("<<: {a: 1}\n", "yaml-anchor", "r.yaml:1:1"),
        ("a: !!python/object/apply:os.system [ls]\n", "yaml-tag", "r.yaml:1:4"),
        ("a: 1\n---\nb: 1\n", "yaml-several-documents", "r.yaml:2:1"),
        ("%YAML 1.1\n---\na: NO\n", "yaml-directive", "r.yaml:2:1"),
        ("? [a, b]\n: 1\n", "yaml-key", "r.yaml:1:3"),
        ("a: .nan\n", "yaml-not-a-number", "r.yaml:1:4"),
        ("a: -.inf\n", "yaml-not-a-number", "r.yaml:1:4"),
        ("[" * (MAX_DEPTH + 2), "yaml-too-deep", f"r.yaml:1:{MAX_DEPTH + 2}"),
    ],
)
def test_what_is_refused_names_line_and_column(data: bytes | str, code: str, where: str) -> None:
    assert refused(data) == [(code, where)]


def test_an_alias_is_refused_so_nothing_can_grow() -> None:
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert [code for code, _ in refused(bomb)] == ["yaml-anchor"] * 6


def test_a_file_over_the_cap_is_refused_unread() -> None:
    assert refused(b"#" * (MAX_BYTES + 1)) == [("yaml-too-large", "r.yaml")]


def test_all_problems_come_at_once() -> None:
    assert [code for code, _ in refused("a: 1\na: 2\nb: !x 1\nc: .inf\n")] == [
        "yaml-duplicate-key",
        "yaml-tag",
        "yaml-not-a-number",
    ]


@given(st.text(alphabet=st.sampled_from("ab:-?[]{},&*!|>'\"%@\\#\n \t~01.eExuU/<=\u2028é"), max_size=30))
def test_any_text_is_read_or_refused_as_input(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        read_yaml(text.encode(), "r.yaml")
    except InputError as error:
        problems = error.problems
    assert all(problem.where.startswith("r.yaml") for problem in problems)


trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(0, 1e6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(trees)
def test_what_is_written_reads_back(tree: object) -> None:
    assert read_yaml(write_yaml(tree), "r.yaml") == tree


def test_writing_is_plain_block_yaml() -> None:
    tree = {"limit": Fraction(1, 11), "of": ["raw", {"a": 0.05}], "empty": [], "日本": "関所\x85"}
    assert write_yaml(tree).decode() == (
        'limit: 1/11\nof:\n  - "raw"\n  - a: 0.05\nempty: []\n"日本": "関所\\U00000085"\n'
    )


def test_a_document_knows_the_place_of_a_path_and_of_its_nearest_parent() -> None:
    document = read_document(b"rules:\n  - at_most: 1\n", "p.yaml")
    assert document.place(("rules", 0, "at_most")) == "p.yaml:2:5 (rules[0].at_most)"
    assert document.place(("rules", 0, "goal")) == "p.yaml:2:5 (rules[0].goal)"
    assert document.place(()) == "p.yaml:1:1"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("7%", Fraction(7, 100)),
        ("7 %", Fraction(7, 100)),
        ("７％", Fraction(7, 100)),
        ("0.3%", Fraction(3, 1000)),
        ("1/11", Fraction(1, 11)),
        ("1 / 11", Fraction(1, 11)),
        ("1e-6", Fraction(1, 10**6)),
        (1e-6, Fraction(1, 10**6)),
        (0.05, Fraction(1, 20)),
        (0.1, Fraction(1, 10)),
        (0, Fraction(0)),
        ("0", Fraction(0)),
        (".5", Fraction(1, 2)),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_numbers_are_read_exactly_as_people_write_them(written: object, number: Fraction) -> None:
    assert fraction(written) == number


@pytest.mark.parametrize(
    "written",
    ["nan", "inf", "-1", "−1", "-0.1", "-0", "1/0", "x", "", "1/2/3", "7%%", "1e9999", "1" * 65, True, None, [1]],
)
def test_what_is_no_number_of_0_or_more_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="; write"):
        fraction(written)


@pytest.mark.parametrize("written", [float("nan"), float("inf"), -0.5, 1e300])
def test_floats_out_of_range_are_refused(written: float) -> None:
    with pytest.raises(ValueError, match="; write"):
        fraction(written)


def test_a_share_above_1_is_refused_with_the_likely_meaning() -> None:
    assert probability("100%") == 1
    with pytest.raises(ValueError, match=r"write 0\.07 or 7% if"):
        probability(7)


@pytest.mark.parametrize("text", ["1/11", "0.55", "0.03", "0", "1", "12000", "1e-6", "0.00012", "2.5e-12", "1/3"])
def test_short_forms_stay_as_they_are(text: str) -> None:
    assert as_written(fraction(text)) == text


@given(st.fractions(0, 10**9, max_denominator=10**15) | st.decimals(0, 1, places=20).map(Fraction))
def test_a_written_fraction_reads_back_exactly(number: Fraction) -> None:
    assert fraction(as_written(number)) == number


def test_the_closest_name_is_suggested() -> None:
    assert closest("quasi_identifer", ["sensitive", "quasi-identifier"]) == "quasi-identifier"
    assert closest("AT_MOST", ["at_most", "margin"]) == "at_most"
    assert closest("zebra", ["at_most", "margin"]) is None


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    share: Annotated[Fraction, PlainValidator(probability), WithJsonSchema({})] = Fraction(0)
    basis: Literal["law", "house"] = "house"


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    items: list[Inner] = []
    one: Inner | None = None
    table: dict[str, Inner] = {}


def test_a_model_reports_every_problem_with_its_place_and_a_suggestion() -> None:
    data = (
        b"nam: x\n"
        b"items:\n"
        b"  - {share: 7, basis: lwa}\n"
        b"  - {shar: 1%}\n"
        b"one: {bassis: law}\n"
        b"table: {a: {shaer: 1}}\n"
        b"zebra: 1\n"
    )
    with pytest.raises(InputError) as caught:
        read_model(data, "m.yaml", Outer)
    told = {str(problem) for problem in caught.value.problems}
    assert told == {
        "[missing-key] m.yaml:1:1: the key 'name' is missing. Add name",
        "[wrong-value] m.yaml:3:6 (items[0].share): a share above 1. Write 0.07 or 7% if that is meant",
        "[wrong-value] m.yaml:3:16 (items[0].basis): not one of the words allowed here. Did you mean 'law'?",
        "[unknown-key] m.yaml:4:6 (items[1].shar): the key 'shar' is not known. Did you mean 'share'?",
        "[unknown-key] m.yaml:5:7 (one.bassis): the key 'bassis' is not known. Did you mean 'basis'?",
        "[unknown-key] m.yaml:6:13 (table.a.shaer): the key 'shaer' is not known. Did you mean 'share'?",
        "[unknown-key] m.yaml:1:1 (nam): the key 'nam' is not known. Did you mean 'name'?",
        "[unknown-key] m.yaml:7:1 (zebra): the key 'zebra' is not known. Known here: name, items, one, table",
    }


def test_nothing_is_coerced() -> None:
    with pytest.raises(InputError, match=r"m\.yaml:1:1"):
        read_model(b"name: 5\n", "m.yaml", Outer)
    with pytest.raises(InputError, match=r"m\.yaml:1:1"):
        read_model(b"- a\n", "m.yaml", Outer)
    assert read_model(b"name: x\nitems: [{share: 1/11}]\n", "m.yaml", Outer).items[0].share == Fraction(1, 11)
