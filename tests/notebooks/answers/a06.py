"""Notebook 06: one layer, and the stack."""

from dataclasses import asdict

import torch

from minibert import BertConfig


def encoder_layer(layer, x, mask):
    attended, _ = layer.attention(x, mask)
    a = layer.attention_layer_norm(x + attended)
    return layer.feed_forward_layer_norm(a + layer.feed_forward(a))


def without_residual(layer, x, mask):
    a = layer.attention_layer_norm(layer.attention(x, mask)[0])
    return layer.feed_forward_layer_norm(layer.feed_forward(a))


def pre_norm(layer, x, mask):
    a = x + layer.attention(layer.attention_layer_norm(x), mask)[0]
    return a + layer.feed_forward(layer.feed_forward_layer_norm(a))


def adds_x_twice(layer, x, mask):
    a = layer.attention_layer_norm(x + layer.attention(x, mask)[0])
    return layer.feed_forward_layer_norm(x + layer.feed_forward(a))


def norms_swapped(layer, x, mask):
    a = layer.feed_forward_layer_norm(x + layer.attention(x, mask)[0])
    return layer.attention_layer_norm(a + layer.feed_forward(a))


def count(config):
    V, D, inner = config.vocab_size, config.hidden_size, config.intermediate_size
    embeddings = (V + config.max_position_embeddings + config.type_vocab_size) * D + 2 * D
    layer = 4 * (D * D + D) + (D * inner + inner) + (inner * D + D) + 4 * D
    return embeddings + config.num_hidden_layers * layer + D * D + D


def without_pooler(config):
    return count(config) - config.hidden_size * (config.hidden_size + 1)


def without_key_bias(config):
    return count(config) - config.num_hidden_layers * config.hidden_size


def state(model, ids, mask, k):
    h = model.embeddings(ids, torch.zeros_like(ids))
    for layer in model.encoder.layers[:k]:
        h, _ = layer(h, mask)
    return h


def all_layers(model, ids, mask, k):
    return model(ids).hidden_states[k]


def one_too_many(model, ids, mask, k):
    return state(model, ids, mask, k + 1)


def the_same_layer(model, ids, mask, k):
    h = model.embeddings(ids, torch.zeros_like(ids))
    for _ in range(k):
        h, _ = model.encoder.layers[0](h, mask)
    return h


OF_BERT = {
    "dim_feedforward": 3072,
    "activation": "gelu",
    "layer_norm_eps": 1e-12,
    "batch_first": True,
}


def but_for(**changes):
    arguments = {**OF_BERT, **changes}
    return {name: value for name, value in arguments.items() if value is not None}


RIGHT = {
    "06.1": [[13, 4], torch.tensor([13, 4])],
    "06.2": [encoder_layer],
    "06.3": [count],
    "06.4": [OF_BERT, but_for(activation=torch.nn.GELU(), norm_first=False, dropout=0.1)],
    "06.5": [state],
}
WRONG = {
    "06.1": [[12, 3], [13, 3], [12, 4], 13],
    "06.2": [
        lambda layer, x, mask: ...,
        lambda layer, x, mask: layer(x, mask),  # the weights too
        without_residual,
        pre_norm,
        adds_x_twice,
        norms_swapped,
    ],
    "06.3": [lambda config: ..., without_pooler, without_key_bias, lambda config: 109_482_240],
    "06.4": [
        "gelu",
        {},
        *(but_for(**{name: None}) for name in OF_BERT),
        but_for(norm_first=True),
        but_for(activation=torch.nn.GELU(approximate="tanh")),
        but_for(bias=False),
        but_for(d_ff=3072),
    ],
    "06.5": [lambda model, ids, mask, k: ..., all_layers, one_too_many, the_same_layer],
}


def with_parts(first, second, layer, x, mask):
    a = first(x + layer.attention(x, mask)[0])
    return second(a + layer.feed_forward(a))


NAMED = {
    "06.1": {
        "not counted as a state": [12, 4],
        "in both numbers": [12, 3],
        "counts from 0": [13, 3],
    },
    "06.2": {
        "both residuals": without_residual,
        "residual around attention": lambda layer, x, mask: layer.feed_forward_layer_norm(
            (a := layer.attention_layer_norm(layer.attention(x, mask)[0])) + layer.feed_forward(a)
        ),
        "residual around the feed-forward": lambda layer, x, mask: layer.feed_forward_layer_norm(
            layer.feed_forward(layer.attention_layer_norm(x + layer.attention(x, mask)[0]))
        ),
        "pre-norm": pre_norm,
        "x is added a second time": adds_x_twice,
        "reads x, not a": lambda layer, x, mask: layer.feed_forward_layer_norm(
            layer.attention_layer_norm(x + layer.attention(x, mask)[0]) + layer.feed_forward(x)
        ),
        "LayerNorms are exchanged": norms_swapped,
        "both LayerNorms are left out": lambda layer, x, mask: with_parts(
            lambda a: a, lambda y: y, layer, x, mask
        ),
        "first LayerNorm is left out": lambda layer, x, mask: with_parts(
            lambda a: a, layer.feed_forward_layer_norm, layer, x, mask
        ),
        "second LayerNorm is left out": lambda layer, x, mask: with_parts(
            layer.attention_layer_norm, lambda y: y, layer, x, mask
        ),
        "used twice": lambda layer, x, mask: with_parts(
            layer.attention_layer_norm, layer.attention_layer_norm, layer, x, mask
        ),
        "feed-forward network is left out": lambda layer, x, mask: layer.attention_layer_norm(
            x + layer.attention(x, mask)[0]
        ),
        "comes before the sum": lambda layer, x, mask: (
            (a := x + layer.attention_layer_norm(layer.attention(x, mask)[0]))
            + layer.feed_forward_layer_norm(layer.feed_forward(a))
        ),
        "Two things came back": lambda layer, x, mask: layer(x, mask),
    },
    "06.3": {
        "pooler is left out": without_pooler,
        "keys have no bias": without_key_bias,
        "whatever the config": lambda config: 109_482_240,
        "all LayerNorms": lambda config: (
            count(config) - 2 * config.hidden_size * (1 + 2 * config.num_hidden_layers)
        ),
        "LayerNorm of the embeddings": lambda config: count(config) - 2 * config.hidden_size,
        "one LayerNorm": lambda config: (
            count(config) - 2 * config.num_hidden_layers * config.hidden_size
        ),
        "all biases": lambda config: (
            count(config)
            - config.num_hidden_layers * (5 * config.hidden_size + config.intermediate_size)
            - config.hidden_size
        ),
        "biases of the pooler": lambda config: count(config) - config.hidden_size,
        "LayerNorms of the layers": lambda config: (
            count(config) - 4 * config.num_hidden_layers * config.hidden_size
        ),
        "the embeddings are left out": lambda config: (
            count(config)
            - config.hidden_size
            * (config.vocab_size + config.max_position_embeddings + config.type_vocab_size + 2)
        ),
        "W_O is left out": lambda config: (
            count(config) - config.num_hidden_layers * config.hidden_size * (config.hidden_size + 1)
        ),
        "one layer is counted": lambda config: count(
            BertConfig(**{**asdict(config), "num_hidden_layers": 1})
        ),
        "position table": lambda config: (
            count(config) - config.max_position_embeddings * config.hidden_size
        ),
        "or the segment table": lambda config: (
            count(config) - config.type_vocab_size * config.hidden_size
        ),
    },
    "06.4": {
        "is ReLU": but_for(activation=None),
        "tanh": but_for(activation=torch.nn.GELU(approximate="tanh")),
        "ε is 1e-05": but_for(layer_norm_eps=None),
        "pre-norm": but_for(norm_first=True),
        "does not take": but_for(d_ff=3072),
        "BERT has biases": but_for(bias=False),
    },
    "06.5": {
        "1 layers are run, not 0": one_too_many,
        "the first layer is run each time": the_same_layer,
        "you ran 3 layers": all_layers,
        "tables are left out": lambda model, ids, mask, k: model.embeddings.token(ids),
    },
}
