"""Data and checkpoints that are not part of the project: a folder beside it, or MINIBERT_SHARED.

Where the folder is absent, what needs it is skipped. Where MINIBERT_SHARED names it, a file that is
missing in it is a failure.
"""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MINIBERT_SHARED", Path(__file__).parents[2] / "shared"))


def shared(path: str) -> Path:
    """The file or folder; or a skip, or a failure, that says what is missing."""
    found = SHARED / path
    if not found.exists():
        end = pytest.fail if "MINIBERT_SHARED" in os.environ else pytest.skip
        end(f"{path} is not in {SHARED} (MINIBERT_SHARED names another folder)")
    return found
