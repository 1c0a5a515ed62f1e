"""One fixed scorecard with something of everything: all verdicts, all charts, hostile names, and gaps.

Its numbers are made up to fill a page; they are no result of any audit. Its coded sentences are its own too, so the
stored pages change only when a view does.
"""

import math

import pytest

from audit_core import codes
from audit_core.codes import Code
from audit_core.evidence import Evidence, Exact, Excess, Interval, Mean, Proportion, Ranking, TailHits
from audit_core.measurement import Detail, Histogram, Measurement, Reason, RocCurve, measured
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
    "sample-below-floor": Code(
        title={
            "en": "the upper bound {high} is below the floor {limit}",
            "ja": "上限 {high} が下限基準 {limit} を下回っています",
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
    "sample-alike": Code(
        title={"en": "members and non-members look alike", "ja": "メンバーと非メンバーは同質です"}, more={"en": ""}
    ),
    "sample-coin": Code(
        title={"en": "each of {count} scores is worth a coin", "ja": "{count} 個のスコアはコイン投げと同じです"},
        more={"en": ""},
    ),
    "sample-silent": Code(
        title={"en": "{attack} is silent on fresh rows", "ja": "{attack}は新しい行に反応しません"}, more={"en": ""}
    ),
    "sample-found": Code(
        title={"en": "{attack} finds the plant of {dose} by {of}", "ja": "{attack}は {dose} の漏洩を{of}で見つけます"},
        more={"en": ""},
    ),
    "sample-missed": Code(
        title={"en": "{attack} misses the plant of {dose}", "ja": "{attack}は {dose} の漏洩を見つけられません"},
        more={"en": ""},
    ),
    "sample-few": Code(
        title={"en": "too few people for a twin", "ja": "双子を作るには人数が少なすぎます"}, more={"en": ""}
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
    at_most: str = "",
    at_least: str = "",
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
        at_least=at_least,
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


def usefulness() -> tuple[Finding, ...]:
    """Checks of usefulness: one of models, one of columns, one that was not run."""

    def about(attack: str, *measurements: Measurement, reason: Reason | None = None) -> Finding:
        return Finding(
            attack=attack,
            role="check",
            goal="usefulness",
            outcome="not-run" if reason else "measured",
            reason=reason,
            sees=("case",),
            measurements=measurements,
            details=(),
            caveats=(Reason(code="sample-caveat", args={}),),
            references=("Esteban, Hyland & Rätsch (2017), Real-valued time series generation",),
            params={"seeds": 5, "target": None},
            origin="sekisho 0.1.0",
        )

    def mean(name: str, value: float, blind: float, of: str = "gradient-boosting") -> Measurement:
        return measured(name, Mean(mean=value, se=0.008, df=200), of=of, blind=blind)

    def exact(name: str, value: float, of: str = "all") -> Measurement:
        return measured(name, Exact(numerator=value), of=of, blind=None)

    return (
        about(
            "marginals",
            exact("statistical_fidelity", 0.934),
            exact("fresh_fidelity", 0.971),
            exact("column_fidelity", 0.981, "age"),
            exact("column_fidelity", 0.962, "診療科"),
            exact("pair_fidelity", 0.871, f"age × {HOSTILE_BIDI}"),
        ),
        about("detection", reason=Reason(code="sample-few", args={})),
        about(
            "tstr",
            mean("tstr_f1", 0.609, 0.0),
            mean("trtr_f1", 0.708, 0.0),
            mean("tstr_f1_share", 0.86, 0.0),
            mean("tstr_auc", 0.877, 0.5),
            mean("trtr_auc", 0.927, 0.5),
            mean("tstr_auc_share", 0.946, 0.539),
        ),
    )


def floors() -> tuple[Judgement, ...]:
    """A floor that is missed and one that is reached."""
    return (
        judgement(
            "tstr/tstr_f1_share",
            Verdict.FAIL,
            Reason(code="sample-below-floor", args={"high": "0.8732", "limit": "0.9"}),
            goal="usefulness",
            at_least="0.9",
            of="gradient-boosting",
            measured=(0.86, 0.8468, 0.8732),
            blind=0.0,
        ),
        judgement(
            "marginals/statistical_fidelity",
            Verdict.PASS,
            Reason(code="sample-upper-bound-held", args={"high": "0.9"}),
            goal="usefulness",
            at_least="0.9",
            of="all",
            measured=(0.934, 0.934, 0.934),
            required=False,
        ),
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
        remote = (auc + 0.02, auc - 0.012, auc + 0.052)
        verdict = Verdict.PASS if remote[2] <= 0.6 else Verdict.INCONCLUSIVE
        measurements.append(
            measurement(
                "auc_remote",
                Ranking(auc=remote[0], variance=3.8e-4, n1=400, n0=390),
                *remote,
                of=of,
                n=390,
                blind=0.5,
                method="DeLong",
            )
        )
        judgements.append(
            judgement(
                "membership/auc_remote",
                verdict,
                reason[Verdict.INCONCLUSIVE]
                if verdict is Verdict.INCONCLUSIVE
                else Reason(code="sample-upper-bound-held", args={"high": round(remote[2], 3)}),
                goal="membership",
                of=of,
                at_most="0.6",
                measured=remote,
                blind=0.5,
                basis="convention",
                required=False,
                rationale={"en": "The few who have few like them.", "ja": "似た人の少ない少数の人について。"},
            )
        )
        measurements.append(
            measurement(
                "tpr_at_fpr_0_01_remote",
                TailHits(hits=400 * tpr, n1=400, n0=390, fpr=0.01),
                tpr,
                tpr / 3,
                tpr * 3,
                of=of,
                n=390,
                blind=0.01,
                method="beta-binomial",
            )
        )
        measurements.append(measured("auc_shuffled", shuffled(of), of=of, blind=0.5))
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


def shuffled(of: str) -> Mean:
    """What a score is worth with shuffled labels."""
    return Mean(mean=0.5 + 1e-4 * list(SCORES).index(of), se=4e-4, df=199)


def relative(k1: float, k0: float, n: float = 2000) -> Excess:
    return Excess(k1=k1, n1=n, k0=k0, n0=n, scale="relative")


def compared(
    attack: str, goal: str, at_most: str, hits: dict[str, Excess]
) -> tuple[tuple[Measurement, ...], tuple[Judgement, ...]]:
    """Excesses of one attack, by what they are of, and their judgements."""
    measurements, judgements = [], []
    name = f"{goal.replace('-', '_')}_excess"
    for of, evidence in hits.items():
        one = measured(name, evidence, of=of)
        bounds = (one.value, one.interval.low, one.interval.high)
        limit = float(at_most.removesuffix("%")) / 100
        verdict = Verdict.FAIL if bounds[1] > limit else Verdict.PASS if bounds[2] <= limit else Verdict.INCONCLUSIVE
        reason = {
            Verdict.FAIL: Reason(code="sample-lower-bound-above", args={"low": f"{bounds[1]:.3g}", "limit": at_most}),
            Verdict.PASS: Reason(code="sample-upper-bound-held", args={"high": f"{bounds[2]:.3g}"}),
            Verdict.INCONCLUSIVE: Reason(code="sample-between", args={"n": 5000}),
        }
        measurements.append(one)
        judgements.append(
            judgement(
                f"{attack}/{name}",
                verdict,
                reason[verdict],
                goal=goal,
                of=of,
                at_most=at_most,
                measured=bounds,
                blind=0.0,
                basis="convention",
                rationale={"en": "What is known of anybody is not counted.", "ja": "誰にでも分かることは数えません。"},
            )
        )
    return tuple(measurements), tuple(judgements)


SECRETS = {"診療科": relative(1310, 690), HOSTILE_LENGTH: relative(1004, 1010)}
LINKED = {"nearest-pair": relative(24, 21)}
DESCRIBED = {"univariate": relative(7, 5, 14), "multivariate": relative(612, 590, 7000)}


def attribute() -> tuple[tuple[Measurement, ...], tuple[Judgement, ...]]:
    measurements, judgements = compared("attribute-disclosure", "attribute", "10%", SECRETS)
    priors = [
        measured("attribute_prior", Proportion(k=hits, n=2000), of=of, blind=None)
        for of, hits in zip(SECRETS, (400, 1031), strict=True)
    ]
    return (*measurements, *priors), judgements


def linkability() -> tuple[tuple[Measurement, ...], tuple[Judgement, ...]]:
    measurements, judgements = compared("linkability", "linkability", "7%", LINKED)
    prior = measured("linkability_prior", Exact(numerator=1, denominator=4000), blind=None)
    return (*measurements, prior), judgements


def singling_out() -> tuple[tuple[Measurement, ...], tuple[Judgement, ...]]:
    measurements, judgements = compared("singling-out", "singling-out", "7%", DESCRIBED)
    priors = [
        measured("singling_out_prior", Exact(numerator=chance), of=of, blind=None)
        for of, chance in zip(DESCRIBED, (0.31, 0.057), strict=True)
    ]
    return (*measurements, *priors), judgements


def controls() -> tuple[Control, ...]:
    """Every kind, with every outcome and verdict."""

    def one(name: str, verdict: Verdict, code: str, attack: str = "", **fields: object) -> Control:
        args: dict[str, str | int | float] = {"attack": attack}
        if name == "leaky-twin":
            args["dose"] = f"{100 * float(str(fields['dose'])):g} %"
        if "of" in fields:
            args["of"] = str(fields.pop("of"))
        return Control(name=name, verdict=verdict, reason=Reason(code=code, args=args), attack=attack, **fields)  # type: ignore[arg-type]

    blind = measured("blind_auc", Ranking(auc=0.508, variance=3e-5, n1=4000, n0=4000), blind=0.5)
    auc = measured("auc", Ranking(auc=0.502, variance=6e-5, n1=2000, n0=2000), of="density-ratio", blind=0.5)
    tail = measured("tpr_at_fpr_0_01", TailHits(hits=26, n1=2000, n0=2000, fpr=0.01), of="density-ratio", blind=0.01)
    found = measured("tpr_at_fpr_0_01", TailHits(hits=411, n1=4000, n0=4000, fpr=0.01), of="density-ratio", blind=0.01)
    secret = measured("attribute_excess", relative(300, 310, 1000), of="診療科")
    missed = measured("attribute_excess", relative(760, 700), of="診療科")
    return (
        Control(name="overlap", verdict=Verdict.PASS, reason=Reason(code="sample-overlap", args={"rows": 3})),
        one("blind-baseline", Verdict.PASS, "sample-alike", measurements=(blind,)),
        Control(
            name="label-permutation",
            attack="membership",
            measurements=tuple(measured("auc_shuffled", shuffled(of), of=of, blind=0.5) for of in SCORES),
            verdict=Verdict.PASS,
            reason=Reason(code="sample-coin", args={"count": 4}),
        ),
        one("innocent-twin", Verdict.PASS, "sample-silent", "membership", measurements=(auc, tail)),
        one("innocent-twin", Verdict.PASS, "sample-silent", "attribute-disclosure", measurements=(secret,)),
        one("innocent-twin", Verdict.INCONCLUSIVE, "sample-few", "singling-out", outcome="not-run"),
        one(
            "leaky-twin",
            Verdict.PASS,
            "sample-found",
            "membership",
            dose=0.1,
            of="density-ratio",
            measurements=(found,),
        ),
        one(
            "leaky-twin",
            Verdict.INCONCLUSIVE,
            "sample-missed",
            "attribute-disclosure",
            dose=0.1,
            measurements=(missed,),
        ),
        one("leaky-twin", Verdict.ERROR, "sample-died", "linkability", dose=0.1, outcome="errored"),
    )


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
    guessed, guessed_judgements = attribute()
    linked, linked_judgements = linkability()
    described, described_judgements = singling_out()
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
            compares=("copies_excess",),
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
            compares=("auc", "tpr_at_fpr_0_01", "tpr_at_fpr_0_001", "auc_remote", "tpr_at_fpr_0_01_remote"),
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
        *(
            Finding(
                attack=attack,
                role="attack",
                goal=goal,
                outcome="measured",
                reason=None,
                sees=("release",),
                measurements=found,
                details=(),
                caveats=(),
                references=("Giomi et al. (2023), A unified framework",),
                params=params,
                origin="sekisho 0.1.0",
                compares=(found[0].name,),
            )
            for attack, goal, found, params in (
                ("attribute-disclosure", "attribute", guessed, {"known": "other-columns", "targets": 5000}),
                ("linkability", "linkability", linked, {"left": [], "targets": 2000}),
                ("singling-out", "singling-out", described, {"tries": 10000}),
            )
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
        *guessed_judgements,
        *linked_judgements,
        *described_judgements,
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
        *floors(),
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
        missing=("identifiers",),
        judgements=judgements,
        findings=findings,
        controls=controls(),
        guarantee=None,
        usefulness=usefulness(),
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
                "attribute-disclosure.title": "Attribute disclosure",
                "attribute-disclosure.assumption": "Somebody who knows a person's other values.",
                "linkability.title": "Linkability",
                "linkability.assumption": "Somebody who holds two files about the same people.",
                "singling-out.title": "Singling out",
                "singling-out.assumption": "Anyone who holds the release.",
                "k-anonymity.title": "k-anonymity",
                "k-anonymity.assumption": "Somebody who knows a person's quasi-identifiers.",
                "tstr.title": "Train on synthetic, test on real",
                "strangers-attack.title": f"A stranger's attack {HOSTILE_BIDI}",
            },
            "ja": {
                "exact-copies.title": "完全一致",
                "exact-copies.assumption": "ある人のレコードを知っていれば、誰でもリリースの中を探せます。",
                "membership.title": "メンバーシップ推論",
                "membership.assumption": "ある人の全レコードと、同種の他のレコードを持つ人。",
                "attribute-disclosure.title": "属性の推定",
                "attribute-disclosure.assumption": "ある人のほかの値を知っている人。",
                "linkability.title": "連結可能性",
                "linkability.assumption": "同じ人々に関する二つのファイルを持つ人。",
                "singling-out.title": "単独識別",
                "singling-out.assumption": "リリースを持つ人なら誰でも。",
                "k-anonymity.title": "k-匿名性",
                "k-anonymity.assumption": "ある人の準識別子を知っている人。",
                "tstr.title": "合成データで学習し、実データで試験",
            },
        },
        volatile=Volatile(
            started="2026-04-01T09:30:00+00:00",
            seconds={
                "exact-copies": 1.234,
                "membership": 35.7,
                "membership (innocent-twin)": 11.3,
                "membership (leaky-twin)": 34.9,
                "k-anonymity": 0.41,
                "total": 86.2,
            },
            peak_mib={"exact-copies": 312.0, "membership": 1040.0, "k-anonymity": 290.5, "core": 512.3},
            platform="Linux x86_64",
            cores=2,
        ),
    )
