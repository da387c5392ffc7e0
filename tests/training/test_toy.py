"""The loop with a task that is no language model; and which weights it keeps."""

import pytest
import torch

from minibert.training.checkpoint import BEST, load_checkpoint
from minibert.training.curve import draw_curve
from minibert.training.log import read_log
from minibert.training.loop import Trainer
from minibert.training.settings import RunSettings
from minibert.training.task import Task
from tests.training.toy import Regression, fail_after

SETTINGS = {
    "steps": 120,
    "learning_rate": 0.3,
    "weight_decay": 0.0,
    "warmup": 0.1,
    "clip": 100.0,
    "precision": "float32",
    "log_every": 5,
    "validate_every": 10,
    "save_every": 20,
}
CPU = torch.device("cpu")


def trainer(out, **changes):
    out.mkdir(exist_ok=True)
    return Trainer(Regression(), RunSettings(**(SETTINGS | changes)), out)


def test_it_finds_the_line(tmp_path):
    run = trainer(tmp_path / "run")
    assert run.run()
    assert run.model.weight.item() == pytest.approx(3, abs=0.1)
    assert run.model.bias.item() == pytest.approx(-1, abs=0.1)
    training, validation = read_log(tmp_path / "run" / "log.jsonl")
    assert [record["step"] for record in training] == list(range(5, 121, 5))
    assert [record["step"] for record in validation] == list(range(10, 121, 10))
    assert "points_per_second" in training[0]
    x, y = run.task.make(range(10**6, 10**6 + 20)).unbind(1)
    loss = ((run.model(x[:, None])[:, 0] - y) ** 2).mean().item()
    assert validation[-1]["loss"] == pytest.approx(loss, rel=1e-5)
    draw_curve(tmp_path / "run" / "log.jsonl", tmp_path / "a.png", {"loss": {"loss": "error"}})
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("stop", [3, 30, 119])
def test_it_is_resumed_bit_for_bit(tmp_path, stop):
    settings = {"learning_rate": 1.5}  # so large that the best weights are not the last
    whole = trainer(tmp_path / "whole", **settings)
    whole.run()
    cut = trainer(tmp_path / "cut", **settings)
    fail_after(cut, stop)
    with pytest.raises(ZeroDivisionError):
        cut.run()
    again = trainer(tmp_path / "cut", **settings)
    assert again.resume() == (stop >= 20)
    again.run()
    contents = [
        load_checkpoint(tmp_path / name, CPU, file)
        for file in ("checkpoint.pt", BEST)
        for name in ("whole", "cut")
    ]
    for one, other in (contents[:2], contents[2:]):
        assert one["step"] == other["step"]
        assert all(torch.equal(one["model"][name], other["model"][name]) for name in one["model"])
    assert whole.best == again.best


def test_the_best_weights_are_kept(tmp_path):
    run = trainer(tmp_path / "run")
    step = run.train_step

    def spoiled():
        if run.step >= 45:  # between the measures after 40 and 50 steps, and ever after
            run.model.bias.data += 50
        return step()

    run.train_step = spoiled
    run.run()
    _, validation = read_log(tmp_path / "run" / "log.jsonl")
    losses = {record["step"]: record["loss"] for record in validation}
    best = min(losses, key=losses.__getitem__)
    assert best <= 40
    assert load_checkpoint(tmp_path / "run", CPU, BEST)["step"] == best
    assert run.best == -losses[best]
    assert run.validate()["loss"] > 100 * losses[best]
    run.load_best()
    assert run.validate()["loss"] == losses[best]


def test_a_task_without_a_score_keeps_only_the_last(tmp_path):
    run = trainer(tmp_path / "run")
    run.task.score = lambda record: Task.score(run.task, record)
    run.run()
    assert not (tmp_path / "run" / BEST).exists()
    before = run.model.weight.item()
    run.load_best()
    assert run.model.weight.item() == before


def test_a_run_of_another_task_is_not_resumed(tmp_path):
    trainer(tmp_path / "run").run()
    other = trainer(tmp_path / "run")
    other.origin["line"] = "x"
    with pytest.raises(ValueError, match="was begun with line '3x - 1', not 'x'"):
        other.resume()
