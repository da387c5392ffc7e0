"""Examples to rows of ids, for training and for prediction alike.

    classification   [CLS] a [SEP]  or  [CLS] a [SEP] b [SEP]       cut at the end if it is too long
    tagging          [CLS] window of the words' pieces [SEP]        one row for each window
    answering        [CLS] question [SEP] window of the context [SEP]

Windows overlap by a stride. A word is asked about once: at its first piece, in the window where
that has most context (packing.keeps). An answer may be found in any window that holds all of it.

Source: Devlin et al. 2018, figure 4 and section 5.3 (a word's tag is read at its first piece); the
authors' run_squad.py (windows, and [CLS] as the place of an answer that a window does not hold).

Differs: the authors' stride is the step from window to window; here it is the overlap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from minibert.finetuning.entities import Tagged, check_tags
from minibert.finetuning.examples import Example, check_labels
from minibert.finetuning.questions import Question
from minibert.heads import NO_LABEL
from minibert.packing import keeps, shorten, windows
from minibert.tokenizer import BertTokenizer

ANSWER_LIMIT = 384  # tokens of a row with a question, or the model's limit if that is less
STRIDE = 128  # overlap of two windows; at most half of what they have room for
NO_PLACE = -1


@dataclass(frozen=True, eq=False)
class Row:
    """One row of ids [S], S its own length, and what it stands for."""

    ids: list[int]
    segments: list[int]  # [S]
    source: int  # the number of its example
    # Classification: the number of the label, or a number. Tagging: for each token the number of
    # its label or NO_LABEL. Answering: the answer's first and last token, or (0, 0). None: not
    # wanted.
    targets: Any = None
    # [S], for each token the number of the word whose first piece it is (tagging), of the context's
    # piece that it is (answering), or NO_PLACE. All rows of an example number alike.
    places: Any = None
    # [n, 2], the typed characters (start, end) of each word or piece that `places` numbers.
    spans: Any = None
    is_cut: bool = False  # tokens were left out, at the end of a text or of a question


def rows_of_texts(
    tokenizer: BertTokenizer,
    examples: Sequence[Example],
    limit: int,
    *,
    labels: Sequence[str] | None = None,
) -> list[Row]:
    """A row for each text or pair. `limit`: of a row's tokens. `labels`: those of the model, if
    the rows need targets; a single one means that the label is a number.
    """
    check_limit(limit, 5)
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    numbers: dict[Any, int] = {label: number for number, label in enumerate(labels or ())}
    if len(numbers) > 1:
        check_labels(examples, numbers)
    rows = []
    for source, example in enumerate(examples):
        first = tokenizer.text_ids(example.text)
        second = [] if example.pair is None else tokenizer.text_ids(example.pair)
        special = 2 if example.pair is None else 3
        kept = shorten(len(first), len(second), limit - special)
        head = [cls, *first[: kept[0]], sep]
        tail = [] if example.pair is None else [*second[: kept[1]], sep]
        target: Any = None
        if labels is not None:
            target = example.label if len(labels) == 1 else numbers[example.label]
        segments = [0] * len(head) + [1] * len(tail)
        is_cut = kept != (len(first), len(second))
        rows.append(Row(head + tail, segments, source, target, is_cut=is_cut))
    return rows


def rows_of_words(
    tokenizer: BertTokenizer,
    texts: Sequence[Tagged | str],
    limit: int,
    stride: int | None = None,
    *,
    labels: Sequence[str] | None = None,
) -> list[Row]:
    """A row for each window of each text. The words of a Tagged are as given, and their spans are
    those of its words joined by blanks; the words of a plain text are those of BERT's tokenizer.
    """
    check_limit(limit, 3, stride)
    room = limit - 2
    overlap = min(STRIDE if stride is None else stride, room // 2)
    numbers = {label: number for number, label in enumerate(labels or ())}
    if labels is not None:
        check_tags((text for text in texts if isinstance(text, Tagged)), labels)
    rows = []
    for source, text in enumerate(texts):
        ids, firsts, spans = words_of(tokenizer, text)
        word_at = numpy.full(len(ids), NO_PLACE)  # of each piece
        word_at[firsts] = numpy.arange(len(firsts))
        wanted = [] if isinstance(text, str) else [numbers.get(tag, NO_LABEL) for tag in text.tags]
        for part, (first, last) in keeps(windows(len(ids), room, overlap)):
            row = [tokenizer.cls_token_id, *ids[part], tokenizer.sep_token_id]
            places = numpy.full(len(row), NO_PLACE)
            first, last = max(first, 1), min(last, len(row) - 1)  # of its pieces
            before = part.start - 1
            places[first:last] = word_at[before + first : before + last]
            targets = None
            if labels is not None:
                targets = [NO_LABEL if word < 0 else wanted[word] for word in places]
            rows.append(Row(row, [0] * len(row), source, targets, places, spans))
    return rows


def words_of(
    tokenizer: BertTokenizer, text: Tagged | str
) -> tuple[list[int], list[int], numpy.ndarray]:
    """The pieces of all words, the number of each word's first piece, and the words' spans."""
    ids: list[int] = []
    firsts: list[int] = []
    spans: list[tuple[int, int]] = []
    if isinstance(text, str):
        last = None
        for piece in tokenizer.pieces(text):
            if piece.word != last:
                firsts.append(len(ids))
                spans.append((piece.start, piece.end))
            ids.append(piece.id)
            spans[-1] = (spans[-1][0], piece.end)
            last = piece.word
    else:
        start = 0
        for word in text.words:
            firsts.append(len(ids))
            spans.append((start, start + len(word)))
            start += len(word) + 1
            # A word of control characters alone has no piece, but it has a tag.
            ids += tokenizer.text_ids(word) or [tokenizer.unk_token_id]
    return ids, firsts, numpy.array(spans, dtype=int).reshape(-1, 2)


def rows_of_questions(
    tokenizer: BertTokenizer,
    questions: Sequence[Question],
    limit: int,
    stride: int | None = None,
    *,
    with_targets: bool = False,
) -> list[Row]:
    """A row for each window of each context; with_targets: where the first of the answers is.

    A question over half of a row is cut, so that the context has the other half.
    """
    check_limit(limit, 5, stride)
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    rows = []
    context, ids, spans = None, [], numpy.empty((0, 2), int)
    for source, question in enumerate(questions):
        if question.context != context:  # several questions in a row are about the same
            context = question.context
            pieces = tokenizer.pieces(context)
            ids = [piece.id for piece in pieces]
            spans = numpy.array([(piece.start, piece.end) for piece in pieces], int).reshape(-1, 2)
        asked = tokenizer.text_ids(question.question)
        head = [cls, *asked[: (limit - 3) // 2], sep]
        room = limit - len(head) - 1
        overlap = min(STRIDE if stride is None else stride, room // 2)
        answer = range(0)
        if with_targets and question.answers:
            answer = pieces_of_answer(question, spans)
        for part in windows(len(ids), room, overlap):
            row = [*head, *ids[part], sep]
            places = numpy.full(len(row), NO_PLACE)
            places[len(head) : -1] = numpy.arange(part.start, part.stop)
            targets = None
            if with_targets:
                is_here = answer and part.start <= answer[0] and answer[-1] < part.stop
                ends = (answer[0], answer[-1]) if is_here else (0, 0)
                shift = len(head) - part.start if is_here else 0
                targets = (ends[0] + shift, ends[1] + shift)
            segments = [0] * len(head) + [1] * (len(row) - len(head))
            is_cut = len(asked) > len(head) - 2
            rows.append(Row(row, segments, source, targets, places, spans, is_cut))
    return rows


def pieces_of_answer(question: Question, spans: numpy.ndarray) -> range:
    """The pieces of the context that have a character of the first answer."""
    answer = question.answers[0]
    start, end = answer.start, answer.start + len(answer.text)
    inside = numpy.flatnonzero((spans[:, 1] > start) & (spans[:, 0] < end))
    return range(int(inside[0]), int(inside[-1]) + 1) if len(inside) else range(0)


def check_limit(limit: int, least: int, stride: int | None = None) -> None:
    if type(limit) is not int or limit < least:
        raise ValueError(f"limit must be at least {least} tokens, not {limit!r}")
    if stride is not None and (type(stride) is not int or stride < 0):
        raise ValueError(f"stride must be a whole number of at least 0, not {stride!r}")
