"""What is right in notebook 01: text to ids."""

import itertools
from functools import cache

from minibert import BertTokenizer
from minibert.tokenizer import SPECIAL_TOKENS
from weights_loader import load_bert

from . import compare, exercise

SPECIAL = list(SPECIAL_TOKENS.values())
PIECES = ["a", "ab", "abca", "b", "##b", "##c", "##ca", "##cab", "##aa"]
WORDS = ("unwanted", "the", "photosynthesis", "wordings", "x", "naïve", "100", "我")


@cache
def bundled() -> BertTokenizer:
    return load_bert()[1]


def compare_lists(answer, right: list[str]) -> str | None:
    """None where the same tokens stand in the same order."""
    if answer is ... or answer is None:
        return "There is no answer yet: nothing came back."
    if isinstance(answer, str):
        return 'A list of tokens is wanted, for example ["wo", "##rd"].'
    given = list(answer)
    if given == right:
        return None
    if "".join(given).replace("##", "") != "".join(right).replace("##", ""):
        return "These pieces do not put the word together again."
    if [str(piece).removeprefix("##") for piece in given] == [p.removeprefix("##") for p in right]:
        return "The cuts are right; which of the pieces go on a word, and which one begins it?"
    return (
        "The cuts are elsewhere: always the longest piece that fits, and only pieces of the list."
    )


@exercise("01.1")
def wordings(answer: list[str]) -> str | None:
    vocabulary = ["wo", "word", "##rd", "##ding", "##ing", "##ings", "##s"]
    return compare_lists(answer, BertTokenizer(SPECIAL + vocabulary).tokenize("wordings"))


@exercise("01.2")
def padding(answer: list[int]) -> str | None:
    ids = bundled()(["a a a a a", "a a a"], ["a a a a", "a a"])["input_ids"]
    hint = compare(answer, [ids.numel(), int((ids == bundled().pad_token_id).sum())])
    if hint and "shape is right" in hint:
        return "Two numbers, as asked. How long is each row, with its [CLS] and [SEP]?"
    return hint


@exercise("01.3")
def segments(answer: list[int]) -> str | None:
    right = bundled()("where is it?", "on the mat.")["token_type_ids"][0]
    hint = compare(answer, right)
    if hint and "shape is right" in hint:
        return "The length is right. To which text does the first [SEP] belong?"
    return hint


@exercise("01.4")
def characters(answer: int) -> str | None:
    hint = compare(answer, len(bundled().tokenize("《星际穿越》很好看")))
    return hint and "Each Chinese character is a word. And what is each of 《 and 》?"


@exercise("01.5")
def longest_match(answer) -> str | None:
    small = BertTokenizer(SPECIAL + PIECES)
    made_up = ["".join(w) for n in range(1, 7) for w in itertools.product("abc", repeat=n)]
    for tokenizer, words in ((small, made_up), (bundled(), WORDS)):
        for word in words:
            given = answer(word, set(tokenizer.vocab))
            if given is ... or given is None:
                return "There is no answer yet: nothing came back."
            right = [tokenizer.tokens[index] for index in tokenizer.wordpiece.split_word(word)]
            if isinstance(given, str) or list(given) != right:
                pieces = f"the pieces {PIECES}" if tokenizer is small else "minibert-tiny's"
                return f"Try it on the word {word!r} with {pieces}. It gives {given!r}."
    return None
