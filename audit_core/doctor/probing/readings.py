"""Reads off the weights what a training loop did with records: sums of clipped gradients, noise, batches.

A step moves the weights by -learning_rate * (sum + noise) / expected_batch. So without noise, and with every record in
it, the change of the weights is the sum of clipped gradients; and with a sum that is known, the rest is noise.
"""

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from audit_core.doctor.contract import LoopSettings, PrivateLoop, Record
from audit_core.doctor.probing import made_up
from audit_core.measurement import Reason

Flat = NDArray[np.float64]

UNCLIPPED = 1e3
"""A clipping norm that no gradient of these records reaches."""

_LENGTHS = ((1, 1), (2, 14), (5, 2), (1, 30), (3, 4), (2, 2), (4, 8), (1, 3), (6, 6), (2, 20), (3, 1), (1, 9))


class Unreadable(Exception):
    """What the loop did does not tell what was to be found out; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.code)


class Examined:
    """A loop under examination.

    Every run starts from a model with the same weights. It is freshly prepared unless the last run left no trace on it:
    a loop may leave hooks and wrappers behind.

    Attributes:
        records: Twelve records of unequal lengths.
    """

    def __init__(self, loop: PrivateLoop, again: Callable[[], PrivateLoop] | None = None) -> None:
        """Takes the loop, and what makes another one like it; the same one serves where there is none."""
        self.loop, self.again = loop, again or (lambda: loop)
        self.records = made_up.records(_LENGTHS, seed=1)
        self._base = made_up.base()
        self._strayed: set[str] = set()
        self._trained: list[str] = []
        self._spare: nn.Module | None = None

    @cached_property
    def _start(self) -> dict[str, Tensor]:
        """The weights to start from. What is trained is moved off zero: behind a factor of zero no gradient shows."""
        model = self.loop.prepare(copy.deepcopy(self._base))
        drawn = torch.Generator().manual_seed(2)
        self._trained = [name for name, one in model.named_parameters() if one.requires_grad]
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.05 * torch.randn(parameter.shape, generator=drawn))
        return _state(model)

    @cached_property
    def shapes(self) -> dict[str, torch.Size]:
        """Of what is trained, by name.

        Raises:
            Unreadable: Nothing is.
        """
        start = self._start
        if not self._trained:
            raise Unreadable(Reason(code="doctor-seen-nothing-to-train", args={}))
        return {name: start[name].shape for name in self._trained}

    def model(self, loop: PrivateLoop | None = None, *, overflowing: bool = False) -> nn.Module:
        """A prepared model.

        Args:
            overflowing: The token `OVERFLOWS` leads to numbers that are none.

        Raises:
            Unreadable: The loop prepares another model each time.
        """
        start, spare, self._spare = self._start, self._spare, None
        if spare is not None and self._own(loop) and not overflowing:
            return _moved_to(start, spare)
        base = copy.deepcopy(self._base)
        embedding: Any = base.get_input_embeddings()  # type: ignore[operator]
        model = _moved_to(start, (loop or self.loop).prepare(base))
        if overflowing:
            with torch.no_grad():
                embedding.weight[made_up.OVERFLOWS] = torch.inf
        return model

    def _own(self, loop: PrivateLoop | None) -> bool:
        return loop is None or loop is self.loop

    @contextmanager
    def _returned(self, model: nn.Module) -> Iterator[None]:
        """The model may be used again if it shows no trace of what is done here."""
        before = _traces(model)
        yield
        if _traces(model) == before:
            self._spare = model

    def settings(self, n: int, **changed: float | int) -> LoopSettings:
        """One step over `n` records with every one in it and without noise, in which the sum is the change."""
        plain: dict[str, Any] = {
            "clipping_norm": UNCLIPPED,
            "noise_multiplier": 0.0,
            "sample_rate": 1.0,
            "steps": 1,
            "expected_batch": float(n),
        }
        plain |= changed
        return LoopSettings(**{"learning_rate": plain["expected_batch"]} | plain)

    def summed(
        self,
        records: Sequence[Record],
        loop: PrivateLoop | None = None,
        *,
        overflowing: bool = False,
        **changed: float | int,
    ) -> Flat:
        """What the steps summed up, noise included: the change of all that is trained, flat, as a sum over records.

        Args:
            changed: Of the settings, what is not as in `settings`.
        """
        model = self.model(loop, overflowing=overflowing)
        before = _state(model)
        trained = {name for name, one in model.named_parameters() if one.requires_grad}
        settings = self.settings(len(records), **changed)
        handed = [(list(given), list(learnt)) for given, learnt in records]
        if self._own(loop) and not overflowing:
            with self._returned(model):
                self.loop.private_steps(model, handed, settings)
        else:
            (loop or self.loop).private_steps(model, handed, settings)
        after = _tensors(model)
        self._strayed |= _changed(before, after, trained)
        self._strayed |= trained ^ {name for name, one in model.named_parameters() if one.requires_grad}
        moved = [after[name].detach().double() - before[name].double() for name in self.shapes]
        scale = -settings.expected_batch / settings.learning_rate
        flat = torch.cat([one.flatten() for one in moved]) * scale
        if overflowing:  # the row that is no number moved by none
            flat[~torch.cat([torch.isfinite(before[name]).flatten() for name in self.shapes])] = 0.0
        return flat.numpy()

    @property
    def strayed(self) -> frozenset[str]:
        """What changed in any run so far although it is not trained, or is trained no more."""
        return frozenset(self._strayed)

    def parts(self, flat: Flat) -> dict[str, Flat]:
        """What belongs to each trained tensor, in its shape."""
        ends = np.cumsum([shape.numel() for shape in self.shapes.values()])[:-1]
        return {
            name: part.reshape(shape)
            for (name, shape), part in zip(self.shapes.items(), np.split(flat, ends), strict=True)
        }

    @cached_property
    def gradients(self) -> Flat:
        """The gradient of each of `records`, as the loop gives it alone and unclipped; shape `(n_records, trained)`."""
        return np.stack([self.summed([one]) for one in self.records])

    @cached_property
    def norm(self) -> float:
        """A clipping norm that the gradients of all `records` exceed.

        Raises:
            Unreadable: A record moves nothing.
        """
        least = float(np.linalg.norm(self.gradients, axis=1).min())
        if not 0 < least < np.inf:
            raise Unreadable(Reason(code="doctor-seen-no-gradient", args={}))
        return 0.8 * least

    @cached_property
    def clipped(self) -> Flat:
        """The `gradients`, clipped to `norm`."""
        return clipped(self.gradients, self.norm)

    @cached_property
    def references(self) -> Flat:
        """The gradient of each of `records` by itself, by a backward pass of our own."""
        found = []
        for one in self.records:
            model = self.model()
            named = dict(model.named_parameters())
            with self._returned(model):
                parts = torch.autograd.grad(loss(model, one), [named[name] for name in self.shapes], allow_unused=True)
            flat = [
                torch.zeros(shape) if part is None else part
                for part, shape in zip(parts, self.shapes.values(), strict=True)
            ]
            found.append(torch.cat([part.detach().flatten() for part in flat]).double().numpy())
        return np.stack(found)

    def counts(self, summed: Flat) -> Flat:
        """How often each of `records` is in a sum of gradients clipped to `norm`; shape `(n_records,)`.

        Raises:
            Unreadable: The sum is none of such gradients, or they are too much alike to tell.
        """
        basis = self.clipped / self.norm
        found, _, _, singular = np.linalg.lstsq(basis.T, summed / self.norm, rcond=None)
        if singular[-1] < 1e-3 * singular[0]:
            raise Unreadable(Reason(code="doctor-seen-alike", args={}))
        if np.linalg.norm(basis.T @ found - summed / self.norm) > 0.05 * np.linalg.norm(summed / self.norm):
            raise Unreadable(Reason(code="doctor-seen-no-sum", args={}))
        return np.asarray(found, dtype=np.float64)


def clipped(gradients: Flat, norm: float) -> Flat:
    """Each gradient, cut to the norm where it is longer."""
    lengths = np.linalg.norm(gradients, axis=1, keepdims=True)
    return np.asarray(gradients * np.minimum(1.0, norm / np.maximum(lengths, 1e-30)), dtype=np.float64)


def loss(model: nn.Module, record: Record) -> Tensor:
    """The mean of -log p over a record's own tokens to learn, in nats."""
    given, learnt = record
    tokens = torch.tensor([[*given, *learnt]])
    logits = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits[0, -tokens.shape[1] :]
    return functional.cross_entropy(logits[len(given) - 1 : -1].float(), torch.tensor(learnt))


@contextmanager
def seeds_kept() -> Iterator[None]:
    """The generators of torch, NumPy and Python go on after it as if nothing had been drawn."""
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(of_numpy)
        random.setstate(of_python)


def _moved_to(state: Mapping[str, Tensor], model: nn.Module) -> nn.Module:
    """The model, with other weights and buffers.

    Raises:
        Unreadable: They are none of this model's.
    """
    its = _tensors(model)
    if {name: one.shape for name, one in its.items()} != {name: one.shape for name, one in state.items()}:
        raise Unreadable(Reason(code="doctor-seen-another-model", args={}))
    with torch.no_grad():
        for name, one in its.items():
            one.copy_(state[name])
    return model


def _traces(model: nn.Module) -> list[object]:
    """What a loop may leave on a model besides other weights: hooks, modules, attributes, gradients, modes."""
    found: list[object] = []
    for name, module in model.named_modules():
        hooks = [len(its) for key, its in vars(module).items() if key.endswith("_hooks")]
        found.append((name, type(module), module.training, hooks, _filled(module)))
    for name, one in model.named_parameters():
        found.append((name, id(one), one.requires_grad, one.grad is None, _filled(one)))
    return found


def _filled(of: object) -> list[str]:
    """The attributes that are not empty, but for what hooks leave behind that were taken off again."""
    return [key for key, its in vars(of).items() if not _empty(its) and key != "_is_full_backward_hook"]


def _empty(its: object) -> bool:
    return its is None or (isinstance(its, list | dict) and not its)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _state(model: nn.Module) -> dict[str, Tensor]:
    return {name: one.detach().clone() for name, one in _tensors(model).items()}


def _changed(before: Mapping[str, Tensor], after: Mapping[str, Tensor], trained: set[str]) -> set[str]:
    """What is not trained and is another than before, or not there any more."""
    return {
        name
        for name, was in before.items()
        if name not in trained
        and (name not in after or not torch.equal(torch.nan_to_num(after[name]), torch.nan_to_num(was)))
    }
