"""The entry point: light records of the attacks and checks that come with sekisho."""

import sys

from audit_core.asked import AskedHiddenValue, AskedInclusion, AskedLinkage
from audit_core.hookspecs import hookimpl
from audit_core.measurement import USEFULNESS
from audit_core.plugin import AttackPlugin, CheckPlugin, Expected, GeneratorPlugin
from audit_core.questions import Asset
from audit_plugins.params import (
    CtganParams,
    DetectionParams,
    DpCtganParams,
    ExternalParams,
    KAnonymityParams,
    LeakyParams,
    MarginalRatioParams,
    ShadowQueriesParams,
    SinglingOutParams,
    TrainOnSyntheticParams,
)

_BOOTSTRAP = """
import csv, random, sys
train, release, rows, seed = sys.argv[1:]
header, *lines = csv.reader(open(train, newline="", encoding="utf-8"))
random.seed(int(seed))
csv.writer(open(release, "w", newline="", encoding="utf-8")).writerows([header, *random.choices(lines, k=int(rows))])
"""
"""A program for the kit's trials of `external`: it draws rows with replacement, so it leaks all it can."""

_GUESSES = tuple(
    f"distance-difference/{name}" for name in ("top-1-in-400", "top-1-in-100", "top-1-in-25")
)  # as `audit_core.inquiry.inclusion` takes them

_OF_A_CLAIM = (
    "epsilon_claimed",
    "epsilon_recomputed",
    "claim_understated",
    "budget_used",
    "steps_outside",
    "unit_mismatch",
    "delta_times_rows",
    "unanswered",
)


@hookimpl
def audit_attacks() -> tuple[AttackPlugin, ...]:
    return (
        AttackPlugin(
            name="membership",
            title={"en": "Membership inference", "ja": "メンバーシップ推論"},
            goal="membership",
            question="membership",
            sees=frozenset({Asset.RELEASE, Asset.REFERENCE}),
            assumption={
                "en": "Holds the release, a person's full record and other records of the same population.",
                "ja": "リリース、対象者のレコード全体、同じ母集団の他の人のレコードを持つ攻撃者です。",
            },
            scores=(
                "distance-difference",
                "density-ratio",
                "local-neighbourhood",
                "data-plagiarism-index",
                "likelihood-ratio",
                "classifier",
            ),
            references=(
                "Chen, Yu, Zhang & Fritz (2020), GAN-Leaks: a taxonomy of membership inference attacks",
                "van Breugel, Sun, Qian & van der Schaar (2023), Membership inference attacks against synthetic data "
                "through overfitting detection",
                "Houssiau et al. (2022), TAPAS: a toolbox for adversarial privacy auditing of synthetic data",
                "Ward, Wang & Cheng (2024), Data Plagiarism Index: characterizing the privacy risk of data-copying in "
                "tabular generative models (arXiv 2406.13012)",
                "Ward, Yang, Lin, Wang & Cheng (2025), Privacy auditing synthetic data release through local "
                "likelihood attacks",
                "Hayes, Melis, Danezis & De Cristofaro (2019), LOGAN: membership inference attacks against "
                "generative models",
                "Carlini et al. (2022), Membership inference attacks from first principles",
            ),
            load="audit_plugins.attacks.membership:MembershipInference",
            neighbours=20,
            release_neighbours=20,
        ),
        AttackPlugin(
            name="one-run",
            title={"en": "The claimed ε, from one run", "ja": "主張された ε（1 回の実行による検証）"},
            goal="guarantee",
            question="inclusion",
            sees=frozenset({Asset.RELEASE, Asset.REFERENCE}),
            assumption={
                "en": "Holds the release, full records that a coin let in or kept out, and others of the population.",
                "ja": "リリース、コインで採否が決まったレコードの全体、同じ母集団の他のレコードを持つ攻撃者です。",
            },
            expects={"epsilon_shown": Expected(kind="unknown", of=_GUESSES)},
            references=(
                "Steinke, Nasr & Jagielski (2023), Privacy auditing with one (1) training run",
                "Chen, Yu, Zhang & Fritz (2020), GAN-Leaks: a taxonomy of membership inference attacks",
            ),
            load="audit_plugins.attacks.one_run:OneRun",
            params=AskedInclusion,
            neighbours=1,
        ),
        AttackPlugin(
            name="attribute-disclosure",
            title={"en": "Attribute disclosure", "ja": "属性の推定"},
            goal="attribute",
            question="hidden-value",
            sees=frozenset({Asset.RELEASE}),
            assumption={
                "en": "Holds the release and knows a person's other values, or only the quasi-identifiers.",
                "ja": "リリースを持ち、対象者のほかの値、または準識別子だけを知っている攻撃者です。",
            },
            references=(
                "Giomi, Boenisch, Wehmeyer & Tasnadi (2023), A unified framework for quantifying privacy risk in "
                "synthetic data",
                "Donner & Zou (2012), Closed-form confidence intervals for functions of the normal mean and standard "
                "deviation",
            ),
            load="audit_plugins.attacks.attribute_disclosure:AttributeDisclosure",
            params=AskedHiddenValue,
            neighbours=20,
        ),
        AttackPlugin(
            name="linkability",
            title={"en": "Linkability", "ja": "連結可能性"},
            goal="linkability",
            question="linkage",
            sees=frozenset({Asset.RELEASE}),
            assumption={
                "en": "Holds the release and two files about the same people that have no column in common.",
                "ja": "リリースと、同じ人々に関する、共通の列を持たない二つのファイルを持つ攻撃者です。",
            },
            references=(
                "Article 29 Working Party (2014), Opinion 05/2014 on anonymisation techniques (WP216)",
                "Giomi, Boenisch, Wehmeyer & Tasnadi (2023), A unified framework for quantifying privacy risk in "
                "synthetic data",
            ),
            scores=("nearest-pair",),
            load="audit_plugins.attacks.linkability:Linkability",
            params=AskedLinkage,
            neighbours=10,
        ),
        AttackPlugin(
            name="singling-out",
            title={"en": "Singling out", "ja": "単独識別"},
            goal="singling-out",
            question="singling-out",
            sees=frozenset({Asset.RELEASE}),
            assumption={
                "en": "Holds the release and nothing else, and looks for descriptions that fit one person only.",
                "ja": "リリースだけを持ち、一人だけに当てはまる条件を探す攻撃者です。",
            },
            references=(
                "Article 29 Working Party (2014), Opinion 05/2014 on anonymisation techniques (WP216)",
                "Cohen & Nissim (2020), Towards formalizing the GDPR's notion of singling out",
                "Giomi, Boenisch, Wehmeyer & Tasnadi (2023), A unified framework for quantifying privacy risk in "
                "synthetic data",
            ),
            expects={
                # How many descriptions by one column there will be is for the release to say: a handful.
                "singling_out_excess": Expected(kind="unknown", of=("univariate", "multivariate")),
                "singling_out_excess/multivariate": Expected(
                    kind="excess", scale="relative", chance=0.3, tries="released-once", most="tries"
                ),
            },
            load="audit_plugins.attacks.singling_out:SinglingOutAttack",
            params=SinglingOutParams,
        ),
        AttackPlugin(
            name="marginal-ratio",
            title={"en": "Ratio of marginals", "ja": "周辺分布の比"},
            goal="membership",
            question="membership",
            sees=frozenset({Asset.RELEASE, Asset.REFERENCE}),
            assumption={
                "en": "Holds the release, a person's full record and other records of the same population, and knows "
                "that the generator keeps marginals, as MST does.",
                "ja": "リリース、対象者のレコード全体、同じ母集団の他の人のレコードを持ち、MST のように周辺分布を保つ"
                "生成器であることを知っている攻撃者です。",
            },
            references=(
                "Golob, Pentyala, Maratkhan & De Cock (2024), Privacy vulnerabilities in marginals-based synthetic "
                "data (arXiv 2410.05506)",
                "McKenna, Miklau & Sheldon (2021), Winning the NIST contest: a scalable and general approach to "
                "differentially private synthetic data",
            ),
            load="audit_plugins.attacks.marginal_ratio:MarginalRatio",
            scores=("marginal-ratio", "log-marginal-ratio"),
            params=MarginalRatioParams,
            opt_in=True,
        ),
        AttackPlugin(
            name="shadow-queries",
            title={"en": "Shadow models and marginal queries", "ja": "シャドウモデルと周辺クエリ"},
            goal="membership",
            question="membership",
            sees=frozenset({Asset.RELEASE, Asset.REFERENCE, Asset.GENERATOR}),
            assumption={
                "en": "Holds the release, a person's full record and other records of the same population, and can "
                "run the generator on them.",
                "ja": "リリース、対象者のレコード全体、同じ母集団の他の人のレコードを持ち、それらで生成器を動かせる"
                "攻撃者です。",
            },
            references=(
                "Houssiau et al. (2022), TAPAS: a toolbox for adversarial privacy auditing of synthetic data",
                "Guépin, Meeus, Cretu & de Montjoye (2023), Synthetic is all you need: removing the auxiliary data "
                "assumption for membership inference attacks against synthetic data",
                "Carlini et al. (2022), Membership inference attacks from first principles",
            ),
            load="audit_plugins.attacks.shadow_queries:ShadowQueries",
            scores=("shadow-classifier",),
            params=ShadowQueriesParams,
            opt_in=True,
            trial={"generator": "leaky", "generator_params": {"dose": 0.5}, "fits": 16, "backend": None},
        ),
    )


_RISKS = (
    "largest_risk",
    "average_risk",
    "share_below_k",
    "sample_uniqueness",
    "k_map_risk",
    "l_distinct_risk",
    "l_entropy_risk",
    "t_closeness",
    "delta_disclosure",
)

_MODELS = ("gradient-boosting", "logistic-regression")
_PERFORMANCES = ("tstr_f1", "trtr_f1", "tstr_f1_share", "tstr_auc", "trtr_auc", "tstr_auc_share")
_NO_ATTACK = {
    "en": "No attack: the owner of the data sees how much the release is good for.",
    "ja": "攻撃ではありません。データの保有者が、リリースがどれだけ役に立つかを調べるものです。",
}


@hookimpl
def audit_checks() -> tuple[CheckPlugin, ...]:
    return (
        CheckPlugin(
            name="exact-copies",
            title={"en": "Copies of real records", "ja": "実データの複製"},
            goal="copies",
            assumption={
                "en": "Holds the release and recognises a real person's record when it stands in it.",
                "ja": "リリースを持ち、その中に実在の人のレコードがあれば見分けられる攻撃者です。",
            },
            measures=(
                "multiset_equal",
                "surviving_identifiers",
                "copies_excess",
                "singular_values_excess",
                "released_copies_excess",
                "released_near_excess",
            ),
            references=(
                "Article 29 Working Party (2014), Opinion 05/2014 on anonymisation techniques (WP216)",
                "Newcombe (1998), Interval estimation for the difference between independent proportions",
                "Rao & Scott (1992), A simple method for the analysis of clustered binary data",
            ),
            expects={
                "multiset_equal": Expected(kind="exact"),
                "surviving_identifiers": Expected(kind="exact"),
                "copies_excess": Expected(
                    kind="excess", chance=0.002, tries="single-rows", of=("raw", "normalised", "near")
                ),
                "singular_values_excess": Expected(kind="excess", chance=0.002, each="singular"),
                # Heuristics: what an honest release scores depends on how it was made.
                "released_copies_excess": Expected(kind="unknown", of=("any", "once")),
                "released_near_excess": Expected(kind="unknown", of=("distance", "columns", "counts")),
            },
            load="audit_plugins.checks.exact_copies:ExactCopies",
            compares=("copies_excess", "singular_values_excess"),
            neighbours=(
                ("members", "release", 1),
                ("non_members", "release", 1),
                ("release", "members", 1),
                ("members", "members", 2),
            ),
        ),
        CheckPlugin(
            name="dp-claim",
            title={"en": "Claim of differential privacy", "ja": "差分プライバシーの主張"},
            goal="guarantee",
            assumption={
                "en": "No attack: the ledger is added up again by another library.",
                "ja": "攻撃ではありません。台帳を別のライブラリーで計算し直すものです。",
            },
            measures=_OF_A_CLAIM,
            references=(
                "NIST SP 800-226 (2025), Guidelines for evaluating differential privacy guarantees",
                "Ponomareva et al. (2023), How to DP-fy ML: a practical guide to machine learning with differential "
                "privacy",
                "Gopi, Lee & Wutschitz (2021), Numerical composition of differential privacy",
            ),
            expects={name: Expected(kind="exact") for name in _OF_A_CLAIM},
            load="audit_plugins.checks.dp_claim:DpClaim",
            needs=("guarantee",),
            requires=("dp-accounting",),
        ),
        CheckPlugin(
            name="nearest-record",
            title={"en": "Distance to the nearest record", "ja": "最も近いレコードとの距離"},
            goal="copies",
            assumption={
                "en": "No attack: whoever holds all three files compares how near the released rows lie to members and "
                "to non-members.",
                "ja": "攻撃ではありません。三つのファイルをすべて持つ人が、リリースの行とメンバー、非メンバーとの近さを"
                "比べるものです。",
            },
            measures=("dcr_share", "nndr_share"),
            references=(
                "Yao, Krčo, Ganev & de Montjoye (2025), The DCR Delusion: measuring the privacy risk of synthetic data "
                "(arXiv 2505.01524), on what these measures miss",
                "Pilgram et al. (2025), A consensus privacy metrics framework for synthetic data, Patterns, on why to "
                "avoid them",
                "Kish (1965), Survey sampling, on effective sample sizes",
            ),
            # How many tries the released rows are worth shows only when they are there.
            expects={name: Expected(kind="unknown", of=("all",)) for name in ("dcr_share", "nndr_share")},
            load="audit_plugins.checks.nearest_record:NearestRecord",
            compares=("dcr_share", "nndr_share"),
            needs=("non_members", "columns"),
        ),
        CheckPlugin(
            name="k-anonymity",
            title={"en": "k-anonymity and related measures", "ja": "k-匿名性と関連指標"},
            goal="identity",
            assumption={
                "en": "Knows a person's quasi-identifiers and looks the person up in the release.",
                "ja": "対象者の準識別子を知っており、リリースの中でその人を探す攻撃者です。",
            },
            measures=_RISKS,
            references=(
                "Sweeney (2002), k-anonymity: a model for protecting privacy",
                "Machanavajjhala, Kifer, Gehrke & Venkitasubramaniam (2007), l-diversity",
                "Li, Li & Venkatasubramanian (2007), t-closeness",
                "Brickell & Shmatikov (2008), The cost of privacy",
                "El Emam & Dankar (2008), Protecting privacy using k-anonymity",
            ),
            expects={name: Expected(kind="exact") for name in _RISKS},
            load="audit_plugins.checks.k_anonymity:KAnonymity",
            params=KAnonymityParams,
            needs=("quasi_identifiers",),
        ),
        CheckPlugin(
            name="marginals",
            title={"en": "Columns and pairs of columns", "ja": "列の分布と列の組の分布"},
            goal=USEFULNESS,
            assumption=_NO_ATTACK,
            measures=("statistical_fidelity", "fresh_fidelity", "column_fidelity", "pair_fidelity"),
            references=(
                "McKenna, Miklau & Sheldon (2021), Winning the NIST contest: a scalable and general approach to "
                "differentially private synthetic data",
            ),
            expects={
                "statistical_fidelity": Expected(kind="exact", of=("all",)),
                "fresh_fidelity": Expected(kind="exact", of=("all",)),
                "column_fidelity": Expected(kind="exact"),
                "pair_fidelity": Expected(kind="exact"),
            },
            load="audit_plugins.checks.marginals:Marginals",
            needs=("columns",),
        ),
        CheckPlugin(
            name="detection",
            title={"en": "Telling released rows from real ones", "ja": "リリースの行と実データの行の見分け"},
            goal=USEFULNESS,
            assumption=_NO_ATTACK,
            measures=("indistinguishability",),
            references=(
                "Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests",
                "Snoke, Raab, Nowok, Dibben & Slavković (2018), General and specific utility measures for synthetic "
                "data",
            ),
            expects={"indistinguishability": Expected(kind="unknown", of=_MODELS)},
            load="audit_plugins.checks.detection:Detection",
            params=DetectionParams,
            needs=("columns",),
            opt_in=True,
        ),
        CheckPlugin(
            name="tstr",
            title={"en": "Train on synthetic, test on real", "ja": "合成データで学習し、実データで試験（TSTR）"},
            goal=USEFULNESS,
            assumption=_NO_ATTACK,
            measures=_PERFORMANCES,
            references=(
                "Esteban, Hyland & Rätsch (2017), Real-valued (medical) time series generation with recurrent "
                "conditional GANs",
                "DeLong, DeLong & Clarke-Pearson (1988), Comparing the areas under two or more correlated ROC curves",
            ),
            expects={name: Expected(kind="unknown", of=_MODELS) for name in _PERFORMANCES},
            load="audit_plugins.checks.train_on_synthetic:TrainOnSynthetic",
            params=TrainOnSyntheticParams,
            needs=("non_members", "columns"),
            opt_in=True,
        ),
    )


@hookimpl
def audit_generators() -> tuple[GeneratorPlugin, ...]:
    return (
        GeneratorPlugin(
            name="ctgan",
            title={"en": "Conditional GAN", "ja": "条件付き GAN"},
            method={
                "en": "Trains the CTGAN of the package of that name; claims no privacy.",
                "ja": "同名のパッケージの CTGAN を学習します。プライバシーの主張はありません。",
            },
            references=(
                "Xu, Skoularidou, Cuesta-Infante & Veeramachaneni (2019), Modeling tabular data using conditional GAN",
            ),
            load="audit_plugins.generators.ctgan:Ctgan",
            params=CtganParams,
            requires=("ctgan", "pandas"),
            trial={"epochs": 1, "batch": 100},
        ),
        GeneratorPlugin(
            name="external",
            title={"en": "External program", "ja": "外部プログラム"},
            method={
                "en": "Runs a program that reads a CSV file and writes one, and a ledger if it claims privacy.",
                "ja": "CSV ファイルを読み書きするプログラムを実行します。プライバシーを主張する場合は台帳も"
                "書き出します。",
            },
            load="audit_plugins.generators.external:External",
            params=ExternalParams,
            trial={"command": [sys.executable, "-c", _BOOTSTRAP, "{train}", "{release}", "{rows}", "{seed}"]},
        ),
        GeneratorPlugin(
            name="dp-ctgan",
            title={"en": "Conditional GAN with differential privacy", "ja": "差分プライバシー付き条件付き GAN"},
            method={
                "en": "Counts every column with noise, and trains a conditional GAN whose discriminator sees real rows "
                "through DP-SGD; with a complete ledger.",
                "ja": "各列を雑音付きで集計し、識別器だけが DP-SGD を通して実データに触れる条件付き GAN を学習します。"
                "消費したプライバシー予算はすべて台帳に残ります。",
            },
            references=(
                "Xu, Skoularidou, Cuesta-Infante & Veeramachaneni (2019), Modeling tabular data using conditional GAN",
                "Abadi et al. (2016), Deep learning with differential privacy",
                "Liu, Vietri & Wu (2021), Iterative methods for private synthetic data: unifying framework and new "
                "methods",
            ),
            load="audit_plugins.generators.dp_ctgan.generator:DpCtgan",
            params=DpCtganParams,
            requires=("torch", "opacus", "opendp", "randomgen", "safetensors"),
            trial={"epsilon": 5, "delta": 1e-5, "epochs": 1, "batch": 40},
        ),
        GeneratorPlugin(
            name="independent",
            title={"en": "Independent columns", "ja": "独立な列"},
            method={
                "en": "Draws every column by itself from the members' values of it; for controls, not for use.",
                "ja": "各列の値を、メンバーのその列の値から、ほかの列とは無関係に抽出します。実用ではなく対照のための"
                "生成器です。",
            },
            load="audit_plugins.generators.independent:Independent",
        ),
        GeneratorPlugin(
            name="leaky",
            title={"en": "Leaky on purpose", "ja": "意図的に漏洩させる生成器"},
            method={
                "en": "As `independent`, but a share of the rows are members' rows; to see whether an audit is awake.",
                "ja": "`independent` と同じですが、行の一部がメンバーの行です。監査が漏洩に気付くかを確かめる"
                "ための生成器です。",
            },
            load="audit_plugins.generators.leaky:Leaky",
            params=LeakyParams,
            trial={"dose": 0.5},
        ),
    )
