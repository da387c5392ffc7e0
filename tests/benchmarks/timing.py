"""How the benchmarks take times: several works taking turns, the median of each."""

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable

import torch

# Variables that keep PyTorch from a part of the processor's instructions.
LIMITS = ("ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY")


def print_machine() -> None:
    """What the figures below were measured on."""
    lines = []
    if shutil.which("lscpu"):
        told = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
        lines = [line.split(":")[1].strip() for line in told.splitlines() if "Model name" in line]
    capability = torch.backends.cpu.get_cpu_capability()
    print(*lines, f"PyTorch uses {capability}", f"{torch.get_num_threads()} threads", sep=", ")
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    if limits:
        print(*limits)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(*works: Callable[[], object], rounds: int) -> list[float]:
    """The median time of each, after one untimed turn."""
    for work in works:
        work()
    times = [[seconds(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]
