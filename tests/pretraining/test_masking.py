import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minibert.heads import NO_LABEL
from minibert.pretraining.masking import Masking, mask_texts
from tests import tiny
from tests.pretraining.helpers import VOCAB, binomial_bounds, tokenizer

CLS, SEP, MASK, UNK, PAD = (
    VOCAB.index(token) for token in ("[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]")
)
GOES_ON = [i for i, token in enumerate(VOCAB) if token.startswith("##")]
ORDINARY = list(range(5, len(VOCAB)))


def row(rng, length=40):
    """[CLS] A [SEP] B [SEP] with pieces of all kinds, here and there a special one in the text."""
    ids = rng.integers(0, len(VOCAB), length)
    ids[0], ids[length // 2], ids[-1] = CLS, SEP, SEP
    return ids


def many(masking, rows=3000, length=40):
    rng = numpy.random.default_rng(0)
    for _ in range(rows):
        ids = row(rng, length)
        yield ids, masking(ids, rng)


def test_special_tokens_never_and_nothing_else_changes():
    for ids, masked in many(Masking(tokenizer())):
        assert set(ids[masked.positions].tolist()) <= set(ORDINARY)
        assert masked.labels.tolist() == ids[masked.positions].tolist()
        others = numpy.delete(numpy.arange(len(ids)), masked.positions)
        assert masked.ids[others].tolist() == ids[others].tolist()
        assert len(set(masked.positions.tolist())) == len(masked.positions)


def test_fifteen_percent_of_the_row():
    for length, wanted in ((7, 1), (10, 2), (40, 6), (128, 19)):
        for _, masked in many(Masking(tokenizer()), rows=50, length=length):
            assert len(masked.positions) == wanted
    for _, masked in many(Masking(tokenizer(), share=0.4), rows=50):
        assert len(masked.positions) == 16
    for _, masked in many(Masking(tokenizer(), at_most=4), rows=50):
        assert len(masked.positions) == 4


def test_eighty_ten_ten():
    became_mask = stayed = became_other = total = 0
    replaced = numpy.zeros(len(VOCAB), dtype=int)
    for _, masked in many(Masking(tokenizer())):
        seen = masked.ids[masked.positions]
        total += len(seen)
        became_mask += (seen == MASK).sum()
        stayed += (seen == masked.labels).sum()
        is_other = (seen != MASK) & (seen != masked.labels)
        became_other += is_other.sum()
        replaced += numpy.bincount(seen[is_other], minlength=len(VOCAB))
    accident = 0.1 / len(ORDINARY)  # a random piece may be the same piece again
    for count, share in (
        (became_mask, 0.8),
        (stayed, 0.1 + accident),
        (became_other, 0.1 - accident),
    ):
        low, high = binomial_bounds(total, share)
        assert low < count < high
    low, high = binomial_bounds(became_other, 1 / len(ORDINARY))
    assert replaced[:5].sum() == 0
    assert all(low < count < high for count in replaced[5:])


def test_every_place_is_as_likely():
    ids = numpy.array([CLS, *([7] * 38), SEP])
    counts, rows = numpy.zeros(40), 20_000
    rng = numpy.random.default_rng(1)
    masking = Masking(tokenizer())
    for _ in range(rows):
        counts[masking(ids, rng).positions] += 1
    low, high = binomial_bounds(rows, 6 / 38)
    assert counts[0] == counts[-1] == 0
    assert ((low < counts[1:-1]) & (counts[1:-1] < high)).all()


def test_whole_words():
    masking = Masking(tokenizer(), whole_words=True)
    sizes = []
    for ids, masked in many(masking):
        chosen = set(masked.positions.tolist())
        sizes.append(len(chosen))
        for place in range(1, len(ids)):
            # A piece with ## goes with the one before it, unless that is special.
            if ids[place] in GOES_ON and ids[place] >= 5 and ids[place - 1] >= 5:
                assert (place in chosen) == (place - 1 in chosen)
    assert max(sizes) == 6
    assert numpy.mean(sizes) > 5.5


@settings(deadline=None)
@given(st.lists(st.sampled_from(range(len(VOCAB))), min_size=1, max_size=30), st.booleans())
def test_any_row(pieces, whole_words):
    ids = numpy.array([CLS, *pieces, SEP])
    masked = Masking(tokenizer(), whole_words=whole_words)(ids, numpy.random.default_rng(0))
    ordinary = sum(piece >= 5 for piece in pieces)
    assert len(masked.positions) <= ordinary
    if not whole_words:
        assert len(masked.positions) == min(ordinary, max(1, round(0.15 * len(ids))))
    assert ids[masked.positions].tolist() == masked.labels.tolist()


def test_what_cannot_be():
    for share in (0, 1, -0.1):
        with pytest.raises(ValueError, match="mask_share must be between 0 and 1"):
            Masking(tokenizer(), share=share)
    with pytest.raises(ValueError, match="max_predictions must be at least 1, not 0"):
        Masking(tokenizer(), at_most=0)


def test_texts_masked_by_one_seed_each_by_itself():
    def masked(texts, seed=3):
        return mask_texts(tiny.tokenizer(), texts, seed=seed, max_length=13)

    texts = ["abcd e fgh", "", "k lm a", "bcd"]
    batches, again, other = masked(texts), masked(texts), masked(texts, seed=4)
    assert len(batches) == 3  # the empty text has nothing to hide
    for (inputs, labels), text in zip(batches, (texts[0], *texts[2:]), strict=True):
        ids = tiny.tokenizer()(text)["input_ids"]
        asked = labels != NO_LABEL
        assert asked.sum() == max(1, round(0.15 * ids.shape[1]))
        assert torch.equal(torch.where(asked, labels, inputs["input_ids"]), ids)
    for (ours, _), (same, _) in zip(batches, again, strict=True):
        assert torch.equal(ours["input_ids"], same["input_ids"])
    assert torch.equal(masked(texts[:1])[0][1], batches[0][1])
    assert any(not torch.equal(a[1], b[1]) for a, b in zip(batches, other, strict=True))
    ((inputs, _),) = masked(["abcd " * 9])
    assert inputs["input_ids"].shape == (1, 13)


@pytest.mark.parametrize(
    ("texts", "seed", "message"),
    [
        ("abc", 0, "texts must be a list of texts, not one str"),
        (["abc"], -1, "seed must be a whole number from 0, not -1"),
        (["abc"], 0.5, "seed must be a whole number from 0, not 0.5"),
    ],
)
def test_texts_that_cannot_be_masked(texts, seed, message):
    with pytest.raises(ValueError, match=message):
        mask_texts(tiny.tokenizer(), texts, seed=seed)
