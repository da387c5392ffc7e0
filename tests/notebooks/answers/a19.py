"""Notebook 19: from BERT to the whole Transformer."""

import math

import torch


def causal_probs(scores, is_real):
    length = len(is_real)
    future = torch.ones(length, length).triu(1).bool()
    hidden = future | (is_real == 0)
    return scores.masked_fill(hidden, -1e30).softmax(dim=1)


def row_by_row(scores, is_real):
    probs = torch.zeros_like(scores)
    for t in range(len(scores)):
        seen = min(t + 1, int(is_real.sum()))
        exp = [math.exp(score) for score in scores[t, :seen]]
        probs[t, :seen] = torch.tensor(exp) / sum(exp)
    return probs


def without_itself(scores, is_real):
    return (scores + torch.full_like(scores, -1e30).triu(0)).softmax(dim=1)


def hidden_after(scores, is_real):
    return scores.softmax(dim=1).tril() * is_real


def all_are_seen(scores, is_real):
    return scores.masked_fill(is_real == 0, -1e30).softmax(dim=1)


def given_for(labels, start, pad):
    given = torch.roll(labels, 1, dims=1)
    given[:, 0] = start
    given[given == -100] = pad
    return given


def as_lists(labels, start, pad):
    return [
        [start, *(pad if label == -100 else label for label in row[:-1])] for row in labels.tolist()
    ]


def not_shifted(labels, start, pad):
    return labels.masked_fill(labels == -100, pad)


def with_no_label(labels, start, pad):
    return torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], dim=1)


def to_the_left(labels, start, pad):
    padding = torch.full_like(labels[:, :1], pad)
    return torch.cat([labels[:, 1:], padding], dim=1).masked_fill(labels == -100, pad)


def one_longer(labels, start, pad):
    return torch.cat([torch.full_like(labels[:, :1], start), not_shifted(labels, start, pad)], 1)


def without_start(labels, start, pad):
    return torch.roll(not_shifted(labels, start, pad), 1, dims=1)


def next_beams(sums, log_probs):
    k, v = log_probs.shape
    best = (sums[:, None] + log_probs).flatten().topk(k).indices
    return best // v, best % v


def sorted_list(sums, log_probs):
    k, v = log_probs.shape
    found = [(float(sums[i] + log_probs[i, j]), i, j) for i in range(k) for j in range(v)]
    best = sorted(found, reverse=True)[:k]
    return [i for _, i, _ in best], [j for _, _, j in best]


def each_its_own(sums, log_probs):
    return torch.arange(len(sums)), log_probs.argmax(dim=1)


def without_sums(sums, log_probs):
    return next_beams(torch.zeros_like(sums), log_probs)


def product(sums, log_probs):
    k, v = log_probs.shape
    best = (sums[:, None] * log_probs).flatten().topk(k).indices
    return best // v, best % v


def other_way_round(sums, log_probs):
    texts, tokens = next_beams(sums, log_probs)
    return tokens, texts


RIGHT = {
    "19.1": [
        [[1, 0, 0], [0.75, 0.25, 0], [0.25, 0.25, 0.5]],
        torch.tensor([[1, 0, 0], [0.75, 0.25, 0], [0.25, 0.25, 0.5]]),
    ],
    "19.2": [causal_probs, row_by_row],
    "19.3": [28_366_848, 12 * (4 * (768 * 768 + 768) + 2 * 768)],
    "19.4": [given_for, as_lists],
    "19.5": [[0.2, 0.21, 0.25], torch.tensor([0.2, 0.21, 0.25])],
    "19.6": [next_beams, sorted_list],
}
WRONG = {
    "19.1": [
        [[0.5, 0.25, 0.25], [0.375, 0.125, 0.5], [0.25, 0.25, 0.5]],
        [[0.5, 0, 0], [0.375, 0.125, 0], [0.25, 0.25, 0.5]],
        [[0.5, 0.25, 0.25], [0, 0.2, 0.8], [0, 0, 1]],
        [1, 0.75, 0.5],
    ],
    "19.2": [
        lambda scores, is_real: ...,
        without_itself,
        hidden_after,
        all_are_seen,
        lambda scores, is_real: causal_probs(scores.T, is_real),
        lambda scores, is_real: causal_probs(scores, torch.ones_like(is_real))[:2],
    ],
    "19.3": [2_363_904, 28_348_416, 28_311_552, 109_482_240, "12"],
    "19.4": [
        lambda labels, start, pad: ...,
        not_shifted,
        with_no_label,
        to_the_left,
        one_longer,
        without_start,
    ],
    "19.5": [[0.2, 0.2, 0.25], [0.4, 0.35, 0.25], [0.25, 0.25, 0.25], [0.2, 0.21]],
    "19.6": [
        lambda sums, log_probs: ...,
        lambda sums, log_probs: next_beams(sums, log_probs)[0],
        each_its_own,
        without_sums,
        product,
        other_way_round,
    ],
}
