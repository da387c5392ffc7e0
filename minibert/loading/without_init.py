"""Building a model whose initial weights nobody will see."""

from typing import Any

from torch.overrides import TorchFunctionMode


class WithoutInit(TorchFunctionMode):
    """Passes over torch.nn.init inside its block.

    On the meta device, where no weight has any memory, PyTorch would still import its compiler to
    draw none of them: a second of each start.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
