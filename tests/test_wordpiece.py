"""Pieces and offsets by hand, the memories against the definition, and their bounds."""

import sys
import unicodedata

import pytest

from minibert import BertTokenizer
from minibert.wordpiece import LONGEST_WORD, Memory
from tests.shared import shared

SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
GOOGLES = [*SPECIAL, "want", "##want", "##ed", "wa", "un", "runn", "##ing", ","]
TOKENIZER = BertTokenizer(GOOGLES)


def test_googles_own_example():
    assert TOKENIZER.tokenize("UNwantéd,running") == ["un", "##want", "##ed", ",", "runn", "##ing"]
    assert TOKENIZER.text_ids("UNwantéd,running") == [9, 6, 7, 12, 10, 11]
    assert TOKENIZER.tokenize("unwantedX running") == ["[UNK]", "runn", "##ing"]


def test_the_longest_piece_wins_even_where_it_leads_nowhere():
    tokenizer = BertTokenizer([*SPECIAL, "a", "ab", "##b", "##c", "##bc"])
    assert tokenizer.tokenize("ab abc") == ["ab", "ab", "##c"]
    assert tokenizer.tokenize("abb") == ["ab", "##b"]
    assert BertTokenizer([*SPECIAL, "a", "ab", "##bc"]).tokenize("abc") == ["[UNK]"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("UNwantéd,", [("un", 0, 2), ("##want", 2, 6), ("##ed", 6, 8), (",", 8, 9)]),
        ("unwante\u0301d", [("un", 0, 2), ("##want", 2, 6), ("##ed", 6, 9)]),
        (" un\u200bwant ", [("un", 1, 3), ("##want", 4, 8)]),
        ("[MASK]un[SEP]", [("[MASK]", 0, 6), ("un", 6, 8), ("[SEP]", 8, 13)]),
        ("x[MASK", [("[UNK]", 0, 1), ("[UNK]", 1, 2), ("[UNK]", 2, 6)]),
        ("unwantedX", [("[UNK]", 0, 9)]),
        ("a" * LONGEST_WORD, [("[UNK]", 0, LONGEST_WORD)]),
        ("", []),
    ],
)
def test_offsets_point_at_what_was_typed(text, expected):
    assert [(p.token, p.start, p.end) for p in TOKENIZER.pieces(text)] == expected


def test_word_numbers():
    numbers = [piece.word for piece in TOKENIZER.pieces("unwanted, [MASK] runn")]
    assert numbers == [0, 0, 0, 1, 2, 3]


def test_the_longest_word():
    letters = BertTokenizer([*GOOGLES, "a", "##a"])
    assert letters.text_ids("a" * 100) == [13] + [14] * 99
    assert letters.text_ids("a" * 101) == [0]
    assert letters.text_ids("a" * 1_000_000) == [0]


def test_never_split_and_special_tokens():
    tokenizer = BertTokenizer([*GOOGLES, "HaHa"], never_split=["HaHa", "Nope"])
    assert tokenizer.tokenize("HaHa un") == ["HaHa", "un"]
    assert tokenizer.tokenize("HaHa, un") == ["[UNK]", ",", "un"]  # only between white space
    assert tokenizer.tokenize("Nope un") == ["[UNK]", "un"]
    assert TOKENIZER.tokenize("[UNK] [unk]") == ["[UNK]", "[UNK]", "[UNK]", "[UNK]"]


def test_memories_equal_the_definition_on_a_text_seen_twice():
    text = "Unwanted, running\n[MASK]x\x0bun\x85want ed…"
    expected = [piece.id for piece in TOKENIZER.pieces(text)]
    assert TOKENIZER.text_ids(text) == expected
    assert TOKENIZER.text_ids(text) == expected


def test_a_memory_learns_while_it_has_room_and_knows_without_it():
    asked = []
    memory = Memory(lambda key: asked.append(key) or key.upper(), limit=2)
    assert [memory[key] for key in "ababcc"] == list("ABABCC")
    assert asked == ["a", "b", "c", "c"]
    assert set(memory) == {"a", "b"}
    memory = Memory(str.upper, limit=2)
    long = "x" * (LONGEST_WORD + 1)
    assert memory[long] == long.upper()
    assert long not in memory


@pytest.mark.slow
def test_many_distinct_words_do_not_fill_the_memory():
    tokenizer = BertTokenizer([*GOOGLES, *"0123456789", *(f"##{i}" for i in range(10))])
    for start in range(0, 300_000, 10_000):  # more than twice what is kept
        tokenizer.text_ids(" ".join(f"{i}," for i in range(start, start + 10_000)))
    memories = (tokenizer.wordpiece.chunk_ids, tokenizer.wordpiece.word_ids)
    size = 0
    for memory in memories:
        assert len(memory) <= 1 << 17
        size += sys.getsizeof(memory)
        size += sum(sys.getsizeof(key) + sys.getsizeof(ids) for key, ids in memory.items())
    assert size < 64e6


@pytest.mark.slow
def test_many_distinct_characters_do_not_fill_the_memory():
    tokenizer = BertTokenizer(GOOGLES)
    for start in range(0, 0x60000, 0x1000):  # half as many again as are kept
        tokenizer.text_ids(" ".join(map(chr, range(start, start + 0x1000))))
    assert len(tokenizer.wordpiece.letters) <= 1 << 18


def test_no_official_piece_has_two_marks_whose_order_nfd_would_change():
    """The one thing that the character-wise stages leave out (words.py, Differs)."""
    for name in ("uncased", "cased", "chinese", "multilingual-cased"):
        tokenizer = BertTokenizer.from_vocab(shared(f"data/vocab/bert-base-{name}/vocab.txt"))
        for token in tokenizer.tokens:
            marks = [
                c for c in token if unicodedata.combining(c) and unicodedata.category(c) != "Mn"
            ]
            assert len(marks) < 2, token
