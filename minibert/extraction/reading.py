"""Texts from lists, iterators and files, one after the other, each with its number.

    .txt, or no ending    a text a line
    .jsonl                an object a line, the text under `field`
    .csv, .tsv            a row a text, in `column`: a number from 0, or a name in the first row

Each may be packed, as in texts.jsonl.gz. A .csv may have quotes, and line ends within them; a .tsv
has no quotes. read_records reads several fields or columns at once, for files of examples.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minibert.common.lines import OPENERS, Line, check_file, file_lines

TABLES: dict[str, dict[str, Any]] = {
    ".csv": {},
    ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
}
KINDS = ("", ".txt", ".jsonl", *TABLES)


class NoColumnError(ValueError):
    """The first row of a table does not name a column that is wanted."""


@dataclass(frozen=True)
class Record:
    """The wanted values of one row or object, and the line on which it ends; or what is wrong."""

    number: int
    values: list[Any]
    error: str = ""


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
    kind = kind_of(source)
    if (field is not None) != (kind == ".jsonl"):
        raise ValueError(f"{source}: a .jsonl file needs a field, and no other file has one")
    if (column is not None) != (kind in TABLES):
        raise ValueError(f"{source}: .csv and .tsv files need a column, and no other file has one")
    if header and kind not in TABLES:
        raise ValueError(f"{source}: only .csv and .tsv files have a header")
    if column is not None and not isinstance(column, str):
        check_number(column)
    check_file(source)
    wanted = [name for name in (field, column) if name is not None]
    return (one_text(record) for record in read_records(source, wanted, header=header))


def kind_of(file: Path) -> str:
    """The ending of a file's name, without that of its archive."""
    kind = Path(file.stem).suffix if file.suffix in OPENERS else file.suffix
    if kind not in KINDS:
        raise ValueError(
            f"{file}: what is in a {kind} file? Known are .txt, .jsonl, .csv and .tsv, each also "
            "with .gz or .xz"
        )
    return kind


def check_number(column: object) -> None:
    if type(column) is not int or column < 0:
        raise ValueError(f"column must be a name or a number from 0, not {column!r}")


def read_records(
    file: Path, wanted: Sequence[int | str], *, header: bool = False, same_width: bool = False
) -> Iterator[Record]:
    """The wanted columns of a table, the wanted fields of the objects in a .jsonl file, or the
    lines of any other file.

    `header`: the first row is none; a column wanted by its name says so, too. `same_width`: a row
    with another number of columns than the first is wrong.
    """
    kind, lines = kind_of(file), file_lines(file)
    if kind in TABLES:
        return table_records(lines, TABLES[kind], wanted, header, same_width)
    if kind == ".jsonl":
        return (json_record(line, wanted) for line in lines)
    return (Record(line.number, [line.text], line.error) for line in lines)


def checked_records(file: Path, wanted: Sequence[int | str]) -> Iterator[Record]:
    """The records of a file; a wrong one is a ValueError that says where."""
    if kind_of(file) in ("", ".txt") and len(wanted) > 1:
        raise ValueError(f"{file} has one text a line; columns are in .tsv, .csv and .jsonl files")
    for name in wanted:
        if not isinstance(name, str):
            check_number(name)
            if kind_of(file) == ".jsonl":
                raise ValueError(f"{file}: fields of a .jsonl file have names, not {name}")
    check_file(file)
    try:
        for record in read_records(file, wanted, same_width=True):
            if record.error:
                raise ValueError(f"{file}: line {record.number}: {record.error}")
            yield record
    except NoColumnError as error:
        raise ValueError(f"{file}: {error}") from None


def json_record(line: Line, fields: Sequence[int | str]) -> Record:
    """The fields of the object in a line of a .jsonl file."""
    if line.error:
        return Record(line.number, [], line.error)
    try:
        found = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        return Record(line.number, [], f"not JSON: {error}")
    for field in fields:
        if not isinstance(found, dict) or field not in found:
            return Record(line.number, [], f"no object with a field {field!r}")
    return Record(line.number, [found[field] for field in fields])


def table_records(
    lines: Iterable[Line],
    form: dict[str, Any],
    wanted: Sequence[int | str],
    header: bool,
    same_width: bool,
) -> Iterator[Record]:
    """The columns of each row."""
    problem = ""

    def texts() -> Iterator[str]:
        nonlocal problem
        for line in lines:
            problem = problem or line.error
            yield line.text + "\n"

    csv.field_size_limit(1 << 30)  # the library's own limit is 128 KB
    rows = csv.reader(texts(), strict=True, **form)
    columns: list[int] | None = None  # known once the first row is
    width = 0
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            row, problem = [], f"not a row: {error}"
        if row is None:
            return
        is_header = False
        if columns is None:
            is_header = header or any(isinstance(column, str) for column in wanted)
            columns = [column_number(column, row, problem) for column in wanted]
            width = max(1, len(row))
        if not is_header:
            wrong = problem or wrong_row(row, columns, width if same_width else None)
            # An empty line is an empty text.
            values = [] if wrong else [(row or [""])[column] for column in columns]
            yield Record(rows.line_num, values, wrong)
        problem = ""


def column_number(column: int | str, first: list[str], problem: str) -> int:
    """Which column of a table is meant, given its first row."""
    if not isinstance(column, str):
        return column
    if problem or first.count(column) != 1:
        raise NoColumnError(f"line 1 has not one column {column!r}, but {', '.join(first)}")
    return first.index(column)


def wrong_row(row: list[str], columns: Sequence[int], width: int | None) -> str:
    """What is wrong with a row of a table; "" if nothing is."""
    found = max(1, len(row))
    if width is not None and found != width:
        return f"{len(row)} columns, where the first row has {width}"
    missing = [column for column in columns if column >= found]
    return f"no column {missing[0]}" if missing else ""


def one_text(record: Record) -> Line:
    if record.error:
        return Line(record.number, "", record.error)
    return read_one(record.number, record.values[0])


def read_one(number: int, text: object) -> Line:
    if isinstance(text, str):
        return Line(number, text)
    return Line(number, "", f"not a text but {type(text).__name__}")
