"""kill -9 at random moments: the same command again ends with the bytes of an undisturbed run."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch

from minibert.training.checkpoint import load_checkpoint
from tests.faults import IS_THOROUGH
from tests.faults.making import make_base
from tests.pretraining.helpers import log, same_weights
from tests.training.test_loop import command, one_thread, prepare

FEW = [(".npy", 3)]
MANY = [(".npy", 7), (".safetensors", 7), (".jsonl", 6)]
if not IS_THOROUGH:
    MANY = [(".npy", 3), (".safetensors", 3), (".jsonl", 2)]


def start(words):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*map(str, words)], env=one_thread(), **quiet)


def check_embed(folder, ending, kills):
    """Each run is killed some parts after the run before, or while the result is put together."""
    make_base(folder)
    words = [sys.executable, "-m", "minibert", "embed", "--model", folder / "model"]
    words += ["--input", folder / "many.txt", "--layers", "all", "--out"]
    whole, out = folder / f"whole{ending}", folder / f"out{ending}"
    began = time.monotonic()
    assert start([*words, whole]).wait() == 0
    took = time.monotonic() - began
    draw = random.Random(kills)
    parts, temporary = folder / f"out{ending}.parts", folder / f".tmp.out{ending}"
    killed = 0
    while killed < kills:
        process = start([*words, out])
        wanted = len([*parts.glob("0*")]) + draw.randint(1, 3)
        if killed == 0:  # at any moment
            time.sleep(draw.uniform(0, took))
        elif killed == kills - 1:
            while process.poll() is None and not temporary.exists():
                time.sleep(0.0005)
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
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


@pytest.mark.parametrize(("ending", "kills"), FEW)
def test_embed(tmp_path, ending, kills):
    check_embed(tmp_path, ending, kills)


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "kills"), MANY)
def test_embed_often(tmp_path, ending, kills):
    check_embed(tmp_path, ending, kills)


@pytest.mark.slow
def test_pretrain(tmp_path):
    """In real processes: preparing, training, saving."""
    prepare(tmp_path)
    long = {"steps": 1000, "validate_every": 100, "resume": True}  # far longer than all the waits
    whole, killed = (command(tmp_path, out, **long) for out in ("whole", "killed"))
    subprocess.run(whole, check=True, env=one_thread(), capture_output=True)
    draw = random.Random(1)
    file, kills = tmp_path / "killed" / "checkpoint.pt", 0
    # First at any moment of the start, then some checkpoints later, about when the next is written.
    moments = (0, 1, 4, 0, 2, 0, 7, 3, 5, 1) if IS_THOROUGH else (0, 1, 4, 0, 2)
    for saved in moments:
        process = start(killed)
        deadline = time.monotonic() + (60 if saved else draw.uniform(0, 2.5))
        last, seen = file.stat().st_mtime_ns if file.exists() else 0, 0
        while process.poll() is None and time.monotonic() < deadline:
            if saved and seen == saved:
                time.sleep(draw.uniform(0, 0.03))
                break
            now = file.stat().st_mtime_ns if file.exists() else 0
            last, seen = now, seen + (now != last)
            time.sleep(0.001)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills == len(moments)
    assert load_checkpoint(file.parent, torch.device("cpu"))["step"] < 1000
    subprocess.run(killed, check=True, env=one_thread(), capture_output=True)
    assert same_weights(tmp_path / "whole", tmp_path / "killed")
    assert log(tmp_path / "whole") == log(tmp_path / "killed")
    names = ("model.safetensors", "config.json", "vocab.txt")
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    assert not [name for name in os.listdir(tmp_path / "killed") if name.startswith(".")]
