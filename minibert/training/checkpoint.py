"""The state of a run in one file that is whole or not there.

It holds all that the next step depends on: weights, the optimizers' averages, the step, and the
next row of the data. Random numbers need no state: each generator is made of the seed and the row's
number (see pretraining/batches.py), and dropout's of the seed and the step. So a run that was
killed and goes on ends bit for bit like one that was not.
"""

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from minibert.common.files import replacing

LATEST = "checkpoint.pt"
BEST = "best.pt"  # the weights that had the best score on held-out data


def save_checkpoint(folder: Path, content: dict[str, Any], name: str = LATEST) -> None:
    """Write the checkpoint called `name`; a good one that was there is kept until then."""
    file = folder / name
    try:
        with replacing(file) as temporary, open(temporary, "wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
    except (OSError, RuntimeError) as error:
        kept = "the last good checkpoint is kept" if file.exists() else "there is none"
        raise OSError(f"{file} could not be written ({error}); {kept}") from None


def load_checkpoint(
    folder: Path, device: torch.device, name: str = LATEST
) -> dict[str, Any] | None:
    """The content, or None if there is no checkpoint."""
    file = folder / name
    if not file.exists():
        return None
    try:
        # weights_only: tensors, numbers and text; nothing that runs code.
        return torch.load(file, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, KeyError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{file} is broken ({reason}); delete it to begin anew") from None
