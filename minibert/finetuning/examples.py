"""Examples from a file: a text, perhaps a second one, and a label or a number.

.tsv, .csv    a row an example; columns by their names in the first row, or by numbers from 0,
              and then the first row is an example, too
.jsonl        an object a line: {"text": …, "text_pair": …, "label": …}
.txt          a text a line, without labels
"""

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from minibert.extraction.reading import checked_records


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
    """`text`, `pair`, `label`: their columns or fields; None where the file has none. `is_number`:
    the label is a number.
    """
    examples = []
    wanted = [name for name in (text, pair, label) if name is not None]
    for record in checked_records(file, wanted):
        where, values = f"{file}: line {record.number}", iter(record.values)
        first = as_text(next(values), where)
        second = None if pair is None else as_text(next(values), where)
        known = None if label is None else as_label(next(values), is_number, where)
        examples.append(Example(first, second, known, record.number, str(file)))
    if label is not None and not examples:
        raise ValueError(f"{file} has no examples")
    return examples


def as_text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: not a text but {type(value).__name__}")
    return value


def as_label(value: object, is_number: bool, where: str) -> str | float:
    """A finite number; or a label as text (1 and true in JSON are "1" and "true")."""
    if not is_number:
        if not isinstance(value, str | int | float) or value == "":
            raise ValueError(f"{where}: {json.dumps(value)} is no label")
        return value if isinstance(value, str) else json.dumps(value)
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where}: {json.dumps(value)} is no number")
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
    """Raise ValueError unless a model can learn from `train` and be judged by `dev`. `known`: its
    labels, where they are not just those of `train`.
    """
    if not (train and dev):
        raise ValueError("there are no examples to learn from, or none to judge the model by")
    is_number = isinstance(train[0].label, float)
    # A dev set of one class has an accuracy, but equal numbers have no correlation.
    for first, *others in (train, dev) if is_number else (train,):
        if all(example.label == first.label for example in others):
            raise ValueError(f"{first.file}: each label is {first.label!r}; they must differ")
    if not is_number:
        check_labels(dev, known or label_names(train))
