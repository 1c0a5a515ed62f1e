"""`sekisho doctor`: a sound private loop holds every probe, and each planted fault is caught by its own."""

import json
import random
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from scipy import stats  # noqa: E402

from audit_core.cli import main  # noqa: E402
from audit_core.codes import CODES, sentence  # noqa: E402
from audit_core.doctor.diagnosis import Diagnosis  # noqa: E402
from audit_core.doctor.findings import PROBES, Probe  # noqa: E402
from audit_core.doctor.probes import UnsoundTraining, probes, refuse_unsound  # noqa: E402
from audit_core.doctor.probing import chance, made_up  # noqa: E402
from audit_core.doctor.probing.readings import Examined, loss  # noqa: E402
from audit_core.measurement import Reason  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Sound:
    """DP-SGD as it should be, one record after the other."""

    trained: ClassVar = ("lm_head", "layers.1.mlp.down_proj", "model.norm")

    def __init__(self) -> None:
        self.rng = np.random.default_rng()

    def prepare(self, base):  # type: ignore[no-untyped-def]
        for name, one in base.named_parameters():
            one.requires_grad_(any(part in name for part in self.trained))
        return base

    def private_steps(self, model, records, settings):  # type: ignore[no-untyped-def]
        self.parameters = [one for one in model.parameters() if one.requires_grad]
        for step in range(settings.steps):
            batch = [records[at] for at in self.drawn(len(records), settings, step)]
            if self.skipped(batch):
                continue
            summed = self.summed(model, batch, settings)
            noise = self.noise(summed, settings.noise_multiplier * settings.clipping_norm, batch, step)
            self.descend(model, summed, noise, settings, batch)

    def drawn(self, n, settings, step):  # type: ignore[no-untyped-def]
        return np.flatnonzero(self.rng.random(n) < settings.sample_rate)

    def skipped(self, batch):  # type: ignore[no-untyped-def]
        return False

    def summed(self, model, batch, settings):  # type: ignore[no-untyped-def]
        total = [torch.zeros_like(one) for one in self.parameters]
        for one in batch:
            for summed, part in zip(total, self.cut(self.gradient(model, one), settings.clipping_norm), strict=True):
                summed += part
        return total

    def gradient(self, model, record):  # type: ignore[no-untyped-def]
        return [one.detach() for one in torch.autograd.grad(loss(model, record), self.parameters)]

    def cut(self, parts, norm):  # type: ignore[no-untyped-def]
        length = torch.cat([one.flatten() for one in parts]).norm()
        if not length.isfinite():
            return [torch.zeros_like(one) for one in parts]
        return [one * min(1.0, norm / max(1e-30, float(length))) for one in parts]

    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        return [torch.from_numpy(self.rng.normal(0.0, 1.0, one.shape)).float() * deviation for one in summed]

    def divisor(self, settings, batch):  # type: ignore[no-untyped-def]
        return settings.expected_batch

    def descend(self, model, summed, noise, settings, batch):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            for parameter, one, drawn in zip(self.parameters, summed, noise, strict=True):
                parameter -= settings.learning_rate * (one + drawn) / self.divisor(settings, batch)


# Faults of sampling


class SkipsEmpty(Sound):
    def skipped(self, batch):  # type: ignore[no-untyped-def]
        return not batch


class StopsWhereNobodyIs(Sound):
    def skipped(self, batch):  # type: ignore[no-untyped-def]
        return batch[0] is None


class Shuffled(Sound):
    """Each record once a round."""

    def drawn(self, n, settings, step):  # type: ignore[no-untyped-def]
        size = round(n * settings.sample_rate)
        if size * (step + 1) > n or step == 0:
            self.order = self.rng.permutation(n)
        return self.order[size * step : size * (step + 1)]


class OfOneSize(Sound):
    def drawn(self, n, settings, step):  # type: ignore[no-untyped-def]
        return self.rng.choice(n, round(n * settings.sample_rate), replace=False)


class Halves(Sound):
    """The second step takes those that the first one left."""

    def drawn(self, n, settings, step):  # type: ignore[no-untyped-def]
        if step % 2 == 0:
            self.first = self.rng.random(n) < settings.sample_rate
        return np.flatnonzero(self.first != bool(step % 2))


class NeverTheLast(Sound):
    """As a loader that drops what does not fill a batch."""

    def drawn(self, n, settings, step):  # type: ignore[no-untyped-def]
        return np.flatnonzero(self.rng.random(max(1, n - 1)) < settings.sample_rate)


class OverRealised(Sound):
    def divisor(self, settings, batch):  # type: ignore[no-untyped-def]
        return max(1, len(batch))


# Faults of clipping


class Unclipped(Sound):
    def cut(self, parts, norm):  # type: ignore[no-untyped-def]
        return parts


class ClipsTheBatch(Sound):
    def summed(self, model, batch, settings):  # type: ignore[no-untyped-def]
        total = [torch.zeros_like(one) for one in self.parameters]
        for one in batch:
            for summed, part in zip(total, self.gradient(model, one), strict=True):
                summed += part
        return self.cut(total, settings.clipping_norm)


class ClipsEachTensor(Sound):
    def cut(self, parts, norm):  # type: ignore[no-untyped-def]
        return [Sound.cut(self, [one], norm)[0] for one in parts]


class LetsOverflow(Sound):
    def cut(self, parts, norm):  # type: ignore[no-untyped-def]
        length = torch.cat([one.flatten() for one in parts]).norm()
        return [one * torch.clamp(norm / length, max=1.0) for one in parts]


class LearnsThePromptToo(Sound):
    def gradient(self, model, record):  # type: ignore[no-untyped-def]
        given, learnt = record
        return super().gradient(model, (given[:1], [*given[1:], *learnt]))


# Faults of noise


class Quiet(Sound):
    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        return super().noise(summed, 0.8 * deviation, batch, step)


class OfLaplace(Sound):
    """Of the right variance, and not normal."""

    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        scale = deviation / 2**0.5
        return [torch.from_numpy(self.rng.laplace(0.0, scale, one.shape)).float() for one in summed]


class OneWithout(Sound):
    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        small = min(range(len(summed)), key=lambda at: summed[at].numel())
        noise = super().noise(summed, deviation, batch, step)
        return [torch.zeros_like(one) if at == small else one for at, one in enumerate(noise)]


class ForEachPart(Sound):
    """Noise for every 16 records."""

    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        parts = [super(ForEachPart, self).noise(summed, deviation, batch, step) for _ in range(0, len(batch) or 1, 16)]
        return [sum(its) for its in zip(*parts, strict=True)]


class Reused(Sound):
    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        if step == 0:
            self.kept = super().noise(summed, deviation, batch, step)
        return self.kept


class SameForAll(Sound):
    """One draw for the tensors, as long as it lasts."""

    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        drawn = torch.from_numpy(self.rng.normal(0.0, deviation, max(one.numel() for one in summed))).float()
        return [drawn[: one.numel()].view_as(one) for one in summed]


class Seeded(Sound):
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)


class OfTorch(Sound):
    def noise(self, summed, deviation, batch, step):  # type: ignore[no-untyped-def]
        return [torch.randn(one.shape) * deviation for one in summed]


class BatchesOfPython(Sound):
    def drawn(self, n, settings, step):  # type: ignore[no-untyped-def]
        return [at for at in range(n) if random.random() < settings.sample_rate]  # noqa: S311


# Faults of the descent


class Frozen(Sound):
    """The optimizer has nothing of what is trained."""

    def descend(self, model, summed, noise, settings, batch):  # type: ignore[no-untyped-def]
        return None


class OneFrozen(Sound):
    def descend(self, model, summed, noise, settings, batch):  # type: ignore[no-untyped-def]
        self.parameters, all_of_them = self.parameters[1:], self.parameters
        super().descend(model, summed[1:], noise[1:], settings, batch)
        self.parameters = all_of_them


class Drifting(Sound):
    def descend(self, model, summed, noise, settings, batch):  # type: ignore[no-untyped-def]
        super().descend(model, summed, noise, settings, batch)
        with torch.no_grad():
            model.model.layers[0].self_attn.q_proj.weight *= 0.999


class Signs(Sound):
    """What Adam does in its first step."""

    def descend(self, model, summed, noise, settings, batch):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            for parameter, one, drawn in zip(self.parameters, summed, noise, strict=True):
                parameter -= 0.01 * (one + drawn).sign()


class Dropout(Sound):
    def prepare(self, base):  # type: ignore[no-untyped-def]
        base.lm_head = torch.nn.Sequential(torch.nn.Dropout(0.1), base.lm_head)
        return super().prepare(base).train()


# What libraries lead to


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Hooked(Sound):
    """Gradients of each record by Opacus' hooks, all records side by side; subclasses choose the loss and the model."""

    def summed(self, model, batch, settings):  # type: ignore[no-untyped-def]
        from opacus.grad_sample import GradSampleHooks

        total = [torch.zeros_like(one) for one in self.parameters]
        if not batch:
            return total
        model.train()
        longest = max(len(given) + len(learnt) for given, learnt in batch)
        tokens = torch.zeros((len(batch), longest), dtype=torch.long)
        mask, labels = torch.zeros_like(tokens), torch.full_like(tokens, -100)
        for row, (given, learnt) in enumerate(batch):
            end = len(given) + len(learnt)
            tokens[row, :end], mask[row, :end] = torch.tensor([*given, *learnt]), 1
            labels[row, len(given) : end] = torch.tensor(learnt)
        with quiet():
            hooks = GradSampleHooks(model, batch_first=True, loss_reduction="mean")
            torch.autograd.backward(self.loss(model, tokens, mask, labels))
        each = [one.grad_sample for one in self.parameters]
        norms = torch.stack([one.flatten(1).norm(dim=1) for one in each]).norm(dim=0)
        factors = (settings.clipping_norm / norms.clamp(min=1e-12)).clamp(max=1.0)
        hooks.cleanup()
        return [torch.einsum("n,n...->...", factors, one) for one in each]

    def loss(self, model, tokens, mask, labels):  # type: ignore[no-untyped-def]
        logits = model(input_ids=tokens, attention_mask=mask).logits[:, -tokens.shape[1] :]
        each = torch.nn.functional.cross_entropy(
            logits[:, :-1].transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
        )
        return (each.sum(dim=1) / (labels != -100).sum(dim=1)).mean()


class OverAllTokens(Hooked):
    """What `labels=` gives."""

    def loss(self, model, tokens, mask, labels):  # type: ignore[no-untyped-def]
        return model(input_ids=tokens, attention_mask=mask, labels=labels).loss


class PromptOfPeft(Hooked):
    """Virtual tokens that are embedded once for all records."""

    def prepare(self, base):  # type: ignore[no-untyped-def]
        peft = pytest.importorskip("peft")
        with quiet():
            return peft.get_peft_model(base, peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4))


def outcomes(loop: type[Sound], names: tuple[str, ...], *, thorough: bool = False) -> dict[str, str]:
    return {probe.name: probe.outcome for probe in probes(loop(), again=loop, names=names, thorough=thorough)}


FAULTS: list[tuple[type[Sound], str, str]] = [
    (SkipsEmpty, "empty-step", "noise noise-once"),
    (StopsWhereNobodyIs, "empty-step", "noise"),
    (Shuffled, "poisson steps-apart", "expected-batch"),
    (OfOneSize, "poisson", "steps-apart expected-batch"),
    (Halves, "steps-apart", "poisson"),
    (OverRealised, "expected-batch", "poisson steps-apart noise"),
    (Unclipped, "clipping sensitivity", "stated-loss noise"),
    (ClipsTheBatch, "own-gradients", "clipping as-asked"),
    (ClipsEachTensor, "clipping sensitivity", "as-asked"),
    (LetsOverflow, "not-finite", "own-gradients"),
    (LearnsThePromptToo, "stated-loss", "own-gradients sensitivity clipping"),
    (Quiet, "noise noise-everywhere empty-step", "own-gradients"),
    (OfLaplace, "noise", "as-asked"),
    (OneWithout, "noise-everywhere", ""),
    (ForEachPart, "noise-once", "noise noise-everywhere empty-step"),
    (Reused, "noise-independent", "noise noise-fresh"),
    (SameForAll, "noise-independent", "noise noise-everywhere"),
    (Seeded, "noise-fresh no-seed", "noise noise-independent"),
    (OfTorch, "no-seed", "noise noise-fresh noise-independent"),
    (BatchesOfPython, "no-seed", "poisson"),
    (Frozen, "all-trained stated-loss", "only-trained"),
    (OneFrozen, "all-trained stated-loss", "only-trained"),
    (Drifting, "only-trained", "all-trained"),
    (Signs, "as-asked", ""),
    (Dropout, "as-asked", ""),
]


@pytest.mark.parametrize(("fault", "caught", "spared"), FAULTS, ids=[fault.__name__ for fault, _, _ in FAULTS])
def test_each_planted_fault_is_caught_by_its_own_probes(fault: type[Sound], caught: str, spared: str) -> None:
    wanted = dict.fromkeys(caught.split(), "not-held") | dict.fromkeys(spared.split(), "held")
    assert outcomes(fault, tuple(wanted)) == wanted


def test_a_loss_over_all_tokens_of_a_batch_is_caught() -> None:
    pytest.importorskip("opacus")
    found = outcomes(OverAllTokens, ("as-asked", "own-gradients", "stated-loss", "sensitivity", "clipping"))
    assert {name for name, outcome in found.items() if outcome != "held"} == {"own-gradients", "sensitivity"}


def test_the_same_hooks_with_a_loss_of_each_record_are_sound() -> None:
    pytest.importorskip("opacus")
    names = ("as-asked", "own-gradients", "stated-loss", "sensitivity", "clipping", "poisson")
    assert outcomes(Hooked, names) == dict.fromkeys(names, "held")


def test_a_prompt_that_is_embedded_once_for_all_records_is_caught() -> None:
    pytest.importorskip("opacus")
    found = outcomes(PromptOfPeft, ("own-gradients", "sensitivity", "clipping"))
    assert found["own-gradients"] == "not-held"
    assert found["clipping"] == "held"


def test_a_record_that_is_never_drawn_is_caught() -> None:
    assert outcomes(NeverTheLast, ("poisson",), thorough=True) == {"poisson": "not-held"}


def test_a_loop_that_does_other_steps_is_examined_no_further() -> None:
    (first, *others) = probes(Signs(), names=("as-asked", "noise", "poisson"))
    assert first.outcome == "not-held"
    assert {(probe.outcome, probe.seen.code) for probe in others} == {("not-examined", "doctor-seen-not-as-asked")}


class Broken(Sound):
    def prepare(self, base):  # type: ignore[no-untyped-def]
        raise ValueError("of Taro Yamada")


def test_a_loop_that_fails_in_all_probes_leaves_nothing_known() -> None:
    found = tuple(probes(Broken()))
    assert {probe.outcome for probe in found} == {"not-examined"}
    assert {probe.seen.args["type"] for probe in found} == {"ValueError"}
    assert all(str(probe.seen.args["place"]).startswith("test_doctor.py:") for probe in found)
    diagnosis = Diagnosis(backend="broken", origin="here", probes=found, seconds=1.0)
    assert diagnosis.exit_code == 4
    assert "Yamada" not in diagnosis.to_json()
    mixed = (Probe(name="noise", outcome="held", seen=Reason(code="doctor-seen-no-seed", args={})), *found[1:])
    assert Diagnosis(backend="broken", origin="here", probes=mixed, seconds=1.0).exit_code == 1
    assert Diagnosis(backend="broken", origin="here", probes=mixed[:1], seconds=1.0).exit_code == 0


def test_a_backend_does_not_start_a_training_that_is_unsound() -> None:
    with pytest.raises(UnsoundTraining, match=r"noise: the deviation is 0\.[78]"):
        refuse_unsound(Quiet())


def test_generators_of_random_numbers_go_on_as_if_nothing_had_been_drawn() -> None:
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    wanted = float(torch.rand(1)), random.random(), np.random.random()  # noqa: S311
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    list(probes(OfTorch(), names=("no-seed", "stated-loss")))
    assert (float(torch.rand(1)), random.random(), np.random.random()) == wanted  # noqa: S311


def test_a_seed_at_the_top_of_a_file_is_found_by_running_the_file_again(tmp_path: Path, monkeypatch) -> None:
    """Loops of one process draw other noise each; those of two processes draw the same."""
    import audit_core.child
    import audit_core.doctor.probes

    path = tmp_path / "seeded.py"
    source = _guide().replace("rng = np.random.default_rng()  # seeded by the operating system", "rng = RNG")
    assert "rng = RNG" in source
    path.write_text(source.replace("@hookimpl", "RNG = np.random.default_rng(3)\n\n\n@hookimpl", 1), encoding="utf-8")

    def few(*loop: Any, **others: Any) -> Iterator[Probe]:
        return probes(*loop, names=("noise-independent", "noise-fresh"), **others)

    monkeypatch.setattr(audit_core.doctor.probes, "probes", few)
    job = {"load": "seeded:OwnLoop", "file": str(path), "params": {}}
    audit_core.child._examine(audit_core.child.load(job["load"], job["file"]), job, tmp_path)
    told = json.loads((tmp_path / "examination.json").read_text())["probes"]
    assert {one["name"]: one["outcome"] for one in told} == {"noise-independent": "held", "noise-fresh": "not-held"}


# What is read off


def test_a_full_context_and_a_record_of_one_token_are_among_those_made_up() -> None:
    (record,) = made_up.records([(4, made_up.CONTEXT - 4)], seed=1)
    assert len(record[0]) + len(record[1]) == made_up.CONTEXT
    assert (record[0][0], record[1][-1]) == (made_up.START, made_up.END)
    assert made_up.records([(1, 1)], seed=1) == [([made_up.START], [made_up.END])]
    lengths = [(len(given), len(learnt)) for given, learnt in Examined(Sound()).records]
    assert len(set(lengths)) == 12
    assert (1, 1) in lengths


def test_batches_are_read_off_their_sum() -> None:
    """Any of the records, each once, twice or not at all."""
    of = Examined(Sound())
    were = np.array([0, 1, 2, 0, 0, 1, 1, 1, 0, 2, 0, 1])
    noise = np.random.default_rng(0).normal(0, 1e-5 * of.norm, of.clipped.shape[1])
    np.testing.assert_allclose(of.counts(were @ of.clipped + noise), were, atol=1e-3)


# Chance


def test_sizes_of_batches_have_their_exact_distribution() -> None:
    """Two batches of two coins: the sum of squared deviations is 0, 1 or 2 with probabilities 1/4, 1/2 and 1/4."""
    assert chance.sizes_are([1, 1], 2, 0.5, 0.49)
    assert not chance.sizes_are([1, 1], 2, 0.5, 0.51)
    assert chance.sizes_are([0, 2], 2, 0.5, 0.49)
    assert not chance.sizes_are([0, 2], 2, 0.5, 0.51)
    assert chance.sizes_are([0, 1], 2, 0.5, 1.0)
    assert not chance.sizes_are([6] * 12, 12, 0.5, 1e-6 / 3)


def test_correlations_have_their_exact_distribution() -> None:
    """Of 2,000 pairs at 5 %, the flagged are binomial: between 54 and 151 but for a probability of 1e-5."""
    rng = np.random.default_rng()
    pairs = [(rng.normal(size=20), rng.normal(size=20)) for _ in range(2000)]
    flagged = sum(not chance.largest_correlation([pair], 0.05)[1] for pair in pairs)
    low, high = stats.binom.ppf([5e-6, 1 - 5e-6], 2000, 0.05)
    assert low <= flagged <= high
    assert not chance.largest_correlation([*pairs[:5], (pairs[0][0], pairs[0][0])], 1e-6)[1]
    assert chance.largest_correlation([(np.ones(4), np.ones(4))], 1e-6) == (0.0, True)  # too short to tell


def test_deviations_and_coins() -> None:
    drawn = np.full(100, 2.0)  # 100 squares of 4 in units of the deviation's: chi-square of 100 at 400, 200, 100
    assert [chance.deviation_is(drawn, deviation, 1e-6) for deviation in (1.0, 2.0**0.5, 2.0)] == [False, False, True]
    assert chance.length_may_be(5.0, 20.0, 100, 1.0, 1e-6)
    assert chance.coins_are(50, 100, 0.5, 1e-6)
    assert not chance.coins_are(0, 32, 0.5, 1e-8)
    assert not chance.coins_are(32, 32, 0.5, 1e-8)


# Words


def test_every_probe_and_everything_seen_has_words() -> None:
    assert set(CODES) >= {f"doctor-{name}" for name in PROBES}
    sources = [*(ROOT / "audit_core" / "doctor").rglob("*.py")]
    seen = {code for file in sources for code in re.findall(r'"(doctor-seen-[a-z-]+)"', file.read_text())}
    assert len(seen) > 20
    assert seen == {code for code in CODES if code.startswith("doctor-seen-")}


# The command


def _guide() -> str:
    guide = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
    (block,) = [
        one for one in re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL) if "audit_training_backends" in one
    ]
    return block


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(["doctor", *words])
    return int(end.value.code or 0)


def test_the_guides_loop_holds_every_probe_and_none_of_the_recipes_files_is_opened(tmp_path: Path, capsys) -> None:
    path, recipe = tmp_path / "own_loop.py", tmp_path / "notes.yaml"
    path.write_text(_guide(), encoding="utf-8")
    recipe.write_text(
        "audit: notes\nrelease: {model: {base: ../not-there, train: own-loop}}\nmembers: not-there.csv\ntext: note\n",
        encoding="utf-8",
    )
    assert run(str(recipe), "--plugin", str(path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["backend"], told["origin"]) == ("own-loop", "own_loop.py")
    assert [one["name"] for one in told["probes"]] == list(PROBES)
    assert {one["outcome"] for one in told["probes"]} == {"held"}
    assert {one["severity"] for one in told["probes"]} == {"guarantee", "secret-seeds", "training"}
    assert all(one["seen"]["en"] and one["why"]["ja"] and one["must"]["en"] for one in told["probes"])


def test_a_class_without_a_loop_is_told_what_to_add(tmp_path: Path, capsys) -> None:
    path = tmp_path / "own_loop.py"
    path.write_text(_guide().replace("def private_steps", "def steps"), encoding="utf-8")
    assert run("--train", "own-loop", "--plugin", str(path)) == 2
    told = capsys.readouterr().err
    assert "[no-private-loop]" in told
    assert "`private_steps(self, model, records, settings)`" in told
    assert "`prepare" not in told
    assert run("--train", "own-lop", "--plugin", str(path)) == 2
    assert "did you mean 'own-loop'?" in capsys.readouterr().err


def test_what_is_examined_is_named_once(tmp_path: Path, capsys) -> None:
    recipe = tmp_path / "table.yaml"
    recipe.write_text("audit: t\nrelease: {table: S.csv}\nmembers: T.csv\n", encoding="utf-8")
    assert run() == run(str(recipe), "--train", "lora") == run(str(recipe)) == 2
    assert "the recipe trains no language model" in capsys.readouterr().err


@pytest.mark.parametrize(("language", "word"), [("en", "DID NOT HOLD"), ("ja", "不成立")])
def test_a_diagnosis_in_words_says_what_was_seen_and_why_it_matters(language: str, word: str) -> None:
    from audit_core.cli.doctoring import _lines

    seen = Reason(code="doctor-seen-no-noise", args={})
    broken = Probe(name="empty-step", outcome="not-held", seen=seen)
    sound = Probe(name="noise", outcome="held", seen=Reason(code="doctor-seen-deviation", args={"times": "1"}))
    lines = list(_lines(Diagnosis(backend="own", origin="own.py", probes=(sound, broken), seconds=3.0), language))
    assert sum(word in line for line in lines) == 1
    assert any(sentence(seen, language) in line for line in lines)
    assert sum(CODES["doctor-empty-step"].more[language] in line for line in lines) == 1
    assert not any(CODES["doctor-noise"].more[language] in line for line in lines)
