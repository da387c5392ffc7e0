"""Small tasks to learn, of each kind; and runs over them, for the tests of fine-tuning."""

import json
import random

import torch

from minibert import BertModel
from minibert.finetuning.entities import Tagged
from minibert.finetuning.examples import Example
from minibert.finetuning.questions import Answer, Question
from minibert.finetuning.settings import Settings
from minibert.finetuning.tasks import Finetuning
from minibert.training.loop import Trainer
from tests import tiny
from tests.finetuning.models import CONFIG, small, texts

SETTINGS = {
    "batch": 4,
    "learning_rate": 1e-3,
    "warmup": 0.2,
    "dropout": 0.0,
    "precision": "float64",
    "log_every": 1,
    "save_every": 4,
}
TASKS = ("classify", "pairs", "number", "tag", "answer", "similar")


def data(task, count=18, seed=0):
    """Examples of a task. The first letter of a text says its label."""
    draw = random.Random(seed)
    found = []
    for number, text in enumerate(texts(draw, count, 9)):
        pair = texts(draw, 1, 5)[0] if task in ("pairs", "similar") else None
        if task in ("classify", "pairs"):
            found.append(Example(text, pair, "pqr"[ord(text[0]) % 3], number))
        elif task in ("number", "similar"):
            found.append(Example(text, pair, float(ord(text[0]) % 6), number))
        elif task == "tag":
            words = text.split()
            tags = ["B-PER" if "a" in word else "B-LOC" if "b" in word else "O" for word in words]
            found.append(Tagged(words, tags, number))
        else:
            words = text.split()
            start = text.index(words[-1])
            found.append(Question(str(number), words[0], text, [Answer(start, words[-1])]))
    return found


def model_for(task, **options):
    """A model with random weights, float64."""
    if task == "similar":
        return tiny.randomise(BertModel(CONFIG).double(), 1)
    return small("classify" if task == "pairs" else task, **options)


def task_for(task, *, count=18, states=None, model=None, **changes):
    settings = Settings(**(SETTINGS | {"epochs": 2} | changes))
    model = model_for(task) if model is None else model
    train, dev = data(task, count), data(task, 10, seed=9)
    lines = []
    found = Finetuning(
        model, tiny.tokenizer(), train, dev, settings, states=states, tell=lines.append
    )
    found.lines = lines
    return found


def trainer(out, task, **changes):
    out.mkdir(exist_ok=True)
    learned = task_for(task, **changes)
    return Trainer(learned, learned.settings, out)


def log(folder):
    """The lines of a run's log without what depends on the clock."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if "per_second" not in name}
        for line in lines
    ]


def padded(batch):
    """A batch of the fast forward pass as inputs of the textbook; padding at the end."""
    lengths = [length for texts, length, _ in batch.groups for _ in range(texts)]
    shape = (len(lengths), max(lengths))
    names = ("input_ids", "token_type_ids", "attention_mask")
    inputs = {name: torch.zeros(shape, dtype=torch.long) for name in names}
    for text, (start, length) in enumerate(zip(batch.firsts.tolist(), lengths, strict=True)):
        inputs["input_ids"][text, :length] = batch.ids[start : start + length]
        inputs["token_type_ids"][text, :length] = batch.segments[start : start + length]
        inputs["attention_mask"][text, :length] = 1
    return inputs
