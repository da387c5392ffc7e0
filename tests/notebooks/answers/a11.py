"""Notebook 11: a BERT trained from nothing."""

import math

import numpy
import torch

RIGHT = {
    "11.1": [math.log(2000), 7.601, torch.tensor(7.6009)],
    "11.2": [[0.0004, 0.0012], numpy.array([4e-4, 1.2e-3]), torch.tensor([0.0004, 0.0012])],
    "11.3": [320_000, 320_000.0],
    "11.4": [math.log(96) / 8, 0.5706, numpy.float64(0.5706)],
    "11.5": [(1 / 7 + 1 / 2597) / (1 / 7 + 1 / 371), (1 / 7) / (1 / 7 + 1 / 371), 0.984],
}
WRONG = {
    "11.1": [math.log(1000), 1000, math.log10(1000), math.log(1000) * math.log(2)],
    "11.2": [[0.2, 0.6], [0.0004], 0.0004, [0.0004, 0.00114], [0.00002, 0.00114]],
    "11.3": [1000 * 64 * 35, 1000 * 64 * 35 * 0.15, 1000 * 64],
    "11.4": [
        math.log(96),
        (math.log(6) + 2 * math.log(8) + math.log(16)) / 8,
        (math.log(6) + math.log(8) + math.log(16)) / 8,
        0.0,
    ],
    "11.5": [0.5, 1.0, 1 / 7, 7 / 371],
}
