"""Take heads and feed-forward neurons out of a model (剪枝): their weights become 0.

    head n:    rows n·H … (n+1)·H − 1 of query, key and value, and these columns of the output
    neuron i:  row i of the inner map, and column i of the output

with the rows' biases. A head without values has context 0, and GELU(0) = 0: nothing is left of
either. No matrix changes its shape, so transformers reads the checkpoint and gives the same
numbers. The textbook gets no faster; the engine does.

Source: article C§9.7; Michel, Levy and Neubig 2019 (arXiv 1905.10650), section 4.1.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import cast

import torch
from torch import nn

from minibert.compression.importance import Importance, bert_of
from minibert.encoder import EncoderLayer

Numbers = dict[int, list[int]]
Choice = float | Mapping[int, Iterable[int]]


def prune(
    model: nn.Module, *, heads: Choice = 0.0, neurons: Choice = 0.0, by: Importance | None = None
) -> tuple[Numbers, Numbers]:
    """Set heads and neurons of `model` to 0, in place; returns which, {layer: numbers} of each.

    `heads`, `neurons`: {layer: numbers}, where layer i is encoder.layers.i; or a share of all, from
    the least important `by` importance on. A share leaves each layer its most important one:
    importance is measured while the others are there, and says nothing of a layer without any,
    where no token sees another. Who wants such a layer names its heads.
    """
    config = bert_of(model).config
    layers = cast(Sequence[EncoderLayer], bert_of(model).encoder.layers)
    count, size = config.num_attention_heads, config.hidden_size // config.num_attention_heads
    no_heads = choose("heads", heads, (len(layers), count), by)
    no_neurons = choose("neurons", neurons, (len(layers), config.intermediate_size), by)
    for layer, numbers in no_heads.items():
        part = layers[layer].attention
        features = [number * size + feature for number in numbers for feature in range(size)]
        clear((part.query, part.key, part.value), part.output, features)
    for layer, numbers in no_neurons.items():
        clear((layers[layer].feed_forward.inner,), layers[layer].feed_forward.output, numbers)
    return no_heads, no_neurons


@torch.no_grad()
def clear(inputs: Iterable[nn.Linear], output: nn.Linear, features: list[int]) -> None:
    """Set to 0 what writes these features and what reads them."""
    for one in inputs:
        one.weight[features] = one.bias[features] = 0
    output.weight[:, features] = 0


def choose(name: str, choice: Choice, shape: tuple[int, int], by: Importance | None) -> Numbers:
    """What the argument `name` asks for, in `shape` = so many layers of so many each."""
    if isinstance(choice, Mapping):
        wanted = {(layer, number) for layer, numbers in choice.items() for number in numbers}
        for layer, number in wanted.difference(product(*map(range, shape))):
            allowed = f"layers 0 to {shape[0] - 1}, numbers 0 to {shape[1] - 1}"
            raise ValueError(f"{name} has {{{layer!r}: [{number!r}]}}; allowed are {allowed}")
    elif count := how_many(name, choice, shape):
        scores = getattr(by, name, None)
        if scores is None or scores.shape != shape:
            raise ValueError(f"{name}={choice} is a share: it needs by=importance(model, …)")
        most = nn.functional.one_hot(scores.argmax(dim=1), shape[1]) == 1
        ascending = scores.masked_fill(most, torch.inf).flatten().argsort(stable=True)
        wanted = {divmod(number, shape[1]) for number in ascending[:count].tolist()}
    else:
        return {}
    numbers = {i: [n for n in range(shape[1]) if (i, n) in wanted] for i in range(shape[0])}
    return {layer: found for layer, found in numbers.items() if found}


def how_many(name: str, share: float, shape: tuple[int, int]) -> int:
    """How many of all a share is."""
    if type(share) not in (int, float) or not 0 <= share < 1:
        raise ValueError(f"{name} must be {{layer: numbers}} or a share in [0, 1), not {share!r}")
    count, limit = round(share * shape[0] * shape[1]), shape[0] * (shape[1] - 1)
    if count > limit:
        raise ValueError(f"{name}={share} takes {count}; {limit} can go: each layer keeps one")
    return count
