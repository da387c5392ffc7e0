"""The certificate itself: it must see a fault, a NaN, and an operation without a counterpart."""

import math

import pytest
import torch

from minibert.proof.verify import compare, summarise, verify
from tests import tiny
from tests.parity.helpers import save_theirs


def our_and_their(tmp_path, kind="BertModel"):
    from weights_loader import load_bert

    theirs = tiny.theirs(kind)
    save_theirs(theirs, tmp_path)
    return load_bert(tmp_path, dtype=torch.float64)[0], theirs


def failed(rows):
    return [row.operation for row in rows if not row.passed]


def test_a_wrong_weight_is_seen_where_it_is_and_after(tmp_path):
    ours, theirs = our_and_their(tmp_path)
    with torch.no_grad():
        ours.encoder.layers[5].feed_forward.inner.bias[3] += 1e-8
    rows = compare(ours, theirs, tiny.inputs(), bound=1e-10)
    assert failed(rows)[0] == "encoder.layers.*.feed_forward.inner"
    assert "returned hidden_states.layers.*" in failed(rows)
    row = next(row for row in rows if row.operation == "encoder.layers.*.feed_forward.inner")
    assert row.worst_layer == 5
    assert row.absolute == pytest.approx(1e-8, rel=1e-3)


def test_nan_fails():
    rows = summarise({"a.layers.0.b": (1e-9, 1e-9), "a.layers.1.b": (math.nan, 1.0)}, bound=1e-5)
    assert failed(rows) == ["a.layers.*.b"]
    assert rows[0].worst_layer == 1


def test_an_operation_without_counterpart_is_an_error(tmp_path):
    ours, theirs = our_and_their(tmp_path)
    ours.extra = torch.nn.Identity()
    ours.register_forward_hook(lambda *_: ours.extra(torch.zeros(1)) and None)
    with pytest.raises(RuntimeError, match="no counterpart: extra"):
        compare(ours, theirs, tiny.inputs(), bound=1e-10)


def test_a_model_without_pooler(tmp_path):
    save_theirs(tiny.theirs("BertModel"), tmp_path, drop=("pooler.",))
    rows = verify(tmp_path, ["a b c", "b"], torch.float64)
    assert failed(rows) == []
    assert not any("pooler" in row.operation for row in rows)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("BertModel", 30),
        ("BertForMaskedLM", 32),
        ("BertForNextSentencePrediction", 30),
        ("BertForPreTraining", 36),
    ],
)
def test_the_heads_of_the_file_are_compared(tmp_path, kind, rows):
    save_theirs(tiny.theirs(kind), tmp_path)
    certificate = verify(tmp_path, ["abc def", "bad"])
    assert len(certificate) == rows
    assert failed(certificate) == []


def test_wrong_dtype():
    with pytest.raises(ValueError, match=r"dtype must be torch.float32 or torch.float64"):
        verify(dtype=torch.float16)
