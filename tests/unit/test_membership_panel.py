"""The likelihood ratio and the panel beside hand-worked texts; members stand out where they were learnt."""

import math
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest

from audit_core.answers import Scores
from audit_core.language.token_scores import TokenScores, joined
from audit_core.questions import Membership
from audit_core.statistics.estimates import delong
from audit_core.tables import Column, Table, read_only
from audit_plugins.attacks.likelihood_ratio import LikelihoodRatio, differences
from audit_plugins.attacks.membership_panel import (
    MembershipPanel,
    error_zone,
    least_likely,
    least_likely_standardised,
    window_votes,
)

RNG = np.random.default_rng(0)  # no attack of these draws anything


def scored(log_probs: list[list[float]], *, top: list[list[bool]] | None = None, mean: float = -2.0) -> TokenScores:
    """Token 7 throughout; each the most likely one unless said otherwise."""
    lengths = [len(text) for text in log_probs]
    flat = np.array([value for text in log_probs for value in text], dtype=np.float32)
    best = (
        np.ones(len(flat), dtype=bool) if top is None else np.array([one for text in top for one in text], dtype=bool)
    )
    return TokenScores(
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        token=np.full(len(flat), 7, dtype=np.int32),
        log_prob=flat,
        mean=np.full(len(flat), mean, dtype=np.float32),
        deviation=np.full(len(flat), 1.5, dtype=np.float32),
        top=best,
        log_prob_top_k=flat,
        truncated=np.zeros(len(lengths), dtype=bool),
    )


def table(texts: list[str | None]) -> Table:
    words = sorted({text for text in texts if text is not None})
    codes = np.array([[-1 if text is None else words.index(text)] for text in texts], dtype=np.int32)
    column = Column(name="text", kind="category", values=np.array(words, dtype=object))
    return Table(columns=(column,), codes=read_only(codes.reshape(len(texts), 1)))


def asked(model: TokenScores, base: TokenScores | None, texts: list[str | None] | None = None) -> Membership:
    shown = table(texts or [f"text {number:05d}" for number in range(len(model))])
    return Membership(targets=shown, release=None, reference=None, under_model=model, under_base=base)


def said(answers: tuple[Scores, ...]) -> dict[str, np.ndarray]:
    return {answer.of: answer.values for answer in answers}


def changed(changes: list[list[float]], errors: list[list[bool]] | None = None) -> tuple[TokenScores, np.ndarray]:
    """A model by which each token became likelier by so much, and those changes."""
    top = None if errors is None else [[not wrong for wrong in text] for text in errors]
    model = scored(changes, top=top)
    return model, np.array([change for text in changes for change in text])


def test_the_ratio_is_a_sum_of_differences_and_their_mean() -> None:
    model, base = scored([[-1.0, -2.0], [-3.0, -1.0, -0.5]]), scored([[-2.0, -2.5], [-1.0, -2.0, -0.5]])
    found = said(LikelihoodRatio().answer(asked(model, base), RNG))
    assert found["sum"] == pytest.approx([1.5, -1.0])
    assert found["per-token"] == pytest.approx([0.75, -1 / 3])
    # The literature's Pr_R(x) / Pr_M(x)
    assert np.exp(-found["sum"]) == pytest.approx([math.exp(-4.5 + 3.0), math.exp(-3.5 + 4.5)])


def test_a_text_that_was_predictable_before_is_not_weighed_up() -> None:
    """The ratio of two mean losses would call the first text the surer member: 2 against 1.5."""
    model, base = scored([[-0.01] * 4, [-2.0] * 4]), scored([[-0.02] * 4, [-3.0] * 4])
    found = said(LikelihoodRatio().answer(asked(model, base), RNG))
    assert found["per-token"][1] > found["per-token"][0]


def test_two_models_must_score_the_same_tokens() -> None:
    model, base = scored([[-1.0, -2.0]]), scored([[-1.0, -2.0]])
    with pytest.raises(ValueError, match="same tokens"):
        differences(model, scored([[-1.0], [-2.0]]))
    with pytest.raises(ValueError, match="same tokens"):
        differences(model, replace(base, token=base.token + 1))
    with pytest.raises(ValueError, match="two models"):
        LikelihoodRatio().answer(asked(model, None), RNG)
    with pytest.raises(ValueError, match="released model"):
        MembershipPanel().answer(replace(asked(model, base), under_model=None), RNG)


def test_hand_worked_scores_without_a_base() -> None:
    model = scored([[-1.0, -2.0, -3.0], [-0.5]])
    found = said(MembershipPanel().answer(asked(model, None, ["aaaaaaaaaaaa", "日本語"]), RNG))
    assert set(found) == {"loss", "zlib", "min-k", "min-k-plus-plus"}
    assert found["loss"] == pytest.approx([-2.0, -0.5])
    sizes = [len(zlib.compress(text.encode())) for text in ("aaaaaaaaaaaa", "日本語")]
    assert found["zlib"] == pytest.approx([-6 / sizes[0], -0.5 / sizes[1]])
    # 20 % of 3 tokens, and of 1: one token at least.
    assert found["min-k"] == pytest.approx([-3.0, -0.5])
    assert found["min-k-plus-plus"] == pytest.approx([(-3 + 2) / 1.501, (-0.5 + 2) / 1.501])


def test_min_k_takes_a_fifth_of_the_tokens_least_likely_by_either_measure() -> None:
    ten = [-1.0, -9.0, -1.0, -1.0, -5.0, -1.0, -2.0, -1.0, -1.0, -1.0]
    model = scored([[-4.0], ten, [-1.0, -3.0]])
    assert least_likely(model) == pytest.approx([-4.0, -7.0, -3.0])
    # By what the vocabulary would have got, another token is the oddest one.
    mean = np.full(13, -1.0, dtype=np.float32)
    mean[2] = -9.0  # the second token of ten: as unlikely as everything there
    odd = replace(model, mean=mean)
    assert least_likely_standardised(odd)[1] == pytest.approx((-4 / 1.501 - 1 / 1.501) / 2)


def test_calibrated_scores_are_what_was_gained() -> None:
    model, base = scored([[-1.0, -2.0], [-3.0, -1.0]]), scored([[-2.0, -2.5], [-1.0, -2.0]])
    with_base = said(MembershipPanel().answer(asked(model, base), RNG))
    alone, before = (said(MembershipPanel().answer(asked(scores, None), RNG)) for scores in (model, base))
    for name in ("zlib", "min-k", "min-k-plus-plus"):
        assert with_base[f"{name}-calibrated"] == pytest.approx(alone[name] - before[name])
    assert len(with_base) == 9


def test_the_error_zone_weighs_rises_against_falls_among_errors() -> None:
    model, change = changed([[1.0, -0.5, 2.0, 9.0], [0.5, -2.0, 1.0]], [[True, True, True, False], [True, True, False]])
    assert error_zone(model, change) == pytest.approx([math.log(3.01 / 0.51), math.log(0.51 / 2.01)])


def test_the_error_zone_is_highest_where_a_text_is_known_by_heart() -> None:
    texts = {
        "stranger": ([-1.0, -0.5, 0.2, 0.1], [True] * 4),
        "nothing changed": ([0.0, 0.0, 0.0, 0.0], [True] * 4),
        "always easy": ([0.001, 0.0, 0.001, 0.0], [False] * 4),
        "mostly learnt": ([1.0, -0.2, 1.0, 1.0], [True, True, False, True]),
        "no error fell": ([1.0, 1.0, 1.0, 1.0], [True, True, False, True]),
        "one error": ([2.0, 1.5, 1.0, 1.0], [False, True, False, False]),
        "by heart": ([2.0, 1.5, 1.5, 1.0], [False] * 4),
    }
    model, change = changed([list(one) for one, _ in texts.values()], [list(errors) for _, errors in texts.values()])
    found = dict(zip(texts, error_zone(model, change), strict=True))
    assert np.isfinite(list(found.values())).all()
    ranked = sorted(found, key=found.__getitem__)
    assert ranked == [
        "stranger",
        "nothing changed",
        "always easy",
        "mostly learnt",
        "no error fell",
        "one error",
        "by heart",
    ]
    assert found["nothing changed"] == 0


@pytest.mark.parametrize("errors", [[True, True, True], [True, False, False], [False, False, False]])
def test_the_error_zone_rises_with_every_change_it_counts(errors: list[bool]) -> None:
    levels = np.linspace(-2, 2, 9)
    for token in range(3):
        found = []
        for level in levels:
            text = [0.3, -0.4, 0.2]
            text[token] = float(level)
            found.append(error_zone(*changed([text], [errors]))[0])
        assert (np.diff(found) > 0).all()


def test_windows_vote_by_the_sign_of_their_sum() -> None:
    # Width 1: 2 of 3 rise. Width 2: -0.5 and 1.5, 1 of 2. Width 4 to 32: all of the text, 2 > 0.
    model, change = changed([[0.5, -1.0, 2.5], [-1.0], [0.0, 0.0]])
    assert window_votes(model, change) == pytest.approx([(2 / 3 + 1 / 2 + 4) / 6, 0.0, 0.5])


def test_windows_agree_with_a_naive_count() -> None:
    rng = np.random.default_rng(4)
    # Eighths, whose sums are exact, so that a window's sum is 0 where it is 0 on paper.
    texts = [(rng.normal(1, 8, size=size).round() / 8).tolist() for size in (0, 1, 2, 7, 31, 32, 33, 80, 0)]
    model, change = changed(texts)
    wanted = []
    for text in texts:
        shares = []
        for width in (1, 2, 4, 8, 16, 32):
            windows = [text[at : at + width] for at in range(max(1, len(text) - width + 1))]
            sums = [sum(window) for window in windows]
            shares.append(np.mean([1 if total > 0 else 0 if total < 0 else 0.5 for total in sums]))
        wanted.append(np.mean(shares))
    assert window_votes(model, change) == pytest.approx(np.array(wanted), abs=1e-12)


def population(gain: float, n: int = 400) -> tuple[TokenScores, TokenScores, np.ndarray]:
    """Texts of 5 to 60 tokens; fine-tuning helps all by 0.3 nats a token, the first half by `gain` more."""
    rng = np.random.default_rng(11)
    lengths = rng.integers(5, 61, n)
    member = np.arange(n) < n // 2
    before = [-rng.gamma(2.0, 1.5, size) - 0.01 for size in lengths]
    after = [
        np.minimum(text + 0.3 + gain * inside + rng.normal(0, 0.8, len(text)), -1e-4)
        for text, inside in zip(before, member, strict=True)
    ]
    top = [list(text > -0.7) for text in after]
    base, model = scored([list(text) for text in before]), scored([list(text) for text in after], top=top)
    return model, base, member


@pytest.mark.parametrize(("gain", "caught"), [(1.0, True), (0.0, False)])
def test_members_stand_out_where_they_were_learnt_and_nobody_where_nothing_was(gain: float, caught: bool) -> None:
    model, base, member = population(gain)
    question = asked(model, base)
    scores = said((*LikelihoodRatio().answer(question, RNG), *MembershipPanel().answer(question, RNG)))
    for name, values in scores.items():
        auc, variance = delong(values[member], values[~member])
        low = auc - 4.3 * math.sqrt(variance)  # one-sided 1e-5, by the normal approximation
        # Length alone hides the gain of 1 nat a token from the sum over bytes and the like; those need not see it.
        assert low <= 0.5 or caught, name
        if caught and name in ("per-token", "sum", "ez", "window-votes", "zlib-calibrated", "min-k-calibrated"):
            assert low > 0.5, name


def test_the_order_of_texts_changes_no_score_and_other_texts_play_no_part() -> None:
    model, base, _ = population(0.5, n=80)
    texts: list[str | None] = [f"note {number:03d} " * (number % 5) for number in range(80)]
    order = np.random.default_rng(2).permutation(80)
    for attack in (LikelihoodRatio(), MembershipPanel()):
        found = said(attack.answer(asked(model, base, texts), RNG))
        moved = said(attack.answer(asked(model.take(order), base.take(order), [texts[at] for at in order]), RNG))
        alone = said(attack.answer(asked(model.take(order[:1]), base.take(order[:1]), [texts[order[0]]]), RNG))
        for name, values in found.items():
            assert np.array_equal(moved[name], values[order]), name
            assert alone[name][0] == values[order[0]], name


def test_texts_without_tokens_are_in_the_middle() -> None:
    model, base, _ = population(0.5, n=41)
    nothing = scored([[]])
    question = asked(
        joined([nothing, model]), joined([nothing, base]), [None, *(f"{number:02d}" for number in range(41))]
    )
    for attack in (LikelihoodRatio(), MembershipPanel()):
        for name, values in said(attack.answer(question, RNG)).items():
            assert np.isfinite(values).all(), name
            assert values[0] == np.median(values[1:]), name
    only = asked(scored([[], []]), scored([[], []]), ["", None])
    for attack in (LikelihoodRatio(), MembershipPanel()):
        assert all((values == 0).all() for values in said(attack.answer(only, RNG)).values())
    none = asked(scored([]), scored([]), [])
    assert all(len(answer.values) == 0 for answer in MembershipPanel().answer(none, RNG))


def test_a_model_that_is_its_base_gives_nothing_away() -> None:
    _, base, _ = population(0.5, n=60)
    found = said(MembershipPanel().answer(asked(base, base), RNG))
    for name in ("zlib-calibrated", "min-k-calibrated", "min-k-plus-plus-calibrated", "ez", "window-votes"):
        assert len(np.unique(found[name])) == 1, name


def test_two_thousand_texts_take_less_than_a_second() -> None:
    rng = np.random.default_rng(0)
    texts = [list(-rng.gamma(2.0, 1.5, 64)) for _ in range(2000)]
    model, base = scored(texts), scored([text[::-1] for text in texts])
    question = asked(model, base)
    start = time.process_time()
    MembershipPanel().answer(question, RNG)
    LikelihoodRatio().answer(question, RNG)
    assert time.process_time() - start < 3  # a quarter of a second on a quiet machine
