"""The generators that come with sekisho."""

import sys

from audit_core.plugin import GeneratorPlugin
from audit_plugins.params import CtganParams, DpCtganParams, ExternalParams, LeakyParams

_BOOTSTRAP = """
import csv, random, sys
train, release, rows, seed = sys.argv[1:]
header, *lines = csv.reader(open(train, newline="", encoding="utf-8"))
random.seed(int(seed))
csv.writer(open(release, "w", newline="", encoding="utf-8")).writerows([header, *random.choices(lines, k=int(rows))])
"""
"""A program for the kit's trials of `external`: it draws rows with replacement, so it leaks all it can."""

GENERATORS: tuple[GeneratorPlugin, ...] = (
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
            "ja": "CSV ファイルを読み書きするプログラムを実行します。プライバシーを主張する場合は台帳も書き出します。",
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
            "Liu, Vietri & Wu (2021), Iterative methods for private synthetic data: unifying framework and new methods",
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
