"""A learned mixture of all layers, F8: how much of each layer does a task want?

    m = g · Σ_i softmax(w)_i h_i        i = 0 … L, 0 the embeddings

with w [L+1] and g learned: it starts as the plain mean. The shares softmax(w) are positive and sum
to 1, so they can be read: the layer with the largest share is the one that the task wanted most.

A text's vector is the mean of its real tokens: Σ_s mask_s · x_s / Σ_s mask_s, 1 = a real token.

Shapes: (L+1) × [..., D] -> [..., D]

Source: article C§2.3 and C§2.4, which merges "all layers" and leaves open how; Peters et al. 2018
(ELMo, arXiv 1802.05365), equation 1; Devlin et al. 2018, table 7, "weighted sum".
"""

from collections.abc import Sequence

import torch
from torch import nn

from minibert.attention import softmax
from minibert.named import Named


class WeightedSum(nn.Module):
    """g · Σ_i softmax(w)_i h_i.

    Example:
        >>> WeightedSum(2)([torch.tensor([1.0, 3.0]), torch.tensor([5.0, 5.0])]).tolist()
        [3.0, 4.0]
    """

    def __init__(self, num_layers: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(num_layers))
        self.scale = nn.Parameter(torch.ones(()))
        self.shares = Named()

    def forward(self, states: Sequence[torch.Tensor]) -> torch.Tensor:
        if len(states) != len(self.weights):
            raise ValueError(f"{len(states)} layers for a sum of {len(self.weights)}")
        shares = self.shares(softmax(self.weights))
        return self.scale * sum(share * state for share, state in zip(shares, states, strict=True))


def mean_of_tokens(tokens: torch.Tensor, padding_mask: torch.Tensor | None) -> torch.Tensor:
    """Σ_s mask_s · x_s / Σ_s mask_s; without a mask all tokens are real.

    Example:
        >>> tokens = torch.tensor([[[1.0, 4.0], [3.0, 2.0], [9.0, 9.0]]])
        >>> mean_of_tokens(tokens, torch.tensor([[1, 1, 0]]))
        tensor([[2., 3.]])
    """
    if padding_mask is None:
        return tokens.mean(dim=1)  # [B, D]
    weight = padding_mask[..., None]  # [B, S, 1]
    return (weight * tokens).sum(dim=1) / weight.sum(dim=1)  # [B, D]
