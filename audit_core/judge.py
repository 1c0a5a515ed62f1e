"""Judging: rules meet measurements. A pure function of stored evidence, so it works on a scorecard alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from audit_core import floors, grounds
from audit_core.controls import judged_controls, unsound, vouched_for
from audit_core.grounds import Row, reason
from audit_core.measurement import USEFULNESS, Reason
from audit_core.policy import Policy, Rule
from audit_core.scorecard import WORST_FIRST, Control, Finding, Judgement, Verdict
from audit_core.written.numbers import as_written

_EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.ERROR: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the policy says.

    Attributes:
        judgements: Worst first, else in the order of the policy's rules and of the measurements.
        reasons: Why the overall verdict is what it is.
        missing: Goals the policy needs that were not assessed.
        controls: Those given, with their verdicts.
    """

    judgements: tuple[Judgement, ...]
    verdict: Verdict
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    row: Row
    verdict: Verdict
    reason: Reason


def judge(
    policy: Policy,
    findings: Sequence[Finding],
    facts: Mapping[str, int],
    *,
    controls: Sequence[Control] = (),
) -> Judged:
    """Judges findings by a policy.

    Floors under usefulness share no level with limits on risks: by adding one, nobody makes a limit harder to fail.

    Args:
        findings: Of risk and of usefulness.
        facts: Of the case; what conditions and claims look at.
        controls: What they find wrong cannot be decided on, and a certifying policy passes only attacks that they find
            awake and silent.
    """
    model = bool(facts.get("model"))
    controls = judged_controls(policy, controls, findings, partial(fails, facts=facts), model=model)
    invalid, vouched = unsound(controls, findings), vouched_for(controls, findings)
    rows = [row for rule in policy.rules for row in _rows(rule, policy, findings, facts, invalid)]
    tested = [row for row in rows if row.tested and not row.rule.floor]
    beside = sum(row.tested and row.rule.floor for row in rows)
    # A row that can no longer fail keeps its place among the tests: dropping it by its own data would lower the bar.
    tests = [(1.0 if row.early else row.p, 1 - row.rule.fail_confidence) for row in tested]
    rejected = {id(row) for row, rejects in zip(tested, holm(tests), strict=True) if rejects}
    judged = []
    for row in rows:
        if row.rule.floor:
            verdict, why = floors.decide(row, beside)
        else:
            verdict, why = _decide(row, policy, id(row) in rejected, len(tests), vouched)
        judged.append(_Judged(row=row, verdict=verdict, reason=why))
    verdict, reasons, missing = _overall(policy, facts, judged)
    judgements = sorted((_judgement(each) for each in judged), key=lambda its: WORST_FIRST.index(its.verdict))
    return Judged(
        judgements=tuple(judgements), verdict=verdict, reasons=reasons, missing=missing, controls=tuple(controls)
    )


def fails(policy: Policy, finding: Finding, *, facts: Mapping[str, int]) -> bool:
    """Whether any rule would fail a finding by itself, at the rules' own confidence."""
    return judge(policy, (finding,), facts).verdict is Verdict.FAIL


def exit_code(verdict: Verdict) -> int:
    """What the command exits with: 0 pass, 1 fail, 3 inconclusive, 4 error."""
    return _EXIT_CODES[verdict]


def holm(tests: Sequence[tuple[float, float]]) -> tuple[bool, ...]:
    """Which hypotheses to reject so that a false rejection among all has at most the largest level as probability.

    Args:
        tests: For each, its p-value and its own level alpha; they are sorted by p / alpha.

    References:
        Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order = sorted(range(len(tests)), key=lambda position: tests[position][0] / tests[position][1])
    rejected = [False] * len(tests)
    for step, position in enumerate(order):
        p, alpha = tests[position]
        if p / alpha > 1 / (len(tests) - step):
            break
        rejected[position] = True
    return tuple(rejected)


def _rows(
    rule: Rule,
    policy: Policy,
    findings: Sequence[Finding],
    facts: Mapping[str, int],
    invalid: Mapping[str, Reason],
) -> Iterator[Row]:
    """The rows of a rule, with what needs no test: not assessed, and lines 1 to 3 of the decision table."""
    limit, written = grounds.limit(rule, facts)
    row = Row(rule=rule, of=rule.of, limit=limit, written=written, confidence=policy.confidence)
    if condition := grounds.unmet(rule.when, facts):
        yield replace(row, early=(Verdict.NOT_ASSESSED, condition))
        return
    its = [finding for finding in findings if finding.attack == rule.attack]
    if any((finding.goal == USEFULNESS) != rule.floor for finding in its):
        yield replace(row, early=(Verdict.INCONCLUSIVE, reason("wrong-direction", attack=rule.attack)))
        return
    errored = [finding for finding in its if finding.outcome == "errored"]
    if errored:  # line 1
        why = errored[0].reason or reason("attack-errored", attack=rule.attack)
        yield replace(row, early=(Verdict.ERROR, why))
        return
    measured = tuple(
        m for finding in its for m in finding.measurements if m.name == rule.measurement and rule.of in ("*", m.of)
    )
    if not measured:  # line 2 or 3
        why = invalid.get(rule.name) or grounds.nothing_there(rule, its)
        yield replace(row, early=(Verdict.INCONCLUSIVE, why))
    elif rule.fails == "together":
        yield _with_evidence(replace(row, of=" + ".join(m.of for m in measured), measurements=measured), invalid)
    else:
        for m in measured:
            yield _with_evidence(replace(row, of=m.of, measurements=(m,)), invalid)


def _with_evidence(row: Row, invalid: Mapping[str, Reason]) -> Row:
    """Lines 2 and 3 for a row that has measurements; keeps those that can be used."""
    usable = tuple(m for m in row.measurements if m.evidence.measurable)
    least = 2 if row.rule.fails == "together" else 1
    why = invalid.get(row.rule.name)
    if (
        why is None and row.rule.supports_pass and not row.rule.floor
    ):  # where a low value says nothing, swapped arms say no less
        why = next((grounds.inverted(m.evidence) for m in usable if m.evidence.inverted), None)
    if why is None and not usable:
        why = grounds.too_few(row.measurements[0].evidence)
    if why is None and len(usable) < least:
        why = reason("not-several", count=len(usable))
    row = replace(row, measurements=usable, early=(Verdict.INCONCLUSIVE, why) if why else None)
    return replace(row, tested=len(usable) >= least and not row.exact)


def _decide(row: Row, policy: Policy, rejected: bool, tests: int, vouched: frozenset[str]) -> tuple[Verdict, Reason]:
    """The decision table: the first line that applies."""
    if row.early:  # lines 1 to 3
        return row.early
    if rejected or (row.exact and row.p == 0.0):  # line 4
        return Verdict.FAIL, grounds.above(row)
    if not row.rule.supports_pass:
        nothing = Verdict.INCONCLUSIVE if row.rule.required else Verdict.NO_FINDING
        return nothing, reason("supports-no-pass")
    if not row.within:  # line 6
        return Verdict.INCONCLUSIVE, grounds.undecided(row, tests)
    if policy.certifying and not row.exact and row.rule.attack not in vouched:  # what is counted whole misses nothing
        return Verdict.INCONCLUSIVE, reason("plant-not-found", attack=row.rule.attack)
    return Verdict.PASS, grounds.within(row)  # line 5


def _judgement(judged: _Judged) -> Judgement:
    row, rule = judged.row, judged.row.rule
    weakest = row.weakest if row.measurements else None
    return Judgement(
        rule=rule.name,
        attack=rule.attack,
        measurement=rule.measurement,
        of=row.of,
        goal=rule.goal,
        at_most="" if rule.floor else row.written,
        at_least=row.written if rule.floor else "",
        margin=as_written(rule.margin),
        required=rule.required,
        verdict=judged.verdict,
        reason=judged.reason,
        measured=weakest.evidence.value if weakest else None,
        low=row.low if weakest else None,
        high=row.high if weakest else None,
        blind=weakest.blind if weakest else None,
        fail_confidence=rule.fail_confidence,
        basis=rule.basis,
        rationale=dict(rule.rationale),
        source=dict(rule.source),
    )


def _overall(
    policy: Policy, facts: Mapping[str, int], judged: Sequence[_Judged]
) -> tuple[Verdict, tuple[Reason, ...], tuple[str, ...]]:
    """The worst of the rules; a missed floor beside what the limits say, so that neither hides the other."""
    missed = [each for each in judged if each.row.rule.floor and each.verdict is Verdict.FAIL]
    verdict, reasons, missing = _besides(policy, facts, [each for each in judged if each not in missed])
    if not missed:
        return verdict, reasons, missing
    why = _listed("floors-missed", missed)
    return Verdict.FAIL, (reasons[0], why, *reasons[1:]) if verdict is Verdict.FAIL else (why, *reasons), missing


def _besides(
    policy: Policy, facts: Mapping[str, int], judged: Sequence[_Judged]
) -> tuple[Verdict, tuple[Reason, ...], tuple[str, ...]]:
    """The worst of the rules but for missed floors, and no pass by omission.

    A goal is assessed where a required rule of that goal which supports a pass was decided on a measurement.
    """
    required = [each for each in judged if each.row.rule.required]
    assessed = {
        each.row.rule.goal
        for each in required
        if each.row.rule.supports_pass and each.row.measurements and not each.row.early
    }
    kinds = [kind for kind in policy.needs if facts.get(kind)]
    missing = tuple(dict.fromkeys(goal for kind in kinds for goal in policy.needs[kind] if goal not in assessed))

    advice = (reason("no-holdout"),) if _wants_holdout(policy, facts, missing) else ()

    failed = [each for each in judged if each.verdict is Verdict.FAIL]
    if failed:
        return Verdict.FAIL, (_listed("rules-failed", failed), *advice), missing
    errored = [each for each in required if each.verdict is Verdict.ERROR]
    if errored:
        return Verdict.ERROR, (_listed("rules-errored", errored), *advice), missing
    reasons = [*(reason("goal-not-assessed", goal=goal) for goal in missing), *advice]
    if not kinds:
        reasons.append(reason("kind-not-covered"))
    if not assessed - {USEFULNESS}:
        reasons.append(reason("nothing-assessed"))
    undecided = [each for each in required if each.verdict is Verdict.INCONCLUSIVE]
    if undecided:
        reasons.append(_listed("rules-inconclusive", undecided))
    if policy.smoke:
        reasons.append(reason("smoke"))
    if reasons:
        return Verdict.INCONCLUSIVE, tuple(reasons), missing
    met = sum(each.verdict is Verdict.PASS for each in required)
    return Verdict.PASS, (reason("all-rules-met", count=met),), missing


def _wants_holdout(policy: Policy, facts: Mapping[str, int], missing: Sequence[str]) -> bool:
    """Whether a goal was not assessed by a rule that non-members would make apply."""
    there = facts.get("non_members", 0)
    return not there and any("non_members" in rule.when.every and rule.goal in missing for rule in policy.rules)


def _listed(code: str, judged: Sequence[_Judged]) -> Reason:
    return reason(code, rules=", ".join(dict.fromkeys(each.row.rule.name for each in judged)))
