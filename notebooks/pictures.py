"""What draws the notebooks' pictures, so that a cell shows what is drawn and not how."""

import contextlib
import io
import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from IPython.display import display
from matplotlib import colors, pyplot

from minibert import BertTokenizer
from minibert.common.fonts import fonts
from minibert.common.language import language, said
from minibert.training.curve import smooth


def caption(text: str) -> str:
    """One of the labels below in the reader's language."""
    return said(text, Path(__file__).parent / "zh" / "judges.txt")


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
    width += 0.09 * max(0, max(map(len, rows)) - 20)  # long names of rows
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
        axes.set_xlabel(caption(xlabel))
        axes.set_title(title, fontsize=11)
        for i, row in enumerate(values if numbers else []):
            for j, value in enumerate(row):
                colour = "white" if value > sum(limits) / 2 else "black"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=9)
    all_axes[0][0].set_ylabel(caption(ylabel))
    figure.colorbar(picture, ax=all_axes, shrink=0.8)
    pyplot.show()


def line_charts(
    panels: Mapping[str, Mapping[str, Any]],
    *,
    styles: Sequence[str] = ("o-", "s--", "^-", "x:"),
    xlabel: str = "",
    ylabel: str = "",
    ticks: Sequence[Any] | None = None,
    log: bool = False,
    limits: tuple[float | None, float | None] | None = None,
    level: tuple[str, float] | None = None,
    notes: Sequence[str] = (),
    size: tuple[float, float] = (7.5, 3.8),
) -> None:
    """Panels side by side, title -> curves; a curve is label -> values, or (places, values).

    `ticks`: the names of places 0, 1, 2 …, or with `log` the places themselves, on a logarithmic
    axis. `level`: a grey line across, with its name. `notes`: words beside the points of the first
    curve.
    """
    figure, all_axes = pyplot.subplots(
        1, len(panels), figsize=size, layout="constrained", sharey=True, squeeze=False
    )
    for axes, (title, curves) in zip(all_axes[0], panels.items(), strict=True):
        if level:
            axes.axhline(level[1], color="0.5", linewidth=1.5, label=level[0])
        for (label, curve), style in zip(curves.items(), itertools.cycle(styles)):
            places, values = curve if isinstance(curve, tuple) else (range(len(curve)), curve)
            axes.plot(places, values, style, markersize=5, label=label)
            if not isinstance(curve, tuple):
                axes.xaxis.get_major_locator().set_params(integer=True)
        for words, x, y in zip(notes, *axes.lines[-len(curves)].get_data(), strict=bool(notes)):
            axes.annotate(words, (x, y), (6, 4), textcoords="offset points")
            axes.margins(x=0.25, y=0.12)
        if log:
            axes.set_xscale("log", base=2)
        if ticks is not None:
            axes.set_xticks(ticks if log else range(len(ticks)), [str(tick) for tick in ticks])
            axes.minorticks_off()
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(xlabel)
        axes.grid(alpha=0.3)
    if limits:
        all_axes[0][0].set_ylim(*limits)
    all_axes[0][0].set_ylabel(ylabel)
    names = dict(zip(*reversed(all_axes[0][-1].get_legend_handles_labels()), strict=True))
    if names:
        figure.legend(names.values(), names, loc="outside right upper", fontsize=9)
    pyplot.show()


def grouped_bars(
    panels: Mapping[str, Mapping[str, Any]],
    names: Sequence[Sequence[str]] | None = None,
    *,
    ylabel: str = "",
    xlabel: str = "",
    limits: tuple[float | None, float | None] | None = None,
    level: tuple[str, float] | None = None,
    numbers: str = "",
    size: tuple[float, float] = (9.0, 3.2),
) -> None:
    """Panels side by side, title -> label -> values; the bars of one name stand together.

    `names`: of the values, for each panel; without it they are counted, and their bars touch.
    `level`: a line across, with its name. `numbers`: the format of the number in each bar.
    """
    figure, all_axes = pyplot.subplots(
        1, len(panels), figsize=size, layout="constrained", sharey=True, squeeze=False
    )
    for axes, (title, bars), words in zip(
        all_axes[0], panels.items(), names or [None] * len(panels), strict=True
    ):
        width = (0.8 if words else 1.0) / len(bars)
        for i, (label, values) in enumerate(bars.items()):
            places = [j + width * (i - (len(bars) - 1) / 2) for j in range(len(values))]
            drawn = axes.bar(places, [float(value) for value in values], width, label=label)
            for bar in drawn if words is None else ():  # a thin bar is seen, too
                bar.set_edgecolor(bar.get_facecolor())
            if numbers:
                axes.bar_label(drawn, fmt=numbers, padding=-15, color="white")
        if words:
            axes.set_xticks(
                range(len(words)), words, rotation=40, ha="right", rotation_mode="anchor"
            )
        if level:
            axes.axhline(level[1], color="0.3", linestyle="--", label=level[0])
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(xlabel)
    if limits:
        all_axes[0][0].set_ylim(*limits)
    all_axes[0][0].set_ylabel(ylabel)
    handles, labels = all_axes[0][0].get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside right upper")
    pyplot.show()


def stacked_bars(bars: Mapping[str, Mapping[str, float]], xlabel: str, height: float = 3.0) -> None:
    """A bar for each name, made of its parts: name -> part -> share."""
    figure, axes = pyplot.subplots(figsize=(9, height), layout="constrained")
    left = dict.fromkeys(bars, 0.0)
    shades = itertools.cycle(("tab:blue", "tab:orange", "tab:green", "lightgrey"))
    for part, colour in zip(next(iter(bars.values())), shades):  # noqa: B905
        for i, (name, parts) in enumerate(bars.items()):
            share = parts[part]
            axes.barh(i, share, left=left[name], color=colour, label=None if i else part)
            if share > 0.05:
                ink = "white" if colour in ("tab:blue", "tab:green") else "black"
                middle = left[name] + share / 2
                axes.text(middle, i, f"{share:.0%}", ha="center", va="center", color=ink)
            left[name] += share
    axes.set_yticks(range(len(bars)), list(bars))
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel(xlabel)
    figure.legend(loc="outside upper center", ncols=4)
    pyplot.show()


def batch_table(batch: Mapping[str, torch.Tensor], tokenizer: BertTokenizer) -> None:
    """The tokens of a batch as a table: text A, text B, special tokens and padding in colours."""
    kinds = batch["token_type_ids"] + 1  # 1: text A, 2: text B
    special = torch.tensor([tokenizer.cls_token_id, tokenizer.sep_token_id])
    kinds[torch.isin(batch["input_ids"], special)] = 3
    kinds[batch["attention_mask"] == 0] = 0
    B, S = kinds.shape
    _, axes = pyplot.subplots(figsize=(0.72 * S, 0.55 * B + 1.1), layout="constrained")
    shades = colors.ListedColormap(["#eeeeee", "#9ecae1", "#fdd0a2", "#bcbddc"])
    axes.pcolormesh(kinds, cmap=shades, edgecolors="white", linewidth=2)
    for i in range(B):
        for j, token in enumerate(tokenizer.convert_ids_to_tokens(batch["input_ids"][i])):
            axes.text(j + 0.5, i + 0.5, token, ha="center", va="center", fontsize=10)
    axes.set_xticks([j + 0.5 for j in range(S)], range(S))
    axes.set_yticks([i + 0.5 for i in range(B)], [caption(f"row {i}") for i in range(B)])
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set_xlabel(caption("position"))
    colours = caption("text A blue, text B orange, special tokens violet, padding grey")
    axes.set_title(colours, fontsize=11)
    pyplot.show()


def signed_maps(
    matrices: Mapping[str, torch.Tensor],
    *,
    limit: float | None = None,
    ylabel: str = "",
    xlabel: str = "",
    ticks: Mapping[str, float] | None = None,
    size: tuple[float, float] = (9.5, 3.5),
) -> None:
    """Large matrices side by side, red above 0 and blue below; title -> matrix.

    `limit`: the number of the darkest colours, the same for all; without it each has its own.
    `ticks`: the names of rows and columns, and where each stands.
    """
    figure, all_axes = pyplot.subplots(
        1, len(matrices), figsize=size, layout="constrained", sharey=True, squeeze=False
    )
    shades = pyplot.get_cmap("RdBu_r", 9)
    for axes, (title, matrix) in zip(all_axes[0], matrices.items(), strict=True):
        darkest = limit or matrix.abs().quantile(0.99)
        picture = axes.imshow(
            matrix, cmap=shades, vmin=-darkest, vmax=darkest, aspect="auto", interpolation="nearest"
        )
        if ticks:
            places, names = list(ticks.values()), list(ticks)
            axes.set_xticks(places, names, rotation=60, ha="right", rotation_mode="anchor")
            axes.set_yticks(places, names)
        axes.set_title(title, fontsize=11)
        axes.set_xlabel(xlabel)
        if limit is None:
            figure.colorbar(picture, ax=axes)
    if limit is not None:
        figure.colorbar(picture, ax=all_axes, shrink=0.8)
    all_axes[0][0].set_ylabel(ylabel)
    pyplot.show()


def operation_chart(
    found: Mapping[str, Mapping[str, float]],
    *,
    ylabel: str,
    levels: Mapping[str, float],
    limits: tuple[float, float],
) -> None:
    """The numbers of all operations in their order, on a logarithmic scale: label -> operation."""
    names = list(next(iter(found.values())))
    parts = {"emb.": "embeddings.token"}
    parts |= {f"layer{i + 1}": f"encoder.layers.{i}.attention.query" for i in range(4)}
    parts |= {"pooler": "pooler.dense"}
    starts = [names.index(first) for first in parts.values()]
    middles = [(a + b - 1) / 2 for a, b in zip(starts, [*starts[1:], len(names)], strict=True)]
    figure, axes = pyplot.subplots(figsize=(9, 3.8), layout="constrained")
    for label, values in found.items():
        is_none = caption(label) == caption("none")
        style = {"color": "black", "linewidth": 2.5, "zorder": 3} if is_none else {}
        heights = [min(max(value, limits[0]), limits[1]) for value in values.values()]
        axes.plot(heights, "o-", markersize=3, label=caption(label), **style)
    for (label, level), dashes in zip(levels.items(), (":", "--"), strict=False):
        axes.axhline(level, color="0.4", linestyle=dashes, label=label)
    axes.set_yscale("log")
    axes.set_ylim(*limits)
    axes.set_xticks(middles, list(map(caption, parts)))
    axes.vlines([start - 0.5 for start in starts[1:]], *limits, color="0.85", zorder=0)
    axes.set_ylabel(ylabel)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=9)
    pyplot.show()


def training_curves(
    training: Sequence[Mapping[str, float]],
    validation: Sequence[Mapping[str, float]],
    best: Mapping[str, float],
) -> None:
    """Loss and accuracy of both questions: pale in training, dots held out, dashed the oracle."""
    figure, all_axes = pyplot.subplots(1, 2, figsize=(9.5, 3.6), layout="constrained")
    for axes, kind, title in zip(
        all_axes, ("loss", "accuracy"), ("loss", "share of right answers"), strict=True
    ):
        for name, colour in (("mlm", "C0"), ("nsp", "C1")):
            key = f"{name}_{kind}"
            steps = [record["step"] for record in training]
            axes.plot(steps, smooth([record[key] for record in training], 5), colour, alpha=0.4)
            steps = [record["step"] for record in validation]
            values = [record[key] for record in validation]
            axes.plot(
                steps,
                values,
                colour + "o-",
                markersize=4,
                label=caption(f"{name.upper()}, held out"),
            )
            axes.axhline(
                best[key], color=colour, linestyle="--", label=caption(f"{name.upper()}, oracle")
            )
        axes.set_title(caption(title))
        axes.set_xlabel(caption("step"))
        axes.grid(alpha=0.3)
    all_axes[0].set_yscale("log")
    all_axes[0].set_yticks((0.1, 0.2, 0.5, 1, 2, 5), ("0.1", "0.2", "0.5", "1", "2", "5"))
    all_axes[0].minorticks_off()
    all_axes[1].set_ylim(0, 1.02)
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=9)
    pyplot.show()


class OneLine(io.TextIOBase):
    """A terminal of one line below the cell: each text that is written replaces the one before."""

    def __init__(self) -> None:
        self.shown = display({"text/plain": "…"}, raw=True, display_id=True)

    def isatty(self) -> bool:  # so that a progress bar knows that it is seen
        return True

    def write(self, text: str) -> int:
        if text.strip():
            self.shown.update({"text/plain": text.strip()}, raw=True)
        return len(text)


@contextlib.contextmanager
def progress() -> Iterator[None]:
    """Show the bar of a training as one line below the cell, while it lasts."""
    line = OneLine()
    with contextlib.redirect_stderr(line):
        yield
    line.write(caption("trained to the end"))


def use_chinese_font() -> None:
    """Let pictures have Chinese characters, where this machine has a font for them."""
    pyplot.rcParams["font.family"] = fonts()
    warnings.filterwarnings("ignore", message="Glyph .* missing")  # then there are boxes


def tree(probabilities: dict[tuple[str, ...], float], marked: dict[str, tuple[str, ...]]) -> None:
    """Texts that begin alike, as a tree: each text (a tuple of tokens) with its probability; the
    beginning of each must be there, too, except the empty one. `marked`: texts with a name.
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


if language() == "zh":
    use_chinese_font()
