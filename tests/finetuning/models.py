"""Small random models of each kind, ours and those of transformers with the same weights."""

import torch
import transformers

from minibert import BertConfig
from minibert.task_heads import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)
from tests.tiny import SIZES, randomise, tokenizer
from weights_loader import save_bert

CONFIG = BertConfig(**SIZES)
TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
KINDS = {
    "classify": lambda **options: BertForSequenceClassification(CONFIG, ["p", "q", "r"], **options),
    "number": lambda **options: BertForSequenceClassification(CONFIG, ["n"], **options),
    "tag": lambda **options: BertForTokenClassification(CONFIG, TAGS, **options),
    "answer": lambda **options: BertForQuestionAnswering(CONFIG, **options),
}
LETTERS = "abcdefghijklm"


def small(kind, dtype=torch.float64, **options):
    """A model with random weights, in eval mode."""
    return randomise(KINDS[kind](**options).double(), 1).to(dtype)


def theirs(model, folder):
    """transformers' model with the same weights, through a file."""
    save_bert(model, tokenizer(), folder)
    kind = getattr(transformers, type(model).__name__)
    loaded = kind.from_pretrained(folder, attn_implementation="eager", dtype=torch.float64)
    return loaded.eval()


def padded(rows):
    """Rows as the inputs of transformers."""
    length = max(len(row.ids) for row in rows)

    def fill(values):
        return torch.tensor([[*one, *[0] * (length - len(one))] for one in values])

    return {
        "input_ids": fill(row.ids for row in rows),
        "token_type_ids": fill(row.segments for row in rows),
        "attention_mask": fill([1] * len(row.ids) for row in rows),
    }


def texts(draw, count, words=12):
    """Random texts of words that the small vocabulary has."""
    return [
        " ".join(
            "".join(draw.choices(LETTERS, k=draw.randint(1, 3)))
            for _ in range(draw.randint(1, words))
        )
        for _ in range(count)
    ]
