"""Sentences in the reader's language: MINIBERT_LANG says which, en (also without it) or zh.

Code has its sentences in English, and passes those that teach through `said`. A catalogue, which is
a text file, has a line for each:

    The shape should be {}, and is {}. ⇒ 形状应当是 {}，现在是 {}。
    {} layers are run, not {} ⇒ 应当运行 {1} 层，却运行了 {0} 层
    It is not right: {…} ⇒ 还不对：{…}

{} stands for what varies and stays as it is: numbers, a name; at the end of a line also what the
reader typed. {…} stands for another text of the catalogue. A line with # is a remark.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
CATALOGUE = Path(__file__).with_name("zh.txt")
# Numbers and a name end before a colon and before the next sentence.
HOLES = {"{}": r"((?:(?!: |[.?!] [A-Z]).)*?|.*\Z)", "{…}": "(.+?)"}


class Template:
    """One line of a catalogue."""

    def __init__(self, line: str):
        self.english, self.chinese = line.split(" ⇒ ")
        parts = re.split(r"(\{…?\})", self.english)
        words, self.holes = "".join(parts[::2]), parts[1::2]
        pattern = "".join(HOLES.get(part, re.escape(part)) for part in parts)
        self.pattern = re.compile(pattern, re.DOTALL)
        # The fewer words and the more {}, the more texts fit.
        self.vagueness = (-len(words), self.holes.count("{}"))


def language() -> str:
    """The language that MINIBERT_LANG asks for."""
    chosen = os.environ.get("MINIBERT_LANG") or "en"
    if chosen not in LANGUAGES:
        raise ValueError(f"MINIBERT_LANG is {chosen!r}; it can be {' or '.join(LANGUAGES)}")
    return chosen


@contextmanager
def in_language(chosen: str | None) -> Iterator[None]:
    """Within the block texts are in this language; None: in the one that MINIBERT_LANG says."""
    before = os.environ.get("MINIBERT_LANG")
    os.environ["MINIBERT_LANG"] = chosen or language()
    try:
        yield
    finally:
        if before is None:
            del os.environ["MINIBERT_LANG"]
        else:
            os.environ["MINIBERT_LANG"] = before


@cache
def read_catalogue(file: Path) -> list[Template]:
    """The templates of a catalogue, the most special ones first."""
    lines = file.read_text(encoding="utf-8").splitlines()
    templates = [Template(line) for line in lines if line and not line.startswith("#")]
    return sorted(templates, key=lambda template: template.vagueness)


def in_chinese(text: str, file: Path = CATALOGUE) -> str | None:
    """The Chinese of a text; None where no template fits the whole of it."""
    for template in read_catalogue(file):
        if match := template.pattern.fullmatch(text):
            found = zip(template.holes, match.groups(), strict=True)
            pieces = [piece if hole == "{}" else in_chinese(piece, file) for hole, piece in found]
            if None not in pieces:
                return template.chinese.replace("{…}", "{}").format(*pieces)
    return None


def said(text: str, file: Path = CATALOGUE) -> str:
    """A text of ours in the reader's language; as it is where the catalogue does not have it."""
    return text if language() == "en" else in_chinese(text, file) or text
