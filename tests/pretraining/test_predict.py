import pytest
import torch

from minibert import BertForMaskedLM, BertForNextSentencePrediction
from minibert.pretraining.predict import fill_mask, next_sentence
from tests import tiny


def test_fill_mask_is_the_softmax_at_each_mask():
    model, tokenizer = tiny.ours(BertForMaskedLM), tiny.tokenizer()
    text = "a [MASK] b [MASK]"
    guesses = fill_mask(model, tokenizer, text, top=3)
    ids = tokenizer(text)["input_ids"]
    assert ids[0, 2] == ids[0, 4] == tokenizer.mask_token_id
    with torch.no_grad():
        probabilities = torch.nn.functional.softmax(model(ids).mlm_logits[0], dim=-1)
    assert len(guesses) == 2
    for place, found in zip((2, 4), guesses, strict=True):
        expected = probabilities[place].topk(3)
        assert [guess.id for guess in found] == expected.indices.tolist()
        assert [guess.probability for guess in found] == pytest.approx(expected.values.tolist())
        assert [guess.token for guess in found] == [tokenizer.tokens[guess.id] for guess in found]


def test_next_sentence_is_label_0():
    model, tokenizer = tiny.ours(BertForNextSentencePrediction), tiny.tokenizer()
    with torch.no_grad():
        logits = model(**tokenizer("a b", "c d e")).nsp_logits[0]
    expected = torch.nn.functional.softmax(logits, dim=-1)[0].item()
    assert next_sentence(model, tokenizer, "a b", "c d e") == pytest.approx(expected)
    # The segments count: it is not the same as one text.
    assert next_sentence(model, tokenizer, "a b c", "d e") != pytest.approx(expected)


def test_what_cannot_be():
    model, tokenizer = tiny.ours(BertForMaskedLM), tiny.tokenizer()
    with pytest.raises(ValueError, match=r"there is no \[MASK\] in 'a b'"):
        fill_mask(model, tokenizer, "a b")
    for top in (0, 32):
        with pytest.raises(ValueError, match="top must be between 1 and 31"):
            fill_mask(model, tokenizer, "a [MASK]", top=top)
    with pytest.raises(ValueError, match="the second sentence is empty"):
        next_sentence(tiny.ours(BertForNextSentencePrediction), tokenizer, "a", " ")
