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


def masked(scores, padding_mask):
    return scores.masked_fill(padding_mask == 0, -1e9)


NAMED = {
    "03.1": {
        "not divided by √H": [0.578, 0.845, 0.578],
        "the article's arithmetic": [0.302, 0.302, 0.302],
        "row 1 is taken": [0.864, 0.568, 0.864],
        "row 3 is taken": [0.832, 0.701, 0.832],
        "not yet multiplied by V": [0.219, 0.390, 0.390],
    },
    "03.2": {
        "not divided by √H": lambda Q, K, V, m: softmax(masked(Q @ K.T, m)) @ V,
        "divided by H, not by √H": lambda Q, K, V, m: softmax(masked(Q @ K.T / 7, m)) @ V,
        "divided by √S": root_of_the_length,
        "of the size of V": lambda Q, K, V, m: softmax(masked(Q @ K.T / 3**0.5, m)) @ V,
        "down the columns": lambda Q, K, V, m: masked(Q @ K.T / 7**0.5, m).softmax(dim=0) @ V,
        "K · Qᵀ": lambda Q, K, V, m: softmax(masked(K @ Q.T / 7**0.5, m)) @ V,
        "softmax is left out": lambda Q, K, V, m: Q @ K.T / 7**0.5 @ V,
        "not yet multiplied by V": lambda Q, K, V, m: softmax(masked(Q @ K.T / 7**0.5, m)),
        "padding is not masked": without_mask,
        "the mask is inverted": lambda Q, K, V, m: (
            attention(Q, K, V, 1 - m) if (m == 0).any() else attention(Q, K, V, m)
        ),
        "after the softmax": lambda Q, K, V, m: (softmax(attention_scores(Q, K)) * m) @ V,
        "added as it is": padding_mask_added,
        "still gets a weight": lambda Q, K, V, m: softmax(attention_scores(Q, K) * m) @ V,
        "queries (rows)": lambda Q, K, V, m: (
            softmax(attention_scores(Q, K).masked_fill(m[:, None] == 0, -1e9)) @ V
        ),
        "itself is wanted": torch.zeros(5, 3),
        "It raised IndexError": lambda Q, K, V, m: Q[99],
    },
    "03.3": {
        "may not look at itself": may_not_see_itself,
        "what came before is hidden": lambda S: torch.full((S, S), -1e9).tril(-1),
        "itself and what came before": lambda S: torch.full((S, S), float("-inf")).tril(),
        "a very large negative number is needed": lambda S: torch.ones(S, S).tril(),
        "exp(-1) is not 0": lambda S: -torch.ones(S, S).triu(1),
        "The shape should be [4, 4]": lambda S: torch.zeros(S),
    },
}
