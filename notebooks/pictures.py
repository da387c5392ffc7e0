"""The pictures that more than one notebook draws."""

from collections.abc import Sequence

import torch
from matplotlib import pyplot


def heat_maps(
    matrices: Sequence[torch.Tensor],
    rows: Sequence[str],
    columns: Sequence[str],
    titles: Sequence[str],
    *,
    ylabel: str = "from (query)",
    xlabel: str = "to (key)",
    numbers: bool = False,
    limits: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Matrices side by side on one scale, a name on each row and column."""
    width = 1.5 + (0.42 if not numbers else 0.75) * len(columns)
    height = 1.4 + 0.38 * len(rows)
    figure, all_axes = pyplot.subplots(
        1,
        len(matrices),
        figsize=(width * len(matrices), height),
        layout="constrained",
        squeeze=False,
        sharey=True,
    )
    for axes, matrix, title in zip(all_axes[0], matrices, titles, strict=True):
        values = matrix.detach().tolist()
        picture = axes.imshow(values, cmap="Blues", vmin=limits[0], vmax=limits[1])
        axes.set_xticks(
            range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(range(len(rows)), rows)
        axes.set_xlabel(xlabel)
        axes.set_title(title, fontsize=11)
        for i, row in enumerate(values if numbers else []):
            for j, value in enumerate(row):
                colour = "white" if value > sum(limits) / 2 else "black"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=9)
    all_axes[0][0].set_ylabel(ylabel)
    figure.colorbar(picture, ax=all_axes, shrink=0.8)
    pyplot.show()
