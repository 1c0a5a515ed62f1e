"""The texts of a ledger: words in both languages for every code that we write, any other as it is written."""

import ast
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from audit_core.codes import sentence
from audit_core.guarantee import Guarantee, KeptValues, NoisyCounts, NoisySteps, Stated
from audit_core.ledger_words import ABOUT, QUESTIONS, WORDS, apart, code, joined, known, listed, said
from audit_core.measurement import Reason
from audit_core.scorecard import Scorecard
from audit_core.words import LANGUAGES
from audit_reports.scorecard_html import render
from audit_reports.training_section import training
from audit_reports.wording import wording_of

ROOT = Path(__file__).parents[2]
SAMPLE = Scorecard.from_json((ROOT / "tests" / "golden" / "sample.scorecard.json").read_bytes())
TEXTS = ("units_from", "noise_source", "floating_point", "trust", "tuning", "pretraining_overlap", "earlier_releases")

CLAIM = Guarantee(
    epsilon=2.97,
    epsilon_rdp=2.99,
    delta=1e-6,
    budget=3.0,
    unit="row",
    rows_per_unit=1,
    units=24013,
    units_from="noisy-counts",
    relation="add-or-remove",
    accountant="PRV, Opacus 1.5",
    mechanisms=(
        NoisyCounts(purpose="column-domains", sigma=20.0, tables=2),
        KeptValues(purpose="occurring-values", threshold=90.0, sigma=9.0, tables=1, delta=1e-7),
        NoisyCounts(purpose="column-counts-by:income", sigma=30.0, tables=15),
        NoisySteps(
            purpose="discriminator-training", noise_multiplier=1.2, sample_rate=0.02, steps=375, clipping_norm=1.0,
            expected_batch=512, sampling="poisson",
        ),
    ),
    public=("kind:age", "bounds:age", "values:sex"),
    derived=("column-modes", "sampling-rate", "number-of-steps", "generator-loss", "suppression"),
    outside=("kind:income",),
    aborts=("value-not-of-type", "beyond-bounds", "undeclared-values", "non-members-overlap"),
    noise_source="noise-chacha20",
    floating_point="summed-draws:4",
    tuning="fixed-beforehand",
    pretraining_overlap="not-applicable",
    stopped="loss-not-finite",
)  # fmt: skip
"""With every code that a generator of ours writes."""


def answers(claim: Guarantee, language: str) -> dict[str, tuple[str, bool]]:
    section = training(replace(SAMPLE, guarantee=claim), wording_of(SAMPLE, language))
    assert section is not None
    return {question: (answer, left_open) for question, answer, left_open in section.answers}


def section_of(claim: Guarantee, language: str) -> str:
    """The text of section F, without tags."""
    page = render(replace(SAMPLE, guarantee=claim), language).decode()
    (section,) = re.findall(r'<section id="training">(.*?)</section>', page, re.S)
    return re.sub(r"<[^>]*>", " ", section)


@pytest.mark.parametrize("words", [*WORDS.values(), *QUESTIONS.values()])
def test_words_are_in_both_languages_and_about_the_same(words: dict[str, str]) -> None:
    assert set(words) == set(LANGUAGES)
    assert all(text.strip() for text in words.values())
    assert (ABOUT in words["en"]) == (ABOUT in words["ja"])


def test_every_text_that_our_sources_write_has_words() -> None:
    files = [*ROOT.glob("audit_core/**/*.py"), *ROOT.glob("plugins/audit_plugins/**/*.py")]
    written: set[str] = set()
    unsaid: list[str] = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "code" and node.args and isinstance(node.args[0], ast.Constant):
                written.add(str(node.args[0].value))
            for keyword in node.keywords:
                if keyword.arg in ("purpose", "stopped", *TEXTS) and isinstance(keyword.value, ast.Constant):
                    text = keyword.value.value
                    # Mechanisms that are only reckoned with, and never in a ledger, have no purpose worth a word.
                    if isinstance(text, str) and text not in ("", "probe") and not known(text):
                        unsaid.append(f"{file.name}:{node.lineno} {text}")
    assert unsaid == []
    assert "discriminator-training" in written
    assert written <= set(WORDS)


def test_every_field_that_a_claim_may_leave_open_is_called_something() -> None:
    open_everywhere = replace(
        CLAIM, relation="unknown", accountant="unknown", derived=("unknown",), **dict.fromkeys(TEXTS, "unknown")
    )
    assert set(open_everywhere.unanswered) <= set(QUESTIONS) <= {one.name for one in fields(Guarantee)}
    assert set(TEXTS) < set(open_everywhere.unanswered)


@pytest.mark.parametrize(
    ("text", "en", "ja"),
    [
        ("kind:age", "kind of age", "age の種別"),
        ("kind:a:b, c", "kind of a:b, c", "a:b, c の種別"),
        ("kind:{of}", "kind of {of}", "{of} の種別"),
        ("kind:kind:age", "kind of kind:age", "kind:age の種別"),
        ("kind", "kind", "kind"),
        ("rows", "number of rows", "行数"),
        ("rows:5", "rows:5", "rows:5"),
        ("age: its kind", "age: its kind", "age: its kind"),
        ("Kind:age", "Kind:age", "Kind:age"),
        ("", "", ""),
    ],
)
def test_a_code_is_said_in_words_and_another_text_as_it_is_written(text: str, en: str, ja: str) -> None:
    assert (said(text, "en"), said(text, "ja")) == (en, ja)


def test_a_code_without_words_is_not_written() -> None:
    assert code("kind", "a:b") == "kind:a:b"
    assert code("rows") == "rows"
    for wrong in (("quantity",), ("kind",), ("rows", "age")):
        with pytest.raises(ValueError, match="no code of a ledger"):
            code(*wrong)


def test_what_is_said_of_many_columns_is_said_once() -> None:
    texts = ["kind:a, b", "bounds:c", "rows", "kind:d", "by hand: x", "kind"]
    assert apart(joined(texts)) == texts
    assert listed(texts, "en") == "kind of a, b, d; bounds of c; number of rows; by hand: x; kind"
    assert listed(texts[:2], "ja") == "a, b の種別／c の範囲"
    assert listed(["table", "final-model"], "en") == "table, final model"
    assert listed(["kind:"], "en") == "kind of "


def test_the_japanese_card_of_a_ledger_of_ours_is_japanese() -> None:
    text = section_of(CLAIM, "ja")
    # Columns, products, standards and symbols are written alike in both languages.
    alike = {
        "age",
        "sex",
        "income",
        "DP",
        "SGD",
        "ChaCha",
        "OpenDP",
        "PRV",
        "Opacus",
        "NIST",
        "SP",
        "AUC",
        "TPR",
        "FPR",
        "F",
    }
    assert set(re.findall("[A-Za-z]+", text)) <= alike
    assert "識別器の学習" in text
    assert "income 別の各列の件数" in text


def test_the_english_card_says_every_answer_in_words() -> None:
    its = answers(CLAIM, "en")
    assert its["Number of units, and how it is known"][0].startswith("24,013 (estimated from noisy counts")
    assert its["Taken for public"] == ("kind of age; bounds of age; values of sex", False)
    assert its["Looked at the data and not paid for"] == ("kind of income", True)
    stopping, left_open = its["May have stopped the run by looking at the rows"]
    assert stopping.startswith("a value that is not of its declared type, a value outside its declared bounds, ")
    assert stopping.endswith("a release that exists tells only that none of them stopped the run.")
    assert not left_open
    assert its["Overlap of pre-training with the data"] == ("not applicable: nothing was trained before", False)
    assert "discriminator-training" not in section_of(CLAIM, "en")


@pytest.mark.parametrize(("language", "word"), [("en", "unknown"), ("ja", "不明")])
def test_what_a_program_leaves_out_is_unknown_and_marked(language: str, word: str) -> None:
    bare = Guarantee(
        epsilon=1.0, delta=0.0, budget=1.0, unit="row", rows_per_unit=1, relation="unknown", accountant="its own",
        mechanisms=(Stated(purpose="dpmm 0.1", epsilon=1.0),),
    )  # fmt: skip
    marked = [answer for answer, left_open in answers(bare, language).values() if left_open]
    assert marked == [word] * len(bare.unanswered)
    assert "dpmm 0.1" in section_of(bare, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_of_somebody_s_ledger_are_shown_and_harmless(language: str) -> None:
    hostile = "<script>alert(1)</script>\u202e\x00 {of} %s {0}" + "x" * 5000
    its = replace(
        CLAIM,
        units_from=hostile,
        accountant=hostile,
        mechanisms=(Stated(purpose=f"column-counts-by:{hostile}", epsilon=1.0),),
        public=(f"kind:{hostile}", hostile),
        derived=(hostile,),
        outside=(f"values:{hostile}",),
        aborts=(hostile,),
        released=(hostile,),
        stopped=hostile,
        **dict.fromkeys(("noise_source", "floating_point", "trust", "tuning", "earlier_releases"), hostile),
    )
    page = render(replace(SAMPLE, guarantee=its), language).decode()
    section = page[page.index('<section id="training">') :]
    assert "<script" not in page
    assert "&lt;script&gt;" in section
    assert "{of} %s {0}" in section
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "x" * 500 not in page


def test_a_caveat_of_a_stranger_is_said_as_it_is_written() -> None:
    reason = Reason(code="dp-stopped", args={"why": "out of money"})
    assert sentence(reason, "ja") == "学習が計画より前に終了しました: out of money"
