import math

import pytest
import torch

from minibert.attention import MultiHeadAttention, make_additive_mask, softmax
from tests import tiny
from tests.articles.formulas import close, multi_head, weights_of

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 5, 28, generator=GENERATOR, dtype=torch.float64)
MASK = tiny.inputs()["attention_mask"]


def test_softmax_of_huge_scores():
    assert softmax(torch.tensor([1e30, 0.0, -1e30])).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_padded_key_gets_exactly_nothing(dtype):
    mask = make_additive_mask(torch.tensor([[1, 1, 0]]), dtype)[0, 0, 0]
    assert mask.dtype == dtype
    # Even where the real scores are very low and the padded one is very high.
    probs = softmax(torch.tensor([-3e4, -3e4, 3e4], dtype=dtype) + mask)
    assert probs.tolist() == [0.5, 0.5, 0.0]


def test_three_masks_side_by_side():
    """Why the lowest finite number: −10,000 lets padding through, −∞ can give NaN."""
    low = torch.tensor([-2e4, -2e4, 0.0])
    googles = softmax(low + torch.tensor([0, 0, -1e4]))
    assert googles.tolist() == [0.0, 0.0, 1.0]
    lowest = softmax(low + torch.tensor([0, 0, torch.finfo(torch.float32).min]))
    assert lowest.tolist() == [0.5, 0.5, 0.0]
    assert softmax(torch.full((3,), -math.inf)).isnan().all()


def test_multi_head_formula_with_padding():
    """F2 over the real tokens of each text by itself."""
    attention = tiny.randomise(MultiHeadAttention(tiny.CONFIG).double(), seed=0)
    output, probs = attention(X, make_additive_mask(MASK, torch.float64))
    for text, length in enumerate(tiny.LENGTHS):
        expected = multi_head(X[text, :length].numpy(), weights_of(attention), heads=4)
        close(output[text, :length], expected)
        assert (probs[text, :, :, length:] == 0).all()
