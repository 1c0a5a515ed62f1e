"""The entry point: the attacks, checks and generators that come with sekisho."""

from audit_core.hookspecs import hookimpl
from audit_core.plugin import AttackPlugin, CheckPlugin, GeneratorPlugin
from audit_plugins.records.attacks import ATTACKS
from audit_plugins.records.checks import CHECKS
from audit_plugins.records.generators import GENERATORS


@hookimpl
def audit_attacks() -> tuple[AttackPlugin, ...]:
    return ATTACKS


@hookimpl
def audit_checks() -> tuple[CheckPlugin, ...]:
    return CHECKS


@hookimpl
def audit_generators() -> tuple[GeneratorPlugin, ...]:
    return GENERATORS
