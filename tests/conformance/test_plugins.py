"""The kit, over every plugin that is installed, over the template, and over the guide's own example."""

import re
import sys
from pathlib import Path

import pytest

from audit_core.registry import discover
from audit_core.testing import conformance

ROOT = Path(__file__).parents[2]
BUILT_IN = discover()


@pytest.mark.parametrize("name", sorted({**BUILT_IN.measuring, **BUILT_IN.generators}))
def test_a_built_in_plugin_holds_every_trial(name: str) -> None:
    plugin = {**BUILT_IN.measuring, **BUILT_IN.generators}[name]
    broken = [trial for trial in conformance(plugin, BUILT_IN) if not trial.held]
    assert not broken


def _examples() -> dict[str, str]:
    """The guide's whole plugins but the training backend (see `test_doctor`), by the name of their attack."""
    guide = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
    blocks = [block for block in found if "audit_training_backends" not in block]
    return {name: block for block in blocks for name in re.findall(r'^ +name="([a-z-]+)"', block, flags=re.MULTILINE)}


EXAMPLES = _examples()


def test_the_guide_has_an_example_of_two_questions_and_of_a_generator() -> None:
    assert set(EXAMPLES) == {"nearest-row", "nearest-guess", "within-groups"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_guides_examples_hold_every_trial(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name.replace('-', '_')}.py"
    path.write_text(EXAMPLES[name], encoding="utf-8")
    registry = discover([path])
    broken = [
        trial for trial in conformance({**registry.attacks, **registry.generators}[name], registry) if not trial.held
    ]
    assert not broken


def test_the_guide_names_every_question_with_its_fields_answer_and_measurements() -> None:
    from dataclasses import fields

    from audit_core import answers, questions
    from audit_core.plugin import MEASURES

    guide = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    asked = {
        "membership": (questions.Membership, answers.Scores),
        "inclusion": (questions.Membership, answers.Scores),
        "hidden-value": (questions.HiddenValue, answers.Guesses),
        "linkage": (questions.Linkage, answers.Links),
        "singling-out": (questions.SinglingOut, answers.Predicates),
        "continuation": (questions.Continuation, answers.Continuations),
        "canaries": (questions.Membership, answers.Scores),
    }
    assert set(asked) == set(MEASURES)
    for name, (question, answer) in asked.items():
        (row,) = [
            line for line in guide.splitlines() if line.startswith(f"| `{name}` |") and f"`{answer.__name__}`" in line
        ]
        named = {field.name for field in fields(question)} - {"neighbours"}
        named |= {measure for measure in MEASURES[name] if not measure.endswith("_remote")}
        assert {word for word in named if f"`{word}`" not in row} == set(), name
        (row,) = [line for line in guide.splitlines() if line.startswith(f"| `{answer.__name__}` |")]
        assert {field.name for field in fields(answer) if f"`{field.name}`" not in row} == set(), answer


def test_the_guides_policy_loads(tmp_path: Path) -> None:
    from audit_core.policy import load_policy

    guide = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", guide, flags=re.DOTALL)
    path = tmp_path / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_policy(str(path)).rules[0].name == "nearest-row/auc"


def test_the_templates_attack_is_about_thirty_lines_and_catches_the_leaky_case(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ROOT / "plugins" / "template" / "src"
    code = (source / "attack_template" / "rare_pairs.py").read_text(encoding="utf-8")
    assert sum(bool(line.strip()) for line in code.splitlines()) <= 35
    monkeypatch.syspath_prepend(str(source))
    monkeypatch.setenv("PYTHONPATH", str(source))  # the child's
    import attack_template

    from audit_core.registry import Origin, Registry

    (record,) = attack_template.audit_attacks()
    registry = Registry(attacks={record.name: record}, origins={record.name: Origin(name="template")})
    broken = [trial for trial in conformance(record, registry) if not trial.held]
    sys.modules.pop("attack_template", None)
    assert not broken


BLIND = """
import numpy as np
from audit_core.answers import Scores
from audit_core.hookspecs import hookimpl
from audit_core.plugin import AttackPlugin

@hookimpl
def audit_attacks():
    return [AttackPlugin(name="blind", title={"en": "Blind"}, goal="membership", question="membership",
        sees=frozenset(), assumption={"en": "Knows nothing."}, load=f"{__name__}:Blind")]

class Blind:
    def answer(self, question, rng):
        return Scores(of="guess", values=rng.random(len(question.targets)))
"""


def test_the_kit_finds_a_blind_attack_out(tmp_path: Path) -> None:
    path = tmp_path / "blind.py"
    path.write_text(BLIND)
    registry = discover([path])
    broken = {trial.name for trial in conformance(registry.attacks["blind"], registry) if not trial.held}
    assert broken == {"catches the leaky case"}
