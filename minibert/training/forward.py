"""BERT's forward pass with gradient, as fast as PyTorch's own operations go; and the decoder's.

The formulas are those of the textbook, and the parameters are the textbook model's. The work is
arranged in another way:

1. No padding. The tokens of all texts lie end to end in one matrix [T, D]. Only attention looks at
   a token's neighbours, and it runs over groups of texts of the same length.
2. softmax, GELU and LayerNorm are PyTorch's own operations: each reads and writes its numbers once,
   and has its derivative written by hand.
3. Query, key and value come from one matrix product. (PyTorch's fused attention saves memory for
   long texts; on texts of 32 tokens its backward pass was measured slower than these products.)

In the decoder the texts that are written are in groups of the same length, too. What they read is
of many lengths, so the keys and values of cross-attention, and only they, are padded.

What is frozen (requires_grad False) below the first layer that learns costs no backward pass.

tests/training/test_forward.py holds states and gradients against the textbook's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.nn import functional

from minibert.attention import make_additive_mask
from minibert.embedding import Embeddings
from minibert.encoder import EncoderLayer
from minibert.heads import MaskedLMHead
from minibert.layer_norm import LayerNorm
from minibert.model import BertModel, Pooler

if TYPE_CHECKING:
    from minibert.translation.decoder import DecoderLayer
    from minibert.translation.encoder_decoder import BertDecoder

    Layer = EncoderLayer | DecoderLayer

# Texts of one length: how many, how long, and their padding mask [texts, length] or None.
Group = tuple[int, int, torch.Tensor | None]


@dataclass(frozen=True)
class Memory:
    """The states of the texts that are read, and where those of each written text are in them."""

    states: torch.Tensor  # [T, D], texts end to end
    places: torch.Tensor  # [texts, S]: rows of `states`; any row at padding
    mask: torch.Tensor  # [texts, S]: 1 = real, 0 = padding


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
    states = [embed(bert.embeddings, ids, segments, groups, dropout)]
    dtype = states[0].dtype
    masks = [None if mask is None else make_additive_mask(mask, dtype) for *_, mask in groups]
    masked = [(texts, length, mask) for (texts, length, _), mask in zip(groups, masks, strict=True)]
    for layer in bert.encoder.layers:
        x = attend_to_itself(cast(EncoderLayer, layer), states[-1], masked, dropout)
        states.append(transform(cast(EncoderLayer, layer), x, dropout))
    return states


def decode(
    decoder: "BertDecoder",
    ids: torch.Tensor,
    groups: Sequence[Group],
    dropout: float,
    memory: Memory | None = None,
) -> torch.Tensor:
    """The last hidden states [T, D] of the decoder, for texts end to end without padding.
    `memory`: of a decoder with cross-attention; its texts are in the order of the groups'.
    """
    x = embed(decoder.embeddings, ids, torch.zeros_like(ids), groups, dropout)
    longest = max((length for _, length, _ in groups), default=0)
    # Row t of the triangle: the tokens up to t. [1, 1, T, T], as in causal.py.
    past = make_additive_mask(ids.new_ones(longest, longest).tril(), x.dtype).transpose(0, 2)
    causal = [(texts, length, past[..., :length, :length]) for texts, length, _ in groups]
    for part in decoder.decoder.layers:
        layer = cast("DecoderLayer", part)
        x = attend_to_itself(layer, x, causal, dropout)
        if memory is not None:
            x = attend_to_memory(layer, x, groups, memory, dropout)
        x = transform(layer, x, dropout)
    return x


def embed(
    embeddings: Embeddings,
    ids: torch.Tensor,
    segments: torch.Tensor,
    groups: Sequence[Group],
    dropout: float,
) -> torch.Tensor:
    """As in embedding.py: [T] -> [T, D]."""
    position = embeddings.position(max((length for _, length, _ in groups), default=1))
    positions = [
        position[:length].expand(texts, -1, -1).flatten(0, 1) for texts, length, _ in groups
    ]
    x = embeddings.token(ids) + embeddings.segment(segments)
    x = norm(embeddings.layer_norm, x + torch.cat(positions or [position[:0]]))
    return functional.dropout(x, dropout)


def attend_to_itself(
    layer: "Layer", x: torch.Tensor, groups: Sequence[Group], dropout: float
) -> torch.Tensor:
    """The first sublayer, of encoder.py and decoder.py alike; the masks are additive here."""
    attention = layer.attention
    query, key, value = project(x, attention.query, attention.key, attention.value)
    if groups:
        contexts = []
        cut = [texts * length for texts, length, _ in groups]
        own = zip(*(part.split(cut) for part in (query, key, value)), groups, strict=True)
        for *parts, (texts, length, mask) in own:
            q, k, v = (part.view(texts, length, attention.num_heads, -1) for part in parts)
            contexts.append(attend(q, k, v, mask, dropout))
        context = torch.cat(contexts)
    else:  # no tokens; the result still depends on the weights
        context = query + key + value
    output = functional.dropout(attention.output(context), dropout)
    return norm(layer.attention_layer_norm, x + output)


def attend_to_memory(
    layer: "DecoderLayer",
    x: torch.Tensor,
    groups: Sequence[Group],
    memory: Memory,
    dropout: float,
) -> torch.Tensor:
    """The second sublayer of decoder.py."""
    attention = cast(Any, layer.cross_attention)
    query = attention.query(x)
    read = torch.cat(project(memory.states, attention.key, attention.value), dim=-1)
    mask = make_additive_mask(memory.mask, x.dtype)
    contexts, text, token = [query[:0]], 0, 0
    for texts, length, _ in groups:
        rows = slice(text, text + texts)
        own = query[token : token + texts * length].unflatten(0, (texts, length))
        parts = (own, *read[memory.places[rows]].chunk(2, dim=-1))  # [texts, T or S, D]
        q, k, v = (part.unflatten(-1, (attention.num_heads, -1)) for part in parts)
        contexts.append(attend(q, k, v, mask[rows], dropout))
        text, token = text + texts, token + texts * length
    context = torch.cat(contexts)
    if not groups:
        context = context + read[:0].chunk(2, dim=-1)[0]
    output = functional.dropout(attention.output(context), dropout)
    return norm(layer.cross_attention_layer_norm, x + output)


def transform(layer: "Layer", x: torch.Tensor, dropout: float) -> torch.Tensor:
    """The last sublayer."""
    feed_forward = layer.feed_forward
    output = feed_forward.output(functional.gelu(feed_forward.inner(x)))
    return norm(layer.feed_forward_layer_norm, x + functional.dropout(output, dropout))


def project(x: torch.Tensor, *maps: nn.Linear) -> tuple[torch.Tensor, ...]:
    """Several linear maps of the same x, as one product."""
    weight = torch.cat([part.weight for part in maps])
    bias = torch.cat([part.bias for part in maps])
    return functional.linear(x, weight, bias).chunk(len(maps), dim=-1)


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    dropout: float,
) -> torch.Tensor:
    """softmax(QKᵀ/√H + mask)·V of a group: [texts, T, N, H], [texts, S, N, H] -> [texts · T, D]."""
    query, key, value = (part.transpose(1, 2) for part in (query, key, value))
    # Divided here, where there are fewer numbers than in the scores.
    scores = query / math.sqrt(query.shape[-1]) @ key.transpose(-1, -2)
    if mask is not None:
        scores = scores + mask
    probs = functional.dropout(torch.softmax(scores, dim=-1), dropout)
    return (probs @ value).transpose(1, 2).flatten(2).flatten(0, 1)


def score_pieces(
    head: MaskedLMHead, hidden: torch.Tensor, token_embeddings: torch.Tensor
) -> torch.Tensor:
    """The MLM head of heads.py: [T, D] -> [T, V]."""
    activation = functional.gelu(head.dense(hidden))
    return functional.linear(norm(head.layer_norm, activation), token_embeddings, head.bias)


def pooled(pooler: nn.Module | None, first_tokens: torch.Tensor) -> torch.Tensor:
    """The pooler's output for the [CLS] vectors [B, D]."""
    return torch.tanh(cast(Pooler, pooler).dense(first_tokens))


def norm(layer_norm: LayerNorm, x: torch.Tensor) -> torch.Tensor:
    shape = layer_norm.gamma.shape
    return functional.layer_norm(x, shape, layer_norm.gamma, layer_norm.beta, layer_norm.eps)
