"""The processes of a run: one, or those that torchrun started, each with a share of every step."""

import datetime
import os

import torch
from torch import distributed


class Processes:
    """This process and the others of the run; alone unless torchrun started it."""

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.world = int(os.environ.get("WORLD_SIZE", "1"))
        local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        has_gpu = torch.cuda.is_available()
        self.device = torch.device("cuda", local_rank) if has_gpu else torch.device("cpu")
        if self.world > 1 and not distributed.is_initialized():
            # A day: the others wait while the first one tokenizes the corpus.
            day = datetime.timedelta(days=1)
            distributed.init_process_group("nccl" if has_gpu else "gloo", timeout=day)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.world > 1:
            values = values.to(self.device)
            distributed.all_reduce(values)
        return values

    def wait(self) -> None:
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
