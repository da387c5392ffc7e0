"""What several tests share."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest
import torch

os.environ.pop("MINIBERT_LANG", None)  # the tests expect English, whatever the reader has set


@pytest.fixture(scope="session")
def processes():
    """A process for each CPU, four at most, for the tests that go over a great many texts.

    list(processes.map(check, …)) calls check on each, and raises what a check raises.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1), spawn) as pool:
        yield pool


@pytest.fixture(autouse=True)
def same_threads():
    """A test that leaves PyTorch another number of threads would slow down all that follow."""
    before = torch.get_num_threads()
    yield
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == before
