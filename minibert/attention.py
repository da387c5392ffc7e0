"""Scaled dot-product attention, F1, and multi-head attention (多头注意力), F2.

    Attention(Q, K, V) = softmax(QKᵀ / √H + mask) · V

    MultiHead(x) = Concat(head_1 … head_N) · W_O + b_O
    head_i = Attention(x·W_Q,i + b_Q,i,  x·W_K,i + b_K,i,  x·W_V,i + b_V,i)

where softmax(s)_j = exp(s_j) / Σ_k exp(s_k) runs over the keys, so that each token (a row) spreads
a total weight of 1 over all tokens. The mask is 0 at a real key and a very large negative number at
padding. The articles' d_k is our H, their h our N.

Shapes: x [B, S, D], additive_mask [B, 1, 1, S] -> output [B, S, D], probs [B, N, S, S]

Source: article C§4.1.1, A§4.1.1, D§3.1.1, E§4.2; Vaswani et al. 2017, section 3.2.

Differs: the articles have no mask and no dropout, and the paper no biases. Article E§4.2 takes Q
and K for the input vectors; they are learned projections of them. The N matrices W_Q,i [D, H] are
the columns of one matrix [D, D], so that one product serves all heads.
"""

import math

import torch
from torch import nn

from minibert.config import BertConfig
from minibert.named import Named


def attention_scores(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """QKᵀ / √H: how well each query fits each key.

    Example:
        >>> tokens = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
        >>> attention_scores(tokens, tokens)
        tensor([[2.8284, 0.0000, 2.8284],
                [0.0000, 2.8284, 2.8284],
                [2.8284, 2.8284, 5.6569]])
    """
    # A dot product of H independent numbers of variance 1 has variance H. Dividing by √H brings it
    # back to 1, so that the softmax does not start out as a hard choice without gradient.
    return query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])


def softmax(scores: torch.Tensor) -> torch.Tensor:
    """exp(s_j) / Σ_k exp(s_k) along the last axis: positive weights that sum to 1.

    Example:
        >>> softmax(torch.tensor([0.0, 1.0, 2.0]))
        tensor([0.0900, 0.2447, 0.6652])
    """
    # The same number is subtracted from each score: no ratio changes, and exp never overflows.
    exponentials = torch.exp(scores - scores.amax(dim=-1, keepdim=True))
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


def make_additive_mask(padding_mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """1 = a real token, 0 = padding, to 0 = a real token, very large and negative = padding.

    Example:
        >>> make_additive_mask(torch.tensor([[1, 1, 0]]), torch.float32)[0, 0, 0].tolist()
        [0.0, 0.0, -3.4028234663852886e+38]
    """
    # Added before the softmax, where it makes exp(score) exactly 0. The lowest finite number rather
    # than −∞, because ∞ − ∞ in the softmax is NaN; rather than −10,000 (Google's), because that
    # lets a padded key through when all real scores are as low.
    is_padding = (padding_mask == 0)[:, None, None, :]  # [B, 1, 1, S]: for all heads and queries
    zeros = torch.zeros(is_padding.shape, dtype=dtype, device=is_padding.device)
    return zeros.masked_fill(is_padding, torch.finfo(dtype).min)


class MultiHeadAttention(nn.Module):
    """Every token looks at every token, N times, each time with other weights.

    Example:
        >>> config = BertConfig(hidden_size=6, num_attention_heads=3)
        >>> no_padding = torch.zeros(1, 1, 1, 4)
        >>> output, probs = MultiHeadAttention(config)(torch.randn(1, 4, 6), no_padding)
        >>> output.shape, probs.shape
        (torch.Size([1, 4, 6]), torch.Size([1, 3, 4, 4]))
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.scores = Named()
        self.masked_scores = Named()
        self.probs = Named()
        self.dropout = nn.Dropout(config.attention_probs_dropout_prob)
        self.context = Named()
        self.merged_context = Named()
        self.output = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(
        self, x: torch.Tensor, additive_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        query = self.split_heads(self.query(x))  # [B, N, S, H]
        key = self.split_heads(self.key(x))  # [B, N, S, H]
        value = self.split_heads(self.value(x))  # [B, N, S, H]
        scores = self.scores(attention_scores(query, key))  # [B, N, S, S]
        masked_scores = self.masked_scores(scores + additive_mask)
        probs = self.probs(softmax(masked_scores))
        context = self.context(self.dropout(probs) @ value)  # [B, N, S, H]
        # Each token's heads side by side again: N must be next to H before the two axes merge.
        merged_context = self.merged_context(context.transpose(1, 2).flatten(2))  # [B, S, D]
        return self.output(merged_context), probs

    def split_heads(self, x: torch.Tensor) -> torch.Tensor:
        """[B, S, D] -> [B, N, S, H]: head i is features i·H … (i+1)·H − 1."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # [B, N, S, H]
