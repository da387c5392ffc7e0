import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minibert.extraction.layers import (
    RECIPES,
    WeightedSum,
    mix,
    pool_sentences,
    pool_words,
    recipe,
    select_layers,
)

GENERATOR = torch.Generator().manual_seed(0)
STATES = [torch.randn(3, 5, 7, generator=GENERATOR, dtype=torch.float64) for _ in range(13)]
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("embeddings", [0]),
        ("layer1", [1]),
        ("layer12", [12]),
        ("all", list(range(13))),
        ("encoder", list(range(1, 13))),
        (0, [0]),
        (-1, [12]),
        (-13, [0]),
        ([-1, "layer2", 0], [12, 2, 0]),
        ("-1,-2,-3,-4", [12, 11, 10, 9]),
        ("layer1, layer2", [1, 2]),
        (slice(None, None, 6), [0, 6, 12]),
        ("1", [1]),
    ],
)
def test_select(which, expected):
    assert select_layers(which, 12) == expected


@pytest.mark.parametrize(
    ("convention", "which", "expected"),
    [
        ("google", "-1,-2,-3,-4", [12, 11, 10, 9]),
        ("google", "0", [1]),
        ("google", "-12", [1]),
        ("flair", "-1,-2", [12, 11]),
        ("flair", "0", [0]),
        ("flair", "all", list(range(13))),
        ("bert-as-service", [-2], [11]),
        ("bert-as-service", [0], [1]),
        ("bert-as-service", slice(0, 2), [1, 2]),
    ],
)
def test_the_numbers_of_others(convention, which, expected):
    assert select_layers(which, 12, convention=convention) == expected


@pytest.mark.parametrize("which", [13, -14, "layer0", "layer13", "top", "", None, 1.0, True, "--1"])
def test_no_such_layer(which):
    given_as = which if isinstance(which, str | int) else [which]
    with pytest.raises(ValueError, match=r"there is no layer .*all, encoder, embeddings, layer1"):
        select_layers(given_as, 12)


@pytest.mark.parametrize(
    ("which", "convention", "message"),
    [
        (12, "google", "the numbers -12 to 11"),  # the embeddings have no number there
        (-13, "google", "the numbers -12 to 11"),
        ([], "transformers", "no layer chosen"),
        (slice(20, None), "transformers", "no layer chosen"),
        (0, "keras", "convention must be one of"),
    ],
)
def test_what_cannot_be_chosen(which, convention, message):
    with pytest.raises(ValueError, match=message):
        select_layers(which, 12, convention=convention)


def test_mixing_formulas():
    few = STATES[:3]
    assert mix(few, "concat").shape == (3, 5, 21)
    assert torch.equal(mix(few, "concat")[..., 7:14], few[1])
    for b, s, d in ((0, 0, 0), (2, 4, 6)):
        numbers = [state[b, s, d].item() for state in few]
        assert mix(few, "sum")[b, s, d].item() == pytest.approx(sum(numbers), abs=1e-14)
        assert mix(few, "mean")[b, s, d].item() == pytest.approx(sum(numbers) / 3, abs=1e-14)
    with pytest.raises(ValueError, match="how must be 'concat', 'sum' or 'mean'"):
        mix(few, "weighted")


def test_a_weighted_sum_starts_as_the_mean_and_can_be_trained():
    module = WeightedSum(3).double()
    assert torch.allclose(module(STATES[:3]), mix(STATES[:3], "mean"), atol=1e-15)
    module(STATES[:3]).square().sum().backward()
    assert module.weights.grad.abs().min() > 1e-3
    with pytest.raises(ValueError, match="2 layers for a sum of 3"):
        module(STATES[:2])


def test_recipes_have_the_papers_scores():
    """Their formulas are F8's in tests/articles."""
    assert [f1 for *_, f1 in RECIPES.values()] == [91.0, 95.6, 94.9, 95.9, 96.1, 95.5]
    with pytest.raises(ValueError, match="recipe must be one of embeddings, second-to-last"):
        recipe("best", STATES)


def by_hand(vectors, mask, how):
    rows = []
    for text, real in zip(vectors.tolist(), mask.tolist(), strict=True):
        tokens = [token for token, is_real in zip(text, real, strict=True) if is_real]
        features = list(zip(*tokens, strict=True))
        if how == "cls":
            rows.append(text[0])
        elif how == "max":
            rows.append([max(feature) for feature in features])
        else:
            size = len(tokens) if how == "mean" else math.sqrt(len(tokens))
            rows.append([sum(feature) / size for feature in features])
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("how", ["cls", "mean", "max", "mean_sqrt"])
def test_sentence_formulas(how):
    pooled = pool_sentences(STATES[0], MASK, how)
    torch.testing.assert_close(pooled, by_hand(STATES[0], MASK, how), rtol=0, atol=1e-14)
    unit = pool_sentences(STATES[0], MASK, how, unit_length=True)
    lengths = unit.square().sum(dim=1)
    torch.testing.assert_close(lengths, torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-14)
    torch.testing.assert_close(unit * pooled.norm(dim=1)[:, None], pooled, rtol=0, atol=1e-14)


@pytest.mark.parametrize("how", ["cls", "mean", "max", "mean_sqrt"])
def test_padding_never_takes_part(how):
    spoilt = STATES[0].clone()
    spoilt[MASK == 0] = math.nan
    assert torch.equal(pool_sentences(spoilt, MASK, how), pool_sentences(STATES[0], MASK, how))


def test_special_tokens_can_be_left_out():
    left_out = torch.tensor([[1, 0, 0, 0, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]])
    pooled = pool_sentences(STATES[0], MASK, "mean", left_out=left_out)
    torch.testing.assert_close(pooled[0], STATES[0][0, 1:4].mean(dim=0))
    torch.testing.assert_close(pooled[1], STATES[0][1, 1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((STATES[0], MASK, "median"), "how must be 'cls', 'mean', 'max' or 'mean_sqrt'"),
        ((STATES[0][0], MASK, "mean"), "do not fit"),
        ((STATES[0], MASK[:2], "mean"), "do not fit"),
        ((STATES[0], MASK * 0, "mean"), "text 0 has no token to pool"),
    ],
)
def test_sentences_that_cannot_be_pooled(arguments, message):
    with pytest.raises(ValueError, match=message):
        pool_sentences(*arguments)


@given(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_word_formulas(sizes, seed):
    words = [None] + [number for number, size in enumerate(sizes) for _ in range(size)] + [None]
    x = torch.randn(len(words), 3, generator=torch.Generator().manual_seed(seed))
    start = 1
    ways = ("first", "last", "first_last", "mean", "max")
    pooled = {how: pool_words(x, words, how) for how in ways}
    for number, size in enumerate(sizes):
        group = x[start : start + size]
        assert torch.equal(pooled["first"][number], group[0])
        assert torch.equal(pooled["last"][number], group[-1])
        torch.testing.assert_close(pooled["first_last"][number], (group[0] + group[-1]) / 2)
        torch.testing.assert_close(pooled["mean"][number], sum(group) / size)
        assert torch.equal(pooled["max"][number], torch.stack(list(group)).max(dim=0).values)
        start += size


@pytest.mark.parametrize(
    ("words", "how", "message"),
    [
        ([0, 1], "mean", "2 word numbers for 3 tokens"),
        ([0, 2, 2], "mean", r"the words must be numbered 0, 1, 2 …, not \[0, 2\]"),
        ([0, 1, 1], "middle", "how must be one of first, last, first_last, mean, max"),
    ],
)
def test_words_that_cannot_be_pooled(words, how, message):
    with pytest.raises(ValueError, match=message):
        pool_words(torch.zeros(3, 2), words, how)


def test_a_text_without_words():
    assert pool_words(torch.zeros(2, 3), [None, None], "mean").shape == (0, 3)
