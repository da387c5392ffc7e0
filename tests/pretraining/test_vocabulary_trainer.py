import itertools
from collections import Counter

import pytest

from minibert import BertTokenizer
from minibert.pretraining.vocabulary_trainer import (
    FIRST_PIECES,
    count_words,
    frequent_letters,
    spell,
    train_vocabulary,
)
from tests.pretraining.helpers import text
from tests.shared import shared


def slow_merges(words: dict[str, int], steps: int) -> list[str]:
    """The definition: count all pairs again before each merge."""
    spelled = {word: spell(word) for word in words}
    made: list[str] = []
    while len(made) < steps:
        pairs = Counter()
        for word, pieces in spelled.items():
            for pair in itertools.pairwise(pieces):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        piece = best[0] + best[1].removeprefix("##")
        for word, pieces in spelled.items():
            joined, i = [], 0
            while i < len(pieces):
                if tuple(pieces[i : i + 2]) == best:
                    joined.append(piece)
                    i += 2
                else:
                    joined.append(pieces[i])
                    i += 1
            spelled[word] = joined
        if piece not in made:
            made.append(piece)
    return made


def test_merges_are_those_of_the_definition():
    lines = [*text(seed=5).split("\n"), "banana ananas aaaa aaaaa baaab", "aaaa aa nana"]
    words = count_words(lines, lower_case=True)
    pieces = train_vocabulary(lines, 90)
    letters = {piece for word in words for piece in spell(word)}
    first = len(FIRST_PIECES) + len(letters)
    assert pieces[:first] == FIRST_PIECES + sorted(letters)
    expected = slow_merges(words, 90 - first)
    assert len(expected) > 30
    assert pieces[first:] == expected


def test_known_example():
    # Sennrich et al. 2016, figure 1: low 5, lower 2, newest 6, widest 3; the first merges of the
    # paper are "e s", "es t" (it then joins the end-of-word mark, which WordPiece has not).
    lines = ["low " * 5 + "lower " * 2 + "newest " * 6 + "widest " * 3]
    pieces = train_vocabulary(lines, 60)
    merges = [piece for piece in pieces[5:] if len(piece.removeprefix("##")) > 1]
    assert merges[:2] == ["##es", "##est"]


def test_words_are_those_of_the_tokenizer():
    lines = ["Éa fled; the CAT's mat 我们 [MASK]", "the the"]
    counted = count_words(lines, lower_case=True)
    tokenizer = BertTokenizer([*FIRST_PIECES, *counted])
    tokens = [token for line in lines for token in tokenizer.tokenize(line)]
    assert Counter(token for token in tokens if token != "[MASK]") == counted
    assert count_words(["Éa"], lower_case=False) == {"Éa": 1}


def test_rare_letters_get_no_piece():
    words = Counter({"ab": 9_998, "ζ": 3})
    assert frequent_letters(words) == {"a", "b", "ζ"}
    words = Counter({"ab": 100_000, "ζ": 3})
    assert frequent_letters(words) == {"a", "b"}


def test_every_word_of_the_text_can_be_written():
    lines = text().split("\n")
    tokenizer = BertTokenizer(train_vocabulary(lines, 40))
    assert len(tokenizer) == 40
    assert tokenizer.unk_token_id not in [i for line in lines for i in tokenizer.text_ids(line)]


def test_fewer_pieces_than_asked_for_if_there_are_no_more():
    pieces = train_vocabulary(["ab ab"], 1000)
    assert pieces == [*FIRST_PIECES, "##b", "a", "ab"]


def test_what_cannot_be():
    with pytest.raises(ValueError, match="vocab_size must be at least 7 for this text, not 6"):
        train_vocabulary(["ab"], 6)
    with pytest.raises(ValueError, match="no words"):
        train_vocabulary(["", " "], 100)


@pytest.mark.slow
def test_a_large_vocabulary_is_as_good_as_the_one_of_tokenizers(tmp_path):
    """On real text: not more pieces per word than Hugging Face's trainer needs (within 2 %)."""
    from tokenizers import BertWordPieceTokenizer

    source = shared("data/squad")
    files = sorted(source.glob("*.json")) or sorted(source.iterdir())
    lines = files[0].read_text(encoding="utf-8").split(". ")
    file = tmp_path / "text.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    theirs = BertWordPieceTokenizer(lowercase=True)
    theirs.train([str(file)], vocab_size=3000, show_progress=False)
    ours = BertTokenizer(train_vocabulary(lines, 3000))
    our_pieces = sum(len(ours.text_ids(line)) for line in lines)
    their_pieces = sum(len(theirs.encode(line, add_special_tokens=False).ids) for line in lines)
    assert our_pieces <= 1.02 * their_pieces
