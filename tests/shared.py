"""Data and checkpoints that are not part of the project: a folder beside it, or MINIBERT_SHARED."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MINIBERT_SHARED", Path(__file__).parents[2] / "shared"))


def shared(path: str) -> Path:
    """The file or folder, or a skip that says what is missing."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"{path} is not in {SHARED} (MINIBERT_SHARED names another folder)")
    return found
