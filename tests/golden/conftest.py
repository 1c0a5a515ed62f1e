"""One fixed scorecard with something of everything: all verdicts, all charts, hostile names, and gaps.

Its numbers are made up to fill a page; they are no result of any audit. Its coded sentences are its own too, so the
stored pages change only when a view does.
"""

import math

import pytest

from audit_core import codes
from audit_core.codes import Code
from audit_core.evidence import Evidence, Exact, Excess, Interval, Ranking, TailHits
from audit_core.measurement import Detail, Histogram, Measurement, Reason, RocCurve
from audit_core.scorecard import (
    SCHEMA_VERSION,
    Control,
    FileFacts,
    Finding,
    Inputs,
    Judgement,
    PolicyFacts,
    Provenance,
    Refusal,
    ReleaseFacts,
    Scorecard,
    Verdict,
    Volatile,
)

HOSTILE_TAG = '"><script>alert(1)</script>'
HOSTILE_BIDI = "\u202eyaleD\u202c \x1b[31m`|{{ 7*7 }}"
HOSTILE_LENGTH = "=HYPERLINK(" + 10_000 * "x"

SENTENCES = {
    "sample-lower-bound-above": Code(
        title={
            "en": "the lower bound {low} is above the limit {limit}",
            "ja": "下限 {low} が基準値 {limit} を超えています",
        },
        more={"en": ""},
    ),
    "sample-upper-bound-held": Code(
        title={
            "en": "the upper bound {high} is within the limit and its margin",
            "ja": "上限 {high} は基準値と許容幅の範囲内です",
        },
        more={"en": ""},
    ),
    "sample-between": Code(
        title={
            "en": "the limit lies inside the interval; about {n} members would settle it",
            "ja": "基準値が区間の中にあります。メンバーが約 {n} あれば判定できます",
        },
        more={"en": ""},
    ),
    "sample-errored": Code(
        title={"en": "the attack {name} ended after {seconds} s", "ja": "攻撃 {name} は {seconds} 秒で中断しました"},
        more={"en": ""},
    ),
    "sample-no-claim": Code(
        title={"en": "the recipe claims no k", "ja": "レシピに k の主張がありません"}, more={"en": ""}
    ),
    "sample-rules": Code(title={"en": "limits exceeded: {rules}", "ja": "基準値の超過：{rules}"}, more={"en": ""}),
    "sample-other": Code(title={"en": "one more reason of the sample", "ja": "見本のもう一つの理由"}, more={"en": ""}),
    "sample-overlap": Code(
        title={
            "en": "{rows} non-member rows equal a member row, as many as chance gives",
            "ja": "{rows} 件の非メンバー行がメンバー行と一致しますが、偶然の範囲内です",
        },
        more={"en": ""},
    ),
    "sample-caveat": Code(
        title={"en": "rows of a synthetic table are not people", "ja": "合成データの行は人ではありません"},
        more={"en": ""},
    ),
    "sample-refused": Code(
        title={"en": "it needs api 2, this is api 1", "ja": "API 2 が必要ですが、API 1 です"}, more={"en": ""}
    ),
}


@pytest.fixture(autouse=True)
def sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's own coded sentences."""
    monkeypatch.setattr(codes, "CODES", SENTENCES)
    monkeypatch.setattr(codes, "FACTS", {"members": {"en": "members", "ja": "メンバー"}})


def measurement(
    name: str,
    evidence: Evidence,
    value: float,
    low: float,
    high: float,
    *,
    of: str = "all",
    n: float = 1.0,
    blind: float | None = None,
    method: str = "exact",
) -> Measurement:
    interval = Interval(low=low, high=high, confidence=0.95, method=method)
    return Measurement(name=name, of=of, value=value, evidence=evidence, interval=interval, n=n, blind=blind)


def judgement(
    rule: str,
    verdict: Verdict,
    reason: Reason,
    *,
    goal: str,
    at_most: str,
    of: str = "*",
    margin: str = "0",
    measured: tuple[float, float, float] | None = None,
    blind: float | None = None,
    fail_confidence: float = 0.95,
    required: bool = True,
    basis: str = "house",
    rationale: dict[str, str] | None = None,
    source: dict[str, str] | None = None,
) -> Judgement:
    attack, name = rule.split("/")
    value, low, high = measured or (None, None, None)
    return Judgement(
        rule=rule,
        attack=attack,
        measurement=name,
        of=of,
        goal=goal,
        at_most=at_most,
        margin=margin,
        required=required,
        verdict=verdict,
        reason=reason,
        measured=value,
        low=low,
        high=high,
        blind=blind,
        fail_confidence=fail_confidence,
        basis=basis,
        rationale=rationale or {"en": "A limit of the sample.", "ja": "見本の基準です。"},
        source=source or {},
    )


SCORES = {
    "distance-difference": (0.574, 0.0312),
    "density-ratio": (0.531, 0.0141),
    "local-neighbourhood": (0.548, 0.0196),
    HOSTILE_TAG: (0.502, 0.0098),
}
"""AUC and TPR at 1 % FPR of each score."""

COPIES = {"raw": (96, 2), "normalised": (104, 2), "near": (131, 9)}
"""Hits among 8,000 members and 4,000 non-members."""


def excess(k1: float, n1: float, k0: float, n0: float) -> Excess:
    return Excess(k1=k1, n1=n1, k0=k0, n0=n0, scale="difference")


def copies() -> tuple[tuple[Measurement, ...], tuple[Judgement, ...]]:
    measurements, judgements = [], []
    why = {
        "en": "A record that occurs once and stands in the release was taken from the data, not drawn by chance.",
        "ja": "一度だけ現れるレコードがリリースにあれば、偶然ではなく元データから写されたものです。",
    }
    for of, (k1, k0) in COPIES.items():
        value = k1 / 8000 - k0 / 4000
        bounds = (value, value - 0.004, value + 0.005)
        measurements.append(
            measurement(
                "copies_excess", excess(k1, 8000, k0, 4000), *bounds, of=of, n=8000, blind=0.0, method="Newcombe"
            )
        )
        judgements.append(
            judgement(
                "exact-copies/copies_excess",
                Verdict.FAIL,
                Reason(code="sample-lower-bound-above", args={"low": f"{100 * bounds[1]:.3g} %", "limit": "0"}),
                goal="copies",
                of=of,
                at_most="0",
                margin="0.01",
                measured=bounds,
                blind=0.0,
                fail_confidence=0.99,
                rationale=why,
                source={"en": "WP216, section 2.2.1"},
            )
        )
    measurements.append(measurement("multiset_equal", Exact(numerator=0), 0, 0, 0))
    judgements.append(
        judgement(
            "exact-copies/multiset_equal",
            Verdict.PASS,
            Reason(code="sample-upper-bound-held", args={"high": "0"}),
            goal="copies",
            at_most="0",
            of="all",
            measured=(0, 0, 0),
            rationale={"en": "A release that is the training table hides nothing."},
        )
    )
    measurements.append(
        measurement(
            "released_near_excess", excess(41, 12000, 112, 8000), -0.0106, -0.0131, -0.0079, n=12000, method="Newcombe"
        )
    )
    judgements.append(
        judgement(
            "exact-copies/surviving_identifiers",
            Verdict.NOT_ASSESSED,
            Reason(code="sample-no-identifier", args={"column": HOSTILE_BIDI}),
            goal="copies",
            at_most="0",
            basis="law",
            source={"en": "APPI, enforcement rule 34 (3)"},
        )
    )
    return tuple(measurements), tuple(judgements)


def membership() -> tuple[tuple[Measurement, ...], tuple[Judgement, ...], tuple[Detail, ...]]:
    measurements, judgements, details = [], [], []
    for of, (auc, tpr) in SCORES.items():
        spread = 0.009
        verdict = (
            Verdict.FAIL if auc - spread > 0.55 else Verdict.PASS if auc + spread <= 0.55 else Verdict.INCONCLUSIVE
        )
        reason = {
            Verdict.FAIL: Reason(
                code="sample-lower-bound-above", args={"low": round(auc - spread, 3), "limit": "0.55"}
            ),
            Verdict.PASS: Reason(code="sample-upper-bound-held", args={"high": round(auc + spread, 3)}),
            Verdict.INCONCLUSIVE: Reason(code="sample-between", args={"n": 41000}),
        }
        bounds = (auc, auc - spread, auc + spread)
        measurements.append(
            measurement(
                "auc",
                Ranking(auc=auc, variance=3e-5, n1=4000, n0=4000),
                *bounds,
                of=of,
                n=4000,
                blind=0.5,
                method="DeLong",
            )
        )
        judgements.append(
            judgement(
                "membership/auc",
                verdict,
                reason[verdict],
                goal="membership",
                of=of,
                at_most="0.55",
                measured=bounds,
                blind=0.5,
                basis="convention",
                rationale={"en": "Hardly better than guessing.", "ja": "当て推量をわずかに上回る程度まで。"},
            )
        )
        tail = (tpr, tpr * 0.72, tpr * 1.34)
        verdict = Verdict.PASS if tail[2] <= 0.03 else Verdict.INCONCLUSIVE
        measurements.append(
            measurement(
                "tpr_at_fpr_0_01",
                TailHits(hits=4000 * tpr, n1=4000, n0=4000, fpr=0.01),
                *tail,
                of=of,
                n=4000,
                blind=0.01,
                method="beta-binomial",
            )
        )
        judgements.append(
            judgement(
                "membership/tpr_at_fpr_0_01",
                verdict,
                Reason(code="sample-between", args={"n": 9000})
                if verdict is Verdict.INCONCLUSIVE
                else Reason(code="sample-upper-bound-held", args={"high": f"{100 * tail[2]:.3g} %"}),
                goal="membership",
                of=of,
                at_most="3%",
                measured=tail,
                blind=0.01,
                basis="literature",
                rationale={
                    "en": "An attacker who is right about few people with certainty does more harm than an average.",
                    "ja": "少数の人を確実に言い当てる攻撃は、平均的な精度よりも害が大きいためです。",
                },
                source={"en": "Carlini et al. (2022), Membership inference attacks from first principles"},
            )
        )
        measurements.append(
            measurement(
                "tpr_at_fpr_0_001",
                TailHits(hits=4000 * tpr / 8, n1=4000, n0=4000, fpr=0.001),
                tpr / 8,
                tpr / 14,
                tpr / 5,
                of=of,
                n=4000,
                blind=0.001,
                method="beta-binomial",
            )
        )
        grid = [10 ** (-4 + step / 15) for step in range(61)]
        power = math.log(tpr) / math.log(0.01)
        details.append(
            RocCurve(
                of=of,
                fpr=tuple(float(f"{fpr:.4g}") for fpr in grid),
                tpr=tuple(round(4000 * fpr**power) / 4000 for fpr in grid),
                n1=4000,
                n0=4000,
            )
        )
    return tuple(measurements), tuple(judgements), tuple(details)


def k_anonymity() -> tuple[Measurement, ...]:
    exact = {
        ("largest_risk", "quasi-identifiers"): Exact(numerator=1, denominator=12),
        ("average_risk", "quasi-identifiers"): Exact(numerator=251, denominator=12000),
        ("share_below_k", "quasi-identifiers"): Exact(numerator=0, denominator=12000),
        ("k_map_risk", "quasi-identifiers"): Exact(numerator=1, denominator=3),
        ("l_distinct_risk", HOSTILE_LENGTH): Exact(numerator=1, denominator=2),
        ("l_entropy_risk", HOSTILE_LENGTH): Exact(numerator=0.5743),
        ("t_closeness", HOSTILE_LENGTH): Exact(numerator=0.2317),
        ("delta_disclosure", HOSTILE_LENGTH): Exact(numerator=2.1038),
        ("strangers_own", "年齢（歳）"): Exact(numerator=1.5e-7),
    }
    return tuple(
        measurement(name, evidence, value, value, value, of=of, n=12000)
        for (name, of), evidence in exact.items()
        for value in [evidence.numerator / evidence.denominator]
    )


@pytest.fixture
def sample() -> Scorecard:
    """The fixed scorecard."""
    copy_measurements, copy_judgements = copies()
    member_measurements, member_judgements, curves = membership()
    classes = Histogram(
        of="class sizes",
        labels=("1", "2", "3-4", "5-9", "10", "11-19", "20-49", "50-99", "100+"),
        counts=(0, 0, 0, 0, 0, None, 1834, 3120, 7040),
    )
    findings = (
        Finding(
            attack="exact-copies",
            role="check",
            goal="copies",
            outcome="measured",
            reason=None,
            sees=("case",),
            measurements=copy_measurements,
            details=(),
            caveats=(),
            references=("Article 29 Working Party (2014), Opinion 05/2014 on anonymisation techniques (WP216)",),
            params={},
            origin="sekisho 0.1.0",
        ),
        Finding(
            attack="membership",
            role="attack",
            goal="membership",
            outcome="measured",
            reason=None,
            sees=("reference", "release"),
            measurements=member_measurements,
            details=curves,
            caveats=(Reason(code="sample-caveat", args={}),),
            references=(
                "van Breugel, Sun, Qian & van der Schaar (2023), DOMIAS",
                "Chen, Yu, Zhang & Fritz (2020), GAN-Leaks",
            ),
            params={"folds": 2, "neighbours": 10},
            origin="sekisho 0.1.0",
        ),
        Finding(
            attack="k-anonymity",
            role="check",
            goal="identity",
            outcome="measured",
            reason=None,
            sees=("case",),
            measurements=k_anonymity(),
            details=(classes,),
            caveats=(
                Reason(code="sample-caveat", args={}),
                Reason(code="sample-unknown", args={"b": 2, "a": HOSTILE_TAG}),
            ),
            references=("Sweeney (2002), k-anonymity",),
            params={"missing": "value"},
            origin="sekisho 0.1.0",
        ),
        Finding(
            attack="strangers-attack",
            role="attack",
            goal="re-creation",
            outcome="errored",
            reason=Reason(code="sample-errored", args={"name": HOSTILE_TAG, "seconds": 12}),
            sees=("release",),
            measurements=(),
            details=(),
            caveats=(),
            references=(),
            params={},
            origin="a-stranger 2.0",
        ),
    )
    judgements = (
        *copy_judgements,
        *member_judgements,
        judgement(
            "k-anonymity/largest_risk",
            Verdict.PASS,
            Reason(code="sample-upper-bound-held", args={"high": "1/12"}),
            goal="identity",
            of="quasi-identifiers",
            at_most="1/11",
            measured=(1 / 12, 1 / 12, 1 / 12),
            basis="standard",
            rationale={
                "en": "At most 0.09, the customary risk for public release.",
                "ja": "公開時の慣例である 0.09 以下。",
            },
            source={"en": "EMA Policy 0070; Health Canada, PRCI guidance"},
        ),
        judgement(
            "k-anonymity/k_map_risk",
            Verdict.NOT_ASSESSED,
            Reason(code="sample-no-claim", args={}),
            goal="identity",
            at_most="1/11",
            required=False,
            basis="tool",
        ),
        judgement(
            "strangers-attack/strangers_risk",
            Verdict.ERROR,
            Reason(code="sample-errored", args={"name": "strangers-attack", "seconds": 12}),
            goal="re-creation",
            at_most="as agreed",
            required=False,
            rationale={"en": "A limit of the stranger's own."},
        ),
    )
    return Scorecard(
        schema_version=SCHEMA_VERSION,
        name="patient-visits-2026q1",
        verdict=Verdict.FAIL,
        reasons=(
            Reason(
                code="sample-rules",
                args={"rules": "exact-copies/copies_excess (raw), exact-copies/copies_excess (near), membership/auc"},
            ),
            Reason(code="sample-other", args={}),
        ),
        release=ReleaseFacts(
            name=f"synthetic {HOSTILE_TAG}.parquet",
            kind="table",
            rows=12000,
            columns=("age", "sex", "診療科", HOSTILE_BIDI, HOSTILE_LENGTH),
            digest="sha256:" + "ab12" * 16,
        ),
        inputs=Inputs(
            members=FileFacts(name="train.parquet", rows=8000, digest="sha256:" + "cd34" * 16),
            non_members=FileFacts(name="保留データ.parquet", rows=4000, digest="sha256:" + "ef56" * 16),
            overlap=3,
            columns={
                "age": "integer, quasi-identifier",
                "sex": "category, quasi-identifier",
                "診療科": "category, quasi-identifier",
                "patient_id": "category, subject",
                HOSTILE_BIDI: "category, plain",
                HOSTILE_LENGTH: "category, sensitive",
            },
        ),
        unit="patient_id",
        facts={"table": 1, "members": 8000, "non_members": 4000, "generalised": 0, "k_anonymity_min": 0},
        policy=PolicyFacts(
            name="starter",
            title={"en": "Starter", "ja": "基本"},
            version=1,
            digest="sha256:" + "7890" * 16,
            confidence=0.95,
            certifying=False,
        ),
        missing=("attribute",),
        judgements=judgements,
        findings=findings,
        controls=(
            Control(name="overlap", verdict=Verdict.PASS, reason=Reason(code="sample-overlap", args={"rows": 3})),
        ),
        guarantee=None,
        usefulness=(),
        provenance=Provenance(
            sekisho="0.1.0",
            python="3.11.7",
            seed=20260401,
            distributions={"numpy": "2.4.6", "polars": "2.1.0", "scipy": "1.17.1"},
            plugins={
                "exact-copies": "sekisho 0.1.0",
                "membership": "sekisho 0.1.0",
                "strangers-attack": "a-stranger 2.0",
            },
            refusals=(Refusal(origin="another-stranger 0.3", reason=Reason(code="sample-refused", args={})),),
        ),
        texts={
            "en": {
                "exact-copies.title": "Exact copies",
                "exact-copies.assumption": "Anyone who knows one record can look for it in the release.",
                "membership.title": "Membership inference",
                "membership.assumption": "Somebody who holds a person's full record and others of the same kind.",
                "k-anonymity.title": "k-anonymity",
                "k-anonymity.assumption": "Somebody who knows a person's quasi-identifiers.",
                "strangers-attack.title": f"A stranger's attack {HOSTILE_BIDI}",
            },
            "ja": {
                "exact-copies.title": "完全一致",
                "exact-copies.assumption": "ある人のレコードを知っていれば、誰でもリリースの中を探せます。",
                "membership.title": "メンバーシップ推論",
                "membership.assumption": "ある人の全レコードと、同種の他のレコードを持つ人。",
                "k-anonymity.title": "k-匿名性",
                "k-anonymity.assumption": "ある人の準識別子を知っている人。",
            },
        },
        volatile=Volatile(
            started="2026-04-01T09:30:00+00:00",
            seconds={"exact-copies": 1.234, "membership": 35.7, "k-anonymity": 0.41, "total": 41.2},
            peak_mib={"exact-copies": 312.0, "membership": 1040.0, "k-anonymity": 290.5, "core": 512.3},
            platform="Linux x86_64",
            cores=2,
        ),
    )
