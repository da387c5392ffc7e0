import math

import pytest
import torch

from minibert.feed_forward import gelu

POINTS = torch.linspace(-6, 6, 241, dtype=torch.float64)


def test_gelu_is_the_exact_form():
    for x, y in zip(POINTS.tolist(), gelu(POINTS).tolist(), strict=True):
        assert y == pytest.approx(x * 0.5 * (1 + math.erf(x / math.sqrt(2))), abs=1e-15)


def test_how_far_the_tanh_form_is_off():
    inner = math.sqrt(2 / math.pi) * (POINTS + 0.044715 * POINTS**3)
    gap = (gelu(POINTS) - 0.5 * POINTS * (1 + torch.tanh(inner))).abs().max().item()
    assert gap == pytest.approx(4.7e-4, abs=1e-5)
