"""Building a model whose initial weights nobody will see."""

from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class WithoutInit(TorchFunctionMode):
    """Skips what changes a tensor in place inside its block, as torch.nn.init does.

    On the meta device no weight has any memory, but PyTorch would still import its compiler to draw
    them: a second of each start.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        # A name that ends in _ is an operation in place: normal_, zeros_, erfinv_ …
        if func.__name__.endswith("_") and not func.__name__.endswith("__"):
            tensor = args[0] if args else kwargs["tensor"]
            if isinstance(tensor, torch.Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **kwargs)
