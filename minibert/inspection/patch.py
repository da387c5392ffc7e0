"""Replace intermediates of a forward pass, by name.

    def without_head_2(context):  # [B, N, S, H]
        context = context.clone()
        context[:, 2] = 0
        return context

    with patch(model, {"encoder.layers.3.attention.context": without_head_2}):
        output = model(**inputs)

Everything that is computed later reads the new value, `trace` records it, and the output returns
it. Names and patterns are those of trace.py.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from minibert.inspection.trace import matching_names

Replacement = torch.Tensor | Callable[[torch.Tensor], torch.Tensor]


@contextmanager
def patch(model: nn.Module, replacements: Mapping[str, Replacement]) -> Iterator[None]:
    """Inside the block, replace each value whose name matches: by a tensor, or by what a function
    makes of the value. Patches of the same value work one after the other, as they were entered.

    Example:
        >>> from minibert import BertConfig, BertModel
        >>> model = BertModel(BertConfig(vocab_size=9, hidden_size=6, num_attention_heads=3))
        >>> with patch(model, {"encoder.layers.0.attention.probs": torch.full((1, 3, 4, 4), 0.25)}):
        ...     output = model(torch.tensor([[2, 7, 5, 3]]))
        >>> output.attention_probs[0][0, 0, 0].tolist()
        [0.25, 0.25, 0.25, 0.25]
    """
    found = matching_names(model, replacements)
    hooks = [
        model.get_submodule(name).register_forward_hook(replacer(name, replacements[pattern]))
        for pattern, names in found.items()
        for name in names
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def replacer(name: str, replacement: Replacement) -> Callable[..., torch.Tensor]:
    """The hook that replaces the value called `name`."""

    def replace(module: nn.Module, inputs: Any, value: torch.Tensor) -> torch.Tensor:
        new = replacement(value) if callable(replacement) else replacement
        if not isinstance(new, torch.Tensor):
            raise ValueError(f"the patch of {name} gave {type(new).__name__}, not a tensor")
        if (new.shape, new.dtype) != (value.shape, value.dtype):
            raise ValueError(
                f"the patch of {name} gave {list(new.shape)} of {new.dtype}; "
                f"the value is {list(value.shape)} of {value.dtype}"
            )
        return new

    return replace
