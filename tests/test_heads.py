import math

import pytest
import torch

from minibert import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    cross_entropy,
)
from minibert.heads import IS_NEXT, IS_RANDOM, NO_LABEL
from tests import tiny

GIVEN = tiny.inputs()
MODEL = tiny.ours(BertForPreTraining)


def run(model=MODEL):
    with torch.no_grad():
        return model(**GIVEN)


def test_mlm_formula():
    output = run()
    mlm = MODEL.mlm
    inner = torch.nn.functional.linear(
        output.bert.last_hidden_state, mlm.dense.weight, mlm.dense.bias
    )
    normal = torch.nn.functional.layer_norm(
        torch.nn.functional.gelu(inner), (28,), mlm.layer_norm.gamma, mlm.layer_norm.beta, 1e-12
    )
    for piece in range(31):
        token_embedding = MODEL.bert.embeddings.token.weight[piece]
        expected = (normal * token_embedding).sum(dim=-1) + mlm.bias[piece]
        torch.testing.assert_close(output.mlm_logits[..., piece], expected, rtol=0, atol=1e-12)


def test_nsp_formula():
    output = run()
    logits = MODEL.nsp.logits
    expected = output.bert.pooler_output @ logits.weight.T + logits.bias
    torch.testing.assert_close(output.nsp_logits, expected, rtol=0, atol=1e-13)
    assert (IS_NEXT, IS_RANDOM) == (0, 1)


def test_the_decoder_is_the_token_embedding():
    """Tied: no second matrix [V, D] exists, and training the output trains the input."""
    sizes = [tuple(p.shape) for p in MODEL.parameters()]
    assert sizes.count((31, 28)) == 1
    model = tiny.ours(BertForMaskedLM)
    model(torch.tensor([[7, 8]])).mlm_logits[0, 0, 20].backward()
    gradient = model.bert.embeddings.token.weight.grad
    assert gradient[20].abs().max() > 0.1  # piece 20 is not in the input


def test_single_heads_give_the_same_as_both_together():
    both = run()
    mlm = BertForMaskedLM(tiny.CONFIG).double()
    nsp = BertForNextSentencePrediction(tiny.CONFIG).double()
    state = MODEL.state_dict()
    for model in (mlm, nsp):
        model.load_state_dict({name: state[name] for name in model.state_dict()})
        model.eval()
    assert torch.equal(run(mlm).mlm_logits, both.mlm_logits)
    assert run(mlm).nsp_logits is None
    assert torch.equal(run(nsp).nsp_logits, both.nsp_logits)
    assert run(nsp).mlm_logits is None


def test_cross_entropy_formula():
    logits = torch.tensor([[0.5, -1.0, 2.0], [3.0, 0.0, 0.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    labels = torch.tensor([2, NO_LABEL, 0])
    rows = [([0.5, -1.0, 2.0], 2), ([1.0, 1.0, 1.0], 0)]
    expected = 0.0
    for row, label in rows:
        expected -= math.log(math.exp(row[label]) / sum(map(math.exp, row))) / len(rows)
    assert cross_entropy(logits, labels).item() == pytest.approx(expected, abs=1e-15)


def test_cross_entropy_of_a_very_sure_and_wrong_model_is_finite():
    assert cross_entropy(torch.tensor([[1e4, 0.0]]), torch.tensor([1])).item() == 1e4


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0]), r"labels must have shape \[2\], one for each row of logits, not \[1\]"),
        (torch.tensor([NO_LABEL, NO_LABEL]), "labels ask for nothing: all are -100"),
        (torch.tensor([0, 3]), "labels holds 3; allowed are 0 to 2"),
        (torch.tensor([0, -1]), "labels holds -1; allowed are 0 to 2"),
        (torch.tensor([0.0, 1.0]), "labels must be a tensor of whole numbers"),
    ],
)
def test_labels_that_cannot_be_right(labels, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(torch.zeros(2, 3), labels)


def test_labels_are_not_taken_and_ignored():
    with pytest.raises(TypeError, match="labels"):
        MODEL(GIVEN["input_ids"], labels=GIVEN["input_ids"])
