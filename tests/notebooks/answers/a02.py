"""Notebook 02: three embeddings."""

import math

import numpy
import torch

from minibert.layer_norm import LayerNorm
from minibert.positional import sinusoid_table


def three_embeddings(ids, segment_ids, token_table, position_table, segment_table):
    total = token_table[ids] + position_table[: len(ids)] + segment_table[segment_ids]
    return LayerNorm(total.shape[-1], eps=1e-12)(total)


def in_numpy(ids, segment_ids, token_table, position_table, segment_table):
    total = (token_table[ids] + position_table[: len(ids)] + segment_table[segment_ids]).numpy()
    total = total.astype(numpy.float64)
    return (total - total.mean(-1, keepdims=True)) / total.std(-1, keepdims=True)


def not_normalised(ids, segment_ids, token_table, position_table, segment_table):
    return token_table[ids] + position_table[: len(ids)] + segment_table[segment_ids]


def position_by_id(ids, segment_ids, token_table, position_table, segment_table):
    total = token_table[ids] + position_table[ids] + segment_table[segment_ids]
    return LayerNorm(total.shape[-1], eps=1e-12)(total)


def without_segments(ids, segment_ids, token_table, position_table, segment_table):
    total = token_table[ids] + position_table[: len(ids)]
    return LayerNorm(total.shape[-1], eps=1e-12)(total)


def segment_0(ids, segment_ids, token_table, position_table, segment_table):
    return three_embeddings(ids, 0 * segment_ids, token_table, position_table, segment_table)


def with_the_samples_variance(ids, segment_ids, token_table, position_table, segment_table):
    total = not_normalised(ids, segment_ids, token_table, position_table, segment_table)
    return (total - total.mean(-1, keepdim=True)) / total.std(-1, keepdim=True)


def over_the_tokens(ids, segment_ids, token_table, position_table, segment_table):
    total = not_normalised(ids, segment_ids, token_table, position_table, segment_table)
    return (total - total.mean(0)) / total.std(0, unbiased=False)


def side_by_side(ids, segment_ids, token_table, position_table, segment_table):
    parts = [token_table[ids], position_table[: len(ids)], segment_table[segment_ids]]
    total = torch.cat(parts, dim=-1)
    return LayerNorm(total.shape[-1], eps=1e-12)(total)


def normalised_one_by_one(ids, segment_ids, token_table, position_table, segment_table):
    norm = LayerNorm(token_table.shape[-1], eps=1e-12)
    parts = [token_table[ids], position_table[: len(ids)], segment_table[segment_ids]]
    return sum(norm(part) for part in parts)


def dot_product_at_distance(k, D):
    return sum(math.cos(k / 10000 ** (2 * i / D)) for i in range(D // 2))


RIGHT = {
    "02.1": [[6, 1, 1, 0], torch.tensor([6.0, 1, 1, 0]), numpy.array([6, 1, 1, 0])],
    "02.2": [three_embeddings, in_numpy],
    "02.3": [
        [math.sin(3), math.cos(3), math.sin(0.03), math.cos(0.03)],
        sinusoid_table(4, 4)[3],
        [0.141, -0.990, 0.030, 1.000],
    ],
    "02.4": [23_837_184, (30_522 + 512 + 2 + 2) * 768],
    "02.5": [
        dot_product_at_distance,
        lambda k, D: torch.cos(k / 10000 ** (torch.arange(0, D, 2) / D)).sum(),
    ],
}
WRONG = {
    "02.1": [[5, 1, 1, 1], [4, 0, 1, 0, 2], [1.89, -0.47, -0.47, -0.95], [6, 1], "6 1 1 0"],
    "02.2": [
        lambda *tables: ...,
        not_normalised,
        position_by_id,
        without_segments,
        segment_0,
        with_the_samples_variance,
        over_the_tokens,
        side_by_side,
        normalised_one_by_one,
    ],
    "02.3": [
        [math.sin(3), math.sin(0.03), math.cos(3), math.cos(0.03)],
        [0.9093, -0.4161, 0.02, 0.9998],  # position 2
        [0.0523, 0.9986, 0.0005, 1.0],  # degrees for radians
        [0.141, -0.990],
    ],
    "02.4": [23_835_648, 23_440_896, 23_836_416, (30_522 + 512) * 768, "many"],
    "02.5": [
        lambda k, D: ...,
        lambda k, D: D / 2,
        lambda k, D: sum(math.cos(k / 10000 ** (2 * i / D)) for i in range(D)),
        lambda k, D: sum(math.cos(k / 10000 ** (i / D)) for i in range(D // 2)),
        lambda k, D: sum(math.sin(k / 10000 ** (2 * i / D)) for i in range(D // 2)),
    ],
}
