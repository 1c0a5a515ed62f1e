"""A policy as its file has it: what each key may hold, and what no single key shows to be wrong."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from audit_core.codes import FACTS
from audit_core.errors import Problem
from audit_core.measurement import USEFULNESS
from audit_core.written.numbers import fraction, probability
from audit_core.written.strict_yaml import Document, closest

Basis = Literal["law", "standard", "literature", "tool", "convention", "house"]

SHARES = frozenset(
    {
        "multiset_equal", "copies_excess", "singular_values_excess", "released_copies_excess", "released_near_excess",
        "auc", "tpr_at_fpr_0_01", "tpr_at_fpr_0_001", "auc_remote", "tpr_at_fpr_0_01_remote", "attribute_excess",
        "linkability_excess", "singling_out_excess", "largest_risk", "average_risk", "share_below_k",
        "l_distinct_risk", "l_entropy_risk", "t_closeness", "sample_uniqueness", "k_map_risk",
        "dcr_share", "nndr_share", "auc_planted", "tpr_at_fpr_0_01_planted",
        "extraction_excess", "near_extraction_excess", "discoverable_excess",
        "ngram_share_excess", "rouge_l_excess", "bleu_excess",
    }
)  # fmt: skip
"""Measurements that never exceed 1, so that a limit above 1 is a slip of the pen."""

REPORT_ONLY = frozenset({"dcr_share", "nndr_share", "epsilon_shown"})
"""Measurements by which a release may fail and never pass: that they are low proves nothing."""

USEFUL = frozenset(
    {
        "statistical_fidelity", "fresh_fidelity", "column_fidelity", "pair_fidelity", "indistinguishability",
        "tstr_f1", "tstr_auc", "trtr_f1", "trtr_auc", "tstr_f1_share", "tstr_auc_share",
    }
)  # fmt: skip
"""Measurements of usefulness: a policy sets floors under them, and no limits on them."""

_NUMBER_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "examples": ["7%", "1/11", "1e-6"]}]}


def _confidence(value: object) -> float:
    share = probability(value)
    if not Fraction(1, 2) <= share < 1:
        raise ValueError("a confidence outside 50% to 100%; write for example 95%")
    return float(share)


def _words(words: dict[str, str]) -> dict[str, str]:
    if not words.get("en", "").strip():
        raise ValueError("no English text; add the key en")
    return dict(sorted(words.items()))


def _dose(value: object) -> Fraction:
    share = probability(value)
    if share == 0:
        raise ValueError("a dose of nothing; write for example 1%")
    return share


Dose = Annotated[Fraction, PlainValidator(_dose), WithJsonSchema(_NUMBER_SCHEMA)]
Number = Annotated[Fraction, PlainValidator(fraction), WithJsonSchema(_NUMBER_SCHEMA)]
Confidence = Annotated[float, PlainValidator(_confidence), WithJsonSchema(_NUMBER_SCHEMA)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Texts = Annotated[dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], Text], AfterValidator(_words)]


def _one_for_all(value: object) -> object:
    """A source is often one title in every language."""
    return {"en": value} if isinstance(value, str) else value


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class WrittenWhen(_Written):
    every: list[str] = []
    any: list[str] = []
    at_least: dict[str, int] = {}


class WrittenRule(_Written):
    attack: Name
    measurement: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    of: Text = "*"
    goal: Name
    at_most: Number | None = None
    at_least: Number | None = None
    margin: Number = Fraction(0)
    claim: str | None = None
    fail_confidence: Confidence = 0.95
    fails: Literal["each", "together"] = "each"
    supports_pass: bool = True
    when: WrittenWhen = WrittenWhen()
    required: bool = True
    basis: Basis
    source: Annotated[Texts, BeforeValidator(_one_for_all)]
    rationale: Texts


class WrittenPolicy(_Written):
    policy: Name
    version: Annotated[int, Field(ge=1)]
    title: Texts
    confidence: Confidence = 0.95
    certifying: bool = False
    smoke: bool = False
    needs: Annotated[dict[Name, list[Name]], Field(min_length=1)]
    dose: dict[Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9-]{0,63})$")], Dose] = {}
    rules: Annotated[list[WrittenRule], Field(min_length=1)]


def problems(policy: WrittenPolicy, document: Document) -> Iterator[Problem]:
    """What no single key shows to be wrong."""

    def problem(code: str, what: str, fix: str, *path: str | int) -> Problem:
        return Problem(code=code, what=what, where=document.place(path), fix=fix)

    keys = [(rule.attack, rule.measurement, rule.of, str(rule.when)) for rule in policy.rules]
    times = Counter(keys)
    for position, rule in enumerate(policy.rules):
        here = ("rules", position)
        if rule.at_most is None and rule.at_least is None:
            yield problem("missing-key", "a rule without a limit", "Add at_most", *here)
        for name, what, fix in _floor_problems(rule):
            yield problem("policy-floor", what, fix, *here, name)
        if rule.measurement in SHARES:
            for name, number in (("at_most", rule.at_most), ("margin", rule.margin)):
                if number is not None and number > 1:
                    what = f"{rule.measurement} never exceeds 1, so this limits nothing"
                    yield problem("policy-limit-above-1", what, "Write 7% or 0.07 for seven percent", *here, name)
        if rule.measurement in REPORT_ONLY and rule.supports_pass:
            what = f"{rule.measurement} can lead to a fail and never supports a pass, however low it is"
            yield problem("policy-report-only", what, "Write supports_pass: false", *here, "measurement")
        if keys.index(keys[position]) != position:
            what = f"a second rule for {rule.attack}/{rule.measurement} of {rule.of!r} under the same condition"
            yield problem("policy-duplicate-rule", what, f"Keep one of the {times[keys[position]]}", *here)
        facts = {"claim": [rule.claim] if rule.claim is not None else []}
        facts |= {f"when.{name}": list(getattr(rule.when, name)) for name in ("every", "any", "at_least")}
        for name, named in facts.items():
            for fact in named:
                if fact not in FACTS:
                    guess = closest(fact, FACTS)
                    fix = f"Did you mean {guess!r}?" if guess else f"Known are {', '.join(FACTS)}"
                    what = f"{fact!r} is no fact of a case, so the rule would never apply"
                    yield problem("policy-unknown-fact", what, fix, *here, *name.split("."))
    covered = {rule.goal for rule in policy.rules if rule.required and rule.supports_pass}
    for kind, goals in policy.needs.items():
        for position, goal in enumerate(goals):
            if goal not in covered:
                guess = closest(goal, covered)
                fix = f"Did you mean {guess!r}?" if guess else "Add a required rule with this goal, or do not need it"
                what = f"no required rule that supports a pass has the goal {goal!r}, so nothing could ever pass"
                yield problem("policy-goal-without-rule", what, fix, "needs", kind, position)


def _floor_problems(rule: WrittenRule) -> Iterator[tuple[str, str, str]]:
    """The key, what is wrong and what to write, where limit and floor are mixed up."""
    useful = rule.goal == USEFULNESS
    if rule.at_least is None:
        if useful and rule.at_most is not None:
            what = "an upper limit on usefulness, of which more is better"
            yield "at_most", what, "Write at_least, or the goal that the rule protects"
        elif rule.measurement in USEFUL:
            yield "measurement", f"{rule.measurement} measures usefulness", "Write goal: usefulness and at_least"
        return
    if rule.at_most is not None:
        yield "at_least", "a limit and a floor in one rule", "Keep at_most for a risk, at_least for usefulness"
    if not useful or rule.measurement in SHARES | REPORT_ONLY:
        what = "a floor under a risk, of which less is better"
        yield "at_least", what, "Write at_most; at_least is for the goal usefulness"
    if rule.at_least > 1:
        what = "a floor above 1, which no release reaches"
        yield "at_least", what, "Write 90% or 0.9 for ninety percent"
    for name, plain in (("margin", not rule.margin), ("claim", rule.claim is None), ("fails", rule.fails == "each")):
        if not plain:
            yield name, f"{name} belongs to limits, not to floors", f"Leave out {name}"
    if not rule.supports_pass:
        yield "supports_pass", "a floor that is reached is met", "Leave out supports_pass; see required"
