"""Examples to rows: what is cut, where windows lie, what is asked, and where."""

import random

import pytest

from minibert.finetuning.entities import Tagged
from minibert.finetuning.examples import Example
from minibert.finetuning.questions import Answer, Question
from minibert.finetuning.rows import rows_of_questions, rows_of_texts, rows_of_words
from minibert.heads import NO_LABEL
from tests.tiny import tokenizer

TOKENIZER = tokenizer()
TAGS = ["O", "B-x", "I-x"]


def tokens(row):
    return " ".join(TOKENIZER.convert_ids_to_tokens(row.ids))


def test_texts_are_cut_at_their_end():
    examples = [
        Example("ab c", "dd", "y"),
        Example("abcdefgh", None, "x"),
        Example("abcdefgh", "ijk", "x"),
    ]
    rows = rows_of_texts(TOKENIZER, examples, 8, labels=["x", "y"])
    assert [tokens(row) for row in rows] == [
        "[CLS] a ##b c [SEP] d ##d [SEP]",
        "[CLS] a ##b ##c ##d ##e ##f [SEP]",
        "[CLS] a ##b ##c [SEP] i ##j [SEP]",
    ]
    assert [row.is_cut for row in rows] == [False, True, True]
    assert [row.targets for row in rows] == [1, 0, 0]
    assert [row.source for row in rows] == [0, 1, 2]
    assert rows[2].segments == [0, 0, 0, 0, 0, 1, 1, 1]
    assert rows_of_texts(TOKENIZER, [Example("a", "bcdefg")], 8)[0].is_cut  # the second alone
    assert rows_of_texts(TOKENIZER, [Example("a", label=2.5)], 8, labels=["n"])[0].targets == 2.5
    with pytest.raises(ValueError, match="line 7: label 'z'"):
        rows_of_texts(TOKENIZER, [Example("a", None, "z", 7)], 8, labels=["x", "y"])
    with pytest.raises(ValueError, match="limit must be at least 5"):
        rows_of_texts(TOKENIZER, examples, 4)


def context(position, length, part):
    """How many tokens the nearer edge of the window is away; the text's own ends are no edges."""
    left = position - part.start if part.start else length
    right = part.stop - 1 - position if part.stop < length else length
    return min(left, right)


def random_words(draw):
    return [
        "".join(draw.choices("abcdefghijklm", k=draw.choice([1, 1, 2, 4])))
        for _ in range(draw.randint(0, 30))
    ]


@pytest.mark.parametrize("stride", [None, 0, 1, 3, 4])
def test_a_word_is_asked_once_at_its_first_piece_where_it_has_most_context(stride):
    draw = random.Random(stride)
    for _ in range(50):
        words = random_words(draw)
        tags = draw.choices(TAGS, k=len(words))
        rows = rows_of_words(TOKENIZER, [Tagged(words, tags)], 11, stride, labels=TAGS)
        pieces = [TOKENIZER.text_ids(word) for word in words]
        flat = [index for word in pieces for index in word]
        # Where each window lies, found anew: each begins with the overlap.
        step = 9 - (4 if stride is None else stride)
        parts = [slice(i * step, min(i * step + 9, len(flat))) for i in range(len(rows))]
        assert [row.ids[1:-1] for row in rows] == [flat[part] for part in parts]
        asked = {}
        for row, part in zip(rows, parts, strict=True):
            assert len(row.ids) <= 11
            for token, word in enumerate(row.places):
                assert (row.targets[token] == NO_LABEL) == (word < 0)
                if word >= 0:
                    assert row.targets[token] == TAGS.index(tags[word])
                    assert asked.setdefault(word, (part, part.start + token - 1))[0] is part
        for number in range(len(words)):
            part, position = asked[number]
            assert position == sum(map(len, pieces[:number]))
            here = [one for one in parts if one.start <= position < one.stop]
            most = max(context(position, len(flat), one) for one in here)
            # The middle of an overlap of odd length is as near to one edge as to the other, but 1.
            assert context(position, len(flat), part) >= most - 1, (words, number)


def test_spans_of_words():
    (row,) = rows_of_words(TOKENIZER, ["Ab\x00 d\u200bé,f\tg\u0301 "], 20)
    typed = ["Ab", "d\u200bé", ",", "f", "g\u0301"]
    text = "Ab\x00 d\u200bé,f\tg\u0301 "
    found = [text[start:end] for start, end in row.spans]
    assert found[:4] == typed[:4]
    assert found[4] in (typed[4], "g")  # the mark is dropped, with its place or without
    (row,) = rows_of_words(TOKENIZER, [Tagged(["ab", "\u200b", "c"], ["O", "O", "O"])], 20)
    assert tokens(row) == "[CLS] a ##b [UNK] c [SEP]"  # no word goes without an answer
    assert [("ab \u200b c")[start:end] for start, end in row.spans] == ["ab", "\u200b", "c"]


@pytest.mark.parametrize("stride", [None, 0, 2])
def test_answers_are_asked_where_a_window_has_all_of_them(stride):
    draw = random.Random(0)
    for _ in range(100):
        text = " ".join(random_words(draw) or ["a"])
        start = draw.randrange(len(text))
        end = draw.randint(start + 1, len(text))
        answers = [Answer(start, text[start:end])] if draw.random() < 0.8 else []
        question = Question("1", draw.choice(["a", "abc", "abcdefghijklm"]), text, answers)
        rows = rows_of_questions(TOKENIZER, [question], 12, stride, with_targets=True)
        pieces = TOKENIZER.pieces(text)
        touched = [i for i, p in enumerate(pieces) if p.end > start and p.start < end]
        seen = set()
        for row in rows:
            assert len(row.ids) <= 12
            assert row.ids.index(TOKENIZER.sep_token_id) == row.segments.index(1) - 1
            inside = [int(piece) for piece in row.places if piece >= 0]
            seen |= {*inside}
            first = row.segments.index(1)
            assert [*row.places[first:-1]] == inside
            assert [pieces[i].id for i in inside] == row.ids[first:-1]
            if answers and touched and {*touched} <= {*inside}:
                wanted = (first + touched[0] - inside[0], first + touched[-1] - inside[0])
            else:
                wanted = (0, 0)
            assert row.targets == wanted
            assert row.is_cut == (len(question.question) == 13)
        assert seen == {*range(len(pieces))}
