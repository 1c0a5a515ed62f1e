"""Canaries: how much likelier than its like does the model make a made-up text that was planted in its training?"""

import numpy as np

from audit_core.answers import Scores
from audit_core.questions import Membership
from audit_plugins.attacks.likelihood_ratio import differences, neutral


class CanaryExposure:
    """Scores every canary by its log-probability, less that under the base where there is one.

    A sum over tokens, in nats. HIGHER = MORE LIKELY PLANTED. An attacker who knows nothing scores an AUC of 0.5, and an
    exposure of up to 1.44 bits. One score, chosen beforehand: each further one would cost confidence.

    References:
        Carlini, Liu, Erlingsson, Kos & Song (2019), The secret sharer, section 4: the log-perplexity.
        Steinke, Nasr & Jagielski (2023), Privacy auditing with one (1) training run, algorithm 3: less the loss before
        training.
    """

    def answer(self, question: Membership, rng: np.random.Generator) -> Scores:
        """Scores every target.

        Raises:
            ValueError: The question lacks the released model, or the two models do not score the same tokens.
        """
        model, base = question.under_model, question.under_base
        if model is None:
            raise ValueError("exposure needs what the released model makes of the canaries")
        if base is None:
            return Scores(of="log-likelihood", values=neutral(model.totals(model.log_prob), model))
        return Scores(of="sum", values=neutral(model.totals(differences(model, base)), model))
