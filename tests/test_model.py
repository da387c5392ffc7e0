import math

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


def test_everything_is_returned_with_its_shape():
    output = run(**GIVEN)
    assert [state.shape for state in output.hidden_states] == [(3, 5, 28)] * 7
    assert [probs.shape for probs in output.attention_probs] == [(3, 4, 5, 5)] * 6
    assert output.pooler_output.shape == (3, 28)
    assert torch.equal(output.last_hidden_state, output.hidden_states[-1])
    embeddings = MODEL.embeddings(GIVEN["input_ids"], GIVEN["token_type_ids"])
    assert torch.equal(output.hidden_states[0], embeddings)


def test_pooler_is_tanh_of_a_linear_map_of_the_first_token():
    output = run(**GIVEN)
    weight, bias = MODEL.pooler.dense.weight, MODEL.pooler.dense.bias
    for text in range(3):
        first = output.last_hidden_state[text, 0].tolist()
        for feature in range(28):
            row = weight[feature].tolist()
            total = sum(w * x for w, x in zip(row, first, strict=True)) + bias[feature].item()
            pooled = output.pooler_output[text, feature].item()
            assert pooled == pytest.approx(math.tanh(total), abs=1e-12)
    assert (output.pooler_output - output.last_hidden_state[:, 0]).abs().max() > 0.1


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


@settings(deadline=None, max_examples=20)
@given(order=st.permutations(range(3)))
def test_the_order_of_the_batch_does_not_matter(order):
    straight = run(**GIVEN)
    shuffled = run(**{name: tensor[order] for name, tensor in GIVEN.items()})
    torch.testing.assert_close(
        straight.last_hidden_state[order], shuffled.last_hidden_state, rtol=0, atol=1e-12
    )


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


IDS = torch.tensor([[2, 7, 5, 3]])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"input_ids": torch.tensor([[2, 31]])}, r"input_ids holds 31; allowed are 0 to 30"),
        ({"input_ids": torch.tensor([[-1, 2]])}, r"input_ids holds -1; allowed are 0 to 30"),
        ({"input_ids": [[2, 3]]}, "input_ids must be a tensor of whole numbers .* not list"),
        (
            {"input_ids": IDS.float()},
            "input_ids must be a tensor of whole numbers .* torch.float32",
        ),
        ({"input_ids": IDS.to("meta")}, "input_ids must be a dense tensor on a real device"),
        (
            {"input_ids": IDS, "attention_mask": torch.ones_like(IDS).to_sparse()},
            "attention_mask must be a dense tensor on a real device",
        ),
        ({"input_ids": IDS[0]}, r"input_ids must have shape \[B, S\], both at least 1, not \[4\]"),
        ({"input_ids": IDS[:0]}, r"input_ids must have shape .* not \[0, 4\]"),
        ({"input_ids": IDS[:, :0]}, r"input_ids must have shape .* not \[1, 0\]"),
        ({"input_ids": torch.ones(1, 14).long()}, "input_ids is 14 tokens long; .* 13 positions"),
        (
            {"input_ids": IDS, "attention_mask": torch.ones(1, 5)},
            r"attention_mask must have the shape of input_ids, \[1, 4\], not \[1, 5\]",
        ),
        (
            {"input_ids": IDS, "attention_mask": torch.ones(1, 1, 4, 4)},
            r"attention_mask must have the shape of input_ids, \[1, 4\], not \[1, 1, 4, 4\]",
        ),
        (
            {"input_ids": IDS, "attention_mask": [[1, 1, 1, 1]]},
            r"attention_mask must have the shape of input_ids, \[1, 4\], not list",
        ),
        (
            {"input_ids": IDS, "attention_mask": torch.tensor([[1, 1, 2, 0]])},
            "attention_mask must hold only 1 .* and 0",
        ),
        (
            {"input_ids": IDS, "attention_mask": torch.tensor([[0.0, -1e4, 0.0, 0.0]])},
            "attention_mask must hold only 1 .* and 0",
        ),
        (
            {"input_ids": IDS.repeat(2, 1), "attention_mask": torch.tensor([[1] * 4, [0] * 4])},
            "attention_mask has no real token in row 1",
        ),
        (
            {"input_ids": IDS, "token_type_ids": torch.tensor([[0, 1, 2, 0]])},
            "token_type_ids holds 2; allowed are 0 to 1",
        ),
        (
            {"input_ids": IDS, "token_type_ids": torch.zeros(1, 4)},
            "token_type_ids must be a tensor of whole numbers",
        ),
    ],
)
def test_input_that_cannot_be_right(inputs, message):
    with pytest.raises(ValueError, match=message):
        MODEL(**inputs)


def test_masks_cannot_be_mistaken_for_each_other():
    with pytest.raises(TypeError, match="positional argument"):
        MODEL(IDS, torch.zeros_like(IDS))
