"""Coded sentences: both languages, no argument left unsaid, nothing claimed."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from audit_core.case import Case
from audit_core.codes import CODES, FACTS, GOALS, sentence
from audit_core.measurement import Reason
from audit_core.policy import load_policy, shipped_policies
from audit_core.tables import Table, read_only
from audit_core.words import LANGUAGES

ROOT = Path(__file__).parents[2]


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def made() -> Iterator[tuple[str, str, set[str] | None]]:
    """Every `Reason(...)`, `reason(...)` and `Problem(...)` in the sources: where, its code, its arguments if known."""
    files = [*ROOT.glob("audit_core/*.py"), *ROOT.glob("plugins/audit_plugins/**/*.py")]
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
    assert placeholders(code.title["en"]) == placeholders(code.title["ja"])
    assert all(argument.isidentifier() for argument in placeholders(code.title["en"]))


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
        "roles": {},
        "generalised": False,
        "k_anonymity_min": 0,
        "unit": "row",
    }
    for name, value in values.items():
        object.__setattr__(case, name, value)
    assert set(case.facts) == set(FACTS)


def test_every_goal_of_a_shipped_policy_has_words() -> None:
    goals = {rule.goal for name in shipped_policies() for rule in load_policy(name).rules}
    assert goals <= set(GOALS)
    assert all(set(words) == set(LANGUAGES) for words in [*GOALS.values(), *FACTS.values()])
