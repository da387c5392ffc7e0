"""kill -9 at random moments: the same command again ends with the bytes of an undisturbed run."""

import os
import random
import subprocess
import time

import pytest
import torch

from minibert.training.checkpoint import load_checkpoint
from tests.faults import IS_THOROUGH
from tests.faults.kills import check_kills
from tests.faults.making import make_base
from tests.pretraining.helpers import log, same_weights
from tests.training.test_loop import command, one_thread, prepare

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
MANY = [(".npy", 7), (".safetensors", 7), (".jsonl", 6)]
if not IS_THOROUGH:
    MANY = [(".npy", 3), (".safetensors", 3), (".jsonl", 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "kills"), MANY)
def test_embed(tmp_path, ending, kills):
    make_base(tmp_path)
    words = ["embed", "--model", tmp_path / "model", "--input", tmp_path / "many.txt"]
    check_kills([*words, "--layers", "all", "--out"], tmp_path / f"out{ending}", kills)


@pytest.mark.slow
def test_pretrain(tmp_path):
    """In real processes: preparing, training, saving."""
    prepare(tmp_path)
    # First at any moment of the start, then some checkpoints later, about when the next is written.
    moments = (0, 1, 4, 0, 2, 0, 7, 3, 5, 1) if IS_THOROUGH else (0, 1, 4, 0, 2)
    steps = 100 * len(moments)  # far longer than all the waits
    long = {"steps": steps, "validate_every": 100, "resume": True}
    whole, killed = (command(tmp_path, out, **long) for out in ("whole", "killed"))
    subprocess.run(whole, check=True, env=one_thread(), capture_output=True)
    draw = random.Random(1)
    file, kills = tmp_path / "killed" / "checkpoint.pt", 0
    for saved in moments:
        process = subprocess.Popen(killed, env=one_thread(), **QUIET)
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
    assert load_checkpoint(file.parent, torch.device("cpu"))["step"] < steps
    subprocess.run(killed, check=True, env=one_thread(), capture_output=True)
    assert same_weights(tmp_path / "whole", tmp_path / "killed")
    assert log(tmp_path / "whole") == log(tmp_path / "killed")
    names = ("model.safetensors", "config.json", "vocab.txt")
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    assert not [name for name in os.listdir(tmp_path / "killed") if name.startswith(".")]
