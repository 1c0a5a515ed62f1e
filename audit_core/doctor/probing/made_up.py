"""A small language model and records, all made up."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from audit_core.doctor.contract import Record

VOCABULARY, CONTEXT = 96, 64
START, END = 1, 2
OVERFLOWS = 3
"""A token that is in no record but those that are meant to have no finite gradient."""


def base() -> nn.Module:
    """A random Llama of two layers, input and output embeddings apart; always the same one."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        attention_dropout=0.0,
        use_cache=False,
        bos_token_id=START,
        eos_token_id=END,
        pad_token_id=0,
    )
    model: nn.Module = LlamaForCausalLM(config)
    drawn = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:  # matrices that leave what goes through them about as large as it was
                scale = parameter.shape[1] ** -0.5
                parameter.copy_(scale * torch.randn(parameter.shape, generator=drawn))
    return model.eval()


def records(lengths: Sequence[tuple[int, int]], seed: int) -> list[Record]:
    """Records of so many tokens given, and so many learnt, the start and the end among them."""
    rng = np.random.default_rng(seed)
    made = []
    for given, learnt in lengths:
        tokens = rng.integers(OVERFLOWS + 1, VOCABULARY, given + learnt).tolist()
        made.append(([START, *tokens[: given - 1]], [*tokens[given : given + learnt - 1], END]))
    return made
