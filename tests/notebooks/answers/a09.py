"""Notebook 09: which layer."""

import torch

normalize = torch.nn.functional.normalize


def anisotropy(vectors):
    unit = normalize(vectors, dim=-1)
    n = len(unit)
    return ((unit @ unit.T).sum() - n) / (n * (n - 1))


def pair_by_pair(vectors):
    pairs = [(a, b) for a in range(len(vectors)) for b in range(a)]
    values = [torch.cosine_similarity(vectors[a], vectors[b], dim=0) for a, b in pairs]
    return (sum(values) / len(values)).item()


def with_itself(vectors):
    unit = normalize(vectors, dim=-1)
    return (unit @ unit.T).mean()


def products(vectors):
    table = vectors @ vectors.T
    return table[~torch.eye(len(table), dtype=torch.bool)].mean()


def nearest(queries, candidates):
    mean = candidates.mean(dim=0)
    return (normalize(queries - mean, dim=-1) @ normalize(candidates - mean, dim=-1).T).argmax(1)


def as_they_came(queries, candidates):
    return (normalize(queries, dim=-1) @ normalize(candidates, dim=-1).T).argmax(dim=1)


def largest_product(queries, candidates):
    mean = candidates.mean(dim=0)
    return ((queries - mean) @ (candidates - mean).T).argmax(dim=1)


def wrong_axis(queries, candidates):
    mean = candidates.mean(dim=0)
    return (normalize(queries - mean, dim=-1) @ normalize(candidates - mean, dim=-1).T).argmax(0)


RIGHT = {
    "09.1": [[0.882, 0.0], torch.tensor([0.8824, 0.0]), (15 / 17, 0)],
    "09.2": ["layer4"],
    "09.3": [anisotropy, pair_by_pair, lambda v: anisotropy(v.double()).numpy()],
    "09.4": [nearest, lambda q, c: nearest(q, c).tolist(), lambda q, c: nearest(q, c).numpy()],
}
WRONG = {
    "09.1": [[0.882, -1.0], [0.0, 0.882], [15.0, 0.0], [0.882]],
    "09.2": ["embeddings", "layer3", 4, "last"],
    "09.3": [
        lambda v: ...,
        with_itself,
        products,
        lambda v: anisotropy(v - v.mean(dim=0)),
        lambda v: normalize(v, dim=-1).mean(dim=0).norm() ** 2,
    ],
    "09.4": [lambda q, c: ..., as_they_came, largest_product, wrong_axis],
}
