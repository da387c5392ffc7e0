"""Every intermediate of a forward pass, by name.

    with trace(model) as t:
        model(**inputs)
    t["encoder.layers.3.attention.probs"]  # [B, N, S, S]

A name is the path of a module; layers count from 0 there, so `encoder.layers.3` is the fourth and
its output is hidden_states[4]. `trace` only gathers: to change a value on its way, hang PyTorch's
own hook on the same module. Taking out head 2 of the fourth layer:

    def without_head_2(module, inputs, context):
        context = context.clone()  # [B, N, S, H]
        context[:, 2] = 0
        return context

    hook = model.encoder.layers[3].attention.context.register_forward_hook(without_head_2)
    model(**inputs)
    hook.remove()
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

import torch
from torch import nn


class Trace(dict[str, torch.Tensor]):
    """Name -> value, in the order of the computation."""

    def __missing__(self, name: str) -> torch.Tensor:
        close = difflib.get_close_matches(name, self, n=3, cutoff=0.4)
        raise KeyError(f"{name!r} was not recorded; close to it: {', '.join(close) or 'nothing'}")


def traceable_names(model: nn.Module) -> list[str]:
    """The names of all intermediates: every module without parts, but for the dropouts.

    (A dropout is no symbol of a formula; what goes in and what comes out are.)
    """
    return [
        name
        for name, module in model.named_modules()
        if not list(module.children()) and not isinstance(module, nn.Dropout)
    ]


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
    patterns = [names] if isinstance(names, str) else list(names)
    known = traceable_names(model)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            close = difflib.get_close_matches(pattern, known, n=3, cutoff=0.4)
            raise ValueError(f"nothing is called {pattern!r}; close to it: {', '.join(close)}")
    recorded = Trace()

    def recorder(name: str):
        def record(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            recorded.pop(name, None)  # so that a later pass also comes in its order
            recorded[name] = output

        return record

    hooks = []
    try:
        for name in known:
            if any(fnmatchcase(name, pattern) for pattern in patterns):
                hooks.append(model.get_submodule(name).register_forward_hook(recorder(name)))
        yield recorded
    finally:
        for hook in hooks:
            hook.remove()
