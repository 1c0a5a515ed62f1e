"""A release made in a child process: what it is made of, and what is said when a generator fails or lies."""

import textwrap
from dataclasses import replace
from pathlib import Path
from subprocess import CalledProcessError

import numpy as np
import pytest

from audit_core.cache import Cache
from audit_core.chosen import Commission, commission
from audit_core.codes import CODES
from audit_core.errors import InputError, RunError
from audit_core.generation import Made, generate
from audit_core.guarantee import Guarantee, Stated
from audit_core.isolation import Failed, Limits, Usage
from audit_core.made_rows import made_in_child
from audit_core.pack import COINS, LEDGER, RELEASE, STOPPED_LEDGER
from audit_core.program import Program
from audit_core.recipe import Recipe, load_recipe
from audit_core.refit import Budget
from audit_core.registry import Registry, discover
from audit_core.sources import read_sources
from audit_core.synthesis import unpaid
from audit_core.tables import MISSING, Table, with_own_dictionaries
from audit_core.testing import conformance, made_up_case, make
from audit_core.written.recipe import ColumnSpec

_FILE = """
import time
import numpy as np
from audit_core.hookspecs import hookimpl
from audit_core.plugin import GeneratorPlugin
from audit_core.tables import Column, Table

@hookimpl
def audit_generators():
    title, method = {{"en": "Tried"}}, {{"en": "A test."}}
    return [GeneratorPlugin(name="tried", title=title, method=method, load=f"{{__name__}}:Tried")]

class Tried:
    guarantee = None

    def fit(self, table, schema, budget):
        self.table, self.schema, self.budget = table, schema, budget
        return self

    def sample(self, n, rng):
        table = self.table
{body}
"""


def plugin_file(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "tried.py"
    path.write_text(_FILE.format(body=textwrap.indent(textwrap.dedent(body), " " * 8)))
    return path


def registry_of(tmp_path: Path, body: str) -> Registry:
    return discover([plugin_file(tmp_path, body)])


WHOLE = "return table.take(rng.integers(len(table), size=n))"


def run(tmp_path: Path, body: str, rows: int = 20, timeout_s: float = 60) -> Table:
    registry = registry_of(tmp_path, body)
    case = made_up_case("innocent", rows=30)
    order = Commission(plugin=registry.generators["tried"], params={}, rows=rows)
    (members,) = with_own_dictionaries(case.members)
    return made_in_child(order, members, case.schema, registry, 0, Limits(timeout_s=timeout_s), Usage())


def test_a_good_generator_makes_rows_and_is_told_what_is_declared(tmp_path: Path) -> None:
    assert len(run(tmp_path, WHOLE)) == 20
    told = "assert {n: d.role for n, d in self.schema.items()}['group'] == 'sensitive'\nself.budget.rng.random()\n"
    assert len(run(tmp_path, told + WHOLE)) == 20


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("raise KeyError('Smith')", "plugin-raised", "KeyError"),
        ("return None", "malformed-answer", "no table"),
        ("return 3", "plugin-raised", "AttributeError"),
        ("return table.take(np.arange(3))", "malformed-answer", "shape"),
        ("return table.select(table.names[:2]).take(np.arange(n))", "malformed-answer", "shape"),
        ("return table.select(table.names[::-1]).take(np.arange(n))", "malformed-answer", "columns"),
        ("return Table(columns=table.columns, codes=table.codes[:n] + 10**6)", "malformed-answer", "out of range"),
        ("return Table(columns=table.columns, codes=table.codes[:n].astype(float))", "malformed-answer", "shape"),
        (
            "c = table.columns[0]\nc = Column(name=c.name, kind=c.kind, values=c.values * np.inf)\n"
            "return Table(columns=(c, *table.columns[1:]), codes=table.codes[:n])",
            "malformed-answer",
            "no finite numbers",
        ),
        (
            "c = table.columns[3]\nc = Column(name=c.name, kind=c.kind, values=np.array(['a\\0'] * 99, object))\n"
            "return Table(columns=(*table.columns[:3], c, *table.columns[4:]), codes=table.codes[:n])",
            "malformed-answer",
            "no text",
        ),
        (
            "c = table.columns[3]\nc = Column(name=c.name, kind=c.kind, values=np.array(['\\ud800'] * 99, object))\n"
            "return Table(columns=(*table.columns[:3], c, *table.columns[4:]), codes=table.codes[:n])",
            "malformed-answer",
            "no text",
        ),
    ],
)
def test_a_generator_that_fails_or_lies_is_told_by_what_it_did(tmp_path: Path, body: str, code: str, told: str) -> None:
    with pytest.raises(Failed) as caught:
        run(tmp_path, body)
    assert caught.value.reason.code == code
    assert told in str(caught.value.reason.args)
    assert "Smith" not in str(caught.value.reason)


def test_a_generator_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(Failed) as caught:
        run(tmp_path, "time.sleep(600)", timeout_s=3)
    assert caught.value.reason.code == "timed-out"


def test_the_kit_finds_a_generator_out_that_ignores_its_seed_or_the_number_of_rows(tmp_path: Path) -> None:
    def broken(body: str) -> set[str]:
        registry = registry_of(tmp_path, body)
        return {trial.name for trial in conformance(registry.generators["tried"], registry) if not trial.held}

    assert broken("return table.take(np.arange(n) % len(table))") == {"makes other rows with another seed"}
    assert broken("return table.take(np.arange(1))") == {"makes 200 rows of 80"}


FILES = {"members.csv": range(200), "others.csv": range(200, 400)}


def recipe(tmp_path: Path, more: str = "non_members: others.csv\n", generator: str = "independent") -> Recipe:
    rng = np.random.default_rng(5)
    for name, people in FILES.items():
        rows = [
            f"{person},2020-01-{rng.integers(1, 29):02d}T0{rng.integers(0, 9)}:00:00Z,{rng.normal():.3f},"
            f"{'' if rng.random() < 0.2 else rng.integers(0, 9)},0{rng.integers(1, 4)}"
            for person in people
        ]
        (tmp_path / name).write_text("\n".join(["who,seen,level,visits,zip", *rows]) + "\n")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"audit: a\nrelease: {{generate: {{with: {generator}}}, rows: 150}}\nmembers: members.csv\n{more}"
        "columns: {who: {role: identifier}, visits: {min: 0, max: 9}}\n"
    )
    return load_recipe(path)


def made(asked: Recipe, folder: Path, registry: Registry | None = None, cache: Cache | None = None) -> Made:
    registry = registry or discover()
    order = commission(asked, registry)
    assert order is not None
    folder.mkdir(exist_ok=True)
    return generate(asked, order, read_sources(asked), registry, folder, cache or Cache())


def test_a_release_is_written_with_the_members_columns_but_no_identifier(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    found = made(recipe(tmp_path), tmp_path / "pack")
    table = pyarrow.parquet.read_table(tmp_path / "pack" / RELEASE)
    assert found.path == tmp_path / "pack" / RELEASE
    assert table.schema.names == ["seen", "level", "visits", "zip"]
    assert table.schema.types == [pa.timestamp("us", "UTC"), pa.float64(), pa.int64(), pa.string()]
    assert table.num_rows == 150
    assert (found.path.stat().st_mode & 0o777, found.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not (tmp_path / "pack" / COINS).exists()


def test_a_ledger_of_an_earlier_attempt_is_no_claim_of_this_release(tmp_path: Path) -> None:
    """A run that is gone on from may ask for another generator, which claims nothing."""
    (tmp_path / "pack" / "release").mkdir(parents=True)
    (tmp_path / "pack" / "model").mkdir()
    claim = Guarantee(
        epsilon=1.0, delta=0.0, budget=1.0, unit="row", rows_per_unit=1, relation="add-or-remove", accountant="its own",
        mechanisms=(Stated(purpose="everything", epsilon=1.0),),
    )  # fmt: skip
    (tmp_path / "pack" / LEDGER).write_bytes(claim.to_json())
    assert made(recipe(tmp_path), tmp_path / "pack").guarantee is None
    assert not (tmp_path / "pack" / LEDGER).exists()
    assert not (tmp_path / "pack" / "model").exists()


CLAIMING = """
from audit_core.guarantee import Guarantee, Stated
from audit_core.hookspecs import hookimpl
from audit_core.plugin import GeneratorPlugin

@hookimpl
def audit_generators():
    words = {"en": "Claiming"}
    return [GeneratorPlugin(name="claiming", title=words, method=words, load=f"{__name__}:Claiming")]

class Claiming:
    guarantee = Guarantee(
        epsilon=1.0, delta=0.0, budget=1.0, unit="row", rows_per_unit=1, relation="add-or-remove", accountant="its own",
        mechanisms=(Stated(purpose="everything", epsilon=1.0),), outside=("kind:zip",), aborts=("a check of its own",),
    )
    def fit(self, table, schema, budget):
        self.table = table
        return self
    def sample(self, n, rng):
        return self.table.take(rng.integers(len(self.table), size=n))
"""


def test_the_run_adds_to_a_claim_what_its_checks_looked_at(tmp_path: Path) -> None:
    (tmp_path / "claiming.py").write_text(CLAIMING)
    asked = recipe(tmp_path, generator="claiming")
    found = made(asked, tmp_path / "pack", discover([tmp_path / "claiming.py"])).guarantee
    assert found is not None
    assert found == Guarantee.from_json((tmp_path / "pack" / LEDGER).read_bytes())
    assert found.aborts == ("a check of its own", "beyond-bounds", "identifiers-shared", "non-members-overlap")
    assert found.outside == ("kind:zip",)


def test_every_check_that_a_recipe_asks_for_is_told(tmp_path: Path) -> None:
    plain = recipe(tmp_path, more="")
    assert unpaid.aborts(plain) == ("beyond-bounds",)
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "audit: a\nrelease: {generate: {with: independent}, rows: 150}\nmembers: members.csv\nsubject: who\n"
        "non_members: {split: 0.5}\nrules: [{enforce_range: {column: visits, max: 8}}]\ncolumns:\n"
        "  who: {role: identifier}\n  level: {type: number}\n  visits: {type: integer}\n  part: {values: [a, b]}\n"
        "  id: {type: id, strategy: fresh, pattern: 'S-####'}\n"
        "  zip: {type: pii_address, locale: ja_JP, hierarchy: prefecture}\n"
    )
    asked = load_recipe(path)
    assert {*unpaid.aborts(plain), *unpaid.aborts(asked), "non-members-overlap"} <= set(CODES)
    assert unpaid.aborts(asked) == (
        "value-not-of-type", "undeclared-values", "address-without-region", "id-pattern-taken", "subject-missing",
        "identifiers-shared", "non-members-overlap", "split-one-sided",
    )  # fmt: skip
    claim = Guarantee(
        epsilon=1.0, delta=0.0, budget=1.0, unit="row", rows_per_unit=1, relation="add-or-remove", accountant="its own",
        mechanisms=(Stated(purpose="everything", epsilon=1.0),), derived=("column-modes",),
    )  # fmt: skip
    whole = unpaid.completed(asked, claim)
    assert (whole.derived, whole.outside) == (("column-modes", "suppression"), ())
    assert unpaid.completed(asked, whole) == whole
    silent = unpaid.completed(asked, replace(claim, derived=("unknown",)))
    assert silent.derived == ("unknown", "suppression")
    assert "derived" in silent.unanswered
    hashing = asked.model_copy(update={"columns": {"who": ColumnSpec(type="id", strategy="hash_rekey")}})
    assert unpaid.completed(hashing, claim).outside == ("rekeyed-ids:who",)


def test_it_is_made_of_the_members_alone(tmp_path: Path) -> None:
    generator = "for c in table.columns:\n    print(c.name, len(c.values))\n" + WHOLE
    registry = registry_of(tmp_path, generator)
    asked = recipe(tmp_path, "non_members: {split: 0.5}\n", generator="tried")
    found = made(asked, tmp_path / "pack", registry)
    import json

    import pyarrow.parquet

    coins = json.loads((tmp_path / "pack" / COINS).read_text())
    lines = (tmp_path / "members.csv").read_text().splitlines()[1:]
    levels = [float(line.split(",")[2]) for line in lines]
    inside = {levels[row - 1] for row in coins["members"]}
    released = set(pyarrow.parquet.read_table(found.path).column("level").to_pylist())
    assert released <= inside
    assert found.sources.files["members"].n_rows == len(coins["members"])
    assert (tmp_path / "pack" / COINS).stat().st_mode & 0o777 == 0o600


def test_the_same_recipe_makes_the_same_release_and_another_seed_another(tmp_path: Path) -> None:
    one, two = (made(recipe(tmp_path), tmp_path / name).path.read_bytes() for name in ("a", "b"))
    other = made(recipe(tmp_path).model_copy(update={"seed": 1}), tmp_path / "c").path.read_bytes()
    assert one == two != other


def test_a_killed_run_takes_its_release_up_unless_it_was_touched(tmp_path: Path) -> None:
    counted = f"open({str(tmp_path / 'fits')!r}, 'a').write('x')\n" + WHOLE
    registry = registry_of(tmp_path, counted)
    asked = recipe(tmp_path, generator="tried")
    folder = tmp_path / "pack"
    first = made(asked, folder, registry, Cache(tmp_path / "cache")).path.read_bytes()
    assert made(asked, folder, registry, Cache(tmp_path / "cache")).path.read_bytes() == first
    assert (tmp_path / "fits").read_text() == "x"
    (folder / RELEASE).write_bytes(b"")
    assert made(asked, folder, registry, Cache(tmp_path / "cache")).path.read_bytes() == first
    assert (tmp_path / "fits").read_text() == "xx"


def test_wrong_inputs_are_told_before_anything_is_fitted(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, f"open({str(tmp_path / 'fits')!r}, 'a').write('x')\n" + WHOLE)
    asked = recipe(tmp_path, generator="tried")
    (tmp_path / "others.csv").write_text((tmp_path / "members.csv").read_text().replace("0,2020", "1000,2020", 1))
    with pytest.raises(InputError, match="identifiers-shared"):
        made(asked, tmp_path / "pack", registry)
    assert not (tmp_path / "fits").exists()


def test_a_failing_generator_ends_the_run_and_quotes_nothing(tmp_path: Path) -> None:
    registry = registry_of(tmp_path, "raise ValueError('Smith')")
    with pytest.raises(RunError, match="no release was made: the plugin stopped with ValueError") as caught:
        made(recipe(tmp_path, generator="tried"), tmp_path / "pack", registry)
    assert caught.value.exit_code == 4
    assert "Smith" not in str(caught.value)
    fractions = (
        "at = table.index('visits')\nc = table.columns[at]\n"
        "c = Column(name=c.name, kind=c.kind, values=c.values + 0.5)\n"
        "return Table(columns=(*table.columns[:at], c, *table.columns[at + 1:]), codes=table.codes[:n])"
    )
    with pytest.raises(RunError, match="fractions where the members have integers"):
        made(recipe(tmp_path, generator="tried"), tmp_path / "pack", registry_of(tmp_path, fractions))


# A program as a generator


def program(tmp_path: Path, script: str, rows: int = 30) -> Table:
    case = made_up_case("innocent", rows=40, missing=0.1)
    fitted = Program(["sh", "-c", script], str(tmp_path)).fit(
        case.members, case.schema, Budget(rng=np.random.default_rng(0))
    )
    return fitted.sample(rows, np.random.default_rng(1))


def test_a_program_reads_and_writes_csv_in_the_recipe_s_folder(tmp_path: Path) -> None:
    (tmp_path / "fit.sh").write_text("head -n $(($3 + 1)) $1 > $2; echo $4 > seed\n")
    table = program(tmp_path, "sh fit.sh {train} {release} {rows} {seed}")
    case = made_up_case("innocent", rows=40, missing=0.1)
    for name in table.names:
        assert table.texts(name).tolist() == case.members.texts(name)[:30].tolist()
    assert int((tmp_path / "seed").read_text()) >= 0
    assert (table.codes == MISSING).any()
    assert [column.kind for column in table.columns] == [column.kind for column in case.members.columns]


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("exit 3", CalledProcessError),
        ("cp {train} {release}", ValueError),
        ("true", InputError),
        ("cut -d, -f2- {train} > {release}", KeyError),
    ],
)
def test_a_program_that_fails_is_an_error(tmp_path: Path, script: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        program(tmp_path, script)


def test_what_a_generator_makes_is_what_the_kit_makes(tmp_path: Path) -> None:
    registry = discover()
    case = made_up_case("innocent", rows=50)
    one = make(replace(registry.generators["leaky"], trial={"dose": 1.0}), case, 50, registry)
    assert sorted(one.texts("income").tolist()) == sorted(case.members.texts("income").tolist())


def test_what_a_stopped_training_spent_stays_in_the_pack_and_on_the_next_claim(tmp_path: Path) -> None:
    from audit_core.exchange import Folders, write_guarantee
    from audit_core.kept import Kept, forget

    claim = Guarantee(
        epsilon=1.0, delta=1e-6, budget=2.0, unit="row", rows_per_unit=1, relation="add-or-remove",
        accountant="its own", mechanisms=(Stated(purpose="everything", epsilon=1.0),), stopped="loss-not-finite",
    )  # fmt: skip
    out, its = tmp_path / "pack", tmp_path / "its"
    its.mkdir()
    (out / "release").mkdir(parents=True)
    (out / LEDGER).write_bytes(claim.to_json())
    forget(out)
    assert not (out / LEDGER).exists()
    assert Guarantee.from_json((out / STOPPED_LEDGER).read_bytes()) == claim
    write_guarantee(its, replace(claim, stopped=None))
    Kept(out, folders=Folders()).ledger_from(its)
    found = Guarantee.from_json((out / LEDGER).read_bytes())
    assert (found.stopped, found.earlier_releases) == (None, "stopped-attempt")
    forget(out)  # of a training that went through nothing is kept
    assert not (out / LEDGER).exists()
