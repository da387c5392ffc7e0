"""The sentences of a paragraph, English or Chinese.

A sentence ends after a full stop, question or exclamation mark that is followed by white space and
anything but a small letter, or that is Chinese. (An abbreviation before a name is cut too:
"Dr. Who" costs little.)
"""

import re

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^\sa-z])|(?<=[。！？])\s*(?=\S)")


def split_sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph.

    Example:
        >>> split_sentences("It rained. Nobody came! He saw 3.5 cats.")
        ['It rained.', 'Nobody came!', 'He saw 3.5 cats.']
        >>> split_sentences("下雨了。没人来。")
        ['下雨了。', '没人来。']
    """
    return SENTENCE_END.split(paragraph)


def sentences_of(text: str) -> list[str]:
    """The sentences of all lines of a text, without those that are only white space."""
    parts = (part.strip() for line in text.splitlines() for part in split_sentences(line))
    return [part for part in parts if part]
