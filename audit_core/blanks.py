"""Coded sentences shown by themselves, with words such as <limit> in the blanks that a reason would fill."""

from string import Formatter

from audit_core.words import Words, say

_NUMBER: Words = {"en": "number", "ja": "数"}
_COLUMN: Words = {"en": "column", "ja": "列"}
_COLUMNS: Words = {"en": "columns", "ja": "列"}
_KIND_OF_ERROR: Words = {"en": "kind of error", "ja": "エラーの種類"}
_SCORE: Words = {"en": "score", "ja": "スコア"}
_SHARE: Words = {"en": "share", "ja": "割合"}

BLANKS: dict[str, Words] = {
    "all": _NUMBER,
    "attack": {"en": "attack", "ja": "攻撃"},
    "flagged": {"en": "number that failed", "ja": "不合格の回数"},
    "found": {"en": "number found", "ja": "見つけた回数"},
    "below": _NUMBER,
    "correlation": {"en": "correlation", "ja": "相関係数"},
    "share": _SHARE,
    "steps": _NUMBER,
    "times": _NUMBER,
    "most": _NUMBER,
    "expected": _NUMBER,
    "doctor-seen-clipping.above": _SHARE,
    "doctor-seen-clipping.below": _SHARE,
    "chance": {"en": "probability", "ja": "確率"},
    "classes": _NUMBER,
    "column": _COLUMN,
    "columns": _COLUMNS,
    "confidence": {"en": "confidence", "ja": "信頼度"},
    "count": _NUMBER,
    "days": _NUMBER,
    "dose": _SHARE,
    "empty": _NUMBER,
    "error": _KIND_OF_ERROR,
    "facts": {"en": "facts", "ja": "事実"},
    "field": {"en": "field", "ja": "項目"},
    "fields": {"en": "fields", "ja": "項目"},
    "gib": _NUMBER,
    "goal": {"en": "goal", "ja": "狙い"},
    "has": _NUMBER,
    "high": {"en": "high", "ja": "上限"},
    "hook": {"en": "hook", "ja": "フック"},
    "dp-outside.steps": {"en": "steps", "ja": "処理"},
    "dp-stopped.why": {"en": "reason", "ja": "理由"},
    "claim-not-of-coins.unit": {"en": "unit", "ja": "単位"},
    "one-run.shown": {"en": "ε", "ja": "ε"},
    "one-run.ceiling": {"en": "ε", "ja": "ε"},
    "one-run.claimed": {"en": "ε", "ja": "ε"},
    "shadows-of-another-size.shadow": _NUMBER,
    "shadows-of-another-size.released": _NUMBER,
    "canaries-planted.planted": _NUMBER,
    "canaries-planted.left_out": _NUMBER,
    "canaries-planted.times": _NUMBER,
    "canaries-planted.most": {"en": "bits", "ja": "ビット"},
    "canaries-planted.blind": {"en": "bits", "ja": "ビット"},
    "canaries-planted.fitted": {"en": "bits", "ja": "ビット"},
    "canaries-repeated.times": _NUMBER,
    "k": {"en": "k", "ja": "k"},
    "least": _NUMBER,
    "left": _NUMBER,
    "level": {"en": "level", "ja": "階層"},
    "limit": {"en": "limit", "ja": "基準値"},
    "locale": {"en": "locale", "ja": "ロケール"},
    "low": {"en": "low", "ja": "下限"},
    "margin": {"en": "margin", "ja": "許容幅"},
    "measurement": {"en": "measurement", "ja": "測定値"},
    "members": _NUMBER,
    "needed": _NUMBER,
    "of": _SCORE,
    "percent": _NUMBER,
    "place": {"en": "place in the code", "ja": "コードの位置"},
    "plugin": {"en": "plugin", "ja": "プラグイン"},
    "range": {"en": "range", "ja": "範囲"},
    "rows": _NUMBER,
    "rule": {"en": "rule", "ja": "基準"},
    "rules": {"en": "rules", "ja": "基準"},
    "score": _SCORE,
    "seconds": _NUMBER,
    "signal": _NUMBER,
    "single": _NUMBER,
    "status": _NUMBER,
    "subject": _COLUMN,
    "tests": _NUMBER,
    "there": _NUMBER,
    "trials": _NUMBER,
    "type": _KIND_OF_ERROR,
    "value": {"en": "value", "ja": "値"},
    "version": {"en": "version", "ja": "バージョン"},
    "wanted": _SHARE,
    "wants": _NUMBER,
    # Where one sentence means something else by the name.
    "attack-below-prior.of": _COLUMN,
    "plugin-wrong-record.wanted": {"en": "form", "ja": "形式"},
    "two-files.left": _COLUMNS,
    "two-files.right": _COLUMNS,
}
"""The words for an argument, or for "code.argument"; one without words shows as its own name."""


def unfilled(code: str, template: Words, language: str) -> str:
    """A sentence of a code, for a reader who has no reason at hand: "the lower bound <low> lies above <limit>"."""
    parts = []
    for text, name, _, _ in Formatter().parse(say(template, language)):
        parts.append(text)
        if name is not None:
            words = BLANKS.get(f"{code}.{name}") or BLANKS.get(name)
            parts.append(f"<{say(words, language) if words else name.replace('_', ' ')}>")
    return "".join(parts)
