"""Texts from lists, iterators and files, one after the other, each with its number.

A file is read line by line, so its size does not matter: .jsonl (an object a line, the text under a
field), .tsv (a column), anything else one text a line. A line that cannot be read becomes a Line
with an error; whoever reads decides what to do with it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """One text and its number, counted from 1; or what is wrong with it."""

    number: int
    text: str
    error: str = ""


def read_lines(
    source: Iterable[str] | Path, *, field: str | None = None, column: int | None = None
) -> Iterator[Line]:
    """`source`: texts, or the path of a file. `field` of a .jsonl, `column` (from 0) of a .tsv."""
    if isinstance(source, str):
        raise ValueError("texts must be a list, an iterator, or a Path to a file; not one str")
    if not isinstance(source, Path):
        if field is not None or column is not None:
            raise ValueError("field and column belong to files")
        return (read_one(number, text) for number, text in enumerate(source, 1))
    kind = source.suffix
    if (field is not None) != (kind == ".jsonl"):
        raise ValueError(f"{source}: a .jsonl file needs a field, and no other file has one")
    if (column is not None) != (kind == ".tsv"):
        raise ValueError(f"{source}: a .tsv file needs a column, and no other file has one")
    if not source.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    return file_lines(source, field, column)


def file_lines(file: Path, field: str | None, column: int | None) -> Iterator[Line]:
    """The texts of a file. Lines end with \\n or \\r\\n, and with nothing else."""
    with open(file, "rb") as stream:
        for number, content in enumerate(stream, 1):
            try:
                text = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
                if field is not None:
                    text = json.loads(text)[field]
                elif column is not None:
                    text = text.split("\t")[column]
            except UnicodeDecodeError as error:
                yield Line(number, "", f"not UTF-8 at byte {error.start}")
            except json.JSONDecodeError as error:
                yield Line(number, "", f"not JSON: {error}")
            except (KeyError, TypeError):
                yield Line(number, "", f"no object with a field {field!r}")
            except IndexError:
                yield Line(number, "", f"no column {column}")
            else:
                yield read_one(number, text)


def read_one(number: int, text: object) -> Line:
    if isinstance(text, str):
        return Line(number, text)
    return Line(number, "", f"not a text but {type(text).__name__}")


def blocks(lines: Iterator[Line], size: int) -> Iterator[list[Line]]:
    """Lists of `size` lines; the last may be shorter."""
    while block := list(islice(lines, size)):
        yield block


def count_lines(file: Path) -> int:
    """How many lines a file has, for a progress bar."""
    count, last = 0, b"\n"
    with open(file, "rb") as stream:
        while chunk := stream.read(1 << 20):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")
