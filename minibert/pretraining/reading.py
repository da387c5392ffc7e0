"""Raw text to documents of sentences.

    a file (.txt, .gz, .xz): a paragraph or a sentence a line, a blank line between documents

A paragraph is cut into its sentences, because next-sentence prediction needs sentences: after a
full stop, question or exclamation mark that is followed by white space and anything but a small
letter, or that is Chinese. (An abbreviation before a name is cut too: "Dr. Who" costs little.)

Source: the input format of the authors' create_pretraining_data.py, which wants the sentences
already cut.
"""

import gzip
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

OPENERS = {".gz": gzip.open, ".xz": lzma.open}
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])|(?<=[。！？])\s*(?=\S)")


def read_lines(
    files: Iterable[Path], *, on_error: str = "raise", problems: list[str] | None = None
) -> Iterator[str]:
    """All lines of all files, without their ends; "" stands between documents and files.

    A line that is not UTF-8 is a ValueError; with `on_error="skip"` it is left out and told in
    `problems`.
    """
    for file in files:
        for number, content in enumerate(raw_lines(file), 1):
            try:
                yield content.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                problem = f"{file}: line {number} is not UTF-8 at byte {error.start}"
                if on_error != "skip":
                    raise ValueError(f"{problem} (--on-error skip leaves it out)") from None
                if problems is not None:
                    problems.append(problem)
        yield ""


def raw_lines(file: Path) -> Iterator[bytes]:
    """The lines of one file, unpacked; a broken archive is a ValueError."""
    try:
        with OPENERS.get(file.suffix, open)(file, "rb") as stream:
            yield from stream
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{file}: the archive is broken or cut short ({error})") from None


def split_sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph.

    Example:
        >>> split_sentences("It rained. Nobody came! He saw 3.5 cats.")
        ['It rained.', 'Nobody came!', 'He saw 3.5 cats.']
        >>> split_sentences("下雨了。没人来。")
        ['下雨了。', '没人来。']
    """
    return SENTENCE_END.split(paragraph)
