"""A task that knows nothing of language: the straight line through some points."""

from dataclasses import dataclass

import torch
from torch import nn

from minibert.training.task import Task


@dataclass
class Points:
    x: torch.Tensor
    y: torch.Tensor

    def to(self, device):
        return Points(self.x.to(device), self.y.to(device))


class Line:
    """y = 3x − 1 and a little noise; a point for each (epoch, number), 50 in an epoch."""

    def take(self, epoch, number, count):
        rows = range(epoch * 50 + number, epoch * 50 + number + count)
        return [divmod(row, 50) for row in rows], *divmod(rows.stop, 50)

    def make(self, rows):
        draws = [torch.Generator().manual_seed(epoch * 50 + number) for epoch, number in rows]
        x, noise = (
            torch.tensor([torch.randn((), generator=draw).item() for draw in draws]) for _ in "xy"
        )
        return Points(x, 3 * x - 1 + 0.1 * noise)


class SquaredErrors(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Linear(1, 1)

    def forward(self, points):
        weight = self.model.weight.dtype
        error = self.model(points.x[:, None].to(weight))[:, 0] - points.y
        return {"squares": (error * error).sum(), "large": (error.abs() > 1).sum()}


class Regression(Task):
    sum_names, count_names, unit = ("squares", "large"), ("points",), "points"
    origin = {"line": "3x - 1"}  # noqa: RUF012

    def __init__(self):
        torch.manual_seed(0)
        self.losses = SquaredErrors()
        self.model, self.line = self.losses.model, Line()

    def data(self, step):
        return self.line, 8

    def held_out(self, step):
        return self.line, [(1000, number) for number in range(20)]

    def counts(self, points):
        return {"points": len(points.x)}

    def loss(self, sums, counts):
        return sums["squares"] / counts["points"]

    def record(self, sums, counts):
        loss = sums["squares"] / counts["points"]
        return {"loss": loss, "large": sums["large"] / counts["points"]}

    def score(self, record):
        return -record["loss"]
