"""A run is the same whether it is interrupted, shared among processes, or not."""

import contextlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from minibert.training.checkpoint import load_checkpoint
from tests import tiny
from tests.pretraining.helpers import SETTINGS, log, same_weights, trainer
from tests.training.toy import fail_after


def test_a_run_learns_and_logs(tmp_path):
    run = trainer(tmp_path, steps=150, phases="16x16:1", learning_rate=1e-2, save_every=150)
    run.run()
    records = log(tmp_path / "out")
    training = [record for record in records if "loss" in record]
    validation = [record for record in records if "validation" in record]
    assert [record["step"] for record in training] == list(range(1, 151))
    assert [record["step"] for record in validation] == list(range(5, 151, 5))
    first, last = (validation[i]["validation"] for i in (0, -1))
    assert last["mlm_loss"] < first["mlm_loss"] - 0.2
    assert last["loss"] == pytest.approx(last["mlm_loss"] + last["nsp_loss"], rel=1e-12)
    assert training[0]["learning_rate"] == 0
    assert max(record["learning_rate"] for record in training) == 1e-2


def test_validation_does_not_touch_the_training(tmp_path):
    often, never = trainer(tmp_path, validate_every=1), trainer(tmp_path, out="b", held_out=0.2)
    never.validate = lambda: None
    often.run()
    never.run()
    assert same_weights(tmp_path / "out", tmp_path / "b")


def test_accumulation_changes_nothing(tmp_path):
    for out, parts in (("one", 1), ("two", 2)):
        trainer(tmp_path, out=out, accumulation=parts).run()
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert len(one) == len(two) > 12
    for a, b in zip(one, two, strict=True):
        a, b = a.get("validation", a), b.get("validation", b)
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        pytest.param({"dropout": 0.1}, marks=pytest.mark.slow),
        pytest.param({"optimizer": "muon", "precision": "float32"}, marks=pytest.mark.slow),
    ],
    ids=["plain", "dropout", "muon"],
)
def test_resume_ends_bit_for_bit_the_same(tmp_path, settings):
    trainer(tmp_path, out="whole", **settings).run()
    for stop in (1, 5, 6, 9):  # the phase changes after step 6
        run = trainer(tmp_path, out=f"cut{stop}", **settings)
        fail_after(run, stop)
        with pytest.raises(ZeroDivisionError):
            run.run()
        again = trainer(tmp_path, out=f"cut{stop}", **settings)
        assert again.resume() == (stop > 4)  # saved after every fourth step
        assert again.step == stop // 4 * 4
        again.run()
        assert same_weights(tmp_path / "whole", tmp_path / f"cut{stop}")
        assert log(tmp_path / "whole") == log(tmp_path / f"cut{stop}")


def test_resume_with_other_settings_is_refused(tmp_path):
    trainer(tmp_path).run()
    with pytest.raises(ValueError, match=r"learning_rate 0\.001, not 0\.002"):
        trainer(tmp_path, learning_rate=2e-3).resume()
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"PK broken")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken"):
        trainer(tmp_path).resume()


def test_nan_stops_with_the_step_the_rows_and_the_gradients(tmp_path):
    run = trainer(tmp_path)
    step = run.train_step

    def poisoned():
        if run.step == 6:
            run.model.bert.encoder.layers[1].feed_forward.inner.weight.data[0, 0] = torch.nan
        return step()

    run.train_step = poisoned
    with pytest.raises(ValueError, match="step 7: the loss is nan") as error:
        run.run()
    assert "rows (2, 0) to (2, 3)" in str(error.value)
    assert "not finite: bert.encoder.layers.1.feed_forward.inner.weight" in str(error.value)
    assert load_checkpoint(tmp_path / "out", torch.device("cpu"))["step"] == 4


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_first(tmp_path, which):
    run = trainer(tmp_path)
    step = run.train_step

    def signalled():
        if run.step == 6:
            os.kill(os.getpid(), which)
        return step()

    run.train_step = signalled
    before = signal.getsignal(which)
    assert run.run() is False
    assert signal.getsignal(which) == before
    assert load_checkpoint(tmp_path / "out", torch.device("cpu"))["step"] == 6
    again = trainer(tmp_path)
    again.resume()
    assert again.run() is True
    trainer(tmp_path, out="whole").run()
    assert same_weights(tmp_path / "whole", tmp_path / "out")


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    run = trainer(tmp_path)
    save, limits = run.save, resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def save_on_a_full_disk():
        if run.step == 8:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        save()

    run.save = save_on_a_full_disk
    try:
        with pytest.raises(OSError, match=r"could not be written.*last good checkpoint is kept"):
            run.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert load_checkpoint(tmp_path / "out", torch.device("cpu"))["step"] == 4
    assert sorted(os.listdir(tmp_path / "out")) == ["checkpoint.pt", "log.jsonl"]


def command(folder, out, *, processes=1, resume=False, **settings):
    """The command line of a run over the small text."""
    options = SETTINGS | {"steps": 40, "save_every": 1} | settings
    listed = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    listed = [part.replace("_", "-") if part.startswith("--") else part for part in listed]
    launcher = ["-m"]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        launcher += ["--master-port", str(random.randint(20_000, 60_000)), "-m"]
    places = ["--corpus", folder / "text.txt", "--out", folder / out, "--vocab-size", "60"]
    places += ["--config", folder / "config.json"]
    words = [sys.executable, *launcher, "minibert", "pretrain", *places, *listed]
    return [str(word) for word in words] + ["--resume"] * resume


def prepare(folder):
    trainer(folder)  # writes the text
    config = json.dumps(tiny.SIZES | {"max_position_embeddings": 24, "num_hidden_layers": 1})
    (folder / "config.json").write_text(config)


def one_thread():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    """The same loss at every step in float64; and one may be resumed as the other."""
    prepare(tmp_path)
    env = one_thread()
    subprocess.run(command(tmp_path, "one"), check=True, env=env, capture_output=True)
    subprocess.run(command(tmp_path, "two", processes=2), check=True, env=env, capture_output=True)
    # Begun by two, killed somewhere, ended by one.
    begun = subprocess.Popen(
        command(tmp_path, "mixed", processes=2),
        env=env,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "mixed" / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    # torchrun's workers are in sessions of their own, and would go on in this folder.
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if os.fsencode(tmp_path / "mixed") in file.read_bytes():
                os.kill(int(file.parent.name), signal.SIGKILL)
    begun.wait()
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert len(log(tmp_path / "mixed")) < len(one) == len(two) == 48
    words = command(tmp_path, "mixed", resume=True)
    subprocess.run(words, check=True, env=env, capture_output=True)
    for a, b in [*zip(one, two, strict=True), *zip(one, log(tmp_path / "mixed"), strict=True)]:
        assert a["step"] == b["step"]
        a, b = a.get("validation", a), b.get("validation", b)
        for name in ("loss", "mlm_loss", "nsp_loss", "mlm_accuracy", "nsp_accuracy"):
            assert a[name] == pytest.approx(b[name], rel=1e-9), (a, b)
