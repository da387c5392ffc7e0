"""Raw text to documents of sentences.

    a file (.txt, .gz, .xz): a paragraph or a sentence a line, a blank line between documents

corpus.py cuts each paragraph into its sentences (common/sentences.py), because next-sentence
prediction needs sentences.

Source: the input format of the authors' create_pretraining_data.py, where the sentences are already
cut.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from minibert.common.lines import file_lines


def corpus_lines(
    files: Iterable[Path], *, on_error: str = "raise", problems: list[str] | None = None
) -> Iterator[str]:
    """All lines of all files, without white space at their ends; "" is between documents and
    between files.

    A line that is not UTF-8 is a ValueError; with `on_error="skip"` it is left out, and `problems`
    says so.
    """
    for file in files:
        for line in file_lines(file):
            if not line.error:
                yield line.text.strip()
                continue
            problem = f"{file}: line {line.number} is {line.error}"
            if on_error != "skip":
                raise ValueError(f"{problem} (--on-error skip leaves it out)")
            if problems is not None:
                problems.append(problem)
        yield ""
