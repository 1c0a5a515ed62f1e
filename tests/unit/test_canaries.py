"""Canaries: how they are made, planted, kept, recognised again, and what an attacker's scores of them are worth."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit_core import exchange
from audit_core.answers import Scores
from audit_core.bench import Setting, lay_out
from audit_core.cache import Cache
from audit_core.case import private_rows
from audit_core.controls import unsound
from audit_core.errors import InputError
from audit_core.guarantee import Guarantee, Stated
from audit_core.inquiry import canaries as inquiry
from audit_core.isolation import Limits
from audit_core.language import canaries
from audit_core.language.canaries import Canaries
from audit_core.language.made_up_models import MadeUpModel, made_up_model
from audit_core.language.text_case import prepare_texts
from audit_core.language.texts import Text
from audit_core.measurement import Reason
from audit_core.needs import lacking
from audit_core.recipe import Recipe, load_recipe, recipe_yaml
from audit_core.registry import discover
from audit_core.scorecard import Control, Finding, Verdict
from audit_core.sources import read_sources
from audit_core.statistics.extraction import blind_exposure
from audit_core.testing import find
from audit_core.written.canaries import CanariesSpec

SPEC = CanariesSpec(count=300, references=200, repeat=3)


def made(spec: CanariesSpec = SPEC, seed: int = 1, members: str = "sha256:x") -> Canaries:
    return canaries.made(spec, seed, members)


def recipe(tmp_path: Path, more: str, model: str = "base: ./base, train: lora") -> Recipe:
    (tmp_path / "base").mkdir(exist_ok=True)
    rows = [{"note": f"the {number} thing that somebody said"} for number in range(40)]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    others = "non_members: {split: 0.5}" if "train" in model else "non_members: notes2.jsonl"
    text = f"audit: a\nrelease: {{model: {{{model}}}}}\nmembers: notes.jsonl\n{others}\ntext: note\n{more}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    return load_recipe(tmp_path / "recipe.yaml")


def test_canaries_are_all_different_and_a_coin_decides_about_those_that_have_one() -> None:
    its = made()
    assert len(its) == len(set(its.texts)) == 500
    assert int(its.coined.sum()) == 300
    assert not (its.planted & ~its.coined).any()
    # 300 fair coins: 150 of them, within 4.5 standard deviations (39) but for once in 100,000.
    assert abs(int(its.planted.sum()) - 150) < 39
    assert its.texts[0].prompt == "The access code of "
    assert all(one.text[6:10] == " is " and one.text[10:22].isdigit() for one in its.texts)


def test_the_same_seed_and_members_make_the_same_canaries_and_any_other_others() -> None:
    assert made().to_jsonl() == made().to_jsonl()
    assert len({made().to_jsonl(), made(seed=2).to_jsonl(), made(members="sha256:y").to_jsonl()}) == 3


def test_planted_canaries_are_among_the_texts_to_learn_as_often_as_asked_and_no_other_is(tmp_path: Path) -> None:
    asked = recipe(tmp_path, "canaries: {count: 30, references: 10, repeat: 2}")
    sources = read_sources(asked)
    its = canaries.made(asked.canaries, 0, sources.whole.digest)  # type: ignore[arg-type]
    planted = {text for text, is_in in zip(its.texts, its.planted, strict=True) if is_in}
    case = prepare_texts(asked, sources, its)
    learnt = [text for text in case.trained if text in set(its.texts)]
    assert sorted(learnt, key=str) == sorted([*planted, *planted], key=str)
    assert private_rows(case.case) == len(case.trained) == len(case.case.members) + 2 * len(planted)
    assert case.case.canaries is its
    assert not set(its.texts) & {Text(text=text) for text in case.case.members.texts("text")}


def test_canaries_that_a_run_left_are_recognised_and_others_refused() -> None:
    its, other = made(), made(seed=2)
    again = canaries.read(its.to_jsonl(), "file", its.commitment)
    assert again.texts == its.texts
    assert (again.planted == its.planted).all()
    assert (again.repeat, again.verified) == (3, True)
    assert not canaries.read(its.to_jsonl(), "file", None).verified
    swapped = replace(its, planted=its.coined & ~its.planted)
    for data in (other.to_jsonl(), swapped.to_jsonl()):
        with pytest.raises(InputError) as caught:
            canaries.read(data, "file", its.commitment)
        assert [one.code for one in caught.value.problems] == ["canaries-of-another-model"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "SECRET",
        "[1]",
        '{"text": "SECRET"}',
        '{"prompt": "", "text": "SECRET", "planted": 1, "by_coin": true, "repeat": 1}',
        '{"prompt": "", "text": "SECRET", "planted": true, "by_coin": false, "repeat": 1}',
        '{"prompt": "", "text": "SECRET", "planted": true, "by_coin": true, "repeat": 0}',
        '{"prompt": "", "text": "SECRET", "planted": true, "by_coin": true, "repeat": 1}',  # another repeat
        "[" * 100_000,
    ],
)
def test_a_file_that_is_none_is_refused_and_not_quoted(line: str) -> None:
    with pytest.raises(InputError) as caught:
        canaries.read(made().to_jsonl() + line.encode() + b"\n", "canaries.file", None)
    assert {one.code for one in caught.value.problems} == {"canaries-unreadable"}
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{template: nothing}", "no placeholder"),
        ("{template: '{digits:12'}", "brace"),
        ("{template: '{names:3}'}", "placeholder"),
        ("{template: 'code {digits:2}'}", "too few fillings"),
        ("{count: 5}", "20"),
        ("{count: 50, file: f.jsonl}", "Keep `file` or the others"),
        ("200", "canaries: {count: 200}"),
        ("", "canaries: {count: 200}"),
        ("{count: 100000, repeat: 1000}", "more than a million"),
        ("{file: canaries.jsonl}", "canaries that were planted before"),
        ("{counts: 50}", "counts"),
    ],
)
def test_what_cannot_be_planted_is_an_error_that_says_how_to_write_it(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        recipe(tmp_path, f"canaries: {written}")
    assert said in str(caught.value)


def test_canaries_of_a_loaded_model_come_from_a_file_inside_the_folder(tmp_path: Path) -> None:
    loaded = "load: ./base, base: ./base"
    with pytest.raises(InputError, match="trained already"):
        recipe(tmp_path, "canaries: {count: 30}", loaded)
    with pytest.raises(InputError, match="leaves the recipe's folder"):
        recipe(tmp_path, "canaries: {file: ../canaries.jsonl}", loaded)
    its = recipe(tmp_path, "canaries: {file: ./canaries.jsonl}", loaded)
    assert its.canaries_path() == (tmp_path / "canaries.jsonl").resolve()
    assert b'file: "canaries.jsonl"' in recipe_yaml(its)


@pytest.mark.parametrize("planted", [True, False])
def test_a_file_whose_coins_all_fell_alike_is_refused(planted: bool) -> None:
    its = made()
    alike = replace(its, planted=its.coined & planted)
    with pytest.raises(InputError) as caught:
        canaries.read(alike.to_jsonl(), "file", None)
    assert [one.code for one in caught.value.problems] == ["canaries-unreadable"]


def test_a_template_of_any_signs_is_read_again_as_it_was_written() -> None:
    its = made(CanariesSpec(template="a\u2028b\x85 {digits:12}\u2029\r\n\u7d42", count=30, references=5))
    again = canaries.read(its.to_jsonl(), "file", its.commitment)
    assert again.texts == its.texts
    assert "\u2028" in again.texts[0].prompt


def test_half_a_sign_is_no_text() -> None:
    line = json.dumps({"prompt": "", "text": "\ud800", "planted": True, "by_coin": True, "repeat": 3})
    with pytest.raises(InputError) as caught:
        canaries.read(made().to_jsonl() + line.encode() + b"\n", "file", None)
    assert [one.code for one in caught.value.problems] == ["canaries-unreadable"]


def test_a_table_has_no_canaries(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("audit: a\nrelease: {table: a.csv}\nmembers: b.csv\ncanaries: {count: 30}\n")
    with pytest.raises(InputError, match="`canaries` is about the release of a model"):
        load_recipe(tmp_path / "recipe.yaml")


def claim(epsilon: float, rows: int = 1) -> Guarantee:
    return Guarantee(
        epsilon=epsilon,
        delta=1e-6,
        budget=epsilon,
        unit="row",
        rows_per_unit=rows,
        relation="add-or-remove",
        accountant="its own",
        mechanisms=(Stated(purpose="everything", epsilon=epsilon),),
    )


def values(its: inquiry.Marked) -> dict[tuple[str, str], float]:
    return {(one.name, one.of): one.value for one in its.measurements}


def test_the_key_itself_exposes_every_canary_and_refutes_a_claim() -> None:
    its = made(CanariesSpec(count=300, references=200))
    noise = np.random.default_rng(3).random(len(its))
    marked = inquiry.mark(its, (Scores(of="sum", values=noise + 2 * its.planted),), claim(1.0), 0.95)
    found = values(marked)
    left_out = len(its) - its.planted.sum()
    assert found["auc_planted", "sum"] == 1.0
    assert found["tpr_at_fpr_0_01_planted", "sum"] == 1.0
    assert found["exposure", "sum"] == pytest.approx(np.log2(left_out))
    assert found["epsilon_shown", "sum/top-2-in-5"] > 1
    assert [one.code for one in marked.caveats] == ["canaries-planted", "one-run"]
    assert marked.caveats[0].args["most"] == f"{np.log2(left_out):.1f}"


def test_noise_exposes_nothing_and_refutes_nothing() -> None:
    its = made(CanariesSpec(count=300, references=200))
    noise = np.random.default_rng(3).random(len(its))
    marked = inquiry.mark(its, (Scores(of="sum", values=noise),), claim(1.0), 0.99)
    for one in marked.measurements:
        if one.name in ("auc_planted", "tpr_at_fpr_0_01_planted", "exposure"):
            assert one.evidence.bounds(1 - 1e-5).low < (one.blind or 0)
        if one.name == "epsilon_shown":
            assert one.evidence.bounds(1 - 1e-5).low < 1


def test_a_claim_of_one_record_is_not_set_against_a_canary_that_stands_there_three_times() -> None:
    its = made()
    scores = (Scores(of="sum", values=its.planted.astype(float)),)
    repeated = inquiry.mark(its, scores, claim(1.0), 0.95)
    assert not [one for one in repeated.measurements if one.name == "epsilon_shown"]
    assert [one.code for one in repeated.caveats] == ["canaries-planted", "canaries-repeated"]
    allowed = inquiry.mark(its, scores, claim(1.0, rows=3), 0.95)
    assert [one for one in allowed.measurements if one.name == "epsilon_shown"]
    assert [one.code for one in inquiry.mark(its, scores, None, 0.95).caveats] == ["canaries-planted"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"relation": "replace"}, "claim-not-of-coins"),
        ({"unit": "patient"}, "claim-not-of-coins"),
        ({}, "canaries-refute-nothing"),
    ],
)
def test_a_claim_is_set_only_against_coins_that_it_is_about(change: dict[str, str], code: str) -> None:
    its = replace(made(CanariesSpec(count=100, references=100)), verified=bool(change))
    marked = inquiry.mark(
        its, (Scores(of="sum", values=its.planted.astype(float)),), replace(claim(1.0), **change), 0.95
    )
    assert [one.code for one in marked.caveats] == ["canaries-planted", code]
    assert not [one for one in marked.measurements if one.name == "epsilon_shown"]


@pytest.mark.parametrize("scale", [1e30, 1e160, 1e-200])
def test_scores_of_any_size_are_ranked(scale: float) -> None:
    its = made(CanariesSpec(count=100, references=100))
    values = scale * (np.random.default_rng(1).random(len(its)) + its.planted)
    found = inquiry.mark(its, (Scores(of="sum", values=values),), claim(1.0), 0.95)
    one = inquiry.mark(its, (Scores(of="sum", values=values / scale),), claim(1.0), 0.95)
    assert found.measurements == one.measurements


def test_a_model_that_says_the_same_of_all_has_no_exposure() -> None:
    its = made()
    found = values(inquiry.mark(its, (Scores(of="sum", values=np.zeros(len(its))),), None, 0.95))
    assert found == {("auc_planted", "sum"): 0.5, ("tpr_at_fpr_0_01_planted", "sum"): pytest.approx(0.0, abs=0.05)}


def test_the_exposure_of_nothing_learnt_is_that_of_a_random_rank() -> None:
    for size in (1, 2, 7, 100):
        ranks = np.arange(1, size + 2)
        assert blind_exposure(size) == pytest.approx((np.log2(size) - np.log2(ranks)).mean())
    assert blind_exposure(10**6) == pytest.approx(1 / np.log(2), abs=1e-4)


def bench_of(its: MadeUpModel):
    setting = Setting(seed=1, content="secret", limits=Limits(), confidence=0.95)
    registry = discover()
    return lay_out(its.case, setting, registry, [registry.attacks["canary-exposure"]], Cache(), its.scores)


def test_an_attacker_sees_the_canaries_and_not_which_were_planted(tmp_path: Path) -> None:
    its = made_up_model("leaky")
    bench = bench_of(its)
    (put,) = inquiry.inquiry(bench.registry.attacks["canary-exposure"], {}, bench).puts
    question = put.question()
    exchange.write_question(tmp_path, question)
    shown = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"planted" not in shown
    assert b"coin" not in shown
    # The order is no key either: the planted ones stand anywhere.
    planted = np.flatnonzero(put.key.planted)
    assert not (np.diff(planted) == 2).all()
    texts = [Text(text=text) for text in question.targets.texts("text")]
    assert tuple(texts) == put.key.texts
    assert len(question.under_model) == len(texts)


def test_nothing_is_said_of_canaries_that_do_not_fit_into_the_context() -> None:
    its = made_up_model("innocent")
    cut = its.scores.model.truncated.copy()
    cut[-3:] = True
    scores = replace(its.scores, model=replace(its.scores.model, truncated=cut))
    finding = find(discover().attacks["canary-exposure"], its.case, discover(), scores=scores)
    assert (finding.outcome, finding.reason) == ("errored", Reason(code="canaries-cut", args={"count": 3}))


def test_it_runs_where_there_are_canaries_whether_or_not_there_are_non_members() -> None:
    attack = discover().attacks["canary-exposure"]
    case = made_up_model("innocent").case
    assert lacking(attack, case, {}) is None
    assert lacking(attack, replace(case, non_members=None), {}) is None
    assert lacking(attack, replace(case, canaries=None), {}) == Reason(code="needs-facts", args={"facts": "canaries"})


def test_how_peoples_texts_differ_is_nothing_to_canaries() -> None:
    registry = discover()

    def finding(name: str) -> Finding:
        plugin = registry.attacks[name]
        return Finding(
            attack=name, role="attack", goal="membership", outcome="measured", reason=None, sees=(), measurements=(),
            details=(), caveats=(), references=(), params={}, origin="x", compares=plugin.compares,
        )  # fmt: skip

    confounded = Control(name="blind-baseline", verdict=Verdict.INCONCLUSIVE, reason=Reason(code="confounded", args={}))
    found = unsound([confounded], [finding("canary-exposure"), finding("likelihood-ratio")])
    assert "likelihood-ratio/auc" in found
    assert not [rule for rule in found if rule.startswith("canary-exposure/")]
    deaf = replace(confounded, name="innocent-twin", attack="canary-exposure")
    assert "canary-exposure/auc_planted" in unsound([deaf], [finding("canary-exposure")])
