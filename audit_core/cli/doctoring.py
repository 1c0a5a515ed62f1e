"""`doctor`: is a loop that trains a language model with differential privacy sound?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from audit_core.cli.options import FILE, language_option, plugin_options
from audit_core.words import Words, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from audit_core.chosen import Params
    from audit_core.doctor.diagnosis import Diagnosis
    from audit_core.plugin import TrainingBackendPlugin
    from audit_core.registry import Registry

_OUTCOMES: "Mapping[str, Words]" = {
    "held": {"en": "held", "ja": "成立"},
    "not-held": {"en": "DID NOT HOLD", "ja": "不成立"},
    "not-examined": {"en": "could not be examined", "ja": "検査不能"},
}
_SEEN: Words = {"en": "seen: ", "ja": "観測結果："}
_WHY: Words = {"en": "why it matters: ", "ja": "重要な理由："}
_LOST: "Mapping[str, Words]" = {
    "guarantee": {"en": "voids the guarantee", "ja": "保証が失われます"},
    "secret-seeds": {
        "en": "no guarantee against whoever knows the seeds",
        "ja": "シードを知る者に対する保証がありません",
    },
    "training": {"en": "not the training that was meant", "ja": "意図した学習ではありません"},
}
_STOP: Words = {"en": ". ", "ja": "。"}
_COUNTED: Words = {
    "en": "{backend}: {held} of {all} probes held ({seconds:.0f} s)",
    "ja": "{backend}：{all} 項目のうち {held} 項目が成立（{seconds:.0f} 秒）",
}
_NO_PROOF: Words = {
    "en": "Nothing that was tried on made-up records voids the guarantee, which is no proof of it.",
    "ja": "架空のレコードで試した範囲では、保証を損なうものは見つかりませんでした。保証の証明ではありません。",
}


@click.command()
@click.argument("recipe", type=FILE, required=False)
@click.option("--train", metavar="NAME", help="A training backend, where there is no recipe that names one.")
@click.option("--json", "as_json", is_flag=True, help="The findings on standard output as JSON.")
@click.option("--json-events", is_flag=True, help="Progress as JSON lines on standard error.")
@click.option("--timeout", type=click.FloatRange(min=1), default=600.0, show_default=True, help="Seconds.")
@click.option("--debug", is_flag=True, help="Show what the loop prints, tracebacks included.")
@plugin_options
@language_option
def doctor(
    recipe: Path | None,
    train: str | None,
    as_json: bool,
    json_events: bool,
    timeout: float,
    debug: bool,
    files: tuple[Path, ...],
    block: tuple[str, ...],
    lang: str,
) -> int:
    """Examine the private training loop that RECIPE's model is trained by, or the one of --train NAME.

    The loop is run on made-up records and a small made-up model; none of your data is read. Exit code 0 if every probe
    held, 1 if one did not or could not be examined, 2 if there is no loop to examine, 4 if the loop fails altogether.
    """
    from dataclasses import replace

    from audit_core.doctor.diagnosis import LIMITS, diagnosis
    from audit_core.registry import discover
    from audit_core.terminal import progress

    if (recipe is None) == (train is None):
        raise click.UsageError("name either a RECIPE that trains a model, or a training backend with --train")
    registry = discover(files, block)
    plugin, params = _asked(recipe, train, registry)
    with progress(json_events) as tell:
        found = diagnosis(
            plugin,
            params,
            registry,
            replace(LIMITS, timeout_s=timeout),
            heard=lambda told: tell("examining", plugin.name, told),
            debug=debug,
        )
    if as_json:
        click.echo(found.to_json())
    else:
        for line in _lines(found, lang):
            click.echo(line)
    return found.exit_code


def _asked(recipe: Path | None, train: str | None, registry: "Registry") -> "tuple[TrainingBackendPlugin, Params]":
    from audit_core.chosen import training_backend
    from audit_core.errors import InputError, Problem
    from audit_core.recipe import load_recipe
    from audit_core.written.recipe import ModelledSpec

    if recipe is None:
        return training_backend(train or "", None, registry)
    release = load_recipe(recipe, allow_outside=True).release  # none of its files is opened
    if not isinstance(release, ModelledSpec) or release.model.train is None:
        raise InputError(
            Problem(
                code="no-private-loop",
                what="the recipe trains no language model",
                where="release",
                fix="Examine one with `release: {model: {base: ..., train: NAME}}`, or name a backend with --train",
            )
        )
    return training_backend(release.model.train, release.model.params, registry)


def _lines(found: "Diagnosis", language: str) -> "Iterator[str]":
    from audit_core.codes import CODES, sentence
    from audit_core.measurement import Reason
    from audit_core.terminal import in_columns

    outcomes = [say(_OUTCOMES[probe.outcome], language) for probe in found.probes]
    heads = in_columns(
        [
            (outcome, probe.name, sentence(Reason(code=probe.code, args={}), language))
            for outcome, probe in zip(outcomes, found.probes, strict=True)
        ]
    )
    for probe, head in zip(found.probes, heads, strict=True):
        yield head
        yield f"    {say(_SEEN, language)}{sentence(probe.seen, language)}"
        if not probe.held:
            lost = say(_LOST[probe.severity], language) + say(_STOP, language)
            yield f"    {say(_WHY, language)}{lost}{say(CODES[probe.code].more, language)}"
    yield ""
    held = sum(probe.held for probe in found.probes)
    yield say(_COUNTED, language).format(backend=found.backend, held=held, all=len(found.probes), seconds=found.seconds)
    if found.exit_code == 0:
        yield say(_NO_PROOF, language)
