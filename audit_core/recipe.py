"""The recipe: what the user asked for, strictly read, with every problem at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, Literal

from audit_core.errors import InputError, Problem, raise_all
from audit_core.guarantee import Guarantee
from audit_core.reading.paths import read_file, resolve
from audit_core.reading.places import quoted
from audit_core.redact import display, encodable
from audit_core.written.contradictions import column_problems, declared_in, linking_codes
from audit_core.written.other_styles import translated
from audit_core.written.recipe import DEFAULT_POLICY, GeneratedSpec, ModelledSpec, ReleaseSpec, SplitSpec, WrittenRecipe
from audit_core.written.strategies import as_iso_date
from audit_core.written.strict_yaml import Document, read_document, write_yaml
from audit_core.written.strict_yaml import Path as KeyPath
from audit_core.written.validation import validated

Arm = Literal["release", "members", "non_members"]


class Recipe(WrittenRecipe):
    """A recipe, and where it stands.

    Attributes:
        folder: What its paths are relative to.
        allow_outside: Whether they may leave it.
        allow_commands: Whether it may run programs and have work done on other machines.
        allow_download: Whether a model may be fetched from a hub.
    """

    folder: Path
    allow_outside: bool
    allow_commands: bool
    allow_download: bool

    @property
    def generalised(self) -> bool:
        """Whether the release claims to hold coarser values."""
        return isinstance(self.release, ReleaseSpec) and self.release.generalised

    def claim(self) -> Guarantee | None:
        """What is claimed of a release that exists, by its ledger; None where there is none.

        Raises:
            InputError: The ledger cannot be read.
            PackError: It is no ledger.
        """
        if isinstance(self.release, ReleaseSpec):
            written, where = self.release.ledger, "release.ledger"
        elif isinstance(self.release, ModelledSpec):
            written, where = self.release.model.ledger, "release.model.ledger"
        else:
            return None
        if written is None:
            return None
        path = resolve(written, self.folder, where=where, allow_outside=self.allow_outside)
        return Guarantee.from_json(read_file(path, where))

    def written_path(self, arm: Arm) -> str | None:
        """The path of a file as written; None where there is no such file."""
        if arm == "release":
            return self.release.table if isinstance(self.release, ReleaseSpec) else None
        if arm == "non_members":
            return self.non_members if isinstance(self.non_members, str) else None
        return self.members

    def path(self, arm: Arm) -> Path | None:
        """The path of a file, links followed; None where there is no such file.

        Raises:
            InputError: The path leaves the folder.
        """
        written = self.written_path(arm)
        if written is None:
            return None
        where = "release.table" if arm == "release" else arm
        return resolve(written, self.folder, where=where, allow_outside=self.allow_outside)

    def canaries_path(self) -> Path | None:
        """The file of canaries that a loaded model was trained with; None where none is named.

        Raises:
            InputError: The path leaves the folder.
        """
        if self.canaries is None or self.canaries.file is None:
            return None
        return resolve(self.canaries.file, self.folder, where="canaries.file", allow_outside=self.allow_outside)

    def refuse_inputs_in(self, out: Path) -> None:
        """Refuses to put a pack where a file of the recipe stands: what is there is cleared away first.

        Raises:
            InputError: Some stand there; each is named by its key.
        """
        release, inside = self.release, out.resolve()
        named = {"members": self.members, "non_members": self.non_members}
        named["canaries.file"] = None if self.canaries is None else self.canaries.file
        if isinstance(release, ReleaseSpec):
            named |= {"release.table": release.table, "release.ledger": release.ledger}
        elif isinstance(release, ModelledSpec):
            named |= {f"release.model.{key}": getattr(release.model, key) for key in _PLACES}
        else:
            named["release.generate.load"] = release.generate.load
        what, fix = "this stands in the output folder, which is cleared before it is read", "Choose another --out"
        raise_all(
            [
                Problem(code="input-in-output", what=what, where=key, fix=fix)
                for key, written in named.items()
                if isinstance(written, str) and _stands_in(self.folder / written, inside)
            ]
        )


def load_recipe(
    path: Path, *, allow_outside: bool = False, allow_commands: bool = False, allow_download: bool = False
) -> Recipe:
    """Reads a recipe file.

    Args:
        allow_outside: Its paths may leave its folder.
        allow_commands: It may run programs and have work done on other machines.
        allow_download: It may have a model fetched from a hub.

    Raises:
        InputError: With every problem found, each at its line and column.
    """
    where = f"recipe {display(path.name)}"
    file = resolve(str(path.absolute()), path.parent, where=where, allow_outside=True)
    document = read_document(read_file(file, where), display(path.name))
    recipe = _recipe(document, path.parent, allow_outside=allow_outside)
    return recipe.model_copy(update={"allow_commands": allow_commands, "allow_download": allow_download})


def recipe_of_files(
    *,
    release: Path | str,
    members: Path | str,
    non_members: Path | str | None = None,
    identifiers: Sequence[str] = (),
    quasi_identifiers: Sequence[str] = (),
    sensitive: Sequence[str] = (),
    subject: str | None = None,
    policy: str | None = None,
    **others: Any,
) -> Recipe:
    """The recipe that the command line stands for; its paths may lead anywhere.

    Args:
        others: Further keys of a recipe, such as `nulls`, `delimiter` or `k_anonymity_min`.

    Raises:
        InputError: With every problem found, each at its option.
    """
    lists = {"identifier": identifiers, "quasi-identifier": quasi_identifiers, "sensitive": sensitive}
    columns: dict[str, dict[str, str]] = {}
    problems = []
    for role, names in lists.items():
        for name in names:
            if name in columns and columns[name]["role"] != role:
                what = f"the column {quoted(name)} is given two roles, {columns[name]['role']} and {role}"
                problems.append(Problem(code="column-role-twice", what=what, where=_OPTIONS[role], fix="Keep one"))
            columns[name] = {"role": role}
    raise_all(problems)
    tree = {
        "audit": display(PurePath(release).stem),
        "release": {"table": str(release)},
        "members": str(members),
        "non_members": None if non_members is None else str(non_members),
        "columns": columns,
        "subject": subject,
        "policy": policy or DEFAULT_POLICY,
        **others,
    }
    return _recipe(_Options(where="command line", value=tree, places={}), Path(), allow_outside=True)


_OPTIONS = {
    "release": "--release",
    "members": "--members",
    "non_members": "--non-members",
    "subject": "--subject",
    "policy": "--policy",
    "nulls": "--nulls",
    "delimiter": "--delimiter",
    "encoding": "--encoding",
    "identifier": "--identifiers",
    "quasi-identifier": "--quasi-identifiers",
    "sensitive": "--sensitive",
}


class _Options(Document):
    """A tree that the command line stands for."""

    def place(self, path: KeyPath) -> str:
        key = str(path[0]) if path else ""
        return _OPTIONS.get(key, ".".join(map(str, path)) or self.where)


def _recipe(document: Document, folder: Path, *, allow_outside: bool) -> Recipe:
    """The document as a recipe.

    Raises:
        InputError: With every problem found.
    """
    if not isinstance(document.value, dict):
        what = "not a recipe" if document.value is not None else "the recipe is empty"
        fix = "Write at least `audit`, `release` and `members`"
        raise InputError(Problem(code="recipe-empty", what=what, where=document.place(()), fix=fix))
    document, problems = translated(document)
    declared = declared_in(document)
    problems += column_problems(declared, document)
    try:
        written = validated(document, WrittenRecipe)
    except InputError as error:
        raise InputError(*problems, *error.problems, *linking_codes(declared, document)) from None
    recipe = Recipe.model_construct(
        **{name: getattr(written, name) for name in WrittenRecipe.model_fields},
        folder=folder,
        allow_outside=allow_outside,
        allow_commands=False,
        allow_download=False,
    )
    problems += _contradictions(recipe, document)
    keys: dict[Arm, KeyPath] = {
        "release": ("release", "table"),
        "members": ("members",),
        "non_members": ("non_members",),
    }
    for arm, key in keys.items():
        try:
            recipe.path(arm)
        except InputError as error:
            problems += [replace(one, where=document.place(key)) for one in error.problems]
    try:
        recipe.canaries_path()
    except InputError as error:
        problems += [replace(one, where=document.place(("canaries", "file"))) for one in error.problems]
    if _is_path(recipe.policy):
        try:
            where = document.place(("policy",))
            policy = resolve(recipe.policy, folder, where=where, allow_outside=allow_outside)
            recipe = recipe.model_copy(update={"policy": str(policy)})
        except InputError as error:
            problems += error.problems
    if problems:  # by themselves these are no errors, but whoever mends a recipe wants to know all of them
        problems += linking_codes(declared, document)
    raise_all(problems)
    return recipe


def _contradictions(recipe: Recipe, document: Document) -> list[Problem]:
    """What is wrong although each key by itself is right."""
    problems = list(_of_texts(recipe, document))
    if isinstance(recipe.non_members, SplitSpec) and isinstance(recipe.release, ReleaseSpec):
        what = "a split has to come before the release is made"
        fix = "Name the file of rows that were not used, or let the release be made here: `release: {generate: ...}`"
        where = document.place(("non_members",))
        problems.append(Problem(code="wrong-value", what=what, where=where, fix=fix))
    if isinstance(recipe.non_members, SplitSpec) and _loaded(recipe):
        what = "it was fitted before these coins fall, perhaps to rows that they set aside"
        fix = "Name the file of rows that were not used to fit it, or fit one here: `with: NAME` or `train: NAME`"
        where = document.place(("non_members",))
        problems.append(Problem(code="wrong-value", what=what, where=where, fix=fix))
    roles = {name: spec.role for name, spec in recipe.columns.items()}
    if recipe.subject is not None and roles.get(recipe.subject) in ("quasi-identifier", "sensitive"):
        what = f"the column {quoted(recipe.subject)} is the subject and {roles[recipe.subject]} at once"
        fix = "The subject names the person; it can only be an identifier besides"
        where = document.place(("columns", recipe.subject))
        problems.append(Problem(code="column-role-twice", what=what, where=where, fix=fix))
    return problems


_OF_TABLES = ("columns", "k_anonymity_min", "rules", "output")
_OF_TEXTS = ("text", "prompt", "canaries")


def _of_texts(recipe: Recipe, document: Document) -> Iterator[Problem]:
    """What is said of a table where a model goes out, or the other way round."""
    modelled = isinstance(recipe.release, ModelledSpec)
    for name in _OF_TABLES if modelled else _OF_TEXTS:
        if getattr(recipe, name):
            what = f"`{name}` is about the release of a {'table' if modelled else 'model'}"
            fix = "Leave it out, or audit the other by a recipe of its own"
            yield Problem(code="wrong-value", what=what, where=document.place((name,)), fix=fix)
    if modelled and recipe.canaries is not None and _loaded(recipe) == (recipe.canaries.file is None):
        what = (
            "canaries to be planted in a model that is trained already"
            if _loaded(recipe)
            else "canaries that were planted before, and a model that is yet to be trained"
        )
        fix = "For a loaded model name those it was trained with, `canaries: {file: FILE}`; leave `file` out to plant"
        yield Problem(code="wrong-value", what=what, where=document.place(("canaries",)), fix=fix)
    if modelled and recipe.text is None:
        what, fix = "which column holds the texts is not said", "Add for example `text: note`"
        yield Problem(code="missing-key", what=what, where=document.place(()), fix=fix)
    if recipe.text is not None and recipe.text in (recipe.prompt, recipe.subject):
        what, fix = "one column is the text and something else besides", "Name another column"
        yield Problem(code="wrong-value", what=what, where=document.place(("text",)), fix=fix)


def _loaded(recipe: Recipe) -> bool:
    release = recipe.release
    if isinstance(release, ModelledSpec):
        return release.model.load is not None
    return isinstance(release, GeneratedSpec) and release.generate.load is not None


def _stands_in(path: Path, folder: Path) -> bool:
    try:
        return path.exists() and path.resolve().is_relative_to(folder)
    except (OSError, ValueError):  # no path at all, which is said elsewhere
        return False


def _is_path(policy: str) -> bool:
    return any(mark in policy for mark in "/\\.")


def recipe_yaml(recipe: Recipe) -> bytes:
    """The recipe with every default written out: the same recipe, the same bytes, and no path of this machine."""
    tree: dict[str, Any] = recipe.model_dump(
        by_alias=True, exclude={"folder", "allow_outside", "allow_commands", "allow_download"}, mode="json"
    )
    if isinstance(recipe.release, ReleaseSpec):
        tree["release"]["table"] = _shown(recipe.release.table)
    if isinstance(recipe.release, ModelledSpec):
        its = tree["release"]["model"]
        tree["release"]["model"] = {**_said(its), **{key: _shown(its[key]) for key in _PLACES if its[key] is not None}}
    tree["members"] = _shown(recipe.members)
    if isinstance(recipe.non_members, str):
        tree["non_members"] = _shown(recipe.non_members)
    if _is_path(recipe.policy):
        tree["policy"] = encodable(PurePath(recipe.policy).name)
    if recipe.canaries is not None:
        file = recipe.canaries.file
        tree["canaries"] = _said(tree["canaries"]) if file is None else {"file": _shown(file)}
    tree["columns"] = {name: _column(spec) for name, spec in sorted(tree["columns"].items())}
    tree["rules"] = [_rule(rule) for rule in tree["rules"]]
    return write_yaml(_said(tree))


_PLACES = ("base", "load", "ledger")


def _column(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a column, the bounds of dates as dates."""
    bounds = {key: as_iso_date(spec[key]) for key in ("min", "max") if spec[key] is not None}
    return _said(spec) | (bounds if spec["type"] == "date" else {})


def _rule(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _said(its) for name, its in spec.items() if its is not None}


def _shown(written: str) -> str:
    """A path that stays in its folder as it is; of any other only the file's name."""
    path = PurePath(written)
    return encodable(path.name if path.is_absolute() or ".." in path.parts else path.as_posix())


def _said(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if value is not None}


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema of a recipe."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **WrittenRecipe.model_json_schema(by_alias=True),
        "title": "sekisho recipe",
    }
