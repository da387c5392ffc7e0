import pytest
import torch

from minibert import BertForPreTraining, BertModel, trace
from tests import tiny

MODEL = tiny.ours(BertModel)
GIVEN = tiny.inputs()

LAYER_NAMES = [
    "attention.query",
    "attention.key",
    "attention.value",
    "attention.scores",
    "attention.probs",
    "attention.context",
    "attention.merged_context",
    "attention.output",
    "attention_residual",
    "attention_layer_norm",
    "feed_forward.inner",
    "feed_forward.activation",
    "feed_forward.output",
    "feed_forward_residual",
    "feed_forward_layer_norm",
]
EMBEDDING_NAMES = ["token", "segment", "position", "sum", "layer_norm"]


def run(model=MODEL):
    with torch.no_grad():
        return model(**GIVEN)


def hooks_left(model):
    return sum(len(module._forward_hooks) for module in model.modules())


def test_every_symbol_of_the_formulas_has_a_name_in_the_order_of_computation():
    with trace(MODEL) as t:
        run()
    expected = [f"embeddings.{name}" for name in EMBEDDING_NAMES]
    expected += [f"encoder.layers.{i}.{name}" for i in range(6) for name in LAYER_NAMES]
    expected += ["pooler.dense", "pooler.activation"]
    assert list(t) == expected


def test_heads_have_names_too():
    model = tiny.ours(BertForPreTraining)
    with trace(model, ["mlm.*", "nsp.*"]) as t:
        run(model)
    steps = ["mlm.dense", "mlm.activation", "mlm.layer_norm", "mlm.logits", "nsp.logits"]
    assert list(t) == steps


def test_shapes_and_values_are_the_models_own():
    with trace(MODEL) as t:
        output = run()
    layer = "encoder.layers.3."
    assert t[layer + "attention.query"].shape == (3, 5, 28)
    assert t[layer + "attention.scores"].shape == (3, 4, 5, 5)
    assert t[layer + "attention.context"].shape == (3, 4, 5, 7)
    assert t[layer + "attention.merged_context"].shape == (3, 5, 28)
    assert t[layer + "feed_forward.activation"].shape == (3, 5, 11)
    assert torch.equal(t[layer + "attention.probs"], output.attention_probs[3])
    assert torch.equal(t[layer + "feed_forward_layer_norm"], output.hidden_states[4])
    assert torch.equal(t["embeddings.layer_norm"], output.hidden_states[0])
    assert torch.equal(t["pooler.activation"], output.pooler_output)


def test_only_what_matches_is_kept():
    with trace(MODEL, "*.probs") as t:
        run()
    assert list(t) == [f"encoder.layers.{i}.attention.probs" for i in range(6)]


def test_nothing_is_left_behind_even_after_an_error():
    with trace(MODEL) as t:
        run()
    assert hooks_left(MODEL) == 0
    before = t["pooler.dense"]
    run()
    assert t["pooler.dense"] is before
    with pytest.raises(ValueError, match="input_ids holds 31"), trace(MODEL):
        MODEL(torch.tensor([[31]]))
    assert hooks_left(MODEL) == 0


def test_gradients_can_be_asked_of_a_traced_value():
    with trace(MODEL, "encoder.layers.2.attention.probs") as t:
        output = MODEL(**GIVEN)
    (probs,) = t.values()
    (gradient,) = torch.autograd.grad(output.pooler_output.sum(), probs)
    assert gradient.abs().max() > 1e-3


def test_ablating_a_head_through_pytorchs_own_hook():
    def without_head_2(module, inputs, context):
        context = context.clone()
        context[:, 2] = 0
        return context

    attention = MODEL.encoder.layers[3].attention
    hook = attention.context.register_forward_hook(without_head_2)
    with trace(MODEL) as t:
        changed = run()
    hook.remove()
    assert (t["encoder.layers.3.attention.merged_context"][..., 14:21] == 0).all()
    plain = run()
    assert torch.equal(changed.hidden_states[3], plain.hidden_states[3])
    assert not torch.allclose(changed.hidden_states[4], plain.hidden_states[4])


def test_patching_a_residual_carries_one_text_into_another():
    """Hand the last residual of text A to text B: from there on B is A."""
    other = {name: tensor.flip(1) for name, tensor in GIVEN.items()}
    other["attention_mask"] = GIVEN["attention_mask"]
    with trace(MODEL, "encoder.layers.5.feed_forward_residual") as t:
        expected = run().last_hidden_state
    (residual,) = t.values()
    module = MODEL.encoder.layers[5].feed_forward_residual
    hook = module.register_forward_hook(lambda module, inputs, output: residual)
    with torch.no_grad():
        patched = MODEL(**other).last_hidden_state
    hook.remove()
    assert torch.equal(patched, expected)


def test_replaced_probs_are_the_probs_returned():
    uniform = torch.full((3, 4, 5, 5), 0.2, dtype=torch.float64)
    hook = MODEL.encoder.layers[0].attention.probs.register_forward_hook(lambda *_: uniform)
    output = run()
    hook.remove()
    assert torch.equal(output.attention_probs[0], uniform)


def test_a_name_that_is_not_there():
    with (
        pytest.raises(ValueError, match=r"nothing is called 'encoder.layers.6.\*'; close"),
        trace(MODEL, "encoder.layers.6.*"),
    ):
        pass
    with trace(MODEL, "*.probs") as t:
        run()
    with pytest.raises(KeyError, match=r"close to it: encoder.layers.3.attention.probs"):
        t["encoder.layer.3.attention.probs"]
