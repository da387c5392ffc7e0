"""Notebook 05: feed-forward, normalisation, residual."""

import math

import torch


def layer_norm(x, gamma, beta, eps):
    mean = x.mean(dim=-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(dim=-1, keepdim=True)
    return gamma * (x - mean) / (variance + eps).sqrt() + beta


def with_var(x, gamma, beta, eps):
    variance = x.var(dim=1, correction=0, keepdim=True)
    return (x - x.mean(dim=1, keepdim=True)) / torch.sqrt(variance + eps) * gamma + beta


def n_minus_one(x, gamma, beta, eps):
    variance = x.var(dim=-1, keepdim=True)
    return gamma * (x - x.mean(dim=-1, keepdim=True)) / (variance + eps).sqrt() + beta


def over_the_tokens(x, gamma, beta, eps):
    return gamma * (x - x.mean(dim=0)) / (x.var(dim=0, correction=0) + eps).sqrt() + beta


def eps_outside_the_root(x, gamma, beta, eps):
    deviation = x.std(dim=-1, correction=0, keepdim=True)
    return gamma * (x - x.mean(dim=-1, keepdim=True)) / (deviation + eps) + beta


def without_shift(x, gamma, beta, eps):
    return layer_norm(x, gamma, 0 * beta, eps)


def exact_gelu(x):
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def tanh_gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def one_map(W_1, b_1, W_2, b_2):
    return W_1 @ W_2, b_1 @ W_2 + b_2


RIGHT = {
    "05.1": [[-1, -1, 1, 2], torch.tensor([-1.0, -1.0, 1.0, 2.0], dtype=torch.float64)],
    "05.2": [[1, 9], (1, 9)],
    "05.3": [layer_norm, with_var],
    "05.4": [exact_gelu, torch.nn.functional.gelu, lambda x: x * torch.special.ndtr(x)],
    "05.5": [one_map],
}
WRONG = {
    "05.1": [[-0.866, -0.866, 0.866, 1.866], [-1, -1, 1, 1], [-3, -3, 3, 4], [-1]],
    "05.2": [[1, 1], [9, 9], [9, 1], 1],
    "05.3": [
        lambda x, gamma, beta, eps: ...,
        n_minus_one,
        over_the_tokens,
        eps_outside_the_root,
        without_shift,
    ],
    "05.4": [lambda x: ..., tanh_gelu, torch.relu, lambda x: x * torch.sigmoid(1.702 * x)],
    "05.5": [
        lambda W_1, b_1, W_2, b_2: (..., ...),
        lambda W_1, b_1, W_2, b_2: (W_1 @ W_2, b_1 + b_2[0]),
        lambda W_1, b_1, W_2, b_2: (W_1 @ W_2, b_2),
        lambda W_1, b_1, W_2, b_2: (W_2 @ W_1, b_2),
        lambda W_1, b_1, W_2, b_2: W_1 @ W_2,
    ],
}


def with_mistake(x, gamma, beta, eps, mean=None, divisor=None):
    mean = x.mean(dim=-1, keepdim=True) if mean is None else mean
    variance = x.var(dim=-1, correction=0, keepdim=True)
    return gamma * (x - mean) / ((variance + eps).sqrt() if divisor is None else divisor) + beta


def variance_of(x):
    return x.var(dim=-1, correction=0, keepdim=True)


NAMED = {
    "05.1": {
        "n − 1": [-0.866, -0.866, 0.866, 1.866],
        "β is left out": [-1, -1, 1, 1],
        "does not divide by σ": [-3, -3, 3, 4],
        "by the variance": [-1 / 3, -1 / 3, 1 / 3, 4 / 3],
        "to every feature": [0, 0, 2, 2],
        "mean is not subtracted": [1, 1, 3, 4],
    },
    "05.2": {
        "exchanged": [9, 1],
        "each token alone": [1, 1],
        "mixes the tokens": [9, 9],
        "own row": [1, 8],
        "rows that stay": [8, 0],
    },
    "05.3": {
        "n − 1, not by n": n_minus_one,
        "over the tokens": over_the_tokens,
        "the whole matrix": lambda x, gamma, beta, eps: (
            gamma * (x - x.mean()) / (x.var(correction=0) + eps).sqrt() + beta
        ),
        "outside the root": eps_outside_the_root,
        "ε is not used": lambda x, gamma, beta, eps: layer_norm(x, gamma, beta, 1e-5),
        "by the variance": lambda x, gamma, beta, eps: with_mistake(
            x, gamma, beta, eps, divisor=variance_of(x) + eps
        ),
        "mean is not subtracted": lambda x, gamma, beta, eps: with_mistake(
            x, gamma, beta, eps, mean=0
        ),
        "does not divide by σ": lambda x, gamma, beta, eps: with_mistake(
            x, gamma, beta, eps, divisor=1
        ),
        "γ and β are exchanged": lambda x, gamma, beta, eps: layer_norm(x, beta, gamma, eps),
        "before γ multiplies": lambda x, gamma, beta, eps: layer_norm(x, gamma, gamma * beta, eps),
        "β is left out": without_shift,
        "γ is left out": lambda x, gamma, beta, eps: layer_norm(x, 1, beta, eps),
        "γ and β are left out": lambda x, gamma, beta, eps: layer_norm(x, 1, 0, eps),
    },
    "05.4": {
        "ReLU": torch.relu,
        "tanh": tanh_gelu,
        "1.702": lambda x: x * torch.sigmoid(1.702 * x),
        "SiLU": torch.nn.functional.silu,
        "not divided by √2": lambda x: x * (1 + torch.erf(x)) / 2,
        "divided by 2, not by √2": lambda x: x * (1 + torch.erf(x / 2)) / 2,
        "the factor 1/2": lambda x: x * (1 + torch.erf(x / math.sqrt(2))),
        "the 1 before erf": lambda x: x * torch.erf(x / math.sqrt(2)) / 2,
        "not multiplied by x": lambda x: (1 + torch.erf(x / math.sqrt(2))) / 2,
    },
    "05.5": {
        "b_1 is left out": lambda W_1, b_1, W_2, b_2: (W_1 @ W_2, b_2),
        "b_2 is left out": lambda W_1, b_1, W_2, b_2: (W_1 @ W_2, b_1 @ W_2),
        "the other order": lambda W_1, b_1, W_2, b_2: (W_2 @ W_1, b_2),
        "W is transposed": lambda W_1, b_1, W_2, b_2: ((W_1 @ W_2).T, b_2),
        "return W, b": lambda W_1, b_1, W_2, b_2: W_1 @ W_2,
    },
}
