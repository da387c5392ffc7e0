import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minibert import BertConfig, BertForMaskedLM, BertModel
from tests import tiny

MODEL = tiny.ours(BertModel)
GIVEN = tiny.inputs()


def run(model=MODEL, **inputs):
    with torch.no_grad():
        return model(**inputs)


def test_defaults_are_all_real_and_all_segment_0():
    ids = GIVEN["input_ids"][:1]
    explicit = run(
        input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids)
    )
    assert torch.equal(run(input_ids=ids).last_hidden_state, explicit.last_hidden_state)


@settings(deadline=None, max_examples=50)
@given(length=st.integers(1, 12), padding=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_padding_never_changes_a_real_token(length, padding, seed):
    padding = min(padding, 13 - length)
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 31, (1, length + padding), generator=generator)  # any id as padding
    mask = (torch.arange(length + padding) < length).long()[None]
    alone = run(input_ids=ids[:, :length])
    padded = run(input_ids=ids, attention_mask=mask)
    for a, b in zip(alone.hidden_states, padded.hidden_states, strict=True):
        torch.testing.assert_close(a, b[:, :length], rtol=0, atol=1e-12)
    torch.testing.assert_close(alone.pooler_output, padded.pooler_output, rtol=0, atol=1e-12)


def test_mask_may_be_bool_or_float():
    expected = run(**GIVEN).last_hidden_state
    for kind in (torch.bool, torch.float32):
        given_mask = {**GIVEN, "attention_mask": GIVEN["attention_mask"].to(kind)}
        assert torch.equal(run(**given_mask).last_hidden_state, expected)


def test_dropout_works_in_training_and_only_there():
    model = BertModel(tiny.CONFIG).double()
    model.train()
    assert not torch.equal(run(model, **GIVEN).pooler_output, run(model, **GIVEN).pooler_output)
    model.eval()
    assert torch.equal(run(model, **GIVEN).pooler_output, run(model, **GIVEN).pooler_output)


def test_without_pooler():
    assert run(tiny.ours(BertForMaskedLM), **GIVEN).bert.pooler_output is None


def test_initial_weights():
    torch.manual_seed(0)
    config = BertConfig(vocab_size=5000, num_hidden_layers=1)
    model = BertModel(config)
    for name, parameter in model.named_parameters():
        if name.endswith("gamma"):
            assert (parameter == 1).all()
        elif name.endswith(("bias", "beta")):
            assert (parameter == 0).all()
        else:
            # A normal distribution of deviation 0.02 cut at ±0.04 keeps 0.8796 of its deviation.
            assert parameter.abs().max() <= 0.04
            if parameter.numel() > 10_000:
                assert parameter.std().item() == pytest.approx(0.02 * 0.8796, rel=0.02), name


IDS = torch.tensor([[2, 7, 5, 3]] * 2)


MASK_SHAPE = r"must have the shape of input_ids, \[2, 4\], not "


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("input_ids", torch.tensor([[2, 31]]), "holds 31; allowed are 0 to 30"),
        ("input_ids", torch.tensor([[-1, 2]]), "holds -1; allowed are 0 to 30"),
        ("input_ids", [[2, 3]], "must be a tensor of whole numbers .* not list"),
        ("input_ids", IDS.float(), "must be a tensor of whole numbers .* torch.float32"),
        ("input_ids", IDS.to("meta"), "must be a dense tensor on a real device"),
        ("input_ids", IDS[0], r"must have shape \[B, S\], both at least 1, not \[4\]"),
        ("input_ids", IDS[:0], r"must have shape .* not \[0, 4\]"),
        ("input_ids", IDS[:, :0], r"must have shape .* not \[2, 0\]"),
        ("input_ids", torch.ones(1, 14).long(), "is 14 tokens long; .* 13 positions"),
        ("attention_mask", torch.ones(2, 4).to_sparse(), "must be a dense tensor on a real device"),
        ("attention_mask", torch.ones(2, 5), rf"{MASK_SHAPE}\[2, 5\]"),
        ("attention_mask", torch.ones(2, 1, 4, 4), rf"{MASK_SHAPE}\[2, 1, 4, 4\]"),
        ("attention_mask", [[1, 1, 1, 1]] * 2, f"{MASK_SHAPE}list"),
        ("attention_mask", torch.tensor([[1, 1, 2, 0]] * 2), "must hold only 1 .* and 0"),
        ("attention_mask", torch.tensor([[0.0, -1e4, 0.0, 0.0]] * 2), "must hold only 1 .* and 0"),
        ("attention_mask", torch.tensor([[1] * 4, [0] * 4]), "has no real token in row 1"),
        ("token_type_ids", torch.tensor([[0, 1, 2, 0]] * 2), "holds 2; allowed are 0 to 1"),
        ("token_type_ids", torch.zeros(2, 4), "must be a tensor of whole numbers"),
    ],
)
def test_input_that_cannot_be_right(name, value, message):
    with pytest.raises(ValueError, match=f"{name} {message}"):
        MODEL(**{"input_ids": IDS, name: value})


def test_masks_cannot_be_mistaken_for_each_other():
    with pytest.raises(TypeError, match="positional argument"):
        MODEL(IDS, torch.zeros_like(IDS))
