"""What to compute on, and in which precision."""

import os
import platform
import warnings

import torch


def choose_device(wanted: str | torch.device | None = None) -> torch.device:
    """The one asked for; without one, the GPU of this process, or the CPU where there is none."""
    if wanted is None:
        gpu = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        return gpu if torch.cuda.is_available() else torch.device("cpu")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.zeros(1, device=wanted).item()
    except Exception:  # no such name, no such device, no PyTorch for it: each has its own error
        raise ValueError(
            f"device must be one that PyTorch can compute on here, such as cpu; not {wanted!r}"
        ) from None
    return torch.device(wanted)


def choose_precision(wanted: str, device: torch.device) -> str:
    """ "auto" is bfloat16 where the hardware multiplies it, else float32."""
    if wanted != "auto":
        return wanted
    return "bfloat16" if has_bfloat16(device) else "float32"


def has_bfloat16(device: torch.device) -> bool:
    """Does the hardware multiply bfloat16? Where it does not, that takes many times as long."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    try:
        is_known = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    except (AttributeError, RuntimeError):  # another build of PyTorch
        return False
    # oneDNN knows how to do it on every processor with AVX-512, also by other instructions.
    return is_known and (not is_x86() or torch.cpu._is_avx512_bf16_supported())


def is_x86() -> bool:
    """Is it a processor of Intel's and AMD's kind?"""
    return platform.machine() in ("x86_64", "AMD64")
