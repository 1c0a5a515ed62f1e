"""Times steps of fine-tuning: with DP-SGD and without, on the same records and the same model, in turns.

    python benchmarks/language_training.py [--base FOLDER] [--records 16] [--tokens 64] [--steps 4] [--threads 1]

Without `--base`, the model is a made-up one of the Llama kind, 1 M parameters. Records are made up: their tokens are
drawn by chance. A step takes all records, in portions of 8, through adapters of rank 8 on the four layers of attention.
Both kinds of step move the weights by Adam. Seconds are of the processor.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audit_core.doctor.contract import Record
from audit_core.guarantee import NoisySteps
from audit_plugins.differential_privacy.noise import NoiseSource
from audit_plugins.params_language import LAYERS
from audit_plugins.training.descent import add_gradients
from audit_plugins.training.per_record_gradients import PerRecordGradients
from audit_plugins.training.private_steps import private_descent
from audit_plugins.training.techniques import LowRank, trained_parameters

PORTION = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path)
    parser.add_argument("--records", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as name:
        training(options.base or _made_up(Path(name)), options.records, options.tokens, options.steps)


def training(base: Path, records: int, tokens: int, steps: int) -> None:
    """Prints seconds of a step of both kinds, and their ratio."""
    from audit_plugins.training.opening import base_model

    network: Any = base_model(base).network
    vocabulary = network.config.vocab_size
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, vocabulary, (records, tokens + 1)).tolist()
    its: list[Record] = [(one[:1], one[1:]) for one in drawn]
    technique = LowRank(rank=8, alpha=None, targets=LAYERS)
    model = technique.put_in(network, private=True)
    optimizer = torch.optim.Adam(trained_parameters(model).values(), lr=1e-4)
    size, trained = (
        sum(one.numel() for one in part) for part in (model.parameters(), optimizer.param_groups[0]["params"])
    )
    print(f"{size:,} parameters, {trained:,} of them trained; {records} records of {tokens} tokens a step")

    settings = NoisySteps(
        purpose="", noise_multiplier=1.0, sample_rate=1.0, steps=2 * steps + 1, clipping_norm=1.0,
        expected_batch=float(records), sampling="poisson",
    )  # fmt: skip

    def plain() -> None:
        add_gradients(model, its, float(records), PORTION)
        optimizer.step()

    seconds: dict[str, list[float]] = {"plain": [], "private": []}
    gradients = PerRecordGradients(model, PORTION)
    plain()
    for _ in range(steps):
        seconds["plain"].append(_seconds(plain))
        with gradients:
            private = private_descent(gradients, its, settings, optimizer, NoiseSource())
            next(private)
            seconds["private"].append(_seconds(partial(next, private)))
    medians = {kind: float(np.median(found)) for kind, found in seconds.items()}
    for kind, median in medians.items():
        print(f"{kind:8} {median:8.3f} s a step ({', '.join(f'{one:.3f}' for one in seconds[kind])})")
    print(f"ratio    {medians['private'] / medians['plain']:8.3f}")


def _seconds(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def _made_up(folder: Path) -> Path:
    """A model of random weights, with a tokenizer that knows nothing."""
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    config = LlamaConfig(
        vocab_size=2048, hidden_size=128, intermediate_size=384, num_hidden_layers=4, num_attention_heads=4,
        max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"?": 0}, "?"))).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
