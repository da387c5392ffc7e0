import math

import numpy as np
import pytest
import torch

from minibert.feed_forward import FeedForward, gelu
from tests import tiny

POINTS = torch.linspace(-6, 6, 241, dtype=torch.float64)


def test_gelu_is_the_exact_form():
    for x, y in zip(POINTS.tolist(), gelu(POINTS).tolist(), strict=True):
        assert y == pytest.approx(x * 0.5 * (1 + math.erf(x / math.sqrt(2))), abs=1e-15)


def test_how_far_the_tanh_form_is_off():
    inner = math.sqrt(2 / math.pi) * (POINTS + 0.044715 * POINTS**3)
    gap = (gelu(POINTS) - 0.5 * POINTS * (1 + torch.tanh(inner))).abs().max().item()
    assert gap == pytest.approx(4.7e-4, abs=1e-5)


def test_formula():
    network = tiny.randomise(FeedForward(tiny.CONFIG).double(), seed=0)
    x = np.random.default_rng(0).normal(size=(3, 5, 28))
    weight = {name: p.detach().numpy() for name, p in network.named_parameters()}
    inner = x @ weight["inner.weight"].T + weight["inner.bias"]
    active = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
    expected = active @ weight["output.weight"].T + weight["output.bias"]
    result = network(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-13)
    assert (result < 0).any()  # an outer ReLU (article A§4.1.2) could not do that
