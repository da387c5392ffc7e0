"""Notebook 12: gradients by hand."""

import math

import numpy
import torch

from minibert.proof.numpy_twin import erf, softmax


def gelu_slope(x):
    density = numpy.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return (1 + erf(x / math.sqrt(2))) / 2 + x * density


def attention_backward(Q, K, V, padding_mask, g):
    root = math.sqrt(Q.shape[-1])
    P = softmax(numpy.where(padding_mask == 0, -1e9, Q @ K.T / root))
    dP = g @ V.T
    dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True))
    return dS @ K / root, dS.T @ Q / root, P.T @ g


def by_leaving_the_padding_out(Q, K, V, padding_mask, g):
    real = padding_mask == 1
    dQ, some_dK, some_dV = attention_backward(Q, K[real], V[real], padding_mask[real], g)
    dK, dV = numpy.zeros_like(K), numpy.zeros_like(V)
    dK[real], dV[real] = some_dK, some_dV
    return dQ, dK, dV


def in_torch(Q, K, V, padding_mask, g):
    return [torch.from_numpy(x) for x in attention_backward(Q, K, V, padding_mask, g)]


def without_mask(Q, K, V, padding_mask, g):
    return attention_backward(Q, K, V, numpy.ones_like(padding_mask), g)


def without_root(Q, K, V, padding_mask, g):
    dQ, dK, dV = attention_backward(Q, K, V, padding_mask, g)
    root = math.sqrt(Q.shape[-1])
    return dQ * root, dK * root, dV


def not_transposed(Q, K, V, padding_mask, g):
    """dS for dSᵀ, and P for Pᵀ."""
    root = math.sqrt(Q.shape[-1])
    P = softmax(numpy.where(padding_mask == 0, -1e9, Q @ K.T / root))
    dP = g @ V.T
    dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True))
    return dS @ K / root, dS @ Q / root, P @ g


def softmax_forgotten(Q, K, V, padding_mask, g):
    root = math.sqrt(Q.shape[-1])
    P = softmax(numpy.where(padding_mask == 0, -1e9, Q @ K.T / root))
    dS = P * (g @ V.T)
    return dS @ K / root, dS.T @ Q / root, P.T @ g


def tanh_backward(y, g):
    return g * (1 - y**2)


def residual_backward(x, g):
    return g + g * gelu_slope(x)  # gelu_slope(x) is gelu_backward(x, 1)


RIGHT = {
    "12.1": [[0.2, -0.7, 0.5], torch.tensor([0.2, -0.7, 0.5]), numpy.array([0.2, -0.7, 0.5])],
    "12.2": [0.1, 1 / 10],
    "12.3": [tanh_backward, lambda y, g: torch.from_numpy(g * (1 - y * y))],
    "12.4": [residual_backward, lambda x, g: g * (1 + gelu_slope(x))],
    "12.5": [attention_backward, by_leaving_the_padding_out, in_torch],
}
WRONG = {
    "12.1": [
        [-0.2, 0.7, -0.5],
        [0.2, 0.3, 0.5],
        [0, -1 / 0.3, 0],
        [0.2, -0.7],
        "0.2 -0.7 0.5",
    ],
    "12.2": [10, 1, 0, 0.01, "smaller"],
    "12.3": [
        lambda y, g: ...,
        lambda y, g: 1 - y**2,
        lambda y, g: g * (1 - y),
        lambda y, g: g * (1 - numpy.tanh(y) ** 2),
    ],
    "12.4": [
        lambda x, g: ...,
        lambda x, g: g * gelu_slope(x),  # the network alone
        lambda x, g: g,  # the residual alone
        lambda x, g: g * x + g * gelu_slope(x),
        lambda x, g: 1 + g * gelu_slope(x),
    ],
    "12.5": [
        lambda *inputs: ...,
        lambda *inputs: attention_backward(*inputs)[:2],
        without_mask,
        without_root,
        not_transposed,
        softmax_forgotten,
    ],
}
