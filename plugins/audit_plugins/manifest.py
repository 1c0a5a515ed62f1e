"""The entry point: the attacks, checks, generators and training backends that come with sekisho."""

from audit_core.hookspecs import hookimpl
from audit_core.plugin import AttackPlugin, CheckPlugin, GeneratorPlugin, TrainingBackendPlugin
from audit_plugins.records.attacks import ATTACKS
from audit_plugins.records.checks import CHECKS
from audit_plugins.records.generators import GENERATORS
from audit_plugins.records.training_backends import TRAINING_BACKENDS


@hookimpl
def audit_attacks() -> tuple[AttackPlugin, ...]:
    return ATTACKS


@hookimpl
def audit_checks() -> tuple[CheckPlugin, ...]:
    return CHECKS


@hookimpl
def audit_generators() -> tuple[GeneratorPlugin, ...]:
    return GENERATORS


@hookimpl
def audit_training_backends() -> tuple[TrainingBackendPlugin, ...]:
    return TRAINING_BACKENDS
