"""Notebook 13: what the articles get wrong."""

import torch


def sentence_vectors(output, attention_mask):
    weight = attention_mask[:, :, None]
    return (output.last_hidden_state * weight).sum(dim=1) / weight.sum(dim=1)


RIGHT = {
    "13.1": [sentence_vectors],
    "13.2": [(3, 10.33), [3, 10.3]],
    "13.3": [["b", "d"], ["d", "b"]],
    "13.4": [torch.tensor([[0.0, 1.0], [5.0, 6.0]]), [[0, 1], [0, 100]]],
}
WRONG = {
    "13.1": [
        lambda output, mask: ...,
        lambda output, mask: output.last_hidden_state.mean(dim=1),
        lambda output, mask: output.last_hidden_state[:, 0],
        lambda output, mask: (output.last_hidden_state * mask[:, :, None]).mean(dim=1),
    ],
    "13.2": [(3, 2.3), (1, 10.33), 10.33],
    "13.3": [["a", "b", "d"], ["b"], [], "bd"],
    "13.4": [[[1.0, 2.0, 3.0]], [[1, 2], [2, 1]], [1.0, 2.0]],
}
