"""The textbook in float64 against the NumPy twin: ≤ 1e-12 for each operation."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from minibert import (
    BertConfig,
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertLMHeadModel,
    BertModel,
    trace,
)
from minibert.proof.numpy_twin import as_arrays, forward, forward_pair
from tests import tiny
from tests.shared import shared
from weights_loader import load_bert


def differences(model, config, inputs):
    """Name -> max |torch − NumPy|, padding included."""
    with trace(model) as t, torch.no_grad():
        model(**inputs)
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    twin = forward(
        as_arrays(model.state_dict()),
        config,
        arrays["input_ids"],
        attention_mask=arrays["attention_mask"],
        token_type_ids=arrays["token_type_ids"],
    )
    return largest(t, twin)


def largest(t, twin):
    assert list(t) == list(twin)  # the same names, in the order of the computation
    found = {}
    for name, value in t.items():
        assert value.shape == twin[name].shape, name
        found[name] = np.abs(value.numpy() - twin[name]).max()
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "kind",
    [
        BertModel,
        BertForMaskedLM,
        BertForNextSentencePrediction,
        BertForPreTraining,
        BertLMHeadModel,
    ],
)
def test_every_operation(kind, seed):
    model = tiny.ours(kind, seed)
    found = differences(model, tiny.CONFIG, tiny.inputs(seed))
    worst = max(found, key=found.get)
    assert found[worst] <= 1e-12, worst  # measured: 6e-15


@pytest.mark.parametrize("left", [False, True], ids=["padded right", "padded left"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_operation_of_an_encoder_decoder(seed, left):
    model, inputs = tiny.pair(seed), tiny.pair_inputs(seed, left=left)
    del inputs["token_type_ids"]
    with trace(model) as t, torch.no_grad():
        model(**inputs)
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
    twin = forward_pair(
        as_arrays(model.state_dict()),
        [tiny.CONFIG, tiny.DECODER_CONFIG],
        [arrays["input_ids"], arrays["decoder_input_ids"]],
        [arrays["attention_mask"], arrays["decoder_attention_mask"]],
    )
    found = largest(t, twin)
    worst = max(found, key=found.get)
    assert found[worst] <= 1e-12, worst  # measured: 6.3e-15


def test_a_decoder_alone_padded_at_its_beginning():
    """Its first tokens see nothing; what PyTorch computes there, the twin computes, too."""
    inputs = {name: value.flip(1) for name, value in tiny.inputs().items()}
    found = differences(tiny.ours(BertLMHeadModel), tiny.CONFIG, inputs)
    assert max(found.values()) <= 1e-12


def test_sinusoidal_positions():
    config = BertConfig(**tiny.SIZES, position_embedding_type="sinusoidal")
    found = differences(tiny.ours(BertModel, config=config), config, tiny.inputs())
    assert max(found.values()) <= 1e-12


def test_defaults_are_all_real_and_all_segment_0():
    model = tiny.ours(BertModel)
    ids = tiny.inputs()["input_ids"][:1]
    twin = forward(as_arrays(model.state_dict()), tiny.CONFIG, ids.numpy())
    with torch.no_grad():
        ours = model(ids).last_hidden_state.numpy()
    np.testing.assert_allclose(
        twin["encoder.layers.5.feed_forward_layer_norm"], ours, rtol=0, atol=1e-12
    )


def test_a_real_checkpoint_end_to_end():
    folder = shared("checkpoints/all-MiniLM-L6-v2")
    model, tokenizer = load_bert(folder, dtype=torch.float64)
    inputs = tokenizer(["The bank of the river.", "A bank."])
    found = differences(model, model.config, inputs)
    worst = max(found, key=found.get)
    assert found[worst] <= 1e-10, worst  # measured: 4e-13


def test_it_needs_no_torch():
    code = "import sys, minibert.proof.numpy_twin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
