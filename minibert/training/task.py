"""What the loop knows of a task. It knows nothing else: no language, no BERT.

    rows      what there is to learn from, numbered in each epoch
    batch     the tensors of some rows
    sums      losses and right answers, summed over a batch; those of several batches add up
    counts    what the sums are divided by: rows, masked tokens …; they add up too
    record    the numbers that people read, from sums and counts

pretraining/task.py is one; the smallest is tests/training/toy.py.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import nn

Counts = dict[str, int]


class Rows(Protocol):
    """The rows of one data set. A row is whatever `make` understands; what is random in it depends
    on the seed and its numbers alone, so that a run can be resumed or shared.
    """

    def take(self, epoch: int, number: int, count: int) -> tuple[list[Any], int, int]:
        """`count` rows from row `number` of `epoch` on; then epoch and number of the next one."""

    def make(self, rows: Sequence[Any]) -> Any:
        """The batch of some rows; it has a method `to(device)`."""


class Task:
    """What is learned. A task sets the attributes and writes the methods that raise here."""

    model: Any  # an nn.Module: what is trained and saved
    losses: nn.Module  # batch -> the sums, with gradient; it contains the model
    origin: dict[str, Any]  # a run is resumed only by a task with the same
    sum_names: tuple[str, ...]
    count_names: tuple[str, ...]
    unit = "tokens"  # the count that measures the speed

    def data(self, step: int) -> tuple[Rows, int]:
        """What step 0, 1, … learns from, and how many rows it takes."""
        raise NotImplementedError

    def held_out(self, step: int) -> tuple[Rows, list[Any]] | None:
        """What is measured after `step` steps: a data set and rows of it, whose sums make a record.
        None: `measure` says it.
        """
        raise NotImplementedError

    def measure(self, step: int) -> dict[str, float] | None:
        """The record of the held-out data where it is no sum over batches, such as an F1. It is
        asked for in the first process alone. None for nothing.
        """
        return None

    def counts(self, batch: Any) -> Counts:
        """What the sums of this batch are divided by."""
        raise NotImplementedError

    def loss(self, sums: dict[str, torch.Tensor], counts: Counts) -> torch.Tensor:
        """What the gradient is taken of. `counts` are those of all batches of the step, `sums`
        those of one: the losses of all batches add up to that of the step.
        """
        raise NotImplementedError

    def record(self, sums: dict[str, float], counts: Counts) -> dict[str, float]:
        """The numbers for the log; one of them is called `loss`."""
        raise NotImplementedError

    def report(self, step: int, record: dict[str, float]) -> None:
        """Tell people what was measured after `step` steps; it is asked for in the first process
        alone.
        """

    def progress(self, record: dict[str, float]) -> str:
        """What the progress bar says."""
        return f"loss {record['loss']:.3f}"

    def score(self, record: dict[str, float]) -> float | None:
        """How good the held-out numbers are: the weights with the highest score are kept. None
        keeps only the last.
        """
        return None
