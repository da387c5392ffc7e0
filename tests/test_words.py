"""The stages, character by character, and where Google and Hugging Face disagree."""

import unicodedata
from bisect import bisect_right

import pytest

from minibert import BertTokenizer
from minibert.words import CHANGED, CJK_EDGES, DISAGREEMENTS, LATER_EDGES, STAGES, edges
from tests import google_tokenizer

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "mask", "[", "]", "a", "b", "##a", "##b"]


def words(text, **settings):
    model = BertTokenizer(VOCAB, **settings).wordpiece
    return [word for word, _ in model.words(text)]


@pytest.mark.parametrize(
    ("settings", "text", "expected"),
    [
        ({}, "ah博推zz", ["ah", "博", "推", "zz"]),
        ({}, " \tHeLLo!how  \n Are yoU?  ", ["hello", "!", "how", "are", "you", "?"]),
        ({}, "Héllo", ["hello"]),
        ({"strip_accents": False}, "HäLLo", ["hällo"]),
        ({"do_lower_case": False}, "HäLLo", ["HäLLo"]),
        ({"do_lower_case": False, "strip_accents": True}, "HäLLo", ["HaLLo"]),
        (
            {},
            "a\n'll !!to?'d of, can't.",
            ["a", "'", "ll", "!", "!", "to", "?", "'", "d", "of", ",", "can", "'", "t", "."],
        ),
        ({}, "\u00ad", []),
        ({}, "的人有", ["的", "人", "有"]),
        ({"tokenize_chinese_chars": False}, "的人有", ["的人有"]),
        ({}, "ひらがな カタカナ 한국", ["ひらかな", "カタカナ", "한국"]),
        ({}, "ÀB\u0301", ["ab"]),
        ({}, "a\x00b\x0bc\x85d\ufffde", ["abcde"]),
        ({}, "a\u3000b\u2028c\xa0d", ["a", "b", "c", "d"]),
        ({}, "ΑΣ Σ", ["ασ", "σ"]),
        ({}, "x$y^z`", ["x", "$", "y", "^", "z", "`"]),
        ({}, "\ud800a", ["a"]),
        ({}, "", []),
    ],
)
def test_words(settings, text, expected):
    assert [unicodedata.normalize("NFC", word) for word in words(text, **settings)] == expected


@pytest.mark.parametrize("text", ["Héllo, 我!", "a\u0301\u0323b \x00[x]", "İstanbul ΑΣ\u3000한국"])
def test_stages_over_the_text_are_the_stages_over_each_character(text):
    whole = text
    for stage in STAGES.values():
        whole = stage(whole)
    assert whole.split() == words(text)


def test_edges():
    assert edges("41-43 61") == [ord("A"), ord("D"), ord("a"), ord("b")]
    for runs in (CJK_EDGES, LATER_EDGES):  # else they could not be searched by halves
        assert runs == sorted(runs)


# Both directions of the list of disagreements: each is real, and there is no other.


@pytest.mark.parametrize("row", DISAGREEMENTS, ids=lambda row: row[0])
def test_each_disagreement_is_real(row):
    tokenizer = BertTokenizer([*VOCAB, "\U0002b820", "##\U0002b821", "σ", "α", "##σ", "##ς"])
    example = row[3]
    assert tokenizer.tokenize(example) != google_tokenizer.tokens(example, tokenizer.vocab)


def explained(char):
    """The rows of the list that speak of single characters."""
    return (
        unicodedata.category(char) == "Co"
        or 0x2B820 <= ord(char) <= 0x2B91F
        or bisect_right(LATER_EDGES, ord(char)) % 2 == 1
        or char in CHANGED
        or char in "ΣΣ"
    )


def that_differ(codes):
    """The characters of which Google's code makes other words than ours."""
    model, differ = BertTokenizer(VOCAB).wordpiece, []
    for char in map(chr, codes):
        text = f"a{char}b {char} {char}{char} a{char}"
        if [word for word, _ in model.words(text)] != google_tokenizer.words(text):
            differ.append(char)
    return differ


@pytest.mark.slow
def test_there_is_no_other_disagreement(processes):
    # All but the surrogates, the planes that have no characters, and those of private use.
    blocks = [range(i, i + 0x800) for i in range(0, 0x40000, 0x800) if i != 0xD800]
    blocks += [range(i, i + 0x800) for i in range(0x40000, 0xF0000, 0x8000)]  # a sample
    differ = set().union(*processes.map(that_differ, blocks))
    assert {char for char in differ if not explained(char)} == set()
    assert len(differ) > 7000  # the 6,400 of private use, 256 of CJK, the later ones
