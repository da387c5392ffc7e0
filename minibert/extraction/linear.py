"""The ways to compute x·Wᵀ + b, and which of them is used where.

    way = OneDnn(weight, bias)
    way(x)                  x·Wᵀ + b
    way.gelu(x)             GELU(x·Wᵀ + b)
    way.add(x, residual)    x·Wᵀ + b + residual

`choose` decides by the device, the precision, the processor's instructions and the number of
tokens: by what is the same in each run, so that each run gives the same bytes. A name of WAYS given
to Engine (`linear="pytorch"`) overrides it.
"""

from typing import Any

import torch
from torch.nn import functional

from minibert.common.devices import has_bfloat16
from minibert.compression.quantization import quantize

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int8)


class PyTorch:
    """PyTorch's own product: MKL on most CPUs, cuBLAS on a GPU. The weights stay as they are."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        self.weight, self.bias = weight, bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.weight, self.bias)

    def gelu(self, x: torch.Tensor) -> torch.Tensor:
        return functional.gelu(self(x))

    def add(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return self(x).add_(residual)


class OneDnn(PyTorch):
    """oneDNN's product. The weights are put once into the order in which it reads them; otherwise
    that is done at each call. GELU and the residual are applied to each number while it is still in
    the processor.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        super().__init__(torch.ops.mkldnn._reorder_linear_weight(weight), bias)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")

    def gelu(self, x: torch.Tensor) -> torch.Tensor:  # form "none": erf, not tanh
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "gelu", [], "none")

    def add(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        pointwise = torch.ops.mkldnn._linear_pointwise.binary
        return pointwise(x, residual, self.weight, self.bias, "add")


class Int8(PyTorch):
    """compression/quantization.py's quantized_linear, by a product of bytes where that is exact."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        weight, self.scale = quantize(weight)
        super().__init__(weight, bias)
        self.is_fast = has_int8(weight.device)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        q, scale = quantize(x)
        if self.is_fast:
            product = torch._int_mm(q, self.weight.T).float()
        else:
            product = q.float() @ self.weight.T.float()
        return product.mul_(self.scale.T).mul_(scale).add_(self.bias)


WAYS: dict[str, Any] = {"pytorch": PyTorch, "onednn": OneDnn, "int8": Int8}


def choose(device: torch.device, dtype: torch.dtype, wanted: str | None = None) -> str:
    """The name of the way to use: the one wanted, or the fastest."""
    if wanted is not None:
        if wanted not in WAYS or (wanted == "int8") != (dtype == torch.int8):
            names = ", ".join(WAYS)
            raise ValueError(f"linear must be one of {names} (int8 for int8), not {wanted!r}")
        if wanted == "onednn" and not has_onednn(device, dtype):
            raise ValueError(f"linear 'onednn' cannot compute in {dtype} on this {device.type}")
        return wanted
    if dtype == torch.int8:
        if not has_int8(device):
            raise ValueError(
                "int8 is fast on CPUs that multiply bytes (VNNI), which this is not: take another "
                "dtype (linear 'int8' computes it all the same)"
            )
        return "int8"
    if dtype == torch.bfloat16 and not has_bfloat16(device):
        raise ValueError(
            "this processor does not multiply bfloat16: float32 and int8 are faster "
            "(linear 'pytorch' computes it all the same)"
        )
    return "onednn" if has_onednn(device, dtype) else "pytorch"


def has_int8(device: torch.device) -> bool:
    """Does the processor multiply bytes exactly? Older ones add pairs of products in 16 bits, and
    cut off what is larger.
    """
    if device.type != "cpu":
        return False
    q = torch.full((32, 64), 127, dtype=torch.int8)
    return bool((torch._int_mm(q, q.T) == 64 * 127 * 127).all())


def has_onednn(device: torch.device, dtype: torch.dtype) -> bool:
    """Are oneDNN's operators here, for this device and precision, and do they compute the same?"""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    x, weight, bias = torch.ones(3, 16), torch.full((8, 16), 0.1), torch.ones(8)
    x, weight, bias = (tensor.to(dtype) for tensor in (x, weight, bias))
    residual = bias.expand(3, 8).contiguous()
    try:
        one = OneDnn(weight, bias)
        mapped, added = one.gelu(x), one.add(x, residual)
    except (AttributeError, RuntimeError):  # NotImplementedError is a RuntimeError
        return False
    other = PyTorch(weight, bias)
    close = 1e-5 if dtype == torch.float32 else 2e-2
    return torch.allclose(mapped, other.gelu(x), atol=close) and torch.allclose(
        added, other.add(x, residual), atol=close
    )
