"""Frozen parts stay bit for bit; stored states teach what the model's own would teach."""

import numpy
import pytest
import torch

from minibert.finetuning import frozen as module
from minibert.finetuning.frozen import freeze
from minibert.training.schedule import schedule
from tests import tiny
from tests.finetuning.learning import data, log, model_for, padded, task_for, trainer


@pytest.mark.parametrize(
    ("which", "frozen"),
    [
        ("embeddings", ("embeddings.",)),
        ("embeddings layer1-layer4", ("embeddings.", *(f"encoder.layers.{i}." for i in range(4)))),
        ("layer2, layer6 pooler", ("encoder.layers.1.", "encoder.layers.5.", "pooler.")),
    ],
)
def test_frozen_weights_are_bit_unchanged_and_have_no_gradient(which, frozen, tmp_path):
    run = trainer(tmp_path / "out", "classify", freeze=which, weight_decay=0.5, dropout=0.1)
    before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    prefixes = tuple(f"bert.{name}" for name in frozen)
    seen = []
    zero = run.optimizers[0].zero_grad

    def look():
        seen.extend(name for name, p in run.model.named_parameters() if p.grad is not None)
        zero()

    run.optimizers[0].zero_grad = look
    run.run()
    for name, parameter in run.model.named_parameters():
        is_frozen = name.startswith(prefixes)
        assert torch.equal(parameter, before[name]) == is_frozen, name
        assert (name not in seen) == is_frozen, name


@pytest.mark.parametrize("which", ["layer7", "embedding", "layer4-layer1", "layer1-", "1-4", "-"])
def test_wrong_names_are_answered_with_those_that_there_are(which):
    with pytest.raises(ValueError, match=r"there are embeddings, layer1, .*, layer6, pooler, and "):
        freeze(model_for("classify").bert, which)


def test_all_may_be_frozen_but_what_learns():
    learned = task_for("tag", freeze="embeddings-layer6")
    free = [name for name, p in learned.model.named_parameters() if p.requires_grad]
    assert free == ["classifier.weight", "classifier.bias"]
    with pytest.raises(ValueError, match="leaves nothing to learn"):
        task_for("similar", freeze="embeddings-layer6")


def own_states(task, model, batch):
    """[targets, L+1, D]: what the textbook says that a head reads of each layer."""
    inputs = padded(batch)
    with torch.no_grad():
        states = torch.stack(model.bert(**inputs).hidden_states, dim=2)  # [texts, S, L+1, D]
    mask = inputs["attention_mask"]
    if task == "tag":
        return states[mask == 1][batch.targets != -100]
    weight = mask[..., None, None]
    return (states * weight).sum(1) / weight.sum(1)


@pytest.mark.parametrize("task", ["classify", "tag"])
def test_stored_states_teach_as_the_models_own(task, tmp_path):
    """A plain loop over mixture and head on the textbook's hidden states: the same losses."""
    model = model_for(task, all_layers=True)
    other = model_for(task, all_layers=True)
    whole = task_for(task, model=other)  # for its batches of texts
    with torch.no_grad():
        for one in (model, other):
            one.mixture.weights.normal_(generator=torch.Generator().manual_seed(3))
    before = {name: p.detach().clone() for name, p in model.bert.named_parameters()}
    run = trainer(
        tmp_path / "out", task, model=model, states=tmp_path / "states.npy", learning_rate=0.02
    )
    run.task.batches.store(model.bert)
    stored = numpy.load(tmp_path / "states.npy", mmap_mode="r")
    assert stored.dtype == numpy.float32
    assert stored.shape[1:] == (7, 28)
    parts = [other.mixture.weights, other.mixture.scale, *other.classifier.parameters()]
    groups = [{"params": [p for p in parts if (p.ndim > 1) == is_matrix]} for is_matrix in (1, 0)]
    groups[1]["weight_decay"] = 0.0
    optimizer = torch.optim.AdamW(groups, lr=0.02, eps=1e-6, weight_decay=0.01)
    losses = []
    for step in range(run.settings.steps):
        rows = [(0, item) for item in run.task.batches.batch(step)]
        batch = whole.batches.make(rows)
        states = own_states(task, other, batch)
        targets = batch.targets[batch.targets != -100]
        logits = other.classifier(other.mixture(states.unbind(1)))
        loss = torch.nn.functional.cross_entropy(logits, targets)
        losses.append(loss.item())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parts, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * schedule(step, run.settings)
        optimizer.step()
        optimizer.zero_grad()
    run.run()
    ours = [record["loss"] for record in log(tmp_path / "out") if "loss" in record]
    assert ours == pytest.approx(losses, rel=1e-5)
    assert (model.mixture.weights - other.mixture.weights).abs().max() < 1e-5
    for name, parameter in model.bert.named_parameters():
        assert torch.equal(parameter, before[name]), name


def test_the_stored_run_saves_only_what_learns_and_measures_the_whole(tmp_path):
    model = model_for("classify", all_layers=True)
    states = tmp_path / "states.npy"
    run = trainer(tmp_path / "out", "classify", model=model, states=states, epochs=3)
    assert {name.split(".")[0] for name in run.model.state_dict()} == {"mixture", "classifier"}
    run.task.batches.store(model.bert)
    assert run.run()
    assert len(run.task.lines) == 3
    assert run.model.classifier is model.classifier


def test_regression_on_stored_states(tmp_path):
    states = tmp_path / "states.npy"
    model = model_for("number", all_layers=True)
    learned = task_for("number", model=model, states=states)
    learned.batches.store(model.bert)
    batch = learned.batches.make(learned.batches.take(0, 0, 5)[0])
    predicted = learned.model(batch.states.double())[:, 0]
    wanted = torch.tensor(
        [data("number")[item].label for _, item in learned.batches.take(0, 0, 5)[0]]
    )
    loss = learned.losses(batch)["loss"].item()
    assert loss == pytest.approx(((predicted - wanted) ** 2).sum().item())


def test_a_state_is_the_same_whatever_its_block(tmp_path, monkeypatch):
    for size in (4096, 5):
        monkeypatch.setattr(module, "STORED_AT_ONCE", size)
        model = model_for("tag", all_layers=True)
        task_for("tag", model=model, states=tmp_path / f"{size}.npy").batches.store(model.bert)
    one, two = (numpy.load(tmp_path / f"{size}.npy") for size in (4096, 5))
    assert abs(one - two).max() < 1e-6
    assert tiny.CONFIG.hidden_size == one.shape[2]
