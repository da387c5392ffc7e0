"""The lines of a text file, one after the other, so that its size does not matter.

A file ending in .gz or .xz is unpacked while it is read. Lines end with \\n or \\r\\n and with
nothing else. A line that is not UTF-8 becomes a Line with an error; whoever reads decides what to
do with it.
"""

import gzip
import lzma
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

Item = TypeVar("Item")
OPENERS: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}


@dataclass(frozen=True)
class Line:
    """One line, numbered from 1; or what is wrong with it."""

    number: int
    text: str
    error: str = ""


def check_file(file: Path) -> None:
    """Raise an error unless it is an ordinary file: reading a pipe could wait for ever."""
    if not file.exists():
        raise FileNotFoundError(f"there is no file {file}")
    if not file.is_file():
        raise ValueError(f"{file} is not an ordinary file")


def describe(file: Path) -> list[Any]:
    """What changes when the file changes."""
    check_file(file)
    status = file.stat()
    return [str(file.absolute()), status.st_size, status.st_mtime_ns]


def file_lines(file: Path) -> Iterator[Line]:
    """All lines of a file, without their ends. A broken archive is a ValueError."""
    for number, content in enumerate(raw_lines(file), 1):
        try:
            text = content.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            yield Line(number, "", f"not UTF-8 at byte {error.start}")
        else:
            yield Line(number, text.removesuffix("\n").removesuffix("\r"))


def raw_lines(file: Path) -> Iterator[bytes]:
    """The lines of a file as bytes, unpacked."""
    try:
        with OPENERS.get(file.suffix, open)(file, "rb") as stream:
            yield from stream
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{file}: the archive is broken or cut short ({error})") from None


def blocks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items; the last may be shorter."""
    items = iter(items)
    while block := list(islice(items, size)):
        yield block


def count_lines(file: Path) -> int | None:
    """How many lines a file has, for a progress bar; None for an archive."""
    if file.suffix in OPENERS:
        return None
    count, last = 0, b"\n"
    with open(file, "rb") as stream:
        while chunk := stream.read(1 << 20):
            count += chunk.count(b"\n")
            last = chunk[-1:]
    return count + (last != b"\n")
