"""What evidence a rule will be judged by: its tries, its level of chance, and how they grow."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from audit_core.asked import AskedHiddenValue, AskedMembership
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.chance import guessed, single_rows
from audit_core.expected import MARKED, Arms, Basis, basis, expected
from audit_core.inquiry.hidden_value import inquiry
from audit_core.inquiry.membership import FPRS
from audit_core.isolation import Limits
from audit_core.plugin import MEASURES, AttackPlugin, CheckPlugin, Expected
from audit_core.policy import Rule
from audit_core.registry import Registry
from audit_core.tables import Column, Table, read_only
from audit_core.testing import made_up_case

ROWS = Expected(kind="excess", chance=0.1)
SINGLE = Expected(kind="excess", chance=0.002, tries="single-rows")
ATTACK = AttackPlugin(
    name="asks", title={"en": "Asks"}, goal="membership", question="membership", sees=frozenset(),
    assumption={"en": "A test."}, load="nowhere:Asks",
)  # fmt: skip
GUESSER = replace(ATTACK, question="hidden-value", params=AskedHiddenValue)


def check_of(its: Expected | None) -> CheckPlugin:
    return CheckPlugin(
        name="looks", title={"en": "Looks"}, goal="copies", assumption={"en": "A test."}, measures=("seen", "auc"),
        expects={} if its is None else {"seen": its}, load="nowhere:Looks",
    )  # fmt: skip


def rule_of(measurement: str, of: str = "*") -> Rule:
    return Rule(
        attack="any", measurement=measurement, of=of, goal="copies", at_most=Fraction(0), basis="house",
        rationale={"en": "Why."}, source={"en": "ours"},
    )  # fmt: skip


def arms(its: Expected, case: Case) -> Arms:
    (only,) = basis(check_of(its), {}, rule_of("seen"), case).arms
    return only


def basis_of(attack: AttackPlugin, measurement: str, case: Case, of: str = "*", **params: object) -> Basis:
    return basis(attack, attack.params.model_validate(params).model_dump(), rule_of(measurement, of), case)


def of_values(values: list[int]) -> Table:
    """One column of whole numbers, each a category of its own."""
    distinct, codes = np.unique(values, return_inverse=True)
    words = np.array([str(value) for value in distinct], dtype=object)
    return Table(
        columns=(Column(name="value", kind="category", values=words),), codes=read_only(codes[:, None].astype(np.int32))
    )


def case_of(members: list[int], others: list[int] | None, released: int = 100) -> Case:
    together = of_values(members + (others or []))
    arm = together.take(np.arange(len(members)))
    rest = None if others is None else together.take(np.arange(len(members), len(members) + len(others)))
    release = together.take(np.zeros(released, dtype=np.intp))
    return replace(
        made_up_case("innocent", rows=4), members=arm, non_members=rest, release=release, published=release, roles={}
    )


def with_subjects(case: Case, rows_each: int) -> Case:
    assert case.non_members is not None
    members, others = (np.arange(len(table)) // rows_each for table in (case.members, case.non_members))
    return replace(case, member_subjects=members, non_member_subjects=others + len(members), unit="person")


def test_the_core_says_it_of_answers_and_a_check_of_itself() -> None:
    assert set(FPRS) | {"auc"} <= set(MARKED)
    assert set(MARKED) <= {name for question in MEASURES.values() for name in question}
    assert expected(check_of(ROWS), "seen", "*") == ROWS
    assert expected(check_of(ROWS), "auc", "*") is None  # a check's evidence is its own, whatever the name
    assert expected(ATTACK, "unheard_of", "*") is None


def test_a_record_may_say_it_of_one_score_alone() -> None:
    one = replace(ATTACK, expects={"auc": Expected(kind="unknown", of=("a", "b")), "auc/b": ROWS})
    assert expected(one, "auc", "a") == expected(one, "auc", "*") == Expected(kind="unknown", of=("a", "b"))
    assert expected(one, "auc", "b") == ROWS


def test_an_attack_s_scores_are_counted_where_its_record_names_them() -> None:
    case = made_up_case("innocent", rows=20)
    unnamed = basis_of(ATTACK, "auc", case)
    assert (len(unnamed.arms), unnamed.counted) == (1, False)
    named = replace(ATTACK, scores=("near", "far"))
    assert [len(basis_of(named, "auc", case, of).arms) for of in ("*", "far", "nowhere")] == [2, 1, 0]
    assert basis_of(named, "auc", case).counted


def test_groups_are_counted_by_a_fact_of_the_case() -> None:
    case = made_up_case("innocent", rows=20)  # one sensitive column
    its = replace(ROWS, each="sensitive")
    assert len(basis(check_of(its), {}, rule_of("seen"), case).arms) == 1
    assert len(basis(check_of(its), {}, rule_of("seen"), replace(case, roles={})).arms) == 0
    assert len(basis(check_of(its), {}, rule_of("seen", "group"), case).arms) == 1


def test_rows_are_the_tries_up_to_a_cap() -> None:
    case = made_up_case("innocent", rows=50)
    plain = Arms(n1=50, n0=50, chance=0.1, chance_high=0.1, units=(50, 50))
    assert arms(ROWS, case) == plain
    assert arms(replace(ROWS, most=20), case) == replace(plain, n1=20, n0=20, most=20)
    assert arms(ROWS, replace(case, non_members=None)) == replace(plain, n0=0, units=(50, 0))


def test_a_cap_may_be_a_parameter_of_the_question_or_of_the_attack() -> None:
    case = made_up_case("innocent", rows=50)
    asked = replace(ATTACK, params=AskedMembership)
    assert basis_of(asked, "auc", case).arms[0].n1 == 50
    assert basis_of(asked, "auc", case, targets=30).arms[0].n1 == 30
    assert basis_of(replace(ATTACK, question="linkage"), "linkability_excess", case).arms[0].most == 2000


def test_remote_people_are_a_tenth() -> None:
    (size,) = basis_of(ATTACK, "auc_remote", made_up_case("innocent", rows=500)).arms
    assert (size.n1, size.n0, size.growth) == (50, 50, 0.1)
    assert size.units_for(80) == 800


def test_released_rows_are_the_tries_in_either_arm_or_in_the_only_one() -> None:
    case = made_up_case("innocent", rows=50)
    share = arms(Expected(kind="proportion", chance=0.5, tries="released"), case)
    assert (share.n1, share.n0) == (50, 0)
    described = arms(Expected(kind="excess", chance=0.3, tries="released", most=40), case)
    assert (described.n1, described.n0) == (40, 40)
    assert described.units_for(100) is None  # more members bring no more descriptions
    repeated = replace(case, release=case.release.take(np.array([0, 0, 1, 2])))
    assert arms(Expected(kind="excess", chance=0.3, tries="released-once"), repeated).n1 == 2


@pytest.mark.parametrize("known", ["other-columns", "quasi-identifiers"])
def test_a_secret_is_asked_about_as_often_as_its_question_does(known: str) -> None:
    case = replace(
        made_up_case("innocent", rows=400),
        roles={"status": "sensitive", "income": "sensitive", "age": "quasi-identifier", "region": "quasi-identifier"},
    )
    setting = Setting(seed=1, content="made-up", limits=Limits(), confidence=0.95)
    bench = lay_out(case, setting, Registry(), [], Cache())
    params = AskedHiddenValue(known=known, targets=300).model_dump()  # type: ignore[arg-type]
    asked = inquiry(GUESSER, params, bench)
    planned = basis(GUESSER, params, rule_of("attribute_excess"), case)
    assert [2 * size.n1 for size in planned.arms] == [put.n for put in asked.puts]
    assert [size.n0 for size in planned.arms] == [size.n1 for size in planned.arms]
    assert len(basis(GUESSER, params, rule_of("attribute_excess", "status"), case).arms) == 1


def test_a_secret_that_others_tell_is_guessed_and_one_that_nothing_tells_is_not() -> None:
    rng = np.random.default_rng(20_306)
    members, others = rng.integers(0, 4, (2, 500))

    def table(secret: np.ndarray) -> Table:
        codes = np.column_stack([secret, secret, rng.integers(0, 4, len(secret))]).astype(np.int32)
        words = np.array(list("abcd"), dtype=object)
        columns = tuple(Column(name=name, kind="category", values=words) for name in ("secret", "telling", "idle"))
        return Table(columns=columns, codes=read_only(codes))

    case = replace(made_up_case("innocent", rows=4), members=table(members), non_members=table(others), roles={})
    told = guessed(case, "secret", ("telling", "idle"), 5000)
    assert told.blind < 0.3
    assert told.informed == 1.0
    # 2,000 rows at most are looked at: 500 here, each right with probability 1/4, so 0.25 +- 4.4 * 0.0194.
    assert guessed(case, "secret", ("idle",), 5000).informed < 0.34
    constant = replace(case, members=case.members.take(np.flatnonzero(members == 1)))
    assert guessed(constant, "secret", ("idle",), 5000).targets == 0


def test_without_non_members_a_secret_is_forecast_from_the_members() -> None:
    case = replace(made_up_case("innocent", rows=400), non_members=None)
    (size,) = basis(GUESSER, AskedHiddenValue().model_dump(), rule_of("attribute_excess"), case).arms
    assert size.n0 == 0
    assert size.n1 > 0
    assert size.chance <= size.chance_high


@pytest.mark.parametrize("kind", ["ranking", "excess", "tail-hits"])
def test_persons_count_once(kind: str) -> None:
    case = with_subjects(made_up_case("innocent", rows=60), rows_each=3)
    size = arms(Expected(kind=kind, chance=0.01), case)  # type: ignore[arg-type]
    assert (size.n1, size.n0) == (20, 20)


def test_persons_with_unequal_numbers_of_rows_count_for_fewer_except_in_the_tail() -> None:
    case = made_up_case("innocent", rows=60)
    subjects = np.array([0] * 40 + list(range(1, 21)))
    case = replace(case, member_subjects=subjects, non_member_subjects=subjects + 99)
    assert arms(Expected(kind="tail-hits", chance=0.01), case).n1 == 21
    assert arms(Expected(kind="ranking", chance=0.5), case).n1 == 60**2 // (40**2 + 20)


def test_single_rows_are_those_that_occur_once_in_both_arms_together() -> None:
    case = case_of([1, 2, 2, 3, 4], [4, 5, 6, 6, 7])
    single = single_rows(case)
    assert single.members.tolist() == [True, False, False, True, False]
    assert single.others.tolist() == [False, True, False, False, True]
    size = arms(SINGLE, case)
    assert (size.n1, size.n0, size.units) == (2, 2, (5, 5))
    # 4 values occur once and 3 twice among 10 rows: one more row rather repeats a single value than brings one.
    assert size.growth == pytest.approx((4 - 2 * 3) / 10)
    assert size.units_for(50) is None
    assert size.chance == 0.002
    assert size.chance_high == pytest.approx(1 - np.exp(-2 * 100 * 3 / (10 * 4)))


def test_without_repeated_rows_chance_is_the_assumed_rate_and_every_row_counts() -> None:
    size = arms(SINGLE, case_of(list(range(30)), list(range(30, 50))))
    assert (size.n1, size.n0, size.chance_high, size.growth) == (30, 20, 0.002, 1.0)
    assert size.units_for(200) == 200
    alone = arms(SINGLE, case_of(list(range(30)), None))
    assert (alone.n1, alone.n0) == (30, 0)
    assert alone.units_for(200) == 200


def test_a_number_out_of_all_proportion_is_no_advice() -> None:
    size = Arms(n1=100, n0=100, chance=0.1, chance_high=0.1, units=(1000, 1000), growth=0.01)
    assert size.units_for(150) == 6000
    assert size.units_for(5000) is None


def test_nothing_can_be_tried_where_all_rows_repeat() -> None:
    size = arms(SINGLE, case_of([1, 1, 2, 2], [1, 2]))
    assert (size.n1, size.n0, size.chance_high) == (0, 0, 0.002)


def test_chance_is_judged_from_above_and_not_by_much() -> None:
    """Values with a Zipf law: the share of single rows that a fresh sample hits, on average over populations."""
    rng = np.random.default_rng(20_305)
    weights = 1 / np.arange(1, 5001)
    weights /= weights.sum()
    hit, assumed = [], []
    for _ in range(40):
        members, others, release = rng.choice(5000, (3, 800), p=weights)
        case = case_of(members.tolist(), others.tolist(), released=800)
        values, counts = np.unique(np.concatenate([members, others]), return_counts=True)
        hit.append(np.isin(values[counts == 1], release).mean())
        assumed.append(single_rows(case).chance)
    # By Jensen's inequality rare and common values together are hit less often than an average value.
    assert np.mean(hit) < np.mean(assumed) < 1.5 * np.mean(hit)
