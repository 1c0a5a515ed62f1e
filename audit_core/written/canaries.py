"""What may be written of canaries: made-up texts that are planted among those a model is trained on."""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

ALPHABETS = {"digits": "0123456789", "letters": "abcdefghijklmnopqrstuvwxyz"}
"""What a placeholder of each kind is filled with."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_FILLED = re.compile(r"(digits|letters):([1-9][0-9]{0,2})")


class CanariesSpec(BaseModel):
    """Canaries to plant; or those that were planted when a loaded model was trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        default="The access code of {letters:6} is {digits:12}.",
        description="what a canary looks like; {digits:12} and {letters:6} are filled by chance, and what stands "
        "before the first of them is a prompt, which is given and not learnt",
    )
    count: Annotated[StrictInt, Field(ge=20, le=10**6)] = Field(
        default=200, description="canaries that a coin each plants or leaves out"
    )
    references: Annotated[StrictInt, Field(ge=0, le=10**6)] = Field(
        default=1000, description="further ones that are never planted: the planted are ranked among all that were not"
    )
    repeat: Annotated[StrictInt, Field(ge=1, le=1000)] = Field(
        default=1, description="how often each planted one is among the texts; a claim of one record allows for one"
    )
    file: str | None = Field(
        default=None, description="for a loaded model, the `canaries.jsonl` of the run that trained it; nothing else"
    )

    @model_validator(mode="after")
    def _enough_to_fill(self) -> Self:
        if self.file is not None:
            if self.model_fields_set != {"file"}:
                raise ValueError("canaries of a file and canaries to make; keep `file` or the others")
            return self
        if self.space == 0:
            raise ValueError("no placeholder, so all canaries would be the same; write for example {digits:12}")
        if self.count * self.repeat > 10**6:
            raise ValueError("more than a million texts to plant; ask for fewer canaries or repeats")
        if self.space < 20 + math.log2(self.count + self.references):
            raise ValueError("too few fillings for so many canaries, some of which chance would repeat; ask for more")
        return self

    @property
    def parts(self) -> Iterator[str | tuple[str, int]]:
        """The template in pieces: words as they are, and for each placeholder its alphabet and length.

        Raises:
            ValueError: A placeholder is none of those there are.
        """
        for at, piece in enumerate(_PLACEHOLDER.split(self.template)):
            if at % 2 == 0:
                if "{" in piece or "}" in piece:
                    raise ValueError("a brace without its other; placeholders are written {digits:12} or {letters:6}")
                if piece:
                    yield piece
                continue
            filled = _FILLED.fullmatch(piece)
            if filled is None:
                raise ValueError("a placeholder that is none; write {digits:12} or {letters:6}")
            yield ALPHABETS[filled[1]], int(filled[2])

    @property
    def space(self) -> float:
        """How many canaries there could be, in bits."""
        return sum(part[1] * math.log2(len(part[0])) for part in self.parts if isinstance(part, tuple))
