"""Texts from lists, iterators and files, one after the other, each with its number.

A file is read line by line: .jsonl (an object a line, the text under a field), .tsv (a column), and
anything else one text a line; also packed, as in texts.jsonl.gz.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from minibert.common.lines import OPENERS, Line, file_lines


def read_source(
    source: Iterable[str] | Path, *, field: str | None = None, column: int | None = None
) -> Iterator[Line]:
    """`source`: texts, or the path of a file. `field` of a .jsonl, `column` (from 0) of a .tsv."""
    if not isinstance(source, Path):
        if field is not None or column is not None:
            raise ValueError("field and column belong to files")
        return (read_one(number, text) for number, text in enumerate(source, 1))
    kind = Path(source.stem).suffix if source.suffix in OPENERS else source.suffix
    if (field is not None) != (kind == ".jsonl"):
        raise ValueError(f"{source}: a .jsonl file needs a field, and no other file has one")
    if (column is not None) != (kind == ".tsv"):
        raise ValueError(f"{source}: a .tsv file needs a column, and no other file has one")
    if not source.is_file():
        raise FileNotFoundError(f"there is no file {source}")
    return (line if line.error else take_text(line, field, column) for line in file_lines(source))


def take_text(line: Line, field: str | None, column: int | None) -> Line:
    """The text in a line of a .jsonl or .tsv file; any other line is a text as it is."""
    try:
        if field is not None:
            return read_one(line.number, json.loads(line.text)[field])
        if column is not None:
            return Line(line.number, line.text.split("\t")[column])
    except json.JSONDecodeError as error:
        return Line(line.number, "", f"not JSON: {error}")
    except (KeyError, TypeError):
        return Line(line.number, "", f"no object with a field {field!r}")
    except IndexError:
        return Line(line.number, "", f"no column {column}")
    return line


def read_one(number: int, text: object) -> Line:
    if isinstance(text, str):
        return Line(number, text)
    return Line(number, "", f"not a text but {type(text).__name__}")
