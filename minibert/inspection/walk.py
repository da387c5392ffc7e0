"""One forward pass, step by step: formula, name, numbers, and the line of code that computed it.

    for step in walk(model, tokenizer("The cat sat on the mat.")):
        print(step.name, list(step.value.shape), step.formula, step.location, step.source)

The numbers are those of `trace`. The line comes from the code while it runs: a hook on each traced
module looks up its caller. So neither can differ from the textbook.
"""

import linecache
import pdb
import re
import sys
from bdb import BdbQuit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from minibert.config import BertConfig
from minibert.inspection.trace import trace, traceable_names
from minibert.named import Named

NORMALISED = "(x − μ) / √(σ² + ε)"
LAYER_NORM = "LayerNorm(x) = γ · (x − μ) / √(σ² + ε) + β"
# Each is, letter by letter, a piece of the docstring of the file that computes the step.
FORMULAS = {
    "embeddings.token": "token[ids]",
    "embeddings.segment": "segment[segment ids]",
    "embeddings.position": "position[0 … S−1]",
    "embeddings.sum": "token[ids] + position[0 … S−1] + segment[segment ids]",
    "embeddings.layer_norm.normalised": NORMALISED,
    "embeddings.layer_norm": LAYER_NORM,
    "attention.query": "x·W_Q,i + b_Q,i",
    "attention.key": "x·W_K,i + b_K,i",
    "attention.value": "x·W_V,i + b_V,i",
    "attention.scores": "QKᵀ / √H",
    "attention.masked_scores": "QKᵀ / √H + mask",
    "attention.probs": "softmax(QKᵀ / √H + mask)",
    "attention.context": "softmax(QKᵀ / √H + mask) · V",
    "attention.merged_context": "Concat(head_1 … head_N)",
    "attention.output": "Concat(head_1 … head_N) · W_O + b_O",
    "attention_residual": "x + MultiHead(x)",
    "attention_layer_norm.normalised": NORMALISED,
    "attention_layer_norm": LAYER_NORM,
    "feed_forward.inner": "x·W_1 + b_1",
    "feed_forward.activation": "GELU(x·W_1 + b_1)",
    "feed_forward.output": "GELU(x·W_1 + b_1) · W_2 + b_2",
    "feed_forward_residual": "a + FFN(a)",
    "feed_forward_layer_norm.normalised": NORMALISED,
    "feed_forward_layer_norm": LAYER_NORM,
    "pooler.dense": "h_L[0] · W + b",
    "pooler.activation": "tanh(h_L[0] · W + b)",
}
# [B, S, D] with the heads side by side: head i is features i·H … (i+1)·H − 1.
SIDE_BY_SIDE = ("attention.query", "attention.key", "attention.value", "attention.merged_context")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Step:
    """One intermediate, and the line that computed it."""

    name: str
    value: torch.Tensor
    file: str
    line: int
    inside: str  # where the module that was called computes, if it is one of the textbook's

    @property
    def section(self) -> str:
        """What the step is a part of: embeddings, encoder.layers.0 …, pooler."""
        return re.findall(r"^(?:encoder\.layers\.\d+|\w+)", self.name)[0]

    @property
    def short_name(self) -> str:
        """The name without its layer: attention.probs."""
        return re.sub(r"^encoder\.layers\.\d+\.", "", self.name)

    @property
    def formula(self) -> str:
        return FORMULAS[self.short_name]

    @property
    def location(self) -> str:
        return location(self.file, self.line)

    @property
    def source(self) -> str:
        return linecache.getline(self.file, self.line).strip()

    @property
    def has_heads(self) -> bool:
        return self.value.dim() == 4 or self.short_name in SIDE_BY_SIDE


def location(file: str, line: int) -> str:
    """A line of code the way editors and terminals open it: minibert/attention.py:97."""
    path = Path(file)
    path = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    return f"{path.as_posix()}:{line}"


def walk(model: nn.Module, inputs: dict[str, torch.Tensor]) -> list[Step]:
    """Run a BertModel once; its steps in the order of the computation."""
    lines: dict[str, tuple[str, int]] = {}

    def locator(name: str) -> Callable[..., None]:
        def locate(module: nn.Module, args: tuple, output: torch.Tensor) -> None:
            frame: Any = sys._getframe(1)
            # Between this hook and the line that called the module there is only PyTorch's code.
            while is_pytorchs(frame.f_globals["__name__"]):
                frame = frame.f_back
            lines[name] = (frame.f_code.co_filename, frame.f_lineno)

        return locate

    hooks = [
        model.get_submodule(name).register_forward_hook(locator(name))
        for name in traceable_names(model)
    ]
    try:
        with trace(model) as t, torch.no_grad():
            model(**inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        Step(name, value, *lines[name], inside(model.get_submodule(name)))
        for name, value in t.items()
    ]


def inside(module: nn.Module) -> str:
    """The line where a module of the textbook computes; "" for PyTorch's modules and for names."""
    code = type(module).forward.__code__
    if is_pytorchs(type(module).__module__) or isinstance(module, Named):
        return ""
    return location(code.co_filename, code.co_firstlineno)


def is_pytorchs(module_name: str) -> bool:
    return module_name.startswith("torch.")


class Debugger(pdb.Pdb):
    """pdb without PyTorch's own code: `s` does not stop in it, `u` and `w` pass it over."""

    def __init__(self, **streams: Any):
        super().__init__(skip=["torch.*", __name__], nosigint=True, **streams)

    def get_stack(self, f: FrameType | None, t: Any) -> tuple[list[tuple[FrameType, int]], int]:
        stack, current = super().get_stack(f, t)
        shown = [entry for entry in stack if not is_pytorchs(entry[0].f_globals["__name__"])]
        return shown, shown.index(stack[current])


def debug(
    model: nn.Module, inputs: dict[str, torch.Tensor], step: Step, debugger: pdb.Pdb | None = None
) -> None:
    """Run the model again, and stop in pdb at the step's line, in its layer, before it runs."""
    debugger = debugger or Debugger()
    owner = model.get_submodule(step.name.rpartition(".")[0])

    def stop(frame: FrameType, event: str, argument: Any) -> Any:
        here = (frame.f_code.co_filename, frame.f_lineno) == (step.file, step.line)
        # All layers run the same line; the right one is where `self` is what the step is a part of.
        if event == "line" and here and frame.f_locals.get("self") is owner:
            debugger.set_trace(frame)
            return debugger.trace_dispatch(frame, event, argument)
        return stop

    before = sys.gettrace()
    try:
        sys.settrace(stop)
        with torch.no_grad():
            model(**inputs)
    except BdbQuit:  # the reader's `q`
        pass
    finally:
        sys.settrace(before)


def select(
    steps: Sequence[Step], config: BertConfig, layer: int | None, name: str | None
) -> list[Step]:
    """The steps of one layer (counted from 0, as in their names), of one name, or both."""
    last = config.num_hidden_layers - 1
    if layer is not None and not 0 <= layer <= last:
        raise ValueError(f"layer must be 0 to {last}, as in encoder.layers.{last}, not {layer}")
    section = f"encoder.layers.{layer}"
    steps = [step for step in steps if layer is None or step.section == section]
    if name is None:
        return steps
    found = [step for step in steps if f".{step.name}".endswith(f".{name}")]
    candidates = list(dict.fromkeys(step.short_name for step in found))
    if len(candidates) > 1:
        raise ValueError(f"step {name!r} could be {' or '.join(candidates)}: name one of them")
    if not found:
        where = "" if layer is None else f" in {section}"
        allowed = ", ".join(dict.fromkeys(step.short_name for step in steps))
        raise ValueError(f"there is no step {name!r}{where}; there are {allowed}")
    return found


def check_head(steps: Sequence[Step], config: BertConfig, head: int) -> None:
    """Raise ValueError unless some of the steps have a head of this number, counted from 0."""
    last = config.num_attention_heads - 1
    if not 0 <= head <= last:
        raise ValueError(f"head must be 0 to {last} (this model has {last + 1}), not {head}")
    if not any(step.has_heads for step in steps):
        raise ValueError(
            f"{steps[0].short_name} has no heads; attention.query, key, value, scores, probs, "
            "context and merged_context have"
        )
