"""The probes of a private training loop, run on made-up records and a made-up model. Nothing is spent.

Torch is imported here: only a child process imports this module, or a backend that trains anyway.
"""

import site
import sysconfig
import traceback
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from pathlib import Path

from audit_core.codes import sentence
from audit_core.doctor.contract import PrivateLoop
from audit_core.doctor.findings import PROBES, Outcome, Probe
from audit_core.doctor.probing import gradients, noise, sampling
from audit_core.doctor.probing.finding import Finding
from audit_core.doctor.probing.readings import Examined, Flat, Unreadable, seeds_kept
from audit_core.measurement import Reason

_RAISING_IS_A_FINDING = ("empty-step", "not-finite")
"""Where a loop stops although its other steps run, that is how the record shows, or that there was none."""


class UnsoundTraining(Exception):
    """A probe did not hold: what would be claimed would not be so."""


def refuse_unsound(loop: PrivateLoop) -> None:
    """Runs the probes, fewer batches of them: a second or a few on a loop that looks at many records at a time.

    Raises:
        UnsoundTraining: One did not hold, or could not be examined; the text says which, and what was seen.
    """
    failed = [probe for probe in probes(loop, thorough=False) if not probe.held]
    if failed:
        raise UnsoundTraining("; ".join(f"{probe.name}: {sentence(probe.seen, 'en')}" for probe in failed))


def probes(
    loop: PrivateLoop,
    *,
    again: Callable[[], PrivateLoop] | None = None,
    names: Collection[str] = tuple(PROBES),
    thorough: bool = True,
    failed: Callable[[], object] = lambda: None,
) -> Iterator[Probe]:
    """The probes, one after the other; generators of random numbers are left as they were.

    Args:
        again: Makes another loop, as a new process would; left out, the loop itself is asked again.
        names: Those to run.
        thorough: Draw as many batches as it takes to see that their sizes vary too little or too much, and not only
            that they do not vary.
        failed: Is called while an exception of the loop is handled.
    """
    with seeds_kept():
        examination = _Examination(loop, again, thorough)
    readable = True
    for name in PROBES:
        if name not in names:
            continue
        if not readable:
            yield Probe(name=name, outcome="not-examined", seen=Reason(code="doctor-seen-not-as-asked", args={}))
            continue
        with seeds_kept():
            probe = examination.probe(name, failed)
        # The others read sums off the weights, which tell nothing where a step is another than it was asked for.
        readable = not (name == "as-asked" and probe.outcome == "not-held")
        yield probe


class _Examination:
    """Runs probes of one loop, and what several of them need once."""

    def __init__(self, loop: PrivateLoop, again: Callable[[], PrivateLoop] | None, thorough: bool) -> None:
        self._runs_of = sampling.THOROUGH if thorough else sampling.QUICK
        self._of = Examined(loop, again)
        self._how: dict[str, Callable[[], Finding]] = {
            "as-asked": lambda: gradients.as_asked(self._of),
            "own-gradients": lambda: gradients.own_gradients(self._of),
            "stated-loss": lambda: gradients.stated_loss(self._of),
            "sensitivity": lambda: gradients.sensitivity(self._of),
            "clipping": lambda: gradients.clipping(self._of),
            "noise": lambda: noise.noise(self._of, self._noise),
            "noise-everywhere": lambda: noise.noise_everywhere(self._of, self._noise),
            "noise-once": lambda: noise.noise_once(self._of),
            "noise-independent": lambda: noise.noise_independent(self._of, self._noise),
            "noise-fresh": lambda: noise.noise_fresh(self._of),
            "no-seed": lambda: noise.no_seed(self._of),
            "empty-step": lambda: noise.empty_step(self._of),
            "poisson": lambda: sampling.poisson(self._of, self._batches),
            "steps-apart": lambda: sampling.steps_apart(self._of, self._runs_of),
            "expected-batch": lambda: sampling.expected_batch(self._of, self._batches),
            "only-trained": lambda: gradients.only_trained(self._of),
            "all-trained": lambda: gradients.all_trained(self._of),
            "not-finite": lambda: gradients.not_finite(self._of),
        }

    @cached_property
    def _batches(self) -> Flat:
        return sampling.batches(self._of, self._runs_of.single, steps=1)

    @cached_property
    def _noise(self) -> list[Flat]:
        return noise.draws(self._of)

    def probe(self, name: str, failed: Callable[[], object]) -> Probe:
        try:
            found = self._how[name]()
        except Unreadable as unreadable:
            return Probe(name=name, outcome="not-examined", seen=unreadable.reason)
        except Exception as error:  # whatever a stranger's loop raises
            failed()
            outcome: Outcome = "not-held" if name in _RAISING_IS_A_FINDING and self._runs() else "not-examined"
            return Probe(name=name, outcome=outcome, seen=raised(error))
        return Probe(name=name, outcome="held" if found.held else "not-held", seen=found.seen)

    def _runs(self) -> bool:
        """Whether the loop takes any step."""
        try:
            return bool(self._of.norm)
        except Exception:
            return False


def raised(error: BaseException) -> Reason:
    """The kind and the place of an error: the last line of it that is in nobody's installed package."""
    installed = [Path(path) for path in (*site.getsitepackages(), sysconfig.get_paths()["stdlib"])]
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not any(Path(one.filename).is_relative_to(folder) for folder in installed)]
    last = (own or frames)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    return Reason(code="doctor-seen-raised", args={"type": type(error).__name__, "place": place})
