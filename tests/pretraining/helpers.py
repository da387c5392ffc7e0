"""A small text, its vocabulary, and runs over it, for the tests of pretraining."""

import json
import random
from pathlib import Path

import numpy
import torch

from minibert import BertConfig, BertTokenizer
from minibert.pretraining.corpus import Corpus, open_corpus
from minibert.pretraining.prepare import new_model
from minibert.pretraining.settings import Settings
from minibert.pretraining.task import Pretraining
from minibert.training.checkpoint import load_checkpoint
from minibert.training.loop import Trainer

WORDS = ["ba", "ce", "di", "fo", "gu", "had", "ide", "jab", "kif", "lag", "mabel", "cabled"]
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *WORDS[:9], "la", "##g", "ma", "##bel"]
SETTINGS = {
    "steps": 12,
    "phases": "6x16:0.5 4x24:0.5",
    "learning_rate": 1e-3,
    "warmup": 0.25,
    "dropout": 0.0,
    "precision": "float64",
    "log_every": 1,
    "validate_every": 5,
    "validation_rows": 10,
    "save_every": 4,
    "held_out": 0.2,
}
CONFIG = {
    "hidden_size": 28,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 11,
    "max_position_embeddings": 24,
}


def text(documents: int = 12, seed: int = 0) -> str:
    """Documents of 2 to 9 sentences of 2 to 12 words, a sentence a line."""
    draw = random.Random(seed)
    return "\n\n".join(
        "\n".join(
            " ".join(draw.choices(WORDS, k=draw.randint(2, 12))) + "."
            for _ in range(draw.randint(2, 9))
        )
        for _ in range(documents)
    )


def tokenizer() -> BertTokenizer:
    return BertTokenizer(VOCAB)


def corpus(folder: Path, content: str | None = None) -> Corpus:
    file = folder / "text.txt"
    file.write_text(text() if content is None else content, encoding="utf-8")
    return open_corpus([file], tokenizer(), folder / "corpus")


def trainer(folder: Path, *, out: str = "out", **changes: object) -> Trainer:
    """A run over the small text, in `folder`/`out`."""
    config = BertConfig(vocab_size=len(VOCAB), **CONFIG)
    settings = Settings(**(SETTINGS | changes))
    (folder / out).mkdir(exist_ok=True)
    model = new_model(config, tokenizer(), settings)
    task = Pretraining(model, tokenizer(), corpus(folder), settings)
    return Trainer(task, settings, folder / out)


def log(folder):
    """The lines of a run's log without what depends on the clock."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    for record in records:
        record.pop("tokens_per_second", None)
    return records


def same_weights(one, other):
    states = [load_checkpoint(folder, torch.device("cpu"))["model"] for folder in (one, other)]
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def binomial_bounds(count: int, share: float) -> tuple[float, float]:
    """Five standard deviations around the mean: a true share falls outside once in a million."""
    spread = 5 * numpy.sqrt(count * share * (1 - share))
    return count * share - spread, count * share + spread
