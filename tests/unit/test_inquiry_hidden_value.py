"""What a release tells about a hidden value: who is asked about, what is shown, which guesses are right."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_core.answers import Guesses
from audit_core.bench import Bench, Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.evidence import Excess, Proportion
from audit_core.inquiry.hidden_value import even_quota, inquiry, strata
from audit_core.isolation import Limits
from audit_core.measurement import Measurement
from audit_core.plugin import AttackPlugin
from audit_core.registry import Registry, discover
from audit_core.tables import MISSING, Column, Table, read_only
from audit_core.testing import find, made_up_case

PLUGIN = discover().attacks["attribute-disclosure"]


def bench(case: Case) -> Bench:
    setting = Setting(seed=0, content="test", limits=Limits(), confidence=0.95)
    return lay_out(case, setting, Registry(), [], Cache())


def column(name: str, values: list[float] | list[str]) -> tuple[Column, np.ndarray]:
    distinct, codes = np.unique(np.array(values), return_inverse=True)
    kind = "number" if distinct.dtype.kind in "if" else "category"
    return Column(name=name, kind=kind, values=distinct if kind == "number" else distinct.astype(object)), codes  # type: ignore[arg-type]


def case_of(columns: dict[str, list], arms: tuple[int, int, int], secret: str) -> Case:
    """A case from whole columns, cut into members, non-members and release."""
    made = [column(name, values) for name, values in sorted(columns.items())]
    whole = Table(
        columns=tuple(each for each, _ in made),
        codes=read_only(np.column_stack([codes for _, codes in made]).astype(np.int32)),
    )
    ends = np.cumsum((0, *arms))
    members, non_members, release = (whole.take(np.arange(start, stop)) for start, stop in pairwise(ends))
    roles = {name: "sensitive" if name == secret else "plain" for name in sorted(columns)}
    return replace(
        made_up_case("innocent", rows=4), members=members, non_members=non_members, release=release, published=release,
        roles=roles,
    )  # fmt: skip


def told(case: Case, guess, **params) -> tuple[dict[str, Measurement], list[Guesses]]:
    """The measurements when every question is answered by `guess(question, key)`."""
    asked = inquiry(PLUGIN, params, bench(case))
    answers = [(Guesses(of="x", values=guess(put.question(), put.key)),) for put in asked.puts]
    marked = asked.mark(answers)
    return {one.name: one for one in marked.measurements}, [answer for (answer,) in answers]


def truth(question, key) -> np.ndarray:
    if key.secret.numeric:
        return np.append(key.secret.values.astype(float), np.nan)[key.truth]
    return np.array([*key.secret.values, None], dtype=object)[key.truth]


def test_the_question_shows_everything_but_the_secret() -> None:
    case = made_up_case("innocent", rows=80, missing=0.2)
    (put,) = inquiry(PLUGIN, {}, bench(case)).puts
    question = put.question()
    assert question.secret == "group"
    assert question.known.names == tuple(sorted(set(case.release.names) - {"group"}))
    assert "group" in question.release.names
    released = set(case.release.texts("group")) - {None}
    assert set(question.release.columns[question.release.index("group")].values) == released
    for name in question.known.names:
        rows = np.where(put.key.pool.member, case.members.texts(name)[put.key.pool.row % 80], None)
        assert (question.known.texts(name)[put.key.pool.member] == rows[put.key.pool.member]).all()
        assert question.release.texts(name).tolist() == case.release.texts(name).tolist()


def test_only_quasi_identifiers_are_known_where_that_is_asked() -> None:
    case = made_up_case("innocent", rows=80)
    (put,) = inquiry(PLUGIN, {"known": "quasi-identifiers"}, bench(case)).puts
    assert put.question().known.names == ("age", "region")
    every = inquiry(PLUGIN, {"secrets": "all"}, bench(case)).puts
    assert sorted(put.key.secret.name for put in every) == sorted(case.release.names)


def test_the_truth_is_right_and_another_value_is_not() -> None:
    case = made_up_case("innocent", rows=200, missing=0.1)
    found, _ = told(case, truth, secrets="all")
    assert found["attribute_excess"].evidence.k1 == found["attribute_excess"].evidence.n1  # type: ignore[union-attr]
    wrong, _ = told(case, lambda question, key: np.full(len(key.truth), "no such word", dtype=object))
    assert wrong["attribute_excess"].evidence.k1 == 0  # type: ignore[union-attr]


def test_a_guess_is_a_word_in_any_case_and_width() -> None:
    case = made_up_case("innocent", rows=100)

    def shout(question, key):
        return np.array([text.upper() + " " for text in truth(question, key)], dtype=object)

    found, _ = told(case, shout)
    assert found["attribute_excess"].evidence.k1 == found["attribute_excess"].evidence.n1  # type: ignore[union-attr]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_is_right_within_its_tolerance_on_either_side_of_zero(sign: int) -> None:
    """A relative error over a signed guess calls every negative guess right."""
    rng = np.random.default_rng(3)
    values = [sign * float(value) for value in rng.uniform(50, 150, 600).round(1)]
    case = case_of({"a": list(map(str, rng.integers(0, 4, 600))), "s": values}, (200, 200, 200), "s")
    near, _ = told(case, lambda question, key: truth(question, key) + 4.5)  # 5 % of a span of about 98
    far, _ = told(case, lambda question, key: truth(question, key) - 6.0)
    negative, _ = told(case, lambda question, key: np.full(len(key.truth), -1000.0))
    assert near["attribute_excess"].evidence.k1 == near["attribute_excess"].evidence.n1  # type: ignore[union-attr]
    assert far["attribute_excess"].evidence.k1 == 0  # type: ignore[union-attr]
    assert negative["attribute_excess"].evidence.k1 == 0  # type: ignore[union-attr]


def test_missing_is_a_value_that_can_be_guessed() -> None:
    case = made_up_case("innocent", rows=300, missing=0.5)
    found, _ = told(case, lambda question, key: np.full(len(key.truth), None, dtype=object))
    evidence = found["attribute_excess"].evidence
    assert isinstance(evidence, Excess)
    assert 0 < evidence.k1 < evidence.n1
    assert evidence.k1 == evidence.k0  # each stratum is asked about equally often in both arms


def test_a_secret_that_nearly_everybody_has_is_asked_about_no_more_than_settles_the_most() -> None:
    """With 97 in 100 holding one value, guessing that value shows nothing and must score nothing."""
    rng = np.random.default_rng(5)
    secret = ["common" if value else "rare" for value in rng.random(6000) < 0.97]
    case = case_of({"k": list(map(str, rng.integers(0, 9, 6000))), "s": secret}, (2000, 2000, 2000), "s")
    found, _ = told(case, lambda question, key: np.full(len(key.truth), "common", dtype=object))
    assert found["attribute_prior"].value == pytest.approx(0.5, abs=0.02)
    assert found["attribute_excess"].value == 0.0
    assert found["attribute_excess"].evidence.bounds(0.95).high < 0.35


def test_a_skewed_number_is_cut_into_its_spike_and_the_rest() -> None:
    values = Column(name="gain", kind="number", values=np.arange(100.0))
    codes = np.where(np.arange(1000) < 900, 0, 1 + np.arange(1000) % 99).astype(np.int32)
    codes[-5:] = MISSING
    (groups,) = strata(Table(columns=(values,), codes=read_only(codes[:, None])))
    assert set(groups[codes == 0]) == {1}
    assert set(groups[codes == MISSING]) == {0}
    assert set(groups[codes > 0]).isdisjoint({0, 1})


@given(st.lists(st.integers(0, 400), min_size=2, max_size=6), st.integers(1, 500))
def test_the_quota_takes_what_both_arms_have_and_no_more_than_allowed(sizes: list[int], most: int) -> None:
    inside = np.repeat(np.arange(len(sizes)), sizes)
    quota = even_quota(inside, inside, most)
    present = [size for size in sizes if size]
    if len(present) < 2:
        assert quota == 0
        return
    assert quota >= 1
    assert sum(min(size, quota) for size in present) <= max(most, len(present))


def test_where_all_have_one_value_there_is_nothing_to_guess() -> None:
    case = case_of({"k": ["a", "b"] * 30, "s": ["x"] * 60}, (20, 20, 20), "s")
    asked = inquiry(PLUGIN, {}, bench(case))
    assert asked.puts == ()
    assert [reason.code for reason in asked.caveats] == ["secret-left-out"]


def test_members_and_non_members_are_asked_about_in_the_same_proportions_whatever_the_arms() -> None:
    rng = np.random.default_rng(8)
    secret = list(map(str, rng.choice(5, 1100, p=[0.5, 0.3, 0.1, 0.07, 0.03])))
    case = case_of({"k": list(map(str, rng.integers(0, 9, 1100))), "s": secret}, (800, 200, 100), "s")
    (put,) = inquiry(PLUGIN, {}, bench(case)).puts
    counts = [
        np.bincount(put.key.truth[arm], minlength=5).tolist() for arm in (put.key.pool.member, ~put.key.pool.member)
    ]
    times = counts[0][0] // counts[1][0]
    assert counts[0] == [times * count for count in counts[1]]
    assert 1 <= times <= 3


def test_rows_of_a_person_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    secret = list(np.repeat(list(map(str, rng.integers(0, 3, 300))), 4))
    case = case_of({"k": list(map(str, rng.integers(0, 9, 1200))), "s": secret}, (400, 400, 400), "s")
    people = np.repeat(np.arange(100), 4)
    grouped = replace(case, member_subjects=people, non_member_subjects=people + 100, unit="person")

    def guess(question, key):
        return np.full(len(key.truth), "1", dtype=object)

    alone, together = told(case, guess)[0], told(grouped, guess)[0]
    assert together["attribute_excess"].n < alone["attribute_excess"].n / 2


def test_what_holds_for_everybody_is_no_disclosure() -> None:
    """A secret that follows from the other columns is guessed right in both arms alike: usefulness, not leakage."""
    rng = np.random.default_rng(4)
    known = list(map(str, rng.integers(0, 6, 3000)))
    case = case_of({"k": known, "s": [f"s{value}" for value in known]}, (1000, 1000, 1000), "s")
    finding = find(PLUGIN, case, discover())
    (excess,) = [one for one in finding.measurements if one.name == "attribute_excess"]
    assert isinstance(excess.evidence, Excess)
    assert excess.evidence.k1 == excess.evidence.n1
    assert excess.value == 0.0


def test_a_rare_secret_that_nothing_tells_is_not_called_unprotected() -> None:
    """Against a uniform guess, a secret that 97 in 100 have looks disclosed where no column says anything about it."""
    rng = np.random.default_rng(6)
    secret = ["common" if value else "rare" for value in rng.random(3000) < 0.97]
    columns = {name: list(map(str, rng.integers(0, 6, 3000))) for name in ("k", "l")}
    finding = find(PLUGIN, case_of(columns | {"s": secret}, (1000, 1000, 1000), "s"), discover())
    (excess,) = [one for one in finding.measurements if one.name == "attribute_excess"]
    assert excess.interval.low <= 0 <= excess.interval.high


def test_a_strangers_secret_guessed_as_well_as_a_members_is_usefulness_and_not_disclosure() -> None:
    """One accuracy over members and strangers together would rise with every good release."""
    rng = np.random.default_rng(7)
    known = rng.integers(0, 6, 3000)
    noisy = np.where(rng.random(3000) < 0.9, known, rng.integers(0, 6, 3000))
    case = case_of({"k": list(map(str, known)), "s": [f"s{value}" for value in noisy]}, (1000, 1000, 1000), "s")
    finding = find(PLUGIN, case, discover())
    (excess,) = [one for one in finding.measurements if one.name == "attribute_excess"]
    assert isinstance(excess.evidence, Excess)
    assert excess.evidence.k1 / excess.evidence.n1 > 0.8
    assert excess.interval.low <= 0 <= excess.interval.high


def test_the_release_that_keeps_true_secrets_is_found_and_quotes_do_not_matter() -> None:
    case = made_up_case("leaky", rows=600, names=("a'b", 'c"d', "e`f", "g$h", "i;j", "k--l"))
    finding = find(PLUGIN, case, discover())
    (excess,) = [one for one in finding.measurements if one.name == "attribute_excess"]
    assert excess.of == "k--l"
    assert excess.interval.low > 0.3
    (prior,) = [one for one in finding.measurements if one.name == "attribute_prior"]
    assert isinstance(prior.evidence, Proportion)


def test_a_record_names_what_the_core_measures() -> None:
    assert isinstance(PLUGIN, AttackPlugin)
    assert PLUGIN.measures == ("attribute_excess", "attribute_prior")
    assert PLUGIN.compares == ("attribute_excess",)
