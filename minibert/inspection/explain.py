"""How a text became its tokens: every stage, every character, every piece that was tried.

print(explain(tokenizer, "Unwantéd, 我!"))
"""

import unicodedata
from dataclasses import dataclass
from itertools import zip_longest

from minibert.common.language import said
from minibert.tokenizer import BertTokenizer
from minibert.wordpiece import LONGEST_WORD, Piece, WordPiece

# What a stage does to a character, in words: if nothing is left of it, and if it is changed.
NOTHING_LEFT = {"clean": "dropped as control", "strip accents": "dropped as accent"}
CHANGED = {
    "clean": "white space, made a plain space",
    "space CJK": "spaced as CJK",
    "strip accents": "accent stripped",
    "lower case": "lower-cased",
    "split punctuation": "split as punctuation",
}


@dataclass(frozen=True)
class Character:
    """One character of the text: what it becomes, and by which rules."""

    offset: int
    char: str
    becomes: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """One word, and the pieces tried for it in order: (piece, is it in the vocabulary?)."""

    text: str
    tries: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Explanation:
    """What `explain` found; print it."""

    text: str
    stages: tuple[tuple[str, str], ...]
    characters: tuple[Character, ...]
    words: tuple[Word, ...]
    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        sections = [
            ("text", [[visible(self.text)]]),
            ("stages", [[said(name), visible(text)] for name, text in self.stages]),
            ("characters", [character_row(character) for character in self.characters]),
            ("words, and the pieces tried", [row for word in self.words for row in try_rows(word)]),
            (
                "tokens: id, its characters in the text, what was typed there",
                [
                    [p.token, str(p.id), f"{p.start}-{p.end}", visible(self.text[p.start : p.end])]
                    for p in self.pieces
                ],
            ),
        ]
        return "\n\n".join(f"{said(title)}\n{aligned(rows)}" for title, rows in sections)


def explain(tokenizer: BertTokenizer, text: str) -> Explanation:
    """Run the tokenizer's definition on one text and keep every step."""
    pieces = tokenizer.pieces(text)
    model = tokenizer.wordpiece
    stages: dict[str, list[str]] = {name: [] for name in model.stages}
    characters: list[Character] = []
    words: list[Word] = []
    for is_whole, part, offset in model.parts(text):
        if is_whole:
            for outputs in stages.values():
                outputs.append(part)
            characters += [
                Character(offset + i, char, char, ("part of a token that stays whole",))
                for i, char in enumerate(part)
            ]
            words.append(Word(part, ((part, part in model.vocab),)))
            continue
        after = part
        for name, stage in model.stages.items():
            after = stage(after)
            stages[name].append(after)
        characters += [character_of(model, offset + i, char) for i, char in enumerate(part)]
        words += [Word(word, tuple(tries(model, word))) for word, _ in model.words(part)]
    return Explanation(
        text,
        tuple((name, "".join(outputs)) for name, outputs in stages.items()),
        tuple(characters),
        tuple(words),
        tuple(pieces),
    )


def character_of(model: WordPiece, offset: int, char: str) -> Character:
    """The rules that touch one character, stage by stage."""
    rules, before = [], char
    for name, stage in model.stages.items():
        after = stage(before)
        if after != before:
            rules.append(CHANGED[name] if after else NOTHING_LEFT[name])
        before = after
    return Character(offset, char, before, tuple(rules))


def tries(model: WordPiece, word: str) -> list[tuple[str, bool]]:
    """The pieces that WordPiece looks up for a word, the longest first."""
    tried: list[tuple[str, bool]] = []
    start = 0
    while start < len(word) <= LONGEST_WORD:
        mark = "##" if start else ""
        for end in range(len(word), start, -1):
            piece = mark + word[start:end]
            tried.append((piece, piece in model.vocab))
            if piece in model.vocab:
                break
        else:
            return tried
        start = end
    return tried


def character_row(character: Character) -> list[str]:
    char = character.char
    name = unicodedata.name(char, said("a character without a name"))
    # A character that only got spaces around it looks as before.
    becomes = visible(character.becomes.strip()) or said("nothing")
    if character.becomes and not character.becomes.strip():
        becomes = said("a space")
    rules = said(", ".join(character.rules))
    return [
        str(character.offset),
        visible(char),
        f"U+{ord(char):04X}",
        name.lower(),
        *((becomes, rules) if rules else ("", "")),
    ]


def try_rows(word: Word) -> list[list[str]]:
    """A line for each piece found, with the longer ones that were tried before it."""
    if len(word.text) > LONGEST_WORD and not word.tries:
        return [[visible(word.text[:20]) + "…", "[UNK]", said(f"over {LONGEST_WORD} letters")]]
    rows: list[list[str]] = []
    failed: list[str] = []
    for piece, found in word.tries:
        if found:
            rows.append([piece, said(f"not {' '.join(failed)}") if failed else ""])
            failed = []
        else:
            failed.append(piece)
    if failed:  # no piece fits: the whole word is unknown
        rows.append(["[UNK]", said(f"not {' '.join(failed)}")])
    return [[visible(word.text) if i == 0 else "", *row] for i, row in enumerate(rows)]


def visible(text: str) -> str:
    """The text with control characters written out, so that a terminal shows what is there."""
    return "".join(
        char if char == " " or char.isprintable() else f"<U+{ord(char):04X}>" for char in text
    )


def width(text: str) -> int:
    """Columns that a terminal gives to a text: two to a Chinese character, none to an accent."""
    columns = 0
    for char in text:
        if unicodedata.category(char) not in ("Mn", "Me", "Cf"):
            columns += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return columns


def aligned(rows: list[list[str]]) -> str:
    """Rows as a table whose columns line up."""
    widths = [max(map(width, column)) for column in zip_longest(*rows, fillvalue="")]
    lines = []
    for row in rows:
        cells = [cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(row)]
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)
