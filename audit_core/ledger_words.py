"""The texts of a ledger in the languages we speak.

A ledger is read by people and written by programs, also by those of others. A text in it is a code, "noise-chacha20",
or a code and what it is about, "kind:age"; each language has words for those. Any other text is shown as it is written.
"""

from collections.abc import Sequence

from audit_core.words import Words, say

BETWEEN = ":"
"""Stands between a code and what it is about; a second one belongs to the name of a column."""

ABOUT = "{of}"
"""In the words of a code, the place of what it is about."""

WORDS: dict[str, Words] = {
    "unknown": {"en": "unknown", "ja": "不明"},
    # What a mechanism is for.
    "column-counts": {"en": "counts of each column", "ja": "各列の件数"},
    "column-counts-by": {"en": "counts of each column by {of}", "ja": "{of} 別の各列の件数"},
    "column-domains": {"en": "bounds and values, where none are declared", "ja": "宣言のない範囲と値の一覧"},
    "pair-scores": {
        "en": "which pairs of columns go together, one number for each pair",
        "ja": "関連の強い列の組の選択（組ごとに一つの数）",
    },
    "pair-counts": {"en": "counts of the pairs of columns chosen", "ja": "選ばれた列の組の件数"},
    "occurring-values": {"en": "which values occur, where none are declared", "ja": "宣言のない列に現れる値の選択"},
    "discriminator-training": {"en": "training of the discriminator", "ja": "識別器の学習"},
    "record-count": {"en": "number of records", "ja": "レコードの件数"},
    "language-training": {"en": "training of the language model", "ja": "言語モデルの学習"},
    "language-training-phase": {
        "en": "training of the language model, phase {of}",
        "ja": "言語モデルの学習（第 {of} 段階）",
    },
    "everything": {"en": "all of it", "ja": "全体"},
    # What was declared, or looked at.
    "rows": {"en": "number of rows", "ja": "行数"},
    "kind": {"en": "kind of {of}", "ja": "{of} の種別"},
    "base-model": {"en": "base model and its tokenizer", "ja": "ベースモデルとそのトークナイザー"},
    "bounds": {"en": "bounds of {of}", "ja": "{of} の範囲"},
    "values": {"en": "values of {of}", "ja": "{of} の値の一覧"},
    "rekeyed-ids": {"en": "hashes of the ids in {of}", "ja": "{of} の識別子のハッシュ"},
    # What came of paid results alone.
    "column-modes": {"en": "modes of each column", "ja": "各列のモード"},
    "sampling-rate": {"en": "sampling rate", "ja": "抽出率"},
    "number-of-steps": {"en": "number of steps", "ja": "ステップ数"},
    "generator-loss": {"en": "counts in the generator's loss", "ja": "生成器の損失に用いる件数"},
    "suppression": {
        "en": "rules and suppression, by counts of the sampled rows",
        "ja": "サンプリングした行の件数による規則の適用と秘匿",
    },
    # How the number of units is known.
    "noisy-counts": {
        "en": "estimated from noisy counts that were paid for; the sampling rate rests on it too",
        "ja": "予算から支払った雑音付きの件数による推定値。抽出率もこの値から計算しています",
    },
    "public": {"en": "taken for public", "ja": "公開情報とみなしています"},
    "not-told": {"en": "not told, since it is protected itself", "ja": "数自体を保護するため、示されていません"},
    # Noise.
    "noise-chacha20": {
        "en": "ChaCha20 keyed by the operating system; for counts the discrete Gaussian of OpenDP",
        "ja": "オペレーティングシステムから鍵を得た ChaCha20。件数には OpenDP の離散ガウス雑音",
    },
    "summed-draws": {
        "en": "{of} normal draws summed for each gradient coordinate; whole numbers for counts",
        "ja": "勾配の各座標に {of} 個の正規乱数の和、件数に整数の雑音",
    },
    # What leaves the house, and who saw the data.
    "table": {"en": "table", "ja": "表"},
    "final-model": {"en": "final model", "ja": "最終モデル"},
    "checkpoints": {"en": "checkpoints", "ja": "学習途中のモデル"},
    "logits": {"en": "logits", "ja": "ロジット"},
    "central": {"en": "whoever made the release (central model)", "ja": "リリースの作成者（中央モデル）"},
    "local": {
        "en": "nobody: noise was added before collection (local model)",
        "ja": "いません（収集前に雑音を加える局所モデル）",
    },
    # Settings, earlier training, the end.
    "fixed-beforehand": {
        "en": "settings were fixed before the data were seen",
        "ja": "データを見る前に設定を固定しました",
    },
    "not-applicable": {"en": "not applicable: nothing was trained before", "ja": "該当なし（事前学習なし）"},
    "pretraining-unknown": {
        "en": "not known here: the base model may have learnt texts of the same people before, outside this guarantee",
        "ja": "ここでは分かりません。ベースモデルが同じ人々の文章をすでに学習している可能性があり、"
        "それはこの保証の対象外です",
    },
    "stopped-attempt": {
        "en": "an attempt that stopped; what it spent is in release/stopped-ledger.json and adds to this",
        "ja": "途中で停止した試行があります。消費した分は release/stopped-ledger.json にあり、この主張に加算されます",
    },
    "none": {"en": "none", "ja": "なし"},
    "loss-not-finite": {"en": "the loss was no finite number", "ja": "損失が有限の数ではなくなりました"},
    "weights-not-finite": {
        "en": "a weight was no finite number",
        "ja": "重みが有限の数ではなくなりました",
    },
    # Checks that may have stopped the run, by the codes of their problems.
    "value-not-of-type": {"en": "a value that is not of its declared type", "ja": "宣言された型に合わない値"},
    "beyond-bounds": {"en": "a value outside its declared bounds", "ja": "宣言された範囲の外にある値"},
    "undeclared-values": {"en": "a value that is not among those declared", "ja": "宣言された一覧にない値"},
    "address-without-region": {"en": "an address without a region", "ja": "地域名で始まらない住所"},
    "id-pattern-taken": {"en": "real ids with the look of the new ones", "ja": "新しい識別子と同じ書式の実在の識別子"},
    "subject-missing": {"en": "a row that names no person", "ja": "本人を示す値のない行"},
    "subjects-shared": {"en": "a person among members and non-members", "ja": "メンバーと非メンバーの両方にいる人"},
    "identifiers-shared": {
        "en": "an identifier among members and non-members",
        "ja": "メンバーと非メンバーの両方にある識別子",
    },
    "split-one-sided": {"en": "coins that leave one side empty", "ja": "一方が空になる分割"},
    "non-members-overlap": {
        "en": "members among the non-members",
        "ja": "非メンバーに含まれるメンバー",
    },
}
"""The codes."""

QUESTIONS: dict[str, Words] = {
    "unit": {"en": "whose privacy (unit)", "ja": "保護の単位"},
    "units_from": {"en": "number of units, and how it is known", "ja": "単位の数とその根拠"},
    "relation": {"en": "what neighbouring data sets differ in", "ja": "隣接するデータの違い"},
    "budget": {"en": "budget", "ja": "予算"},
    "accountant": {"en": "accountant", "ja": "会計方式"},
    "public": {"en": "taken for public", "ja": "公開情報とみなしたもの"},
    "derived": {
        "en": "derived from paid results alone, at no further cost",
        "ja": "支払い済みの結果だけから決めたもの",
    },
    "outside": {"en": "looked at the data and not paid for", "ja": "予算を消費せずにデータを見た処理"},
    "aborts": {"en": "may have stopped the run by looking at the rows", "ja": "行を見て実行を中止する条件"},
    "noise_source": {"en": "source of the noise", "ja": "雑音の生成元"},
    "floating_point": {"en": "defence against floating-point attacks", "ja": "浮動小数点攻撃への対策"},
    "released": {"en": "released", "ja": "公開されるもの"},
    "trust": {"en": "who sees the raw data", "ja": "生データを見る者"},
    "tuning": {"en": "how settings were chosen", "ja": "設定の決め方"},
    "pretraining_overlap": {"en": "overlap of pre-training with the data", "ja": "事前学習のデータとの重なり"},
    "earlier_releases": {"en": "earlier releases of the same people", "ja": "同じ人々に関する過去の公開"},
    "stopped": {"en": "training ended early", "ja": "学習の中断"},
}
"""What the fields of a claim answer, by their names."""

_COMMA: Words = {"en": ", ", "ja": "、"}
_SEMICOLON: Words = {"en": "; ", "ja": "／"}
_JOINT = "; "


def code(name: str, of: str | int | None = None) -> str:
    """A code as a ledger has it: "kind:age".

    Raises:
        ValueError: No language has words for it, or the words want something that it is about, or want nothing.
    """
    text = name if of is None else f"{name}{BETWEEN}{of}"
    if not known(text):
        raise ValueError(f"no code of a ledger: {name}")
    return text


def known(text: str) -> bool:
    """Whether there are words for a text of a ledger."""
    name, between, _ = text.partition(BETWEEN)
    wants = name in WORDS and ABOUT in WORDS[name]["en"]
    return name in WORDS and wants == bool(between)


def said(text: str, language: str) -> str:
    """A text of a ledger in words; one that is no code as it is written."""
    if not known(text):
        return text
    name, _, of = text.partition(BETWEEN)
    return say(WORDS[name], language).replace(ABOUT, of)


def listed(texts: Sequence[str], language: str) -> str:
    """Several texts of a ledger in words; what one code says of many columns is said once: "kind of age, sex"."""
    comma, semicolon = say(_COMMA, language), say(_SEMICOLON, language)
    groups: dict[tuple[str, bool], list[str]] = {}
    for text in texts:
        name, _, of = text.partition(BETWEEN)
        about = bool(of) and known(text)
        groups.setdefault((name if about else text, about), []).append(of)
    said_once = [said(code(name, comma.join(of)) if about else name, language) for (name, about), of in groups.items()]
    return (semicolon if any(about for _, about in groups) else comma).join(said_once)


def joined(texts: Sequence[str]) -> str:
    """Several texts of a ledger as one, for an argument of a sentence."""
    return _JOINT.join(texts)


def apart(texts: str) -> list[str]:
    """What was joined."""
    return texts.split(_JOINT)
