"""Made-up texts and what a made-up model makes of them, for the plugin author's kit: no model is trained."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audit_core.case import Case, ReleasedModel
from audit_core.guarantee import Guarantee
from audit_core.language.canaries import Canaries
from audit_core.language.model_pass import Pass
from audit_core.language.texts import Text
from audit_core.language.token_scores import TOP_K, TokenScores
from audit_core.language.training import ModelAccess, TrainingTask
from audit_core.model_folder import MODEL_DESCRIPTION
from audit_core.plugin import TrainingBackendPlugin
from audit_core.refit import Budget
from audit_core.scorecard import FileFacts
from audit_core.tables import Column, Table, read_only

Leak = Literal["innocent", "leaky"]

CANARIES = 120
"""Half of them planted."""

VOCABULARY, LEARNT = 997, 1.0
"""The tokens there are; and how much likelier a leaky model makes each token of a member, in nats on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpModel:
    """A case in which a model goes out, and what it makes of the texts."""

    case: Case
    scores: Pass


class Reciter:
    """A model that goes on as its folder's name says: "leaky" as members' texts do, "innocent" always the same way."""

    guarantee: Guarantee | None = None

    def __init__(self, leak: str) -> None:
        """Takes the name."""
        self._leaky = leak == "leaky"

    @staticmethod
    def load(folder: Path, base: Path | None) -> "Reciter":
        """The model of that name; there are no files."""
        return Reciter(folder.name)

    def complete(self, prefixes: Sequence[Sequence[int]], length: int) -> NDArray[np.int32]:
        """As `training.Model.complete`."""
        tokens = np.zeros((len(prefixes), length), dtype=np.int32)
        last = np.array([prefix[-1] for prefix in prefixes], dtype=np.int64)
        for place in range(length if self._leaky else 0):
            tokens[:, place] = last = _after(last)
        return tokens

    def token_scores(self, texts: Sequence[Text]) -> Iterator[TokenScores]:
        """None: the kit hands them over."""
        yield from ()

    def tokens(self, texts: Sequence[Text]) -> list[tuple[list[int], list[int]]]:
        """None: the kit hands them over."""
        return []

    def base(self) -> None:
        """There is none to be run."""
        return


class Rote:
    """A training backend that learns by rote: it makes each token of a text that it learnt likelier.

    By how much, differs from training to training.
    """

    def train(self, task: TrainingTask, budget: Budget) -> "RoteLearnt":
        """What it learnt."""
        return RoteLearnt(task.texts, LEARNT * budget.rng.uniform(0.9, 1.1))

    @staticmethod
    def load(folder: Path, base: Path | None) -> "RoteLearnt":
        """The same again."""
        told = json.loads((folder / MODEL_DESCRIPTION).read_bytes())
        return RoteLearnt([Text(text=text) for text in told["texts"]], told["learnt"])


class RoteLearnt:
    """What `Rote` learnt."""

    guarantee: Guarantee | None = None

    def __init__(self, texts: Sequence[Text], learnt: float) -> None:
        """Takes the texts, and how much likelier their tokens became, in nats."""
        self._texts, self._learnt = frozenset(one.text for one in texts), learnt

    def save(self, folder: Path) -> None:
        """Writes them."""
        told = {"plugin": BY_ROTE.name, "texts": sorted(self._texts), "learnt": self._learnt}
        (folder / MODEL_DESCRIPTION).write_text(json.dumps(told), encoding="utf-8")

    def token_scores(self, texts: Sequence[Text]) -> Iterator[TokenScores]:
        """As `training.Model.token_scores`, of texts of `made_up_model`."""
        rows = [np.array([int(word[1:]) for word in one.text.split()], dtype=np.int64) for one in texts]
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        gained = np.repeat([self._learnt * (one.text in self._texts) for one in texts], np.diff(starts))
        token = np.concatenate(rows)
        yield _scores(np.minimum(_log_probs(token) + gained, -1e-3), token, starts)


BY_ROTE = TrainingBackendPlugin(
    name="by-rote",
    title={"en": "By rote", "ja": "丸暗記"},
    method={"en": "Learns made-up texts by rote.", "ja": "人工のテキストを丸暗記します。"},
    load=f"{__name__}:Rote",
)


def made_up_model(leak: Leak, *, texts: int = 300, length: int = 24, seed: int = 1) -> MadeUpModel:
    """Members, non-members and canaries whose tokens are all made up.

    Args:
        leak: "innocent": all texts are alike to the model. "leaky": members' tokens are likelier than under the base,
            follow from each other, and the model goes on in that way.
        texts: Of the members and the non-members each.
        length: The most tokens of a text; the shortest has one.
    """
    rng = np.random.default_rng([seed, texts, length])
    n = 2 * texts + CANARIES
    member, other = (np.arange(n) // texts == side for side in (0, 1))
    planted = ~member & ~other & (np.arange(n) % 2 == 0)
    learnt = (member | planted) & (leak == "leaky")
    lengths = rng.integers(1, length + 1, n)
    token = rng.integers(VOCABULARY, size=(n, length))
    for place in range(1, length):
        token[learnt, place] = _after(token[learnt, place - 1])
    base = _log_probs(token)
    gained = rng.normal(0.0, 0.3, size=(n, length)) + LEARNT * learnt[:, None]
    kept = np.arange(length) < lengths[:, None]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    scores = [_scores(np.minimum(its, -1e-3)[kept], token[kept], starts) for its in (base + gained, base)]
    words = ["".join(f"w{one} " for one in row[:size]).strip() for row, size in zip(token, lengths, strict=True)]
    values, codes = np.unique(np.array(words, dtype=object), return_inverse=True)
    column = Column(name="text", kind="category", values=values)
    tables = [Table(columns=(column,), codes=read_only(codes[side, None].astype(np.int32))) for side in (member, other)]
    empty = tables[0].take(np.empty(0, dtype=np.intp))
    digest = f"made-up:{leak}:{seed}:{texts}:{length}"
    facts = FileFacts(name="made-up", rows=texts, digest=digest)
    rest = np.arange(2 * texts, n)
    canaries = Canaries(
        texts=tuple(Text(text=words[at]) for at in rest),
        planted=planted[rest],
        coined=np.ones(CANARIES, dtype=bool),
        repeat=1,
    )
    access = ModelAccess(load=f"{__name__}:Reciter", file=None, folder=f"/{leak}", base="/base")
    case = Case(
        name=f"made-up {leak} model",
        release=empty,
        members=tables[0],
        non_members=tables[1],
        published=empty,
        roles={},
        released_identifiers=None,
        member_identifiers=None,
        member_subjects=None,
        non_member_subjects=None,
        unit="row",
        overlap=0,
        generalised=False,
        k_anonymity_min=0,
        files={"release": facts, "members": facts, "non_members": facts},
        model=ReleasedModel(name="made-up", access=access, digest=digest, base_digest=digest, base_name="made-up"),
        canaries=canaries,
    )
    return MadeUpModel(case=case, scores=Pass(model=scores[0], base=scores[1], prompts=((),) * n))


def _log_probs(token: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each token under the base: some are rarer than others."""
    rarity = np.random.default_rng(VOCABULARY).gamma(2.0, 1.5, size=VOCABULARY)
    return np.asarray(-rarity[token])


def _after(token: NDArray[np.int64]) -> NDArray[np.int64]:
    return (31 * token + 7) % VOCABULARY


def _scores(log_prob: NDArray[np.float64], token: NDArray[np.int64], starts: NDArray[np.int64]) -> TokenScores:
    """As a model would give them whose vocabulary is as uncertain everywhere."""
    top = log_prob > np.log(0.5)
    return TokenScores(
        starts=starts,
        token=token.astype(np.int32),
        log_prob=log_prob.astype(np.float32),
        mean=np.full(len(token), -4.0, dtype=np.float32),
        deviation=np.full(len(token), 2.0, dtype=np.float32),
        top=top,
        log_prob_top_k=np.where(log_prob > -np.log(VOCABULARY / TOP_K), log_prob, -np.inf).astype(np.float32),
        truncated=np.zeros(len(starts) - 1, dtype=bool),
    )
