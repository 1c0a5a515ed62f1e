"""What a training backend is told, and what it gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audit_core.errors import InputError
from audit_core.guarantee import Guarantee
from audit_core.language.texts import Text
from audit_core.language.token_scores import TokenScores, joined
from audit_core.loading import load
from audit_core.refit import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """What a model is to learn.

    Attributes:
        texts: The records, one unit of privacy each unless `unit` says otherwise; their order means nothing.
        base: The model to start from: a folder or a GGUF file, inspected already.
        unit: "row", or the name of the column that names the person.
        rows_per_unit: The most records of one unit.
    """

    texts: Sequence[Text]
    base: Path
    unit: str = "row"
    rows_per_unit: int = 1


UNFIT = frozenset({"embeddings-tied", "no-such-layer", "model-incomplete", "model-not-causal", "adapter-mismatch"})
"""Why a base cannot be trained, or a model not be opened: codes of sentences that say so without a word of the texts.

What of it files alone show is found before; this is what shows once they are read.
"""


class Unfit(InputError):
    """A base that cannot be trained as asked for, or a model that cannot be opened; its code is in `UNFIT`."""


class Model(Protocol):
    """A causal language model, as the core and attacks use it.

    Attributes:
        guarantee: What is claimed of it; None where nothing is.
    """

    guarantee: Guarantee | None

    def token_scores(self, texts: Sequence[Text]) -> Iterator[TokenScores]:
        """One teacher-forced pass: the scores of the texts in their order, some texts at a time.

        No more is held than the texts of one batch need.
        """
        ...

    def complete(self, prefixes: Sequence[Sequence[int]], length: int) -> NDArray[np.int32]:
        """Greedy decoding: the `length` most likely tokens after each prefix, one after the other.

        Args:
            prefixes: Tokens of a record, from its prompt on; what the model expects before a record is added here.

        Returns:
            Shape `(n_prefixes, length)`; -1 from the end of a record on.
        """
        ...

    def tokens(self, texts: Sequence[Text]) -> list[tuple[list[int], list[int]]]:
        """For each text the tokens of its prompt, and its own; all of them, however long it is."""
        ...

    def base(self) -> "Model | None":
        """The model before it was fine-tuned, which may share weights with this one; None where there is none."""
        ...


class Trained(Protocol):
    """A model that was trained here.

    Attributes:
        guarantee: What is claimed of it; None where nothing is.
    """

    guarantee: Guarantee | None

    def save(self, folder: Path) -> None:
        """Writes files that run no code when read, among them `model.json` with the plugin's name under "plugin"."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """How to fine-tune again, on texts of one's own. It can be pickled, so a process elsewhere can do it.

    Attributes:
        load: "package.module:Class" of a `TrainingBackend`.
        file: Where the plugin is a single file, its path.
        params: Of the backend.
        base: What it starts from.
    """

    load: str
    file: str | None
    params: dict[str, Any]
    base: str

    def scores(self, learn: Sequence[Text], of: Sequence[Text], rng: np.random.Generator) -> TokenScores:
        """What a model fine-tuned on some texts makes of others. Nothing is kept of it."""
        kind, base = load(self.load, self.file), Path(self.base)
        with TemporaryDirectory() as folder:
            task = TrainingTask(texts=learn, base=base)
            kind(**self.params).train(task, Budget(rng=rng)).save(Path(folder))
            model: Model = kind.load(Path(folder), base)
            return joined(list(model.token_scores(of)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAccess:
    """How to open a model.

    Attributes:
        load: "package.module:Class" of a `TrainingBackend`.
        file: Where the plugin is a single file, its path.
        folder: Of the model.
        base: Of the model before it was fine-tuned; None where nobody has it.
    """

    load: str
    file: str | None
    folder: str
    base: str | None

    def open(self) -> Model:
        """The model, ready to be asked."""
        model: Model = load(self.load, self.file).load(
            Path(self.folder), None if self.base is None else Path(self.base)
        )
        return model
