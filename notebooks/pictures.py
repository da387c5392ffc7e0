"""The pictures that more than one notebook draws."""

import warnings
from collections.abc import Sequence

import torch
from matplotlib import pyplot

from minibert.inspection.alignment import fonts


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


def use_chinese_font() -> None:
    """Let pictures have Chinese characters, where this machine has a font for them."""
    pyplot.rcParams["font.family"] = fonts()
    warnings.filterwarnings("ignore", message="Glyph .* missing")  # then there are boxes


def tree(probabilities: dict[tuple[str, ...], float], marked: dict[str, tuple[str, ...]]) -> None:
    """Texts that begin alike, as a tree: each text (a tuple of tokens) with its probability; the
    beginning of each must be there, too, but for the empty one. `marked`: texts with a name.
    """
    probabilities = {(): 1.0, **probabilities}
    children: dict[tuple[str, ...], list[tuple[str, ...]]] = {text: [] for text in probabilities}
    for text in sorted(probabilities, key=lambda text: -probabilities[text]):
        if text:
            children[text[:-1]].append(text)
    heights: dict[tuple[str, ...], float] = {}

    def put(text: tuple[str, ...], leaves: int) -> int:
        """The text's height in the picture, between those that go on from it; leaves so far."""
        for child in children[text]:
            leaves = put(child, leaves)
        ends = [heights[child] for child in children[text]]
        heights[text] = (ends[0] + ends[-1]) / 2 if ends else -float(leaves)
        return leaves + (not ends)

    leaves = put((), 0)
    depth = max(map(len, probabilities))
    figure, axes = pyplot.subplots(
        figsize=(1.4 + 0.85 * depth, 0.9 + 0.62 * leaves), layout="constrained"
    )
    for text in probabilities:
        if text:
            x, y = [len(text) - 1, len(text)], [heights[text[:-1]], heights[text]]
            axes.plot(x, y, color="0.8", linewidth=1, zorder=1)
            axes.text(x[1], y[1] + 0.06, text[-1], ha="center", va="bottom", fontsize=12, zorder=4)
            label = f"{probabilities[text]:.2f}"
            axes.text(
                x[1],
                y[1] - 0.1,
                label,
                ha="center",
                va="top",
                fontsize=8,
                color="0.35",
                bbox={"color": "white", "pad": 0.5},
                zorder=3,
            )
    for number, (name, text) in enumerate(marked.items()):
        path = [text[:length] for length in range(len(text) + 1)]
        y = [heights[begun] - 0.04 * number for begun in path]
        axes.plot(range(len(path)), y, color=f"C{number}", linewidth=2.5, label=name, zorder=2)
    axes.set_xlim(-0.2, depth + 0.5)
    axes.set_ylim(-leaves + 0.4, 0.6)
    axes.set_axis_off()
    figure.legend(loc="outside lower left", ncols=len(marked), frameon=False)
    pyplot.show()
