"""Text to words to pieces to ids: BERT's tokenizer (分词), F11 and F12.

    text -> clean -> space out CJK -> strip accents -> lower case -> words -> pieces -> ids

WordPiece cuts a word into the longest piece that the vocabulary has, then the longest that
continues it (marked ##), and so on; a word that cannot be covered is [UNK].

Source: article C§3.2.1 and E§3.1; Devlin et al. 2018, section 3; the authors' tokenization.py.

Differs: article E§3.1 puts the embedding before the tokenization; it comes after. Where Google's
code and Hugging Face's part ways, this follows Hugging Face (no word over 100 letters, for one).
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SPECIAL_TOKENS = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")
LONGEST_WORD = 100
# The blocks of Chinese characters. Japanese kana and Korean Hangul are spelled with an alphabet and
# written with (or treated as having) words, so they are not among them.
CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def is_punctuation(char: str) -> bool:
    """ASCII that is neither letter, digit nor space ($ and ^ too), and Unicode's P classes."""
    is_ascii_sign = "!" <= char <= "~" and not char.isalnum()
    return is_ascii_sign or unicodedata.category(char).startswith("P")


def is_cjk(char: str) -> bool:
    """A Chinese character: a word by itself."""
    return any(first <= ord(char) <= last for first, last in CJK_RANGES)


def clean(text: str) -> str:
    """Drop control characters; make every white space a plain space."""
    kept = []
    for char in text:
        if char.isspace() and unicodedata.category(char) in ("Zs", "Zl", "Zp", "Cc"):
            kept.append(" " if char not in "\x1c\x1d\x1e\x1f\x85\x0b\x0c" else "")
        elif char != "\ufffd" and not unicodedata.category(char).startswith("C"):
            kept.append(char)
    return "".join(kept)


def space_out_cjk(text: str) -> str:
    """我喜欢 -> three words."""
    return "".join(f" {char} " if is_cjk(char) else char for char in text)


def strip_accents(text: str) -> str:
    """é -> e: take each letter apart from its marks, drop the marks."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if unicodedata.category(char) != "Mn")


def split_words(text: str) -> Iterator[str]:
    """Words at white space; each punctuation mark is a word of its own."""
    for chunk in text.split():
        word = ""
        for char in chunk:
            if is_punctuation(char):
                if word:
                    yield word
                yield char
                word = ""
            else:
                word += char
        if word:
            yield word


class BertTokenizer:
    """Turns texts into the model's inputs.

    Example:
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##ing", "walk", "."]
        >>> tokenizer = BertTokenizer(vocab)
        >>> tokenizer.tokenize("The walking.")
        ['the', 'walk', '##ing', '.']
        >>> tokenizer("The walking.")["input_ids"]
        tensor([[2, 5, 7, 6, 8, 3]])
    """

    def __init__(
        self,
        vocab: Sequence[str],
        *,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
    ):
        """`vocab`: the pieces; an id is a place in it. `strip_accents` None: as do_lower_case."""
        self.tokens = list(vocab)
        self.ids = {token: index for index, token in enumerate(self.tokens)}
        missing = [token for token in SPECIAL_TOKENS if token not in self.ids]
        if missing:
            raise ValueError(f"the vocabulary has no {', '.join(missing)}")
        self.do_lower_case = do_lower_case
        self.strip_accents = do_lower_case if strip_accents is None else strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.special = re.compile("(" + "|".join(map(re.escape, SPECIAL_TOKENS)) + ")")

    @classmethod
    def from_folder(cls, folder: str | Path) -> "BertTokenizer":
        """Read vocab.txt and, where it is there, tokenizer_config.json."""
        vocab_file = Path(folder) / "vocab.txt"
        if not vocab_file.is_file():
            raise FileNotFoundError(f"{vocab_file} is not there: a BERT folder holds a vocab.txt")
        # On \n only: the Chinese list has U+2028 as a token, which splitlines would split at.
        vocab = vocab_file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        config_file = Path(folder) / "tokenizer_config.json"
        config = json.loads(config_file.read_text("utf-8")) if config_file.is_file() else {}
        settings = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")
        return cls(vocab, **{name: config[name] for name in settings if name in config})

    def files(self) -> dict[str, str]:
        """The files that from_folder and transformers read: name -> content."""
        config: dict[str, Any] = {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": self.do_lower_case,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.tokenize_chinese_chars,
        }
        return {
            "vocab.txt": "\n".join(self.tokens) + "\n",
            "tokenizer_config.json": json.dumps(config, indent=2) + "\n",
        }

    def tokenize(self, text: str) -> list[str]:
        """Text to pieces, without [CLS] and [SEP]. A special token in the text stays whole."""
        if not isinstance(text, str):
            raise ValueError(f"a text must be a str, not {type(text).__name__}")
        pieces: list[str] = []
        for part in self.special.split(text):
            if part in SPECIAL_TOKENS:
                pieces.append(part)
            else:
                for word in split_words(self.normalise(part)):
                    pieces.extend(self.word_pieces(word))
        return pieces

    def normalise(self, text: str) -> str:
        """All that happens to the characters before they are split into words."""
        text = clean(text)
        if self.tokenize_chinese_chars:
            text = space_out_cjk(text)
        if self.strip_accents:
            text = strip_accents(text)
        if self.do_lower_case:
            # Letter by letter: the whole string at once would give a Greek Σ another small letter
            # at the end of a word.
            text = "".join(char.lower() for char in text)
        return text

    def word_pieces(self, word: str) -> list[str]:
        """Greedy WordPiece: the longest known piece first."""
        if len(word) > LONGEST_WORD:
            return ["[UNK]"]
        pieces, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = mark + word[start:end]
                if piece in self.ids:
                    break
            else:
                return ["[UNK]"]
            pieces.append(piece)
            start = end
        return pieces

    def __call__(
        self, texts: str | Sequence[str], pair: str | Sequence[str] | None = None
    ) -> "dict[str, torch.Tensor]":
        """One text or several, each perhaps with a second one, to padded tensors [B, S]."""
        import torch

        firsts = [texts] if isinstance(texts, str) else list(texts)
        seconds = [pair] if isinstance(pair, str) else list(pair or [])
        if not firsts:
            raise ValueError("no texts: give at least one")
        if seconds and len(seconds) != len(firsts):
            raise ValueError(f"{len(firsts)} texts, but {len(seconds)} second texts in `pair`")
        rows, segments = [], []
        for index, first in enumerate(firsts):
            row = ["[CLS]", *self.tokenize(first), "[SEP]"]
            second = [*self.tokenize(seconds[index]), "[SEP]"] if seconds else []
            rows.append([self.ids[token] for token in row + second])
            segments.append([0] * len(row) + [1] * len(second))
        longest = max(map(len, rows))

        def padded(lists: list[list[int]], filler: int) -> "torch.Tensor":
            return torch.tensor([row + [filler] * (longest - len(row)) for row in lists])

        return {
            "input_ids": padded(rows, self.ids["[PAD]"]),
            "attention_mask": padded([[1] * len(row) for row in rows], 0),
            "token_type_ids": padded(segments, 0),
        }
