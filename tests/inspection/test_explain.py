from hypothesis import given, settings
from hypothesis import strategies as st

from minibert import BertTokenizer, explain
from minibert.inspection.explain import aligned, tries, visible, width

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TOKENIZER = BertTokenizer([*SPECIAL, "un", "##want", "##ed", ",", "我", "a", "##b"])


def test_stages():
    found = dict(explain(TOKENIZER, "UNwantéd,\t我[MASK]").stages)
    assert found == {
        "clean": "UNwantéd, 我[MASK]",
        "space CJK": "UNwantéd,  我 [MASK]",
        "strip accents": "UNwanted,  我 [MASK]",
        "lower case": "unwanted,  我 [MASK]",
        "split punctuation": "unwanted ,   我 [MASK]",
    }


def test_rules_of_each_character():
    rules = {c.char: c.rules for c in explain(TOKENIZER, "Éa\x00\u0301我,\t").characters}
    assert rules == {
        "É": ("accent stripped", "lower-cased"),
        "a": (),
        "\x00": ("dropped as control",),
        "\u0301": ("dropped as accent",),
        "我": ("spaced as CJK",),
        ",": ("split as punctuation",),
        "\t": ("white space, made a plain space",),
    }
    (whole, *_) = explain(TOKENIZER, "[MASK]").characters
    assert whole.rules == ("part of a token that stays whole",)


def test_pieces_tried():
    (word,) = explain(TOKENIZER, "unwant").words
    assert word.tries[:5] == (
        ("unwant", False),
        ("unwan", False),
        ("unwa", False),
        ("unw", False),
        ("un", True),
    )
    assert word.tries[5:] == (("##want", True),)
    assert tries(TOKENIZER.wordpiece, "ax")[-2:] == [("a", True), ("##x", False)]


@settings(deadline=None)
@given(text=st.text(alphabet="unwantedUé,我 \t\x00[]MASKx"))
def test_it_cannot_drift_from_the_tokenizer(text):
    found = explain(TOKENIZER, text)
    assert list(found.pieces) == TOKENIZER.pieces(text)
    assert len(found.characters) == len(text)
    assert [character.char for character in found.characters] == list(text)
    after = dict(found.stages)["split punctuation"].replace("[MASK]", " [MASK] ")
    assert after.split() == [word.text for word in found.words]
    tokens = [piece for word in found.words for piece, is_known in word.tries if is_known]
    if "[UNK]" not in [piece.token for piece in found.pieces]:
        assert tokens == [piece.token for piece in found.pieces]
    str(found)


def test_the_printed_table():
    lines = str(explain(TOKENIZER, "Unwant我\x00")).splitlines()
    assert lines[:2] == ["text", "  Unwant我<U+0000>"]
    row = next(line for line in lines if "U+6211" in line)
    assert " ".join(row.split()) == "6 我 U+6211 cjk unified ideograph-6211 我 spaced as CJK"
    assert "  unwant  un      not unwant unwan unwa unw" in lines
    assert "          ##want" in lines
    assert "un 5 0-2 Un" in [" ".join(line.split()) for line in lines]


def test_columns_line_up_for_wide_and_for_empty_letters():
    assert width("我a") == 3
    assert width("e\u0301") == 1
    assert (
        aligned([["我", "x"], ["ab", "y"], ["e\u0301", "z"]]) == "  我  x\n  ab  y\n  e\u0301   z"
    )
    assert visible("a\tb\u200b") == "a<U+0009>b<U+200B>"


def test_a_word_that_is_too_long():
    assert "over 100 letters" in str(explain(TOKENIZER, "a" * 101))


def test_an_empty_text():
    assert explain(TOKENIZER, "").pieces == ()
    assert str(explain(TOKENIZER, "")).startswith("text")
