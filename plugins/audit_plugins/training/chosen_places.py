"""A forward pass in which the logits of some places alone are computed.

Logits are the largest thing that a pass makes: a vocabulary's width for each token. What comes before the output
embeddings is small, so the places are chosen there; what an architecture does with its logits after is left to it.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

Choice = Callable[[Tensor], Tensor]
"""Takes shape `(n_rows, length, width)` and gives shape `(n, m, width)`: the chosen places."""


def said(network: nn.Module, choose: Choice, length: int, **arguments: Any) -> Any:
    """What a network gives, but its logits are those of the chosen places.

    Args:
        network: Whose last logits belong to the tokens it is given.
        choose: Of the last `length` places.
        arguments: Of the network.
    """
    met = False

    def before(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal met
        met = True
        return (choose(given[0][:, -length:]), *given[1:])

    head = _output_embeddings(network)
    handle = None if head is None else head.register_forward_pre_hook(before)
    try:
        found = network(**arguments)
    finally:
        if handle is not None:
            handle.remove()
    if not met:  # the architecture has none, or multiplies by their weights without calling them
        found.logits = choose(found.logits[:, -length:])
    return found


def vocabulary(network: nn.Module) -> int:
    """How many tokens there are logits for, at most."""
    return int(_inner(network).get_input_embeddings().weight.shape[0])


def _output_embeddings(network: nn.Module) -> nn.Module | None:
    found: nn.Module | None = _inner(network).get_output_embeddings()
    return found


def _inner(network: nn.Module) -> Any:
    """Of a network that was put round another, that other one."""
    return getattr(network, "network", network)
