"""The state of a run in one file that is whole or not there.

It holds all that the next step depends on: weights, the optimizers' averages, the step, and the
place in the data. Random numbers need no state: every generator is made of the seed and the place
(see batches.py), and dropout's of the seed and the step. So a run that was killed and goes on ends
bit for bit like one that was not.
"""

import os
import pickle
from pathlib import Path
from typing import Any

import torch

NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, content: dict[str, Any]) -> None:
    """Write beside the old one, then put it in its place: at every moment one of them is whole."""
    temporary = folder / f".{NAME}.tmp"  # of one name: the next save takes the place of a torn one
    try:
        with open(temporary, "wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, folder / NAME)
    except (OSError, RuntimeError) as error:
        kept = "the last good checkpoint is kept" if (folder / NAME).exists() else "there is none"
        raise OSError(f"{folder / NAME} could not be written ({error}); {kept}") from None
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(folder: Path, device: torch.device) -> dict[str, Any] | None:
    """The content, or None if there is no checkpoint."""
    file = folder / NAME
    if not file.exists():
        return None
    try:
        # weights_only: tensors, numbers and text; nothing that runs code.
        return torch.load(file, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, KeyError) as error:
        reason = str(error).split("\n")[0]
        raise ValueError(f"{file} is broken ({reason}); delete it to begin anew") from None
