"""Summaries: MMR beside a search of all choices, LexRank beside NumPy's eigenvectors."""

import numpy as np
import pytest
import torch

from minibert import BertModel, embed, summarize
from minibert.common.sentences import sentences_of
from minibert.extraction import summary
from minibert.extraction.summary import centrality, mmr
from tests import tiny

MODEL, TOKENIZER = tiny.ours(BertModel).float(), tiny.tokenizer()
OURS = {"model": MODEL, "tokenizer": TOKENIZER}
TEXT = "A b c. D e f! K b c? Abc d.\n\n  G h. Abc d. I j k l m\n"


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def cosine(a, b):
    return a @ b / np.sqrt(a @ a) / np.sqrt(b @ b)


@pytest.mark.parametrize("balance", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_mmr_by_hand(balance, seed):
    vectors = normal(17, 5, seed=seed) * (1 + torch.arange(17))[:, None] + 0.5
    rows = vectors.double().numpy()
    centre = sum(row / np.sqrt(row @ row) for row in rows)
    chosen = []
    while len(chosen) < 6:
        gains = {
            i: balance * cosine(rows[i], centre)
            - (1 - balance) * max((cosine(rows[i], rows[j]) for j in chosen), default=-1)
            for i in range(17)
            if i not in chosen
        }
        chosen.append(max(gains, key=gains.get))
    assert mmr(vectors, 6, balance) == chosen
    assert sorted(mmr(vectors, 100, balance)) == list(range(17))


def test_mmr_says_nothing_twice():
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [1.0, 0.05]])
    assert mmr(vectors, 2, 1.0) == [1, 3]
    assert mmr(vectors, 2, 0.3) == [1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_lexrank_is_the_first_eigenvector(seed):
    rows = normal(13, 7, seed=seed).double().numpy() + 0.2 * seed
    alike = np.array([[max(0.0, cosine(a, b)) for b in rows] for a in rows])
    assert (alike == 0).any() or seed
    walk = 0.85 * alike / alike.sum(axis=1, keepdims=True) + 0.15 / 13
    values, columns = np.linalg.eig(walk.T)
    first = columns[:, values.real.argmax()].real
    found = centrality(torch.from_numpy(rows))
    assert found.sum().item() == pytest.approx(1, abs=1e-12)
    assert found.numpy() == pytest.approx(first / first.sum(), abs=1e-11)


def test_sentences_stay_in_their_order():
    sentences = sentences_of(TEXT)
    assert sentences == ["A b c.", "D e f!", "K b c?", "Abc d.", "G h.", "Abc d.", "I j k l m"]
    vectors = embed(sentences, layers="all", mix="mean", **OURS)
    chosen = mmr(vectors, 3, 0.7)
    assert chosen != sorted(chosen)
    assert summarize(TEXT, **OURS) == [sentences[i] for i in sorted(chosen)]
    ranks = centrality(vectors).numpy()
    best = sorted(range(7), key=lambda i: (-ranks[i], i))[:3]
    expected = [sentences[i] for i in sorted(best)]
    assert summarize(TEXT, 3, method="lexrank", **OURS) == expected


def test_which_layers():
    """The mean of those that are asked for; all of them without a word."""
    sentences = sentences_of(TEXT)
    seen = set()
    for layers, mix in (("all", "mean"), ("0", "mean"), ("-1", "mean"), ("last", None)):
        chosen = mmr(embed(sentences, layers=layers, mix=mix, **OURS), 3, 0.4)
        found = summarize(TEXT, 3, layers=layers, balance=0.4, **OURS)
        assert found == [sentences[i] for i in sorted(chosen)]
        seen.add(tuple(found))
    assert len(seen) > 1
    assert summarize(TEXT, 3, balance=0.4, **OURS) == summarize(
        TEXT, 3, layers="all", balance=0.4, **OURS
    )


def test_short_texts_are_returned_whole():
    for count in (7, 8, 100):
        assert summarize(TEXT, count, **OURS) == sentences_of(TEXT)
    assert summarize(" \n\n", **OURS) == []


def test_chinese_and_long_sentences():
    text = "下雨了。没人来！他走了？" + "好" * 50 + "。"
    with pytest.warns(UserWarning, match="are \\[UNK\\]"):
        assert len(summarize(text, 2, **OURS)) == 2


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"sentences": 0}, "sentences must be a whole number from 1, not 0"),
        ({"method": "first"}, "method must be 'mmr' or 'lexrank', not 'first'"),
        ({"balance": 1.5}, "balance is from 0 to 1"),
        ({"balance": 0.5, "method": "lexrank"}, "of mmr; not 0.5 of lexrank"),
    ],
)
def test_refused(choices, message):
    with pytest.raises(ValueError, match=message):
        summarize(TEXT, **choices, **OURS)


def test_too_many_for_lexrank(monkeypatch):
    monkeypatch.setattr(summary, "MOST", 12)
    centrality(normal(12, 3))
    with pytest.raises(ValueError, match="lexrank compares 13 sentences each with each"):
        centrality(normal(13, 3))
