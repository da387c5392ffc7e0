"""`minibert bench`: what each dtype costs and gains here, before a million texts are embedded."""

import argparse
from pathlib import Path
from typing import Any

from minibert.cli.texts import add_reading, first_texts

HELP = "how fast each dtype embeds texts on this machine, in how much memory, and how exactly"
READ = 4096  # texts of a file
CLOSE, FASTER = 0.98, 1.1  # recommended: from this cosine with float32 and from this gain on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="a folder or a name on the Hub (default: the bundled one)")
    yours = f"your texts, as embed --input; the first {READ} are read (default: texts of ours)"
    parser.add_argument("--input", type=Path, metavar="FILE", help=yours)
    add_reading(parser)
    parser.add_argument("--seconds", type=float, default=30.0, help="for all dtypes together (30)")


def run(args: argparse.Namespace) -> int:
    import torch

    from minibert.extraction.bench import TEXTS, bench
    from weights_loader import load_bert

    texts = first_texts(TEXTS if args.input is None else args.input, args, READ)
    account = load_bert(args.model, head="bert")[0].account
    rows = bench(args.model, texts, seconds=args.seconds)
    threads = f"the CPU, threads: {torch.get_num_threads()}"
    where = "the GPU" if torch.cuda.is_available() else threads
    whose = f"{args.input or 'of ours, 1 to 7 sentences'}, {rows[0].tokens / rows[0].texts:.0f}"
    print(f"model: {account.source}, on {where}\ntexts: {whose} tokens on average")
    if account.note:
        print(f"note: {account.note}")
    heads = f"{'texts/s':>10}{'tokens/s':>10}{'a million':>11}{'weights':>10}{'peak':>9}"
    print(f"\n{'':8}{heads}{'cosine':>9}{'least':>8}")
    for row in rows:
        peak = "unknown" if row.peak is None else f"{row.peak / 1e6:.0f} MB"
        speed = f"{row.texts:10.1f}{row.tokens:10.0f}{duration(1e6 / row.texts):>11}"
        cosines = f"{row.cosines.mean():9.4f}{row.cosines.min():8.4f}"
        print(f"{name(row):8}{speed}{row.weights / 1e6:7.0f} MB{peak:>9}{cosines}")
    print(
        "\na million: texts like these. weights: what the engine holds. peak: the process so far,"
    )
    print("PyTorch in it. cosine: with float32's vectors (mean of the last layer), mean and least.")
    print(f"recommended: {recommend(rows)}")
    return 0


def recommend(rows: list[Any]) -> str:
    """The fastest dtype whose vectors are close to float32's; float32 if it gains too little."""
    best = max((row for row in rows if row.cosines.min() >= CLOSE), key=lambda row: row.texts)
    gain = best.texts / rows[0].texts
    if gain < FASTER:
        return "float32, the default: nothing that is as good is a tenth faster here"
    return f"--dtype {name(best)}: {gain:.1f} times as fast as float32"


def name(row: Any) -> str:
    return str(row.dtype).removeprefix("torch.")


def duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
