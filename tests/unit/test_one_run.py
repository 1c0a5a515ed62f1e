"""A lower bound on epsilon from one run, and the question it is asked by."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.answers import Scores
from audit_core.case import Case
from audit_core.evidence import Coins
from audit_core.guarantee import Guarantee, Stated
from audit_core.inquiry.inclusion import GUESSED, _pool, mark
from audit_core.needs import lacking
from audit_core.registry import discover
from audit_core.statistics.one_run import MOST_EPSILON, epsilon_low, epsilon_p_value
from audit_core.testing import made_up_case

CLAIM = Guarantee(
    epsilon=1.0,
    delta=1e-6,
    budget=1.0,
    unit="row",
    rows_per_unit=1,
    relation="add-or-remove",
    accountant="its own",
    mechanisms=(Stated(purpose="all of it", epsilon=1.0),),
)


@pytest.mark.parametrize(
    ("coins", "guesses", "right", "delta", "bound"),
    [
        (1000, 100, 100, 1e-5, 3.4654),
        (1000, 100, 90, 1e-5, 1.6261),
        (1000, 100, 100, 0, 3.4930),
        (1000, 500, 350, 1e-5, 0.6827),
        (100, 50, 50, 1e-5, 2.7819),
        (100_000, 1000, 950, 1e-5, 2.4948),
        (1000, 1000, 500, 1e-5, 0.0),
        (1000, 50, 50, 0, 2.79),
        (1000, 200, 200, 0, 4.19),
        (1000, 500, 500, 0, 5.11),
        (1000, 1000, 1000, 0, 5.81),
    ],
)
def test_bounds_of_the_published_code(coins: int, guesses: int, right: int, delta: float, bound: float) -> None:
    found = epsilon_low(right, guesses, coins, 0.5, delta, 0.05)
    assert found == pytest.approx(bound, abs=0.006 if delta == 0 else 6e-5)


def test_without_delta_the_bound_has_a_closed_form() -> None:
    """All r guesses right: q^r = alpha."""
    q = 0.05 ** (1 / 100)
    assert epsilon_low(100, 100, 1000, 0.5, 0.0, 0.05) == pytest.approx(np.log(q / (1 - q)), abs=1e-6)


def test_a_coin_that_is_not_fair_moves_the_odds() -> None:
    """Three of four are members: to guess that everybody is one is right as often, and shows nothing."""
    assert epsilon_low(750, 1000, 4000, 0.75, 1e-6, 0.05) == 0.0
    assert epsilon_low(750, 1000, 4000, 0.5, 1e-6, 0.05) > 0.8
    fair, other = (epsilon_low(100, 100, 1000, p, 0.0, 0.05) for p in (0.5, 0.75))
    assert fair - other == pytest.approx(np.log(3), abs=1e-6)


@given(st.integers(1, 400), st.floats(0, 1), st.floats(0.1, 0.9), st.floats(0, 8))
def test_no_claim_gets_likelier_by_being_smaller(guesses: int, share: float, p_in: float, epsilon: float) -> None:
    right = round(share * guesses)
    smaller = epsilon_p_value(right, guesses, 1000, p_in, epsilon, 1e-9)
    larger = epsilon_p_value(right, guesses, 1000, p_in, epsilon + 0.5, 1e-9)
    assert smaller <= larger + 1e-9


def test_no_guess_shows_nothing_and_no_number_of_guesses_shows_an_endless_epsilon() -> None:
    assert epsilon_p_value(0, 0, 10, 0.5, 0.0, 0.0) == 1.0
    assert epsilon_low(0, 0, 10, 0.5, 0.0, 0.05) == 0.0
    assert epsilon_low(10**12, 10**12, 10**12, 0.5, 0.0, 0.5) <= MOST_EPSILON


def test_a_shown_epsilon_is_a_share_of_the_claim_and_stays_below_its_ceiling() -> None:
    evidence = Coins(right=90, guesses=100, coins=1000, p_in=0.5, claimed=2.0, delta=1e-5)
    assert evidence.bounds(0.95).low == pytest.approx(1.6261 / 2, abs=1e-4)
    assert evidence.ceiling(0.95) == pytest.approx(3.4654 / 2, abs=1e-4)
    assert evidence.p_value(evidence.bounds(0.99).low) == pytest.approx(0.01, abs=1e-6)
    assert evidence.bounds(0.95).low <= evidence.value <= evidence.bounds(0.95).high


def _drawn(case: Case, most: int = 10_000):
    return _pool(case, most, np.random.default_rng(3))


def test_half_of_all_coins_are_asked_about_and_no_target_is_in_the_reference() -> None:
    case = made_up_case("innocent", rows=300)
    pool = _drawn(case)
    assert case.non_members is not None
    assert len(pool.row) == (len(case.members) + len(case.non_members)) // 2
    assert not set(pool.reference) & set(pool.row[~pool.member])
    assert len(pool.reference) + int((~pool.member).sum()) == len(case.non_members)


def test_who_is_asked_about_does_not_depend_on_how_the_coins_fell() -> None:
    """Targets are a simple random sample: as often members as all are, with the spread that chance gives."""
    case = made_up_case("innocent", rows=300)
    shares = [_pool(case, 10_000, np.random.default_rng(seed)).member.mean() for seed in range(200)]
    among = len(case.members) / (len(case.members) + 300)
    assert np.mean(shares) == pytest.approx(among, abs=0.01)
    hypergeometric = np.sqrt(among * (1 - among) / 300 * 0.5)
    assert np.std(shares) == pytest.approx(hypergeometric, rel=0.25)


def test_one_record_of_each_person_is_asked_about_and_the_person_stays_out_of_the_reference() -> None:
    case = made_up_case("innocent", rows=300)
    assert case.non_members is not None
    case = replace(
        case,
        member_subjects=np.arange(len(case.members)) // 3,
        non_member_subjects=1000 + np.arange(len(case.non_members)) // 3,
        unit="person",
    )
    pool = _drawn(case)
    assert case.member_subjects is not None
    assert case.non_member_subjects is not None
    persons = np.where(
        pool.member, case.member_subjects[pool.row % len(case.members)], case.non_member_subjects[pool.row % 300]
    )
    assert len(np.unique(persons)) == len(persons) == 100
    assert not set(case.non_member_subjects[pool.reference]) & set(persons)


def test_the_key_itself_refutes_a_claim_and_noise_does_not() -> None:
    case = made_up_case("innocent", rows=2000)
    pool, rng = _drawn(case), np.random.default_rng(4)
    told = mark(pool, [Scores(of="s", values=pool.member.astype(float))], 0.5, CLAIM, 0.95)
    assert [one.of for one in told.measurements] == [f"s/{name}" for name in GUESSED]
    assert all(one.evidence.right == one.evidence.guesses for one in told.measurements)
    assert max(one.interval.low for one in told.measurements) > 3
    (said,) = told.caveats
    assert said.args["shown"] == said.args["ceiling"]
    noise = mark(pool, [Scores(of="s", values=rng.random(len(pool.row)))], 0.5, CLAIM, 0.95)
    assert max(one.interval.low for one in noise.measurements) < 1


def test_equal_scores_are_guessed_at_by_chance() -> None:
    pool = _drawn(made_up_case("innocent", rows=2000))
    told = mark(pool, [Scores(of="s", values=np.zeros(len(pool.row)))], 0.5, CLAIM, 0.95)
    assert max(one.interval.low for one in told.measurements) < 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"guarantee": None}, "needs-facts"),
        ({"p_in": 0.0}, "needs-facts"),
        ({"guarantee": replace(CLAIM, relation="replace")}, "claim-not-of-coins"),
        ({"guarantee": replace(CLAIM, relation="unknown")}, "claim-not-of-coins"),
        ({"unit": "person"}, "claim-not-of-coins"),
        (
            {"guarantee": replace(CLAIM, unit="p"), "unit": "p", "member_subjects": np.arange(100) // 2},
            "claim-not-of-coins",
        ),
        ({"guarantee": replace(CLAIM, epsilon=0.0)}, None),
        ({}, None),
    ],
)
def test_only_a_claim_about_what_a_coin_decides_is_held_against_coins(change: dict, code: str | None) -> None:
    case = replace(made_up_case("innocent", rows=100), guarantee=CLAIM, p_in=0.5)
    found = lacking(discover().attacks["one-run"], replace(case, **change), {})
    assert (found.code if found else None) == code
