"""Words to pieces to ids: WordPiece, F11.

    piece_1 = the longest beginning of the word that the vocabulary has
    piece_2 = the longest continuation that it has, written with ## in front
    …         to the end of the word

A word of over 100 letters, or with a part that no piece covers, is [UNK] as a whole.

Source: article C§3.2.1, E§3.1; Devlin et al. 2018, section 3; the authors' tokenization.py.

Differs: nothing. `pieces` is the definition, one character after the other, with the offset of
each; `ids` gives the same ids from three memories: of characters, of words, and of the parts
between white space.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from typing import Any

LONGEST_WORD = 100
# What str.split takes for white space and words.clean drops.
DROPPED_SPACES = re.compile("[\x0b\x0c\x1c-\x1f\x85]")


@dataclass(frozen=True)
class Piece:
    """One token of a text; text[start:end] is what was typed for it."""

    token: str
    id: int
    start: int
    end: int
    word: int  # the number of the word that it is part of


class Memory(dict):
    """A dictionary that computes what it does not know yet, and learns it while it has room.

    The words seen first are mostly the frequent ones, so a full memory still helps.
    """

    def __init__(self, compute: Callable[[Any], Any], limit: int):
        super().__init__()
        self.compute, self.limit = compute, limit

    def __missing__(self, key: Any) -> Any:
        value = self.compute(key)
        if len(self) < self.limit and (isinstance(key, int) or len(key) <= LONGEST_WORD):
            self[key] = value
        return value


class WordPiece:
    """Cuts texts into the pieces of a vocabulary.

    Example:
        >>> from minibert.words import STAGES
        >>> vocab = {"[UNK]": 0, "un": 1, "##want": 2, "##ed": 3, "!": 4}
        >>> model = WordPiece(vocab, "[UNK]", whole=["[MASK]"], stages=STAGES)
        >>> [(piece.token, piece.start, piece.end) for piece in model.pieces("Unwantéd!")]
        [('un', 0, 2), ('##want', 2, 6), ('##ed', 6, 8), ('!', 8, 9)]
        >>> model.ids("Unwantéd!")
        [1, 2, 3, 4]
    """

    def __init__(
        self,
        vocab: dict[str, int],
        unk_token: str,
        *,
        whole: list[str],
        stages: dict[str, Callable[[str], str]],
        never_split: list[str] | None = None,
    ):
        """`vocab`: piece -> id, counted from 0. `whole`: special tokens, which are never split,
        wherever they are in a text. `never_split`: words that are not split between white space.
        """
        self.vocab = vocab
        self.tokens = list(vocab)
        self.unk_id = vocab[unk_token]
        self.unknown = (self.unk_id,)
        self.stages = stages
        patterns = [re.escape(token) for token in whole]
        patterns += [rf"(?<!\S){re.escape(word)}(?!\S)" for word in never_split or []]
        self.whole = re.compile(f"({'|'.join(patterns)})")

        # Full, they take about 90 MB together: after all of Unicode and endless new words.
        self.letters = Memory(self.normalise_code, limit=1 << 18)
        self.word_ids = Memory(self.split_word, limit=1 << 17)
        self.chunk_ids = Memory(self.part_ids, limit=1 << 17)

    @cached_property
    def known_letters(self) -> frozenset[str]:
        """All letters of all pieces: a word with any other is unknown."""
        return frozenset("".join(self.vocab))

    def normalise(self, char: str) -> str:
        """What all stages make of one character: nothing, letters, or letters between spaces."""
        for stage in self.stages.values():
            char = stage(char)
        return char

    def normalise_code(self, code: int) -> str:
        """The same by the character's number, which is what str.translate asks for."""
        return self.normalise(chr(code))

    def words(self, text: str, start: int = 0) -> Iterator[tuple[str, list[int]]]:
        """Each word, and for each of its letters the offset of the character that it came from."""
        letters = [
            (letter, offset)
            for offset, char in enumerate(text, start)
            for letter in self.normalise(char)
        ]
        for is_space, group in groupby(letters, key=lambda letter: letter[0] == " "):
            if not is_space:
                word, offsets = zip(*group, strict=True)
                yield "".join(word), list(offsets)

    def split_word(self, word: str) -> tuple[int, ...]:
        """The longest known beginning, then the longest known continuation, to the end."""
        if len(word) > LONGEST_WORD or not self.known_letters.issuperset(word):
            return self.unknown
        ids, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            for end in range(len(word), start, -1):
                piece = self.vocab.get(mark + word[start:end])
                if piece is not None:
                    break
            else:
                return self.unknown
            ids.append(piece)
            start = end
        return tuple(ids)

    def parts(self, text: str) -> Iterator[tuple[bool, str, int]]:
        """(does it stay whole?, part, its offset): the text cut at special tokens."""
        offset = 0
        # With a group in the pattern, split returns text, match, text, match, …, text.
        for number, part in enumerate(self.whole.split(text)):
            yield number % 2 == 1, part, offset
            offset += len(part)

    def pieces(self, text: str) -> list[Piece]:
        """All pieces of a text, with their offsets."""
        found: list[Piece] = []
        number = 0
        for is_whole, part, offset in self.parts(text):
            words: Iterable[tuple[str, Sequence[int]]] = self.words(part, offset)
            if is_whole:
                words = [(part, range(offset, offset + len(part)))]
            for word, offsets in words:
                ids = (self.vocab.get(word, self.unk_id),) if is_whole else self.split_word(word)
                first = 0
                for index in ids:
                    token = self.tokens[index]
                    length = len(token) - len("##") * (first > 0)
                    # A single piece is the whole word, known or [UNK].
                    last = len(word) - 1 if len(ids) == 1 else first + length - 1
                    found.append(Piece(token, index, offsets[first], offsets[last] + 1, number))
                    first = last + 1
                number += 1
        return found

    def ids(self, text: str) -> list[int]:
        """The ids of `pieces`: one look-up for each part between white space."""
        if DROPPED_SPACES.search(text):
            return list(self.part_ids(text))
        return list(chain.from_iterable(map(self.chunk_ids.__getitem__, text.split())))

    def part_ids(self, text: str) -> tuple[int, ...]:
        """The same: one look-up for each character and one for each word."""
        ids: list[int] = []
        for is_whole, part, _ in self.parts(text):
            if is_whole:
                ids.append(self.vocab.get(part, self.unk_id))
            else:
                words = part.translate(self.letters).split()
                ids.extend(chain.from_iterable(map(self.word_ids.__getitem__, words)))
        return tuple(ids)
