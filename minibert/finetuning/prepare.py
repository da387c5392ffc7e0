"""What a run begins with: its examples, their labels, and the model."""

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from minibert.finetuning.entities import check_tagged, read_tagged, tag_names
from minibert.finetuning.examples import Example, check_examples, label_names, read_examples
from minibert.finetuning.questions import read_questions
from minibert.model import BertModel
from minibert.pretraining.prepare import fitted, start_with_waves
from minibert.pretraining.settings import config_of_size
from minibert.pretraining.vocabulary_trainer import train_vocabulary
from minibert.tokenizer import BertTokenizer
from minibert.translation.encoder_decoder import (
    BertLMHeadModel,
    EncoderDecoderModel,
    with_cross_attention,
)
from weights_loader import load_bert, new_pooler

VOCAB_SIZE, POSITIONS = 8192, 128  # of a new model that translates

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
    target: int | str | None = None,
) -> tuple[Any, Any]:
    """The examples of both files, checked. `text`, `pair`, `label`, `target`: columns; None: their
    names are text, text_pair, label or score, and target. A target is an example's pair.
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
    if task == "translate":
        names: dict[str, Any] = {"text": "text" if text is None else text, "label": None}
        names["pair"] = "target" if target is None else target
        pairs = [read_examples(file, **names) for file in (train, dev)]
        for file, some in zip((train, dev), pairs, strict=True):
            if not some:
                raise ValueError(f"{file} has no examples")
        return pairs[0], pairs[1]
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
    if task in ("answer", "similar", "translate"):
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


def open_translator(
    train: Sequence[Example],
    *,
    model: str | Path | None = None,
    encoder: str | Path | None = None,
    decoder: str | Path | None = None,
    size: str | None = None,
    layers: int | None = None,
    positions: int | None = None,
    vocab_size: int | None = None,
    target_vocab_size: int | None = None,
    cased: bool | None = None,
    seed: int = 1,
) -> tuple[EncoderDecoderModel, BertTokenizer]:
    """The model that learns to translate, and the tokenizer of the texts that it reads.

    `model`: one that translates already. Or `encoder`, `decoder`: BERTs; the decoder's
    cross-attention is new. What is not given is new: it has the sizes of the other one, or `size`,
    `layers` and `positions`; its vocabulary, of `vocab_size` pieces, is made from `train`.
    """
    torch.manual_seed(seed)
    loaded: list[Any] = [(None, None), (None, None)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*at random until")  # it will be trained
        if model is not None:
            found, tokenizer = load_bert(model)
            if not isinstance(found, EncoderDecoderModel):
                raise ValueError(f"{model} does not translate; give it as --encoder or --decoder")
            found.task = {"task": "translate"}
            return found, tokenizer
        if encoder is not None:
            loaded[0] = load_bert(encoder, head="bert")
        if decoder is not None:
            loaded[1] = load_bert(decoder, head="next-token")
    (reads, tokenizer), (writes, target) = loaded
    if tokenizer is None:
        lines = (example.text for example in train)
        tokenizer = new_tokenizer(lines, vocab_size, cased)
    if target is None:
        lines = (example.pair or "" for example in train)
        target = new_tokenizer(lines, target_vocab_size, cased)
    known = writes.bert if reads is None and writes is not None else reads
    own = POSITIONS if positions is None else positions
    config = known.config if known else config_of_size(size or "tiny", own)
    config = config if layers is None else replace(config, num_hidden_layers=layers)
    if reads is None:
        reads = BertModel(fitted(config, tokenizer), with_pooler=False)
        start_with_waves(reads.embeddings, config)
    if writes is None:
        writes = BertLMHeadModel(fitted(config, target), cross_attention=True)
        start_with_waves(writes.bert.embeddings, config)
    else:
        writes = with_cross_attention(writes)
    ends = {"start_token_id": target.cls_token_id, "end_token_id": target.sep_token_id}
    writes.end_token_id = target.sep_token_id
    pair = EncoderDecoderModel(reads, writes, **ends)
    pair.target_tokenizer, pair.task = target, {"task": "translate"}
    if reads.pooler is None:  # nothing reads it, but an official encoder has one
        reads.pooler = new_pooler(reads.config)
    return pair, tokenizer


def new_tokenizer(lines: Iterable[str], size: int | None, cased: bool | None) -> BertTokenizer:
    """With a vocabulary that is made from the texts."""
    wanted = VOCAB_SIZE if size is None else size
    pieces = train_vocabulary(lines, wanted, lower_case=not cased)
    return BertTokenizer(pieces, do_lower_case=not cased)


def checksum(model: torch.nn.Module) -> str:
    """It changes when a weight does."""
    total = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        total.update(name.encode())
        total.update(tensor.detach().cpu().contiguous().numpy().data)
    return total.hexdigest()[:16]
