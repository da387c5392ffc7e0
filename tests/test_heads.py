import pytest
import torch

from minibert import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    cross_entropy,
)
from minibert.heads import NO_LABEL
from tests import tiny

GIVEN = tiny.inputs()
MODEL = tiny.ours(BertForPreTraining)


def run(model=MODEL):
    with torch.no_grad():
        return model(**GIVEN)


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
