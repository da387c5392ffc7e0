import sys

import numpy as np
import pytest
import torch

from minibert import BertModel
from minibert.cli import main
from minibert.extraction.similarity import marked_word, word_similarity
from tests import tiny

MODEL, TOKENIZER = tiny.ours(BertModel), tiny.tokenizer()


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_cosines_and_anisotropy_by_hand():
    found = word_similarity(MODEL, TOKENIZER, ["a [bcd] e", "[bcd] k", "l [m]"])
    assert found.layers == ["embeddings", *(f"layer{i}" for i in range(1, 7))]
    assert found.pairs == [(1, 2), (1, 3), (2, 3)]
    texts = ["a bcd e", "bcd k", "l m"]
    rows = [slice(2, 5), slice(1, 4), slice(2, 3)]  # b ##c ##d stand there, and m
    with torch.no_grad():
        states = [torch.stack(MODEL(**TOKENIZER(t)).hidden_states)[:, 0].numpy() for t in texts]
    for layer in range(7):
        words = [state[layer, row].mean(axis=0) for state, row in zip(states, rows, strict=True)]
        for column, (a, b) in enumerate(found.pairs):
            expected = cosine(words[a - 1], words[b - 1])
            assert found.cosines[layer, column].item() == pytest.approx(expected, abs=1e-12)
        crossed = [
            cosine(x, y)
            for a, b in found.pairs
            for x in states[a - 1][layer, 1:-1]
            for y in states[b - 1][layer, 1:-1]
        ]
        assert found.anisotropy[layer].item() == pytest.approx(np.mean(crossed), abs=1e-12)


def test_cosines_of_float32_vectors_are_computed_in_float64():
    """Near 1, float32 gives two different cosines the same number, or turns them around."""
    model = tiny.ours(BertModel).float()
    found = word_similarity(model, TOKENIZER, ["a [bcd] e", "c [bcd] e"])
    texts = ["a bcd e", "c bcd e"]
    with torch.no_grad():
        states = [torch.stack(model(**TOKENIZER(t)).hidden_states)[:, 0] for t in texts]
    assert states[0].dtype == torch.float32
    a, b = (state.numpy().astype(np.float64) for state in states)
    expected = [cosine(x[2:5].mean(axis=0), y[2:5].mean(axis=0)) for x, y in zip(a, b, strict=True)]
    assert found.cosines[:, 0].tolist() == pytest.approx(expected, abs=1e-14)
    crossed = [cosine(x, y) for x in a[-1, 1:-1] for y in b[-1, 1:-1]]
    assert found.anisotropy[-1].item() == pytest.approx(np.mean(crossed), abs=1e-14)


def test_the_same_sentence_twice():
    found = word_similarity(MODEL, TOKENIZER, ["a [b] c", "a [b] c"])
    assert torch.allclose(found.cosines, torch.ones(7, 1, dtype=torch.float64))


@pytest.mark.parametrize("sentence", ["no mark", "[two] [marks]", "[]", ""])
def test_not_one_marked_word(sentence):
    with pytest.raises(ValueError, match="mark one word of each sentence"):
        marked_word(sentence)


def test_the_table_and_the_picture(capsys, tmp_path):
    file = tmp_path / "bank.png"
    sentences = ["the [bank] of the river", "the [bank] paid"]
    assert main(["layers", *sentences, "--plot", str(file)]) == 0
    out = capsys.readouterr().out
    assert "1-2    any two" in out
    assert out.splitlines()[-1] == f"drawn: {file}"
    assert file.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [file]


def test_without_matplotlib(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["layers", "[a]", "[b]", "--plot", "x.png"]) == 2
    assert "--plot needs matplotlib: pip install" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a [b]"], "give at least two sentences"),
        (["a b", "[c]"], "mark one word of each sentence"),
        (["[a]", "[b]", "--plot", "x.pdf"], "the name must end in .png"),
        (["[a]", "[b]", "--plot", "nowhere/x.png"], "there is no folder nowhere"),
        (["[\u200b]", "[b]"], "nothing is left of the marked word"),
    ],
)
def test_one_line_errors(capsys, arguments, message):
    assert main(["layers", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
