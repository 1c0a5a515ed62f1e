"""The hooks a plugin may implement, in the pluggy project and entry-point group `audit_core.v1`."""

from collections.abc import Iterable

import pluggy

from audit_core.plugin import AttackPlugin, CheckPlugin, GeneratorPlugin, RendererPlugin, TrainingBackendPlugin

PROJECT = "audit_core.v1"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def audit_attacks() -> Iterable[AttackPlugin]:  # type: ignore[empty-body]
    """The attacks this plugin brings."""


@hookspec
def audit_checks() -> Iterable[CheckPlugin]:  # type: ignore[empty-body]
    """The checks this plugin brings."""


@hookspec
def audit_generators() -> Iterable[GeneratorPlugin]:  # type: ignore[empty-body]
    """The generators this plugin brings."""


@hookspec
def audit_training_backends() -> Iterable[TrainingBackendPlugin]:  # type: ignore[empty-body]
    """The training backends this plugin brings."""


@hookspec
def audit_renderers() -> Iterable[RendererPlugin]:  # type: ignore[empty-body]
    """The views of scorecards and calibrations this plugin brings."""
