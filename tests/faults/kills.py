"""Runs that write their results in parts (extraction/parts.py), killed by kill -9 many times."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.warm import Forked
from tests.training.test_loop import one_thread

NOTES = TemporaryDirectory()
numbers = itertools.count()


def start(words: list[object], processes: int = 1) -> subprocess.Popen:
    """minibert with these words, in a process of its own, or shared by several."""
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    words = [sys.executable, "-m", *(launcher if processes > 1 else []), "minibert", *words]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*map(str, words)], env=one_thread(), **quiet)


def fork(words: list[object]) -> Forked:
    """The same without waiting for PyTorch, for runs that are killed. Sets have the same order in
    all forks. So the last run is started by `start`: a result that depends on that order is seen.
    """
    note = Path(NOTES.name) / str(next(numbers))
    return Forked([*map(str, words)], Path.cwd(), one_thread(), note)


def check_kills(words: list[object], out: Path, kills: int) -> None:
    """`words` and then the output's name are a command; killed, it ends with the same bytes.

    It is killed some parts after the run before; once at any moment, and at last while the parts
    are put together.
    """
    whole = out.with_stem("whole")
    undisturbed = fork([*words, whole])
    assert undisturbed.wait() == 0
    took = time.monotonic() - undisturbed.began
    draw = random.Random(kills)
    parts, temporary = Path(f"{out}.parts"), out.with_name(f".tmp.{out.name}")
    killed = 0
    while killed < kills:
        process = fork([*words, out])
        wanted = len([*parts.glob("0*")]) + draw.randint(1, 2)
        if killed == kills - 1 > 0:
            while process.poll() is None and not temporary.exists():
                time.sleep(0.0002)
        elif killed == kills - 2 > 0:
            time.sleep(draw.uniform(0, took))
        else:
            while process.poll() is None and len([*parts.glob("0*")]) < wanted:
                time.sleep(0.002)
            time.sleep(draw.uniform(0, 0.03))
        process.kill()
        if process.wait() == -signal.SIGKILL:
            killed += 1
        else:  # it was faster
            assert out.read_bytes() == whole.read_bytes()
            out.unlink()
    if parts.exists() or not out.exists():  # else the last kill came after all was done
        assert start([*words, out]).wait() == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not parts.exists()
    assert not [name for name in os.listdir(out.parent) if name.startswith(".")]
