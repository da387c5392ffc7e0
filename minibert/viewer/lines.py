"""Where the textbook computes each value of the page: formula, file, line and its text.

The lines are those of `walk`, which reads them from the code while it runs.
"""

import linecache
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

from minibert import words
from minibert.inspection.walk import FORMULAS, LAYER_NORM, NORMALISED, location, walk
from minibert.packing import Fitting
from minibert.tokenizer import BertTokenizer
from minibert.wordpiece import WordPiece

# Each is, letter by letter, a piece of the docstring of heads.py.
HEAD_FORMULAS = {
    "mlm.dense": "h·W + b",
    "mlm.activation": "GELU(h·W + b)",
    "mlm.layer_norm.normalised": NORMALISED,
    "mlm.layer_norm": LAYER_NORM,
    "mlm.logits": "LayerNorm(GELU(h·W + b)) · Eᵀ + c",
    "nsp.logits": "pooler · W + b",
}
TOKENIZING: dict[str, Callable] = {
    **{f"words.{stage.__name__}": stage for stage in words.STAGES.values()},
    "wordpiece.words": WordPiece.words,
    "wordpiece.split_word": WordPiece.split_word,
    "packing.parts": Fitting.parts,
    "tokenizer.make_rows": BertTokenizer.make_rows,
}


def lines_of(model: nn.Module, inputs: dict[str, torch.Tensor]) -> dict[str, dict[str, str]]:
    """Where the textbook computes each value: its name without the layer -> formula, location,
    source, inside.
    """
    device = next(model.parameters()).device
    inputs = {name: ids.to(device) for name, ids in inputs.items()}
    lines = {}
    for step in walk(model, inputs):
        short = replace(step, name=step.name.removeprefix("bert.")).short_name
        if formula := {**FORMULAS, **HEAD_FORMULAS}.get(short):
            lines[short] = line(formula, step.location, step.source, step.inside)
    for name, function in TOKENIZING.items():
        code = function.__code__
        source = linecache.getline(code.co_filename, code.co_firstlineno).strip()
        lines[name] = line("", location(code.co_filename, code.co_firstlineno), source, "")
    return lines


def line(formula: str, location: str, source: str, inside: str) -> dict[str, str]:
    return {"formula": formula, "location": location, "source": source, "inside": inside}
