"""What an attack or a check cannot do without."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from audit_core.asked import AskedTarget
from audit_core.case import Case, most_rows
from audit_core.inquiry.pools import held_out
from audit_core.measurement import Reason
from audit_core.plugin import AttackPlugin, CheckPlugin
from audit_core.questions import Asset
from audit_core.tables import Ids, Table
from audit_core.targets import target_of


def lacking(plugin: AttackPlugin | CheckPlugin, case: Case, params: Mapping[str, Any]) -> Reason | None:
    """What the case does not have that the plugin cannot do without; None where nothing is missing."""
    if isinstance(plugin, AttackPlugin):
        if plugin.question == "canaries" and case.canaries is None:
            return Reason(code="needs-facts", args={"facts": "canaries"})
        if case.non_members is None and plugin.question != "canaries":
            return Reason(code="needs-non-members", args={})
        if case.model is not None:
            wants = Asset.BASE in plugin.sees and not plugin.base_optional
            return Reason(code="needs-base", args={}) if wants and case.model.access.base is None else None
        if not case.release.columns:
            return Reason(code="needs-comparable-columns", args={})
        if plugin.question == "inclusion":
            return _to_refute(case)
        declared = case.columns_of("sensitive") or params.get("secrets") == "all"
        if plugin.question == "hidden-value" and not declared:
            return Reason(code="needs-facts", args={"facts": "sensitive"})
        if plugin.question in ("hidden-value", "linkage") and len(case.release.columns) < 2:
            return Reason(code="needs-two-columns", args={})
        if Asset.REFERENCE in plugin.sees and (units := _units(held_out(case), case.non_member_subjects)) < 2:
            return Reason(code="not-measurable", args={"trials": str(units)})  # no fold would be left as reference
        return None
    missing = [name for name in plugin.needs if not case.facts.get(name)]
    if missing:
        return Reason(code="needs-facts", args={"facts": ", ".join(missing)})
    if issubclass(plugin.params, AskedTarget):
        target = target_of(case, params.get("target"))
        return target if isinstance(target, Reason) else None
    return None


def _to_refute(case: Case) -> Reason | None:
    """What is missing to set coins against a claim: both, and a claim about what a coin decides."""
    missing = [name for name in ("guarantee", "coins") if not case.facts[name]]
    if missing:
        return Reason(code="needs-facts", args={"facts": ", ".join(missing)})
    claim = case.guarantee
    of_coins = claim is not None and claim.relation == "add-or-remove" and claim.unit == case.unit
    if claim is None or not of_coins or most_rows(case) > claim.rows_per_unit:
        return Reason(code="claim-not-of-coins", args={"unit": case.unit})
    return None


def _units(table: Table, subjects: Ids | None) -> int:
    return len(table) if subjects is None else len(np.unique(subjects))
