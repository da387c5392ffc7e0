import pytest
import torch

from minibert.attention import softmax
from minibert.translation.causal import make_causal_mask
from tests import tiny

MASK = tiny.pair_inputs()["decoder_attention_mask"]


@pytest.mark.parametrize("left", [False, True])
def test_a_token_sees_itself_and_the_real_tokens_before_it(left):
    mask = MASK.flip(1) if left else MASK
    found = make_causal_mask(mask, torch.float64)
    assert found.shape == (3, 1, 7, 7)
    for text in range(3):
        for looks in range(7):
            for seen in range(7):
                may = seen <= looks and mask[text, seen] == 1
                expected = 0.0 if may else torch.finfo(torch.float64).min
                assert found[text, 0, looks, seen] == expected


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_hidden_token_gets_exactly_nothing(dtype):
    mask = make_causal_mask(torch.tensor([[0, 1, 1]]), dtype)[0, 0]
    assert mask.dtype == dtype
    probs = softmax(torch.tensor([3e4, -3e4, 3e4], dtype=dtype) + mask)
    assert probs[1].tolist() == [0.0, 1.0, 0.0]
    assert not probs.isnan().any()  # nor where a token at padding sees nothing


def test_article_d_has_encoder_and_decoder_alike():
    """D§3.1.3: without the mask the row that guesses a token has read it."""
    scores = torch.arange(9.0).reshape(3, 3)
    causal = softmax(scores + make_causal_mask(torch.ones(1, 3), torch.float32)[0, 0])
    assert (softmax(scores) > 0).all()
    assert torch.equal(causal > 0, torch.ones(3, 3).tril() == 1)
    torch.testing.assert_close(causal.sum(dim=1), torch.ones(3))
