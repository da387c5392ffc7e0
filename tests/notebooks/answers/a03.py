"""Notebook 03: attention by hand."""

import torch

from minibert.attention import attention_scores, softmax


def attention(Q, K, V, padding_mask):
    scores = Q @ K.T / Q.shape[-1] ** 0.5
    return softmax(scores.masked_fill(padding_mask == 0, -1e9)) @ V


def without_mask(Q, K, V, padding_mask):
    return softmax(attention_scores(Q, K)) @ V


def root_of_the_length(Q, K, V, padding_mask):
    return attention(Q * (Q.shape[1] / Q.shape[0]) ** 0.5, K, V, padding_mask)


def padding_mask_added(Q, K, V, padding_mask):
    return softmax(attention_scores(Q, K) + padding_mask) @ V


def causal_mask(S):
    return torch.full((S, S), -1e9).triu(1)


def may_not_see_itself(S):
    return torch.full((S, S), -1e9).triu(0)


RIGHT = {
    "03.1": [[0.6096, 0.7808, 0.6096], torch.tensor([0.61, 0.781, 0.61])],
    "03.2": [attention],
    "03.3": [causal_mask, lambda S: torch.full((S, S), float("-inf")).triu(1)],
    "03.4": ["uneven"],
}
WRONG = {
    "03.1": [[0.8639, 0.5681, 0.8639], [0.302, 0.302, 0.302], [0.6096], "0.6"],
    "03.2": [
        lambda Q, K, V, padding_mask: ...,
        without_mask,
        root_of_the_length,
        padding_mask_added,
    ],
    "03.3": [
        lambda S: ...,
        may_not_see_itself,
        lambda S: torch.full((S, S), -1e9).tril(-1),  # only what comes after
        lambda S: torch.ones(S, S).tril(),  # a mask to multiply with, not to add
    ],
    "03.4": ["even", "same", 3],
}
