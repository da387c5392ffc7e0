import numpy as np
import torch
from torch import nn

from minibert.layer_norm import LayerNorm
from tests import tiny


def test_formula_with_every_term():
    rng = np.random.default_rng(0)
    # Rows of deviation 1, 100 and 1e-4: only in the last does ε = 1e-12 matter in double precision,
    # and ε = 1e-5 would change all of it.
    x = rng.normal(size=(3, 28)) * np.array([[1.0], [100.0], [1e-4]]) + 3.0
    layer = tiny.randomise(LayerNorm(28, eps=1e-12).double(), seed=1)
    gamma, beta = (p.detach().numpy() for p in (layer.gamma, layer.beta))

    mean = np.array([sum(row) / 28 for row in x])[:, None]
    variance = np.array([sum((row - row.mean()) ** 2) / 28 for row in x])[:, None]
    expected = gamma * (x - mean) / np.sqrt(variance + 1e-12) + beta

    np.testing.assert_allclose(
        layer(torch.from_numpy(x)).detach().numpy(), expected, rtol=0, atol=1e-10
    )


def test_epsilon_decides_a_row_without_spread():
    layer = LayerNorm(4, eps=1e-12)
    flat = torch.full((1, 4), 7.0)
    assert torch.equal(layer(flat), torch.zeros(1, 4))  # 0/√ε = 0, not 0/0


def test_float32_as_pytorch():
    x = torch.randn(3, 5, 28, generator=torch.Generator().manual_seed(0))
    reference = tiny.randomise(nn.LayerNorm(28, eps=1e-12), seed=1)
    layer = LayerNorm(28, eps=1e-12)
    layer.load_state_dict({"gamma": reference.weight, "beta": reference.bias})
    torch.testing.assert_close(layer(x), reference(x), rtol=0, atol=1e-6)
