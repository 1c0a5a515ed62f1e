"""Records of text, as a language model meets them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audit_core.tables import Column, Table, read_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One record.

    Attributes:
        prompt: What stands before it and is given, such as a label; never learnt, never scored. Empty where nothing is.
    """

    text: str
    prompt: str = ""


def texts_of(table: Table) -> tuple[Text, ...]:
    """The rows of a table of texts."""
    prompts = table.texts("prompt") if "prompt" in table.names else [None] * len(table)
    return tuple(
        Text(text=text or "", prompt=prompt or "") for text, prompt in zip(table.texts("text"), prompts, strict=True)
    )


def table_of_texts(texts: Sequence[Text]) -> Table:
    """Texts as rows of "prompt" and "text"."""
    columns, codes = [], []
    for name in ("prompt", "text"):
        values, code = np.unique(np.array([getattr(one, name) for one in texts], dtype=object), return_inverse=True)
        columns.append(Column(name=name, kind="category", values=values))
        codes.append(code.reshape(-1).astype(np.int32))
    return Table(columns=tuple(columns), codes=read_only(np.column_stack(codes)))
