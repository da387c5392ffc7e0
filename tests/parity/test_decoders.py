"""The models that write against transformers: every operation, loss and gradients, files."""

import pytest
import torch
import transformers
from safetensors.torch import load_file
from torch import nn

from minibert import BertLMHeadModel, EncoderDecoderModel, cross_entropy
from minibert.heads import NO_LABEL
from minibert.proof.verify import BOUNDS, compare
from minibert.translation.encoder_decoder import shift_right
from tests import tiny
from tests.parity.helpers import assert_all_passed, assert_same_gradients, save_theirs
from weights_loader import load_bert, save_bert

SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))]
# For each text what is to be written; it ends with [SEP], and padding asks for nothing.
LABELS = torch.tensor(
    [
        [20, 7, 36, 7, 3, NO_LABEL, NO_LABEL],
        [9, 8, 30, 31, 32, 33, 3],
        [5, 3] + [NO_LABEL] * 5,
    ]
)


def both_pairs(folder, seed=0, dtype=torch.float64, training=False):
    theirs = tiny.their_pair(seed).to(dtype)
    save_theirs(theirs, folder)
    ours, _ = load_bert(folder, dtype=dtype)
    assert type(ours) is EncoderDecoderModel
    return ours.train(training), theirs.train(training)


def both_writers(folder, seed=0, dtype=torch.float64, training=False):
    theirs = tiny.theirs("BertLMHeadModel", seed, is_decoder=True).to(dtype)
    save_theirs(theirs, folder)
    ours, _ = load_bert(folder, dtype=dtype)
    assert type(ours) is BertLMHeadModel
    return ours.train(training), theirs.train(training)


@pytest.mark.parametrize("left", [False, True], ids=["padded right", "padded left"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_operation_of_an_encoder_decoder(tmp_path, seed, dtype, left):
    ours, theirs = both_pairs(tmp_path, seed, dtype)
    rows = compare(ours, theirs, tiny.pair_inputs(seed, left=left), BOUNDS[dtype])
    # Measured: 2.3e-6 of 1e-5 in float32, 3.7e-15 of 1e-10 in float64.
    assert_all_passed(rows)
    assert sum("cross_attention" in row.operation for row in rows) == 13


@pytest.mark.parametrize("left", [False, True], ids=["padded right", "padded left"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_operation_of_a_decoder_alone(tmp_path, seed, dtype, left):
    ours, theirs = both_writers(tmp_path, seed, dtype)
    inputs = tiny.inputs(seed)
    if left:
        inputs = {name: value.flip(1) for name, value in inputs.items()}
    # Measured: 3.2e-6 of 1e-5 in float32, 4.8e-15 of 1e-10 in float64.
    assert_all_passed(compare(ours, theirs, inputs, BOUNDS[dtype]))


@pytest.mark.filterwarnings("ignore:Version v4.12.0")
@pytest.mark.parametrize("training", [False, True], ids=["eval", "train with dropout"])
@pytest.mark.parametrize("seed", SEEDS)
def test_loss_and_every_gradient_of_an_encoder_decoder(tmp_path, seed, training):
    ours, theirs = both_pairs(tmp_path, seed, training=training)
    inputs = tiny.inputs(seed)
    torch.manual_seed(seed)
    their_loss = theirs(**inputs, labels=LABELS).loss
    given = shift_right(LABELS, ours.start_token_id, ours.decoder.bert.config.pad_token_id)
    torch.manual_seed(seed)
    logits = ours(**inputs, decoder_input_ids=given).logits
    our_loss = cross_entropy(logits, LABELS)
    assert our_loss.item() == pytest.approx(their_loss.item(), rel=1e-12)
    our_loss.backward()
    their_loss.backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train with dropout"])
@pytest.mark.parametrize("seed", SEEDS)
def test_loss_and_every_gradient_of_a_decoder_alone(tmp_path, seed, training):
    ours, theirs = both_writers(tmp_path, seed, training=training)
    inputs = tiny.inputs(seed)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, NO_LABEL)
    torch.manual_seed(seed)
    output = theirs(**inputs, labels=labels)
    their_loss = nn.functional.cross_entropy(output.logits[:, :-1].mT, labels[:, 1:])
    assert output.loss.item() == pytest.approx(their_loss.item(), rel=1e-6)  # theirs is in float32
    torch.manual_seed(seed)
    our_loss = cross_entropy(ours(**inputs).logits[:, :-1], labels[:, 1:])
    assert our_loss.item() == pytest.approx(their_loss.item(), rel=1e-12)
    our_loss.backward()
    their_loss.backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("both", [both_pairs, both_writers])
def test_from_us_to_transformers_and_back(tmp_path, both):
    """No missing and no unexpected name, the same tensors, the same logits."""
    ours, first = both(tmp_path / "theirs", dtype=torch.float32)
    save_bert(ours, tiny.tokenizer(), tmp_path / "ours")
    theirs, info = type(first).from_pretrained(
        tmp_path / "ours", output_loading_info=True, attn_implementation="eager"
    )
    assert {key: list(value) for key, value in info.items() if value} == {}
    stored = load_file(tmp_path / "ours" / "model.safetensors")
    tied = {name for name in theirs.state_dict() if ".decoder.weight" in name}
    tied |= {name for name in theirs.state_dict() if ".decoder.bias" in name}
    assert stored.keys() == theirs.state_dict().keys() - tied
    assert all(torch.equal(first.state_dict()[name], tensor) for name, tensor in stored.items())
    written = theirs.generation_config
    assert (written.eos_token_id, written.pad_token_id) == (3, 0)
    if both is both_pairs:
        assert written.decoder_start_token_id == 2
    theirs.save_pretrained(tmp_path / "again")
    tiny.write_vocab(tmp_path / "again")
    again, _ = load_bert(tmp_path / "again")
    inputs = tiny.pair_inputs() if both is both_pairs else tiny.inputs()
    with torch.no_grad():
        expected, logits = theirs(**inputs).logits, ours(**inputs).logits
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)
        assert torch.equal(again(**inputs).logits, logits)


def test_two_pretrained_berts_with_new_cross_attention(tmp_path):
    """What transformers makes of two BERTs is read here, and its whole account is told."""
    for name in ("reads", "writes"):
        theirs = tiny.theirs("BertForMaskedLM", seed=len(name)).float()
        theirs.config.pad_token_id = 0
        theirs.save_pretrained(tmp_path / name)
    folders = [str(tmp_path / name) for name in ("reads", "writes")]
    made = transformers.EncoderDecoderModel.from_encoder_decoder_pretrained(*folders)
    made.save_pretrained(tmp_path / "pair")
    tiny.write_vocab(tmp_path / "pair")
    ours, tokenizer = load_bert(tmp_path / "pair")
    assert (ours.start_token_id, ours.end_token_id) == (2, 3)  # not said there: [CLS] and [SEP]
    assert {use for use, _ in ours.account.file.values()} == {"used"}
    assert set(ours.account.model.values()) == {"filled"}
    assert ours.account.file.keys() == load_file(tmp_path / "pair" / "model.safetensors").keys()
    assert ours.account.model.keys() == ours.state_dict().keys()
    inputs = tokenizer(["ab c", "d"])
    given = {"decoder_input_ids": torch.tensor([[2, 7], [2, 8]])}
    with torch.no_grad():
        expected = made.eval()(**inputs, **given).logits
        torch.testing.assert_close(ours(**inputs, **given).logits, expected, rtol=0, atol=1e-5)
