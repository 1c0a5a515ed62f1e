"""The column that a model is to predict from the others."""

import numpy as np

from audit_core.case import Case
from audit_core.measurement import Reason
from audit_core.tables import MISSING

FEWEST, MOST = 2, 20
"""Values of a target among the members: one is nothing to predict, and of many each has few rows."""


def target_of(case: Case, wanted: str | None) -> str | Reason:
    """The comparable column to predict: the one wanted, else the first declared sensitive one that is fit; or why none.

    A target is a category of 2 to 20 values among the members.
    """
    if wanted is not None:
        if wanted not in case.release.names:
            return Reason(code="target-unknown", args={"column": wanted})
        if not _fit(case, wanted):
            return Reason(code="target-unfit", args={"column": wanted})
        target: str | None = wanted
    else:
        declared = (name for name in case.columns_of("sensitive") if name in case.release.names)
        target = next((name for name in declared if _fit(case, name)), None)
    if target is None:
        return Reason(code="no-target", args={})
    return target if len(case.release.names) > 1 else Reason(code="needs-two-columns", args={})


def _fit(case: Case, name: str) -> bool:
    position = case.members.index(name)
    codes = case.members.codes[:, position]
    return not case.members.columns[position].numeric and FEWEST <= len(np.unique(codes[codes != MISSING])) <= MOST
