"""Layer normalisation (层归一化), F4.

    LayerNorm(x) = γ · (x − μ) / √(σ² + ε) + β

    μ = 1/D · Σ x_i        σ² = 1/D · Σ (x_i − μ)²

where x is one token's D features, and γ (scale) and β (shift) are learned.

Shapes: x [..., D], γ [D], β [D] -> [..., D]

Source: article C§4.1.3 and C§4.2.3; Ba et al. 2016 (arXiv 1607.06450), equation 4.

Differs: nothing; the articles leave ε open. BERT's is 1e-12, small enough that σ² alone decides in
float32. (The 1e-5 that most libraries default to changes the digits; in float16, 1e-12 is zero.)
"""

import torch
from torch import nn

from minibert.named import Named


class LayerNorm(nn.Module):
    """Give each token's features mean 0 and variance 1, then the learned scale and shift.

    Example:
        >>> x = torch.tensor([[1.0, 2.0, 6.0], [0.0, 0.0, 3.0], [5.0, 7.0, 9.0]])
        >>> LayerNorm(3, eps=1e-12)(x)
        tensor([[-0.9258, -0.4629,  1.3887],
                [-0.7071, -0.7071,  1.4142],
                [-1.2247,  0.0000,  1.2247]], grad_fn=<AddBackward0>)
    """

    def __init__(self, hidden_size: int, eps: float):
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(hidden_size))
        self.beta = nn.Parameter(torch.zeros(hidden_size))
        self.normalised = Named()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Over the features of one token, never over the batch: so a token's result does not
        # depend on its neighbours, and training and inference do the same.
        centred = x - x.mean(dim=-1, keepdim=True)
        # 1/D, not 1/(D−1): the spread of these D numbers, not an estimate from a sample.
        variance = (centred * centred).mean(dim=-1, keepdim=True)  # [..., 1]
        normalised = self.normalised(centred / torch.sqrt(variance + self.eps))
        return self.gamma * normalised + self.beta
