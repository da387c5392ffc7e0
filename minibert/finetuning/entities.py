"""Words with tags, from a file, and the named entities that the tags tell.

    Anna      B-person     a word and its tag, with blanks or a TAB between; columns between the two
    Karenina  I-person     are left out; a blank line or -DOCSTART- ends a sentence
    sings     O

    IOB1    an entity begins with I-; with B- only right after another of its type
    IOB2    each entity begins with B- (also called BIO)

One rule reads both, that of CoNLL's own script: an entity begins at a B-, and at an I- that does
not go on with the type before it. What is read comes back as IOB2.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from minibert.common.lines import Line, check_file, file_lines
from minibert.finetuning.examples import Example, check_examples, check_labels


@dataclass(frozen=True)
class Tagged:
    """A sentence: its words, the tag of each in IOB2, and the line of its first word."""

    words: list[str]
    tags: list[str]
    line: int = 0
    file: str = ""


class Span(NamedTuple):
    """An entity: the words from `start` to before `end`."""

    type: str
    start: int
    end: int


def read_tagged(file: Path) -> list[Tagged]:
    check_file(file)
    sentences: list[Tagged] = []
    rows: list[tuple[str, str]] = []
    first = width = 0
    for line in chain(file_lines(file), [Line(0, "")]):
        text = line.text.strip(" \t")
        # Where there is a TAB, blanks divide nothing; elsewhere several are as one.
        columns = text.split("\t") if "\t" in text else [part for part in text.split(" ") if part]
        if line.error or (columns and columns[0] != "-DOCSTART-"):
            first, width = (first if rows else line.number), width or max(2, len(columns))
            wrong = "" if len(columns) == width else f"{len(columns)} columns, not {width}"
            if wrong := line.error or wrong or wrong_tag(columns[-1]):
                raise ValueError(f"{file}: line {line.number}: {wrong}")
            rows.append((columns[0], columns[-1]))
        elif rows:
            words, tags = zip(*rows, strict=True)
            sentences.append(Tagged([*words], to_iob2(tags), first, str(file)))
            rows = []
    if not sentences:
        raise ValueError(f"{file} has no sentences")
    return sentences


def wrong_tag(tag: str) -> str:
    is_known = tag == "O" or (tag[:2] in ("B-", "I-") and len(tag) > 2)
    return "" if is_known else f"tags are O, B-TYPE and I-TYPE (IOB1 or IOB2), not {tag!r}"


def spans(tags: Iterable[str]) -> list[Span]:
    """The entities of a sentence.

    Example:
        >>> [tuple(span) for span in spans(["I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-PER"])]
        [('PER', 0, 2), ('PER', 2, 3), ('LOC', 4, 5), ('PER', 5, 6)]
    """
    found: list[Span] = []
    open_type, start = "", 0  # "": no entity is open
    for number, tag in enumerate(chain(tags, ["O"])):
        if wrong := wrong_tag(tag):
            raise ValueError(wrong)
        if tag == f"I-{open_type}":
            continue
        if open_type:
            found.append(Span(open_type, start, number))
        open_type, start = tag[2:], number
    return found


def to_iob2(tags: Sequence[str]) -> list[str]:
    """The same entities in IOB2."""
    starts = {span.start for span in spans(tags)}
    return [f"B-{tag[2:]}" if number in starts else tag for number, tag in enumerate(tags)]


def tag_names(sentences: Iterable[Tagged]) -> list[str]:
    """O, and B- and I- of each type, even if all its entities are of one word."""
    types = sorted({tag[2:] for sentence in sentences for tag in sentence.tags} - {""})
    return ["O", *(f"{letter}-{name}" for name in types for letter in "BI")]


def words_of(sentences: Iterable[Tagged]) -> list[Example]:
    """Each word with its tag, as an example."""
    return [
        Example(word, label=tag, line=line, file=one.file)
        for one in sentences
        for line, (word, tag) in enumerate(zip(one.words, one.tags, strict=True), one.line)
    ]


def check_tags(sentences: Iterable[Tagged], known: Collection[str]) -> None:
    check_labels(words_of(sentences), known)


def check_tagged(train: Sequence[Tagged], dev: Sequence[Tagged]) -> None:
    check_examples(words_of(train), words_of(dev), tag_names(train))
