"""Canaries: made-up texts of which a coin each decided whether a model was trained on them.

They stand for the most exposed of people, whose text nobody could guess. Since they are made up, what the model makes
of them can be compared with as many alike that it never met; and since a coin planted them, nothing but the model tells
the planted ones from the others.

References:
    Carlini, Liu, Erlingsson, Kos & Song (2019), The secret sharer: evaluating and testing unintended memorization in
    neural networks, section 4.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import InputError, Problem, raise_all
from audit_core.language.texts import Text
from audit_core.redact import encodable
from audit_core.seeds import stream
from audit_core.written.canaries import CanariesSpec

P_IN = 0.5
"""The probability with which a canary's coin plants it."""

COMMITMENT = "canaries.json"
"""In the folder of a model that was trained with canaries: their digest, so that no others can be set against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canaries:
    """Canaries, in random order.

    Attributes:
        texts: One each, all different.
        planted: Whether the model was trained on it; shape `(n,)`. The key; it never leaves this process.
        coined: Whether a coin decided that; the others were never to be planted. Shape `(n,)`.
        repeat: How often each planted one was among the texts.
        verified: Whether they are known to be those that the model was trained with.
    """

    texts: tuple[Text, ...]
    planted: NDArray[np.bool_]
    coined: NDArray[np.bool_]
    repeat: int
    verified: bool = True

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def to_learn(self) -> tuple[Text, ...]:
        """The planted texts, each as often as it is to be learnt."""
        return tuple(
            text for text, is_in in zip(self.texts, self.planted, strict=True) if is_in for _ in range(self.repeat)
        )

    def take(self, some: NDArray[np.intp]) -> "Canaries":
        """Those at the given places, in the given order."""
        return Canaries(
            texts=tuple(self.texts[at] for at in some),
            planted=self.planted[some],
            coined=self.coined[some],
            repeat=self.repeat,
            verified=self.verified,
        )

    def to_jsonl(self) -> bytes:
        """A line for each: its prompt and text, whether it was planted, and how it came by that."""
        return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in self._lines()).encode()

    def _lines(self) -> Iterator[dict[str, Any]]:
        for text, is_in, coined in zip(self.texts, self.planted.tolist(), self.coined.tolist(), strict=True):
            yield {
                "prompt": text.prompt,
                "text": text.text,
                "planted": is_in,
                "by_coin": coined,
                "repeat": self.repeat,
            }

    @property
    def commitment(self) -> bytes:
        """What `COMMITMENT` says: nothing that tells one canary from another."""
        told = {"digest": _digest(self.to_jsonl()), "planted": int(self.planted.sum()), "canaries": len(self)}
        return (json.dumps(told, sort_keys=True, indent=1) + "\n").encode()


def made(spec: CanariesSpec, seed: int, members: str) -> Canaries:
    """The canaries of a recipe: the same seed and the same file of members make the same ones.

    Args:
        members: The digest of the members' file: who lacks that cannot repeat the coins.

    Raises:
        InputError: The coins planted all of them, or none.
    """
    rng = stream(seed, "canaries", members)
    n = spec.count + spec.references
    texts = list(dict.fromkeys(_filled(spec, rng) for _ in range(n)))
    while len(texts) < n:
        texts = list(dict.fromkeys([*texts, _filled(spec, rng)]))
    coined = rng.permutation(n) < spec.count
    planted = coined & (rng.random(n) < P_IN)
    if not planted.any() or planted[coined].all():
        what = f"the coins of {spec.count} canaries all fell alike"
        raise InputError(Problem(code="canaries-one-sided", what=what, where="canaries", fix="Use another seed"))
    return Canaries(texts=tuple(texts), planted=planted, coined=coined, repeat=spec.repeat)


def _filled(spec: CanariesSpec, rng: np.random.Generator) -> Text:
    """One canary: what stands before the first filling is its prompt."""
    prompt, text = "", ""
    for part in spec.parts:
        if isinstance(part, tuple):
            alphabet, length = part
            text += "".join(alphabet[at] for at in rng.integers(len(alphabet), size=length))
        elif text:
            text += part
        else:
            prompt += part
    return Text(text=text, prompt=prompt)


def read(data: bytes, where: str, commitment: bytes | None) -> Canaries:
    """The canaries of a file that a run left.

    Args:
        where: What to call the file in a problem.
        commitment: What the model's folder says of its canaries; None where it says nothing.

    Raises:
        InputError: They are none, or others than the model was trained with; no canary is quoted.
    """
    lines = []
    problems = []
    for number, line in enumerate(data.decode("utf-8", "replace").removesuffix("\n").split("\n"), start=1):
        if (told := _line(line)) is None:
            problems.append(_not_canaries(f"{where}, line {number}"))
        else:
            lines.append(told)
    raise_all(problems[:20])
    planted, coined = (np.array([line[key] for line in lines], dtype=bool) for key in ("planted", "by_coin"))
    texts = tuple(Text(text=line["text"], prompt=line["prompt"]) for line in lines)
    repeats = {line["repeat"] for line in lines}
    if len(repeats) != 1 or len(set(texts)) != len(texts) or not planted.any() or planted[coined].all():
        raise InputError(_not_canaries(where))
    canaries = Canaries(
        texts=texts, planted=planted, coined=coined, repeat=repeats.pop(), verified=commitment is not None
    )
    if commitment is not None and commitment != canaries.commitment:
        what = "these are not the canaries that the model was trained with"
        fix = "Name the `canaries.jsonl` of the run that trained the model, as that run left it"
        raise InputError(Problem(code="canaries-of-another-model", what=what, where=where, fix=fix))
    return canaries


def _line(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    kinds = {"prompt": str, "text": str, "planted": bool, "by_coin": bool, "repeat": int}
    if not isinstance(told, dict) or told.keys() != kinds.keys():
        return None
    if not all(type(told[key]) is kind for key, kind in kinds.items()):
        return None
    if not all(encodable(told[key]) == told[key] for key in ("prompt", "text")):
        return None
    return told if told["text"] and 1 <= told["repeat"] <= 1000 and told["by_coin"] >= told["planted"] else None


def _not_canaries(where: str) -> Problem:
    return Problem(
        code="canaries-unreadable",
        what="not the canaries of a run",
        where=where,
        fix="Name the `canaries.jsonl` that a run left, as it left it",
    )


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
