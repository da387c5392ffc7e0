import math

import numpy as np
import pytest
import torch

from minibert.attention import MultiHeadAttention, attention_scores, make_additive_mask, softmax
from tests import tiny

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(3, 5, 28, generator=GENERATOR, dtype=torch.float64)
MASK = tiny.inputs()["attention_mask"]


def test_scores_are_dot_products_over_the_root_of_the_head_size():
    query, key = torch.randn(2, 5, 7, generator=GENERATOR, dtype=torch.float64)
    scores = attention_scores(query, key)
    for i in range(5):
        for j in range(5):
            expected = sum(float(query[i, h] * key[j, h]) for h in range(7)) / math.sqrt(7)
            assert scores[i, j].item() == pytest.approx(expected, abs=1e-14)


def test_softmax_formula():
    scores = torch.tensor([[-1.5, 0.0, 2.5], [0.3, 0.2, 0.1]], dtype=torch.float64)
    for row, result in zip(scores.tolist(), softmax(scores).tolist(), strict=True):
        total = sum(math.exp(score) for score in row)
        assert result == pytest.approx([math.exp(score) / total for score in row], abs=1e-15)


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


def by_hand(attention: MultiHeadAttention, x: np.ndarray, length: int) -> tuple:
    """F2, one head at a time on the real tokens of one text."""
    weight = {name: p.detach().numpy() for name, p in attention.named_parameters()}
    query, key, value = (
        x[:length] @ weight[f"{name}.weight"].T + weight[f"{name}.bias"]
        for name in ("query", "key", "value")
    )
    heads, all_probs = [], []
    for head in range(4):
        part = slice(7 * head, 7 * head + 7)
        powers = np.exp(query[:, part] @ key[:, part].T / np.sqrt(7))
        probs = powers / powers.sum(axis=1, keepdims=True)
        heads.append(probs @ value[:, part])
        all_probs.append(probs)
    output = np.concatenate(heads, axis=1) @ weight["output.weight"].T + weight["output.bias"]
    return output, np.stack(all_probs)


def test_multi_head_formula_with_padding():
    attention = tiny.randomise(MultiHeadAttention(tiny.CONFIG).double(), seed=0)
    with torch.no_grad():
        output, probs = attention(X, make_additive_mask(MASK, torch.float64))
    for text, length in enumerate(tiny.LENGTHS):
        expected_output, expected_probs = by_hand(attention, X[text].numpy(), length)
        np.testing.assert_allclose(output[text, :length], expected_output, rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            probs[text, :, :length, :length], expected_probs, rtol=0, atol=1e-12
        )
        assert (probs[text, :, :, length:] == 0).all()


def test_probs_of_each_query_sum_to_one():
    attention = tiny.randomise(MultiHeadAttention(tiny.CONFIG).double(), seed=0)
    with torch.no_grad():
        _, probs = attention(X, make_additive_mask(MASK, torch.float64))
    np.testing.assert_allclose(probs.sum(dim=-1), 1, rtol=0, atol=1e-14)
    assert (probs.sum(dim=-2) - 1).abs().max() > 0.1  # the keys' totals are not fixed
