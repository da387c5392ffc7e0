"""Rows to the batches of an epoch: texts of like length together, no padding.

The rows are shuffled, and divided into pools of some POOL batches. Inside a pool texts of like
length come together, in batches with about as many tokens each; then the pool's batches are
shuffled. So attention has few lengths to do in each batch, no step is much longer than another, and
each epoch has the same number of batches. All of it depends on the seed and the epoch alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

import numpy
import torch

from minibert.extraction.parallel import batches
from minibert.finetuning.rows import Row
from minibert.heads import NO_LABEL
from minibert.training.forward import Group

POOL = 50  # batches


@dataclass(frozen=True)
class Item:
    """What is learned from at once: the texts of one example (or one window), and its target."""

    ids: tuple[numpy.ndarray, ...]  # [S] of each text
    segments: tuple[numpy.ndarray, ...]
    target: Any  # a label's number, a score, [S] tags, or an answer's first and last token
    is_cut: bool  # it was over the limit

    def __len__(self) -> int:
        return sum(map(len, self.ids))

    @classmethod
    def of(cls, target: Any, *rows: Row) -> "Item":
        """As small as it can be kept."""
        ids = tuple(numpy.array(row.ids, dtype=numpy.int32) for row in rows)
        segments = tuple(numpy.array(row.segments, dtype=numpy.int8) for row in rows)
        return cls(ids, segments, target, any(row.is_cut for row in rows))


@dataclass(frozen=True)
class Batch:
    """Texts end to end, the shortest first. Items are in the order of their first texts' lengths,
    so a text by itself has its item's number.
    """

    ids: torch.Tensor  # [T]
    segments: torch.Tensor  # [T]
    groups: list[Group]
    firsts: torch.Tensor  # [texts]: the first token of each text
    places: torch.Tensor  # [items, texts of an item]: the number of each text
    targets: torch.Tensor  # [items], [items, 2] for answers, [T] for tags

    def counts(self) -> dict[str, int]:
        return {"targets": count_targets(self.targets), "tokens": len(self.ids)}

    def to(self, device: torch.device) -> "Batch":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        moved = {n: v.to(device) for n, v in values.items() if isinstance(v, torch.Tensor)}
        return Batch(**(values | moved))


def count_targets(targets: torch.Tensor) -> int:
    """What a loss is the mean over: items, or the words that have a tag."""
    is_label = targets.dim() == 1 and not targets.is_floating_point()
    return int((targets != NO_LABEL).sum()) if is_label else len(targets)


class Batches:
    """The items of a run, epoch after epoch."""

    def __init__(self, items: Sequence[Item], *, rows: int, seed: int):
        """`rows`: of a batch, in the mean."""
        self.items, self.seed = items, seed
        self.count = math.ceil(len(items) / rows)  # batches of an epoch
        self.planned: tuple[int, list[list[int]]] | None = None
        self.order: list[int] = []  # the same, one after the other

    def plan(self, epoch: int) -> list[list[int]]:
        """The numbers of the items in each batch of an epoch; the last one asked for is kept."""
        if self.planned is None or self.planned[0] != epoch:
            plan = self.make_plan(numpy.random.default_rng([self.seed, epoch]))
            self.planned, self.order = (epoch, plan), [item for batch in plan for item in batch]
        return self.planned[1]

    def make_plan(self, rng: numpy.random.Generator) -> list[list[int]]:
        order = rng.permutation(len(self.items)).tolist()
        pools = math.ceil(self.count / POOL)
        plan: list[list[int]] = []
        for pool in range(pools):
            first, last = (self.count * end // pools for end in (pool, pool + 1))
            own = order[len(order) * first // self.count : len(order) * last // self.count]
            found = batches({item: len(self.items[item]) for item in own}, last - first)
            while len(found) < last - first:  # one long text was worth several batches
                largest = max(found, key=len)
                half = len(largest) // 2
                found.append(largest[half:])
                del largest[half:]
            plan += [found[i] for i in rng.permutation(len(found))]
        return plan

    def batch(self, step: int) -> list[int]:
        """The items of step 0, 1, …"""
        epoch, number = divmod(step, self.count)
        return self.plan(epoch)[number]

    def take(self, epoch: int, number: int, count: int) -> tuple[list[tuple[int, int]], int, int]:
        """`count` rows from row `number` of `epoch` on, as (epoch, item); and where they end."""
        self.plan(epoch)
        rows = [(epoch, item) for item in self.order[number : number + count]]
        number += count
        return rows, *((epoch, number) if number < len(self.order) else (epoch + 1, 0))

    def make(self, rows: Iterable[tuple[int, int]]) -> Any:
        """The tensors for some rows."""
        items = sorted((self.items[item] for _, item in rows), key=lambda item: len(item.ids[0]))
        ids = [text for item in items for text in item.ids]
        segments = [text for item in items for text in item.segments]
        order, groups, firsts = lay_out(ids)
        places = numpy.argsort(order).reshape(len(items), len(self.items[0].ids))
        return Batch(
            whole([ids[text] for text in order]),
            whole([segments[text] for text in order]),
            groups,
            torch.from_numpy(firsts),
            torch.from_numpy(places.astype(numpy.int64)),
            as_targets([item.target for item in items]),
        )


def lay_out(texts: Sequence[numpy.ndarray]) -> tuple[list[int], list[Group], numpy.ndarray]:
    """How texts lie end to end, the shortest first: their numbers, the groups, the first tokens."""
    order = sorted(range(len(texts)), key=lambda text: len(texts[text]))
    lengths = [len(texts[text]) for text in order]
    groups: list[Group] = [(len([*same]), length, None) for length, same in groupby(lengths)]
    return order, groups, numpy.cumsum([0, *lengths])[:-1]


def whole(parts: Sequence[numpy.ndarray]) -> torch.Tensor:
    """Numbers of all texts, end to end."""
    return torch.from_numpy(numpy.concatenate([*parts, []]).astype(numpy.int64))


def as_targets(targets: Sequence[Any]) -> torch.Tensor:
    """One tensor; the tags of several texts follow one another."""
    if targets and isinstance(targets[0], numpy.ndarray):
        return whole(targets)
    if targets and isinstance(targets[0], float):
        return torch.tensor(targets, dtype=torch.float64)
    return torch.tensor(targets, dtype=torch.long)
