"""The ways to compute x·Wᵀ + b, and which of them is used where.

    way = OneDnn(weight, bias)
    way(x)                  x·Wᵀ + b
    way.gelu(x)             GELU(x·Wᵀ + b)
    way.add(x, residual)    x·Wᵀ + b + residual

`choose` decides by the device, the precision, the processor's instructions and the number of
tokens: by what is the same in each run, so that each run gives the same bytes. A name of WAYS given
to Engine (`linear="pytorch"`) overrides it.
"""

import warnings
from typing import Any

import torch
from torch.nn import functional

from minibert.common.devices import has_bfloat16, is_x86
from minibert.compression.quantization import quantize

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int8)


class PyTorch:
    """PyTorch's own product: MKL on most CPUs, cuBLAS on a GPU. The weights stay as they are."""

    keeps_weight = True  # the others make what they need of it

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

    keeps_weight = False

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        super().__init__(torch.ops.mkldnn._reorder_linear_weight(weight), bias)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")

    def gelu(self, x: torch.Tensor) -> torch.Tensor:  # form "none": erf, not tanh
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "gelu", [], "none")

    def add(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        pointwise = torch.ops.mkldnn._linear_pointwise.binary
        return pointwise(x, residual, self.weight, self.bias, "add")


class BySize(PyTorch):
    """oneDNN for few tokens, PyTorch's product (MKL) for many: the faster of the two where there is
    no AVX-512. It holds the weights twice.
    """

    MANY = 256  # tokens

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        super().__init__(weight, bias)
        self.few = OneDnn(weight, bias)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return super().__call__(x) if len(x) >= self.MANY else self.few(x)

    def gelu(self, x: torch.Tensor) -> torch.Tensor:
        return super().gelu(x) if len(x) >= self.MANY else self.few.gelu(x)

    def add(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return super().add(x, residual) if len(x) >= self.MANY else self.few.add(x, residual)


class Int8(PyTorch):
    """compression/quantization.py's quantized_linear, by a product of bytes."""

    keeps_weight = False

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        weight, scale = quantize(weight)
        super().__init__(weight, bias)
        self.scale = scale.T

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        q, scale = quantize(x)
        product = torch._int_mm(q, self.weight.T) * self.scale
        return torch.addcmul(self.bias, product, scale)


class Int8Pairs(PyTorch):
    """The same for processors that add pairs of products in 16 bits: x has 7 bits, so that a pair
    fits (63·127 + 63·127 < 2^15). FBGEMM computes it.
    """

    keeps_weight = False
    TOP, ZERO = 63, 64  # FBGEMM's bytes of x have no sign: ZERO is what stands for 0

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor):
        q, scale = quantize(weight)
        zeros = torch.zeros(len(q), dtype=torch.long)
        engine = torch.backends.quantized.engine
        try:
            torch.backends.quantized.engine = "fbgemm"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # this kind of tensor is deprecated
                wrapped = torch._make_per_channel_quantized_tensor(q, scale[:, 0], zeros, 0)
                packed = torch.ops.quantized.linear_prepack(wrapped, None)
        finally:
            torch.backends.quantized.engine = engine
        super().__init__(packed, bias)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        q, scale = quantize(x, self.TOP)
        multiply = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        return torch.addcmul(self.bias, multiply(q.float(), 1.0, self.ZERO, self.weight), scale)


WAYS: dict[str, Any] = {
    "pytorch": PyTorch,
    "onednn": OneDnn,
    "by-size": BySize,
    "int8": Int8,
    "int8-pairs": Int8Pairs,
}


def choose(device: torch.device, dtype: torch.dtype, wanted: str | None = None) -> str:
    """The name of the way to use: the one wanted, or the fastest."""
    is_int8 = dtype == torch.int8
    if wanted is not None:
        fitting = [name for name in WAYS if name.startswith("int8") == is_int8]
        if wanted not in fitting:
            names = ", ".join(fitting)
            raise ValueError(f"linear must be one of {names} for {dtype}, not {wanted!r}")
        is_possible = {"pytorch": True, "int8": has_int8(device), "int8-pairs": has_pairs(device)}
        if not is_possible.get(wanted, has_onednn(device, dtype)):
            raise ValueError(f"linear {wanted!r} cannot compute in {dtype} on this {device.type}")
        return wanted
    if is_int8:
        for name, is_there in (("int8", has_int8(device)), ("int8-pairs", has_pairs(device))):
            if is_there:
                return name
        raise ValueError(f"int8 needs a CPU that multiplies bytes, which this {device.type} is not")
    if dtype == torch.bfloat16 and not has_bfloat16(device):
        raise ValueError(
            "this processor does not multiply bfloat16: float32 and int8 are faster "
            "(linear 'pytorch' computes it all the same)"
        )
    if not has_onednn(device, dtype):
        return "pytorch"
    is_wide = torch.backends.cpu.get_cpu_capability() != "AVX2"
    return "onednn" if is_wide or dtype != torch.float32 else "by-size"


def has_int8(device: torch.device) -> bool:
    """Does the processor multiply bytes exactly, and fast? Without VNNI it does not: PyTorch then
    adds pairs of products in 16 bits and cuts off what is larger, or takes ten times as long.
    """
    if device.type != "cpu" or (is_x86() and not torch.cpu._is_vnni_supported()):
        return False
    q = torch.full((32, 64), 127, dtype=torch.int8)
    return bool((torch._int_mm(q, q.T) == 64 * 127 * 127).all())


def has_pairs(device: torch.device) -> bool:
    """Is FBGEMM in this build of PyTorch?"""
    return device.type == "cpu" and "fbgemm" in torch.backends.quantized.supported_engines


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
