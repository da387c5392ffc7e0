"""What does not learn: parts of BERT that are frozen, or all of it.

    freeze(bert, "embeddings layer1-layer4")      these weights stay as they are, bit for bit

A head that reads all layers (WeightedSum) leaves BERT as it is. Then its states are the same in
each epoch: they are computed once, by the engine, and kept in a file, float32:

    classify   [rows, L+1, D]     of each layer the mean over the row's tokens. The mixture of the
                                  means is the mean of the mixtures
    tag        [words, L+1, D]    of each layer the state of the word's first piece

Only what is read of the file at each step is in memory. Then the mixture and the head learn, which
takes seconds; the mixture's shares say which layers the task wanted.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import nn
from tqdm import tqdm

from minibert.common.files import replacing
from minibert.common.lines import blocks
from minibert.extraction.embedder import pool_spans, side_by_side
from minibert.extraction.engine import Engine
from minibert.extraction.layers import layer_names
from minibert.extraction.parallel import batches, in_parallel
from minibert.finetuning.batches import Batches, Item, as_targets, count_targets
from minibert.heads import NO_LABEL
from minibert.model import BertModel
from minibert.task_heads import Classifier

STORED_AT_ONCE = 4096  # texts whose states are in memory together


def freeze(bert: BertModel, which: str) -> None:
    """Let these parts of BERT take no gradient: names, and ranges such as layer1-layer4."""
    names = layer_names(bert.config.num_hidden_layers)
    parts: list[nn.Module] = [bert.embeddings, *bert.encoder.layers]
    if bert.pooler is not None:
        names, parts = [*names, "pooler"], [*parts, bert.pooler]
    for word in re.findall(r"[^\s,]+", which):
        ends = [names.index(name) if name in names else -1 for name in word.split("-")]
        if min(ends) < 0 or len(ends) > 2 or ends[0] > ends[-1]:
            known = f"{', '.join(names)}, and ranges such as {names[0]}-{names[1]}"
            raise ValueError(f"freeze: there is no {word!r}; there are {known}")
        for part in parts[ends[0] : ends[-1] + 1]:
            part.requires_grad_(False)


@dataclass(frozen=True)
class StoredBatch:
    states: torch.Tensor  # [targets, L+1, D]
    targets: torch.Tensor  # [targets]

    def counts(self) -> dict[str, int]:
        return {"targets": count_targets(self.targets), "tokens": len(self.targets)}

    def to(self, device: torch.device) -> "StoredBatch":
        return StoredBatch(self.states.to(device), self.targets.to(device))


class StoredBatches(Batches):
    """The items of a run whose states are in a file."""

    def __init__(self, items: Sequence[Item], file: Path, **shape: int):
        super().__init__(items, **shape)
        self.file = file
        self.states: Any = None
        # Where the states of each item begin; a row has one, a row of words one for each.
        self.starts = numpy.cumsum([0, *(len(asked(item)) for item in items)])

    def store(self, bert: BertModel) -> None:
        """Write the file, a block of texts after the other."""
        engine, config = Engine(bert), bert.config
        shape = (int(self.starts[-1]), config.num_hidden_layers + 1, config.hidden_size)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with replacing(self.file) as temporary, open(temporary, "wb") as stream:
            numpy.lib.format.write_array_header_1_0(stream, header)
            bar = tqdm(total=len(self.items), unit=" texts", desc="states", disable=None)
            for block in blocks(self.items, STORED_AT_ONCE):
                stream.write(states_of(engine, block).numpy().data)
                bar.update(len(block))
            bar.close()

    def make(self, rows: Iterable[tuple[int, int]]) -> StoredBatch:
        if self.states is None:
            self.states = numpy.load(self.file, mmap_mode="r")
        own = [item for _, item in rows]
        numbers = [n for item in own for n in range(self.starts[item], self.starts[item + 1])]
        targets = as_targets([t for item in own for t in asked(self.items[item])])
        return StoredBatch(torch.from_numpy(self.states[numbers]), targets)


def asked(item: Item) -> list[Any]:
    """The targets of an item without the tokens that have none."""
    if isinstance(item.target, numpy.ndarray):
        return item.target[item.target != NO_LABEL].tolist()
    return [item.target]


def states_of(engine: Engine, items: Sequence[Item]) -> torch.Tensor:
    """[targets, L+1, D]: what is kept of each text's states."""
    lengths = {number: len(item) for number, item in enumerate(items)}
    ready = batches(lengths, math.ceil(sum(lengths.values()) / engine.batch_tokens))
    found: list[torch.Tensor] = [torch.empty(0)] * len(items)

    def work(batch: list[int]) -> None:
        own = [items[number] for number in batch]
        ids = [item.ids[0].tolist() for item in own]
        states, order = engine.run(ids, [item.segments[0].tolist() for item in own])
        start = 0
        for place in order:
            item, stop = own[place], start + len(own[place])
            if isinstance(item.target, numpy.ndarray):
                tokens = start + numpy.flatnonzero(item.target != NO_LABEL)
                kept = [state[tokens] for state in states]
            else:
                kept = pool_spans(states, {0: [(start, stop)]}, "mean")
            found[batch[place]] = side_by_side(kept).float()
            start = stop

    for _ in in_parallel(work, ready, engine.device):
        pass
    return torch.cat(found)


class Readout(nn.Module):
    """The part that learns: mixture and head. It shares them with the whole model."""

    def __init__(self, model: Classifier):
        super().__init__()
        self.mixture, self.dropout, self.classifier = model.mixture, model.dropout, model.classifier

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """[n, L+1, D] -> logits [n, C]."""
        mixture: Any = self.mixture
        states = states.to(self.classifier.weight.dtype)
        return self.classifier(self.dropout(mixture(states.unbind(1))))
