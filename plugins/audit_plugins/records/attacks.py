"""The attacks that come with sekisho."""

from audit_core.asked import AskedHiddenValue, AskedInclusion, AskedLinkage, AskedMembership
from audit_core.plugin import AttackPlugin, Expected
from audit_core.questions import Asset
from audit_plugins.params import (
    MarginalRatioParams,
    PrefixExtractionParams,
    ShadowModelsParams,
    ShadowQueriesParams,
    SinglingOutParams,
)

_GUESSES = tuple(
    f"distance-difference/{name}" for name in ("top-1-in-400", "top-1-in-100", "top-1-in-25")
)  # as `audit_core.inquiry.inclusion` takes them

ATTACKS: tuple[AttackPlugin, ...] = (
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
    AttackPlugin(
        name="likelihood-ratio",
        title={"en": "Likelihood ratio", "ja": "尤度比"},
        goal="membership",
        question="membership",
        audits=frozenset({"model"}),
        sees=frozenset({Asset.MODEL, Asset.BASE}),
        assumption={
            "en": "Holds the released model, the model it was fine-tuned from, and a person's full text.",
            "ja": "公開されたモデル、ファインチューニング前のモデル、対象者のテキスト全体を持つ攻撃者です。",
        },
        references=(
            "Mireshghallah, Goyal, Uniyal, Berg-Kirkpatrick & Shokri (2022), Quantifying privacy risks of masked "
            "language models using membership inference attacks",
            "Savine et al. (2025), Memorization in fine-tuned LLMs (arXiv 2507.21009)",
            "Carlini et al. (2022), Membership inference attacks from first principles",
        ),
        load="audit_plugins.attacks.likelihood_ratio:LikelihoodRatio",
        scores=("per-token", "sum"),
        params=AskedMembership,
    ),
    AttackPlugin(
        name="membership-panel",
        title={"en": "Panel of membership scores", "ja": "メンバーシップ指標の一覧"},
        goal="membership",
        question="membership",
        audits=frozenset({"model"}),
        sees=frozenset({Asset.MODEL, Asset.BASE}),
        base_optional=True,
        assumption={
            "en": "Holds the released model and a person's full text, and, for some of the scores, the model it was "
            "fine-tuned from.",
            "ja": "公開されたモデルと対象者のテキスト全体を持ち、一部の指標ではファインチューニング前のモデルも"
            "持つ攻撃者です。",
        },
        references=(
            "Yeom, Giacomelli, Fredrikson & Jha (2018), Privacy risk in machine learning: analyzing the connection "
            "to overfitting",
            "Carlini et al. (2021), Extracting training data from large language models",
            "Shi et al. (2024), Detecting pretraining data from large language models",
            "Zhang et al. (2025), Min-K%++: improved baseline for detecting pre-training data from large language "
            "models",
            "Watson, Guo, Cormode & Sablayrolles (2022), On the importance of difficulty calibration in membership "
            "inference attacks",
            "Ilić, Stanojević & Cvejoski (2026), Powerful training-free membership inference against autoregressive "
            "language models (arXiv 2601.12104)",
            "Chen, Du, Zhang, Kundu, Fleming, Ribeiro & Li (2026), Window-based membership inference attacks against "
            "fine-tuned large language models (arXiv 2601.02751)",
        ),
        load="audit_plugins.attacks.membership_panel:MembershipPanel",
        scores=(  # without a base the first four, so that fewer tests are made than were planned
            "loss",
            "zlib",
            "min-k",
            "min-k-plus-plus",
            "zlib-calibrated",
            "min-k-calibrated",
            "min-k-plus-plus-calibrated",
            "ez",
            "window-votes",
        ),
        params=AskedMembership,
    ),
    AttackPlugin(
        name="lira",
        title={"en": "Shadow models (LiRA, RMIA)", "ja": "シャドウモデル（LiRA、RMIA）"},
        goal="membership",
        question="membership",
        audits=frozenset({"model"}),
        sees=frozenset({Asset.MODEL, Asset.BASE, Asset.TRAINING}),
        assumption={
            "en": "Holds the released model, its base and people's full texts, and can fine-tune the base on them in "
            "the same way.",
            "ja": "公開されたモデル、ファインチューニング前のモデル、対象者のテキスト全体を持ち、同じ方法で自ら"
            "学習させることができる攻撃者です。",
        },
        references=(
            "Carlini et al. (2022), Membership inference attacks from first principles",
            "Zarifzadeh, Liu & Shokri (2024), Low-cost high-power membership inference attacks",
        ),
        load="audit_plugins.attacks.lira:ShadowModels",
        scores=("online", "offline", "rmia"),
        params=ShadowModelsParams,
        opt_in=True,
        trial={"train": "by-rote", "models": 4, "n_jobs": 1},
    ),
    AttackPlugin(
        name="canary-exposure",
        title={"en": "Exposure of canaries", "ja": "カナリアの露出度"},
        goal="membership",
        question="canaries",
        audits=frozenset({"model"}),
        sees=frozenset({Asset.MODEL, Asset.BASE}),
        base_optional=True,
        assumption={
            "en": "Holds the released model and, if at hand, its base, and wants to confirm a text that nobody could "
            "guess.",
            "ja": "公開されたモデルと、あればファインチューニング前のモデルを持ち、だれにも推測できないテキストが学習に"
            "使われたかを確かめようとする攻撃者です。",
        },
        references=(
            "Carlini, Liu, Erlingsson, Kos & Song (2019), The secret sharer: evaluating and testing unintended "
            "memorization in neural networks",
            "Steinke, Nasr & Jagielski (2023), Privacy auditing with one (1) training run",
        ),
        load="audit_plugins.attacks.canary_exposure:CanaryExposure",
        scores=("sum",),
        expects={
            "epsilon_shown": Expected(
                kind="unknown", of=tuple(f"sum/{name}" for name in ("top-1-in-20", "top-1-in-5", "top-2-in-5"))
            )
        },
    ),
    AttackPlugin(
        name="prefix-extraction",
        title={"en": "Extraction from a prefix", "ja": "書き出しからの抽出"},
        goal="extraction",
        question="continuation",
        audits=frozenset({"model"}),
        sees=frozenset({Asset.MODEL}),
        assumption={
            "en": "Can run the released model, and knows how a person's text begins.",
            "ja": "公開されたモデルを動かすことができ、対象者のテキストの書き出しを知っている攻撃者です。",
        },
        references=(
            "Carlini, Ippolito, Jagielski, Lee, Tramer & Zhang (2023), Quantifying memorization across neural language "
            "models",
            "Hayes et al. (2025), Measuring memorization in language models via probabilistic extraction "
            "(arXiv 2410.19482)",
            "Lin (2004), ROUGE: a package for automatic evaluation of summaries",
            "Papineni, Roukos, Ward & Zhu (2002), BLEU: a method for automatic evaluation of machine translation",
            "Lin & Och (2004), ORANGE: a method for evaluating automatic evaluation metrics for machine translation",
        ),
        load="audit_plugins.attacks.prefix_extraction:PrefixExtraction",
        scores=("greedy",),
        params=PrefixExtractionParams,
    ),
)
