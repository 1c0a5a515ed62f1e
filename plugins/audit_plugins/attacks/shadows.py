"""What attacks by shadow models share: who is in which of them, and where they are made."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


def halves(models: int, n: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which targets are in which model, shape `(models, n)`: in each pair of models, each target is in one of them."""
    inside = np.empty((models, n), dtype=bool)
    for first in range(0, models, 2):
        half = rng.permutation(n) < n // 2
        inside[first] = half
        inside[first + 1 : first + 2] = ~half
    return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Where joblib makes shadow models.

    Attributes:
        backend: Of `joblib.parallel_config`; None leaves that choice, and `n_jobs`, to whoever calls.
    """

    n_jobs: int
    backend: str | None
    backend_params: Mapping[str, Any] = field(default_factory=dict)

    def each(self, task: Callable[..., Any], work: Iterable[tuple[Any, ...]]) -> list[Any]:
        """What a function makes of each piece of work, in their order."""
        import joblib

        config: AbstractContextManager[Any] = (
            nullcontext()
            if self.backend is None
            else joblib.parallel_config(backend=self.backend, n_jobs=self.n_jobs, **self.backend_params)
        )
        with config:
            made: list[Any] = joblib.Parallel()(joblib.delayed(task)(*each) for each in work)
        if self.backend == "loky":  # its workers wait for more, and would outlive us
            from joblib.externals.loky import get_reusable_executor

            get_reusable_executor().shutdown(wait=True)
        return made
