"""Text to words: what BERT's tokenizer does to characters before it looks into the vocabulary.

    text -> clean -> space CJK -> strip accents -> lower case -> split punctuation -> words

Each stage looks at one character at a time. So the words are the same whether the stages run over
the text or over each of its characters. The tokenizer does the second: then it knows for each
letter of a word where it came from, and it can remember the result.

Source: article C§3.2.1 and E§3.1; the authors' tokenization.py; Hugging Face's `tokenizers`.

Differs: where the two codes part ways (DISAGREEMENTS, at the end) this follows Hugging Face. The
order of several marks on one letter is left as typed; NFD would sort them, but only marks that are
no accents survive, and no official vocabulary has a piece with two of those.
"""

import unicodedata
from bisect import bisect_right

# The Chinese characters, each a word by itself. (Kana and Hangul are alphabets, and stay together.)
CJK = "3400-4DBF 4E00-9FFF F900-FAFF 20000-2A6DF 2A700-2B81F 2B920-2CEAF 2F800-2FA1F"
# Hugging Face's character classes are those of Unicode 8 (2015). What came later is a letter to it,
# whatever Python's newer tables say. These are the characters where that makes a difference …
LATER = (
    "5C8-5C9 61D 7FD 890-8E2 9FD-9FE A76 AFA-AFF B53-B55 C04-C3C C77 C84 D00 D3B-D3C D81 EBA ECE "
    "180F-1886 1ABF-1AF0 1B4E-1B4F 1B7D-1B7F 1DF6-1DFB 2E43-2E63 A82C A8C5 A8FF A9BD 10D24-10F89 "
    "11070-11074 110C2-110CD 111CF 1123E-11241 1133B 113BB-1145E 11660-1166C 116B9 1182F-11FFF "
    "12FF1-13455 1611E-1612F 16D6D-16F4F 16FE2-16FE4 1CF00-1D128 1D25B-1D25C 1E000-1E6F5 "
    "1E944-1E95F"
)
# … and these four have changed their class since.
CHANGED = {"\u166d": "Po", "\U000111c9": "Po", "\u1734": "Mn", "\U0001171e": "Mn"}


def edges(ranges: str) -> list[int]:
    """Where the runs of "41-43 61" begin and end: at A, one past C, at a, one past a.

    A character is in a run if the number of edges at or before it is odd.
    """
    bounds = ([int(end, 16) for end in part.split("-")] for part in ranges.split())
    return [edge for pair in bounds for edge in (pair[0], pair[-1] + 1)]


CJK_EDGES = edges(CJK)
LATER_EDGES = edges(LATER)


def category(char: str) -> str:
    """The Unicode class of a character (Lu, Mn, Po, Zs …), as of Unicode 8."""
    if bisect_right(LATER_EDGES, ord(char)) % 2:
        return "Lo"
    return CHANGED.get(char) or unicodedata.category(char)


def is_punctuation(char: str) -> bool:
    """Unicode's P classes; and in ASCII every sign, $ and ^ too."""
    is_ascii_sign = "!" <= char <= "~" and not char.isalnum()
    return is_ascii_sign or category(char).startswith("P")


def clean(text: str) -> str:
    """Drop control characters; make every white space a plain space.

    Example:
        >>> clean("a\\tb\\u200bc\\x00d")
        'a bcd'
    """
    kept = []
    for char in text:
        kind = category(char)
        if char in "\t\n\r" or kind in ("Zs", "Zl", "Zp"):
            kept.append(" ")
        elif kind not in ("Cc", "Cf", "Co", "Cs") and char != "\ufffd":
            kept.append(char)
    return "".join(kept)


def space_cjk(text: str) -> str:
    """Make each Chinese character a word of its own.

    Example:
        >>> space_cjk("我a")
        ' 我 a'
    """
    return "".join(
        [f" {char} " if bisect_right(CJK_EDGES, ord(char)) % 2 else char for char in text]
    )


def strip_accents(text: str) -> str:
    """Take each letter apart from its marks (NFD) and drop the marks.

    Example:
        >>> strip_accents("naïve")
        'naive'
    """
    parts = "".join([unicodedata.normalize("NFD", char) for char in text])
    return "".join([part for part in parts if category(part) != "Mn"])


def lower_case(text: str) -> str:
    """Lower case, letter by letter: a Σ at the end of a word is σ like any other.

    Example:
        >>> lower_case("ΑΣ")
        'ασ'
    """
    return "".join([char.lower() for char in text])


def split_punctuation(text: str) -> str:
    """Make each punctuation mark a word of its own.

    Example:
        >>> split_punctuation("can't")
        "can ' t"
    """
    return "".join([f" {char} " if is_punctuation(char) else char for char in text])


STAGES = {
    "clean": clean,
    "space CJK": space_cjk,
    "strip accents": strip_accents,
    "lower case": lower_case,
    "split punctuation": split_punctuation,
}

# Where Google's tokenization.py and Hugging Face's `tokenizers` give different words or pieces:
# (what, Hugging Face, Google, an example). minibert does as Hugging Face.
DISAGREEMENTS = (
    ("the longest word", "100 letters", "200 letters", "a" * 150),
    ("private use (Co)", "dropped", "a letter", "a\ue000b"),
    ("U+2B820 to U+2B91F", "letters", "Chinese characters", "\U0002b820\U0002b821"),
    ("characters newer than Unicode 8", "letters", "by Python's tables", "a\u1ac0b\u2e4fc"),
    ("the four in CHANGED", "class of Unicode 8", "by Python's tables", "a\u166db"),
    ("Σ at the end of a word", "σ", "ς", "ΑΣ"),
    ("a special token in the text", "stays whole", "split like any text", "a [MASK] b"),
)
