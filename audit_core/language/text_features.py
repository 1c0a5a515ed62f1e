"""What tells one text from another without a model that has met either: words, and features of the surface.

For a blind baseline: where these tell members from non-members, the two differ in more than membership.

References:
    Das, Zhang & Tramer (2024), Blind baselines beat membership inference attacks for foundation models, section 3.
    Meeus et al. (2024), SoK: membership inference attacks on LLMs are rushing nowhere, section 4.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = re.compile(
    r"(?<!\d)\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?!\d)"  # 2024-01-31, 31/1/24
    rf"|(?<!\w)(?:{_MONTHS})[a-z]*\.? \d{{1,2}}(?!\d)|(?<!\d)\d{{1,2}}\.? (?:{_MONTHS})[a-z]*(?!\w)"
    r"|\d{1,2}月\d{1,2}日|(?:明治|大正|昭和|平成|令和)(?:\d{1,2}|元)年"
)
_WORD = re.compile(r"\w+")

_NUMBER = re.compile(r"\d+")

_MOST_TERMS = 50_000
_LONGEST_WORDS = 20  # characters to a blank; more, and words are written together
_FEW = 0.01  # of the texts may be so, since a short one may be a single word


def blind_scores(
    texts: Sequence[str], member: NDArray[np.bool_], fold: NDArray[np.int64], extra: Floats | None = None
) -> dict[str, Floats]:
    """How much each text looks like a member, by classifiers fitted to the texts of the other folds.

    HIGHER = MORE LIKELY A MEMBER; an AUC of 0.5 on average where members and non-members are alike. Texts that belong
    together, of a person, a document or a cluster of near-duplicates, have to be in one fold: a classifier that has met
    one of them knows the others. That is for the caller to see to.

    Args:
        texts: Of members and non-members.
        member: Shape `(n_texts,)`.
        fold: The fold of each text, shape `(n_texts,)`.
        extra: More features of the surface, such as the loss of a base model that met neither; shape `(n_texts,)` or
            `(n_texts, n_features)`, NaN where missing.

    Returns:
        "words": by the words and their pairs, with the character runs of texts that have no blanks between words.
        "surface": by `surface` and the extra features. Each of shape `(n_texts,)`, in (0, 1): ranks within a fold,
        since scores of two classifiers have no common scale; 0.5 where there was nothing to learn from.
    """
    from scipy.stats import rankdata

    plain = [unicodedata.normalize("NFKC", text).casefold() for text in texts]
    features = surface(plain)
    if extra is not None:
        features = np.column_stack([features, extra])
    scores = {"words": np.full(len(plain), 0.5), "surface": np.full(len(plain), 0.5)}
    words = _terms(plain)
    for held in np.unique(fold):
        inside, outside = fold != held, fold == held
        if len(np.unique(member[inside])) < 2:
            continue
        said = {"surface": _by_trees(features[inside], member[inside], features[outside])}
        if words is not None:
            said["words"] = _by_words(words[inside], member[inside], words[outside])
        for name, values in said.items():
            scores[name][outside] = (rankdata(values) - 0.5) / outside.sum()
    return scores


def surface(texts: Sequence[str]) -> Floats:
    """Features of texts in lower case as such, shape `(n_texts, 10)`.

    Characters, words, share of digits and of letters, numbers, years, the latest of them (NaN for none), dates,
    distinct words over words, and the same of pairs of characters, which need no blanks.
    """
    rows = np.empty((len(texts), 10))
    for row, text in zip(rows, texts, strict=True):
        words = _WORD.findall(text)
        years = [int(year) for year in _YEAR.findall(text)]
        pairs = [text[at : at + 2] for at in range(len(text) - 1)]
        row[:] = (
            len(text),
            len(words),
            _share(sum(character.isdigit() for character in text), len(text)),
            _share(sum(character.isalpha() for character in text), len(text)),
            len(_NUMBER.findall(text)),
            len(years),
            max(years, default=np.nan),
            sum(1 for _ in _DATE.finditer(text)),
            _share(len(set(words)), len(words)),
            _share(len(set(pairs)), len(pairs)),
        )
    return rows


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _terms(texts: Sequence[str]) -> Any:
    """The weights of each text's terms, a sparse matrix; None where no term occurs in two texts.

    How rare a term is, is counted over all texts, since that takes no look at who is a member.
    """
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    settings: dict[str, Any] = {"min_df": 2, "max_features": _MOST_TERMS, "sublinear_tf": True, "lowercase": False}
    kinds = [TfidfVectorizer(ngram_range=(1, 2), tokenizer=_WORD.findall, token_pattern=None, **settings)]
    if sum(1 for text in texts if text.count(" ") < len(text) / _LONGEST_WORDS) > _FEW * len(texts):
        kinds.append(TfidfVectorizer(analyzer="char", ngram_range=(1, 3), **settings))
    found = []
    for kind in kinds:
        try:
            found.append(kind.fit_transform(texts))
        except ValueError:  # no term is in two texts
            continue
    return hstack(found).tocsr() if found else None


def _by_words(words: Any, member: NDArray[np.bool_], others: Any) -> Floats:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="liblinear", class_weight="balanced", random_state=0)
    model.fit(words, member)
    return np.asarray(model.decision_function(others), dtype=np.float64)


def _by_trees(features: Floats, member: NDArray[np.bool_], others: Floats) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    filled = ~np.isnan(features).all(axis=0)  # the trees cannot bin a column without a value
    model = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, class_weight="balanced", random_state=0)
    with threadpool_limits(1):  # on a busy machine OpenMP's threads wait for each other more than they work
        model.fit(features[:, filled], member)
        return np.asarray(model.decision_function(others[:, filled]), dtype=np.float64)
