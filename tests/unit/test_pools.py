from dataclasses import replace

import numpy as np
import pytest

from audit_core.bench import Bench, Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.inquiry.membership import inquiry
from audit_core.inquiry.pools import clusters, cut
from audit_core.isolation import Limits
from audit_core.plugin import AttackPlugin
from audit_core.questions import Asset
from audit_core.registry import Registry
from audit_core.tables import with_own_dictionaries
from audit_core.testing import made_up_case

BOTH = frozenset({Asset.RELEASE, Asset.REFERENCE})


def attack(sees: frozenset[Asset]) -> AttackPlugin:
    return AttackPlugin(
        name="asked", title={"en": "Asked"}, goal="membership", question="membership", sees=sees,
        assumption={"en": "A test."}, load="nowhere:Nothing",
    )  # fmt: skip


def bench(case: Case) -> Bench:
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    return lay_out(case, setting, Registry(), [], Cache())


def test_every_record_is_a_target_once_and_no_reference_row_is_a_target_of_its_question() -> None:
    case = made_up_case("innocent", rows=101)
    pools = cut(case, with_reference=True, rng=np.random.default_rng(0))
    for member in (True, False):
        rows = np.concatenate([pool.row[pool.member == member] for pool in pools])
        assert sorted(rows) == list(range(101))
    for pool in pools:
        controls = pool.row[~pool.member]
        assert not set(controls) & set(pool.reference)
        assert sorted([*controls, *pool.reference]) == list(range(101))


def test_one_pool_without_a_reference() -> None:
    (pool,) = cut(made_up_case("innocent", rows=20), with_reference=False, rng=np.random.default_rng(0))
    assert len(pool.row) == 40
    assert len(pool.reference) == 0


def test_the_order_of_targets_says_nothing() -> None:
    # Under a random order the members' mean position is n / 2, with standard error n / sqrt(12 * 300) at most;
    # beyond 5 of them lies less than 1e-5.
    case = made_up_case("innocent", rows=300)
    (pool,) = cut(case, with_reference=False, rng=np.random.default_rng(3))
    mean = np.flatnonzero(pool.member).mean()
    assert abs(mean - 300) < 5 * 600 / np.sqrt(12 * 300)


def test_rows_of_a_subject_stay_together() -> None:
    subjects = np.repeat(np.arange(50), 2)
    case = replace(
        made_up_case("innocent", rows=100), member_subjects=subjects, non_member_subjects=subjects + 50, unit="person"
    )
    pools = cut(case, with_reference=True, rng=np.random.default_rng(1))
    for pool in pools:
        for member in (True, False):
            rows = pool.row[pool.member == member]
            assert sorted(subjects[rows]) == sorted(np.repeat(np.unique(subjects[rows]), 2))
        found = clusters(case, pool)
        assert found is not None
        assert (found[pool.member] < 50).all()
        assert (found[~pool.member] >= 50).all()


def test_a_question_holds_the_rows_it_says_and_only_their_values() -> None:
    case = made_up_case("innocent", rows=40, missing=0.2)
    put, _ = inquiry(attack(BOTH), {}, bench(case)).puts
    pool, question = put.key, put.question()
    assert question.reference is not None
    for name in case.members.names:
        expected = np.where(pool.member, case.members.texts(name)[pool.row % 40], None)
        assert (question.targets.texts(name)[pool.member] == expected[pool.member]).all()
        shown = {
            text for table in (question.targets, question.release, question.reference) for text in table.texts(name)
        }
        index = question.targets.index(name)
        assert len(question.targets.columns[index].values) == len(shown - {None})


def test_an_attack_sees_only_what_it_declared() -> None:
    case = made_up_case("innocent", rows=10)
    (put,) = inquiry(attack(frozenset()), {}, bench(case)).puts
    question = put.question()
    assert question.release is None
    assert question.reference is None


def test_own_dictionaries_keep_every_cell() -> None:
    case = made_up_case("innocent", rows=30, missing=0.1)
    few = case.members.take(np.arange(5))
    (own,) = with_own_dictionaries(few)
    for name in few.names:
        assert own.texts(name).tolist() == few.texts(name).tolist()


def test_membership_needs_non_members() -> None:
    case = replace(made_up_case("innocent", rows=5), non_members=None)
    with pytest.raises(ValueError, match="non-members"):
        cut(case, with_reference=False, rng=np.random.default_rng(0))


def test_a_limit_on_targets_takes_whole_people_by_chance() -> None:
    subjects = np.repeat(np.arange(50), 4)
    case = replace(
        made_up_case("innocent", rows=200), member_subjects=subjects, non_member_subjects=subjects + 50, unit="person"
    )
    pools = cut(case, with_reference=True, rng=np.random.default_rng(1), targets=40)
    for pool in pools:
        for member in (True, False):
            rows = pool.row[pool.member == member]
            assert len(rows) == 20
            assert (np.unique(subjects[rows], return_counts=True)[1] == 4).all()
    alone = cut(made_up_case("innocent", rows=200), with_reference=False, rng=np.random.default_rng(1), targets=30)
    assert [len(pool.row) for pool in alone] == [60]
    few = cut(case, with_reference=False, rng=np.random.default_rng(1), targets=2)
    assert len(few[0].row) == 8  # one person of each arm, though a person has more rows than that
