"""A patch is seen by all that is computed later, by trace, and in the output."""

import pytest
import torch

from minibert import BertForPreTraining, BertModel, patch, trace
from minibert.inspection.trace import traceable_names
from tests import tiny
from tests.inspection.test_trace import hooks_left

MODEL = tiny.ours(BertModel)
GIVEN = tiny.inputs()
PROBS = "encoder.layers.0.attention.probs"
UNIFORM = torch.full((3, 4, 5, 5), 0.2, dtype=torch.float64)


def run(model=MODEL, **given):
    with torch.no_grad():
        return model(**(GIVEN | given))


def without_head_2(context):
    context = context.clone()
    context[:, 2] = 0
    return context


def test_a_head_taken_out():
    with patch(MODEL, {"encoder.layers.3.attention.context": without_head_2}), trace(MODEL) as t:
        changed = run()
    merged = t["encoder.layers.3.attention.merged_context"]
    assert (merged[..., 14:21] == 0).all()
    assert (merged[..., :14] != 0).all()
    plain = run()
    assert torch.equal(changed.hidden_states[3], plain.hidden_states[3])
    assert not torch.allclose(changed.hidden_states[4], plain.hidden_states[4])


def test_a_residual_carries_one_text_into_another():
    """Put the last residual of text A into text B: from there on B is A."""
    other = {name: GIVEN[name].flip(1) for name in ("input_ids", "token_type_ids")}
    name = "encoder.layers.5.feed_forward_residual"
    with trace(MODEL, name) as t:
        expected = run().last_hidden_state
    assert not torch.allclose(run(**other).last_hidden_state, expected)
    with patch(MODEL, {name: t[name]}):
        assert torch.equal(run(**other).last_hidden_state, expected)


@pytest.mark.parametrize("first", ["patch", "trace"])
def test_trace_later_layers_and_output_see_it_in_either_order(first):
    blocks = {"patch": lambda: patch(MODEL, {PROBS: UNIFORM}), "trace": lambda: trace(MODEL)}
    second = "trace" if first == "patch" else "patch"
    with blocks[first]() as a, blocks[second]() as b:
        output = run()
    t = a if first == "trace" else b
    assert torch.equal(t[PROBS], UNIFORM)
    assert torch.equal(output.attention_probs[0], UNIFORM)
    value = t["encoder.layers.0.attention.value"].unflatten(-1, (4, 7)).transpose(1, 2)
    torch.testing.assert_close(t["encoder.layers.0.attention.context"], UNIFORM @ value)
    assert not torch.allclose(output.hidden_states[1], run().hidden_states[1])


def test_every_value_can_be_replaced():
    """Each is read by something: with its features in reverse order the output is another."""
    with trace(MODEL) as plain:
        expected = run().pooler_output
    for name in traceable_names(MODEL):
        with trace(MODEL) as t, patch(MODEL, {name: lambda value: value.flip(-1)}):
            changed = run().pooler_output
        torch.testing.assert_close(t[name], plain[name].flip(-1))
        assert not torch.allclose(changed, expected), name


def test_patterns_and_several_at_once():
    with (
        patch(MODEL, {"*.probs": UNIFORM, "pooler.activation": torch.zeros_like}),
        trace(MODEL, "*.probs") as t,
    ):
        output = run()
    assert len(t) == 6
    assert all(torch.equal(probs, UNIFORM) for probs in (*t.values(), *output.attention_probs))
    assert (output.pooler_output == 0).all()


def test_patches_of_one_value_work_in_the_order_they_were_entered():
    with (
        patch(MODEL, {"pooler.activation": lambda value: value + 1}),
        trace(MODEL, "pooler.activation") as t,
        patch(MODEL, {"pooler.activation": lambda value: value * 3}),
    ):
        output = run().pooler_output
    expected = (run().pooler_output + 1) * 3
    assert torch.equal(output, expected)
    assert torch.equal(t["pooler.activation"], expected)


def test_heads_and_gradients():
    model = tiny.ours(BertForPreTraining)
    logits = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    with patch(model, {"nsp.logits": logits}):
        output = model(**GIVEN)
    assert output.nsp_logits is logits
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    with patch(MODEL, {"encoder.layers.2.attention.context": lambda context: weight * context}):
        output = MODEL(**GIVEN)
    (gradient,) = torch.autograd.grad(output.pooler_output.sum(), weight)
    assert gradient.abs() > 1e-3


def test_nothing_is_left_behind_even_after_an_error():
    with pytest.raises(ValueError, match="input_ids holds 31"), patch(MODEL, {PROBS: UNIFORM}):
        MODEL(torch.tensor([[31]]))
    assert hooks_left(MODEL) == 0


@pytest.mark.parametrize(
    ("replacements", "message"),
    [
        ({"encoder.layers.6.*": UNIFORM}, r"nothing is called 'encoder.layers.6.\*'; close"),
        ({PROBS: UNIFORM[:1]}, rf"patch of {PROBS} gave \[1, 4, 5, 5\] of torch.float64; the valu"),
        ({PROBS: UNIFORM.float()}, r"gave .* of torch.float32; the value is \[3, 4, 5, 5\] of to"),
        ({PROBS: lambda probs: None}, rf"the patch of {PROBS} gave NoneType, not a tensor"),
        ({PROBS: 0.2}, rf"the patch of {PROBS} gave float, not a tensor"),
    ],
)
def test_what_cannot_be(replacements, message):
    with pytest.raises(ValueError, match=message), patch(MODEL, replacements):
        run()
    assert hooks_left(MODEL) == 0
