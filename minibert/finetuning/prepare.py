"""What a run begins with: its examples, their labels, and the model."""

import hashlib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from minibert.finetuning.entities import check_tagged, read_tagged, tag_names
from minibert.finetuning.examples import check_examples, label_names, read_examples
from minibert.finetuning.questions import read_questions
from minibert.tokenizer import BertTokenizer
from weights_loader import load_bert

# Task -> the head of load_bert.
HEADS = {
    "classify": "classification",
    "pairs": "classification",
    "tag": "tagging",
    "answer": "answering",
    "similar": "bert",
}


def read_data(
    task: str,
    train: Path,
    dev: Path,
    *,
    is_number: bool = False,
    text: int | str | None = None,
    pair: int | str | None = None,
    label: int | str | None = None,
) -> tuple[Any, Any]:
    """The examples of both files, checked. `text`, `pair`, `label`: columns; None: their names are
    text, text_pair, and label or score.
    """
    if task == "tag":
        sentences = read_tagged(train), read_tagged(dev)
        check_tagged(*sentences)
        return sentences
    if task == "answer":
        questions = read_questions(train), read_questions(dev)
        if not any(question.answers for question in questions[0]):
            raise ValueError(f"{train}: no question has an answer; nothing can be learned")
        return questions
    is_number = is_number or task == "similar"
    two_texts = task in ("pairs", "similar")
    columns: dict[str, Any] = {
        "text": "text" if text is None else text,
        "pair": ("text_pair" if pair is None else pair) if two_texts else None,
        "label": ("score" if is_number else "label") if label is None else label,
    }
    examples = [read_examples(file, **columns, is_number=is_number) for file in (train, dev)]
    check_examples(examples[0], examples[1])
    return examples[0], examples[1]


def labels_of(task: str, train: Sequence[Any]) -> list[str] | None:
    """The labels of the head; a number's is "score". None: the head has none."""
    if task in ("answer", "similar"):
        return None
    if task == "tag":
        return tag_names(train)
    return label_names(train) if isinstance(train[0].label, str) else ["score"]


def open_model(
    name: str | Path | None,
    task: str,
    labels: Sequence[str] | None,
    *,
    seed: int = 1,
    all_layers: bool = False,
    device: str | torch.device | None = None,
) -> tuple[Any, BertTokenizer]:
    """A model for the task, with a new head unless it has one for as many labels; its tokenizer.
    `all_layers`: the head is new and reads a mixture of all layers.
    """
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*at random until")  # it will be trained
        choices: dict[str, Any] = {"head": HEADS[task], "labels": labels, "device": device}
        if all_layers:
            choices["all_layers"] = True
        model, tokenizer = load_bert(name, **choices)
    model.task = {"task": task}
    return model, tokenizer


def checksum(model: torch.nn.Module) -> str:
    """It changes when a weight does."""
    total = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().data)
    return total.hexdigest()[:16]
