"""From the outcome of each target to the evidence of an excess among members."""

import numpy as np
from numpy.typing import NDArray

from audit_core.evidence import Excess
from audit_core.statistics.bounds import Scale
from audit_core.statistics.estimates import design_effect
from audit_core.tables import Ids


def excess_of(hits: NDArray[np.bool_], member: NDArray[np.bool_], clusters: Ids | None, scale: Scale) -> Excess:
    """Hits among members beyond those among controls, from the outcome of each target.

    Args:
        hits, member: Shape `(n_targets,)`.
        clusters: The person each target belongs to, shape `(n_targets,)`; None where each is by itself.
    """
    arms = []
    for arm in (member, ~member):
        some = hits[arm]
        effect = 1.0 if clusters is None or not len(some) else design_effect(some, clusters[arm])
        arms.append((float(some.sum()), float(len(some)), effect))
    (k1, n1, deff1), (k0, n0, deff0) = arms
    return Excess(k1=k1, n1=n1, k0=k0, n0=n0, scale=scale, deff1=deff1, deff0=deff0)
