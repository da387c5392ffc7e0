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


RIGHT = {
    "05.1": [[-1, -1, 1, 2], torch.tensor([-1.0, -1.0, 1.0, 2.0], dtype=torch.float64)],
    "05.2": [[1, 9], (1, 9)],
    "05.3": [layer_norm, with_var],
    "05.4": [exact_gelu, torch.nn.functional.gelu, lambda x: x * torch.special.ndtr(x)],
    "05.5": [lambda W_1, b_1, W_2, b_2: (W_1 @ W_2, b_1 @ W_2 + b_2)],
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
