"""Fine-tuning steps beside transformers': python -m tests.benchmarks.finetuning

SST-2 with all-MiniLM-L6-v2, batches of 32 rows in the mean, dropout 0.1: loss, gradient, clipping
and AdamW's step on the same rows in the same batches. Ours is the trainer's (`TaskLoss`), without
padding; theirs BertForSequenceClassification with fused attention (sdpa), each batch padded to its
longest row. The batches are made in two ways: as ours are, texts of like length together; and
at random, as is usual. The two take turns in one process, BATCHES at a time; peak memory is that of
a process of its own for each.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy
import torch
import transformers

from minibert.finetuning.batches import Batches
from minibert.finetuning.examples import read_examples
from minibert.finetuning.prepare import open_model
from minibert.finetuning.settings import Settings
from minibert.finetuning.tasks import TaskLoss, make_items
from minibert.packing import pad
from minibert.training.optimizers import make_optimizers
from tests.benchmarks.timing import medians, print_machine
from tests.shared import SHARED

MODEL = SHARED / "checkpoints/all-MiniLM-L6-v2"
ROWS, BATCHES, ROUNDS, WANTED = 32, 10, 9, 1.3
LABELS = ["0", "1"]
Step = Callable[[list[int]], None]


def load_items() -> tuple[Any, list[Any]]:
    """The model with a new head, and the first 10,000 rows."""
    model, tokenizer = open_model(MODEL, "classify", LABELS)
    examples = read_examples(SHARED / "data/sst2/train.tsv", text="sentence")[:10_000]
    return model, [*make_items("classify", tokenizer, examples, 512, LABELS)]


def our_step(precision: torch.dtype) -> Step:
    model, items = load_items()
    batches = Batches(items, rows=ROWS, seed=1)
    losses = TaskLoss(model, "classify", dropout=0.1).train()
    model.dropout.p = 0.1
    (optimizer,) = make_optimizers(model, Settings())

    def step(rows: list[int]) -> None:
        batch = batches.make([(0, row) for row in rows])
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            sums = losses(batch)
        (sums["loss"] / len(rows)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def their_step(precision: torch.dtype) -> Step:
    _, items = load_items()
    model = transformers.BertForSequenceClassification.from_pretrained(
        MODEL, attn_implementation="sdpa", num_labels=2
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=True)

    def step(rows: list[int]) -> None:
        ids = [items[row].ids[0].tolist() for row in rows]
        length = max(map(len, ids))
        inputs = {
            "input_ids": torch.tensor(pad(ids, length, 0)),
            "attention_mask": torch.tensor(pad([[1] * len(one) for one in ids], length, 0)),
            "labels": torch.tensor([items[row].target for row in rows]),
        }
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def batches_of(how: str) -> Iterator[list[int]]:
    """Batches without end."""
    items = load_items()[1]
    if how == "like lengths":
        return cycle(Batches(items, rows=ROWS, seed=1).plan(0))
    order = numpy.random.default_rng(1).permutation(len(items))
    return cycle([order[i : i + ROWS].tolist() for i in range(0, len(order) - ROWS, ROWS)])


def some_steps(step: Step, batches: Iterator[list[int]]) -> None:
    for rows in islice(batches, BATCHES):
        step(rows)


def print_peak(how: str, precision: str, who: str) -> None:
    """In a process of its own: some steps, then its peak memory in MB."""
    step = {"ours": our_step, "theirs": their_step}[who](getattr(torch, precision))
    for _ in range(3):
        some_steps(step, batches_of(how))
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) // 1024)


def peak(how: str, precision: str, who: str) -> int:
    command = [sys.executable, "-m", "tests.benchmarks.finetuning", how, precision, who]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    print_machine()
    print(f"transformers {transformers.__version__}; medians of {ROUNDS} x {BATCHES} steps\n")
    print(
        f"{'batches':<14}{'precision':<10}{'ms a step':>10}{'theirs':>8}{'ratio':>7}{'wanted':>8}"
        f"{'MB':>7}{'theirs':>8}"
    )
    for how in ("like lengths", "at random"):
        for precision in ("float32", "bfloat16"):
            steps = [make(getattr(torch, precision)) for make in (our_step, their_step)]
            both = [batches_of(how), batches_of(how)]  # the same batches for each

            times = medians(*map(partial, [some_steps] * 2, steps, both), rounds=ROUNDS)
            ours, theirs = (1000 * time / BATCHES for time in times)
            del steps
            memory = [peak(how, precision, who) for who in ("ours", "theirs")]
            print(
                f"{how:<14}{precision:<10}{ours:>10.0f}{theirs:>8.0f}{theirs / ours:>7.2f}"
                f"{WANTED:>8.2f}{memory[0]:>7}{memory[1]:>8}",
                flush=True,
            )


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else print_peak(*sys.argv[1:])
