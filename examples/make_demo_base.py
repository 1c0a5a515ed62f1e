"""Makes the base model of `sekisho demo text`: a tokenizer and a small language model that have met public notes only.

    python examples/make_demo_base.py --out audit_core/demo/text

Needs the `language` extra, and a few minutes of one core. The public notes come from `make_demo_notes.py` and are not
kept. On one machine with the same libraries the same bytes come out again; on another one the weights differ in their
last digits, and more so the longer they are trained. `build.json` holds the digests of what was made, and how.
"""

import argparse
import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as serialised
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from make_demo_notes import SEED, Note, generator, lines, private_notes, public_notes

VOCABULARY = 1_536
START, END, PADDING = "<s>", "</s>", "<pad>"

# Wide and shallow, since it is trained on the processor of whoever tries the demo: two wide layers take less time than
# four narrow ones of as many parameters. Input and output embeddings are two matrices, as `full-dpsgd` needs them.
SHAPE: dict[str, Any] = {
    "hidden_size": 144,
    "intermediate_size": 432,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
}

EPOCHS, BATCH = 1, 32
LEARNING_RATE, WARM_UP, WEIGHT_DECAY = 3e-3, 0.05, 0.01

REPEATED, TIMES = 300, 40
"""The first so many notes are met so many times, the others once.

A base that has met some texts often has learnt how to learn by heart, as models trained on the web have: there, too, a
few texts stand a thousand times. One that has met each text once takes several times as long to keep a new one.
"""

# A second thread would add sums up in another order from one run to the next.
THREADS = 1

IGNORED = -100


def tokenizer_of(notes: Sequence[str]) -> Tokenizer:
    """Byte-level BPE, so that any text can be written; a digit is a token by itself, with the blank before it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\p{N}"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[START, END, PADDING],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(notes, trainer)
    return tokenizer


def tokenizer_config() -> dict[str, Any]:
    """What `transformers` needs to know besides."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": START,
        "eos_token": END,
        "pad_token": PADDING,
        "model_max_length": SHAPE["max_position_embeddings"],
        "clean_up_tokenization_spaces": False,
    }


def untrained(tokenizer: Tokenizer, seed: int) -> LlamaForCausalLM:
    """The model with weights drawn by chance."""
    torch.manual_seed(int(generator(seed, "weights").integers(2**62)))
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        bos_token_id=tokenizer.token_to_id(START),
        eos_token_id=tokenizer.token_to_id(END),
        pad_token_id=tokenizer.token_to_id(PADDING),
        **SHAPE,
    )
    return LlamaForCausalLM(config)


def encoded(tokenizer: Tokenizer, notes: Sequence[str]) -> list[list[int]]:
    """The tokens of each note between the marks of its start and end."""
    places = tokenizer.get_vocab()
    start, end = places[START], places[END]
    return [[start, *one.ids, end] for one in tokenizer.encode_batch(list(notes))]


def mean_loss(model: nn.Module, records: Sequence[Sequence[int]]) -> Tensor:
    """The mean over the records of each one's mean over its tokens, in nats."""
    length = max(map(len, records))
    tokens = torch.tensor([[*one, *[0] * (length - len(one))] for one in records])
    labels = torch.tensor([[*one, *[IGNORED] * (length - len(one))] for one in records])[:, 1:]
    attention = torch.tensor([[1] * len(one) + [0] * (length - len(one)) for one in records])
    logits = model(input_ids=tokens, attention_mask=attention, use_cache=False).logits[:, :-1]
    each = functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    return (each.sum(1) / (labels != IGNORED).sum(1)).mean()


def train(model: nn.Module, records: Sequence[Sequence[int]], seed: int) -> None:
    """AdamW with a warm-up and a cosine, by the steps of `_batches`; in place."""
    batches = list(_batches(len(records), seed))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=WEIGHT_DECAY)
    model.train()
    for step, rows in enumerate(batches, start=1):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * _pace(step / len(batches))
        loss = mean_loss(model, [records[at] for at in rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()


def _pace(done: float) -> float:
    """Of the learning rate, after so large a share of the steps."""
    return min(1.0, done / WARM_UP) * (1 + math.cos(math.pi * done)) / 2


def _batches(records: int, seed: int) -> Iterator[list[int]]:
    rng = generator(seed, "batches")
    for _ in range(EPOCHS):
        order = rng.permutation(records)
        yield from (order[at : at + BATCH].tolist() for at in range(0, records, BATCH))


def loss_on(model: nn.Module, records: Sequence[Sequence[int]]) -> float:
    """The mean loss of all records, in nats a token."""
    with torch.no_grad():
        parts = [records[at : at + 100] for at in range(0, len(records), 100)]
        return float(np.average([mean_loss(model, part).item() for part in parts], weights=[len(one) for one in parts]))


def save(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Writes what a loader needs and nothing else: the same model gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(folder / "tokenizer_config.json", tokenizer_config())
    # What the library adds beyond the shape, such as its own version, would change with it.
    told = model.config.to_dict()
    kept = (*SHAPE, "vocab_size", "bos_token_id", "eos_token_id", "pad_token_id", "model_type", "hidden_act")
    config = {name: told[name] for name in (*kept, "rms_norm_eps", "rope_parameters", "attention_bias", "mlp_bias")}
    _write_json(folder / "config.json", {"architectures": ["LlamaForCausalLM"], "dtype": "float32", **config})
    weights = {name: one.detach().contiguous() for name, one in model.state_dict().items()}
    (folder / "model.safetensors").write_bytes(serialised(weights, metadata={"format": "pt"}))


def _write_json(path: Path, told: object) -> None:
    path.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a folder, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def make(out: Path) -> dict[str, Any]:
    """Writes `base` and `build.json` into `out`; returns what `build.json` says."""
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    public, private = _texts(public_notes(SEED)), private_notes(SEED)
    tokenizer = tokenizer_of(public)
    model = untrained(tokenizer, SEED)
    started = time.monotonic()
    train(model, encoded(tokenizer, public + (TIMES - 1) * public[:REPEATED]), SEED)
    minutes = (time.monotonic() - started) / 60
    save(model, tokenizer, out / "base")
    facts = {
        "seed": SEED,
        "notes": {"private": len(private), "public": len(public)},
        "notes.jsonl": hashlib.sha256(lines(private)).hexdigest(),
        "base": digests(out / "base"),
        "parameters": sum(one.numel() for one in model.parameters()),
        "training": {
            "epochs": EPOCHS,
            "repeated": REPEATED,
            "times": TIMES,
            "batch": BATCH,
            "learning_rate": LEARNING_RATE,
            "warm_up": WARM_UP,
            "weight_decay": WEIGHT_DECAY,
            "threads": THREADS,
            "minutes": round(minutes, 1),
        },
        "loss": {
            "public": round(loss_on(model, encoded(tokenizer, public[:1_000])), 4),
            "private": round(loss_on(model, encoded(tokenizer, _texts(private))), 4),
        },
        "versions": {name: version(name) for name in ("numpy", "safetensors", "tokenizers", "torch", "transformers")},
    }
    _write_json(out / "build.json", facts)
    return facts


def _texts(notes: Sequence[Note]) -> list[str]:
    return [one.note for one in notes]


def main() -> None:
    """Reads the command line, makes the base model and prints what was made."""
    parser = argparse.ArgumentParser(description="Make the base model of `sekisho demo text`.")
    parser.add_argument("--out", type=Path, required=True, help="where the folder `base` and build.json go")
    facts = make(parser.parse_args().out)
    sys.stdout.write(json.dumps(facts, indent=1) + os.linesep)


if __name__ == "__main__":
    main()
