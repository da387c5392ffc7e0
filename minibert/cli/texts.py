"""What several commands need to read a file of texts, and to make vectors of them."""

import argparse
from itertools import islice
from pathlib import Path
from typing import Any


def add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--field", help="of a .jsonl file: where the text is")
    parser.add_argument(
        "--column", type=number_or_name, help="of a .csv or .tsv: a number from 0, or a name"
    )
    parser.add_argument(
        "--header",
        action="store_true",
        default=None,
        help="the first row of a .csv or .tsv has no text; a --column NAME says so, too",
    )


def add_file(parser: argparse.ArgumentParser, *, also: str = "", column: str = "text") -> None:
    """A file that is read and one that is written, of predict and of translate."""
    kinds = f".txt (a text a line), .tsv, .csv or .jsonl, also .gz or .xz{also}"
    parser.add_argument("--input", type=Path, metavar="FILE", help=kinds)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="of --input: write .jsonl, a line a text; resumes"
    )
    parser.add_argument(
        "--text-column",
        type=number_or_name,
        metavar="COLUMN",
        help=f"a name in the first row or a field, or a number from 0 (default: {column})",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a result that is there")


def check_file_options(args: argparse.Namespace, *options: str) -> None:
    """Raise ValueError for one file without the other, and for `options` without a file."""
    if (args.input is None) != (args.out is None):
        raise ValueError("--input and --out belong together: a file is read, a file is written")
    replaced = () if getattr(args, "plot", None) else ("overwrite",)  # or the picture is
    for name in ("text_column", *options, *replaced):
        if args.input is None and getattr(args, name) not in (None, False):
            raise ValueError(f"--{name.replace('_', '-')} belongs to a file (--input)")


def add_vectors(parser: Any) -> None:
    """How texts become vectors: arguments of embed, and of its engine."""
    parser.add_argument("--mix", choices=("concat", "sum", "mean"), help="of several layers, one")
    parser.add_argument(
        "--pool",
        help="mean, cls, max, mean_sqrt; tokens; word-mean, word-first, word-last, "
        "word-first_last, word-max (default: mean)",
    )
    parser.add_argument(
        "--normalize", action="store_true", default=None, help="vectors of length 1"
    )
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "int8", "float16", "float64"))
    parser.add_argument(
        "--linear",
        choices=("pytorch", "onednn", "by-size", "int8", "int8-pairs"),
        help="how linear maps are computed (default: what is fastest here)",
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1 … (default: the GPU, if there is one)")
    parser.add_argument(
        "--long", choices=("error", "truncate", "windows"), help="texts over the limit (error)"
    )
    parser.add_argument("--stride", type=int, help="overlap of windows, in tokens (128)")


def open_engine(args: argparse.Namespace) -> tuple[Any, Any, Any]:
    """The engine and the tokenizer that the options ask for, and the model's account."""
    import torch

    from minibert.common.devices import choose_device
    from minibert.extraction.engine import Engine
    from weights_loader import load_bert

    model, tokenizer = load_bert(args.model, head="bert", device=choose_device(args.device))
    dtype = getattr(torch, args.dtype) if args.dtype else None
    return Engine(model, dtype=dtype, linear=args.linear, let_go=True), tokenizer, model.account


def number_or_name(column: str) -> int | str:
    """A column as read_source wants it."""
    return int(column) if column.removeprefix("-").isdecimal() else column


def first_texts(source: Any, args: argparse.Namespace, count: int | None) -> list[str]:
    """The first texts of a file, or of a list, or all; a wrong line is an error."""
    from minibert.extraction.reading import read_source

    reading = {"field": args.field, "column": args.column, "header": bool(args.header)}
    lines = list(islice(read_source(source, **reading), count))
    for wrong in (line for line in lines if line.error):
        raise ValueError(f"{source}: line {wrong.number}: {wrong.error}")
    return [line.text for line in lines]
