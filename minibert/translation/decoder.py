"""One decoder layer (解码器) and the stack of L layers.

    a = LayerNorm(x + MultiHead(x))               each token sees those before it: the causal mask
    c = LayerNorm(a + CrossAttention(a, m))       and all of the encoder's text
    layer(x) = LayerNorm(c + FFN(c))

where m are the encoder's last states. Three sublayers, where the encoder has two. Without an
encoder there is no m and no second line: what is left is BERT's own layer under another mask, which
is all that a GPT adds.

Shapes: x [B, T, D], causal_mask [B, 1, T, T], memory [B, S, D], memory_mask [B, 1, 1, S] ->
hidden_states (L+1) × [B, T, D], attention_probs L × [B, N, T, T],
cross_attention_probs L × [B, N, T, S]

Source: article D§3.1.3, A§2.1; Vaswani et al. 2017, section 3.1 and figure 1.

Differs: article D§3.1.3 has convolutions in the layers and gives encoder and decoder the same
ones. Post-norm as in BERT and in the paper. Each layer reads the encoder's *last* states, not
those of its own height.
"""

import torch
from torch import nn

from minibert.attention import MultiHeadAttention
from minibert.config import BertConfig
from minibert.feed_forward import FeedForward
from minibert.layer_norm import LayerNorm
from minibert.named import Named
from minibert.translation.cross_attention import CrossAttention

Probs = torch.Tensor | None  # None: the decoder has no cross-attention


class DecoderLayer(nn.Module):
    """Attention to the past, attention to the other text, feed-forward.

    Example:
        >>> config = BertConfig(hidden_size=6, num_attention_heads=3, intermediate_size=8)
        >>> no_mask, memory = torch.zeros(1, 1, 1, 1), torch.randn(1, 5, 6)
        >>> layer = DecoderLayer(config, cross_attention=True)
        >>> output, probs, cross_probs = layer(torch.randn(1, 2, 6), no_mask, memory, no_mask)
        >>> output.shape, probs.shape, cross_probs.shape
        (torch.Size([1, 2, 6]), torch.Size([1, 3, 2, 2]), torch.Size([1, 3, 2, 5]))
    """

    def __init__(self, config: BertConfig, *, cross_attention: bool):
        super().__init__()
        self.attention = MultiHeadAttention(config)
        self.attention_residual = Named()
        self.attention_layer_norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.cross_attention = None
        if cross_attention:
            self.cross_attention = CrossAttention(config)
            self.cross_attention_residual = Named()
            self.cross_attention_layer_norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.feed_forward = FeedForward(config)
        self.feed_forward_residual = Named()
        self.feed_forward_layer_norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        x: torch.Tensor,
        causal_mask: torch.Tensor,
        memory: torch.Tensor | None = None,
        memory_mask: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, Probs]:
        attention_output, probs = self.attention(x, causal_mask)
        attention_residual = self.attention_residual(x + self.dropout(attention_output))
        a = self.attention_layer_norm(attention_residual)
        c, cross_probs = a, None  # without an encoder
        if self.cross_attention is not None:
            cross_output, cross_probs = self.cross_attention(a, memory_mask, memory)
            cross_residual = self.cross_attention_residual(a + self.dropout(cross_output))
            c = self.cross_attention_layer_norm(cross_residual)
        feed_forward_residual = self.feed_forward_residual(c + self.dropout(self.feed_forward(c)))
        return self.feed_forward_layer_norm(feed_forward_residual), probs, cross_probs


class Decoder(nn.Module):
    """L layers, each reading the one before, and all of them the same memory.

    Example:
        >>> config = BertConfig(hidden_size=6, num_attention_heads=3, num_hidden_layers=2)
        >>> decoder = Decoder(config, cross_attention=False)
        >>> states, probs, cross_probs = decoder(torch.randn(1, 4, 6), torch.zeros(1, 1, 4, 4))
        >>> len(states), len(probs), cross_probs
        (3, 2, (None, None))
    """

    def __init__(self, config: BertConfig, *, cross_attention: bool):
        super().__init__()
        self.layers = nn.ModuleList(
            DecoderLayer(config, cross_attention=cross_attention)
            for _ in range(config.num_hidden_layers)
        )

    def forward(
        self,
        embeddings: torch.Tensor,
        causal_mask: torch.Tensor,
        memory: torch.Tensor | None = None,
        memory_mask: torch.Tensor | None = None,
    ) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...], tuple[Probs, ...]]:
        hidden_states = [embeddings]
        attention_probs, cross_attention_probs = [], []
        for layer in self.layers:
            hidden_state, probs, cross = layer(hidden_states[-1], causal_mask, memory, memory_mask)
            hidden_states.append(hidden_state)
            attention_probs.append(probs)
            cross_attention_probs.append(cross)
        return tuple(hidden_states), tuple(attention_probs), tuple(cross_attention_probs)
