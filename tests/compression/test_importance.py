"""Importance against finite differences, and against a formula that needs no gates."""

import numpy as np
import pytest
import torch

from minibert import (
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    importance,
    mask_texts,
    patch,
    trace,
)
from minibert.compression.importance import masked_lm_loss
from tests import tiny
from tests.inspection.test_trace import hooks_left

MODEL, TOKENIZER = tiny.ours(BertForMaskedLM), tiny.tokenizer()
TEXTS = ["abcd e fgh", "", "k lm a", "bcd"]
BATCHES = mask_texts(TOKENIZER, TEXTS, seed=3, max_length=13)
CONTEXT, ACTIVATION = (
    "bert.encoder.layers.{}.attention.context",
    ("bert.encoder.layers.{}.feed_forward.activation"),
)


def scaled(value, unit, by):
    """A value in which one head or neuron is multiplied."""
    gates = torch.ones_like(value)
    (gates[:, unit] if value.dim() == 4 else gates[..., unit]).fill_(by)
    return value * gates


def mean_scores(name, units):
    """E |loss(gate 1 + ε) − loss(gate 1 − ε)| / 2ε of each unit, one forward pass at a time."""
    scores, step = [], 1e-5
    for unit in range(units):
        total = 0.0
        for batch in BATCHES:
            sides = []
            for by in (1 + step, 1 - step):
                with torch.no_grad(), patch(MODEL, {name: lambda v: scaled(v, unit, by)}):  # noqa: B023
                    sides.append(masked_lm_loss(MODEL, batch).item())
            total += abs(sides[0] - sides[1]) / (2 * step)
        scores.append(total / len(BATCHES))
    return np.array(scores)


@pytest.mark.slow
def test_finite_differences():
    found = importance(MODEL, BATCHES)
    assert (found.heads.shape, found.neurons.shape) == ((6, 4), (6, 11))
    for layer in (0, 3, 5):
        for name, units, row in (
            (CONTEXT, 4, found.heads[layer]),
            (ACTIVATION, 11, found.neurons[layer]),
        ):
            scores = mean_scores(name.format(layer), units)
            expected = scores / np.sqrt((scores**2).sum())
            # Measured: 3e-10 at most.
            np.testing.assert_allclose(row.numpy(), expected, rtol=0, atol=1e-7)
    expected = np.mean([masked_lm_loss(MODEL, batch).item() for batch in BATCHES])
    assert found.loss == pytest.approx(expected, abs=1e-12)
    assert hooks_left(MODEL) == 0
    assert all(parameter.grad is None for parameter in MODEL.parameters())


def test_the_sum_of_value_times_gradient():
    """∂loss/∂ξ at ξ = 1 is Σ context · ∂loss/∂context, which no gate is needed for."""
    found = importance(MODEL, BATCHES)
    heads, neurons = torch.zeros(6, 4).double(), torch.zeros(6, 11).double()
    for batch in BATCHES:
        with trace(MODEL, ["*.context", "*feed_forward.activation"]) as t:
            loss = masked_lm_loss(MODEL, batch)
        values = list(t.values())
        gradients = torch.autograd.grad(loss, values)
        for name, value, gradient in zip(t, values, gradients, strict=True):
            layer, product = int(name.split(".")[3]), (value * gradient).detach()
            if name.endswith("context"):
                heads[layer] += product.sum(dim=(0, 2, 3)).abs()
            else:
                neurons[layer] += product.sum(dim=(0, 1)).abs()
    for ours, scores in ((found.heads, heads), (found.neurons, neurons)):
        expected = scores / scores.norm(dim=1, keepdim=True)
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


def test_two_texts_with_opposite_gradients_do_not_cancel():
    bert = tiny.ours(BertModel)

    def loss(model, batch):
        signs, ids = batch
        return (signs * model(ids).last_hidden_state[:, 0, 0]).mean()

    ids = torch.tensor([[2, 7, 5, 3]])
    up, down = torch.tensor([1.0]).double(), torch.tensor([-1.0]).double()
    alone = importance(bert, [(up, ids)], loss)
    assert alone.heads.norm(dim=1) == pytest.approx(1, abs=1e-12)
    both = torch.cat([ids, ids]), torch.cat([up, down])
    for batches in ([(up, ids), (down, ids)], [(both[1], both[0])]):  # one after the other, or one
        found = importance(bert, batches, loss)
        torch.testing.assert_close(found.heads, alone.heads, rtol=0, atol=1e-12)
        torch.testing.assert_close(found.neurons, alone.neurons, rtol=0, atol=1e-12)
        assert found.loss == pytest.approx(0, abs=1e-12)


def test_labelled_batches_equal_their_texts_one_by_one():
    """Batches of 2 and of 1, with padding: each text counts the same, whatever its batch."""
    model = tiny.ours(BertForPreTraining)
    given, labels = tiny.inputs(), torch.tensor([0, 1, 1])

    def loss(model, rows):
        inputs = {name: tensor[rows] for name, tensor in given.items()}
        scores = model(**inputs).nsp_logits.log_softmax(dim=1)
        return -scores[range(len(rows)), labels[rows]].mean()

    together = importance(model, [[0, 1], [2]], loss)
    apart = importance(model, [[0], [1], [2]], loss)
    torch.testing.assert_close(together.heads, apart.heads, rtol=0, atol=1e-12)
    torch.testing.assert_close(together.neurons, apart.neurons, rtol=0, atol=1e-12)


def test_what_later_layers_do_may_not_matter():
    found = importance(MODEL.bert, BATCHES, lambda m, b: m(**b[0]).hidden_states[2].mean())
    assert (found.heads[:2] > 0).all()
    assert (found.heads[2:] == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.nn.Linear(2, 2), BATCHES), "model must be one of minibert's, not Linear"),
        ((MODEL.bert, BATCHES), "the MLM loss needs a model with that head; or give a loss"),
        ((tiny.ours(BertForMaskedLM).train(), BATCHES), "model is in training mode"),
        ((MODEL, []), "batches is empty"),
        ((MODEL, BATCHES, lambda m, b: torch.ones(())), "must run the model and return one"),
        ((MODEL, BATCHES, lambda m, b: m(**b[0]).mlm_logits), "must run the model and return one"),
        ((MODEL, BATCHES, lambda m, b: m(**b[0]).mlm_logits.mean() / 0), "one finite number"),
    ],
)
def test_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        importance(*arguments)
