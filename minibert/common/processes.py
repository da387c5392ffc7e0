"""This process, and the others of the run.

A program is one process, unless torchrun started several. Then each has a number, its rank, and
each takes its share of the work.
"""

import datetime
import os

import torch
from torch import distributed

from minibert.common.devices import choose_device


class Processes:
    """This process and the others of the run; alone unless torchrun started it."""

    def __init__(self, device: torch.device | None = None) -> None:
        """`device`: what this process computes on; without one, see choose_device."""
        rank, world = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
        if not (rank.isdecimal() and world.isdecimal() and int(rank) < int(world)):
            raise ValueError(
                f"RANK {rank!r} and WORLD_SIZE {world!r} in the environment are not from torchrun; "
                "unset them"
            )
        self.rank, self.world = int(rank), int(world)
        self.is_first = self.rank == 0
        self.device = device or choose_device()
        if self.world > 1 and not distributed.is_initialized():
            # A day: the others wait while the first one tokenizes, or ends a long part.
            day = datetime.timedelta(days=1)
            backend = "nccl" if self.device.type == "cuda" else "gloo"
            try:
                distributed.init_process_group(backend, timeout=day)
            except ValueError as error:
                raise ValueError(
                    "RANK and WORLD_SIZE are set, but the other processes cannot be reached "
                    f"({error}); start with torchrun, or unset them"
                ) from error

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
