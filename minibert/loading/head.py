"""Which head a model gets: the one that is asked for, or the one that config.json names."""

from dataclasses import dataclass, replace
from pathlib import Path
from reprlib import repr as short
from typing import Any

from torch import nn

from minibert.model import check_labels
from minibert.task_heads import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)
from minibert.translation.encoder_decoder import BertLMHeadModel, EncoderDecoderModel
from minibert.vocabulary import CheckpointError, take

TASKS: dict[str, Any] = {
    "classification": BertForSequenceClassification,
    "tagging": BertForTokenClassification,
    "answering": BertForQuestionAnswering,
}
LABELLED = ("classification", "tagging")
WRITES = "next-token"
TARGET = "minibert_target"  # in config.json: the decoder has a vocabulary of its own


@dataclass(frozen=True)
class Head:
    """The head that the model gets; `is_stored`: the file has it, so nothing of it may be new."""

    name: str
    labels: tuple[str, ...] = ()  # of the two classifications
    all_layers: bool = False
    is_stored: bool = False
    cross_attention: bool = False  # of the decoder of an encoder-decoder

    @property
    def options(self) -> dict[str, Any]:
        """What the class takes besides the config."""
        if self.name == WRITES:
            return {"cross_attention": self.cross_attention}
        labels = {"labels": self.labels} if self.labels else {}
        return {**labels, "all_layers": self.all_layers} if self.name in TASKS else {}

    def describe(self) -> str:
        """Of a task's head: which it is, as a warning says it; "" of another."""
        of = f" with the labels {short(self.labels)}" if self.labels else ""
        return f"head for {self.name}{of}" if self.name in TASKS else ""


def choose_head(
    name: str | None,
    labels: tuple[str, ...] | None,
    all_layers: bool | None,
    settings: dict[str, Any],
    file: Path,
    shapes: dict[str, list[int]],
) -> Head:
    """The head that is asked for; None is the folder's own. `settings`: of config.json, the `file`;
    `shapes`: of the stored tensors, by official name.

    A stored head is not used for another task than its own, nor under other labels, unless its own
    are LABEL_0, LABEL_1 …, which only count.
    """
    architecture = architecture_in(settings, file)
    own = next((task for task, kind in TASKS.items() if kind.__name__ == architecture), None)
    own = WRITES if settings.get("is_decoder") is True else own
    name = name or own or "bert"
    if labels is not None and name not in LABELLED:
        raise ValueError(f"labels are those of a head for {' or '.join(LABELLED)}, not of {name!r}")
    if all_layers is not None and name not in TASKS:
        raise ValueError(f"all_layers is for a head for {' or '.join(TASKS)}, not for {name!r}")
    if name not in TASKS:
        return Head(name)
    weight = "qa_outputs.weight" if name == "answering" else "classifier.weight"
    is_own = own == name or (not architecture and weight in shapes)
    key = "minibert_all_layers"
    reads_all = is_own and take({key: False, **settings}, key, bool, file)
    told: tuple[str, ...] = ()
    may_rename = False
    if name in LABELLED:
        shape = shapes.get(weight, []) if is_own else []
        rows = shape[0] if len(shape) == 2 and shape[1] else 2
        unnamed = tuple(f"LABEL_{i}" for i in range(rows))
        told = (labels_in(settings, file) if own in (None, name) else None) or unnamed
        may_rename = told == unnamed and labels is not None and len(labels) == rows
    found = Head(name, labels or told, reads_all if all_layers is None else all_layers)
    is_asked = labels is not None or all_layers is not None  # by itself, a head must be there
    fits = (found.labels == told or may_rename) and found.all_layers == reads_all
    if not is_own or not fits or (is_asked and weight not in shapes):
        return found
    kind = "regression" if len(found.labels) == 1 else "single_label_classification"
    if name == "classification" and settings.get("problem_type") not in (None, kind):
        said = f"problem_type {short(settings['problem_type'])} with {len(found.labels)} labels"
        can = "minibert gives a text one of its labels; or a number, if there is only one"
        raise CheckpointError(f"{file}: {said}; {can}")
    return replace(found, is_stored=True)


def architecture_in(settings: dict[str, Any], file: Path) -> str:
    """The class that config.json names, or ""."""
    key = "architectures"
    listed = take({key: settings.get(key) or [""]}, key, list, file)
    return take({key: listed[0]}, key, str, file)


def labels_in(settings: dict[str, Any], file: Path) -> tuple[str, ...] | None:
    """The labels of config.json in the order of their numbers, if it has any."""
    if settings.get("id2label") is None:
        return None
    named = take(settings, "id2label", dict, file)
    try:
        return check_labels([named[str(i)] for i in range(len(named))])
    except (KeyError, ValueError):
        wanted = "different texts, numbered 0, 1, 2 …"
        raise CheckpointError(f"{file}: id2label must hold {wanted}; not {short(named)}") from None


def describe_head(model: nn.Module) -> dict[str, Any]:
    """What config.json must say of the model's head and task."""
    found: dict[str, Any] = {}
    if isinstance(model, BertLMHeadModel):
        found |= {"is_decoder": True, "add_cross_attention": model.has_cross_attention}
        found |= {} if model.end_token_id is None else {"eos_token_id": model.end_token_id}
    if labels := getattr(model, "labels", ()):
        numbers = {label: i for i, label in enumerate(labels)}
        found |= {"id2label": dict(enumerate(labels)), "label2id": numbers}
        if len(labels) == 1 and isinstance(model, BertForSequenceClassification):
            found["problem_type"] = "regression"
    if getattr(model, "mixture", None) is not None:
        found["minibert_all_layers"] = True
    if task := getattr(model, "task", {}):
        found["minibert_task"] = task
    return found


def describe_pair(model: EncoderDecoderModel) -> dict[str, Any]:
    """What config.json must say of an encoder-decoder, besides its two BERTs."""
    config = model.decoder.bert.config
    found: dict[str, Any] = {
        "model_type": "encoder-decoder",
        "is_encoder_decoder": True,
        "decoder_start_token_id": model.start_token_id,
        "eos_token_id": model.end_token_id,
        "pad_token_id": config.pad_token_id,
        "vocab_size": config.vocab_size,
    }
    if task := getattr(model, "task", {}):
        found["minibert_task"] = task
    return found
