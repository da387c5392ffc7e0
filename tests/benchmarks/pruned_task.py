"""How many heads a task needs: python -m tests.benchmarks.pruned_task MODEL [PICTURE.png]

MODEL is a fine-tuned SST-2 classifier (`python -m tests.benchmarks.tasks FOLDER sst2` makes one).
Shares of its heads are taken out, the least important first, and at random (five draws); each time
the accuracy on dev is measured, without training again. Importance is that of 2,000 training rows
with their labels. A head that is the last of its layer stays, in both ways.
"""

import copy
import random
import statistics
import sys
from typing import Any

import torch
from tqdm import tqdm

from minibert import cross_entropy, importance, load_bert, prune
from minibert.compression.importance import Importance
from minibert.finetuning.evaluate import measure
from minibert.finetuning.examples import Example, read_examples
from tests.shared import SHARED

SHARES = [tenth / 10 for tenth in range(10)]
ROWS, AT_ONCE, DRAWS = 2000, 16, 5


def labelled_loss(model: Any, batch: tuple[dict[str, torch.Tensor], torch.Tensor]) -> torch.Tensor:
    return cross_entropy(model(**batch[0]).logits, batch[1])


def importance_for(model: Any, tokenizer: Any, rows: list[Example]) -> Importance:
    """From the rows' labels."""
    batches = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        inputs = tokenizer([row.text for row in some])
        batches.append((inputs, torch.tensor([model.labels.index(row.label) for row in some])))
    return importance(model, tqdm(batches, desc="importance", disable=None), labelled_loss)


def at_random(found: Importance, seed: int) -> Importance:
    """The same heads, as important as the dice say."""
    generator = torch.Generator().manual_seed(seed)
    heads = torch.rand(found.heads.shape, generator=generator)
    return Importance(heads, found.neurons, found.loss)


def accuracy(model: Any, tokenizer: Any, dev: list[Example], share: float, by: Importance) -> float:
    """Of the model without this share of its heads."""
    pruned = copy.deepcopy(model)
    prune(pruned, heads=share, by=by)
    return measure(pruned, tokenizer, dev)["accuracy"]


def draw(curves: dict[str, list[float]], picture: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="share of the heads taken out", ylabel="accuracy on dev")
    for name, values in curves.items():
        axes.plot(SHARES[: len(values)], values, "o-", label=name)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=120)


def main() -> None:
    model, tokenizer = load_bert(sys.argv[1])
    data = SHARED / "data" / "sst2"
    rows, dev = (read_examples(data / f"{name}.tsv", text="sentence") for name in ("train", "dev"))
    random.Random(0).shuffle(rows)
    found = importance_for(model, tokenizer, rows[:ROWS])
    layers, heads = found.heads.shape
    curves: dict[str, list[float]] = {"least important first": [], "at random, mean of five": []}
    print(f"{'heads out':>9}{'by importance':>15}{'at random':>11}  five draws")
    for share in SHARES:
        if round(share * layers * heads) > layers * (heads - 1):
            break
        best = accuracy(model, tokenizer, dev, share, found)
        draws = [
            accuracy(model, tokenizer, dev, share, at_random(found, seed)) for seed in range(DRAWS)
        ]
        mean = statistics.mean(draws)
        each = " ".join(f"{100 * value:.1f}" for value in draws)
        print(f"{share:>9.0%}{100 * best:>15.1f}{100 * mean:>11.1f}  {each}", flush=True)
        for curve, value in zip(curves.values(), (best, mean), strict=True):
            curve.append(value)
    if len(sys.argv) > 2:
        draw(curves, sys.argv[2])


if __name__ == "__main__":
    main()
