"""Every coded sentence: verdict reasons, caveats and errors, in the languages we speak.

They stand in `sentences/*.json`: `title` is a template for `str.format` with the reason's arguments; `more` explains
and says what to do, and may take the same arguments.
"""

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib import resources

from audit_core import ledger_words
from audit_core.measurement import Reason
from audit_core.words import Words, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A sentence with a name."""

    title: Words
    more: Words


def sentence(reason: Reason, language: str) -> str:
    """The reason in words; a code nobody knows (a stranger's) shows as itself with its arguments."""
    code = CODES.get(reason.code)
    named = {key: _named(key, value, language) for key, value in reason.args.items()}
    if code is None:
        arguments = ", ".join(f"{key} {value}" for key, value in sorted(named.items()))
        return f"{reason.code} ({arguments})" if arguments else reason.code
    return say(code.title, language).format(**named)


GOALS: dict[str, Words] = {
    "attribute": {"en": "attribute disclosure", "ja": "属性の推定"},
    "copies": {"en": "copies of real rows", "ja": "実データの行の複製"},
    "extraction": {"en": "extraction of texts", "ja": "テキストの抽出"},
    "identifiers": {"en": "surviving identifiers", "ja": "識別子の残存"},
    "identity": {"en": "re-identification", "ja": "本人の再識別"},
    "linkability": {"en": "linkability", "ja": "連結可能性"},
    "membership": {"en": "membership inference", "ja": "メンバーシップ推論"},
    "singling-out": {"en": "singling out", "ja": "単独識別"},
    "guarantee": {"en": "the claim of differential privacy", "ja": "差分プライバシーの主張"},
    "usefulness": {"en": "usefulness", "ja": "有用性"},
    "whole-table": {"en": "the members' table itself", "ja": "メンバーの表そのもの"},
}
"""What an attacker is after; a goal nobody listed shows as itself."""

FACTS: dict[str, Words] = {
    "alone": {"en": "released rows that no other equals", "ja": "ほかに等しい行のないリリースの行"},
    "base": {"en": "the model before it was fine-tuned", "ja": "ファインチューニング前のモデル"},
    "canaries": {"en": "canaries (planted texts)", "ja": "カナリア（埋め込んだ人工のテキスト）"},
    "coins": {
        "en": "members chosen by coins (a split of the file)",
        "ja": "コインで選ばれたメンバー（ファイルの分割）",
    },
    "columns": {"en": "comparable columns", "ja": "比較できる列"},
    "generalised": {"en": "a generalised release", "ja": "一般化されたリリース"},
    "identifiers": {"en": "declared identifier columns", "ja": "宣言された識別子の列"},
    "k_anonymity_min": {"en": "a claimed k (k_anonymity_min)", "ja": "k の主張（k_anonymity_min）"},
    "members": {"en": "members", "ja": "メンバー"},
    "model": {"en": "a language model", "ja": "言語モデル"},
    "non_members": {"en": "non-members", "ja": "非メンバー"},
    "quasi_identifiers": {"en": "declared quasi-identifiers", "ja": "宣言された準識別子"},
    "released": {"en": "released rows", "ja": "リリースの行"},
    "guarantee": {"en": "a claim of differential privacy", "ja": "差分プライバシーの主張"},
    "sensitive": {"en": "declared sensitive columns", "ja": "宣言された機微な列"},
    "singular": {
        "en": "an undeclared column that is nearly all distinct",
        "ja": "宣言がなく、ほぼすべての値が異なる列",
    },
    "subject": {"en": "a subject column", "ja": "主体の列"},
    "table": {"en": "a table", "ja": "表"},
}
"""The facts of a case that a policy's conditions may name."""

PLANTS: dict[str, Words] = {
    "verbatim": {"en": "Copied as they are", "ja": "そのままの複製"},
    "jittered": {"en": "Copied, numbers moved a little", "ja": "数値を少しずらした複製"},
    "one-sensitive-column": {"en": "True in one sensitive column", "ja": "機微な列を真の値とした行"},
}
"""How rows of members are planted in a release."""

_LEVELS: dict[str, Words] = {"prefecture": {"en": "prefecture", "ja": "都道府県"}}

_NAMES: dict[str, dict[str, Words]] = {
    "goal": GOALS,
    "facts": FACTS,
    "level": _LEVELS,
    "fields": ledger_words.QUESTIONS,
}
"""Arguments that are names, several separated by ", ", and the words for them."""

_OF_LEDGERS = ("steps", "why")
"""Arguments that are texts of a ledger."""


_NUMBERS = ("value", "low", "high", "limit", "margin")
"""Arguments that are numbers though they come as text, since that fixes their digits."""


def _named(key: str, value: str | int | float, language: str) -> str:
    """An argument as people read it: names in words, thousands separated."""
    if not isinstance(value, str) or key in _NUMBERS:
        return separated(value)
    if key in _OF_LEDGERS:
        return ledger_words.listed(ledger_words.apart(value), language)
    names = _NAMES.get(key)
    if names is None:
        return value
    separator = "、" if language == "ja" else ", "
    return separator.join(say(names[name], language) if name in names else name for name in value.split(", "))


def separated(number: str | int | float) -> str:
    """A number, or a fraction as written, with its thousands separated: "5,032", "1/5,032"; other text as it is."""
    if isinstance(number, str) and "/" in number:
        return "/".join(separated(part) for part in number.split("/"))
    try:
        value = Decimal(str(number))
    except InvalidOperation:
        return str(number)
    if not value.is_finite():
        return str(number)
    if not isinstance(number, str) and value == value.to_integral_value():
        return f"{value:,.0f}"
    return f"{value:,f}" if abs(value) >= 1000 else str(number)


def _read() -> dict[str, Code]:
    """All files in `sentences`, by code; a code stands in one file only."""
    codes: dict[str, Code] = {}
    folder = resources.files("audit_core") / "sentences"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        for name, words in json.loads(file.read_text(encoding="utf-8")).items():
            if name in codes:
                raise ValueError(f"the code {name} stands in two files")
            codes[name] = Code(title=words["title"], more=words["more"])
    return codes


CODES: dict[str, Code] = _read()
