"""The course of a run as a picture: losses and accuracies over the steps, from log.jsonl."""

from pathlib import Path

from minibert.pretraining.log import read_log


def smooth(values: list[float], width: int) -> list[float]:
    """The mean of each value and up to `width` − 1 before it: single batches jump about."""
    return [
        sum(values[max(0, i + 1 - width) : i + 1]) / (i + 1 - max(0, i + 1 - width))
        for i in range(len(values))
    ]


def draw_curve(log: Path, picture: Path) -> None:
    """Needs matplotlib (the extra `plots`)."""
    from matplotlib.figure import Figure

    training, validation = read_log(log)
    width = max(1, len(training) // 100)
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [record["step"] for record in training]
    checked = [record["step"] for record in validation]
    for axes, names, title in (
        (left, {"mlm_loss": "MLM", "nsp_loss": "NSP"}, "loss"),
        (right, {"mlm_accuracy": "MLM", "nsp_accuracy": "NSP"}, "share of right answers"),
    ):
        for (name, label), colour in zip(names.items(), ("C0", "C1"), strict=True):
            values = smooth([record[name] for record in training], width)
            axes.plot(steps, values, colour, label=f"{label}, training")
            held_out = [record[name] for record in validation]
            axes.plot(checked, held_out, colour + "o--", markersize=3, label=f"{label}, held out")
        axes.set_title(title)
        axes.set_xlabel("step")
        axes.locator_params(axis="x", nbins=6)
        axes.set_ylim(0, 1 if axes is right else None)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(picture, dpi=120)
