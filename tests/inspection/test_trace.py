import pytest
import torch

from minibert import BertForPreTraining, BertModel, trace
from tests import tiny

MODEL = tiny.ours(BertModel)
GIVEN = tiny.inputs()


def run(model=MODEL):
    with torch.no_grad():
        return model(**GIVEN)


def hooks_left(model):
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()
    )


def test_heads_have_names_too():
    model = tiny.ours(BertForPreTraining)
    with trace(model, ["mlm.*", "nsp.*"]) as t:
        run(model)
    steps = ["dense", "activation", "layer_norm.normalised", "layer_norm", "logits"]
    assert list(t) == [*(f"mlm.{step}" for step in steps), "nsp.logits"]


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
    masked = t[layer + "attention.masked_scores"]
    padded = GIVEN["attention_mask"][:, None, None, :].expand_as(masked) == 0
    assert (masked[padded] < -1e300).all()
    assert torch.equal(masked[~padded], t[layer + "attention.scores"][~padded])
    normalised = t[layer + "attention_layer_norm.normalised"]
    torch.testing.assert_close(normalised.mean(dim=-1), torch.zeros(3, 5).double())
    torch.testing.assert_close(normalised.var(dim=-1, correction=0), torch.ones(3, 5).double())
    assert torch.equal(t[layer + "feed_forward_layer_norm"], output.hidden_states[4])
    assert torch.equal(t["embeddings.layer_norm"], output.hidden_states[0])
    assert torch.equal(t["pooler.activation"], output.pooler_output)


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


def test_a_value_replaced_by_a_hook_hung_inside_the_block_is_what_is_recorded():
    """PyTorch runs hooks in the order they were hung; the recorder is always the last."""
    probs = MODEL.encoder.layers[0].attention.probs
    uniform = torch.full((3, 4, 5, 5), 0.2, dtype=torch.float64)
    with trace(MODEL, "encoder.layers.0.attention.probs") as t:
        hook = probs.register_forward_hook(lambda *_: uniform)
        output = run()
        hook.remove()
    assert torch.equal(t["encoder.layers.0.attention.probs"], uniform)
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
