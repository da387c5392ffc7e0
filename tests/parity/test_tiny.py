"""Every operation of every layer against transformers, with all sizes different."""

import pytest
import torch

from minibert.proof.verify import BOUNDS, compare
from tests import tiny
from tests.parity.helpers import assert_all_passed, save_theirs
from weights_loader import load_bert

KINDS = {
    "bert": "BertModel",
    "mlm": "BertForMaskedLM",
    "nsp": "BertForNextSentencePrediction",
    "pretraining": "BertForPreTraining",
    "classification": "BertForSequenceClassification",
    "tagging": "BertForTokenClassification",
    "answering": "BertForQuestionAnswering",
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("head", KINDS)
def test_every_operation(head, seed, dtype, tmp_path):
    theirs = tiny.theirs(KINDS[head], seed)
    save_theirs(theirs, tmp_path)
    ours, _ = load_bert(tmp_path, head=head, dtype=dtype)
    # Measured: 2.1e-6 of 1e-5 in float32, 3.4e-15 of 1e-10 in float64.
    assert_all_passed(compare(ours, theirs.to(dtype), tiny.inputs(seed), BOUNDS[dtype]))


def test_without_mask_and_segments(tmp_path):
    theirs = tiny.theirs("BertModel")
    save_theirs(theirs, tmp_path)
    ours, _ = load_bert(tmp_path, dtype=torch.float64)
    ids = torch.tensor([[2, 7, 30, 3]])
    with torch.no_grad():
        expected = theirs(ids).last_hidden_state
        torch.testing.assert_close(ours(ids).last_hidden_state, expected, rtol=0, atol=1e-12)
