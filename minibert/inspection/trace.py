"""Every intermediate of a forward pass, by name.

    with trace(model) as t:
        model(**inputs)
    t["encoder.layers.3.attention.probs"]  # [B, N, S, S]

A name is the path of a module; layers count from 0 there, so `encoder.layers.3` is the fourth and
its output is hidden_states[4]. `trace` only reads; patch.py replaces values.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from minibert.named import Named


class Trace(dict[str, torch.Tensor]):
    """Name -> value, in the order of the computation."""

    def __missing__(self, name: str) -> torch.Tensor:
        close = difflib.get_close_matches(name, self, n=3, cutoff=0.4)
        raise KeyError(f"{name!r} was not recorded; close to it: {', '.join(close) or 'nothing'}")


def traceable_names(model: nn.Module) -> list[str]:
    """The names of all intermediates: every module without parts, or with only named values inside
    (LayerNorm). Dropouts are left out: they are no symbol of a formula.
    """
    return [
        name
        for name, module in model.named_modules()
        if all(isinstance(part, Named) for part in module.children())
        and not isinstance(module, nn.Dropout)
    ]


def matching_names(model: nn.Module, patterns: Iterable[str]) -> dict[str, list[str]]:
    """Pattern -> the names that it matches (`*` is any text, `?` is one letter)."""
    known = traceable_names(model)
    found = {
        pattern: [name for name in known if fnmatchcase(name, pattern)] for pattern in patterns
    }
    for pattern, names in found.items():
        if not names:
            close = difflib.get_close_matches(pattern, known, n=3, cutoff=0.4)
            raise ValueError(f"nothing is called {pattern!r}; close to it: {', '.join(close)}")
    return found


class Recorder:
    """Puts the value of one module into a Trace, as later modules see it."""

    def __init__(self, recorded: Trace, name: str, module: nn.Module):
        self.recorded, self.name = recorded, name
        self.record_hook = module.register_forward_hook(self.record)
        self.before_hook = module.register_forward_pre_hook(self.become_last)

    def become_last(self, module: nn.Module, inputs: Any) -> None:
        """Hooks run in the order they were added, and an earlier one may replace the value."""
        self.record_hook.remove()
        self.record_hook = module.register_forward_hook(self.record)

    def record(self, module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        self.recorded.pop(self.name, None)  # so that a second forward pass is also in its order
        self.recorded[self.name] = output

    def remove(self) -> None:
        self.record_hook.remove()
        self.before_hook.remove()


@contextmanager
def trace(model: nn.Module, names: str | Sequence[str] = "*") -> Iterator[Trace]:
    """Record the intermediates whose names match one of the patterns (`*` any text, `?` a letter).

    `trace(model, "*.probs")` keeps the attention of all layers and nothing else. A second forward
    pass inside the same block overwrites the first.

    Example:
        >>> from minibert import BertConfig, BertModel
        >>> model = BertModel(BertConfig(vocab_size=9, hidden_size=6, num_attention_heads=3))
        >>> with trace(model, "encoder.layers.1?.attention.probs") as t:
        ...     _ = model(torch.tensor([[2, 7, 5, 3]]))
        >>> list(t)
        ['encoder.layers.10.attention.probs', 'encoder.layers.11.attention.probs']
    """
    found = matching_names(model, [names] if isinstance(names, str) else names)
    recorded = Trace()
    recorders = [
        Recorder(recorded, name, model.get_submodule(name))
        for name in dict.fromkeys(name for matches in found.values() for name in matches)
    ]
    try:
        yield recorded
    finally:
        for recorder in recorders:
            recorder.remove()
