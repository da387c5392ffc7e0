"""One encoder layer and the stack of L layers (编码器), F6 and F7.

    a = LayerNorm(x + MultiHead(x))
    layer(x) = LayerNorm(a + FFN(a))

    h_0 = embeddings,  h_i = layer_i(h_{i−1})

where h_i is the embedding of encoder layer i: L+1 states for L layers.

Shapes: x [B, S, D], additive_mask [B, 1, 1, S] -> hidden_states (L+1) × [B, S, D],
attention_probs L × [B, N, S, S]

Source: article C§2.3, C§3.2.3, B§2.1, E§4.1; Vaswani et al. 2017, section 3.1.

Differs: LayerNorm comes after the sum (post-norm); later models put it before. The articles name
the residual (残差连接) and never write it. Without it (article A§4.1.3) the layer would lose what
it knew of its token, and would have to rebuild it from attention. "Bidirectional" (article E§4.1)
is not two encoders, but one attention that sees both sides.
"""

import torch
from torch import nn

from minibert.attention import MultiHeadAttention
from minibert.config import BertConfig
from minibert.feed_forward import FeedForward
from minibert.layer_norm import LayerNorm
from minibert.named import Named


class EncoderLayer(nn.Module):
    """Attention, then feed-forward; each added to its input and normalised.

    Example:
        >>> config = BertConfig(hidden_size=6, num_attention_heads=3, intermediate_size=8)
        >>> no_padding = torch.zeros(1, 1, 1, 4)
        >>> output, probs = EncoderLayer(config)(torch.randn(1, 4, 6), no_padding)
        >>> output.shape, probs.shape
        (torch.Size([1, 4, 6]), torch.Size([1, 3, 4, 4]))
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.attention = MultiHeadAttention(config)
        self.attention_residual = Named()
        self.attention_layer_norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.feed_forward = FeedForward(config)
        self.feed_forward_residual = Named()
        self.feed_forward_layer_norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self, x: torch.Tensor, additive_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        attention_output, probs = self.attention(x, additive_mask)
        attention_residual = self.attention_residual(x + self.dropout(attention_output))
        a = self.attention_layer_norm(attention_residual)
        feed_forward_residual = self.feed_forward_residual(a + self.dropout(self.feed_forward(a)))
        return self.feed_forward_layer_norm(feed_forward_residual), probs


class Encoder(nn.Module):
    """L layers, each reading the one before. All states are kept: they are what we want.

    Example:
        >>> config = BertConfig(hidden_size=6, num_attention_heads=3, num_hidden_layers=2)
        >>> hidden_states, probs = Encoder(config)(torch.randn(1, 4, 6), torch.zeros(1, 1, 1, 4))
        >>> len(hidden_states), len(probs)
        (3, 2)
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.num_hidden_layers))

    def forward(
        self, embeddings: torch.Tensor, additive_mask: torch.Tensor
    ) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
        hidden_states = [embeddings]
        attention_probs = []
        for layer in self.layers:
            hidden_state, probs = layer(hidden_states[-1], additive_mask)
            hidden_states.append(hidden_state)
            attention_probs.append(probs)
        return tuple(hidden_states), tuple(attention_probs)
