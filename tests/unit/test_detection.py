"""From which dose on planted leaks are found: what follows from stored evidence."""

from dataclasses import replace

import pytest

from audit_core.calibration import Calibration
from audit_core.controls import found, judged_controls
from audit_core.detection import derived
from audit_core.errors import PackError
from audit_core.judge import fails
from audit_core.measurement import Reason
from audit_core.policy import When
from audit_core.scorecard import Control, Verdict

# Of 2,000 members against 4 of 2,000 controls: nothing, something that no rule fails yet, and a clear leak.
NOTHING, LITTLE, MUCH = 4, 15, 90


def calibrated(made, hits, **changes) -> Calibration:
    return derived(made.calibration(made.grid(hits), **changes), made.policy())


def only(calibration: Calibration):
    (power,) = calibration.powers
    return power


def by_plant(calibration: Calibration) -> dict[str, tuple[float | None, float | None]]:
    return {one.plant: (one.found_from, one.fails_from) for one in only(calibration).detections}


def codes(calibration: Calibration) -> list[str]:
    return [reason.code for reason in calibration.reasons]


def test_the_evidence_of_these_tests_is_what_it_is_called(made) -> None:
    policy, facts = made.policy(), {"table": 1, "non_members": 2000}
    assert [found((made.excess(hits),)) is not None for hits in (NOTHING, LITTLE, MUCH)] == [False, True, True]
    failed = [fails(policy, made.finding(measurements=(made.excess(hits),)), facts=facts) for hits in (LITTLE, MUCH)]
    assert failed == [True, True]
    assert not fails(policy, made.finding(measurements=(made.excess(NOTHING),)), facts=facts)


def test_a_dose_is_found_only_where_every_draw_and_every_larger_dose_is(made) -> None:
    # verbatim: from 5 % on in both draws, and at 1 % in one; jittered: at 1 % and 10 %, and not between; the faintest
    # never at the largest dose.
    hits = {
        "verbatim": {0.01: (MUCH, NOTHING), 0.05: (MUCH, MUCH), 0.1: (MUCH, MUCH)},
        "jittered": {0.01: (MUCH, MUCH), 0.05: (NOTHING, MUCH), 0.1: (MUCH, MUCH)},
        "one-sensitive-column": {0.01: (MUCH, MUCH), 0.05: (MUCH, MUCH), 0.1: (MUCH, NOTHING)},
    }
    result = calibrated(made, lambda plant, dose, repeat: hits[plant][dose][repeat])
    assert by_plant(result) == {
        "verbatim": (0.05, 0.05),
        "jittered": (0.1, 0.1),
        "one-sensitive-column": (None, None),
    }
    assert (result.verdict, codes(result)) == (Verdict.PASS, ["calibrated"])


def test_found_is_not_failed(made) -> None:
    policy = made.policy()
    (rule,) = policy.rules
    lenient = replace(policy, rules=(replace(rule, at_most=rule.margin * 2),))  # 2 %: 15 of 2,000 is far below
    result = derived(made.calibration(made.grid(lambda plant, dose, repeat: LITTLE)), lenient)
    assert set(by_plant(result).values()) == {(0.01, None)}
    assert not any(trial.fails for trial in result.trials)


def test_a_missed_dose_is_named_with_its_counts(made) -> None:
    result = calibrated(made, lambda plant, dose, repeat: MUCH if dose > 0.05 or repeat == 0 else NOTHING)
    assert result.verdict is Verdict.INCONCLUSIVE
    (reason,) = result.reasons
    assert reason == Reason(code="dose-missed", args={"attack": "exact-copies", "dose": "5 %", "found": 1, "count": 2})


def test_the_wanted_dose_has_to_be_tried_or_a_smaller_one_found(made) -> None:
    trials = made.grid(lambda plant, dose, repeat: MUCH)
    large = tuple(trial for trial in trials if trial.twin == "innocent" or trial.dose > 0.05)
    small = tuple(trial for trial in trials if trial.twin == "innocent" or trial.dose < 0.05)
    assert codes(derived(made.calibration(large, doses=(0.1,)), made.policy())) == ["dose-not-tried"]
    assert codes(derived(made.calibration(small, doses=(0.01,)), made.policy())) == ["calibrated"]


def test_the_faint_plants_are_shown_and_not_wanted(made) -> None:
    result = calibrated(made, lambda plant, dose, repeat: MUCH if plant == "verbatim" else NOTHING)
    assert by_plant(result)["jittered"] == (None, None)
    assert result.verdict is Verdict.PASS


def test_a_release_that_is_found_with_nothing_planted_calibrates_nothing(made) -> None:
    result = calibrated(made, lambda *_: MUCH, findings=(made.finding(measurements=(made.excess(MUCH),)),))
    assert only(result).found_unplanted
    assert only(result).fails_unplanted
    assert codes(result) == ["found-unplanted"]


def test_a_trial_that_did_not_finish_is_no_find(made) -> None:
    result = calibrated(made, lambda plant, dose, repeat: None if (plant, dose) == ("verbatim", 0.1) else MUCH)
    assert only(result).errors == 2
    assert by_plant(result)["verbatim"] == (None, None)
    assert codes(result) == ["trials-errored", "dose-missed"]


def test_innocent_twins_are_flagged_at_99_9_percent_and_found_ones_only_counted(made) -> None:
    leaky = tuple(one for one in made.grid(lambda *_: MUCH) if one.twin == "leaky")

    def with_innocent(*hits: float) -> Calibration:
        innocent = tuple(
            made.trial(each, twin="innocent", plant=None, dose=0.0, repeat=repeat) for repeat, each in enumerate(hits)
        )
        return derived(made.calibration(leaky + innocent), made.policy())

    quiet = with_innocent(NOTHING, LITTLE)
    # 15 against 4 of 2,000: p is between 0.1 % and 1 %.
    assert 0.001 < made.excess(LITTLE).evidence.p_value(0.0) < 0.01
    assert (only(quiet).innocent, only(quiet).innocent_found, only(quiet).innocent_flagged) == (2, 1, 0)
    assert codes(quiet) == ["calibrated"]
    loud = with_innocent(NOTHING, MUCH)
    assert only(loud).innocent_flagged == 1
    assert codes(loud) == ["innocent-flagged"]
    assert codes(derived(made.calibration(leaky), made.policy())) == ["too-few-for-twin"]


def test_an_attack_that_no_rule_rests_on_is_shown_and_not_wanted(made) -> None:
    trials = made.grid(lambda *_: NOTHING)
    others = tuple(replace(one, attack="another") for one in made.grid(lambda *_: NOTHING))
    two = made.calibration(made.grid(lambda *_: MUCH) + others, findings=(made.finding(), made.finding("another")))
    result = derived(two, made.policy())
    assert [power.required for power in result.powers] == [True, False]
    assert result.verdict is Verdict.PASS
    policy = made.policy()
    (rule,) = policy.rules
    unmet = replace(policy, rules=(replace(rule, when=When(every=("sensitive",))),))
    assert codes(derived(made.calibration(trials), unmet)) == ["nothing-calibrated"]


def test_an_attack_that_could_not_be_measured_is_not_calibrated(made) -> None:
    silent = made.finding(outcome="errored", reason=Reason(code="timed-out", args={"seconds": 1}), measurements=())
    result = derived(made.calibration((), findings=(silent,)), made.policy())
    assert codes(result) == ["not-calibrated"]


def test_the_level_is_shared_among_the_scores_as_in_the_controls_of_an_audit(made) -> None:
    # p lies between 0.5 % and 1 %: enough for one score alone, too little for one of two.
    one = made.excess(LITTLE)
    other = made.excess(NOTHING, of="near")
    assert 0.005 < one.evidence.p_value(0.0) < 0.01
    for measurements in ((one,), (one, other)):
        result = derived(
            made.calibration((made.trial(None, outcome="measured", measurements=measurements),)), made.policy()
        )
        control = Control(
            name="leaky-twin",
            attack="exact-copies",
            dose=0.05,
            measurements=measurements,
            verdict=Verdict.INCONCLUSIVE,
            reason=Reason(code="control-not-judged", args={}),
        )
        (judged,) = judged_controls(
            made.policy(), (control,), (made.finding(),), lambda policy, finding: False, model=False
        )
        assert result.trials[0].found == (judged.verdict is Verdict.PASS) == (len(measurements) == 1)
        assert result.trials[0].telling == "copies_excess/raw"


def test_deriving_again_changes_nothing(made) -> None:
    result = calibrated(made, lambda plant, dose, repeat: MUCH if dose > 0.02 else LITTLE)
    assert derived(result, made.policy()) == result
    (limit,) = result.limits
    assert (limit.measurement, limit.of, limit.at_most, limit.margin) == ("copies_excess", "*", "0", "0.01")


def test_a_calibration_reads_back_as_it_was_written(made) -> None:
    result = calibrated(made, lambda *_: MUCH)
    data = result.to_json()
    assert Calibration.from_json(data) == result
    assert Calibration.from_json(data).to_json() == data


@pytest.mark.parametrize("data", [b"{}", b"[]", b"not json"])
def test_what_is_no_calibration_is_refused(data: bytes) -> None:
    with pytest.raises(PackError) as raised:
        Calibration.from_json(data)
    assert raised.value.problems[0].code == "calibration-unreadable"


def test_a_number_that_json_does_not_have_is_refused(made) -> None:
    data = calibrated(made, lambda *_: MUCH).to_json()
    with pytest.raises(PackError):
        Calibration.from_json(data.replace(b'"jitter": 0.02', b'"jitter": NaN'))
