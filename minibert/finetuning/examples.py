"""Examples from a file: a text, perhaps a second one, and a label or a number.

    .tsv, .csv    a row an example; columns by their names in the first row, or by numbers from 0,
                  and then the first row is an example, too
    .jsonl        an object a line: {"text": …, "text_pair": …, "label": …}
    .txt          a text a line, without labels

Each may be packed (.gz, .xz). What is wrong is told by file and line.
"""

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minibert.common.lines import check_file
from minibert.extraction.reading import NoColumnError, Record, check_number, kind_of, read_records


@dataclass(frozen=True)
class Example:
    """A text or a pair of texts, and what it is: a label, a number, or None (not known)."""

    text: str
    pair: str | None = None
    label: str | float | None = None
    line: int = 0
    file: str = ""


def read_examples(
    file: Path,
    *,
    text: int | str = "text",
    pair: int | str | None = None,
    label: int | str | None = "label",
    is_number: bool = False,
) -> list[Example]:
    """All examples of a file.

    `text`, `pair`, `label`: their columns or fields; None where the file has none. `is_number`: the
    label is a number.
    """
    wanted = [name for name in (text, pair, label) if name is not None]
    kind = kind_of(file)
    if kind in ("", ".txt") and len(wanted) > 1:
        raise ValueError(f"{file}: labels and pairs are read from .tsv, .csv and .jsonl files")
    for name in wanted:
        if not isinstance(name, str):
            check_number(name)
            if kind == ".jsonl":
                raise ValueError(f"{file}: fields of a .jsonl file have names, not {name}")
    check_file(file)

    def example(record: Record) -> Example:
        if record.error:
            raise ValueError(record.error)
        values = iter(record.values)
        return Example(
            as_text(next(values)),
            None if pair is None else as_text(next(values)),
            None if label is None else as_label(next(values), is_number),
            record.number,
            str(file),
        )

    examples = []
    try:
        for record in read_records(file, wanted, same_width=True):
            try:
                examples.append(example(record))
            except ValueError as error:
                raise ValueError(f"{file}: line {record.number}: {error}") from None
    except NoColumnError as error:
        raise ValueError(f"{file}: {error}") from None
    if label is not None and not examples:
        raise ValueError(f"{file} has no examples")
    return examples


def as_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"not a text but {type(value).__name__}")
    return value


def as_label(value: object, is_number: bool) -> str | float:
    """A finite number; or a label as text (1 and true in JSON are "1" and "true")."""
    if not is_number:
        if not isinstance(value, str | int | float) or value == "":
            raise ValueError(f"{json.dumps(value)} is no label")
        return value if isinstance(value, str) else json.dumps(value)
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError(f"{json.dumps(value)} is no number")
    return number


def label_names(examples: Iterable[Example]) -> list[str]:
    """The different labels: 0, 1, … 10 in the order of numbers, others in that of the alphabet."""
    names = sorted({str(example.label) for example in examples})
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def check_labels(examples: Iterable[Example], known: Collection[str]) -> None:
    """Raise ValueError, with the line, if a label is not one of those that a model knows."""
    for example in examples:
        if example.label not in known:
            names = ", ".join([*known][:10]) + ", …" * (len(known) > 10)
            where = f"{example.file}: line {example.line}"
            raise ValueError(f"{where}: label {example.label!r}, where the model knows {names}")


def check_examples(
    train: Sequence[Example], dev: Sequence[Example], known: Collection[str] = ()
) -> None:
    """Raise ValueError unless a model can learn from `train` and be judged by `dev`. `known`: the
    labels of the model, where they are not just those of `train`.
    """
    for name, examples in (("train", train), ("dev", dev)):
        if not examples:
            raise ValueError(f"there are no examples to {name} with")
        # A dev set of one class has an accuracy, but equal numbers have no correlation.
        first = examples[0]
        is_needed = name == "train" or isinstance(first.label, float)
        if is_needed and all(example.label == first.label for example in examples):
            raise ValueError(f"{first.file}: each label is {first.label!r}; they must differ")
    if isinstance(train[0].label, str):
        check_labels(dev, known or label_names(train))
