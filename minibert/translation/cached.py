"""The next token as fast as PyTorch's own operations go: keys and values are kept (KV 缓存).

A token's key and value depend on no later token, so they never change. A step computes those of the
new token, and asks all that are there:

    context_t = softmax(q_t · [k_1 … k_t]ᵀ / √H) · [v_1 … v_t]

Keys and values of cross-attention come from the encoder's text: they are computed once. So a step
costs as much as one token, not as much as the whole text.

The parameters are the textbook model's. tests/translation/test_generation.py holds the logits
against the textbook's.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from minibert.attention import make_additive_mask
from minibert.training.forward import norm
from minibert.translation.causal import make_causal_mask

if TYPE_CHECKING:
    from minibert.translation.encoder_decoder import BertLMHeadModel


class Cached:
    """generation.Textbook's logits, from the tokens that are new since the last call."""

    def __init__(
        self,
        decoder: "BertLMHeadModel",
        padding_mask: torch.Tensor,
        memory: torch.Tensor | None = None,
        memory_mask: torch.Tensor | None = None,
    ):
        self.decoder, self.padding_mask, self.length = decoder, padding_mask, 0
        self.layers: list[Any] = list(decoder.bert.decoder.layers)
        self.heads = decoder.bert.config.num_attention_heads, decoder.bert.config.head_size
        own = [layer.attention for layer in self.layers]
        self.maps = [joined(each.query, each.key, each.value) for each in own]
        self.kept: list[torch.Tensor] = []  # L × [2, R, N, max_length, H], keys and values
        self.read: list[torch.Tensor] = []  # L × [2, R, N, S, H], those of the encoder's text
        self.memory_mask = None
        if memory is not None and memory_mask is not None:
            cross = [layer.cross_attention for layer in self.layers]
            maps = [joined(each.key, each.value) for each in cross]
            flat = memory.flatten(0, 1)
            self.read = [self.split(product(flat, *each), len(memory)) for each in maps]
            self.memory_mask = make_additive_mask(memory_mask, memory.dtype)

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        if not self.kept:
            rows, max_length = self.padding_mask.shape
            shape = 2, rows, self.heads[0], max_length, self.heads[1]
            self.kept = [self.decoder.mlm.bias.new_empty(shape) for _ in self.layers]
        first, self.length = self.length, ids.shape[1]
        tokens, seen = ids[:, first:], self.padding_mask[:, : self.length]
        # Only a prompt has tokens that could see those behind them.
        make_mask = make_causal_mask if tokens.shape[1] > 1 else make_additive_mask
        mask = make_mask(seen, self.decoder.mlm.bias.dtype)
        embeddings, mlm = self.decoder.bert.embeddings, self.decoder.mlm
        position_ids = (seen.cumsum(dim=1)[:, first:] - 1).clamp(min=0)  # 0: the first real token
        total = embeddings.token(tokens) + embeddings.position.table[position_ids]
        total = (total + embeddings.segment.weight[0]).flatten(0, 1)  # [R · new, D]
        x = norm(embeddings.layer_norm, total)
        for i in range(len(self.layers)):
            x = self.run_layer(i, x, first, mask)
        last = x.unflatten(0, tokens.shape)[:, -1]  # [R, D]
        last = norm(mlm.layer_norm, functional.gelu(linear(mlm.dense, last)))
        return product(last, embeddings.token.weight, mlm.bias)  # [R, V]

    def run_layer(self, i: int, x: torch.Tensor, first: int, mask: torch.Tensor) -> torch.Tensor:
        """One decoder layer, as in decoder.py."""
        layer, rows = self.layers[i], len(mask)
        projected = self.split(product(x, *self.maps[i]), rows)  # [3, R, N, new, H]
        self.kept[i][:, :, :, first : self.length] = projected[1:]
        keys, values = self.kept[i][:, :, :, : self.length]
        context = attend(projected[0], keys, values, mask)
        x = norm(layer.attention_layer_norm, x + linear(layer.attention.output, context))
        if self.read:
            query = self.split(linear(layer.cross_attention.query, x), rows)[0]
            keys, values = self.read[i]
            context = attend(query, keys, values, self.memory_mask)
            output = linear(layer.cross_attention.output, context)
            x = norm(layer.cross_attention_layer_norm, x + output)
        inner = functional.gelu(linear(layer.feed_forward.inner, x))
        return norm(layer.feed_forward_layer_norm, x + linear(layer.feed_forward.output, inner))

    def split(self, projected: torch.Tensor, rows: int) -> torch.Tensor:
        """[R · T, n · D] -> [n, R, N, T, H]."""
        parts = projected.shape[1] // (self.heads[0] * self.heads[1])
        return projected.view(rows, -1, parts, *self.heads).permute(2, 0, 3, 1, 4)

    def select(self, rows: torch.Tensor) -> None:
        """As Textbook.select; but as many rows as before must be of the same texts to read."""
        for i, kept in enumerate(self.kept):
            chosen = kept[:, rows, :, : self.length]
            self.kept[i] = kept[:, : len(rows)]
            self.kept[i][:, :, :, : self.length] = chosen
        if len(rows) != len(self.padding_mask):
            self.padding_mask = self.padding_mask[rows]
            self.read = [read[:, rows] for read in self.read]
            self.memory_mask = None if self.memory_mask is None else self.memory_mask[rows]


def joined(*maps: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of several linear maps of the same input, as one."""
    return torch.cat([each.weight for each in maps]), torch.cat([each.bias for each in maps])


def linear(part: Any, x: torch.Tensor) -> torch.Tensor:
    return product(x, part.weight, part.bias)


def product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """x·Wᵀ + b; for a single row as a matrix times a vector, which reads W faster."""
    if len(x) == 1:
        return torch.addmv(bias, weight, x[0])[None]
    return functional.linear(x, weight, bias)


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None
) -> torch.Tensor:
    """softmax(QKᵀ/√H + mask)·V by PyTorch's fused attention: [R, N, T, H] -> [R · T, D]."""
    context = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    return context.transpose(1, 2).flatten(2).flatten(0, 1)
