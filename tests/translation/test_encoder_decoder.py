"""The models that write: what they see, how they learn, what they refuse, what can be traced."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minibert import (
    BertConfig,
    BertLMHeadModel,
    BertModel,
    EncoderDecoderModel,
    cross_entropy,
    patch,
    trace,
)
from minibert.heads import NO_LABEL
from minibert.inspection.trace import traceable_names
from minibert.translation.encoder_decoder import shift_right, with_cross_attention
from tests import tiny
from tests.inspection.test_trace import hooks_left

PAIR = tiny.pair()
ALONE = tiny.ours(BertLMHeadModel)
GIVEN = tiny.pair_inputs()
IDS = GIVEN["input_ids"]
WRITTEN = GIVEN["decoder_input_ids"]
MEMORY = torch.randn(3, 5, 28, dtype=torch.float64)


def run(model=PAIR, **inputs):
    with torch.no_grad():
        return model(**inputs)


def close(one, other):
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_what_is_returned():
    output = run(**GIVEN)
    assert len(output.encoder.hidden_states) == 7
    decoder = output.decoder
    assert output.logits.shape == (3, 7, 37)
    assert len(decoder.hidden_states) == 4
    assert [probs.shape for probs in decoder.attention_probs] == [(3, 2, 7, 7)] * 3
    assert [probs.shape for probs in decoder.cross_attention_probs] == [(3, 2, 7, 5)] * 3
    assert decoder.last_hidden_state is decoder.hidden_states[-1]
    alone = run(ALONE, **tiny.inputs())
    assert alone.encoder is None
    assert alone.decoder.cross_attention_probs == (None,) * 6
    # One table for input and output: tied, as in BERT's MLM head.
    for model, table in ((PAIR.decoder, (37, 28)), (ALONE, (31, 28))):
        assert [tuple(p.shape) for p in model.parameters()].count(table) == 1


def test_defaults_are_all_real_and_segment_0():
    ids, written = IDS[:1], WRITTEN[1:2]
    explicit = {
        "attention_mask": torch.ones_like(ids),
        "token_type_ids": torch.zeros_like(ids),
        "decoder_attention_mask": torch.ones_like(written),
    }
    inputs = {"input_ids": ids, "decoder_input_ids": written}
    assert torch.equal(run(**inputs).logits, run(**inputs, **explicit).logits)
    del explicit["decoder_attention_mask"]
    assert torch.equal(
        run(ALONE, input_ids=ids).logits, run(ALONE, input_ids=ids, **explicit).logits
    )


@settings(deadline=None, max_examples=30)
@given(read=st.integers(1, 12), written=st.integers(1, 16), seed=st.integers(0, 10**6))
def test_padding_and_the_future_never_change_a_real_token(read, written, seed):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 31, (1, 13), generator=generator)  # any id as padding
    begun = torch.randint(0, 37, (1, 17), generator=generator)
    mask = (torch.arange(13) < read).long()[None]
    expected = run(input_ids=ids[:, :read], decoder_input_ids=begun[:, :written]).logits
    padded = run(input_ids=ids, attention_mask=mask, decoder_input_ids=begun).logits
    close(padded[:, :written], expected)
    expected = run(ALONE, input_ids=ids[:, :read]).logits
    close(run(ALONE, input_ids=ids).logits[:, :read], expected)
    close(run(ALONE, input_ids=ids, attention_mask=mask).logits[:, :read], expected)


def test_the_same_words_mean_the_same_whatever_follows():
    """What a decoder loses: BERT's vector of a word depends on both of its sides."""
    ids, other = torch.tensor([[2, 7, 8, 9]]), torch.tensor([[2, 7, 8, 20]])
    states = [run(ALONE, input_ids=each).decoder.last_hidden_state for each in (ids, other)]
    close(states[0][:, :3], states[1][:, :3])
    bert = tiny.ours(BertModel)
    states = [run(bert, input_ids=each).last_hidden_state for each in (ids, other)]
    assert (states[0] - states[1])[:, :3].abs().amax(dim=-1).min() > 0.1


def test_every_written_token_reads_the_whole_text():
    expected = run(**GIVEN).logits
    for place in range(5):
        ids = IDS.clone()
        ids[0, place] = 30 if IDS[0, place] != 30 else 29
        changed = run(**{**GIVEN, "input_ids": ids}).logits
        assert (changed - expected)[0].abs().amax(dim=-1).min() > 1e-4
        assert torch.equal(changed[1:], expected[1:])


def test_the_order_of_the_batch_is_nothing():
    flipped = run(**{name: value.flip(0) for name, value in GIVEN.items()})
    close(flipped.logits.flip(0), run(**GIVEN).logits)


def test_shift_right_by_hand():
    labels = torch.tensor([[7, 8, 3], [9, 3, NO_LABEL], [3, NO_LABEL, NO_LABEL]])
    assert shift_right(labels, 2, 0).tolist() == [[2, 7, 8], [2, 9, 3], [2, 3, 0]]
    assert labels[2, 1] == NO_LABEL  # the labels are as they were


def test_teacher_forcing_is_all_next_tokens_in_one_pass():
    """One pass over the right text, or a pass for each token from what stands before it."""
    labels = torch.tensor([[7, 20, 36, 3]])
    inputs = {"input_ids": IDS[:1]}
    at_once = run(**inputs, decoder_input_ids=shift_right(labels, 2, 0)).logits
    losses = []
    for t in range(4):
        begun = torch.cat([torch.tensor([[2]]), labels[:, :t]], dim=1)
        last = run(**inputs, decoder_input_ids=begun).logits[:, -1]
        close(last, at_once[:, t])
        losses.append(cross_entropy(last, labels[:, t]))
    close(torch.stack(losses).mean(), cross_entropy(at_once, labels))


def test_a_decoder_gets_new_cross_attention_and_keeps_the_rest():
    alone = tiny.ours(BertLMHeadModel, config=tiny.DECODER_CONFIG)
    alone.end_token_id = 3
    torch.manual_seed(0)
    reads = with_cross_attention(alone)
    assert (reads.has_cross_attention, reads.end_token_id, reads.training) == (True, 3, False)
    state, before = reads.state_dict(), alone.state_dict()
    new = state.keys() - before.keys()
    assert len(new) == 3 * 10
    assert all(".cross_attention" in name for name in new)
    assert all(torch.equal(state[name], tensor) for name, tensor in before.items())
    assert {tensor.dtype for tensor in state.values()} == {torch.float64}
    weight = reads.bert.decoder.layers[0].cross_attention.key.weight
    assert 0 < weight.abs().max() <= 0.04  # as BERT starts
    EncoderDecoderModel(tiny.ours(BertModel), reads)
    assert with_cross_attention(alone.train()).training


def test_dropout_works_in_training_and_only_there():
    model = tiny.pair().train()
    assert not torch.equal(run(model, **GIVEN).logits, run(model, **GIVEN).logits)
    model.eval()
    assert torch.equal(run(model, **GIVEN).logits, run(model, **GIVEN).logits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_ids": torch.tensor([[31]])}, "^input_ids holds 31"),
        ({"attention_mask": torch.zeros(3, 5)}, "^attention_mask has no real token in row 0"),
        ({"decoder_input_ids": WRITTEN + 31}, "^decoder_input_ids holds .* 0 to 36"),
        ({"decoder_input_ids": [[2]]}, "^decoder_input_ids must be a tensor of whole .* list"),
        ({"decoder_input_ids": WRITTEN[:, :0]}, r"^decoder_input_ids must have .* not \[3, 0\]"),
        ({"decoder_input_ids": torch.ones(3, 18).long()}, "decoder_input_ids is 18 tokens .* 17 p"),
        ({"decoder_attention_mask": IDS}, "^decoder_attention_mask must have the shape of"),
        ({"decoder_attention_mask": 0 * WRITTEN}, "^decoder_attention_mask has no real token"),
    ],
)
def test_input_that_cannot_be_right(changes, message):
    with pytest.raises(ValueError, match=message):
        PAIR(**{**GIVEN, **changes})


def test_as_many_texts_to_write_as_to_read():
    message = "input_ids has 3 rows, decoder_input_ids 2: each text needs one of each"
    with pytest.raises(ValueError, match=message):
        PAIR(IDS, decoder_input_ids=WRITTEN[:2])


@pytest.mark.parametrize(
    ("memory", "mask", "message"),
    [
        (None, None, "this decoder needs a memory"),
        (MEMORY[:2], None, r"memory must have shape \[B, S, D\], here \[3, S, 28\], not \[2, 5"),
        (MEMORY[..., 1:], None, r"memory must have .* not \[3, 5, 27\]"),
        (MEMORY[:, :0], None, r"memory must have .* not \[3, 0, 28\]"),
        (MEMORY[0], None, r"memory must have .* not \[5, 28\]"),
        (MEMORY, torch.ones(3, 4), r"memory_mask must have shape \[3, 5\] and a 1 in each row"),
        (MEMORY, torch.zeros(3, 5), r"memory_mask must have shape \[3, 5\] and a 1 in each row"),
    ],
)
def test_a_memory_that_cannot_be_read(memory, mask, message):
    with pytest.raises(ValueError, match=message):
        PAIR.decoder(WRITTEN, memory=memory, memory_mask=mask)


def test_a_decoder_alone_reads_no_memory():
    with pytest.raises(ValueError, match="this decoder takes no memory"):
        ALONE(IDS, memory=MEMORY)


@pytest.mark.parametrize("name", ["labels", "past_key_values", "encoder_outputs"])
def test_arguments_that_do_not_exist(name):
    for model, inputs in ((PAIR, GIVEN), (ALONE, tiny.inputs())):
        with pytest.raises(TypeError, match=f"Model has no argument '{name}'"):
            model(**inputs, **{name: None})


def test_two_that_do_not_go_together():
    bert = tiny.ours(BertModel)
    with pytest.raises(ValueError, match="the decoder has no cross-attention: see with_cross"):
        EncoderDecoderModel(bert, ALONE)
    narrow = BertConfig(**{**tiny.DECODER_SIZES, "hidden_size": 26})
    decoder = BertLMHeadModel(narrow, cross_attention=True)
    with pytest.raises(ValueError, match="must have the same hidden_size, not 28 and 26: cross-at"):
        EncoderDecoderModel(bert, decoder)


def test_all_values_have_names():
    with trace(PAIR, "decoder.*") as t:
        output = run(**GIVEN)
    layer = "decoder.bert.decoder.layers.1."
    of_layer = [name.removeprefix(layer) for name in t if name.startswith(layer)]
    steps = ["query", "key", "value", "scores", "masked_scores", "probs", "context"]
    steps += ["merged_context", "output"]

    def sublayer(name, inner):
        after = [f"{name}_residual", f"{name}_layer_norm.normalised", f"{name}_layer_norm"]
        return [*(f"{name}.{step}" for step in inner), *after]

    assert of_layer == [
        *sublayer("attention", steps),
        *sublayer("cross_attention", steps),
        *sublayer("feed_forward", ["inner", "activation", "output"]),
    ]
    decoder = output.decoder
    assert t[layer + "attention.scores"].shape == (3, 2, 7, 7)
    assert t[layer + "cross_attention.query"].shape == (3, 7, 28)
    assert t[layer + "cross_attention.key"].shape == (3, 5, 28)
    assert torch.equal(t[layer + "attention.probs"], decoder.attention_probs[1])
    assert torch.equal(t[layer + "cross_attention.probs"], decoder.cross_attention_probs[1])
    assert torch.equal(t[layer + "feed_forward_layer_norm"], decoder.hidden_states[2])
    assert torch.equal(t["decoder.mlm.logits"], output.logits)
    assert hooks_left(PAIR) == 0


@pytest.mark.slow
@pytest.mark.parametrize("model", [PAIR, ALONE], ids=["encoder-decoder", "decoder alone"])
def test_every_value_can_be_replaced(model):
    """Each is read by something: with its features in reverse order the output is another."""
    inputs = GIVEN if model is PAIR else tiny.inputs()
    with trace(model) as plain:
        expected = run(model, **inputs).logits
    names = [name for name in traceable_names(model) if not name.startswith("encoder.")]
    for name in names:
        with trace(model) as t, patch(model, {name: lambda value: value.flip(-1)}):
            changed = run(model, **inputs).logits
        torch.testing.assert_close(t[name], plain[name].flip(-1))
        assert not torch.allclose(changed, expected), name
    assert set(plain) == {*traceable_names(model)}


def test_a_decoder_made_blind():
    """Its cross-attention taken out, it writes the same whatever it reads; patched to one word, it
    reads that word's vector alone.
    """
    blind = {"*.cross_attention.output": torch.zeros_like}
    with patch(PAIR, blind):
        output, other = run(**GIVEN), run(**{**GIVEN, "input_ids": IDS.flip(1)})
    assert torch.equal(output.logits, other.logits)
    assert not torch.equal(output.logits, run(**GIVEN).logits)
    one_word = torch.zeros(3, 2, 7, 5, dtype=torch.float64)
    one_word[..., 2] = 1
    with patch(PAIR, {"*.cross_attention.probs": one_word}), trace(PAIR, "*.cross_*") as t:
        output = run(**GIVEN)
    for i in range(3):
        name = f"decoder.bert.decoder.layers.{i}.cross_attention."
        assert torch.equal(output.decoder.cross_attention_probs[i], one_word)
        close(t[name + "merged_context"], t[name + "value"][:, 2:3].expand(3, 7, 28))
