"""How a training goes, told now and then."""

import time

from audit_core.refit import Heard
from audit_plugins.differential_privacy.meter import Meter

EVERY_S = 10.0


class Live:
    """Tells how training goes; of a private one never a loss, which is of records without noise."""

    def __init__(self, report: Heard, steps: int, taken: int = 0, meter: Meter | None = None) -> None:
        """Takes whom to tell, and of what.

        Args:
            taken: Steps that were taken before, by a run that was cut off.
            meter: Of what is spent; None where nothing is claimed.
        """
        self._report, self._steps, self._before, self._meter = report, steps, taken, meter
        self._started = self._told = time.monotonic()

    def __call__(self, taken: int, batch: float, **more: float) -> None:
        """After each step.

        Args:
            batch: Records in a step, on average.
        """
        now = time.monotonic()
        if now - self._told < EVERY_S and taken < self._steps:
            return
        self._told = now
        each = (now - self._started) / max(taken - self._before, 1)
        told: dict[str, float] = {
            "step": taken,
            "steps": self._steps,
            "batch": round(batch),
            "rows_per_minute": round(60 * batch / max(each, 1e-9)),
            "eta_s": round(each * (self._steps - taken)),
        }
        if self._meter is not None:
            spent = self._meter.spent_prv
            told["epsilon_spent"] = round(min(spent, self._meter.epsilon), 4)
            told["epsilon_left"] = round(max(self._meter.epsilon - spent, 0.0), 4)
        self._report(told | more)
