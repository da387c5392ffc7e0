"""The learning rate over time: up in a straight line during warm-up, then down in one to 0.

Source: Devlin et al. 2018, appendix A.2.
"""

import torch

from minibert.training.settings import RunSettings


def schedule(step: int, settings: RunSettings) -> float:
    """The share of the learning rate for step 0, 1, …

    Example:
        >>> settings = RunSettings(steps=10, warmup=0.4)
        >>> [round(schedule(step, settings), 2) for step in range(10)]
        [0.0, 0.25, 0.5, 0.75, 1.0, 0.83, 0.67, 0.5, 0.33, 0.17]
    """
    warmup = round(settings.warmup * settings.steps)
    if step < warmup:
        return step / warmup
    return (settings.steps - step) / max(1, settings.steps - warmup)


def set_learning_rate(optimizers: list[torch.optim.Optimizer], share: float) -> None:
    """Give each optimizer this share of its full learning rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("full_lr", group["lr"])
            group["lr"] = group["full_lr"] * share
