"""How fast language models are scored, beside what scoring costs at the least.

The least is a bare loop of forward passes over the same texts in the same batches, by whose logits nothing is done.
Ours turns texts into tokens, computes the five numbers of each token, and hands them over. Both have one thread; the
figures are of one process, by turns, so what else the machine does slows both.

    python benchmarks/language_scoring.py [--model FOLDER] [--texts 192] [--rounds 5]

Without --model a random one of 4 layers, 128 wide, with a vocabulary of 4,096, is made up.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", OMP_NUM_THREADS="1")

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from audit_core.language.texts import Text
from audit_plugins.training.opening import Base, OpenedModel, base_model, encoded
from audit_plugins.training.teacher_forcing import Positions, batches, side_by_side, tokens_at_once

LENGTHS = (48, 81)
"""Tokens of a text: at least, and fewer than."""


def made_up(folder: Path) -> Path:
    """A random model whose tokens are the words w0, w1, ..."""
    size = 4096
    words = {f"w{at}": at for at in range(size - 2)} | {"<s>": size - 2, "</s>": size - 1}
    tokenizer = Tokenizer(models.WordLevel(vocab=words, unk_token="</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=256,
        bos_token_id=size - 2,
        eos_token_id=size - 1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)
    return folder


def texts_of(base: Base, n: int) -> list[Text]:
    """Random tokens as text; how many tokens that is again is up to the tokenizer."""
    rng = np.random.default_rng(0)
    known = len(base.tokenizer) - 8
    tokens = [rng.integers(8, known, rng.integers(*LENGTHS)) for _ in range(n)]
    return [Text(text=base.tokenizer.decode(its, skip_special_tokens=True)) for its in tokens]


@torch.inference_mode()
def bare(base: Base, texts: Sequence[Positions]) -> None:
    """Forward passes, and nothing done with what they give."""
    for rows in batches(texts, tokens_at_once(base.network)):
        tokens, attended, _ = side_by_side([texts[row] for row in rows])
        base.network(input_ids=tokens, attention_mask=attended, use_cache=False)


def scoring(folder: Path, n: int, rounds: int) -> None:
    """Prints the tokens a second of both, and their ratio."""
    base = base_model(folder)
    model, texts = OpenedModel(base), texts_of(base, n)
    positions = [
        Positions.of(prompt, text, start=base.start, context=base.context) for prompt, text in encoded(base, texts)
    ]
    tokens = sum(one.scored for one in positions)
    seconds: dict[str, list[float]] = {"bare": [], "scored": []}
    for _ in range(rounds + 1):
        for name in seconds:
            started = time.process_time()
            if name == "bare":
                bare(base, positions)
            else:
                for _ in model.token_scores(texts):
                    pass
            seconds[name].append(time.process_time() - started)
    ratios = [one / other for one, other in list(zip(*seconds.values(), strict=True))[1:]]
    for name, its in seconds.items():
        print(f"{name:7} {tokens / statistics.median(its[1:]):9,.0f} tokens a second of the processor")
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    print(f"ratio   {middle:.2f} ({low:.2f} to {high:.2f}), {n} texts, {tokens:,} tokens")


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--texts", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        scoring(asked.model or made_up(Path(name)), asked.texts, asked.rounds)


if __name__ == "__main__":
    main()
