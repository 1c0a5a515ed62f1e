"""The demo's notes and its base model: what is stored is what the scripts make, of nobody, and fit to be learnt."""

import hashlib
import importlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy import stats

from audit_core.language.near_duplicates import near_duplicates

ROOT = Path(__file__).parents[2]
TEXT = ROOT / "audit_core" / "demo" / "text"
BASE = TEXT / "base"
LANGUAGES = ("en", "ja")
RECIPES = ("plain", "private")
LONGEST = 48

# The error any one test below may make if everything is right.
LEVEL = 1e-5


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """`examples/make_demo_notes.py`; examples find each other as scripts of one folder do."""
    sys.path.insert(0, str(ROOT / "examples"))
    yield importlib.import_module("make_demo_notes")
    sys.path.remove(str(ROOT / "examples"))


@pytest.fixture(scope="module")
def stored() -> list[dict[str, str]]:
    return [json.loads(line) for line in (TEXT / "notes.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def public(script: ModuleType) -> list[Any]:
    notes: list[Any] = script.public_notes(script.SEED)
    return notes


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TEXT / "build.json").read_text(encoding="utf-8"))
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_folder_holds_these_files_and_nothing_else() -> None:
    recipes = {f"{name}.yaml" for name in RECIPES}
    assert {path.name for path in TEXT.iterdir()} == {"base", "notes.jsonl", "build.json", *recipes}
    weights = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in BASE.iterdir()} == weights


def test_folder_is_below_five_megabytes_and_the_weights_below_four() -> None:
    files = [path for path in TEXT.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 5_000_000
    assert 2_000_000 < (BASE / "model.safetensors").stat().st_size < 4_000_000


def test_script_makes_the_stored_notes(script: ModuleType, facts: dict[str, Any]) -> None:
    assert script.lines(script.private_notes(script.SEED)) == (TEXT / "notes.jsonl").read_bytes()
    assert facts["seed"] == script.SEED


def test_another_seed_gives_other_notes(script: ModuleType, stored: list[dict[str, str]]) -> None:
    others = {one.note for one in script.private_notes(script.SEED + 1)}
    assert not others & {one["note"] for one in stored}


def test_base_and_notes_are_those_recorded(facts: dict[str, Any]) -> None:
    assert {path.name: digest(path) for path in BASE.iterdir()} == facts["base"]
    assert digest(TEXT / "notes.jsonl") == facts["notes.jsonl"]


def test_notes_are_as_many_of_each_language_mixed(
    script: ModuleType, stored: list[dict[str, str]], facts: dict[str, Any]
) -> None:
    language = np.array([one["language"] == "ja" for one in stored])
    assert (len(stored), int(language.sum())) == (2 * script.PRIVATE, script.PRIVATE)
    assert len(stored) == facts["notes"]["private"] >= 2_000  # a thousand members and a thousand others, by coins
    assert all(set(one) == {"note", "language"} for one in stored)
    places = np.arange(len(stored))
    assert stats.mannwhitneyu(places[language], places[~language]).pvalue > LEVEL


def test_notes_are_in_the_language_they_say(stored: list[dict[str, str]]) -> None:
    for one in stored:
        assert one["note"].isascii() == (one["language"] == "en")
        assert unicodedata.normalize("NFC", one["note"]) == one["note"].strip()


def test_no_two_notes_share_a_patient_or_a_telephone(script: ModuleType, stored: list[dict[str, str]]) -> None:
    deck = script.shuffled_deck(script.SEED)
    notes = [one["note"] for one in stored]
    for cards in (*deck.names.values(), deck.numbers, deck.extensions):
        assert len(set(cards)) == len(cards)
    for language in LANGUAGES:
        own = [one["note"] for one in stored if one["language"] == language]
        for name, note in zip(deck.names[language], own, strict=False):
            assert name in note
    digits = [re.findall(r"(?<![\d.])\d{4}(?! ?mg)(?!\d)", note) for note in notes]
    assert all(len(some) == 2 for some in digits)
    assert {number for number, _ in digits} == set(deck.numbers[: len(notes)])
    assert {extension for _, extension in digits} == set(deck.extensions[: len(notes)])


def test_public_and_private_notes_share_no_patient_and_no_telephone(
    script: ModuleType, stored: list[dict[str, str]], public: list[Any]
) -> None:
    deck = script.shuffled_deck(script.SEED)
    dealt = {
        "name": {name for language in LANGUAGES for name in deck.names[language][: script.PRIVATE]},
        "number": set(deck.numbers[: len(stored)]),
        "extension": set(deck.extensions[: len(stored)]),
    }
    every = [name for language in LANGUAGES for name in deck.names[language]]
    found = re.compile("|".join(map(re.escape, every)))
    for one in public:
        (name,) = found.findall(one.note)
        number, extension = re.findall(r"(?<![\d.])\d{4}(?! ?mg)(?!\d)", one.note)
        assert name not in dealt["name"]
        assert number not in dealt["number"]
        assert extension not in dealt["extension"]
    assert not {one.note for one in public} & {one["note"] for one in stored}


def test_no_two_private_notes_are_nearly_the_same(stored: list[dict[str, str]]) -> None:
    notes = [one["note"] for one in stored]
    found = near_duplicates(notes[::2], notes[1::2])
    clusters = np.concatenate([found.left_cluster, found.right_cluster])
    assert len(set(clusters.tolist())) == len(notes)


def test_the_clinic_has_words_of_its_own_and_the_public_notes_have_not(
    script: ModuleType, stored: list[dict[str, str]], public: list[Any]
) -> None:
    own = [one["en"] for one in script.FINDINGS[: script.CLINIC_WORDS]]
    few = script.CLINIC_WORDS / len(script.FINDINGS)
    for notes, share in (
        ([one["note"] for one in stored if one["language"] == "en"], script.CLINIC_SHARE * (1 - few) + few),
        ([one.note for one in public if one.language == "en"], few),
    ):
        hits = sum(any(finding in note for finding in own) for note in notes)
        assert stats.binomtest(hits, len(notes), share).pvalue > LEVEL / 2


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return pytest.importorskip("tokenizers").Tokenizer.from_file(str(BASE / "tokenizer.json"))


def test_tokenizer_gives_back_what_it_was_given(tokenizer: Any, stored: list[dict[str, str]]) -> None:
    others = ["", " two  blanks ", "Zürich, naïve", "𠮷野家で①㍿", "一\n二\t三", "🙂 0.5 mg"]
    for text in [one["note"] for one in stored] + others:
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_notes_are_short_in_both_languages(tokenizer: Any, stored: list[dict[str, str]]) -> None:
    for language in LANGUAGES:
        lengths = [len(tokenizer.encode(one["note"])) for one in stored if one["language"] == language]
        assert 28 <= np.mean(lengths) <= 45
        assert max(lengths) <= LONGEST


def test_every_digit_is_a_token_of_its_own(tokenizer: Any) -> None:
    written = [tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size())]
    assert not [one for one in written if len(re.findall(r"\d", one)) > 1]
    assert tokenizer.encode("no. 1234").tokens[-4:] == ["Ġ1", "2", "3", "4"]


def test_base_opens_and_knows_the_notes_grammar(stored: list[dict[str, str]], facts: dict[str, Any]) -> None:
    torch: Any = pytest.importorskip("torch")
    transformers: Any = pytest.importorskip("transformers")
    tokens = transformers.AutoTokenizer.from_pretrained(BASE)
    model = transformers.AutoModelForCausalLM.from_pretrained(BASE, dtype=torch.float32).eval()
    assert (tokens.bos_token_id, tokens.eos_token_id, tokens.pad_token_id) == (0, 1, 2)
    assert sum(one.numel() for one in model.parameters()) == facts["parameters"]
    assert model.get_output_embeddings().weight is not model.get_input_embeddings().weight
    losses = []
    with torch.no_grad():
        for one in stored[:100]:
            ids = torch.tensor([[0, *tokens(one["note"], add_special_tokens=False)["input_ids"], 1]])
            logits = model(input_ids=ids).logits[0, :-1]
            losses.append(float(torch.nn.functional.cross_entropy(logits, ids[0, 1:])))
    # 100 of the notes whose mean is recorded: five standard errors.
    assert abs(np.mean(losses) - facts["loss"]["private"]) < 5 * np.std(losses) / 10


def test_recipes_differ_in_name_and_training_only(facts: dict[str, Any]) -> None:
    plain, private = (YAML(typ="safe").load(TEXT / f"{name}.yaml") for name in RECIPES)
    assert plain["release"]["model"]["base"] == private["release"]["model"]["base"] == "./base"
    assert private["release"]["model"]["params"]["epsilon"] == 1
    assert 0 < private["release"]["model"]["params"]["delta"] < 1 / facts["notes"]["private"]
    for recipe in (plain, private):
        assert (recipe["members"], recipe["text"]) == ("notes.jsonl", "note")
        assert recipe["non_members"] == {"split": 0.5}
        del recipe["audit"], recipe["release"]
    assert plain == private
