"""Coded sentences: both languages, no argument left unsaid, nothing claimed."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from audit_core.blanks import BLANKS, unfilled
from audit_core.case import Case
from audit_core.codes import CODES, FACTS, GOALS, sentence, separated
from audit_core.language.made_up_models import made_up_model
from audit_core.measurement import Reason
from audit_core.policy import load_policy, shipped_policies
from audit_core.tables import Table, read_only
from audit_core.words import LANGUAGES

ROOT = Path(__file__).parents[2]


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def made() -> Iterator[tuple[str, str, set[str] | None]]:
    """Every `Reason(...)`, `reason(...)` and `Problem(...)` in the sources: where, its code, its arguments if known."""
    files = [*ROOT.glob("audit_core/**/*.py"), *ROOT.glob("plugins/audit_plugins/**/*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            code, names = keywords.get("code"), None
            if node.func.id == "reason" and node.args:
                code = node.args[0]
                names = None if None in keywords else {name for name in keywords if name is not None}
            elif node.func.id == "Reason" and isinstance(args := keywords.get("args"), ast.Dict):
                names = {key.value for key in args.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
            elif node.func.id not in ("Problem", "Reason"):
                continue
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield f"{file.name}:{node.lineno}", code.value, names


@pytest.mark.parametrize("name", CODES)
def test_a_code_speaks_both_languages_with_the_same_arguments(name: str) -> None:
    code = CODES[name]
    assert set(code.title) == set(code.more) == set(LANGUAGES)
    assert all(text.strip() for words in (code.title, code.more) for text in words.values())
    for words in (code.title, code.more):
        assert placeholders(words["en"]) == placeholders(words["ja"])
        assert all(argument.isidentifier() for argument in placeholders(words["en"]))
        # Arguments come as text, which takes no format of its own.
        assert not any(form or how for text in words.values() for _, _, form, how in string.Formatter().parse(text))
    assert placeholders(code.more["en"]) <= placeholders(code.title["en"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CODES)
def test_explained_no_blank_is_left_and_every_one_has_words(name: str, language: str) -> None:
    for template in (CODES[name].title, CODES[name].more):
        blanks = placeholders(template[language])
        assert [blank for blank in blanks if blank not in BLANKS and f"{name}.{blank}" not in BLANKS] == []
        text = unfilled(name, template, language)
        braces = {brace: template[language].count(2 * brace) for brace in "{}"}
        assert {brace: text.count(brace) for brace in "{}"} == braces  # those that stand for themselves
        assert text.count("<") >= len(blanks)


def test_explained_blanks_are_words_and_doubled_braces_are_single() -> None:
    title = CODES["lower-bound-above-limit"].title
    assert unfilled("a", title, "en") == "the lower bound <low> at <confidence> lies above the limit <limit>"
    assert unfilled("a", title, "ja") == "信頼下限 <下限>（信頼度 <信頼度>）が基準値 <基準値> を上回っています"
    assert unfilled("a", {"en": "{a_b}: `limits: {{gib: ...}}`"}, "en") == "<a b>: `limits: {gib: ...}`"
    two = CODES["two-files"]
    assert unfilled("two-files", two.title, "en") == "one file has <columns>, the other <columns>"
    assert "attacks: {linkability: {left: [COLUMN, ...]}}." in unfilled("two-files", two.more, "en")


def test_the_words_for_blanks_are_in_both_languages() -> None:
    assert all(set(words) == set(LANGUAGES) for words in BLANKS.values())


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (5032, "5,032"),
        (600.0, "600"),
        (0.5, "0.5"),
        (1e-7, "1e-07"),
        (1234567.5, "1,234,567.5"),
        ("5032", "5,032"),
        ("0.03001", "0.03001"),
        ("0.500", "0.500"),
        ("1/11", "1/11"),
        ("1/5032", "1/5,032"),
        ("-12345", "-12,345"),
        ("3%", "3%"),
        ("nan", "nan"),
        ("as agreed", "as agreed"),
    ],
)
def test_numbers_in_a_sentence_have_their_thousands_separated(number: str | float, text: str) -> None:
    assert separated(number) == text


def test_a_sentence_says_counts_with_separators_and_leaves_names_alone() -> None:
    reason = Reason(code="exact-above-limit", args={"value": "5032", "limit": "1/1000"})
    assert sentence(reason, "en") == "the value 5,032 exceeds the limit 1/1,000"
    reason = Reason(code="sensitive-missing-values", args={"rows": 5032, "column": "2020"})
    assert sentence(reason, "en").startswith("5,032 released rows miss the sensitive column 2020;")
    assert sentence(Reason(code="timed-out", args={"seconds": 600.0}), "en").startswith("timed out after 600 s")
    assert sentence(Reason(code="strange", args={"rows": 5032}), "en") == "strange (rows 5,032)"


def test_every_reason_in_the_sources_has_a_sentence() -> None:
    assert sorted({(code, where) for where, code, names in made() if names is not None and code not in CODES}) == []


def test_every_reason_in_the_sources_gives_the_arguments_its_sentence_takes() -> None:
    known = [(where, code, names) for where, code, names in made() if names is not None and code in CODES]
    assert len(known) > 20
    assert [(where, code) for where, code, names in known if not placeholders(CODES[code].title["en"]) <= names] == []


def test_no_sentence_claims_what_no_measurement_shows() -> None:
    words = " ".join(text for code in CODES.values() for words in (code.title, code.more) for text in words.values())
    for claim in ("anonymous", "anonymised", "compliant", "匿名データ", "準拠"):
        assert claim not in words


def test_a_reason_is_said_with_its_arguments_in_either_language() -> None:
    reason = Reason(code="exact-above-limit", args={"value": "1/10", "limit": "1/11"})
    assert sentence(reason, "en") == "the value 1/10 exceeds the limit 1/11"
    assert sentence(reason, "ja") == "値 1/10 が基準値 1/11 を超えています"


def test_names_in_arguments_are_said_in_words() -> None:
    facts = Reason(code="needs-any-fact", args={"facts": "generalised, k_anonymity_min, unheard_of"})
    assert sentence(facts, "en").endswith("one of a generalised release, a claimed k (k_anonymity_min), unheard_of")
    assert "一般化されたリリース" in sentence(facts, "ja")
    assert sentence(Reason(code="goal-not-assessed", args={"goal": "copies"}), "en") == (
        "the policy needs an assessment of copies of real rows, and there was none"
    )


def test_a_stranger_s_code_shows_as_itself() -> None:
    assert sentence(Reason(code="strange", args={"b": 2, "a": "x"}), "ja") == "strange (a x, b 2)"
    assert sentence(Reason(code="strange", args={}), "en") == "strange"


def test_the_facts_we_have_words_for_are_those_of_a_case() -> None:
    nothing = Table(columns=(), codes=read_only(np.empty((0, 0), dtype=np.int32)))
    case = Case.__new__(Case)
    values: dict[str, object] = {
        "release": nothing,
        "members": nothing,
        "published": nothing,
        "non_members": None,
        "guarantee": None,
        "p_in": 0.0,
        "roles": {},
        "generalised": False,
        "k_anonymity_min": 0,
        "unit": "row",
        "model": None,
    }
    for name, value in values.items():
        object.__setattr__(case, name, value)
    assert set(case.facts) | set(made_up_model("innocent", texts=2).case.facts) == set(FACTS)


def test_every_goal_of_a_shipped_policy_has_words() -> None:
    goals = {rule.goal for name in shipped_policies() for rule in load_policy(name).rules}
    assert goals <= set(GOALS)
    assert all(set(words) == set(LANGUAGES) for words in [*GOALS.values(), *FACTS.values()])
