"""An attack in about thirty lines: a record is a member's if its pairs of values are over-represented."""

from itertools import combinations

import numpy as np

from audit_core.answers import Scores
from audit_core.questions import Membership
from audit_core.tables import Ids, row_ids


class RarePairs:
    """Scores targets by the log ratio of how common their pairs of values are in the release and the reference."""

    def answer(self, question: Membership, rng: np.random.Generator) -> Scores:
        """HIGHER = MORE LIKELY A MEMBER; an attacker who knows nothing scores an AUC of 0.5."""
        if question.release is None or question.reference is None:
            raise ValueError("this attack sees the release and a reference")
        tables = (question.targets, question.release, question.reference)
        ratios = [
            log_ratio(*row_ids(*(table.select(pair) for table in tables)))
            for pair in combinations(question.targets.names, 2)
        ]
        return Scores(of="pair-frequency", values=np.mean(ratios, axis=0))


def log_ratio(targets: Ids, release: Ids, reference: Ids) -> np.ndarray:
    """log p(release) / p(reference) of each target's value, shape `(n_targets,)`, with half a row added to each."""
    size = 1 + max(ids.max(initial=0) for ids in (targets, release, reference))
    released, usual = np.bincount(release, minlength=size), np.bincount(reference, minlength=size)
    ratio = np.log((released + 0.5) / (len(release) + 1)) - np.log((usual + 0.5) / (len(reference) + 1))
    return np.asarray(ratio[targets])
