"""What to compute on, and in which precision."""

import os
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
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    try:
        has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    except (AttributeError, RuntimeError):  # another build of PyTorch
        has_bfloat16 = False
    return "bfloat16" if has_bfloat16 else "float32"
