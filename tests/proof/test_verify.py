"""The certificate itself: it must see a fault, a NaN, and an operation without a counterpart."""

import math

import pytest
import torch

from minibert.proof.verify import compare, summarise, verify
from tests import tiny
from tests.parity.helpers import save_theirs


def our_and_their(tmp_path, kind="BertModel"):
    from weights_loader import load_bert

    theirs = tiny.their_pair() if kind == "EncoderDecoderModel" else tiny.theirs(kind)
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


def test_a_fault_among_the_keys_that_are_seen_and_only_there(tmp_path, monkeypatch):
    """The lowest float is as large as no fault; what it hides is no difference either."""
    ours, theirs = our_and_their(tmp_path, "EncoderDecoderModel")
    inputs = tiny.pair_inputs()
    for name in ("attention", "cross_attention"):
        operation = f"decoder.bert.decoder.layers.*.{name}.masked_scores"
        for attended, passes in ((0, False), (-1, True)):  # by a text's first token; its last key
            module = ours.decoder.bert.decoder.layers[2].get_submodule(f"{name}.masked_scores")

            def fault(module, args, scores, attended=attended):
                scores = scores.clone()
                scores[2, 0, 0, attended] += 1e-8
                return scores

            hook = module.register_forward_hook(fault)
            rows = compare(ours, theirs, inputs, bound=1e-10)
            hook.remove()
            (row,) = (row for row in rows if row.operation == operation)
            assert row.passed == passes
            assert passes == (failed(rows) == [])


@pytest.mark.parametrize("half", ["encoder", "decoder.bert"])
def test_a_wrong_weight_in_either_half(tmp_path, half):
    ours, theirs = our_and_their(tmp_path, "EncoderDecoderModel")
    with torch.no_grad():
        ours.get_submodule(half).embeddings.layer_norm.beta[5] += 1e-8
    wrong = failed(compare(ours, theirs, tiny.pair_inputs(), bound=1e-10))
    assert wrong[0] == f"{half}.embeddings.layer_norm"
    assert {"decoder.mlm.logits", "returned decoder.logits"} < set(wrong)
    is_read = half == "encoder"
    assert ("decoder.bert.decoder.layers.*.cross_attention.value" in wrong) == is_read
    assert ("returned encoder.last_hidden_state" in wrong) == is_read


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


def test_an_encoder_without_pooler(tmp_path):
    save_theirs(tiny.their_pair(), tmp_path, drop=("encoder.pooler.",))
    rows = verify(tmp_path, ["a b c", "b"], torch.float64)
    assert failed(rows) == []
    assert not any("pooler" in row.operation for row in rows)


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
        ("BertLMHeadModel", 32),
        ("EncoderDecoderModel", 74),
    ],
)
def test_the_heads_of_the_file_are_compared(tmp_path, kind, rows):
    options = {"is_decoder": True} if kind == "BertLMHeadModel" else {}
    pair = kind == "EncoderDecoderModel"
    save_theirs(tiny.their_pair() if pair else tiny.theirs(kind, **options), tmp_path)
    certificate = verify(tmp_path, ["abc def", "bad"])
    assert len(certificate) == rows
    assert failed(certificate) == []


def test_wrong_dtype():
    with pytest.raises(ValueError, match=r"dtype must be torch.float32 or torch.float64"):
        verify(dtype=torch.float16)
