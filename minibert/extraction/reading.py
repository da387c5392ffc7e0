"""Texts from lists, iterators and files, one after the other, each with its number.

    .txt, or no ending    a text a line
    .jsonl                an object a line, the text under `field`
    .csv, .tsv            a row a text, in `column`: a number from 0, or a name in the first row

Each may be packed, as in texts.jsonl.gz. A .csv may have quotes, and line ends within them; a .tsv
has no quotes.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from minibert.common.lines import OPENERS, Line, check_file, file_lines

TABLES: dict[str, dict[str, Any]] = {
    ".csv": {},
    ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
}
KINDS = ("", ".txt", ".jsonl", *TABLES)


def read_source(
    source: Iterable[str] | Path,
    *,
    field: str | None = None,
    column: int | str | None = None,
    header: bool = False,
) -> Iterator[Line]:
    """`source`: texts, or the path of a file. `header`: the first row of a table has no text."""
    if not isinstance(source, Path):
        if field is not None or column is not None or header:
            raise ValueError("field, column and header belong to files")
        if isinstance(source, str | bytes) or not hasattr(source, "__iter__"):
            raise ValueError(f"texts must be str or a Path of a file, not {type(source).__name__}")
        return (read_one(number, text) for number, text in enumerate(source, 1))
    kind = Path(source.stem).suffix if source.suffix in OPENERS else source.suffix
    if kind not in KINDS:
        raise ValueError(
            f"{source}: what is in a {kind} file? Known are .txt, .jsonl, .csv and .tsv, each also "
            "with .gz or .xz"
        )
    if (field is not None) != (kind == ".jsonl"):
        raise ValueError(f"{source}: a .jsonl file needs a field, and no other file has one")
    if (column is not None) != (kind in TABLES):
        raise ValueError(f"{source}: .csv and .tsv files need a column, and no other file has one")
    if header and kind not in TABLES:
        raise ValueError(f"{source}: only .csv and .tsv files have a header")
    is_name = isinstance(column, str)
    if column is not None and not is_name and (type(column) is not int or column < 0):
        raise ValueError(f"column must be a name or a number from 0, not {column!r}")
    check_file(source)
    lines = file_lines(source)
    if kind in TABLES:
        return table_texts(lines, TABLES[kind], column, header or is_name)
    return lines if field is None else (json_text(line, field) for line in lines)


def json_text(line: Line, field: str) -> Line:
    """The text in a line of a .jsonl file."""
    if line.error:
        return line
    try:
        return read_one(line.number, json.loads(line.text)[field])
    except (KeyError, TypeError):
        return Line(line.number, "", f"no object with a field {field!r}")
    except (ValueError, RecursionError) as error:
        return Line(line.number, "", f"not JSON: {error}")


def table_texts(
    lines: Iterable[Line], form: dict[str, Any], column: Any, has_header: bool
) -> Iterator[Line]:
    """The text of each row, numbered as the line on which the row ends."""
    problem = ""

    def texts() -> Iterator[str]:
        nonlocal problem
        for line in lines:
            problem = problem or line.error
            yield line.text + "\n"

    csv.field_size_limit(1 << 30)  # the library's own limit is 128 KB
    rows = csv.reader(texts(), strict=True, **form)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            row, problem = [], f"not a row: {error}"
        if row is None:
            return
        number = rows.line_num
        if has_header and isinstance(column, str):
            if problem or row.count(column) != 1:
                raise ValueError(f"line 1 has not one column {column!r}, but {', '.join(row)}")
            column = row.index(column)
        elif has_header:
            pass
        elif problem:
            yield Line(number, "", problem)
        elif column < max(1, len(row)):
            yield Line(number, row[column] if row else "")  # an empty line is an empty text
        else:
            yield Line(number, "", f"no column {column}")
        has_header, problem = False, ""


def read_one(number: int, text: object) -> Line:
    if isinstance(text, str):
        return Line(number, text)
    return Line(number, "", f"not a text but {type(text).__name__}")
