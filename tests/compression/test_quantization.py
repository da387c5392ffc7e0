"""Whole numbers of one byte, against the formula in float64 with Python's own integers."""

import pytest
import torch

from minibert.compression.quantization import quantize, quantized_linear


def test_each_row_has_its_scale():
    rows = torch.tensor([[1.0, -2.0, 0.5], [1000.0, 1.0, -3.0], [0.0, 0.0, 0.0]])
    q, scale = quantize(rows)
    assert q.dtype == torch.int8
    assert q.tolist() == [[64, -127, 32], [127, 0, 0], [0, 0, 0]]
    # Half a step at most is lost.
    assert ((q * scale - rows).abs() <= scale / 2 * (1 + 1e-6)).all()


@pytest.mark.parametrize("tokens", [1, 5, 16, 37])
def test_the_product_is_exact_in_whole_numbers(tokens):
    torch.manual_seed(tokens)
    x, weight, bias = torch.randn(tokens, 28), torch.randn(11, 28), torch.randn(11)
    q_weight, weight_scale = quantize(weight)
    found = quantized_linear(x, q_weight, weight_scale, bias)
    q, scale = quantize(x)
    for token in range(tokens):
        for out in range(11):
            total = sum(
                a * b for a, b in zip(q[token].tolist(), q_weight[out].tolist(), strict=True)
            )
            expected = scale[token].item() * total * weight_scale[out].item() + bias[out].item()
            assert found[token, out].item() == pytest.approx(expected, rel=1e-5, abs=1e-6)
    exact = x.double() @ weight.double().T + bias.double()
    assert (found - exact).abs().max() < 0.05 * exact.abs().max()
