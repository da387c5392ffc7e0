"""A task that knows nothing of language, the straight line through some points; and a failure."""

import torch
from torch import nn

from minibert.training.task import Task


class SquaredErrors(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, points):
        x, y = points.unbind(1)
        return {"squares": ((self.model(x[:, None])[:, 0] - y) ** 2).sum()}


class Numbered(Task):
    """Data without end, in which a row is made from its number alone."""

    rows_of_a_step, rows_held_out = 8, 20

    def take(self, epoch, number, count):
        return [*range(number, number + count)], 0, number + count

    def data(self, step):
        return self, self.rows_of_a_step

    def held_out(self, step):
        return self, [*range(10**6, 10**6 + self.rows_held_out)]


class Regression(Numbered):
    sum_names, count_names, unit = ("squares",), ("points",), "points"

    def __init__(self):
        torch.manual_seed(0)
        self.model, self.origin = nn.Linear(1, 1), {"line": "3x - 1"}
        self.losses = SquaredErrors(self.model)

    def make(self, rows):
        draws = [torch.randn(2, generator=torch.Generator().manual_seed(row)) for row in rows]
        x, noise = torch.stack(draws).unbind(1)
        return torch.stack([x, 3 * x - 1 + 0.1 * noise], dim=1)

    def counts(self, points):
        return {"points": len(points)}

    def loss(self, sums, counts):
        return sums["squares"] / counts["points"]

    def record(self, sums, counts):
        return {"loss": sums["squares"] / counts["points"]}

    def score(self, record):
        return -record["loss"]


def fail_after(run, stop):
    """Make the run end with a ZeroDivisionError where it would begin the step after `stop`."""
    step = run.train_step
    run.train_step = lambda: step() if run.step < stop else 1 / 0
