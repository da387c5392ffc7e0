import torch

from minibert.attention import make_additive_mask
from minibert.encoder import Encoder
from tests import tiny

X = torch.randn(3, 5, 28, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
MASK = make_additive_mask(tiny.inputs()["attention_mask"], torch.float64)


def test_state_i_is_the_output_of_layer_i():
    encoder = tiny.randomise(Encoder(tiny.CONFIG).double(), seed=0)
    with torch.no_grad():
        hidden_states, attention_probs = encoder(X, MASK)
        assert len(hidden_states) == 7
        assert len(attention_probs) == 6
        assert torch.equal(hidden_states[0], X)
        for i, layer in enumerate(encoder.layers):
            output, probs = layer(hidden_states[i], MASK)
            assert torch.equal(hidden_states[i + 1], output)
            assert torch.equal(attention_probs[i], probs)
