"""What several commands need to read a file of texts: the options, and its first texts."""

import argparse
from itertools import islice
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


def number_or_name(column: str) -> int | str:
    """A column as read_source wants it."""
    return int(column) if column.removeprefix("-").isdecimal() else column


def first_texts(source: Any, args: argparse.Namespace, count: int) -> list[str]:
    """The first texts of a file, or of a list; a wrong line is an error."""
    from minibert.extraction.reading import read_source

    reading = {"field": args.field, "column": args.column, "header": bool(args.header)}
    lines = list(islice(read_source(source, **reading), count))
    for wrong in (line for line in lines if line.error):
        raise ValueError(f"{source}: line {wrong.number}: {wrong.error}")
    return [line.text for line in lines]
