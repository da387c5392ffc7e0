"""How good a model's answers are, by the measures' own definitions. `wanted` is what the data say,
`predicted` what the model says. All results but `confusion` are shares of 1.

What would divide by 0 is 0, as in scikit-learn and seqeval; but a correlation with numbers that are
all equal is NaN, as in SciPy. Empty input and NaN are refused.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from minibert.finetuning.entities import spans


class Score(NamedTuple):
    """How many of the predicted are right, how many of the wanted are found; 2PR / (P + R)."""

    precision: float
    recall: float
    f1: float
    wanted: int


def share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def as_lists(wanted: Any, predicted: Any) -> list[list[Any]]:
    """Both as lists of one length, without NaN."""
    both = [numpy.asarray(values, dtype=object).tolist() for values in (wanted, predicted)]
    if not both[0] or len(both[0]) != len(both[1]):
        raise ValueError(f"{len(both[1])} predictions for {len(both[0])} examples")
    if any(value != value for values in both for value in values):
        raise ValueError("NaN cannot be scored")
    return both


def accuracy(wanted: Sequence[Any], predicted: Sequence[Any]) -> float:
    table = confusion(wanted, predicted)
    return float(table.trace() / table.sum())


def confusion(
    wanted: Sequence[Any], predicted: Sequence[Any], labels: Sequence[Any] | None = None
) -> numpy.ndarray:
    """How often, [wanted, predicted]; in the order of `labels`, or of all that occur, sorted."""
    wanted, predicted = as_lists(wanted, predicted)
    found = {*wanted, *predicted}
    labels = sorted(found) if labels is None else list(labels)
    if not found <= {*labels}:
        raise ValueError(f"the labels are {labels}, without {sorted(found - {*labels})}")
    table = numpy.zeros((len(labels), len(labels)), dtype=int)
    for (one, other), count in Counter(zip(wanted, predicted, strict=True)).items():
        table[labels.index(one), labels.index(other)] = count
    return table


def f1(wanted: Sequence[Any], predicted: Sequence[Any], positive: Any = None) -> float:
    """2·hits / (wanted + predicted) of the label `positive`; without one their mean (macro)."""
    wanted, predicted = as_lists(wanted, predicted)
    labels = {*wanted, *predicted} if positive is None else {positive}
    hits = Counter(one for one, other in zip(wanted, predicted, strict=True) if one == other)
    sizes = Counter(wanted) + Counter(predicted)
    # fsum: the same to the last digit in whichever order a set has the labels.
    return math.fsum(share(2 * hits[label], sizes[label]) for label in labels) / len(labels)


def matthews(wanted: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Matthews' correlation, for any number of labels."""
    table = confusion(wanted, predicted).astype(float)
    rows, columns, total = table.sum(axis=1), table.sum(axis=0), table.sum()
    spread = (total**2 - rows @ rows) * (total**2 - columns @ columns)
    return share(table.trace() * total - rows @ columns, spread**0.5)


def pearson(wanted: Any, predicted: Any) -> float:
    """The cosine of both, each without its mean."""
    numbers = numpy.asarray(as_lists(wanted, predicted), dtype=numpy.float64)
    if numbers.shape[1] < 2 or not numpy.isfinite(numbers).all():
        raise ValueError("a correlation needs at least two numbers, all finite")
    if (numbers == numbers[:, :1]).all(axis=1).any():
        return float("nan")
    centred = numbers - numbers.mean(axis=1, keepdims=True)
    centred /= abs(centred).max(axis=1, keepdims=True)  # no square is too large or too small
    centred /= numpy.linalg.norm(centred, axis=1, keepdims=True)
    return float(numpy.clip(centred[0] @ centred[1], -1, 1))


def spearman(wanted: Any, predicted: Any) -> float:
    """The correlation of the ranks. Equal numbers share the mean of their ranks."""
    ranks = []
    for values in as_lists(wanted, predicted):
        _, places, counts = numpy.unique(values, return_inverse=True, return_counts=True)
        ranks.append((numpy.cumsum(counts) - (counts - 1) / 2)[places])
    return pearson(*ranks)


def entity_scores(
    wanted: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> tuple[Score, dict[str, Score]]:
    """Given the tags of each sentence: the score of all entities (micro), and of each type. A hit
    has the right type, start and end.
    """
    if not wanted or [*map(len, wanted)] != [*map(len, predicted)]:
        raise ValueError("each sentence needs as many predicted tags as wanted ones")
    hits, found, sought = Counter[str](), Counter[str](), Counter[str]()
    for one, other in zip(map(spans, wanted), map(spans, predicted), strict=True):
        hits.update(span.type for span in {*one} & {*other})
        found.update(span.type for span in other)
        sought.update(span.type for span in one)

    def score(hits: int, found: int, sought: int) -> Score:
        mean = share(2 * hits, found + sought)
        return Score(share(hits, found), share(hits, sought), mean, sought)

    types = {name: score(hits[name], found[name], sought[name]) for name in sorted(found + sought)}
    return score(hits.total(), found.total(), sought.total()), types


def normalise(answer: str) -> str:
    """An answer without case, punctuation (ASCII), articles and needless white space.

    Chinese has no blanks: a Chinese answer is one token, so its F1 is 1 or 0, as exact match.
    """
    plain = "".join(letter for letter in answer.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", plain).split())


def answer_scores(wanted: Sequence[str], said: str, with_none: bool = False) -> tuple[float, float]:
    """Exact match, and F1 of the tokens, each with the answer in `wanted` that fits best.

    `with_none`: by SQuAD 2.0's rules. "" is right where there is no answer, or where the answer
    has only articles and punctuation.
    """
    with_none = with_none or not wanted
    answers = [normalise(answer).split() for answer in wanted]
    if with_none:
        answers = [answer for answer in answers if answer] or [[]]
    tokens = normalise(said).split()
    f1s = [
        share(2 * (Counter(tokens) & Counter(answer)).total(), len(tokens) + len(answer))
        for answer in answers
    ]
    return float(tokens in answers), max(f1s) if tokens else float(with_none and [] in answers)


def squad_scores(wanted: Sequence[Sequence[str]], predicted: Sequence[str]) -> dict[str, float]:
    """The means "exact" and "f1" by SQuAD 1.1's rules; if a question has no answers by 2.0's, and
    then of both kinds of questions, too: "HasAns_exact" … "NoAns_f1", as its script names them.
    """
    if not wanted or len(wanted) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(wanted)} questions")
    has_none = numpy.array([not answers for answers in wanted])
    with_none = bool(has_none.any())
    scores = numpy.array(
        [answer_scores(*one, with_none) for one in zip(wanted, predicted, strict=True)]
    )
    found = {}
    for group, chosen in (("", has_none | True), ("HasAns_", ~has_none), ("NoAns_", has_none)):
        if chosen.any() and (with_none or not group):
            found[f"{group}exact"], found[f"{group}f1"] = scores[chosen].mean(axis=0).tolist()
    return found
