import pytest
import torch

from minibert.attention import make_additive_mask
from minibert.encoder import EncoderLayer
from minibert.translation.causal import make_causal_mask
from minibert.translation.decoder import Decoder, DecoderLayer
from tests import tiny
from tests.articles.formulas import (
    attention,
    close,
    feed_forward,
    gelu,
    layer_norm,
    linear,
    part,
    weights_of,
)

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 7, 28, generator=GENERATOR, dtype=torch.float64)  # [B, T, D]
MEMORY = torch.randn(3, 5, 28, generator=GENERATOR, dtype=torch.float64)  # [B, S, D]
MEMORY_MASK = make_additive_mask(tiny.inputs()["attention_mask"], torch.float64)
CAUSAL = make_causal_mask(tiny.pair_inputs()["decoder_attention_mask"], torch.float64)
CONFIG = tiny.DECODER_CONFIG  # two heads of 14


def heads(x, keys, weights):
    """F2, with queries of x and the rest of the keys."""
    query = linear(x, weights, "query")
    key, value = (linear(keys, weights, name) for name in ("key", "value"))
    parts = [slice(0, 14), slice(14, 28)]
    merged = [attention(query[:, one], key[:, one], value[:, one]) for one in parts]
    return linear(
        torch.cat([torch.from_numpy(one) for one in merged], dim=1).numpy(), weights, "output"
    )


def test_the_formula_token_by_token():
    """Token t by itself: its past, then the other text, then the feed-forward network."""
    layer = tiny.randomise(DecoderLayer(CONFIG, cross_attention=True).double(), seed=0)
    output, _, _ = layer(X, CAUSAL, MEMORY, MEMORY_MASK)
    weights = weights_of(layer)

    def normed(x, name):
        return layer_norm(x, **part(weights, f"{name}_layer_norm."))

    for text, (read, written) in enumerate(zip(tiny.LENGTHS, tiny.WRITTEN_LENGTHS, strict=True)):
        memory = MEMORY[text, :read].numpy()
        for t in range(written):
            x, past = X[text, t : t + 1].numpy(), X[text, : t + 1].numpy()
            a = normed(x + heads(x, past, part(weights, "attention.")), "attention")
            c = a + heads(a, memory, part(weights, "cross_attention."))
            c = normed(c, "cross_attention")
            last = c + feed_forward(c, part(weights, "feed_forward."), gelu)
            close(output[text, t : t + 1], normed(last, "feed_forward"))


def test_without_an_encoder_it_is_berts_layer_under_another_mask():
    ours = tiny.randomise(DecoderLayer(CONFIG, cross_attention=False).double(), seed=0)
    berts = EncoderLayer(CONFIG).double().eval()
    berts.load_state_dict(ours.state_dict())
    output, probs, cross_probs = ours(X, CAUSAL)
    assert torch.equal(output, berts(X, CAUSAL)[0])
    assert torch.equal(probs, berts(X, CAUSAL)[1])
    assert cross_probs is None


def test_state_i_is_the_output_of_layer_i_and_all_layers_read_the_same_memory():
    decoder = tiny.randomise(Decoder(CONFIG, cross_attention=True).double(), seed=0)
    states, probs, cross_probs = decoder(X, CAUSAL, MEMORY, MEMORY_MASK)
    assert [len(found) for found in (states, probs, cross_probs)] == [4, 3, 3]
    assert torch.equal(states[0], X)
    for i, layer in enumerate(decoder.layers):
        expected = layer(states[i], CAUSAL, MEMORY, MEMORY_MASK)
        for ours, theirs in zip((states[i + 1], probs[i], cross_probs[i]), expected, strict=True):
            assert torch.equal(ours, theirs)
        assert cross_probs[i].shape == (3, 2, 7, 5)


@pytest.mark.parametrize("cross_attention", [False, True])
def test_no_layer_lets_the_future_through(cross_attention):
    """Not by one layer's hidden tokens, which the next layer would see."""
    decoder = Decoder(CONFIG, cross_attention=cross_attention).double()
    tiny.randomise(decoder, seed=0)
    read = (MEMORY, MEMORY_MASK) if cross_attention else (None, None)
    expected = decoder(X, CAUSAL, *read)[0]
    for t in range(6):
        changed = X.clone()
        changed[:, t + 1 :] = 9 * torch.randn(3, 6 - t, 28, dtype=torch.float64)
        for one, other in zip(expected, decoder(changed, CAUSAL, *read)[0], strict=True):
            # Equal to the last bits, in which a product of another shape may differ.
            torch.testing.assert_close(one[:, : t + 1], other[:, : t + 1], rtol=0, atol=1e-13)
    changed = X.clone()
    changed[:, 0] += 1
    differences = (decoder(changed, CAUSAL, *read)[0][1] - expected[1]).abs().amax(dim=-1)
    assert (differences[:2] > 1e-4).all()  # but each sees what stands before it
