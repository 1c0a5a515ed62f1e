"""Measures of extraction beside hand-worked cases and naive oracles; tries and exposure beside known values."""

import math
import time
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm, skewnorm

from audit_core.statistics.extraction import (
    Floats,
    Tokens,
    _log_skew_normal,
    bleu,
    discoverable,
    edit_similarity,
    exact,
    exposure,
    extrapolated,
    least_tries,
    longest_run,
    near,
    rouge_l,
    rows_of,
)

MEASURES = (exact, near, longest_run, edit_similarity, rouge_l, bleu)


def one(measure: object, guess: list[int], truth: list[int]) -> float:
    width = max(len(guess), len(truth))
    return float(measure(rows_of([guess], width), rows_of([truth], width))[0])  # type: ignore[operator]


def test_hand_worked_cases() -> None:
    guess, truth = [1, 2, 3, 9, 5], [1, 2, 3, 4, 5]
    assert [one(measure, guess, truth) for measure in (exact, near, longest_run, edit_similarity, rouge_l)] == (
        pytest.approx([0, 0, 3 / 5, 4 / 5, 4 / 5])
    )
    # 1-grams 4/5, 2-grams (2 + 1) / (4 + 1), 3-grams (1 + 1) / (3 + 1), 4-grams (0 + 1) / (2 + 1)
    assert one(bleu, guess, truth) == pytest.approx((4 / 5 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    # Two of four told: 2/2, (1 + 1) / (1 + 1), and 1 for n-grams that nobody can try; half as long.
    assert one(bleu, [1, 2], [1, 2, 3, 4]) == pytest.approx(math.exp(1 - 4 / 2))
    # A token told three times counts as often as the truth has it.
    assert one(bleu, [7, 7, 7, 7], [7, 1, 2, 3]) == pytest.approx((1 / 4 * 1 / 4 * 1 / 3 * 1 / 2) ** 0.25)
    # One left out: subsequence 4 of 4 and 5.
    assert one(rouge_l, [1, 2, 4, 5], [1, 2, 3, 4, 5]) == pytest.approx(2 * 4 / 9)
    assert one(edit_similarity, [1, 2, 4, 5], [1, 2, 3, 4, 5]) == pytest.approx(4 / 5)
    assert one(longest_run, [2, 1, 4, 5], [1, 2, 3, 4, 5]) == pytest.approx(2 / 5)


def test_one_change_in_ten_is_near_and_in_nine_is_not() -> None:
    truth = list(range(10))
    assert one(near, [*truth[:5], 99, *truth[6:]], truth) == 1
    assert one(exact, [*truth[:5], 99, *truth[6:]], truth) == 0
    assert one(near, [*truth[:5], 99, *truth[6:9]], truth[:9]) == 0


@pytest.mark.parametrize("measure", MEASURES)
def test_all_of_a_short_end_is_all_and_nothing_is_nothing(measure: object) -> None:
    assert one(measure, [3, 4, 5, 6], [3, 4]) == 1, "what comes after the text's end does not count"
    assert one(measure, [3], [3]) == 1
    assert one(measure, [], [3, 4]) == 0
    assert one(measure, [3, 4], []) == 0
    assert one(measure, [], []) == 0
    assert one(measure, [-1, 3], [4, 3]) == 0, "nothing counts after the guess has ended"
    assert one(measure, [5, 6], [3, 4]) == 0


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shape"):
        exact(rows_of([[1]], 1), rows_of([[1]], 2))


def random_pairs(n: int = 60, length: int = 9) -> tuple[Tokens, Tokens]:
    rng = np.random.default_rng(5)
    texts = [[rng.integers(0, 4, rng.integers(0, length + 1)).tolist() for _ in range(n)] for _ in range(2)]
    return rows_of(texts[0], length), rows_of(texts[1], length)


def naive_run(guess: list[int], truth: list[int]) -> float:
    runs = [
        n
        for n in range(len(truth) + 1)
        for at in range(len(truth) - n + 1)
        if any(guess[start : start + n] == truth[at : at + n] for start in range(len(guess) - n + 1))
    ]
    return max(runs, default=0) / len(truth)


def naive_edits(guess: list[int], truth: list[int]) -> float:
    rows = {(0, j): j for j in range(len(truth) + 1)} | {(i, 0): i for i in range(len(guess) + 1)}
    for i in range(1, len(guess) + 1):
        for j in range(1, len(truth) + 1):
            replaced = rows[i - 1, j - 1] + (guess[i - 1] != truth[j - 1])
            rows[i, j] = min(replaced, rows[i - 1, j] + 1, rows[i, j - 1] + 1)
    return 1 - rows[len(guess), len(truth)] / len(truth)


def naive_rouge(guess: list[int], truth: list[int]) -> float:
    def common(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return 0
        return common(i - 1, j - 1) + 1 if guess[i - 1] == truth[j - 1] else max(common(i - 1, j), common(i, j - 1))

    return 2 * common(len(guess), len(truth)) / (len(guess) + len(truth))


def naive_bleu(guess: list[int], truth: list[int]) -> float:
    if not guess:
        return 0
    product = 1.0
    for n in range(1, 5):
        grams = [Counter(tuple(text[at : at + n]) for at in range(len(text) - n + 1)) for text in (guess, truth)]
        product *= (sum((grams[0] & grams[1]).values()) + (n > 1)) / (sum(grams[0].values()) + (n > 1))
    return product**0.25 * math.exp(min(0, 1 - len(truth) / len(guess)))


@pytest.mark.parametrize(
    ("measure", "naive"),
    [(longest_run, naive_run), (edit_similarity, naive_edits), (rouge_l, naive_rouge), (bleu, naive_bleu)],
)
def test_naive_oracles_agree(measure: object, naive: object) -> None:
    guess, truth = random_pairs()
    wanted = []
    for told, true in zip(guess, truth, strict=True):
        end = [token for token in true.tolist() if token >= 0]
        said = [token for token in told.tolist() if token >= 0][: len(end)]
        wanted.append(naive(said, end) if end else 0.0)  # type: ignore[operator]
    found = measure(guess, truth)  # type: ignore[operator]
    assert found == pytest.approx(np.array(wanted), abs=1e-12)
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("measure", MEASURES)
def test_neither_the_order_of_texts_nor_the_numbers_of_tokens_matter(measure: object) -> None:
    guess, truth = random_pairs()
    found = measure(guess, truth)  # type: ignore[operator]
    order = np.random.default_rng(1).permutation(len(guess))
    assert np.array_equal(measure(guess[order], truth[order]), found[order])  # type: ignore[operator]
    names = np.array([70_001, 3, 500, 42, -1], dtype=np.int32)
    assert np.array_equal(measure(names[guess], names[truth]), found)  # type: ignore[operator]
    wider = [np.pad(rows, ((0, 0), (0, 3)), constant_values=-1) for rows in (guess, truth)]
    assert np.array_equal(measure(*wider), found)  # type: ignore[operator]


def test_two_thousand_ends_of_fifty_tokens_take_seconds() -> None:
    rng = np.random.default_rng(0)
    guess, truth = (rng.integers(0, 50, (2000, 50), dtype=np.int32) for _ in range(2))
    start = time.process_time()
    for measure in MEASURES:
        measure(guess, truth)
    assert time.process_time() - start < 8  # under one on a quiet machine


@pytest.mark.parametrize(
    ("chance", "p", "tries"),
    [
        (1e-3, 0.5, 693),
        (1e-3, 0.9, 2302),
        (0.1, 0.5, 7),
        (0.5, 0.75, 2),
        (0.5, 0.5, 1),
        (0.999999, 0.9, 1),
        (1.0, 0.9, 1),
        (0.0, 0.5, math.inf),
    ],
)
def test_the_samples_it_takes(chance: float, p: float, tries: float) -> None:
    log_p = np.array([math.log(chance) if chance else -math.inf])
    assert least_tries(log_p, p).tolist() == [tries]
    if math.isfinite(tries):
        assert discoverable(log_p, tries, p).all()
        assert not discoverable(log_p, tries - 1, p).any()
    else:
        assert not discoverable(log_p, 1e300, p).any()


def test_tiny_probabilities_keep_their_digits() -> None:
    log_p = np.array([-40.0, -300.0, -700.0, -5000.0])
    found = np.log(least_tries(log_p, 0.5))
    assert found[:3] == pytest.approx(math.log(math.log(2)) - log_p[:3], abs=1e-9)
    assert np.isinf(found[3])
    assert least_tries(np.array([-1e-12]), 1 - 1e-9).tolist() == [1]


@pytest.mark.parametrize(("log_p", "p"), [(0.1, 0.5), (math.nan, 0.5), (-1.0, 0.0), (-1.0, 1.0)])
def test_what_is_no_probability_is_refused(log_p: float, p: float) -> None:
    with pytest.raises(ValueError, match=r"must lie|at most 0"):
        least_tries(np.array([log_p]), p)


def test_samples_are_seen_as_often_as_worked_out() -> None:
    rng = np.random.default_rng(3)
    chance, p, rounds = 0.03, 0.6, 20_000
    n = int(least_tries(np.log([chance]), p)[0])
    seen = rng.binomial(n, chance, rounds) > 0
    truth = 1 - (1 - chance) ** n
    assert truth >= p > 1 - (1 - chance) ** (n - 1)
    # 4.42 standard errors: two-sided 1e-5.
    assert abs(seen.mean() - truth) < 4.42 * math.sqrt(truth * (1 - truth) / rounds)


def test_exposure_is_the_rank_in_bits() -> None:
    references = np.arange(1024.0)
    found = exposure(np.array([2000.0, 1022.5, 511.5, -1.0, 1023.0]), references)
    assert found.maximum == 10
    assert found.by_rank == pytest.approx([10, 9, 10 - math.log2(513), 10 - math.log2(1025), 10 - math.log2(1.5)])
    shuffled = exposure(np.array([2000.0]), np.random.default_rng(0).permutation(references))
    assert shuffled.by_rank.tolist() == [10]


def test_exposure_by_a_fitted_curve_is_that_of_the_curve() -> None:
    rng = np.random.default_rng(2)
    references = rng.normal(-50, 4, 4000)
    scores = np.array([-50.0, -42.0, -30.0, 0.0])
    ranked, found = exposure(scores, references), extrapolated(scores, references)
    true = -norm.logsf(scores, -50, 4) / math.log(2)
    # Over seeds a curve fitted to 4,000 references errs by 2 % of these bits (deviation); 4.42 times that is less.
    assert found[:2] == pytest.approx(true[:2], rel=0.1)
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()
    assert ranked.by_rank[2] == ranked.by_rank[3] == ranked.maximum < found[2]


@pytest.mark.parametrize("shape", [-6.0, -0.5, 0.0, 0.5, 6.0])
def test_the_tail_of_a_skew_normal_is_right_where_its_probability_is_tiny(shape: float) -> None:
    z: Floats = np.array([-12.0, -7.0, -5.0, -2.0, 0.0, 1.5])
    found = _log_skew_normal(z, shape)

    def density(u: float, at: float) -> float:
        return float(np.exp(skewnorm.logpdf(at - u, shape) - skewnorm.logpdf(at, shape)))

    for at, log_f in zip(z[:3], found[:3], strict=True):
        wanted = math.log(quad(density, 0, 20, args=(at,), limit=500, points=[0.01, 0.1, 1])[0])
        assert log_f == pytest.approx(wanted + skewnorm.logpdf(at, shape), abs=1e-4)
    assert found[3:] == pytest.approx(np.log(skewnorm.cdf(z[3:], shape)), abs=1e-5)


def test_the_curve_is_the_same_however_many_texts_are_asked_about_and_whatever_their_order() -> None:
    rng = np.random.default_rng(5)
    references, scores = rng.normal(-50, 4, 500), rng.normal(-20, 9, 600)
    whole = extrapolated(scores, references)
    assert extrapolated(scores[300:301], rng.permutation(references)) == pytest.approx(whole[300:301])


@pytest.mark.parametrize("references", [np.array([0.0, 1e160, -1e160, 3.0]), np.exp(np.linspace(-405, -395, 50))])
def test_where_no_curve_can_be_fitted_it_says_so(references: NDArray[np.float64]) -> None:
    assert np.isfinite(exposure(np.array([1.0]), references).by_rank).all()
    with pytest.raises(ValueError, match="no curve"):
        extrapolated(np.array([1e3]), references)


def test_exposure_needs_different_finite_references() -> None:
    with pytest.raises(ValueError, match="three different"):
        exposure(np.array([1.0]), np.array([1.0, 2.0, 2.0]))
    with pytest.raises(ValueError, match="finite"):
        exposure(np.array([math.nan]), np.arange(5.0))
    assert exposure(np.zeros(0), np.arange(5.0)).by_rank.shape == (0,)


def test_an_unseen_text_has_about_one_and_a_half_bits() -> None:
    rng = np.random.default_rng(9)
    found = exposure(rng.normal(size=3000), rng.normal(size=4000))
    # The rank among many is nearly uniform, so bits are exponential: mean and deviation 1.4427. Both samples err.
    error = 1.4427 * math.sqrt(1 / 3000 + 1 / 4000)
    assert found.by_rank.mean() == pytest.approx(1 / math.log(2), abs=4.42 * error + 0.01)
