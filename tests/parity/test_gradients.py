"""The pretraining loss and its gradient for every parameter, against transformers; and dropout."""

import pytest
import torch

from minibert import cross_entropy
from minibert.heads import NO_LABEL
from tests import tiny
from tests.parity.helpers import assert_same_gradients, save_theirs
from weights_loader import load_bert

GIVEN = tiny.inputs()
MLM_LABELS = torch.full((3, 5), NO_LABEL)
MLM_LABELS[0, 1], MLM_LABELS[0, 4], MLM_LABELS[1, 2], MLM_LABELS[2, 3] = 17, 5, 30, 9
NSP_LABELS = torch.tensor([0, 1, 1])


def with_gradients(folder, seed, *, training):
    """(our model, its loss), (their model, its loss), after backward."""
    theirs = tiny.theirs("BertForPreTraining", seed).train(training)
    save_theirs(theirs, folder)
    ours = load_bert(folder, head="pretraining", dtype=torch.float64)[0].train(training)
    torch.manual_seed(seed)
    their_loss = theirs(**GIVEN, labels=MLM_LABELS, next_sentence_label=NSP_LABELS).loss
    torch.manual_seed(seed)
    output = ours(**GIVEN)
    mlm_loss = cross_entropy(output.mlm_logits, MLM_LABELS)
    our_loss = mlm_loss + cross_entropy(output.nsp_logits, NSP_LABELS)
    our_loss.backward()
    their_loss.backward()
    return (ours, our_loss.item()), (theirs, their_loss.item())


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train with dropout"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_loss_and_every_gradient(tmp_path, seed, training):
    (ours, our_loss), (theirs, their_loss) = with_gradients(tmp_path, seed, training=training)
    assert our_loss == pytest.approx(their_loss, rel=1e-12)
    assert_same_gradients(ours, theirs)
