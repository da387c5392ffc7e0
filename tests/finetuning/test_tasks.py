"""What is learned is what the textbook and transformers would learn from the same rows."""

import math
import shutil
from dataclasses import replace

import pytest
import torch
import transformers

from minibert import cross_entropy
from minibert.finetuning.batches import Batches
from minibert.finetuning.evaluate import measure
from minibert.finetuning.settings import FROM_NOTHING, Settings, settings_for
from minibert.finetuning.tasks import make_items
from minibert.heads import NO_LABEL
from minibert.task_heads import answer_loss, mean_squared_error
from minibert.training.checkpoint import BEST, load_checkpoint
from tests import tiny
from tests.finetuning.learning import TASKS, data, log, model_for, padded, task_for, trainer
from tests.training.toy import fail_after
from weights_loader import save_bert

CPU = torch.device("cpu")


def shut_out(logits, inputs):
    """Without padding in the softmax over the tokens."""
    return logits.masked_fill(inputs["attention_mask"] == 0, -math.inf)


def tags_of(batch, inputs):
    """[texts, S]: the tags of a batch, NO_LABEL at padding."""
    found = torch.full(inputs["input_ids"].shape, NO_LABEL)
    found[inputs["attention_mask"] == 1] = batch.targets
    return found


def textbook_loss(task, model, batch):
    inputs = padded(batch)
    output = model(**inputs)
    if task == "similar":
        mask = inputs["attention_mask"][..., None]
        vectors = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
        unit = vectors / vectors.norm(dim=1, keepdim=True)
        first, second = unit[batch.places].unbind(1)
        return mean_squared_error((first * second).sum(1), batch.targets)
    if task == "answer":
        both = (shut_out(x, inputs) for x in (output.start_logits, output.end_logits))
        return answer_loss(*both, *batch.targets.unbind(1))
    if task == "tag":
        return cross_entropy(output.logits, tags_of(batch, inputs))
    if task == "number":
        return mean_squared_error(output.logits[:, 0], batch.targets)
    return cross_entropy(output.logits, batch.targets)


@pytest.mark.parametrize(  # similar has no head that could read all layers
    ("task", "all_layers"),
    [*((task, False) for task in TASKS), *((task, True) for task in TASKS if task != "similar")],
)
def test_loss_and_gradients_are_the_textbooks(task, all_layers):
    options = {"all_layers": True} if all_layers else {}
    learned = task_for(task, model=model_for(task, **options), batch=7)
    rows, *_ = learned.batches.take(0, 0, 7)
    batch = learned.batches.make(rows)
    assert len(batch.groups) > 2
    model, counts = learned.model, learned.counts(batch)
    textbook_loss(task, model, batch).backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    loss = textbook_loss(task, model, batch)
    model.zero_grad()
    ours = learned.loss(learned.losses(batch), counts)
    ours.backward()
    assert ours.item() == pytest.approx(loss.item(), rel=1e-12)
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        scale = max(expected[name].abs().max().item(), 1e-3)
        assert (gradient - expected[name]).abs().max() <= 1e-10 * scale, name


def their_loss(task, model, batch):
    inputs = padded(batch)
    if task == "classify":
        return model(**inputs, labels=batch.targets).loss
    if task == "tag":
        return model(**inputs, labels=tags_of(batch, inputs)).loss
    output = model(**inputs)
    logits = (shut_out(x, inputs) for x in (output.start_logits, output.end_logits))
    both = zip(logits, batch.targets.unbind(1), strict=True)
    return sum(torch.nn.functional.cross_entropy(*one) for one in both) / 2


SLOW = [pytest.param(task, marks=pytest.mark.slow) for task in ("tag", "answer")]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classify", *SLOW])
def test_fifty_steps_as_transformers(task, tmp_path):
    """A plain loop from the same weights on the same batches, float64."""
    run = trainer(tmp_path / "out", task, epochs=10, weight_decay=0.1, clip=0.5)
    run.validate = lambda: None
    steps = run.settings.steps
    save_bert(run.model, tiny.tokenizer(), tmp_path / "start")
    kind = getattr(transformers, type(run.model).__name__)
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = kind.from_pretrained(tmp_path / "start", dtype=torch.float64, **no_dropout).train()
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": plain, "weight_decay": 0.0}],
        lr=1e-3,
        eps=1e-6,
        weight_decay=0.1,
    )
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, round(0.2 * steps), steps)
    losses, clipped = [], 0
    epoch = number = 0
    for step in range(50):
        source, count = run.task.data(step)
        rows, epoch, number = source.take(epoch, number, count)
        loss = their_loss(task, model, source.make(rows))
        losses.append(loss.item())
        loss.backward()
        clipped += torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5).item() > 0.5
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    run.run()
    ours = [record["loss"] for record in log(tmp_path / "out")]
    assert len(ours) >= 50
    assert ours[:50] == pytest.approx(losses, rel=1e-8)
    assert losses[-1] < 0.8 * losses[0]
    assert clipped > 5


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_each_task_learns_and_keeps_its_best_epoch(task, tmp_path):
    run = trainer(tmp_path / "out", task, epochs=4, dropout=0.1, precision="float32")
    run.run()
    validation = [one["validation"] for one in log(tmp_path / "out") if "validation" in one]
    assert len(validation) == len(run.task.lines) == 4
    assert run.task.lines[1].startswith("epoch 2 of 4: ")
    best = max(range(4), key=lambda i: validation[i][run.task.main])
    run.load_best()
    kept = load_checkpoint(tmp_path / "out", CPU, BEST)
    assert kept["step"] == (best + 1) * run.task.batches.count
    scores = measure(run.model, tiny.tokenizer(), run.task.dev)
    assert scores[run.task.main] == validation[best][run.task.main] == run.best
    losses = [one["loss"] for one in log(tmp_path / "out") if "loss" in one]
    assert sum(losses[-4:]) < sum(losses[:4])


@pytest.mark.slow
@pytest.mark.parametrize(("task", "stops"), [("classify", (3, 7)), ("tag", (4,))])
def test_resume_ends_bit_for_bit_the_same(task, stops, tmp_path):
    changes = {"dropout": 0.1, "precision": "float32"}
    whole = trainer(tmp_path / "whole", task, **changes)
    whole.run()
    for stop in stops:  # saved after every fourth step
        cut = trainer(tmp_path / "cut", task, **changes)
        fail_after(cut, stop)
        with pytest.raises(ZeroDivisionError):
            cut.run()
        again = trainer(tmp_path / "cut", task, **changes)
        assert again.resume() == (stop >= 4)
        again.run()
        assert log(tmp_path / "whole") == log(tmp_path / "cut")
        for file in ("checkpoint.pt", BEST):
            one, two = (
                load_checkpoint(tmp_path / name, CPU, file)["model"] for name in ("whole", "cut")
            )
            assert all(torch.equal(one[name], two[name]) for name in one)
        shutil.rmtree(tmp_path / "cut")


@pytest.mark.parametrize("task", TASKS)
def test_a_process_without_rows_takes_part(task):
    learned = task_for(task)
    batch = learned.batches.make([])
    counts = learned.counts(batch)
    assert counts == {"targets": 0, "tokens": 0}
    sums = learned.losses(batch)
    assert sums["loss"].item() == 0
    learned.loss(sums, {"targets": 3, "tokens": 9}).backward()
    for name, parameter in learned.model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert not parameter.grad.any(), name


@pytest.mark.parametrize("task", TASKS)
def test_shares_of_a_step_add_up(task):
    """As with several processes: the shares of a step's rows together have its loss."""
    learned = task_for(task)
    rows, *_ = learned.batches.take(0, 0, 11)
    together = learned.losses(learned.batches.make(rows))["loss"].item()
    parts = [learned.batches.make(rows[i::3]) for i in range(3)]
    assert sum(learned.losses(part)["loss"].item() for part in parts) == pytest.approx(
        together, rel=1e-12
    )
    counted = [learned.counts(part)["targets"] for part in parts]
    assert sum(counted) == learned.counts(learned.batches.make(rows))["targets"]


def test_dropout_is_that_of_the_settings():
    model = model_for("classify")
    learned = task_for("classify", model=model, dropout=0.3)
    assert learned.losses.dropout == model.dropout.p == 0.3
    batch = learned.batches.make(learned.batches.take(0, 0, 9)[0])
    learned.losses.eval()
    first = learned.losses(batch)["loss"].item()
    assert learned.losses(batch)["loss"].item() == first
    learned.losses.train()
    assert learned.losses(batch)["loss"].item() != learned.losses(batch)["loss"].item()


def test_scores_above_one_are_scaled_to_cosines():
    learned = task_for("similar")
    wanted = [example.label / 5 for example in data("similar")]
    assert [item.target for item in learned.batches.items] == wanted
    assert max(wanted) == 1
    below = [replace(example, label=example.label / 10) for example in data("similar")]
    items = [*make_items("similar", tiny.tokenizer(), below, 13, ())]
    assert [item.target for item in items] == [example.label for example in below]


def test_a_score_may_be_any_number():
    below = [replace(example, label=-100.0) for example in data("number")]
    learned = task_for("number")
    items = [*make_items("classify", tiny.tokenizer(), below, 13, ["n"])]
    batch = Batches(items, rows=4, seed=1).make([(0, item) for item in range(5)])
    assert learned.counts(batch)["targets"] == 5


def test_settings_suit_the_size():
    assert settings_for(768, {}).learning_rate == 5e-5
    assert settings_for(384, {}).learning_rate == 1e-4
    assert settings_for(384, {"learning_rate": 0.3, "epochs": 7}).epochs == 7
    assert settings_for(384, {"learning_rate": 0.3}).learning_rate == 0.3
    assert settings_for(256, {"features": "all-layers"}).learning_rate > 1e-3
    assert settings_for(256, {}).dropout == settings_for(384, {}, is_number=True).dropout == 0
    assert settings_for(384, {}).dropout == settings_for(256, {"dropout": 0.1}).dropout == 0.1
    assert settings_for(128, {}, **FROM_NOTHING).dropout == 0.1
    settings = Settings(epochs=4).for_batches(25)
    assert (settings.steps, settings.validate_every) == (100, 25)
    with pytest.raises(ValueError, match="give no freeze"):
        Settings(features="all-layers", freeze="embeddings")
    with pytest.raises(ValueError, match="features must be one of"):
        Settings(features="two")
    with pytest.raises(ValueError, match="epochs must be a whole number"):
        Settings(epochs=0)
