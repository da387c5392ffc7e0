"""The articles' formulas in NumPy, each as it is written there; x [S, D] is one text.

PyTorch keeps the W of x·W the other way round, [out, in], hence the transposes.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

Array = np.ndarray
Weights = dict[str, Array]


def weights_of(module: nn.Module) -> Weights:
    """Name -> array of each parameter."""
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


def part(weights: Weights, prefix: str) -> Weights:
    """The weights of one inner module, under their names in it."""
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


def close(ours: torch.Tensor, written: Array, bound: float = 1e-12) -> None:
    """Our module and the article's formula agree; measured at this bound: 2.9e-15 at most."""
    np.testing.assert_allclose(ours.detach().numpy(), written, rtol=0, atol=bound)


def difference(one: torch.Tensor | Array, other: torch.Tensor | Array) -> float:
    """The largest absolute difference between two arrays or tensors."""
    one, other = (torch.as_tensor(values).detach().numpy() for values in (one, other))
    assert one.shape == other.shape
    return float(np.abs(one - other).max())


def linear(x: Array, weights: Weights, name: str) -> Array:
    """x·W + b."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def softmax(scores: Array) -> Array:
    return np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)


def attention(query: Array, key: Array, value: Array) -> Array:
    """F1: softmax(QKᵀ / √d_k) V."""
    d_k = key.shape[-1]
    return softmax(query @ key.T / np.sqrt(d_k)) @ value


def multi_head(x: Array, weights: Weights, heads: int) -> Array:
    """F2: Concat(head_1 … head_h) W^O, head_i = Attention(QW_i^Q, KW_i^K, VW_i^V); with biases."""
    size = x.shape[-1] // heads
    outputs = []
    for i in range(heads):
        head = slice(i * size, (i + 1) * size)
        query, key, value = (linear(x, weights, n)[:, head] for n in ("query", "key", "value"))
        outputs.append(attention(query, key, value))
    return linear(np.concatenate(outputs, axis=-1), weights, "output")


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def gelu(x: Array) -> Array:
    """x · Φ(x), Φ the normal distribution's cumulative function."""
    return x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2


def feed_forward(x: Array, weights: Weights, activation: Callable[[Array], Array] = relu) -> Array:
    """F3: ReLU(xW_1 + b_1) W_2 + b_2; BERT's activation is gelu."""
    return linear(activation(linear(x, weights, "inner")), weights, "output")


def layer_norm(x: Array, gamma: Array, beta: Array, eps: float = 1e-12) -> Array:
    """F4: γ (x − μ) / √(σ² + ε) + β, with μ = 1/n Σ x_i and σ² = 1/n Σ (x_i − μ)²."""
    n = x.shape[-1]
    mu = x.sum(axis=-1, keepdims=True) / n
    sigma_squared = ((x - mu) ** 2).sum(axis=-1, keepdims=True) / n
    return gamma * (x - mu) / np.sqrt(sigma_squared + eps) + beta


def encoder_layer(x: Array, weights: Weights, heads: int) -> Array:
    """F6: x + Sublayer(x), then LayerNorm; once for attention, once for feed-forward."""
    attended = x + multi_head(x, part(weights, "attention."), heads)
    a = layer_norm(attended, **part(weights, "attention_layer_norm."))
    thought = a + feed_forward(a, part(weights, "feed_forward."), gelu)
    return layer_norm(thought, **part(weights, "feed_forward_layer_norm."))
