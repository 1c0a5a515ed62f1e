"""The generator `dp-ctgan`: nothing of the data comes out but through noise that was paid for."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("opacus")
pytest.importorskip("opendp")

from scipy.stats import chi2  # noqa: E402
from torch import nn  # noqa: E402

from audit_core.accounting import epsilon_pld, epsilon_rdp  # noqa: E402
from audit_core.errors import InputError  # noqa: E402
from audit_core.guarantee import Guarantee, KeptValues, NoisyCounts, NoisySteps  # noqa: E402
from audit_core.ledger_words import known  # noqa: E402
from audit_core.refit import Budget, Declared  # noqa: E402
from audit_core.tables import MISSING, Column, Table, read_only  # noqa: E402
from audit_plugins.differential_privacy.meter import Meter, Overspent, noise_for, prv, rdp  # noqa: E402
from audit_plugins.differential_privacy.noise import NoiseSource  # noqa: E402
from audit_plugins.generators.dp_ctgan import model_files  # noqa: E402
from audit_plugins.generators.dp_ctgan.cells import number_cells  # noqa: E402
from audit_plugins.generators.dp_ctgan.checkpoints import found, identity  # noqa: E402
from audit_plugins.generators.dp_ctgan.domain import Domain, all_cells, domains  # noqa: E402
from audit_plugins.generators.dp_ctgan.encoding import encoding  # noqa: E402
from audit_plugins.generators.dp_ctgan.generator import DpCtgan, FittedDpCtgan, TrainingStopped  # noqa: E402
from audit_plugins.generators.dp_ctgan.self_check import Probe, UnsoundTraining, probes  # noqa: E402
from audit_plugins.generators.dp_ctgan.training import NotFinite, PrivateStep, Trainer  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:Full backward hook is firing"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SCHEMA = {
    "amount": Declared(kind="integer", low=0, high=1000),
    "label": Declared(kind="category", role="sensitive", values=("no", "yes")),
    "place": Declared(kind="category", values=("north", "south", "west")),
}


def people(n: int, seed: int = 1, missing: float = 0.05) -> Table:
    """Amounts that go with the label, half of them zero."""
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.3
    amount = np.where(rng.random(n) < 0.5, 0, rng.integers(1, 400, n) + 500 * label)
    values, codes = np.unique(amount.astype(float), return_inverse=True)
    place = np.where(rng.random(n) < missing, MISSING, rng.integers(0, 3, n))
    columns = (
        Column(name="amount", kind="integer", values=values),
        Column(name="label", kind="category", values=np.array(["no", "yes"], dtype=object)),
        Column(name="place", kind="category", values=np.array(["north", "south", "west"], dtype=object)),
    )
    return Table(columns=columns, codes=read_only(np.column_stack([codes, label, place]).astype(np.int32)))


def generator(**params: object) -> DpCtgan:
    its = {
        "epsilon": 4.0, "delta": 1e-5, "target": None, "epochs": 4, "batch": 100, "counts_share": 0.3,
        "pairs_share": 0.3, "clipping_norm": 1.0,
    } | params  # fmt: skip
    return DpCtgan(**its)  # type: ignore[arg-type]


def steps(**fields: object) -> NoisySteps:
    its = {
        "purpose": "training", "noise_multiplier": 2.0, "sample_rate": 0.05, "steps": 100, "clipping_norm": 1.0,
        "expected_batch": 10.0, "sampling": "poisson",
    } | fields  # fmt: skip
    return NoisySteps(**its)  # type: ignore[arg-type]


# The meter


def test_two_libraries_agree_on_what_was_spent() -> None:
    spent = [NoisyCounts(purpose="counts", sigma=30.0, tables=15), steps()]
    assert prv(spent, 1e-6) == pytest.approx(epsilon_pld(spent, 1e-6), rel=0.02)
    assert rdp(spent, 1e-6) == pytest.approx(epsilon_rdp(spent, 1e-6), rel=0.001)


def test_noise_is_sized_for_all_planned_steps_and_no_more() -> None:
    before = [NoisyCounts(purpose="counts", sigma=30.0, tables=15)]
    noise = noise_for(2.0, 1e-6, before, steps())
    assert prv([*before, steps(noise_multiplier=noise)], 1e-6) <= 2.0
    assert prv([*before, steps(noise_multiplier=noise * 0.99)], 1e-6) > 2.0


def test_what_would_overshoot_is_refused_before_it_happens() -> None:
    meter = Meter(1.0, 1e-6)
    with pytest.raises(Overspent):
        meter.spend(NoisyCounts(purpose="counts", sigma=1.0, tables=9))
    with pytest.raises(Overspent):
        meter.plan(steps(noise_multiplier=0.5))
    with pytest.raises(Overspent):
        meter.step()
    assert meter.spent == ()
    meter.plan(steps(noise_multiplier=8.0, steps=2))
    meter.step()
    meter.step()
    with pytest.raises(Overspent):
        meter.step()
    assert meter.spent == (steps(noise_multiplier=8.0, steps=2),)


def test_no_budget_no_training() -> None:
    with pytest.raises(Overspent):
        noise_for(1.0, 1e-6, [NoisyCounts(purpose="counts", sigma=4.0, tables=1)], steps())


# What is public, and what is bought


def test_declared_domains_do_not_look_at_the_data() -> None:
    meter = Meter(1.0, 1e-6)
    for table in (people(300), people(50, seed=2), people(300).take(np.zeros(300, dtype=np.intp))):
        found = domains(table, SCHEMA, meter, NoiseSource(), 5.0)
        assert [len(domain) for domain in found] == [len(number_cells("integer", 0, 1000)) + 1, 3, 4]
        assert found[1].words == ("no", "yes")
    assert meter.spent == ()


def test_bounds_and_values_that_are_not_declared_are_paid_for() -> None:
    meter = Meter(6.0, 1e-5)
    undeclared = dict.fromkeys(SCHEMA, Declared())
    found = domains(people(3000), undeclared, meter, NoiseSource(), 4.0)
    counts, kept = meter.spent
    assert isinstance(counts, NoisyCounts)
    assert (counts.tables, counts.noise_multiplier) == (3, pytest.approx(4.0))
    assert isinstance(kept, KeptValues)
    assert kept.delta == pytest.approx(1e-6)
    assert found[0].numbers is not None
    assert 512 <= found[0].numbers.edges[-1] <= 2048
    assert found[2].words == ("north", "south", "west")


def test_a_value_of_one_row_is_not_kept() -> None:
    """It would have to draw noise above the threshold: at most once in 1 / delta tries."""
    table = people(2000)
    words = np.array(["no", "only here", "yes"], dtype=object)
    codes = table.codes.copy()
    codes[:, 1] *= 2
    codes[0, 1] = 1
    columns = (table.columns[0], Column(name="label", kind="category", values=words), table.columns[2])
    rare = Table(columns=columns, codes=read_only(codes))
    for _ in range(20):
        found = domains(rare, SCHEMA | {"label": Declared()}, Meter(9.0, 1e-5), NoiseSource(), 3.0)
        assert found[1].words == ("no", "yes")


@pytest.mark.parametrize(("low", "high"), [(0, 99999), (-50, 50), (17, 90), (1, 2_000_000), (5, 5)])
def test_cells_of_whole_numbers_hold_each_once_and_give_back_whole_numbers(low: int, high: int) -> None:
    cells = number_cells("integer", low, high)
    values = np.unique(np.linspace(low, high, 500).round())
    of = cells.of(values)
    assert ((cells.edges[of] <= values) & (values < cells.edges[of + 1])).all()
    drawn = cells.draw(np.arange(len(cells)), np.random.default_rng(0))
    assert (drawn == np.round(drawn)).all()
    assert low <= drawn.min() <= drawn.max() <= high
    if low <= 0 <= high:
        at = cells.of(np.array([0.0]))
        assert cells.draw(at, np.random.default_rng(0)) == 0


def test_cells_of_fractions_keep_the_bounds_and_zero() -> None:
    cells = number_cells("number", -2.5, 10.0)
    drawn = cells.draw(cells.of(np.array([-2.5, 0.0, 10.0, 99.0, -99.0])), np.random.default_rng(0))
    assert drawn[1] == 0.0
    assert (drawn >= -2.5).all()
    assert (drawn <= 10.0).all()


# Counting


def test_without_noise_the_encoding_is_that_of_the_data() -> None:
    table = people(4000)
    found = domains(table, SCHEMA, Meter(9.0, 1e-5), Exact(), 5.0)
    cells = all_cells(table, found)
    meter = Meter(90.0, 1e-5)
    its = encoding(cells, found, 1, meter, Exact(), 5.0)
    assert its.rows == 4000
    label = table.codes[:, 1]
    assert its.groups == pytest.approx([np.mean(label == 0), np.mean(label == 1)])
    place = its.columns[2]
    for group in (0, 1):
        rows = table.codes[label == group, 2]
        shares = [np.mean(rows == code) for code in (0, 1, 2, MISSING)]
        assert place.shares[group] == pytest.approx(shares, abs=1e-3)
    amounts = its.columns[0]
    assert amounts.shares.sum(axis=1) == pytest.approx([1, 1])
    zero = amounts.mode[amounts.domain.numbers.of(np.array([0.0]))[0]]  # type: ignore[union-attr]
    assert np.flatnonzero(amounts.mode == zero).size == 1  # the value that half of them have is a mode of its own
    back = its.decoded(its.modes(cells), [(one.name, one.kind) for one in table.columns], np.random.default_rng(0))
    assert back.texts("label").tolist() == table.texts("label").tolist()
    assert back.texts("place").tolist() == table.texts("place").tolist()
    assert np.corrcoef(back.numbers("amount"), table.numbers("amount"))[0, 1] > 0.99
    (spent,) = meter.spent
    assert isinstance(spent, NoisyCounts)
    assert (spent.tables, spent.noise_multiplier) == (3, pytest.approx(5.0))


def test_all_counts_have_the_noise_that_was_paid_for() -> None:
    """Exact counts of categories, which the condition of a stock CTGAN is drawn from, would be a leak of their own."""
    seen: list[tuple[np.ndarray, float]] = []

    class Listening(NoiseSource):
        def counts(self, exact: np.ndarray, sigma: float) -> np.ndarray:
            noisy = super().counts(exact, sigma)
            seen.append((noisy - exact, sigma))
            return noisy

    table = people(2000)
    found = domains(table, SCHEMA, Meter(9.0, 1e-5), Listening(), 5.0)
    meter = Meter(9.0, 1e-5)
    encoding(all_cells(table, found), found, 1, meter, Listening(), 5.0)
    (spent,) = meter.spent
    assert isinstance(spent, NoisyCounts)
    assert len(seen) == spent.tables == 3
    assert {sigma for _, sigma in seen} == {spent.sigma}
    noise = np.concatenate([difference.reshape(-1) for difference, _ in seen]) / spent.sigma
    # Chi-squared, with an error of 1e-5 on each side; the discrete Gaussian of so wide a scale has the variance sigma².
    assert chi2.ppf(1e-5, len(noise)) < (noise**2).sum() < chi2.isf(1e-5, len(noise))


# Training


def test_every_probe_of_a_sound_training_holds() -> None:
    assert [probe for probe in probes(NoiseSource()) if not probe.held] == []


def failed(found: list[Probe]) -> set[str]:
    return {probe.name for probe in found if not probe.held}


class Noiseless(PrivateStep):
    def noised(self, summed):  # type: ignore[no-untyped-def]
        return [one / self.settings.batch for one in summed]


class Unclipped(PrivateStep):
    def summed(self, real):  # type: ignore[no-untyped-def]
        loss = nn.functional.softplus(-self.network(real)).sum()
        return [part.detach() for part in torch.autograd.grad(loss, list(self.network.parameters()))]


class OverRows(PrivateStep):
    """Divides by how many rows came, which tells how many there were."""

    def noised(self, summed):  # type: ignore[no-untyped-def]
        return [one * self.settings.batch / 9 for one in super().noised(summed)]


class Packed(nn.Module):
    """Looks at three rows at once, as pac = 3 does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, rows):  # type: ignore[no-untyped-def]
        means = rows.view(-1, 3, rows.shape[1]).mean(dim=1) if len(rows) % 3 == 0 else rows
        return self.inner(means).repeat_interleave(len(rows) // len(means), dim=0)


def packed(network, settings, noise):  # type: ignore[no-untyped-def]
    return PrivateStep(network=Packed(network), settings=settings, noise=noise)


class Exact(NoiseSource):
    """Counts without noise."""

    def counts(self, exact, sigma):  # type: ignore[no-untyped-def]
        return exact


class Shuffled(NoiseSource):
    """Batches of one size, each row once in a round: what a shuffling loader gives."""

    def poisson_sample(self, n: int, rate: float) -> np.ndarray:
        if not len(getattr(self, "_left", ())):
            self._left = np.random.default_rng(1).permutation(n)
        size = round(n * rate)
        batch, self._left = self._left[:size], self._left[size:]
        return batch


def fitted_to_data(table, schema, meter, noise, multiplier):  # type: ignore[no-untyped-def]
    numbers = table.columns[0].values
    return [
        Domain(name="number", numbers=number_cells("number", numbers.min(), numbers.max())),
        Domain(name="word", words=tuple(table.columns[1].values)),
    ]


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        ({"step": Noiseless}, "noise of steps"),
        ({"step": Unclipped}, "clipped row by row"),
        ({"step": OverRows}, "noise of steps"),
        ({"step": packed}, "clipped row by row"),
        ({"noise": Exact()}, "noise of counts"),
        ({"noise": Shuffled()}, "Poisson sampling"),
        ({"bought": fitted_to_data}, "bounds and values"),
    ],
)
def test_each_planted_fault_is_caught(fault: dict, caught: str) -> None:
    found = failed(probes(**({"noise": NoiseSource()} | fault)))
    assert caught in found
    if fault.get("step") is Unclipped:
        assert "sensitivity" in found


def test_an_unsound_training_does_not_start(monkeypatch) -> None:
    monkeypatch.setattr(NoiseSource, "counts", Exact.counts)
    with pytest.raises(UnsoundTraining, match="noise of counts"):
        generator().fit(people(600), SCHEMA, Budget(rng=np.random.default_rng(0)))


def unsaid(claim: Guarantee) -> list[str]:
    """The texts of a ledger that have no words in our languages."""
    fields = ("units_from", "noise_source", "floating_point", "trust", "tuning", "pretraining_overlap")
    texts = [one.purpose for one in claim.mechanisms] + [getattr(claim, name) for name in fields]
    texts += [*claim.public, *claim.derived, *claim.outside, *claim.released, *filter(None, [claim.stopped])]
    return [text for text in texts if not known(text)]


def test_a_fit_stays_in_its_budget_and_its_ledger_says_how() -> None:
    told: list[dict] = []
    fitted = generator().fit(people(2000), SCHEMA, Budget(rng=np.random.default_rng(0), report=told.append))  # type: ignore[arg-type]
    claim = fitted.guarantee
    counts, pairs, training = claim.mechanisms
    assert isinstance(counts, NoisyCounts)
    assert isinstance(pairs, NoisyCounts)
    assert isinstance(training, NoisySteps)
    assert claim.epsilon <= 4.0
    assert claim.epsilon > 3.9
    assert claim.epsilon == pytest.approx(epsilon_pld(claim.mechanisms, claim.delta), rel=0.02)
    assert (training.sampling, training.expected_batch) == ("poisson", 100)
    assert claim.outside == ()
    assert set(claim.public) == {
        "kind:amount", "bounds:amount", "kind:label", "values:label", "kind:place", "values:place"
    }  # fmt: skip
    # The noise of a count is far below 200 of 2,000 rows: the sampling rate comes of the same number.
    assert claim.units == pytest.approx(2000, abs=200)
    assert training.sample_rate == pytest.approx(100 / claim.units, rel=1e-3)
    assert claim.unanswered == ("earlier_releases",)
    assert told[-1]["step"] == told[-1]["steps"] == training.steps
    made = fitted.sample(5000, np.random.default_rng(1))
    assert len(made) == 5000
    assert made.names == ("amount", "label", "place")
    assert set(made.texts("label")) == {"no", "yes"}
    assert 0.2 < np.mean(made.texts("label") == "yes") < 0.4
    amount, yes = made.numbers("amount"), made.texts("label") == "yes"
    # Noise may find a cell or two missing where none is.
    assert np.nanmean(amount[yes]) > 1.5 * np.nanmean(amount[~yes])


def test_what_nobody_declared_stands_outside_the_guarantee() -> None:
    schema = SCHEMA | {"place": Declared()}
    claim = generator(epsilon=8.0).fit(people(2000), schema, Budget(rng=np.random.default_rng(0))).guarantee
    assert claim.outside == ("kind:place",)
    assert unsaid(claim) == []
    assert [one.purpose for one in claim.mechanisms] == [
        "column-domains", "occurring-values", "column-counts-by:label", "pair-counts", "discriminator-training"
    ]  # fmt: skip
    assert claim.epsilon <= 8.0


def test_training_noise_has_no_seed(fitted: FittedDpCtgan) -> None:
    """The same seed for everything else, and still another generator: else the noise could be taken off again."""
    again = generator(epochs=1).fit(people(500), SCHEMA, Budget(rng=np.random.default_rng(0)))
    one, other = (its.sample(200, np.random.default_rng(1)) for its in (fitted, again))
    assert (one.numbers("amount") != other.numbers("amount")).any()


def test_without_a_target_every_category_is_a_condition() -> None:
    schema = SCHEMA | {"label": replace(SCHEMA["label"], role="plain")}
    fitted = generator().fit(people(1000), schema, Budget(rng=np.random.default_rng(0)))
    made = fitted.sample(3000, np.random.default_rng(2))
    assert set(made.texts("place")) >= {"north", "south", "west"}
    assert 0.15 < np.mean(made.texts("label") == "yes") < 0.45


def test_a_loss_that_is_no_number_stops_training_and_what_was_spent_stays_spent(monkeypatch) -> None:
    taken = []

    def broken(self: Trainer) -> None:
        taken.append(1)
        if len(taken) == 3:
            raise NotFinite

    monkeypatch.setattr(Trainer, "_generate", broken)
    with pytest.raises(TrainingStopped) as stopped:
        generator().fit(people(600), SCHEMA, Budget(rng=np.random.default_rng(0)))
    claim = stopped.value.guarantee
    assert claim.stopped == "loss-not-finite"
    assert unsaid(claim) == []
    (training,) = [one for one in claim.mechanisms if isinstance(one, NoisySteps)]
    assert training.steps == 3
    assert 0 < claim.epsilon < 4.0


def test_weights_that_are_no_number_are_noticed(monkeypatch) -> None:
    def poisoned(self: PrivateStep, summed):  # type: ignore[no-untyped-def]
        return [torch.full_like(one, math.nan) for one in summed]

    monkeypatch.setattr(PrivateStep, "noised", poisoned)
    monkeypatch.setattr("audit_plugins.generators.dp_ctgan.generator.refuse_unsound", lambda noise: None)
    with pytest.raises(TrainingStopped):
        generator().fit(people(600), SCHEMA, Budget(rng=np.random.default_rng(0)))


def test_a_training_that_was_cut_off_goes_on_with_what_it_had_spent(tmp_path, monkeypatch) -> None:
    """What was counted is not counted again, and the steps that are left are those that were planned."""
    monkeypatch.setattr("audit_plugins.generators.dp_ctgan.generator.CHECKPOINT_EVERY_S", 0.0)
    seen: list[int] = []

    def cut_off(self: Trainer) -> None:
        seen.append(self.meter.taken)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(Trainer, "_generate", cut_off)
        with pytest.raises(KeyboardInterrupt):
            generator().fit(people(600), SCHEMA, Budget(rng=np.random.default_rng(0), workshop=tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "checkpoint.json"}
    left = json.loads((tmp_path / "checkpoint.json").read_text())
    assert left["taken"] == 4

    counted: list[str] = []
    monkeypatch.setattr(NoiseSource, "counts", lambda *_: counted.append("again"))
    monkeypatch.setattr("audit_plugins.generators.dp_ctgan.generator.refuse_unsound", lambda noise: None)
    fitted = generator().fit(people(600), SCHEMA, Budget(rng=np.random.default_rng(0), workshop=tmp_path))
    *counts, training = fitted.guarantee.mechanisms
    assert counted == []
    assert [one.purpose for one in counts] == ["column-counts-by:label", "pair-counts"]
    assert isinstance(training, NoisySteps)
    assert training.steps == left["planned"]["steps"]
    assert training.noise_multiplier == left["planned"]["noise_multiplier"]
    assert fitted.guarantee.epsilon <= 4.0
    assert len(fitted.sample(10, np.random.default_rng(0))) == 10


def test_a_checkpoint_of_other_rows_or_settings_is_not_gone_on_from(tmp_path) -> None:
    names = {
        identity(people(50), SCHEMA, vars(generator())),
        identity(people(50, seed=2), SCHEMA, vars(generator())),
        identity(people(50), SCHEMA, vars(generator(epsilon=2.0))),
        identity(people(50), SCHEMA | {"place": Declared()}, vars(generator())),
    }
    assert len(names) == 4
    (tmp_path / "checkpoint.json").write_text("{}")
    (tmp_path / "checkpoint.safetensors").write_bytes(b"")
    assert found(tmp_path, next(iter(names))) is None
    assert found(None, next(iter(names))) is None


# Files


@pytest.fixture(scope="module")
def fitted() -> FittedDpCtgan:
    return generator(epochs=1).fit(people(500), SCHEMA, Budget(rng=np.random.default_rng(0)))


@pytest.fixture
def saved(tmp_path: Path, fitted: FittedDpCtgan) -> Path:
    fitted.save(tmp_path)
    return tmp_path


def test_a_saved_generator_makes_the_same_rows_with_the_same_ledger(tmp_path, fitted) -> None:
    fitted.save(tmp_path)
    loaded = DpCtgan.load(tmp_path)
    assert loaded.guarantee == fitted.guarantee
    one, other = (its.sample(300, np.random.default_rng(5)) for its in (fitted, loaded))
    assert (one.codes == other.codes).all()
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "generator.json", "ledger.json"}


def test_a_tampered_ledger_is_refused(saved: Path) -> None:
    path = saved / model_files.LEDGER
    told = json.loads(path.read_bytes())
    path.write_text(json.dumps(told | {"epsilon": 0.1}))
    with pytest.raises(InputError, match=r"ledger\.json is not the one"):
        DpCtgan.load(saved)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: (folder / "ledger.json").unlink(), "missing"),
        (lambda folder: (folder / "model.safetensors").unlink(), "missing"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04K\x01."), "cannot be read"),
        (lambda folder: (folder / "generator.json").write_text("{}"), "generator.json is not the one"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(saved: Path, spoil, why: str) -> None:
    spoil(saved)
    with pytest.raises(InputError, match=why):
        DpCtgan.load(saved)


def test_batch_sizes_leave_no_trace_where_the_seed_is_known() -> None:
    """Without a target each real row's condition is drawn; a public stream of draws would tell how many there were."""
    schema = SCHEMA | {"label": replace(SCHEMA["label"], role="plain")}
    states = []

    class Keeping(Trainer):
        def run(self):  # type: ignore[no-untyped-def]
            yield from super().run()
            states.append(self.rng.bit_generator.state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audit_plugins.generators.dp_ctgan.generator.Trainer", Keeping)
        # The same counts in both, so that they plan the same steps.
        patch.setattr(NoiseSource, "counts", lambda _, exact, sigma: exact)
        patch.setattr("audit_plugins.generators.dp_ctgan.generator.refuse_unsound", lambda noise: None)
        for _ in range(2):  # two trainings with other batches each
            generator(epochs=1).fit(people(400), schema, Budget(rng=np.random.default_rng(0)))
    assert states[0] == states[1]


def test_a_row_keeps_its_condition_whatever_other_rows_are_there() -> None:
    source = NoiseSource()
    drawn = np.concatenate([source.choices(3, 5) for _ in range(400)]).reshape(400, 5)
    assert abs(drawn.mean() - 1.0) < 0.1  # 2,000 draws of variance 2/3: a standard error of 0.018
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.25


def test_a_stopped_training_is_not_gone_on_from(tmp_path, monkeypatch) -> None:
    """Its stop was told with what it had spent; its last steps drawn again would be further looks."""
    monkeypatch.setattr("audit_plugins.generators.dp_ctgan.generator.CHECKPOINT_EVERY_S", 0.0)

    def no_number(self: Trainer) -> None:
        if self.meter.taken == 4:
            raise NotFinite

    monkeypatch.setattr(Trainer, "_generate", no_number)
    with pytest.raises(TrainingStopped):
        generator().fit(people(600), SCHEMA, Budget(rng=np.random.default_rng(0), workshop=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_told_before_anything_is_spent(monkeypatch) -> None:
    monkeypatch.setattr(NoiseSource, "counts", lambda *_: pytest.fail("the data were looked at"))
    with pytest.raises(ValueError, match="the target is a number"):
        generator(target="amount").fit(people(100), SCHEMA, Budget(rng=np.random.default_rng(0)))


@pytest.mark.parametrize("epsilon", [0.1, 0.5])
def test_a_small_budget_has_noise_for_it_and_no_more(epsilon: float) -> None:
    """Rényi accounting never says less than about 0.1 at such a delta, whatever the noise: it is not asked alone."""
    claim = (
        generator(epsilon=epsilon, epochs=1).fit(people(300), SCHEMA, Budget(rng=np.random.default_rng(0))).guarantee
    )
    assert claim.epsilon <= epsilon
    counts = claim.mechanisms[0]
    assert isinstance(counts, NoisyCounts)
    assert counts.noise_multiplier < 50 / epsilon
