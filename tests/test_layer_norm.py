import torch
from torch import nn

from minibert.layer_norm import LayerNorm
from tests import tiny


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
