"""The decoder's next token, as fast as PyTorch's own operations go: keys and values are kept.

A token's key and value depend on the tokens before it alone, so a later token does not change them.
Each step computes those of the new tokens, and asks all that are there:

    context_t = softmax(q_t · [k_1 … k_t]ᵀ / √H) · [v_1 … v_t]

Keys and values of cross-attention come from the encoder's text, which is there from the start: they
are computed once. So a step costs as much as its own token, and not as much as the whole text.

The parameters are the textbook model's. tests/translation/test_generation.py holds the logits
against the textbook's.
"""

from typing import Any

import torch
from torch.nn import functional

from minibert.attention import MultiHeadAttention, make_additive_mask
from minibert.training.forward import norm
from minibert.translation.causal import make_causal_mask
from minibert.translation.decoder import DecoderLayer


class Cached:
    """The next token's logits of R texts: `step(tokens)` [R, V] after each call's tokens [R, new].

    `decoder`: a BertLMHeadModel. `padding_mask` [R, max_length]: 0 at the padding, which stands
    before a text; None is none. `memory` [R, S, D] and `memory_mask` [R, S]: the encoder's.
    """

    def __init__(
        self,
        decoder: Any,
        max_length: int,
        padding_mask: torch.Tensor | None,
        memory: torch.Tensor | None,
        memory_mask: torch.Tensor | None,
    ):
        self.decoder, self.max_length, self.length = decoder, max_length, 0
        self.padding_mask = padding_mask
        self.layers = list(decoder.bert.decoder.layers)
        attentions = [layer.attention for layer in self.layers]
        self.maps = [joined(part.query, part.key, part.value) for part in attentions]
        self.kept: list[torch.Tensor] = []  # L × [2, R, N, max_length, H]: keys, values
        self.memory_mask = None
        self.read: list[Any] = [None] * len(self.layers)  # L × [2, R, N, S, H]
        if memory is not None:
            crosses = [layer.cross_attention for layer in self.layers]
            self.read = [heads(memory, joined(part.key, part.value), part) for part in crosses]
            if memory_mask is not None:
                self.memory_mask = make_additive_mask(memory_mask, memory.dtype)

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        first, self.length = self.length, self.length + tokens.shape[1]
        embeddings = self.decoder.bert.embeddings
        position = embeddings.position(self.length)[first:]  # [new, D]
        mask = None
        if self.padding_mask is not None:
            padding_mask = self.padding_mask[:, : self.length]
            position_ids = (padding_mask.cumsum(1)[:, first:] - 1).clamp(min=0)  # [R, new]
            position = embeddings.position(self.length)[position_ids]  # [R, new, D]
            mask = make_additive_mask(padding_mask, position.dtype)
        if tokens.shape[1] > 1:  # only at the start: the prompt's tokens must not see each other's
            seen = torch.ones_like(tokens) if self.padding_mask is None else padding_mask
            mask = make_causal_mask(seen, position.dtype)
        x = embeddings.token(tokens) + embeddings.segment.weight[0] + position
        x = norm(embeddings.layer_norm, x)
        for i in range(len(self.layers)):
            x = self.run_layer(i, x, first, mask)
        head = self.decoder.mlm
        x = norm(head.layer_norm, functional.gelu(head.dense(x[:, -1])))
        return functional.linear(x, embeddings.token.weight, head.bias)

    def run_layer(
        self, i: int, x: torch.Tensor, first: int, mask: torch.Tensor | None
    ) -> torch.Tensor:
        """One decoder layer, as in decoder.py."""
        layer: DecoderLayer = self.layers[i]
        projected = heads(x, self.maps[i], layer.attention)  # [3, R, N, new, H]
        if len(self.kept) == i:
            shape = (2, *projected.shape[1:3], self.max_length, projected.shape[4])
            self.kept.append(projected.new_empty(shape))
        self.kept[i][:, :, :, first : self.length] = projected[1:]
        keys, values = self.kept[i][:, :, :, : self.length]
        x = norm(
            layer.attention_layer_norm,
            x + attend(layer.attention, projected[0], keys, values, mask),
        )
        if layer.cross_attention is not None:
            cross = layer.cross_attention
            query = heads(x, (cross.query.weight, cross.query.bias), cross)[0]
            output = attend(cross, query, *self.read[i], self.memory_mask)
            x = norm(layer.cross_attention_layer_norm, x + output)
        inner = functional.gelu(layer.feed_forward.inner(x))
        return norm(layer.feed_forward_layer_norm, x + layer.feed_forward.output(inner))

    def select(self, rows: torch.Tensor) -> None:
        """Text r goes on from what was text rows[r], one of the same encoder's text and padding."""
        for kept in self.kept:
            kept[:, :, :, : self.length] = kept[:, rows, :, : self.length]


def joined(*maps: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of several linear maps of the same input, as one."""
    return torch.cat([part.weight for part in maps]), torch.cat([part.bias for part in maps])


def heads(
    x: torch.Tensor, maps: tuple[torch.Tensor, torch.Tensor], attention: MultiHeadAttention
) -> torch.Tensor:
    """x [R, T, D], mapped to n·D features -> [n, R, N, T, H]."""
    weight, bias = maps
    projected = functional.linear(x, weight, bias)
    parts = len(weight) // x.shape[-1]
    split = projected.view(*x.shape[:2], parts, attention.num_heads, -1)
    return split.permute(2, 0, 3, 1, 4)


def attend(
    attention: MultiHeadAttention,
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    mask: torch.Tensor | None,
) -> torch.Tensor:
    """softmax(QKᵀ/√H + mask)·V and the output map, by PyTorch's fused attention."""
    context = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    return attention.output(context.transpose(1, 2).flatten(2))
