"""What sekisho loads first: the attack's record. It imports nothing heavy."""

from audit_core.hookspecs import hookimpl
from audit_core.plugin import AttackPlugin
from audit_core.questions import Asset


@hookimpl
def audit_attacks() -> list[AttackPlugin]:
    return [
        AttackPlugin(
            name="rare-pairs",
            title={"en": "Rare pairs of values", "ja": "まれな値の組"},
            goal="membership",
            question="membership",
            sees=frozenset({Asset.RELEASE, Asset.REFERENCE}),
            assumption={
                "en": "Knows a person's full record and how often pairs of values occur in the population.",
                "ja": "対象者のレコード全体と、値の組が母集団に現れる頻度を知る攻撃者です。",
            },
            references=("Houssiau et al. (2022), TAPAS: a toolbox for adversarial privacy auditing of synthetic data",),
            scores=("pair-frequency",),
            load="attack_template.rare_pairs:RarePairs",
        )
    ]
