"""This process, the others of the run, and what they compute on.

A program is one process, unless torchrun started several. Then each has a number, its rank, and
each takes its share of the work.
"""

import datetime
import os

import torch
from torch import distributed


def choose_device(wanted: str | torch.device | None = None) -> torch.device:
    """The one asked for; without one, the GPU of this process, or the CPU where there is none."""
    if wanted is None:
        gpu = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        return gpu if torch.cuda.is_available() else torch.device("cpu")
    try:
        torch.zeros(1, device=wanted).item()
    except (RuntimeError, AssertionError, TypeError):  # no such name, device, or PyTorch for it
        raise ValueError(
            f"device must be one that PyTorch can compute on here, such as cpu; not {wanted!r}"
        ) from None
    return torch.device(wanted)


class Processes:
    """This process and the others of the run; alone unless torchrun started it."""

    def __init__(self, device: torch.device | None = None) -> None:
        """`device`: what this process computes on; without one, see choose_device."""
        self.rank = int(os.environ.get("RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        self.is_first = self.rank == 0
        self.device = device or choose_device()
        if self.world > 1 and not distributed.is_initialized():
            # A day: the others wait while the first one tokenizes, or ends a long part.
            day = datetime.timedelta(days=1)
            backend = "nccl" if self.device.type == "cuda" else "gloo"
            distributed.init_process_group(backend, timeout=day)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.world > 1:
            values = values.to(self.device)
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.world > 1:
            distributed.barrier()


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
