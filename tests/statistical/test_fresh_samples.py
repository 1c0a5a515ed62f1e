"""A fresh sample of the population as release: the copy rules must not fail it, whatever the columns.

The tests of one release run under Holm at 1 % (`starter`), so a release that copies nobody is failed with probability
0.01: in 100 re-splits more than 6 times with probability below 1e-4.
"""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from audit_core.case import Case
from audit_core.judge import judge
from audit_core.measurement import Measurement
from audit_core.neighbours import nearest, scales
from audit_core.policy import load_policy
from audit_core.recipe import load_recipe
from audit_core.scorecard import Finding, Verdict
from audit_core.tables import Table, read_only
from audit_core.testing import made_up_case
from audit_plugins.checks.exact_copies import ExactCopies

RESPLITS, ROWS = 100, 1500
COLUMNS = {
    "all": None,
    "no final weight": ("age", "workclass", "education", "marital-status", "race", "capital-gain", "hours-per-week"),
    "four": ("age", "education", "race", "sex"),
}


@pytest.fixture(scope="module")
def adult() -> Table:
    """All rows of the demo: members, non-members and the fresh sample of UCI Adult."""
    from audit_core.table_case import prepare

    with resources.as_file(resources.files("audit_core") / "demo") as folder:
        case = prepare(load_recipe(Path(folder) / "fresh.yaml"))
    assert case.non_members is not None
    arms = (case.members, case.non_members, case.release)
    return Table(columns=case.members.columns, codes=read_only(np.concatenate([arm.codes for arm in arms])))


def found(case: Case) -> Finding:
    tables = {"release": case.release, "members": case.members, "non_members": case.non_members}
    normal = {name: table.normalised() for name, table in tables.items() if table is not None}
    units = scales(*normal.values())
    pairs = (
        ("members", "release", 1),
        ("non_members", "release", 1),
        ("release", "members", 1),
        ("members", "members", 2),
    )
    neighbours = {f"{a}>{b}": nearest(normal[a], normal[b], units, k=k, leave_self_out=a == b) for a, b, k in pairs}
    said = ExactCopies().measure(replace(case, neighbours=neighbours), np.random.default_rng(0))
    return Finding(
        attack="exact-copies", role="check", goal="copies", outcome="measured", reason=None, sees=("case",),
        measurements=tuple(one for one in said if isinstance(one, Measurement)), details=(), caveats=(), references=(),
        params={}, origin="",
    )  # fmt: skip


@pytest.mark.parametrize("columns", COLUMNS)
def test_fresh_samples_are_not_failed_by_the_copy_rules(adult: Table, columns: str) -> None:
    starter = load_policy("starter")
    copies = replace(starter, rules=tuple(rule for rule in starter.rules if rule.attack == "exact-copies"))
    table = adult if COLUMNS[columns] is None else adult.select(COLUMNS[columns])
    failed = 0
    for split in range(RESPLITS):
        rows = np.random.default_rng([split, 11]).permutation(len(table))
        members, others, release = (
            table.take(np.sort(rows[start:stop])) for start, stop in ((0, ROWS), (ROWS, 2 * ROWS), (2 * ROWS, 3 * ROWS))
        )
        case = replace(
            made_up_case("innocent", rows=4), release=release, published=release, members=members, non_members=others,
            roles={},
        )  # fmt: skip
        verdicts = {one.verdict for one in judge(copies, (found(case),), case.facts).judgements}
        failed += Verdict.FAIL in verdicts
    assert failed <= 6
