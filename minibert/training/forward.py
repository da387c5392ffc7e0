"""BERT's forward pass with gradient, as fast as PyTorch's own operations go.

The formulas are those of the textbook, and the parameters are the textbook model's. The work is
arranged in another way:

1. No padding. The tokens of all texts lie end to end in one matrix [T, D]. Only attention looks at
   a token's neighbours, and it runs over groups of texts of the same length.
2. softmax, GELU and LayerNorm are PyTorch's own operations: each reads and writes its numbers once,
   and has its derivative written by hand.
3. Query, key and value come from one matrix product. (PyTorch's fused attention saves memory for
   long texts; on texts of 32 tokens its backward pass was measured slower than these products.)

What is frozen (requires_grad False) below the first layer that learns costs no backward pass.

tests/training/test_forward.py holds states and gradients against the textbook's.
"""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from minibert.attention import make_additive_mask
from minibert.encoder import EncoderLayer
from minibert.layer_norm import LayerNorm
from minibert.model import BertModel, Pooler

# Texts of one length: how many, how long, and their padding mask [texts, length] or None.
Group = tuple[int, int, torch.Tensor | None]


def encode(
    bert: BertModel,
    ids: torch.Tensor,
    segments: torch.Tensor,
    groups: Sequence[Group],
    dropout: float,
) -> list[torch.Tensor]:
    """The L+1 hidden states [T, D] of texts end to end: `ids` and `segments` [T], group after
    group. `dropout`: of hidden states and of attention probabilities; 0 when not training.
    """
    embeddings = bert.embeddings
    position = embeddings.position(max((length for _, length, _ in groups), default=1))
    positions = [
        position[:length].expand(texts, -1, -1).flatten(0, 1) for texts, length, _ in groups
    ]
    x = embeddings.token(ids) + embeddings.segment(segments)
    x = norm(embeddings.layer_norm, x + torch.cat(positions or [position[:0]]))
    x = functional.dropout(x, dropout)
    masks = [None if mask is None else make_additive_mask(mask, x.dtype) for *_, mask in groups]
    masked = [(texts, length, mask) for (texts, length, _), mask in zip(groups, masks, strict=True)]
    states = [x]
    for layer in bert.encoder.layers:
        states.append(run_layer(cast(EncoderLayer, layer), states[-1], masked, dropout))
    return states


def run_layer(
    layer: EncoderLayer, x: torch.Tensor, groups: Sequence[Group], dropout: float
) -> torch.Tensor:
    """One encoder layer, as in encoder.py; the masks are additive here."""
    attention = layer.attention
    maps = (attention.query, attention.key, attention.value)
    weight = torch.cat([part.weight for part in maps])  # [3D, D]
    bias = torch.cat([part.bias for part in maps])
    projected = functional.linear(x, weight, bias)  # [T, 3D]
    context = attend(projected, groups, attention.num_heads, dropout)
    output = attention.output(context)
    x = norm(layer.attention_layer_norm, x + functional.dropout(output, dropout))
    feed_forward = layer.feed_forward
    output = feed_forward.output(functional.gelu(feed_forward.inner(x)))
    return norm(layer.feed_forward_layer_norm, x + functional.dropout(output, dropout))


def attend(
    projected: torch.Tensor, groups: Sequence[Group], num_heads: int, dropout: float
) -> torch.Tensor:
    """softmax(QKᵀ/√H + mask)·V for each group: [T, 3D] -> [T, D]."""
    if not groups:  # no tokens; the result still depends on the weights
        return projected[:, : projected.shape[1] // 3]
    contexts = []
    own = projected.split([texts * length for texts, length, _ in groups])
    for part, (texts, length, mask) in zip(own, groups, strict=True):
        heads = part.view(texts, length, 3, num_heads, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each [texts, N, length, H]
        # Divided here, where there are fewer numbers than in the scores.
        scores = query / math.sqrt(query.shape[-1]) @ key.transpose(-1, -2)
        if mask is not None:
            scores = scores + mask
        probs = functional.dropout(torch.softmax(scores, dim=-1), dropout)
        context = probs @ value
        contexts.append(context.transpose(1, 2).flatten(2).flatten(0, 1))  # [texts · length, D]
    return torch.cat(contexts)


def pooled(pooler: nn.Module | None, first_tokens: torch.Tensor) -> torch.Tensor:
    """The pooler's output for the [CLS] vectors [B, D]."""
    return torch.tanh(cast(Pooler, pooler).dense(first_tokens))


def norm(layer_norm: LayerNorm, x: torch.Tensor) -> torch.Tensor:
    shape = layer_norm.gamma.shape
    return functional.layer_norm(x, shape, layer_norm.gamma, layer_norm.beta, layer_norm.eps)
