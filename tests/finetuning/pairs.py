"""A small language and its translation, models that learn it, and runs; for the tests."""

import dataclasses
import random

import torch

from minibert import BertConfig, BertLMHeadModel, BertModel, BertTokenizer, EncoderDecoderModel
from minibert.finetuning.examples import Example
from minibert.finetuning.settings import Settings
from minibert.finetuning.translation import Translation
from minibert.heads import NO_LABEL
from minibert.training.loop import Trainer
from minibert.translation.encoder_decoder import shift_right
from tests import tiny

WORDS = dict(zip("abcdefghijkl", "我你他她它们是不了人这中", strict=True))
TARGET_VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.values(), "。"]
SETTINGS = {
    "batch": 4,
    "learning_rate": 1e-3,
    "warmup": 0.2,
    "dropout": 0.0,
    "label_smoothing": 0.1,
    "precision": "float64",
    "log_every": 1,
    "save_every": 4,
}


def pairs(count=18, seed=0):
    """Texts of 1 to 6 words; the translation has a character for each, and 。 at the end."""
    draw = random.Random(seed)
    texts = [draw.choices([*WORDS], k=draw.randint(1, 6)) for _ in range(count)]
    return [
        Example(" ".join(text), "".join(WORDS[word] for word in text) + "。", None, number)
        for number, text in enumerate(texts)
    ]


def target_tokenizer():
    return BertTokenizer(TARGET_VOCAB)


def model(seed=3):
    """Two BERTs of one width, all else different; float64, in eval mode. With this seed it writes
    different texts.
    """
    own = dataclasses.replace(
        BertConfig(**tiny.SIZES), num_hidden_layers=2, vocab_size=18, max_position_embeddings=11
    )
    reads = BertModel(tiny.CONFIG)
    writes = BertLMHeadModel(own, cross_attention=True, end_token_id=3)
    pair = EncoderDecoderModel(reads, writes, start_token_id=2, end_token_id=3)
    pair.target_tokenizer, pair.task = target_tokenizer(), {"task": "translate"}
    return tiny.randomise(pair.double(), seed)


def task_for(own=None, tokenizer=None, *, count=18, **changes):
    settings = Settings(**(SETTINGS | {"epochs": 2} | changes))
    lines = []
    own, tokenizer = own or model(), tokenizer or tiny.tokenizer()
    train, dev = pairs(count), pairs(10, seed=9)
    task = Translation(own, tokenizer, train, dev, settings, tell=lines.append)
    task.lines = lines
    return task


def trainer(out, **changes):
    out.mkdir(exist_ok=True)
    task = task_for(**changes)
    return Trainer(task, task.settings, out)


def as_textbook(task, rows):
    """Padded inputs of the textbook for some rows, and the labels."""
    items = [task.batches.items[item] for _, item in rows]
    longest = [max(len(item.ids[side]) for item in items) for side in (0, 1)]
    ids, mask = (torch.zeros(len(items), longest[0], dtype=torch.long) for _ in range(2))
    labels = torch.full((len(items), longest[1]), NO_LABEL)
    for row, item in enumerate(items):
        source, target = (torch.from_numpy(one.astype("int64")) for one in item.ids)
        ids[row, : len(source)], mask[row, : len(source)] = source, 1
        labels[row, : len(target)] = target
    given = shift_right(labels, task.model.start_token_id, 0)
    return {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": given}, labels
