"""Fixtures that several kinds of test share."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Workers of one run share the cores: threads of OpenMP would wait for each other. Libraries read this as they load.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# A machine that does other things must not fail a property.
settings.register_profile("sekisho", deadline=None)
settings.load_profile("sekisho")

_ATTACK = """
import numpy as np
from audit_core.answers import Scores
from audit_core.hookspecs import hookimpl
from audit_core.plugin import AttackPlugin
from audit_core.questions import Asset


@hookimpl
def audit_attacks():
    return [AttackPlugin(
        name="{name}", title={{"en": "A test attack"}}, goal="membership", question="membership",
        sees=frozenset({{Asset.RELEASE, Asset.REFERENCE}}), assumption={{"en": "A test."}}, load=f"{{__name__}}:Tried",
    )]


class Tried:
    def answer(self, question, rng):
{body}
"""

_CHECK = """
import numpy as np
from audit_core.evidence import Exact, Excess, Proportion, Ranking
from audit_core.hookspecs import hookimpl
from audit_core.measurement import Histogram, Reason, RocCurve, measured
from audit_core.plugin import CheckPlugin


@hookimpl
def audit_checks():
    return [CheckPlugin(
        name="{name}", title={{"en": "A test check"}}, goal="membership", assumption={{"en": "A test."}},
        measures=("share",), load=f"{{__name__}}:Tried",
    )]


class Tried:
    def measure(self, case, rng):
{body}
"""


@pytest.fixture
def attack_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plugin of one file whose attack answers with the given body."""

    def write(body: str, name: str = "tried") -> Path:
        return _written(tmp_path, _ATTACK, name, body)

    return write


@pytest.fixture
def check_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plugin of one file whose check measures with the given body; it may measure a `share`."""

    def write(body: str, name: str = "tried") -> Path:
        return _written(tmp_path, _CHECK, name, body)

    return write


def _written(folder: Path, file: str, name: str, body: str) -> Path:
    path = folder / f"{name.replace('-', '_')}.py"
    path.write_text(file.format(name=name, body=textwrap.indent(textwrap.dedent(body), " " * 8)))
    return path


@pytest.fixture
def public_data() -> Path:
    """The folder of public data sets; the test is skipped where there is none."""
    folder = os.environ.get("SEKISHO_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SEKISHO_DATA is not set: the public data sets are not there")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a language model of two random layers and a tokenizer of single bytes."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = {letter: at for at, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=letters | {"<s>": 256, "</s>": 257}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    folder = tmp_path_factory.mktemp("models") / "tiny"
    config = transformers.LlamaConfig(
        vocab_size=258, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, tie_word_embeddings=False, bos_token_id=256, eos_token_id=257,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(
        folder
    )
    return folder
