from dataclasses import replace

import numpy as np
import pytest

from audit_core.answers import Scores
from audit_core.inquiry.membership import mark
from audit_core.inquiry.pools import Pool, clusters, cut
from audit_core.testing import made_up_case


def marked(case, answer, with_reference=True, seed=0):
    pools = cut(case, with_reference=with_reference, rng=np.random.default_rng(seed))
    answers = [(Scores(of="s", values=np.asarray(answer(pool), dtype=float)),) for pool in pools]
    marked = mark(case, pools, answers, None, rng=np.random.default_rng(9), confidence=0.95)
    return {one.name: one for one in marked.measurements}, marked.details


def test_the_key_itself_scores_one() -> None:
    found, curves = marked(made_up_case("innocent", rows=400), lambda pool: pool.member)
    assert found["auc"].value == 1
    assert found["tpr_at_fpr_0_01"].value == 1
    assert found["auc"].interval.low > 0.9
    assert curves[0].tpr[-1] == 1


def test_a_constant_score_is_worth_a_coin() -> None:
    found, _ = marked(made_up_case("innocent", rows=400), lambda pool: np.zeros(len(pool.row)))
    assert found["auc"].value == 0.5
    assert found["tpr_at_fpr_0_01"].value == pytest.approx(0.01, abs=1 / 400)
    assert found["auc"].evidence.p_value(0.5) > 0.4
    assert found["tpr_at_fpr_0_01"].evidence.p_value(0.01) > 0.05


def test_scores_without_signal_are_worth_a_coin_on_average() -> None:
    """A precision that is floored at a half before it is averaged shows a risk where there is none."""
    rng = np.random.default_rng(11)
    case = made_up_case("innocent", rows=300)
    found = [marked(case, lambda pool: rng.random(len(pool.row)))[0] for _ in range(60)]
    aucs = np.array([each["auc"].value for each in found])
    assert abs(aucs.mean() - 0.5) < 5 * aucs.std(ddof=1) / np.sqrt(len(aucs))
    assert aucs.min() < 0.5 < aucs.max()


def test_scores_of_two_questions_need_no_common_scale() -> None:
    """The second question's scores lie far above the first's; ranks within each question are what counts."""
    offsets = iter((0.0, 1000.0))
    case = made_up_case("innocent", rows=300)
    found, _ = marked(case, lambda pool: pool.member * 0.1 + next(offsets))
    assert found["auc"].value == 1


def test_an_inverted_score_is_seen_as_one() -> None:
    found, _ = marked(made_up_case("innocent", rows=400), lambda pool: ~pool.member)
    assert found["auc"].value == 0
    assert found["auc"].evidence.inverted


def test_the_rows_own_order_does_not_matter() -> None:
    case = made_up_case("innocent", rows=200)
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(2, 200)) + np.array([[0.4], [0.0]])

    def answer(pool: Pool) -> np.ndarray:
        return np.where(pool.member, noise[0][pool.row], noise[1][pool.row])

    first, _ = marked(case, answer, with_reference=False, seed=0)
    second, _ = marked(case, answer, with_reference=False, seed=1)
    assert first == second


def test_a_persons_rows_count_as_one_unit() -> None:
    people = np.repeat(np.arange(50), 8)
    case = replace(
        made_up_case("innocent", rows=400), member_subjects=people, non_member_subjects=people + 50, unit="person"
    )
    taste = np.random.default_rng(3).normal(size=100)

    def answer(pool: Pool) -> np.ndarray:
        subjects = clusters(case, pool)
        assert subjects is not None
        return taste[subjects]

    found, _ = marked(case, answer, with_reference=False)
    alone, _ = marked(
        replace(case, member_subjects=None, non_member_subjects=None, unit="row"),
        lambda pool: answer_row(pool, taste),
        False,
    )
    assert found["auc"].n == 50
    assert found["tpr_at_fpr_0_01"].evidence.n1 == 50
    width = [one["auc"].interval.high - one["auc"].interval.low for one in (found, alone)]
    # Eight equal rows a person: the variance is that of 50 units, not of 400, so the interval is sqrt(8) as wide.
    assert width[0] == pytest.approx(width[1] * 8**0.5, rel=0.25)


def answer_row(pool: Pool, taste: np.ndarray) -> np.ndarray:
    return taste[pool.row // 8 + np.where(pool.member, 0, 50)]
