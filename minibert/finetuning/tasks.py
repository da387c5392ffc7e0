"""Fine-tuning as a task of the training loop, and its losses.

    classify   −log P(label), mean over the rows; of one label, a number: (logit − number)²
    tag        −log P(tag), mean over the words
    answer     −½ (log P(start) + log P(end)), mean over the windows
    similar    (cosine(a, b) − score)², mean over the pairs; a and b: the means of the last states

The loss of a step is the mean over all its rows, however they are shared. Scores of `similar` that
go above 1 are divided by the largest of those that are trained on: then they can be cosines.

Source: Devlin et al. 2018, section 4 and appendix A.3; similar: Reimers and Gurevych 2019
(arXiv 1908.10084), section 3, and their CosineSimilarityLoss.

Differs: without padding there is none in the softmax of an answer's start and end.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import nn
from torch.nn import functional

from minibert.common.lines import blocks
from minibert.config import BertConfig
from minibert.finetuning.batches import Batch, Batches, Item
from minibert.finetuning.evaluate import MAIN, measure
from minibert.finetuning.examples import Example
from minibert.finetuning.frozen import Readout, StoredBatch, StoredBatches, freeze
from minibert.finetuning.predictor import KINDS
from minibert.finetuning.rows import ANSWER_LIMIT, rows_of_questions, rows_of_texts, rows_of_words
from minibert.finetuning.settings import Settings
from minibert.heads import NO_LABEL
from minibert.model import BertModel
from minibert.tokenizer import BertTokenizer
from minibert.training.forward import Group, encode, pooled
from minibert.training.task import Counts, Task

AT_ONCE = 1000  # examples that become rows together


class FromExamples(Task):
    """What tasks share that learn from examples, some epochs long."""

    whole: Any  # the model that is saved
    main: str  # the number by which an epoch is the best
    batches: Batches
    settings: Settings
    limit: int  # tokens of a text
    cut: int  # how many were longer
    tell: Callable[[str], None]  # is called with a line after each epoch

    def data(self, step: int) -> tuple[Batches, int]:
        return self.batches, len(self.batches.batch(step))

    def loss(self, sums: dict[str, torch.Tensor], counts: Counts) -> torch.Tensor:
        return sums["loss"] / max(counts["targets"], 1)

    def report(self, step: int, record: dict[str, float]) -> None:
        told = ", ".join(f"{name} {value:.4f}" for name, value in record.items())
        self.tell(f"epoch {step // self.batches.count} of {self.settings.epochs}: {told}")


class Finetuning(FromExamples):
    """`task = Finetuning(model, tokenizer, train, dev, settings)`, then
    `Trainer(task, task.settings, out).run()`. The model's head says what is learned.
    """

    sum_names = ("loss",)
    count_names = ("targets", "tokens")

    def __init__(
        self,
        model: Any,
        tokenizer: BertTokenizer,
        train: Sequence[Any],
        dev: Sequence[Any],
        settings: Settings,
        *,
        states: Path | None = None,
        tell: Callable[[str], None] = print,
    ):
        """`train` and `dev`: lists of Example, Tagged or Question. `states`: the file for the
        states of a model that reads all layers; with it only mixture and head learn. `tell` is
        called with a line after each epoch.
        """
        self.whole = model
        self.kind, self.tokenizer = KINDS[type(model).__name__], tokenizer
        self.dev, self.tell = dev, tell
        bert: BertModel = model if isinstance(model, BertModel) else model.bert
        self.main = MAIN["number" if len(getattr(model, "labels", ())) == 1 else self.kind]
        if hasattr(model, "dropout"):
            model.dropout.p = settings.dropout
        labels: Sequence[str] = getattr(model, "labels", ())
        self.limit = limit_of(self.kind, bert.config, tokenizer)
        items = [*make_items(self.kind, tokenizer, train, self.limit, labels)]
        self.cut = sum(item.is_cut for item in items)
        shape = {"rows": settings.batch, "seed": settings.seed}
        if states is None:
            if self.kind == "similar" and bert.pooler is not None:
                bert.pooler.requires_grad_(False)  # nothing reads it
            freeze(bert, settings.freeze)
            self.model, self.batches = self.whole, Batches(items, **shape)
            self.losses: nn.Module = TaskLoss(model, self.kind, settings.dropout)
        else:
            self.batches = StoredBatches(items, states, **shape)
            self.model, self.unit = Readout(model), "targets"
            self.losses = StoredLoss(self.model)
        if not any(parameter.requires_grad for parameter in self.model.parameters()):
            raise ValueError("freeze leaves nothing to learn")
        self.settings = settings.for_batches(self.batches.count)
        self.origin = {"vocabulary": tokenizer.checksum(), "config": bert.config.to_dict()}

    def held_out(self, step: int) -> None:
        return None

    def measure(self, step: int) -> dict[str, float]:
        return measure(self.whole, self.tokenizer, self.dev)

    def counts(self, batch: Any) -> Counts:
        return batch.counts()

    def record(self, sums: dict[str, float], counts: Counts) -> dict[str, float]:
        return {"loss": sums["loss"] / max(counts["targets"], 1)}

    def score(self, record: dict[str, float]) -> float:
        value = record[self.main]
        return value if value == value else -1.0  # a correlation with equal numbers is NaN


def limit_of(kind: str, config: BertConfig, tokenizer: BertTokenizer) -> int:
    """The tokens of a row, at most; as in prediction."""
    own = min(config.max_position_embeddings, tokenizer.settings["model_max_length"])
    return min(own, ANSWER_LIMIT) if kind == "answer" else own


def make_items(
    kind: str, tokenizer: BertTokenizer, examples: Sequence[Any], limit: int, labels: Sequence[str]
) -> Iterator[Item]:
    """What is learned from."""
    if kind == "similar":
        largest = max(1.0, max(abs(float(example.label)) for example in examples))
    for some in blocks(examples, AT_ONCE):
        if kind == "similar":
            firsts = rows_of_texts(tokenizer, [Example(one.text) for one in some], limit)
            seconds = rows_of_texts(tokenizer, [Example(one.pair or "") for one in some], limit)
            for one, first, second in zip(some, firsts, seconds, strict=True):
                yield Item.of(float(one.label) / largest, first, second)
            continue
        if kind == "answer":
            rows = rows_of_questions(tokenizer, some, limit, with_targets=True)
        elif kind == "tag":
            rows = rows_of_words(tokenizer, some, limit, labels=labels)
        else:
            rows = rows_of_texts(tokenizer, some, limit, labels=labels)
        for row in rows:
            yield Item.of(numpy.array(row.targets) if kind == "tag" else row.targets, row)


class TaskLoss(nn.Module):
    """The loss of a batch, summed, by the whole model."""

    def __init__(self, model: nn.Module, kind: str, dropout: float):
        super().__init__()
        self.model, self.of_kind, self.dropout = model, LOSSES[kind], dropout

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        model: Any = self.model
        bert = model if isinstance(model, BertModel) else model.bert
        dropout = self.dropout if self.training else 0.0
        states = encode(bert, batch.ids, batch.segments, batch.groups, dropout)
        mixture = getattr(model, "mixture", None)
        tokens = states[-1] if mixture is None else mixture(states)  # [T, D]
        return {"loss": self.of_kind(model, tokens, batch)}


class StoredLoss(nn.Module):
    """The loss of a batch, summed, of mixture and head alone."""

    def __init__(self, model: Readout):
        super().__init__()
        self.model = model

    def forward(self, batch: StoredBatch) -> dict[str, torch.Tensor]:
        return {"loss": label_loss(self.model(batch.states), batch.targets)}


def label_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """[n, C], [n]: a label's number, or a number where C is 1."""
    logits = at_least_float32(logits)
    if logits.shape[1] == 1:
        return ((logits[:, 0] - targets.to(logits.dtype)) ** 2).sum()
    return functional.cross_entropy(logits, targets, ignore_index=NO_LABEL, reduction="sum")


def classification_loss(model: Any, tokens: torch.Tensor, batch: Batch) -> torch.Tensor:
    if model.mixture is None:
        vectors = pooled(model.bert.pooler, tokens[batch.firsts])
    else:
        vectors = means(tokens, batch.groups)
    return label_loss(model.head(vectors), batch.targets)


def tagging_loss(model: Any, tokens: torch.Tensor, batch: Batch) -> torch.Tensor:
    asked = batch.targets != NO_LABEL
    return label_loss(model.head(tokens[asked]), batch.targets[asked])


def answering_loss(model: Any, tokens: torch.Tensor, batch: Batch) -> torch.Tensor:
    logits = at_least_float32(model.head(tokens))  # [T, 2]
    total, text = logits[:0].sum(), 0
    for part in by_length(logits, batch.groups):  # [texts, length, 2]
        wanted = batch.targets[text : text + len(part)]
        total = total + functional.cross_entropy(part, wanted, reduction="sum") / 2
        text += len(part)
    return total


def similarity_loss(model: Any, tokens: torch.Tensor, batch: Batch) -> torch.Tensor:
    vectors = at_least_float32(means(tokens, batch.groups))
    first, second = vectors[batch.places].unbind(1)
    cosines = functional.cosine_similarity(first, second)
    return ((cosines - batch.targets.to(cosines.dtype)) ** 2).sum()


LOSSES: dict[str, Callable[[Any, torch.Tensor, Batch], torch.Tensor]] = {
    "classify": classification_loss,
    "tag": tagging_loss,
    "answer": answering_loss,
    "similar": similarity_loss,
}


def means(tokens: torch.Tensor, groups: Sequence[Group]) -> torch.Tensor:
    """[T, D] -> [texts, D]."""
    return torch.cat([part.mean(dim=1) for part in by_length(tokens, groups)] or [tokens])


def by_length(tokens: torch.Tensor, groups: Sequence[Group]) -> list[torch.Tensor]:
    """[T, n] -> of the texts of each length: [texts, length, n]."""
    own = tokens.split([texts * length for texts, length, _ in groups]) if groups else ()
    both = zip(own, groups, strict=True)
    return [part.view(texts, length, -1) for part, (texts, length, _) in both]


def at_least_float32(x: torch.Tensor) -> torch.Tensor:
    """A sum of many terms has no digits to spare in bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
