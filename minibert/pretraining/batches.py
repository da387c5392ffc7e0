"""Pairs, masked, to the tensors of a training step.

Every random choice in a row comes from a generator of its own, made of (seed, epoch, number of the
row). So a row is the same whichever process makes it and whenever: a run can be resumed, or split
over more processes, and sees the same data.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy
import torch

from minibert.pretraining.masking import Masking
from minibert.pretraining.sentence_pairs import SentencePairs
from minibert.tokenizer import BertTokenizer

PLAN, ROW = 0, 1  # what a generator is for


@dataclass(frozen=True)
class Batch:
    """The inputs of BertForPreTraining, and what it must guess."""

    input_ids: torch.Tensor  # [B, S]
    token_type_ids: torch.Tensor  # [B, S]
    attention_mask: torch.Tensor  # [B, S]
    positions: torch.Tensor  # [M]: the masked tokens, counted through the rows: b·S + s
    mlm_labels: torch.Tensor  # [M]
    nsp_labels: torch.Tensor  # [B]

    def tokens(self) -> int:
        """How many positions hold a real token."""
        return int(self.attention_mask.sum())

    def to(self, device: torch.device) -> "Batch":
        values = (getattr(self, field.name) for field in fields(self))
        return Batch(*(value.to(device, non_blocking=True) for value in values))


def generator(seed: int, purpose: int, epoch: int, number: int) -> numpy.random.Generator:
    """Random numbers that depend on these four alone."""
    counter = numpy.array([0, number, epoch, purpose], dtype=numpy.uint64)
    return numpy.random.Generator(numpy.random.Philox(key=seed, counter=counter))


class Source(Protocol):
    """Where rows are from."""

    def plan(self, length: int, rng: numpy.random.Generator) -> numpy.ndarray:
        """All rows of an epoch, in random order."""


class EpochRows:
    """The rows of one row length, epoch after epoch; what each holds is said by `make`."""

    def __init__(self, source: Source, *, length: int, seed: int):
        self.source, self.length, self.seed = source, length, seed
        self.planned: tuple[int, numpy.ndarray] | None = None

    def plan(self, epoch: int) -> numpy.ndarray:
        """The rows of an epoch; the last one asked for is kept."""
        if self.planned is None or self.planned[0] != epoch:
            rng = generator(self.seed, PLAN, epoch, self.length)
            self.planned = (epoch, self.source.plan(self.length, rng))
        return self.planned[1]

    def take(self, epoch: int, number: int, count: int) -> tuple[list[tuple[int, int]], int, int]:
        """`count` rows from row `number` of `epoch` on, as (epoch, number); and where they end."""
        rows: list[tuple[int, int]] = []
        while len(rows) < count:
            available = len(self.plan(epoch))
            stop = min(number + count - len(rows), available)
            rows += [(epoch, i) for i in range(number, stop)]
            epoch, number = (epoch, stop) if stop < available else (epoch + 1, 0)
        return rows, epoch, number

    def make(self, rows: Iterable[tuple[int, int]]) -> Any:
        """The tensors for some rows."""
        raise NotImplementedError


class Batches(EpochRows):
    """Masked pairs of sentences."""

    def __init__(
        self,
        pairs: SentencePairs,
        masking: Masking,
        tokenizer: BertTokenizer,
        *,
        length: int,
        seed: int,
    ):
        super().__init__(pairs, length=length, seed=seed)
        self.pairs, self.masking = pairs, masking
        self.cls, self.sep = [tokenizer.cls_token_id], [tokenizer.sep_token_id]
        self.pad_token_id = tokenizer.pad_token_id

    def make(self, rows: Iterable[tuple[int, int]]) -> Batch:
        rows = list(rows)
        shape = (len(rows), self.length)
        ids = numpy.full(shape, self.pad_token_id, dtype=numpy.int64)
        segments, real = numpy.zeros_like(ids), numpy.zeros_like(ids)
        nsp_labels = numpy.zeros(len(rows), dtype=numpy.int64)
        positions, labels = [], []
        for row, (epoch, number) in enumerate(rows):
            rng = generator(self.seed, ROW, epoch, number)
            pair = self.pairs.pair(self.plan(epoch)[number], rng)
            text = numpy.concatenate((self.cls, pair.first, self.sep, pair.second, self.sep))
            masked = self.masking(text, rng)
            ids[row, : len(text)] = masked.ids
            real[row, : len(text)] = 1
            segments[row, len(pair.first) + 2 : len(text)] = 1
            nsp_labels[row] = pair.label
            positions.append(row * self.length + masked.positions)
            labels.append(masked.labels)
        arrays = (ids, segments, real, numpy.concatenate(positions), numpy.concatenate(labels))
        return Batch(*map(torch.from_numpy, (*arrays, nsp_labels)))
