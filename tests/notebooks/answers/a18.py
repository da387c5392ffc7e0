"""Notebook 18: search and summary."""

from collections import Counter

import torch
from torch.nn.functional import normalize

from minibert.extraction.rouge import rouge


def mean_reciprocal_rank(scores, right):
    order = scores.argsort(dim=1, descending=True)
    place = (order == right[:, None]).double().argmax(dim=1)
    return (1 / (1 + place)).mean()


def one_by_one(scores, right):
    total = 0.0
    for row, number in zip(scores.tolist(), right.tolist(), strict=True):
        total += 1 / (1 + sorted(row, reverse=True).index(row[number]))
    return total / len(scores)


def from_zero(scores, right):
    own = scores.gather(1, right[:, None])
    return (1 / (scores > own).sum(dim=1).clamp(min=1)).mean()


def smallest_first(scores, right):
    return mean_reciprocal_rank(-scores, right)


def mean_rank(scores, right):
    own = scores.gather(1, right[:, None])
    return 1 / (scores >= own).sum(dim=1).double().mean()


def of_the_table(scores, right):
    return (scores.argmax(dim=1) == right).double().mean()


def next_chosen(vectors, taken, balance):
    unit = normalize(vectors, dim=1)
    gain = balance * (unit @ normalize(unit.sum(dim=0), dim=0))
    if len(taken):
        gain = gain - (1 - balance) * (unit @ unit[list(taken)].T).max(dim=1).values
        gain[list(taken)] = -torch.inf
    return gain.argmax()


def again_and_again(vectors, taken, balance):
    unit = normalize(vectors, dim=1)
    gain = balance * (unit @ normalize(unit.sum(dim=0), dim=0))
    if len(taken):
        gain = gain - (1 - balance) * (unit @ unit[list(taken)].T).max(dim=1).values
    return gain.argmax()


def mean_of_the_taken(vectors, taken, balance):
    unit = normalize(vectors, dim=1)
    gain = balance * (unit @ normalize(unit.sum(dim=0), dim=0))
    if len(taken):
        gain = gain - (1 - balance) * (unit @ unit[list(taken)].T).mean(dim=1)
        gain[list(taken)] = -torch.inf
    return gain.argmax()


def without_lengths(vectors, taken, balance):
    gain = balance * (vectors @ vectors.sum(dim=0))
    if len(taken):
        gain = gain - (1 - balance) * (vectors @ vectors[list(taken)].T).max(dim=1).values
        gain[list(taken)] = -torch.inf
    return gain.argmax()


def only_the_centre(vectors, taken, balance):
    return next_chosen(vectors, taken, 1.0)


def runs(words, n):
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def rouge_n(reference, summary, n):
    a, b = Counter(runs(reference, n)), Counter(runs(summary, n))
    common = sum(min(count, b[run]) for run, count in a.items())
    return 2 * common / ((a.total() + b.total()) or 1)


def by_crossing_out(reference, summary, n):
    left, own = runs(reference, n), runs(summary, n)
    total, common = len(left) + len(own), 0
    for run in own:
        if run in left:
            left.remove(run)
            common += 1
    return 0.0 if total == 0 else 2 * common / total


def as_sets(reference, summary, n):
    a, b = set(runs(reference, n)), set(runs(summary, n))
    return 2 * len(a & b) / max(1, len(a) + len(b))


def recall(reference, summary, n):
    a, b = Counter(runs(reference, n)), Counter(runs(summary, n))
    return (a & b).total() / max(1, a.total())


def each_that_occurs(reference, summary, n):
    a, b = runs(reference, n), runs(summary, n)
    return 2 * sum(run in a for run in b) / max(1, len(a) + len(b))


def words_only(reference, summary, n):
    return rouge(reference, summary)["rouge1"]


RIGHT = {
    "18.1": [[2, 0, 1], torch.tensor([2, 0, 1])],
    "18.2": [mean_reciprocal_rank, one_by_one],
    "18.3": [0.706, 0.71, 0.2 / 0.283],
    "18.4": [next_chosen, lambda *given: int(next_chosen(*given))],
    "18.5": [[0.333, 0.389, 0.278], torch.tensor([1.5, 1.75, 1.25]) / 4.5],
    "18.6": [rouge_n, by_crossing_out],
}
WRONG = {
    "18.1": [[0, 0, 0], [2, 0, 2], [0, 2, 1], [2]],
    "18.2": [lambda s, r: ..., from_zero, smallest_first, mean_rank, of_the_table],
    "18.3": [0.294, 0.5, 0.7 / 0.2, "B"],
    "18.4": [
        lambda v, t, b: ...,
        again_and_again,
        mean_of_the_taken,
        without_lengths,
        only_the_centre,
        lambda v, t, b: next_chosen(v, t, 1 - b),
    ],
    "18.5": [[0.333, 0.333, 0.333], [0.333, 0.5, 0.167], [1.5, 1.75, 1.25], [0.5, 0.25, 0.25]],
    "18.6": [lambda a, b, n: ..., as_sets, recall, each_that_occurs, words_only],
}
