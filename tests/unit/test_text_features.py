"""The blind baseline of texts: it tells arms apart that differ, in either language, and nobody where they do not."""

import math
import time

import numpy as np
import pytest

from audit_core.language.text_features import blind_scores, surface
from audit_core.statistics.estimates import delong

SURE = 4.3  # standard errors: one-sided 1e-5, by the normal approximation
ENGLISH = [
    "patient",
    "ward",
    "fever",
    "cough",
    "mild",
    "dose",
    "given",
    "after",
    "before",
    "days",
    "left",
    "arm",
    "pain",
]
JAPANESE = [
    "患者は",
    "病棟で",
    "発熱を",
    "咳を",
    "軽度の",
    "重度の",
    "投与し",
    "後に",
    "前に",
    "左の",
    "右の",
    "腕に",
    "痛みを",
]


def texts(rng: np.random.Generator, n: int, vocabulary: list[str], blank: str) -> list[str]:
    return [blank.join(rng.choice(vocabulary, rng.integers(8, 30))) for _ in range(n)]


def folds(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.arange(n) % 5)


def bounds(values: np.ndarray, member: np.ndarray) -> tuple[float, float]:
    auc, variance = delong(values[member], values[~member])
    return auc - SURE * math.sqrt(variance), auc + SURE * math.sqrt(variance)


@pytest.mark.parametrize(("vocabulary", "blank"), [(ENGLISH, " "), (JAPANESE, "")])
def test_arms_that_are_alike_are_not_told_apart(vocabulary: list[str], blank: str) -> None:
    rng = np.random.default_rng(1)
    mixed, member = texts(rng, 500, vocabulary, blank), np.arange(500) % 2 == 0
    found = blind_scores(mixed, member, folds(500, rng), rng.normal(size=(500, 1)))
    assert set(found) == {"words", "surface"}
    for name, values in found.items():
        low, high = bounds(values, member)
        assert low <= 0.5 <= high, name
        assert values.min() > 0
        assert values.max() < 1


@pytest.mark.parametrize(("vocabulary", "blank", "new"), [(ENGLISH, " ", "covid"), (JAPANESE, "", "新型")])
def test_a_word_of_one_arm_gives_it_away(vocabulary: list[str], blank: str, new: str) -> None:
    rng = np.random.default_rng(2)
    mixed, member = texts(rng, 300, vocabulary, blank), np.arange(300) % 2 == 0
    later = [
        text if inside else f"{text}{blank}{new}{blank}{vocabulary[0]}"
        for text, inside in zip(mixed, member, strict=True)
    ]
    found = blind_scores(later, member, folds(300, rng))
    assert bounds(found["words"], member)[0] > 0.9


@pytest.mark.parametrize("written", ["seen in {}", "{}年に診察", "since {}/04/01"])
def test_later_years_and_longer_texts_give_an_arm_away(written: str) -> None:
    rng = np.random.default_rng(3)
    member = np.arange(300) % 2 == 0
    years = np.where(member, rng.integers(1990, 2012, 300), rng.integers(2012, 2026, 300))
    dated = [written.format(year) for year in years]
    assert bounds(blind_scores(dated, member, folds(300, rng))["surface"], member)[0] > 0.9
    lengths = np.where(member, rng.integers(3, 12, 300), rng.integers(9, 20, 300))
    longer = [" ".join(rng.choice(ENGLISH, length)) for length in lengths]
    assert bounds(blind_scores(longer, member, folds(300, rng))["surface"], member)[0] > 0.6


def test_what_a_base_model_makes_of_them_counts_with_the_surface() -> None:
    rng = np.random.default_rng(4)
    mixed, member = texts(rng, 300, ENGLISH, " "), np.arange(300) % 2 == 0
    loss = rng.normal(np.where(member, 2.0, 5.0))[:, None]
    loss[::7] = np.nan
    fold = folds(300, rng)
    with_loss, without = (blind_scores(mixed, member, fold, extra) for extra in (loss, None))
    assert bounds(with_loss["surface"], member)[0] > 0.7 > bounds(without["surface"], member)[1]
    assert np.array_equal(with_loss["words"], without["words"])


def test_a_text_is_scored_by_classifiers_that_have_not_met_its_fold() -> None:
    """Every text has its double in the other arm: who learns a text by heart would be surely wrong about the double."""
    rng = np.random.default_rng(5)
    once = texts(rng, 150, ENGLISH, " ")
    member = np.repeat([True, False], 150)
    together = np.tile(folds(150, rng), 2)
    for values in blind_scores(once + once, member, together).values():
        assert np.array_equal(values[:150], values[150:]), "doubles in one fold are alike to all that never met them"
        assert delong(values[member], values[~member])[0] == 0.5


def test_order_changes_nothing_and_the_same_texts_score_the_same() -> None:
    rng = np.random.default_rng(6)
    mixed, member, fold = texts(rng, 120, ENGLISH, " "), np.arange(120) % 2 == 0, folds(120, rng)
    found = blind_scores(mixed, member, fold)
    assert all(np.array_equal(values, found[name]) for name, values in blind_scores(mixed, member, fold).items())
    order = rng.permutation(120)
    moved = blind_scores([mixed[at] for at in order], member[order], fold[order])
    for name, values in moved.items():
        # Sums in another order differ in the last digit, and may so part two that are all but tied.
        assert np.abs(values - found[name][order]).max() < 0.2, name
        assert np.corrcoef(values, found[name][order])[0, 1] > 0.99, name


def test_texts_with_nothing_in_them_are_scored_too() -> None:
    member = np.array([True, False] * 10)
    found = blind_scores([""] * 20, member, np.arange(20) % 5)
    assert all((np.abs(values - 0.5) < 1e-9).all() for values in found.values())
    assert blind_scores([], np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64))["words"].shape == (0,)
    alone = blind_scores(["a b", "c d", "e f"], np.array([True, False, False]), np.array([0, 1, 1]))
    assert alone["words"].tolist() == [0.5] * 3, "one arm alone teaches nothing"


def test_features_of_the_surface_by_hand() -> None:
    rows = surface(
        ["seen 3 may 2019, not 1999 or 12019", "令和5年3月1日に2021年の件", "2024-01-31 1/2/99", "", "aa aa"]
    )
    characters, words, digits, letters, numbers, years, latest, dates, distinct, pairs = rows.T
    assert characters.tolist() == [34, 16, 17, 0, 5]
    assert words.tolist()[0] == 8
    assert digits[2] == 12 / 17
    assert letters[4] == 4 / 5
    assert numbers.tolist() == [4, 4, 6, 0, 0]
    assert years.tolist() == [2, 1, 1, 0, 0]
    assert latest[:3].tolist() == [2019, 2021, 2024]
    assert np.isnan(latest[3])
    assert dates.tolist() == [1, 2, 2, 0, 0]
    assert distinct.tolist()[4] == 1 / 2
    assert pairs[4] == 3 / 4


def test_some_thousand_texts_take_seconds() -> None:
    rng = np.random.default_rng(7)
    mixed, member = texts(rng, 2000, ENGLISH, " "), np.arange(2000) % 2 == 0
    start = time.process_time()
    blind_scores(mixed, member, folds(2000, rng))
    assert time.process_time() - start < 15  # two on a quiet machine
