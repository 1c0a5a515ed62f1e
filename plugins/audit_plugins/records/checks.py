"""The checks that come with sekisho."""

from audit_core.measurement import USEFULNESS
from audit_core.plugin import CheckPlugin, Expected
from audit_plugins.params import DetectionParams, KAnonymityParams, TrainOnSyntheticParams

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

CHECKS: tuple[CheckPlugin, ...] = (
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
        audits=frozenset({"table", "model"}),
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
            "Snoke, Raab, Nowok, Dibben & Slavković (2018), General and specific utility measures for synthetic data",
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
