"""Notebook 10: the masked language model and the next sentence."""

import math

import numpy
import torch

from minibert.heads import NO_LABEL


def make_labels(ids, places):
    labels = torch.full_like(ids, NO_LABEL)
    labels[places] = ids[places]
    return labels


def make_list(ids, places):
    asked = {int(place) for place in places}
    return [int(ids[i]) if i in asked else NO_LABEL for i in range(len(ids))]


def changes_the_ids(ids, places):
    labels = make_labels(ids, places)
    ids[places] = 4
    return labels


def blind_loss(r):
    return -r * math.log(r) - (1 - r) * math.log(1 - r)


RIGHT = {
    "10.1": [math.log(4), 1.386, torch.tensor(1.3863)],
    "10.2": [[120_000, 15_000, 15_000], numpy.array([120_000.0, 15_000.0, 15_000.0])],
    "10.3": [0.015 / 0.88, 0.01705, torch.tensor(0.017)],
    "10.4": [make_labels, make_list],
    "10.5": [
        blind_loss,
        lambda r: -(r * numpy.log2(r) + (1 - r) * numpy.log2(1 - r)) * numpy.log(2),
    ],
}
WRONG = {
    "10.1": [0.25, math.log(2), 0.602, "1.386", [1.386]],
    "10.2": [[800_000, 100_000, 100_000], [120_000, 15_000], [0.12, 0.015, 0.015]],
    "10.3": [0.015, 0.1, 0.5, 0.1 * 0.15 / 0.85],
    "10.4": [
        lambda ids, places: ...,
        lambda ids, places: ids[places],
        lambda ids, places: ids,
        lambda ids, places: torch.zeros_like(ids).index_copy(0, places, ids[places]),
        changes_the_ids,
    ],
    "10.5": [
        lambda r: ...,
        lambda r: math.log(2),
        lambda r: -math.log(1 - r),
        lambda r: blind_loss(r) / math.log(2),  # in bits
    ],
}
