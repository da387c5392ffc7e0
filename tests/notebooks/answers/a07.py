"""Notebook 07: official weights."""

import numpy
import torch

RIGHT = {
    "07.1": ["encoder.layers.3.attention_layer_norm.gamma"],
    "07.2": [199, torch.tensor(199), numpy.int64(199)],
    "07.3": ["fault"],
    "07.4": ["encoder.layers.2.feed_forward.activation"],
}
WRONG = {
    "07.1": [
        "encoder.layer.3.attention_layer_norm.gamma",
        "bert.encoder.layers.3.attention_layer_norm.gamma",
        "encoder.layers.3.feed_forward_layer_norm.gamma",
        "encoder.layers.2.attention_layer_norm.gamma",
        3,
    ],
    "07.2": [197, 198, 16 * 12, 71, "many"],
    "07.3": ["rounding", True],
    "07.4": [
        "encoder.layers.2.feed_forward.output",
        "encoder.layers.2.feed_forward.inner",
        "pooler.activation",
        "nowhere",
        2,
    ],
}
