"""The training backends that come with sekisho."""

from audit_core.plugin import TrainingBackendPlugin
from audit_plugins.params_language import (
    FullDpsgdParams,
    FullParams,
    LoraDpsgdParams,
    LoraParams,
    PromptDpsgdParams,
)

_LORA = "Hu et al. (2022), LoRA: low-rank adaptation of large language models"
_DPSGD = (
    "Abadi et al. (2016), Deep learning with differential privacy",
    "Gopi, Lee & Wutschitz (2021), Numerical composition of differential privacy",
)
_NEEDED = ("torch", "transformers", "safetensors")
_PRIVATE = (*_NEEDED, "opacus", "opendp", "randomgen")

TRAINING_BACKENDS: tuple[TrainingBackendPlugin, ...] = (
    TrainingBackendPlugin(
        name="lora",
        title={"en": "Adapters of low rank (LoRA)", "ja": "低ランクアダプター（LoRA）"},
        method={
            "en": "Trains adapters of low rank beside some layers of a base model; claims no privacy.",
            "ja": "ベースモデルの一部の層に加えた低ランクのアダプターを学習します。プライバシーの主張はありません。",
        },
        references=(_LORA,),
        load="audit_plugins.training.backends:Lora",
        params=LoraParams,
        requires=(*_NEEDED, "peft"),
        trial={"epochs": 1, "batch": 4},
    ),
    TrainingBackendPlugin(
        name="full",
        title={"en": "Full fine-tuning", "ja": "全パラメータの学習"},
        method={
            "en": "Trains all parameters of a base model; claims no privacy.",
            "ja": "ベースモデルのすべてのパラメータを学習します。プライバシーの主張はありません。",
        },
        load="audit_plugins.training.backends:Full",
        params=FullParams,
        requires=_NEEDED,
        trial={"epochs": 1, "batch": 4},
    ),
    TrainingBackendPlugin(
        name="lora-dpsgd",
        title={
            "en": "Adapters of low rank (LoRA) with differential privacy",
            "ja": "差分プライバシー付き低ランクアダプター（LoRA）",
        },
        method={
            "en": "Trains adapters of low rank with DP-SGD: each record's gradient is clipped, and their sum noised; "
            "with a complete ledger.",
            "ja": "低ランクのアダプターを DP-SGD で学習します。レコードごとの勾配を切り詰め、その和に雑音を加えます。"
            "消費したプライバシー予算はすべて台帳に残ります。",
        },
        references=(
            _LORA,
            *_DPSGD,
            "Yu et al. (2022), Differentially private fine-tuning of language models",
        ),
        load="audit_plugins.training.backends:LoraDpsgd",
        params=LoraDpsgdParams,
        requires=(*_PRIVATE, "peft"),
        trial={"epsilon": 8, "delta": 1e-5, "epochs": 1, "batch": 4},
    ),
    TrainingBackendPlugin(
        name="prompt-dpsgd",
        title={"en": "Soft prompt with differential privacy", "ja": "差分プライバシー付きソフトプロンプト"},
        method={
            "en": "Trains virtual tokens before every record with DP-SGD, and leaves the base model as it is; with a "
            "complete ledger.",
            "ja": "各レコードの前に置く仮想トークンだけを DP-SGD で学習し、ベースモデルは変えません。消費した"
            "プライバシー予算はすべて台帳に残ります。",
        },
        references=(
            "Lester, Al-Rfou & Constant (2021), The power of scale for parameter-efficient prompt tuning",
            *_DPSGD,
        ),
        load="audit_plugins.training.backends:PromptDpsgd",
        params=PromptDpsgdParams,
        requires=_PRIVATE,
        trial={"epsilon": 8, "delta": 1e-5, "epochs": 1, "batch": 4},
    ),
    TrainingBackendPlugin(
        name="full-dpsgd",
        title={
            "en": "Full fine-tuning with differential privacy",
            "ja": "差分プライバシー付き全パラメータの学習",
        },
        method={
            "en": "Trains all parameters of a small base model with untied embeddings with DP-SGD; with a complete "
            "ledger.",
            "ja": "入出力の埋め込みを共有しない小さなベースモデルの全パラメータを DP-SGD で学習します。消費した"
            "プライバシー予算はすべて台帳に残ります。",
        },
        references=(
            *_DPSGD,
            "Li, Tramèr, Liang & Hashimoto (2022), Large language models can be strong differentially private learners",
        ),
        load="audit_plugins.training.backends:FullDpsgd",
        params=FullDpsgdParams,
        requires=_PRIVATE,
        trial={"epsilon": 8, "delta": 1e-5, "epochs": 1, "batch": 4},
    ),
)
