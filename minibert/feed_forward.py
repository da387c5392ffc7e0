"""The feed-forward network (前馈神经网络), F3, and GELU.

    FFN(x) = GELU(x·W_1 + b_1) · W_2 + b_2

    GELU(x) = x · Φ(x) = x/2 · (1 + erf(x / √2))

where Φ is the normal distribution's cumulative function. Each token is transformed by itself, with
the same weights.

Shapes: x [B, S, D] -> inner [B, S, I] -> [B, S, D]

Source: article C§4.1.2 and A§4.1.2; Vaswani et al. 2017, section 3.3; GELU: Hendrycks and Gimpel
2016 (arXiv 1606.08415); BERT's code.

Differs: the articles write ReLU, as the Transformer has it; BERT has GELU, in the exact form with
erf, not the tanh approximation (off by up to 4.7e-4). Article A§4.1.2 puts a second ReLU around all
of it and loses b_2: such a layer could never lower a feature.
"""

import math

import torch
from torch import nn

from minibert.config import BertConfig
from minibert.named import Named


def gelu(x: torch.Tensor) -> torch.Tensor:
    """x/2 · (1 + erf(x/√2)): a smooth ReLU that lets small negative numbers through.

    Example:
        >>> gelu(torch.tensor([-1.0, 0.0, 2.0]))
        tensor([-0.1587,  0.0000,  1.9545])
    """
    phi = 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))  # Φ(x)
    return x * phi


class FeedForward(nn.Module):
    """Two linear maps with GELU between: D to I features and back.

    Example:
        >>> config = BertConfig(hidden_size=4, num_attention_heads=2, intermediate_size=12)
        >>> FeedForward(config)(torch.randn(1, 3, 4)).shape
        torch.Size([1, 3, 4])
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.inner = nn.Linear(config.hidden_size, config.intermediate_size)
        self.activation = Named()
        self.output = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.inner(x)  # [B, S, I]
        activation = self.activation(gelu(inner))
        return self.output(activation)  # [B, S, D]
