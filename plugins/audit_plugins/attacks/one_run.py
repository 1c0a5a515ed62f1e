"""Refuting a claim of differential privacy from one run: whose coins came up "in", by what was released."""

import numpy as np

from audit_core.answers import Scores
from audit_core.questions import Asset, Membership
from audit_plugins.attacks.membership import distance_difference


class OneRun:
    """Scores every target by how much nearer the nearest released row is than the nearest reference row.

    One score, chosen beforehand: each further one would cost confidence.

    References:
        Steinke, Nasr & Jagielski (2023), Privacy auditing with one (1) training run.
        Chen, Yu, Zhang & Fritz (2020), GAN-Leaks: distances calibrated by a reference.
    """

    def __init__(self, *, targets: int) -> None:
        """The targets are the core's to draw; see `asked.AskedInclusion`."""

    def answer(self, question: Membership, rng: np.random.Generator) -> Scores:
        """HIGHER = MORE LIKELY IN."""
        release, reference = question.neighbours[Asset.RELEASE], question.neighbours[Asset.REFERENCE]
        values = distance_difference(release, reference)
        # Without any reference row, which happens among a handful, nobody stands out.
        return Scores(of="distance-difference", values=np.where(np.isfinite(values), values, 0.0))
