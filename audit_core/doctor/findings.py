"""What an examination of a training loop looks at, and what it finds."""

from dataclasses import dataclass
from typing import Literal

from audit_core.measurement import Reason

Outcome = Literal["held", "not-held", "not-examined"]
Severity = Literal["guarantee", "secret-seeds", "training"]

PROBES: dict[str, Severity] = {
    "as-asked": "training",
    "own-gradients": "guarantee",
    "stated-loss": "training",
    "sensitivity": "guarantee",
    "clipping": "guarantee",
    "noise": "guarantee",
    "noise-everywhere": "guarantee",
    "noise-once": "guarantee",
    "noise-independent": "guarantee",
    "noise-fresh": "guarantee",
    "no-seed": "secret-seeds",
    "empty-step": "guarantee",
    "poisson": "guarantee",
    "steps-apart": "guarantee",
    "expected-batch": "guarantee",
    "only-trained": "training",
    "all-trained": "training",
    "not-finite": "guarantee",
}
"""The probes in their order, and what is lost where one does not hold: the guarantee, the guarantee unless seeds stay
secret, or the training that was meant.

`sekisho explain doctor-NAME` says what each is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One thing that a training loop must do, and whether it does.

    Attributes:
        name: One of `PROBES`; the code `doctor-NAME` says what must hold, and why it matters.
        outcome: "not-examined" where what was seen does not tell.
        seen: What was seen, whether it held or not.
    """

    name: str
    outcome: Outcome
    seen: Reason

    @property
    def held(self) -> bool:
        return self.outcome == "held"

    @property
    def severity(self) -> Severity:
        """What is lost where it does not hold."""
        return PROBES[self.name]

    @property
    def code(self) -> str:
        """Of the sentence that says what must hold."""
        return f"doctor-{self.name}"
