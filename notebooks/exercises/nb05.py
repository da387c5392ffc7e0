"""What is right in notebook 05: feed-forward, normalisation, residual."""

import math

import torch

from minibert.feed_forward import gelu
from minibert.layer_norm import LayerNorm

from . import compare, exercise


@exercise("05.1")
def normalised(answer: list[float]) -> str | None:
    norm = LayerNorm(4, eps=1e-12)
    norm.beta.data[3] = 1.0
    x, beta = torch.tensor([3.0, 3.0, 9.0, 9.0]), norm.beta.data
    centred = x - x.mean()
    mistakes = {
        "the variance is divided by n − 1, not by n": centred / x.std() + beta,
        "β is left out": centred / 3,
        "β's 1 is added to every feature": centred / 3 + 1,
        "one divides by the variance, not by its root": centred / 9 + beta,
        "one does not divide by σ": centred + beta,
        "the mean is not subtracted": x / 3 + beta,
    }
    return compare(answer, norm(x), mistakes=mistakes)


@exercise("05.2")
def rows_that_change(answer: list[int]) -> str | None:
    # The feed-forward network sees one token; attention mixes each row from all of them.
    mistakes = {
        "the two are exchanged": [9, 1],
        "attention, too, works on each token alone": [1, 1],
        "the feed-forward network, too, mixes the tokens": [9, 9],
        "the changed token's own row is not counted": [1, 8],
        "one counts the rows that stay": [8, 0],
    }
    return compare(answer, [1, 9], mistakes=mistakes)


def wrong_norms(x, gamma, beta, eps) -> dict[str, torch.Tensor]:
    """What the mistakes that are made most often give."""
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, correction=0, keepdim=True)
    root = torch.sqrt(variance + eps)
    normal = centred / root
    of_tokens = (x - x.mean(dim=0)) / torch.sqrt(x.var(dim=0, correction=0) + eps)
    of_all = (x - x.mean()) / torch.sqrt(x.var(correction=0) + eps)
    sample = centred / torch.sqrt(x.var(dim=-1, keepdim=True) + eps)
    outside = centred / (variance.sqrt() + eps)
    return {
        "the variance is divided by n − 1, not by n": gamma * sample + beta,
        "mean and variance go over the tokens, not over the features": gamma * of_tokens + beta,
        "mean and variance go over the whole matrix": gamma * of_all + beta,
        "ε stands outside the root": gamma * outside + beta,
        "the given ε is not used": gamma * centred / variance.sqrt() + beta,
        "one divides by the variance, not by its root": gamma * centred / (variance + eps) + beta,
        "the mean is not subtracted": gamma * x / root + beta,
        "one does not divide by σ": gamma * centred + beta,
        "γ and β are exchanged": beta * normal + gamma,
        "β is added before γ multiplies": gamma * (normal + beta),
        "β is left out": gamma * normal,
        "γ is left out": normal + beta,
        "γ and β are left out": normal,
    }


@exercise("05.3", function="layer_norm(x, gamma, beta, eps)")
def layer_norm(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    x = 3 * torch.randn(5, 8, generator=generator) + 1
    for eps in (1e-12, 0.5):
        norm = LayerNorm(8, eps=eps)
        norm.gamma.data = torch.randn(8, generator=generator)
        norm.beta.data = torch.randn(8, generator=generator)
        gamma, beta = norm.gamma.data, norm.beta.data
        given = answer(x.clone(), gamma.clone(), beta.clone(), eps)
        hint = compare(given, norm(x), mistakes=wrong_norms(x, gamma, beta, eps))
        if hint:
            return f"x [5, 8], eps {eps:g}: {hint}"
    return None


@exercise("05.4", function="my_gelu(x)")
def exact_gelu(answer) -> str | None:
    x = torch.linspace(-5, 5, 101)
    probability = (1 + torch.erf(x / math.sqrt(2))) / 2
    bend = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    mistakes = {
        "max(0, x) is taken: that is ReLU": torch.relu(x),
        "tanh is taken for erf: close, but an approximation": x * (1 + torch.tanh(bend)) / 2,
        "x · sigmoid(1.702 x) is taken: close, but an approximation": x * torch.sigmoid(1.702 * x),
        "x · sigmoid(x) is taken: that is SiLU": x * torch.sigmoid(x),
        "x is not divided by √2 inside of erf": x * (1 + torch.erf(x)) / 2,
        "x is divided by 2, not by √2, inside of erf": x * (1 + torch.erf(x / 2)) / 2,
        "the factor 1/2 is left out": 2 * x * probability,
        "the 1 before erf is left out": x * torch.erf(x / math.sqrt(2)) / 2,
        "Φ(x) is not multiplied by x": probability,
    }
    given = answer(x.clone())
    hint = compare(given, gelu(x), tolerance=2e-5, mistakes=mistakes)
    if hint and "comes out" not in hint and compare(given, gelu(x)) is None:
        return "Close, but an approximation: the exact one has erf."
    return hint


@exercise("05.5", function="one_map(W_1, b_1, W_2, b_2)")
def one_map(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    shapes = ((4, 6), (6,), (6, 4), (4,))
    W_1, b_1, W_2, b_2 = (torch.randn(shape, generator=generator) for shape in shapes)
    given = answer(*(tensor.clone() for tensor in (W_1, b_1, W_2, b_2)))
    if not isinstance(given, list | tuple) or len(given) != 2:
        return "Two things are wanted: return W, b."
    of_W = {
        "the two matrices are multiplied in the other order": W_2 @ W_1,
        "W is transposed": (W_1 @ W_2).T,
    }
    of_b = {
        "b_1 is left out": b_2,
        "b_2 is left out": b_1 @ W_2,
    }
    for name, part, right, mistakes in (
        ("W", given[0], W_1 @ W_2, of_W),
        ("b", given[1], b_1 @ W_2 + b_2, of_b),
    ):
        hint = compare(part, right, mistakes=mistakes)
        if hint:
            return f"D = 4, I = 6, {name}: {hint}"
    return None
