"""The checks of usefulness: by hand, beside naive oracles, and on releases that are known to be of use or of none."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from audit_core.case import Case
from audit_core.evidence import Mean
from audit_core.measurement import Detail, Measurement, Reason
from audit_core.needs import lacking
from audit_core.registry import discover
from audit_core.statistics.estimates import delong
from audit_core.tables import MISSING, Column, Table, content_order, read_only
from audit_core.targets import target_of
from audit_core.testing import find, made_up_case, related_cases
from audit_plugins.checks.classifiers import MODELS, probabilities
from audit_plugins.checks.detection import Detection
from audit_plugins.checks.marginals import BINS, Marginals, binned, distances
from audit_plugins.checks.over_seeds import auc_parts, f1_parts, over_seeds
from audit_plugins.checks.train_on_synthetic import TrainOnSynthetic, performance

REGISTRY = discover()
USEFUL, USELESS = related_cases()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def values(said: Iterable[Measurement | Detail | Reason]) -> dict[tuple[str, str], Measurement]:
    return {(one.name, one.of): one for one in said if isinstance(one, Measurement)}


def reasons(said: Iterable[Measurement | Detail | Reason]) -> set[str]:
    return {one.code for one in said if isinstance(one, Reason)}


def one_column(*codes: int) -> Table:
    words = Column(name="word", kind="category", values=np.array(["a", "b", "c"], dtype=object))
    return Table(columns=(words,), codes=read_only(np.array(codes, dtype=np.int32)[:, None]))


def released(case: Case, release: Table) -> Case:
    release = release.take(content_order(release))
    return replace(case, name=f"{case.name} again", release=release, published=release)


# Total variation


def test_total_variation_by_hand_with_a_missing_cell_as_a_value() -> None:
    members, release = one_column(0, 0, 1, MISSING), one_column(0, 1, 1, 2)
    cells = binned({"members": members, "release": release})
    # Shares a, b, c, missing: 1/2, 1/4, 0, 1/4 against 1/4, 1/2, 1/4, 0.
    assert distances(cells["members"], cells["release"], [(0, 0)]).tolist() == [0.5]
    case = replace(made_up_case("innocent", rows=4), members=members, release=release, non_members=None)
    found = values(Marginals().measure(case, rng()))
    assert found["statistical_fidelity", "all"].value == 0.5  # of the column, where there is no pair
    assert found["column_fidelity", "word"].value == 0.5
    assert not [name for name, _ in found if name in ("fresh_fidelity", "pair_fidelity")]


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_pairs_are_as_a_naive_count_has_them(missing: float) -> None:
    case = made_up_case("innocent", rows=300, missing=missing)
    cells = binned({"members": case.members, "release": case.release})
    pairs = [(left, right) for left in range(6) for right in range(left + 1, 6)]
    for (left, right), distance in zip(pairs, distances(cells["members"], cells["release"], pairs), strict=True):
        one, other = (Counter(map(tuple, cells[arm][:, [left, right]].tolist())) for arm in ("members", "release"))
        naive = sum(abs(one[cell] - other[cell]) for cell in one.keys() | other.keys()) / 600
        assert distance == pytest.approx(naive, abs=1e-12)


def test_numbers_fall_into_bins_of_the_members_and_rare_categories_into_one() -> None:
    case = made_up_case("innocent", rows=600)
    cells = binned({"members": case.members})["members"]
    income = cells[:, case.members.index("income")]
    assert set(income) == set(range(1, BINS + 1))
    assert np.bincount(income)[1:].max() <= 2 * 600 / BINS
    many = Column(name="word", kind="category", values=np.array([f"{n:02d}" for n in range(40)], dtype=object))
    codes = np.repeat(np.arange(40), np.arange(40, 0, -1)).astype(np.int32)
    table = Table(columns=(many,), codes=read_only(codes[:, None]))
    rare = binned({"members": table})["members"][:, 0]
    assert set(rare[codes >= BINS]) == {BINS + 1}
    assert len(set(rare[codes < BINS])) == BINS


def test_the_members_themselves_are_wholly_faithful_and_fresh_rows_nearly() -> None:
    case = made_up_case("innocent", rows=600)
    copy = values(Marginals().measure(released(case, case.members), rng()))
    assert {one.value for (name, _), one in copy.items() if name != "fresh_fidelity"} == {1.0}
    fresh = values(Marginals().measure(case, rng()))
    # Release and non-members are two draws of one population; over 60 seeds the gap has a standard deviation of 0.0074.
    gap = fresh["statistical_fidelity", "all"].value - fresh["fresh_fidelity", "all"].value
    assert abs(gap) < 5 * 0.0074
    assert fresh["statistical_fidelity", "all"].value < 1


def test_columns_that_are_true_by_themselves_only_show_in_pairs() -> None:
    related, unrelated = (values(Marginals().measure(case, rng())) for case in (USEFUL, USELESS))
    assert unrelated["column_fidelity", "group"].value == related["column_fidelity", "group"].value
    worst = next(of for name, of in unrelated if name == "pair_fidelity")
    assert set(worst.split(" × ")) == {"group", "region"}
    assert unrelated["pair_fidelity", worst].value < 0.5


def test_fewer_non_members_than_released_rows_are_a_caveat() -> None:
    case = made_up_case("innocent", rows=60)
    assert case.non_members is not None
    few = replace(case, non_members=case.non_members.take(np.arange(20)))
    assert "fresh-smaller" in reasons(Marginals().measure(few, rng()))
    assert "fresh-smaller" not in reasons(Marginals().measure(case, rng()))


# What a row moves


def test_auc_and_its_variance_are_delongs() -> None:
    scores, positive = rng(1).integers(0, 30, 200) / 30, rng(2).random(200) < 0.3
    auc, moves = auc_parts(scores, positive)
    wanted, variance = delong(scores[positive], scores[~positive])
    n1, n0 = positive.sum(), (~positive).sum()
    assert auc == pytest.approx(wanted, abs=1e-12)
    parts = [(moves[some] * n / 200).var(ddof=1) / n for some, n in ((positive, n1), (~positive, n0))]
    assert sum(parts) == pytest.approx(variance, rel=1e-9)
    assert moves.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("row", [0, 3, 7])
def test_the_influence_on_f1_is_its_derivative_by_the_rows_weight(row: int) -> None:
    said, positive = rng(1).random(40) < 0.4, rng(2).random(40) < 0.4
    f1, moves = f1_parts(said, positive)

    def weighted(step: float) -> float:
        weights = np.ones(40)
        weights[row] += step
        return float(2 * weights[said & positive].sum() / (weights[said].sum() + weights[positive].sum()))

    assert f1 == pytest.approx(weighted(0.0))
    assert moves[row] == pytest.approx(40 * (weighted(1e-6) - weighted(-1e-6)) / 2e-6, rel=1e-6)


def test_an_empty_class_has_the_level_of_who_knows_nothing() -> None:
    nobody = np.zeros(5, dtype=np.bool_)
    assert auc_parts(np.arange(5.0), nobody)[0] == 0.5
    assert f1_parts(nobody, nobody)[0] == 0.0


def test_a_persons_rows_move_a_measure_together() -> None:
    moves = np.tile([1.0, -1.0], 50)
    alone = over_seeds(np.ones(2), moves)
    same = over_seeds(np.ones(2), np.repeat(moves[:50], 2), np.repeat(np.arange(50), 2))
    assert alone.se == pytest.approx(np.sqrt(100 / 99) / 10)
    assert same.se == pytest.approx(np.sqrt(2 * 50 / 49) / 10)


def test_seeds_and_rows_add_up() -> None:
    its = over_seeds(np.array([0.7, 0.8, 0.9]), np.zeros(50))
    assert (its.mean, its.df) == (pytest.approx(0.8), 2)
    assert its.se == pytest.approx(0.1 / np.sqrt(3))
    both = over_seeds(np.array([0.7, 0.8, 0.9]), np.tile([1.0, -1.0], 50))
    assert both.se == pytest.approx(np.sqrt(0.01 / 3 + 0.01 * 100 / 99))
    assert both.df > its.df


# Train on synthetic, test on real


def tstr(case: Case, target: str | None = None, seeds: int = 2) -> dict[tuple[str, str], Measurement]:
    return values(TrainOnSynthetic(target=target, seeds=seeds).measure(case, rng()))


def test_what_holds_together_in_the_release_can_be_learnt_from_it() -> None:
    kept, lost = tstr(USEFUL), tstr(USELESS)
    for model in MODELS:
        # The class follows from the region by a table, so that rows it was not shown are all that it can miss.
        assert kept["tstr_f1", model].value > 0.95
        assert kept["tstr_f1_share", model].value == pytest.approx(1, abs=0.05)
        # A guess that has nothing to do with the class has an F1 of 2pq / (p + q), at most (p + q) / 2, a fifth in the
        # mean over five classes. Standard errors in a class of 600 rows are at most 0.033, of F1 and of AUC: 5 of them.
        assert lost["tstr_f1", model].value < 0.2 + 0.17
        assert lost["tstr_auc", model].value == pytest.approx(0.5, abs=0.17)
        assert lost["trtr_f1", model].value > 0.95


def test_what_is_trained_on_a_copy_does_as_well_as_what_is_trained_on_the_members() -> None:
    found = tstr(released(USEFUL, USEFUL.members), seeds=5)
    share = found["tstr_auc_share", "gradient-boosting"]
    assert share.interval.low <= 1 <= share.interval.high or share.value == pytest.approx(1, abs=0.01)


def _binary(rows: int = 400, share: float = 0.25) -> Case:
    """One number that decides between a common and a rare class, with a little noise."""
    draw = rng(5)
    signal = draw.normal(size=3 * rows)
    label = (signal + 0.5 * draw.normal(size=3 * rows) > np.quantile(signal, 1 - share)).astype(np.int32)
    number, codes = np.unique(np.round(signal, 3), return_inverse=True)
    columns = (
        Column(name="group", kind="category", values=np.array(["no", "yes"], dtype=object)),
        Column(name="signal", kind="number", values=number),
    )
    table = Table(columns=columns, codes=read_only(np.column_stack([label, codes]).astype(np.int32)))
    release, members, non_members = (table.take(np.arange(part * rows, (part + 1) * rows)) for part in range(3))
    plain = made_up_case("innocent", rows=rows)
    roles: dict[str, Any] = {"group": "sensitive", "signal": "plain"}
    return replace(plain, release=release, published=release, members=members, non_members=non_members, roles=roles)


def test_of_two_classes_the_rarer_one_counts_and_the_majority_has_no_f1() -> None:
    found = tstr(_binary())
    for model in MODELS:
        assert (found["tstr_f1", model].blind, found["tstr_auc", model].blind) == (0.0, 0.5)
        assert found["tstr_f1_share", model].blind == 0.0
        auc_share = found["tstr_auc_share", model]
        assert auc_share.blind == pytest.approx(0.5 / found["trtr_auc", model].value)
        assert 0.6 < found["tstr_f1", model].value < 1
        assert found["tstr_auc", model].value > 0.9
        assert isinstance(found["tstr_auc", model].evidence, Mean)


def test_performance_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    said = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.7, 0.3]])
    (f1, _), (auc, _) = performance(said, labels)
    assert f1 == pytest.approx(2 * 1 / (2 + 2))  # one hit, one miss, one false alarm
    assert auc == pytest.approx(4 / 6)  # of six pairs two are the wrong way round
    (mirrored, _), (same, _) = performance(said[:, ::-1], 1 - labels)
    assert (mirrored, same) == (f1, auc)
    three = np.array([0, 1, 2, 2])
    (macro, _), _ = performance(np.eye(3)[[0, 1, 2, 1]], three)
    assert macro == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)


def test_a_release_of_one_class_teaches_one_answer() -> None:
    case = _binary()
    codes = case.release.codes.copy()
    codes[:, 0] = 0
    found = tstr(released(case, Table(columns=case.release.columns, codes=read_only(codes))))
    for model in MODELS:
        assert (found["tstr_f1", model].value, found["tstr_auc", model].value) == (0.0, 0.5)


def test_rows_without_the_target_are_left_out_and_few_rows_measure_nothing() -> None:
    case = made_up_case("innocent", rows=300, missing=0.2)
    said = list(TrainOnSynthetic(target=None, seeds=2).measure(case, rng()))
    assert "target-missing" in reasons(said)
    assert values(said)
    few = list(TrainOnSynthetic(target=None, seeds=2).measure(_binary(rows=20, share=0.2), rng()))
    assert (values(few), reasons(few)) == ({}, {"usefulness-too-few"})


def test_large_tables_are_sampled_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from audit_plugins.checks import detection, train_on_synthetic

    monkeypatch.setattr(train_on_synthetic, "MOST_CELLS", 1)
    monkeypatch.setattr(detection, "MOST_CELLS", 1)
    case = _binary(rows=1200)
    for check in (TrainOnSynthetic(target=None, seeds=2), Detection(seeds=2)):
        said = [one for one in check.measure(case, rng()) if isinstance(one, Reason)]
        sampled = [one for one in said if one.code == "usefulness-sampled"]
        assert {one.args["rows"] for one in sampled} == {1000}


# The target


def code_of(target: str | Reason) -> str:
    return target.code if isinstance(target, Reason) else target


def test_the_target_is_the_one_named_or_the_first_sensitive_category() -> None:
    case = made_up_case("innocent")
    assert target_of(case, None) == "group"
    assert target_of(case, "region") == "region"
    assert code_of(target_of(case, "nothing")) == "target-unknown"
    assert code_of(target_of(case, "income")) == "target-unfit"
    assert code_of(target_of(replace(case, roles=dict.fromkeys(case.roles, "plain")), None)) == "no-target"
    numeric: dict[str, Any] = {**dict.fromkeys(case.roles, "plain"), "income": "sensitive"}
    assert code_of(target_of(replace(case, roles=numeric), None)) == "no-target"
    alone = case.release.select(["group"])
    only = replace(case, release=alone, members=case.members.select(["group"]))
    assert code_of(target_of(only, None)) == "needs-two-columns"


def test_a_check_without_its_target_or_without_non_members_is_not_run() -> None:
    case, plugin = made_up_case("innocent", rows=40), REGISTRY.measuring["tstr"]
    finding = find(replace(plugin, trial={"target": "income"}), case, REGISTRY)
    assert (finding.outcome, finding.reason) == (
        "not-run",
        Reason(code="target-unfit", args={"column": "income"}),
    )
    files = {name: its for name, its in case.files.items() if name != "non_members"}
    without = lacking(plugin, replace(case, non_members=None, files=files), {"target": None})
    assert without == Reason(code="needs-facts", args={"facts": "non_members"})


# Telling released rows from real ones


def told(case: Case, seeds: int = 2) -> dict[tuple[str, str], Measurement]:
    return values(Detection(seeds=seeds).measure(case, rng()))


def test_a_fresh_sample_is_not_told_from_real_rows_and_a_copy_no_better() -> None:
    case = made_up_case("innocent", rows=600)
    for its in (case, released(case, case.members)):
        for model in MODELS:
            # The standard error of an AUC of 600 against 600 is 0.017, of 2 (1 - AUC) 0.033: 5 of them either way.
            assert told(its)["indistinguishability", model].value == pytest.approx(1, abs=0.17)


def test_columns_that_do_not_hold_together_are_told_by_trees() -> None:
    found = told(USELESS)
    # In real rows the class follows from the region; in released ones it agrees by chance, in a fifth of them. Who
    # knows the rule has 0.2, and it has to be learnt from 960 rows.
    assert 0.1 < found["indistinguishability", "gradient-boosting"].value < 0.5
    assert found["indistinguishability", "gradient-boosting"].blind == 0.0


def test_without_non_members_the_members_are_real_and_it_says_so() -> None:
    case = replace(made_up_case("innocent", rows=100), non_members=None)
    said = list(Detection(seeds=2).measure(case, rng()))
    assert "detection-against-members" in reasons(said)
    assert values(said)
    few = list(Detection(seeds=2).measure(made_up_case("innocent", rows=10), rng()))
    assert (values(few), reasons(few)) == ({}, {"usefulness-too-few"})


@pytest.mark.parametrize("model", MODELS)
def test_classifiers_take_missing_cells_constant_columns_and_values_they_have_not_seen(model: Any) -> None:
    case = made_up_case("innocent", rows=100, missing=0.3)
    codes = case.members.codes.copy()
    codes[:, 0], codes[:, 3] = MISSING, 0
    train = Table(columns=case.members.columns, codes=read_only(codes))
    labels = np.arange(100) % 2
    said = probabilities(model, train, labels, case.release, 3, rng())
    assert said.shape == (100, 3)
    assert np.isfinite(said).all()
    assert (said[:, 2] == 0).all()
    nothing = Table(columns=train.columns, codes=read_only(np.full_like(codes, MISSING)))
    blank = probabilities(model, nothing, labels, case.release, 2, rng())
    assert np.isfinite(blank).all()


def test_names_of_usefulness_are_known_to_policies() -> None:
    """So that a limit on one of them, or a floor under anything else, is refused where the policy is written."""
    from audit_core.written.policy import REPORT_ONLY, SHARES, USEFUL

    checks = [one for one in REGISTRY.checks.values() if one.goal == "usefulness"]
    assert {name for one in checks for name in one.measures} == USEFUL
    assert not USEFUL & (SHARES | REPORT_ONLY)
    assert not [one.name for one in checks if one.compares]
    assert {one.name for one in checks if one.opt_in} == {"tstr", "detection"}
