"""Texts to what a fine-tuned model says of them.

    predict(model, tokenizer, ["A fine film."])        [{"text", "label", "probability"}]
        … of a model of one label, a number            [{"text", "score"}]
        … of a model that tags                         [{"text", "entities": [{"type", "start", …}]}]
    predict(model, tokenizer, a, pairs=b)              of two texts; a bare BERT: their cosine
    predict(model, tokenizer, questions, contexts=c)   [{"question", "answer", "start", "end", …}]

start and end are characters of the text as it was typed. The engine computes, without padding.

An answer is the span of the context with the largest start logit + end logit, over all windows:

    score(i, j) = max over the windows of start_i + end_j        i ≤ j < i + longest
    score(none) = min over the windows of start_[CLS] + end_[CLS]

Source: Devlin et al. 2018, sections 4.2 and 4.3; the authors' run_squad.py (longest = 30; with
threshold 0 there is no answer where score(none) is the largest).

Differs: a span's probability is its share among all spans (softmax of the scores), not among the n
best.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional

from minibert.common.devices import choose_device
from minibert.common.files import replacing
from minibert.common.lines import OPENERS, blocks
from minibert.extraction.embedder import check_tokenizer
from minibert.extraction.engine import Engine
from minibert.extraction.parallel import batches, in_parallel
from minibert.extraction.parts import Work, as_bytes, in_parts, problems_of, save_part
from minibert.extraction.reading import kind_of, read_records, read_source
from minibert.extraction.storing import fingerprint
from minibert.finetuning.entities import Tagged, read_tagged, spans
from minibert.finetuning.examples import Example
from minibert.finetuning.questions import Question, read_questions
from minibert.finetuning.rows import (
    ANSWER_LIMIT,
    Row,
    rows_of_questions,
    rows_of_texts,
    rows_of_words,
)
from minibert.model import BertModel
from minibert.task_heads import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)
from minibert.tokenizer import BertTokenizer

Item = Example | Tagged | Question | str  # what a prediction is made of
BLOCK = 256  # items in a block
LONGEST = 30  # pieces of an answer
BEST = 3  # answers
GIVEN = ("text", "pair", "question")  # what a prediction repeats of its item
# Where a file has its texts -> the default names of their columns.
COLUMNS = {"answer": ("question", "context"), "": ("text", "text_pair")}
# Letters of other schemes than IOB, in their words.
LETTERS = {"S": "B", "U": "B", "E": "I", "L": "I", "M": "I"}


class Predictor:
    """A model and all choices, checked; call it with items. After training, make a new one."""

    def __init__(
        self,
        model: nn.Module | str | Path | None,
        tokenizer: BertTokenizer | None = None,
        *,
        top: int | None = None,
        stride: int | None = None,
        longest: int = LONGEST,
        no_answer: bool | None = None,
        device: str | torch.device | None = None,
        dtype: torch.dtype | None = None,
    ):
        """predict says what the choices are."""
        is_own = isinstance(model, nn.Module)
        if is_own != (tokenizer is not None):
            raise ValueError("a model of your own needs its tokenizer, and only it")
        if not isinstance(model, nn.Module):
            from weights_loader import load_bert

            model, tokenizer = load_bert(model, head=None, device=choose_device(device))
        elif device is not None:
            raise ValueError("a model of your own computes where it is; give no device")
        self.model, self.kind = model, kind_of_model(model)
        self.engine = Engine(model, dtype=dtype, let_go=not is_own)
        assert tokenizer is not None
        check_tokenizer(tokenizer, self.engine.config.vocab_size)
        self.tokenizer = tokenizer
        self.labels: tuple[str, ...] = getattr(model, "labels", ())
        self.limit = self.engine.config.max_position_embeddings
        self.limit = min(self.limit, tokenizer.settings["model_max_length"])
        if self.kind == "answer":
            self.limit = min(self.limit, ANSWER_LIMIT)
        for name, value in (("top", top), ("longest", longest)):
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
        self.top, self.stride, self.longest = top, stride, longest
        if no_answer is None:  # else as in the examples that the model learned from
            no_answer = bool(getattr(model, "task", {}).get("no_answer", False))
        self.no_answer = no_answer
        self.tokens_done = 0

    def __call__(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """What the model says of each item."""
        return [one for block in self.predict_blocks(blocks(items, BLOCK)) for one in block]

    def predict_blocks(self, items: Iterable[Sequence[Any]]) -> Iterator[list[dict[str, Any]]]:
        """The same for each block; what it says depends on the block alone."""
        say = {"tag": self.entities, "answer": self.answers, "similar": self.similarities}
        for block in items:
            yield say.get(self.kind, self.labels_of)(block)

    # What each head says.

    def labels_of(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """The likeliest label of each text or pair; or the number."""
        rows = rows_of_texts(self.tokenizer, examples, self.limit)
        found = []
        for example, logits, row in zip(examples, self.run(rows), rows, strict=True):
            one = given(example, row.is_cut)
            if len(self.labels) == 1:
                found.append({**one, "score": float(logits[0])})
                continue
            probabilities = softmax(logits)
            ranked = [
                {"label": self.labels[i], "probability": float(probabilities[i])}
                for i in numpy.argsort(-probabilities, kind="stable")[: self.top or 1]
            ]
            found.append({**one, **ranked[0], **({"best": ranked} if self.top else {})})
        return found

    def similarities(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """The cosine of the two texts of each pair, by the mean of their last states."""
        texts = [Example(text) for one in examples for text in (one.text, one.pair or "")]
        rows = rows_of_texts(self.tokenizer, texts, self.limit)
        vectors = [vector / numpy.linalg.norm(vector) for vector in self.run(rows)]
        pairs = zip(examples, vectors[::2], vectors[1::2], rows[::2], rows[1::2], strict=True)
        return [
            {**given(example, a.is_cut or b.is_cut), "score": float(first @ second)}
            for example, first, second, a, b in pairs
        ]

    def entities(self, texts: Sequence[Tagged | str]) -> list[dict[str, Any]]:
        """The entities of each text; those of given words in the words joined by blanks."""
        found = []
        for text, (tags, _, places) in zip(texts, self.tags(texts), strict=True):
            typed = text if isinstance(text, str) else " ".join(text.words)
            entities = []
            for kind, first, last in spans(tags):
                start, end = int(places[first, 0]), int(places[last - 1, 1])
                one = {"type": kind, "start": start, "end": end, "text": typed[start:end]}
                entities.append(one)
            found.append({"text": typed, "entities": entities})
        return found

    def tags(
        self, texts: Sequence[Tagged | str]
    ) -> list[tuple[list[str], numpy.ndarray, numpy.ndarray]]:
        """For each text the tag of each word, its probability, and the words' places [words, 2]."""
        rows = rows_of_words(self.tokenizer, texts, self.limit, self.stride)
        found: list[Any] = [None] * len(texts)
        for row, logits in zip(rows, self.run(rows), strict=True):
            assert row.places is not None and row.spans is not None
            if found[row.source] is None:
                words = len(row.spans)
                found[row.source] = ([""] * words, numpy.zeros(words), row.spans)
            tags, certainty, _ = found[row.source]
            for token in numpy.flatnonzero(row.places >= 0):
                probabilities, word = softmax(logits[token]), row.places[token]
                best = int(probabilities.argmax())
                tags[word], certainty[word] = as_iob(self.labels[best]), probabilities[best]
        return found

    def answers(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """The best answers to each question, each as typed in its context."""
        rows = rows_of_questions(self.tokenizer, questions, self.limit, self.stride)
        own: list[list[tuple[Row, numpy.ndarray]]] = [[] for _ in questions]
        for row, logits in zip(rows, self.run(rows), strict=True):
            own[row.source].append((row, logits))
        found = []
        for question, windows in zip(questions, own, strict=True):
            best = self.best_answers(question.context, windows)
            one = given(question, any(row.is_cut for row, _ in windows))
            found.append({**one, **best[0], "best": best})
        return found

    def best_answers(
        self, context: str, windows: Sequence[tuple[Row, numpy.ndarray]]
    ) -> list[dict[str, Any]]:
        """The spans with the best scores; `windows`: the context's rows and their logits [S, 2]."""
        places = windows[0][0].spans
        assert places is not None
        # Of the spans of the context's piece i to i + k; −∞ where no window has both.
        scores = numpy.full((len(places), self.longest), -math.inf)  # [pieces, longest]
        nothing = math.inf
        for row, logits in windows:
            assert row.places is not None
            inside = numpy.flatnonzero(row.places >= 0)
            start, end = logits[inside].T
            nothing = min(nothing, float(logits[0].sum()))
            first = row.places[inside[0]] if len(inside) else 0
            for k in range(min(self.longest, len(inside))):
                both = start[: len(inside) - k] + end[k:]
                own = scores[first : first + len(both), k]
                numpy.maximum(own, both, out=own)
        count = self.top or BEST
        order = numpy.argsort(-scores, axis=None, kind="stable")[:count]
        spans = [divmod(int(number), self.longest) for number in order]
        ranked: list[tuple[float, slice | None]] = [
            (float(scores[i, k]), slice(places[i, 0], places[i + k, 1]))
            for i, k in spans
            if scores[i, k] > -math.inf
        ]
        all_scores = scores.ravel()
        if self.no_answer or not ranked:
            ranked.append((nothing, None))
            all_scores = numpy.append(all_scores, nothing)
        ranked.sort(key=lambda one: -one[0])
        shares = softmax(all_scores)
