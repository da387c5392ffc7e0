"""Pretraining steps beside transformers': python -m tests.benchmarks.pretraining

The same rows of 128 tokens, 15 % of them asked for, dropout 0.1, in training mode: loss, gradient,
clipping and AdamW's step. Ours is the trainer's (`PretrainingLoss`), theirs BertForPreTraining with
fused attention (sdpa) and labels of −100 elsewhere. The two take turns in one process; peak memory
is that of a process of its own for each. At the end: how much faster the data is made than used.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy
import torch
import transformers

from minibert import BertConfig, BertForPreTraining, BertTokenizer
from minibert.heads import NO_LABEL
from minibert.pretraining.batches import Batch, Batches
from minibert.pretraining.corpus import open_corpus
from minibert.pretraining.losses import PretrainingLoss
from minibert.pretraining.masking import Masking
from minibert.pretraining.reading import corpus_lines
from minibert.pretraining.sentence_pairs import SentencePairs
from minibert.pretraining.settings import Settings, config_of_size
from minibert.training.optimizers import make_optimizers
from tests.benchmarks.timing import medians, seconds
from tests.shared import SHARED

LENGTH = 128
# name -> (size, vocabulary, rows, rounds, the ratio to hold)
CASES = {
    "4 x 256, 8,192 pieces": ("mini", 8192, 32, 15, 1.5),
    "4 x 256, 30,522 pieces": ("mini", 30522, 32, 9, 2.2),
    "bert-base": ("base", 30522, 8, 5, 1.15),
}


def make_batch(vocab_size: int, rows: int) -> Batch:
    """Random tokens in two segments; nothing is padded."""
    ids = torch.randint(5, vocab_size, (rows, LENGTH))
    segments = (torch.arange(LENGTH) >= LENGTH // 2).long().expand(rows, -1).contiguous()
    asked = 19  # 15 % of 128
    places = torch.cat(
        [row * LENGTH + torch.randperm(LENGTH)[:asked].sort().values for row in range(rows)]
    )
    labels = ids.flatten()[places]
    return Batch(ids, segments, torch.ones_like(ids), places, labels, torch.randint(0, 2, (rows,)))


def our_step(config: BertConfig, batch: Batch, dtype: torch.dtype) -> Callable[[], None]:
    model = BertForPreTraining(config).train()
    loss = PretrainingLoss(model, dropout=0.1)
    (optimizer,) = make_optimizers(model, Settings())

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            sums = loss(batch)
        total = sums["mlm_loss"] / len(batch.positions) + sums["nsp_loss"] / len(batch.nsp_labels)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def their_step(config: BertConfig, batch: Batch, dtype: torch.dtype) -> Callable[[], None]:
    values = config.to_dict() | {"attn_implementation": "sdpa"}
    model = transformers.BertForPreTraining(transformers.BertConfig(**values)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, eps=1e-6, fused=True)
    labels = torch.full(batch.input_ids.shape, NO_LABEL).flatten()
    labels[batch.positions] = batch.mlm_labels
    inputs = {
        "input_ids": batch.input_ids,
        "attention_mask": batch.attention_mask,
        "token_type_ids": batch.token_type_ids,
        "labels": labels.view(batch.input_ids.shape),
        "next_sentence_label": batch.nsp_labels,
    }

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def prepare(case: str, dtype: torch.dtype, make: Callable) -> Callable[[], None]:
    size, vocab_size, rows, *_ = CASES[case]
    torch.manual_seed(0)
    config = replace(config_of_size(size, 512), vocab_size=vocab_size)
    return make(config, make_batch(vocab_size, rows), dtype)


def print_peak(case: str, precision: str, who: str) -> None:
    """In a process of its own: three steps, then its peak memory in MB."""
    step = prepare(case, getattr(torch, precision), {"ours": our_step, "theirs": their_step}[who])
    for _ in range(3):
        step()
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) // 1024)


def peak(case: str, precision: str, who: str) -> int:
    command = [sys.executable, "-m", "tests.benchmarks.pretraining", case, precision, who]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_data_speed(tokens_per_second: float) -> None:
    """How fast rows are drawn, cut and masked, beside what the small model uses of them."""
    source = SHARED / "data/enwiki/enwiki2015.txt.xz"
    if not source.exists():
        print(f"\ndata: {source} is not there, so not measured")
        return
    with tempfile.TemporaryDirectory() as folder:
        text, lines = Path(folder) / "text.txt", corpus_lines([source])
        text.write_text("\n".join(next(lines) for _ in range(20_000)), encoding="utf-8")
        tokenizer = BertTokenizer.from_vocab(SHARED / "data/vocab/bert-base-uncased/vocab.txt")
        corpus = open_corpus([text], tokenizer, Path(folder) / "corpus")
        pairs = SentencePairs(corpus, numpy.arange(len(corpus.documents) - 1))
        batches = Batches(pairs, Masking(tokenizer), tokenizer, length=LENGTH, seed=1)
        rows, *_ = batches.take(0, 0, 4000)
        made = [batches.make(rows[start : start + 32]) for start in range(0, 320, 32)]
        time = seconds(
            lambda: made.extend(batches.make(rows[i : i + 32]) for i in range(320, 4000, 32))
        )
        speed = sum(batch.tokens() for batch in made[10:]) / time
    print(
        f"\ndata: {speed:,.0f} tokens/s made in one thread, {speed / tokens_per_second:.0f} times "
        "what the first model uses in bfloat16 (wanted: 10)"
    )


def main() -> None:
    print(
        f"transformers {transformers.__version__}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads; medians; memory is the peak of a process\n"
    )
    print(
        f"{'model':<24}{'precision':<10}{'tokens/s':>10}{'theirs':>10}{'ratio':>7}{'wanted':>8}"
        f"{'MB':>7}{'theirs':>8}"
    )
    speeds = {}
    for case, (*_, count, rounds, wanted) in CASES.items():
        for precision in ("float32", "bfloat16"):
            dtype = getattr(torch, precision)
            steps = [prepare(case, dtype, make) for make in (our_step, their_step)]
            ours, theirs = (count * LENGTH / time for time in medians(*steps, rounds=rounds))
            del steps
            speeds[case, precision] = ours
            memory = [peak(case, precision, who) for who in ("ours", "theirs")]
            print(
                f"{case:<24}{precision:<10}{ours:>10,.0f}{theirs:>10,.0f}{ours / theirs:>7.2f}"
                f"{wanted:>8.2f}{memory[0]:>7}{memory[1]:>8}",
                flush=True,
            )
    print_data_speed(speeds["4 x 256, 8,192 pieces", "bfloat16"])


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else print_peak(*sys.argv[1:])
