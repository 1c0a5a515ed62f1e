"""What a released model and its base make of every text: one pass each, shared by all attacks."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core import __version__, exchange, isolation
from audit_core.cache import Cache, key
from audit_core.case import Case, ReleasedModel
from audit_core.isolation import Failed, Job, Limits, Usage, malformed
from audit_core.language.texts import Text, texts_of
from audit_core.language.token_scores import PER_TOKEN, TOP_K, TokenScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The scores of some texts.

    Attributes:
        model: Under the released model.
        base: Under what it was fine-tuned from; None where nobody has that.
        prompts: For each text, the tokens that stand before it.
    """

    model: TokenScores
    base: TokenScores | None
    prompts: tuple[tuple[int, ...], ...]

    def as_its_base(self) -> "Pass":
        """As if what it was fine-tuned from were released.

        Raises:
            ValueError: Nobody has that.
        """
        if self.base is None:
            raise ValueError("there is no base")
        return Pass(model=self.base, base=self.base, prompts=self.prompts)

    def take(self, texts: NDArray[np.intp]) -> "Pass":
        """Those of the given texts, in the given order."""
        return Pass(
            model=self.model.take(texts),
            base=None if self.base is None else self.base.take(texts),
            prompts=tuple(self.prompts[text] for text in texts),
        )


def texts_of_case(case: Case) -> tuple[Text, ...]:
    """The members' texts, then the non-members', then the canaries."""
    return (
        texts_of(case.members)
        + (() if case.non_members is None else texts_of(case.non_members))
        + (() if case.canaries is None else case.canaries.texts)
    )


def scored(
    texts: tuple[Text, ...],
    model: ReleasedModel,
    *,
    content: str,
    cache: Cache,
    limits: Limits,
    usage: Usage,
    debug: bool = False,
) -> Pass:
    """The pass, from the cache where a run that was cut off had finished it.

    Args:
        content: Names the texts and the model: a digest of them.

    Raises:
        Failed: The model could not be opened or run.
    """
    name = key("pass", __version__, content, model.digest, model.base_digest, model.access.load, TOP_K)
    stored = cache.arrays(name)
    if stored is None:
        stored = _run(texts, model, limits, usage, debug)
        cache.keep_arrays(name, stored)
    return _of_arrays(stored)


def _run(
    texts: tuple[Text, ...], model: ReleasedModel, limits: Limits, usage: Usage, debug: bool
) -> dict[str, NDArray[Any]]:
    job = Job(
        plugin=model.name,
        role="scoring",
        load=model.access.load,
        file=model.access.file,
        params={},
        entropy=(0,),
        debug=debug,
    )
    write = partial(exchange.write_texts_to_score, texts=texts, access=model.access)
    return isolation.run(job, limits, write, partial(_read, len(texts), model), usage)


def _read(n: int, model: ReleasedModel, folder: Path) -> dict[str, NDArray[Any]]:
    """What a pass gave, none of it trusted unseen."""
    try:
        its = exchange.read_scores(folder, "model")
        base = exchange.read_scores(folder, "base") if model.access.base is not None else None
        prompts = exchange.read_prompt_tokens(folder)
    except (OSError, ValueError, KeyError, TypeError):
        raise Failed(malformed(model.name, "token_scores: unreadable")) from None
    for scores in (its, *(() if base is None else (base,))):
        _check(scores, n, model.name)
    if len(prompts) != n:
        raise Failed(malformed(model.name, "tokens: not as many as texts"))
    if base is not None and not np.array_equal(its.token, base.token):
        raise Failed(malformed(model.name, "token_scores: the base has another tokenizer"))
    lengths = np.array([len(prompt) for prompt in prompts], dtype=np.int64)
    arrays: dict[str, NDArray[Any]] = {f"model.{name}": array for name, array in its.arrays().items()}
    arrays |= {} if base is None else {f"base.{name}": array for name, array in base.arrays().items()}
    arrays["prompt_lengths"] = lengths
    arrays["prompt_tokens"] = np.array([token for prompt in prompts for token in prompt], dtype=np.int64)
    return arrays


def _check(scores: TokenScores, n: int, name: str) -> None:
    """Whether they are numbers, one text for each.

    Raises:
        Failed: They are not.
    """
    size = int(scores.starts[-1])
    if len(scores) != n or len(scores.truncated) != n:
        raise Failed(malformed(name, "token_scores: not as many as texts"))
    if any(getattr(scores, field).shape != (size,) for field in PER_TOKEN) or (scores.lengths < 0).any():
        raise Failed(malformed(name, "token_scores: shape"))
    for field in ("log_prob", "mean", "deviation"):
        if not np.isfinite(getattr(scores, field)).all():
            raise Failed(malformed(name, f"token_scores.{field}: NaN or infinite"))
    if np.isnan(scores.log_prob_top_k).any():
        raise Failed(malformed(name, "token_scores.log_prob_top_k: NaN"))


def _of_arrays(arrays: dict[str, NDArray[Any]]) -> Pass:
    def of(which: str) -> TokenScores:
        mine = f"{which}."
        its = {name.removeprefix(mine): array for name, array in arrays.items() if name.startswith(mine)}
        return TokenScores(**its)

    ends = np.cumsum(arrays["prompt_lengths"])[:-1]
    return Pass(
        model=of("model"),
        base=of("base") if "base.starts" in arrays else None,
        prompts=tuple(tuple(map(int, tokens)) for tokens in np.split(arrays["prompt_tokens"], ends)),
    )
