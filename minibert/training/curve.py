"""The course of a run as a picture: its numbers over the steps, from log.jsonl."""

from pathlib import Path
from typing import Any

from minibert.common.files import replacing
from minibert.training.log import read_log

# Title of a panel -> the numbers in it: name in the log -> label.
Panels = dict[str, dict[str, str]]


def smooth(values: list[float], width: int) -> list[float]:
    """The mean of each value and up to `width` − 1 before it: single batches jump about."""
    return [
        sum(values[max(0, i + 1 - width) : i + 1]) / (i + 1 - max(0, i + 1 - width))
        for i in range(len(values))
    ]


def draw_curve(log: Path, picture: Path, panels: Panels) -> None:
    """Draw the panels side by side; one called a share goes from 0 to 1. Needs matplotlib (the
    extra `plots`).
    """
    from matplotlib.figure import Figure

    training, validation = read_log(log)
    width = max(1, len(training) // 100)
    figure = Figure(figsize=(9, 4), layout="constrained")
    all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (title, names) in zip(all_axes, panels.items(), strict=True):
        for number, (name, label) in enumerate(names.items()):
            colour = f"C{number}"
            steps, values = numbers_of(training, name)
            axes.plot(steps, smooth(values, width), colour, label=f"{label}, training")
            steps, values = numbers_of(validation, name)
            axes.plot(steps, values, colour + "o--", markersize=3, label=f"{label}, held out")
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.locator_params(axis="x", nbins=6)
        axes.set_ylim(0, 1 if title.startswith("share") else None)
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(picture) as temporary:
        figure.savefig(temporary, dpi=120)


def draw_shares(shares: dict[str, float], picture: Path) -> None:
    """Draw parts of 1, by their names, beside equal parts."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(4, len(shares)), 3), layout="constrained")
    axes = figure.subplots()
    axes.bar([*shares], [*shares.values()])
    axes.axhline(1 / len(shares), color="gray", linestyle="--", label="equal shares")
    axes.tick_params(axis="x", rotation=45)
    axes.legend()
    with replacing(picture) as temporary:
        figure.savefig(temporary, dpi=120)


def numbers_of(records: list[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """The steps of the records that have it, and its values."""
    having = [record for record in records if name in record]
    return [record["step"] for record in having], [record[name] for record in having]
