"""Policies: limits with their basis and source, as they are read, written and shipped. `judge` decides by them."""

import hashlib
import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from audit_core.errors import InputError, Problem, raise_all
from audit_core.words import Words
from audit_core.written.policy import Basis, WrittenPolicy, WrittenRule, problems
from audit_core.written.strict_yaml import MAX_BYTES, closest, read_document, write_yaml
from audit_core.written.validation import validated

USUAL_DOSE = {"copies": Fraction(1, 100), "*": Fraction(1, 10)}
"""A copied row is in the release or not, so 1 % shows; other leaks are guessed at, and need more to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A condition on the scorecard's facts; empty means always.

    Attributes:
        every: All of these facts are non-zero.
        any: At least one of these facts is non-zero (or the list is empty).
        at_least: These facts reach these numbers.
    """

    every: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    at_least: dict[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A limit on a measurement of risk, or a floor under one of usefulness; exactly one of the two.

    Attributes:
        of: The score, column or group it is about; "*" is each of them by itself.
        goal: What is protected: "copies", "membership", "identity", "attribute", ...; "usefulness" of a floor.
        at_most: The limit on the true value.
        at_least: The floor under the true value.
        margin: What the upper bound may exceed the limit by and still pass.
        claim: A fact N of the recipe (say "k_anonymity_min") that tightens the limit to 1/N, where N > 0.
        fail_confidence: One-sided confidence of the lower bound that fails.
        fails: "each": every measurement by itself can fail it; "together": only all of them at once.
        supports_pass: False where staying under the limit says nothing.
        required: Whether it can hold up a pass; a rule that is not required can still fail.
    """

    attack: str
    measurement: str
    of: str = "*"
    goal: str
    at_most: Fraction | None = None
    at_least: Fraction | None = None
    margin: Fraction = Fraction(0)
    claim: str | None = None
    fail_confidence: float = 0.95
    fails: Literal["each", "together"] = "each"
    supports_pass: bool = True
    when: When = When()
    required: bool = True
    basis: Basis
    rationale: Words
    source: Words

    @property
    def name(self) -> str:
        return f"{self.attack}/{self.measurement}"

    @property
    def floor(self) -> bool:
        """Whether it is a floor under usefulness, not a limit on a risk."""
        return self.at_least is not None

    @property
    def bar(self) -> Fraction:
        """The limit or the floor.

        Raises:
            ValueError: It has neither.
        """
        bar = self.at_most if self.at_least is None else self.at_least
        if bar is None:
            raise ValueError("a rule has a limit or a floor")
        return bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules and the coverage without which there is no pass.

    Attributes:
        confidence: One-sided confidence of the upper bound that passes.
        certifying: Each attack must also have shown in this audit that it finds a planted leak.
        smoke: It can fail; where it does not, the verdict is inconclusive.
        needs: For each kind of release, the goals that must be assessed.
        dose: By goal, the planted leak that a certifying policy wants found, as a share of the released rows; "*" is
            for goals not named.
        digest: "sha256:" and the hex digest of the resolved policy.
    """

    name: str
    title: Words
    version: int
    confidence: float = 0.95
    certifying: bool = False
    smoke: bool = False
    needs: dict[str, tuple[str, ...]]
    dose: dict[str, Fraction] = field(default_factory=lambda: dict(USUAL_DOSE))
    rules: tuple[Rule, ...]
    digest: str

    def dose_of(self, goal: str) -> Fraction:
        """The dose for a goal."""
        return self.dose.get(goal, self.dose["*"])


def shipped_policies() -> tuple[str, ...]:
    """The names of the policies that come with the tool, in alphabetical order."""
    folder = resources.files("audit_core") / "policies"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_policy(name_or_path: str) -> Policy:
    """A shipped policy by its name, or the policy in a YAML file.

    Raises:
        InputError: There is no such policy, or it is not as it should be: every problem with its line and column.
    """
    if name_or_path in shipped_policies():
        data = (resources.files("audit_core") / "policies" / f"{name_or_path}.yaml").read_bytes()
        return parse_policy(data, f"policy {name_or_path}")
    if not re.search(r"[/\\.]", name_or_path):
        guess = closest(name_or_path, shipped_policies())
        fix = f"Did you mean {guess!r}?" if guess else f"Shipped are {', '.join(shipped_policies())}"
        raise InputError(Problem(code="policy-unknown", what="no policy of this name", where=name_or_path, fix=fix))
    path = Path(name_or_path)
    if not path.is_file():
        fix = "Name a shipped policy, or a YAML file that is there"
        raise InputError(Problem(code="policy-unknown", what="no such file", where=path.name, fix=fix))
    with path.open("rb") as file:
        return parse_policy(file.read(MAX_BYTES + 1), path.name)


def parse_policy(data: bytes, where: str) -> Policy:
    """The policy in a YAML document; `where` is what problems call the file.

    Raises:
        InputError: With every problem found, each at its line and column.
    """
    document = read_document(data, where)
    written = validated(document, WrittenPolicy)
    raise_all(tuple(problems(written, document)))
    policy = Policy(
        name=written.policy,
        title=written.title,
        version=written.version,
        confidence=written.confidence,
        certifying=written.certifying,
        smoke=written.smoke,
        needs={kind: tuple(goals) for kind, goals in sorted(written.needs.items())},
        dose=dict(sorted({**USUAL_DOSE, **written.dose}.items())),
        rules=tuple(_rule(rule) for rule in written.rules),
        digest="",
    )
    return replace(policy, digest="sha256:" + hashlib.sha256(policy_yaml(policy)).hexdigest())


def policy_yaml(policy: Policy) -> bytes:
    """The policy with every default written out; its SHA-256 is the policy's digest, and it reads back as equal."""
    return write_yaml(
        {
            "policy": policy.name,
            "version": policy.version,
            "title": dict(policy.title),
            "confidence": policy.confidence,
            "certifying": policy.certifying,
            "smoke": policy.smoke,
            "needs": policy.needs,
            "dose": policy.dose,
            "rules": [_tree(rule) for rule in policy.rules],
        }
    )


def policy_schema() -> dict[str, Any]:
    """The JSON Schema of a policy file."""
    schema = WrittenPolicy.model_json_schema()
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sekisho policy"}


def _rule(written: WrittenRule) -> Rule:
    when = written.when
    condition = When(every=tuple(when.every), any=tuple(when.any), at_least=dict(sorted(when.at_least.items())) or None)
    fields = {name: getattr(written, name) for name in WrittenRule.model_fields if name != "when"}
    return Rule(**fields, when=condition)


def _tree(rule: Rule) -> dict[str, object]:
    tree = {name: getattr(rule, name) for name in WrittenRule.model_fields}
    del tree["at_most" if rule.floor else "at_least"]
    when = rule.when
    tree["when"] = {"every": when.every, "any": when.any, "at_least": when.at_least or {}}
    tree["rationale"] = dict(rule.rationale)
    tree["source"] = dict(rule.source)
    return tree
