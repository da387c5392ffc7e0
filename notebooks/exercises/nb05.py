"""What is right in notebook 05: feed-forward, normalisation, residual."""

import torch

from minibert.feed_forward import gelu
from minibert.layer_norm import LayerNorm

from . import compare, exercise


@exercise("05.1")
def normalised(answer: list[float]) -> str | None:
    norm = LayerNorm(4, eps=1e-12)
    norm.beta.data[3] = 1.0
    return compare(answer, norm(torch.tensor([3.0, 3.0, 9.0, 9.0])))


@exercise("05.2")
def rows_that_change(answer: list[int]) -> str | None:
    # The feed-forward network sees one token; attention mixes each row from all of them.
    return compare(answer, [1, 9])


@exercise("05.3")
def layer_norm(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    x = 3 * torch.randn(5, 8, generator=generator) + 1
    for eps in (1e-12, 0.5):
        norm = LayerNorm(8, eps=eps)
        norm.gamma.data = torch.randn(8, generator=generator)
        norm.beta.data = torch.randn(8, generator=generator)
        hint = compare(answer(x, norm.gamma.data, norm.beta.data, eps), norm(x))
        if hint:
            return f"x [5, 8], eps {eps:g}: {hint}"
    return None


@exercise("05.4")
def exact_gelu(answer) -> str | None:
    x = torch.linspace(-5, 5, 101)
    hint = compare(answer(x), gelu(x), tolerance=2e-5)
    if hint and compare(answer(x), gelu(x)) is None:
        return "Close, but an approximation: the exact one has erf."
    return hint


@exercise("05.5")
def one_map(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    shapes = ((4, 6), (6,), (6, 4), (4,))
    W_1, b_1, W_2, b_2 = (torch.randn(shape, generator=generator) for shape in shapes)
    W, b = answer(W_1, b_1, W_2, b_2)
    for name, given, right in (("W", W, W_1 @ W_2), ("b", b, b_1 @ W_2 + b_2)):
        hint = compare(given, right)
        if hint:
            return f"D = 4, I = 6, {name}: {hint}"
    return None
