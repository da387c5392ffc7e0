"""What google-research/bert's tokenization.py does to a text, as its README and code describe it.

Written anew, to hold our list of disagreements against. All by Python's own Unicode tables.
"""

import unicodedata

CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
ASCII_SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def words(text: str, lower: bool = True) -> list[str]:
    """The words of the basic tokenizer."""
    cleaned = ""
    for char in text:
        kind = unicodedata.category(char)
        if char in " \t\n\r" or kind == "Zs":
            cleaned += " "
        elif char not in "\0\ufffd" and kind not in ("Cc", "Cf"):
            is_cjk = any(first <= ord(char) <= last for first, last in CJK)
            cleaned += f" {char} " if is_cjk else char
    found = []
    for token in cleaned.split():
        if lower:
            marks_apart = unicodedata.normalize("NFD", token.lower())
            token = "".join(char for char in marks_apart if unicodedata.category(char) != "Mn")
        current = ""
        for char in token:
            if char in ASCII_SIGNS or unicodedata.category(char).startswith("P"):
                found += [current, char] if current else [char]
                current = ""
            else:
                current += char
        found += [current] if current else []
    return found


def tokens(text: str, vocab: dict[str, int], lower: bool = True) -> list[str]:
    """Greedy WordPiece on those words, up to 200 letters."""
    found = []
    for word in words(text, lower):
        pieces, start = [], 0
        while start < len(word) <= 200:
            candidates = [
                ("##" if start else "") + word[start:end] for end in range(len(word), start, -1)
            ]
            known = [piece for piece in candidates if piece in vocab]
            if not known:
                pieces = []
                break
            pieces.append(known[0])
            start += len(known[0]) - (2 if start else 0)
        found += pieces or ["[UNK]"]
    return found
