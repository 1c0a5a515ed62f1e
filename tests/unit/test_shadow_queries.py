"""Shadow queries: they catch a leak that the generator has, wherever the shadow fits are made, and no other."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import pytest

from audit_core.attempt import attempt
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import Case
from audit_core.isolation import Limits
from audit_core.questions import Membership
from audit_core.refit import Refit
from audit_core.registry import discover
from audit_core.scorecard import Finding
from audit_core.tables import Table, read_only, with_own_dictionaries
from audit_core.testing import made_up_case, released
from audit_plugins.attacks.shadow_queries import ShadowQueries, log_odds

REGISTRY = discover()
PLUGIN = REGISTRY.attacks["shadow-queries"]
SURE = 1 - 1e-5  # one-sided, so that a bound is on the wrong side in less than 1e-5 of the runs
FEW = {"fits": 16, "queries": 60, "backend": None}


def refit(generator: str, **params: Any) -> Refit:
    return Refit(load=f"audit_plugins.generators.{generator}", file=None, params=params, schema={})


INDEPENDENT = refit("independent:Independent")


def leaky(dose: float, kind: str = "verbatim") -> Refit:
    return refit("leaky:Leaky", dose=dose, kind=kind)


def made_by(generator: Refit, rows: int, seed: int = 2) -> Case:
    """A made-up case whose release the generator made of its members."""
    case = made_up_case("innocent", rows=400, seed=seed)
    return released(case, generator.make(case.members, rows, np.random.default_rng(seed)))


def found(case: Case, **params: Any) -> Finding:
    setting = Setting(seed=0, content=case.files["release"].digest, limits=Limits(timeout_s=300), confidence=0.95)
    return attempt(PLUGIN, FEW | params, lay_out(case, setting, REGISTRY, [PLUGIN], Cache())).finding


def low(finding: Finding) -> float:
    assert finding.outcome == "measured", finding.reason
    (auc,) = (one for one in finding.measurements if one.name == "auc")
    assert auc.of == "shadow-classifier"
    return auc.evidence.bounds(SURE).low


def test_half_of_the_rows_are_members_and_it_is_found() -> None:
    assert low(found(made_by(leaky(0.5), 400), generator="leaky", generator_params={"dose": 0.5})) > 0.55


def test_a_few_independent_rows_give_nobody_away() -> None:
    assert low(found(made_by(INDEPENDENT, 60), generator="independent")) <= 0.5


def test_a_release_that_does_not_leak_is_not_flagged_by_shadows_that_do() -> None:
    case = made_up_case("innocent", rows=400, seed=5)
    assert low(found(case, generator="leaky", generator_params={"dose": 0.5})) <= 0.5


def test_a_program_that_refits_will_do(tmp_path) -> None:
    # Draws rows with replacement: the crudest of all generators, as a program.
    script = "(head -n 1 {train}; tail -n +2 {train} | shuf -r -n {rows}) > {release}"
    bootstrap = Refit(
        load="audit_core.program:Program",
        file=None,
        params={"command": ["sh", "-c", script], "folder": str(tmp_path)},
        schema={},
    )
    finding = found(made_by(bootstrap, 200), command=["sh", "-c", script], fits=8)
    assert low(finding) > 0.55
    assert finding.params["generator"] is None


@pytest.mark.slow
def test_where_a_shadow_fit_is_made_changes_no_score() -> None:
    one = found(made_by(leaky(0.5), 100), generator="leaky", generator_params={"dose": 0.5}, fits=4)
    for backend in ("loky", "threading"):
        finding = found(
            made_by(leaky(0.5), 100), generator="leaky", generator_params={"dose": 0.5}, fits=4, backend=backend
        )
        assert finding.measurements == one.measurements


@pytest.fixture
def question() -> Membership:
    case = made_by(leaky(0.5), 100)
    assert case.non_members is not None
    targets = Table(
        columns=case.members.columns,
        codes=read_only(np.concatenate([case.members.codes[:30], case.non_members.codes[:30]])),
    )
    targets, release, reference = with_own_dictionaries(targets, case.release, case.non_members.take(np.arange(30, 90)))
    return Membership(targets=targets, release=release, reference=reference, generator=leaky(0.5))


def answered(question: Membership, backend: str | None = None, **params: Any) -> list[float]:
    attack = ShadowQueries(fits=4, queries=30, n_jobs=2, backend=backend, backend_params=params)
    return attack.answer(question, np.random.default_rng(1)).values.tolist()


@pytest.fixture
def scheduler() -> Iterator[str]:
    """The address of a Dask cluster whose workers are threads of this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None
    ) as made:
        yield made.scheduler_address


def test_a_dask_cluster_chosen_outside_makes_the_fits_unchanged(question: Membership, scheduler: str) -> None:
    with joblib.parallel_config(backend="dask", scheduler_host=scheduler):
        assert answered(question) == answered_here(question)


@pytest.mark.slow
def test_a_dask_cluster_named_in_the_recipe_is_reached_from_the_child(scheduler: str) -> None:
    case, asked = made_by(leaky(0.5), 100), {"generator": "leaky", "generator_params": {"dose": 0.5}, "fits": 4}
    there = found(case, **asked, backend="dask", backend_params={"scheduler_host": scheduler})
    assert there.outcome == "measured", there.reason
    assert there.measurements == found(case, **asked).measurements


def answered_here(question: Membership) -> list[float]:
    with joblib.parallel_config(backend="sequential"):
        return answered(question)


def test_log_odds_are_higher_for_a_target_whose_counts_are_those_of_fits_it_was_in() -> None:
    rng = np.random.default_rng(0)
    inside = rng.random((40, 100)) < 0.5
    base = rng.uniform(0.5, 20, (100, 3))
    shadows = rng.poisson(base + 3.0 * inside[:, :, None] * np.array([1, 1, 0])).astype(np.float32)
    member = np.repeat([True, False], 50)
    real = rng.poisson(base + 3.0 * member[:, None] * np.array([1, 1, 0])).astype(np.float32)
    odds = log_odds(shadows, inside, real, rng)
    pairs = odds[member][:, None] > odds[~member][None, :]
    assert pairs.mean() > 0.75
    constant = log_odds(np.ones_like(shadows), inside, np.ones_like(real), rng)
    assert np.ptp(constant) == 0


def test_it_needs_all_that_it_sees(question: Membership) -> None:
    for lacking in ("release", "reference", "generator"):
        with pytest.raises(ValueError, match="shadow queries see"):
            answered(replace(question, **{lacking: None}))
