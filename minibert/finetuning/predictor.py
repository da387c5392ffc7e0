"""What a fine-tuned model says of a block of items, on the engine.

An answer is the span with the best score:

    score(i, j) = max over the windows of start_i + end_j        i ≤ j < i + longest
    score("")   = min over the windows of start_[CLS] + end_[CLS]        only where "" is an answer

Source: Devlin et al. 2018, sections 4.2 and 4.3 (with τ = 0); the authors' run_squad.py.

Differs: a span's probability, "score", is its share among all spans, not among the n best.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy
import torch
from torch import nn

from minibert.common.lines import blocks
from minibert.extraction.embedder import check_tokenizer
from minibert.extraction.engine import Engine
from minibert.extraction.parallel import batches, in_parallel
from minibert.extraction.storing import fingerprint
from minibert.finetuning import rows as making
from minibert.finetuning.entities import Tagged, spans
from minibert.finetuning.examples import Example
from minibert.finetuning.questions import Question
from minibert.finetuning.rows import Row
from minibert.tokenizer import BertTokenizer

BLOCK = 256  # items
BEST = 3  # answers
KINDS = {
    "BertForSequenceClassification": "classify",
    "BertForTokenClassification": "tag",
    "BertForQuestionAnswering": "answer",
    "BertModel": "similar",
}
LETTERS = {"S": "B", "U": "B", "E": "I", "L": "I", "M": "I"}  # of other schemes, in IOB's


class Predictor:
    """A model and all choices, checked: call it with items (Example, Tagged or str, Question).

    After training, make a new one: it has an engine of its own.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: BertTokenizer,
        *,
        top: int | None = None,
        stride: int | None = None,
        longest: int = 30,
        no_answer: bool | None = None,
        dtype: torch.dtype | None = None,
        let_go: bool = False,
    ):
        """predict says what the choices are; `let_go`: as for Engine."""
        if type(model).__name__ not in KINDS:
            raise ValueError(f"model must be one of {', '.join(KINDS)}, not {type(model).__name__}")
        for name, value in (("top", top), ("longest", longest)):
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
        self.model, self.tokenizer, self.kind = model, tokenizer, KINDS[type(model).__name__]
        self.engine = Engine(model, dtype=dtype, let_go=let_go)
        config, task = self.engine.config, getattr(model, "task", {})
        check_tokenizer(tokenizer, config.vocab_size)
        self.labels: tuple[str, ...] = getattr(model, "labels", ())
        limit = min(config.max_position_embeddings, tokenizer.settings["model_max_length"])
        self.limit = min(limit, making.ANSWER_LIMIT) if self.kind == "answer" else limit
        self.top, self.stride, self.longest = top, stride, longest
        self.no_answer = bool(task.get("no_answer")) if no_answer is None else no_answer
        self.takes_pairs = self.kind in ("answer", "similar") or task.get("task") == "pairs"
        self.tokens_done = self.cut = 0

    def __call__(self, items: Iterable[Any]) -> list[dict[str, Any]]:
        """What the model says of each item."""
        return [one for found, _ in self.predict_blocks(blocks(items, BLOCK)) for one in found]

    def predict_blocks(
        self, items: Iterable[list[Any]]
    ) -> Iterator[tuple[list[dict[str, Any]], int]]:
        """The same for each block, which alone decides about it; and how many items were cut."""
        say: dict[str, Callable[[Any], list[dict[str, Any]]]] = {
            "classify": self.likeliest,
            "tag": self.entities,
            "answer": self.answers,
            "similar": self.cosines,
        }
        for block in items:
            before = self.cut
            yield say[self.kind](block), self.cut - before

    def settings(self) -> dict[str, Any]:
        """All that decides about what is said, as JSON can hold it."""
        names = ("kind", "labels", "limit", "top", "stride", "longest", "no_answer")
        ids = [*range(min(8, self.limit))]
        logits = self.logits([Row(ids, [0] * len(ids), 0)])[0]
        return {
            **{name: getattr(self, name) for name in names},
            "dtype": str(self.engine.dtype).removeprefix("torch."),
            "device": self.engine.device.type,
            "linear": self.engine.way_name,
            "vocabulary": self.tokenizer.checksum(),
            "weights": fingerprint(self.engine) + logits.ravel()[:8].round(4).tolist(),
        }

    def likeliest(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """The likeliest label of each text or pair; or the number."""
        if self.takes_pairs and any(one.pair is None for one in examples):
            raise ValueError(
                "the model learned from pairs; give second texts, too (pairs=, --pair)"
            )
        rows = making.rows_of_texts(self.tokenizer, examples, self.limit)
        found = []
        for example, logits in zip(examples, self.run(rows), strict=True):
            if len(self.labels) == 1:
                found.append({**given(example), "score": float(logits[0])})
                continue
            probabilities = softmax(logits)
            best = [
                {"label": self.labels[i], "probability": float(probabilities[i])}
                for i in numpy.argsort(-probabilities, kind="stable")[: self.top or 1]
            ]
            found.append({**given(example), **best[0], **({"best": best} if self.top else {})})
        return found

    def cosines(self, examples: Sequence[Example]) -> list[dict[str, Any]]:
        """How alike the two texts of each pair are, by the means of their last states."""
        if any(one.pair is None for one in examples):
            raise ValueError("a model without a head compares two texts; only one was given")
        texts = [Example(text) for one in examples for text in (one.text, str(one.pair))]
        rows = making.rows_of_texts(self.tokenizer, texts, self.limit)
        vectors = [vector / numpy.linalg.norm(vector) for vector in self.run(rows)]
        both = zip(examples, vectors[::2], vectors[1::2], strict=True)
        return [{**given(example), "score": float(a @ b)} for example, a, b in both]

    def entities(self, texts: Sequence[Tagged | str]) -> list[dict[str, Any]]:
        """The entities of each text; those of a Tagged in its words joined by blanks."""
        found = []
        for text, (tags, _, places) in zip(texts, self.tags(texts), strict=True):
            typed = text if isinstance(text, str) else " ".join(text.words)
            ends = [(one.type, places[one.start, 0], places[one.end - 1, 1]) for one in spans(tags)]
            entities = [
                {"type": kind, "start": int(start), "end": int(end), "text": typed[start:end]}
                for kind, start, end in ends
            ]
            found.append({"text": typed, "entities": entities})
        return found

    def tags(self, texts: Sequence[Tagged | str]) -> list[tuple[list[str], Any, Any]]:
        """Of each text the tag of each word, its probability, and the words' places [words, 2]."""
        rows = making.rows_of_words(self.tokenizer, texts, self.limit, self.stride)
        found = {row.source: ([""] * len(row.spans), [0.0] * len(row.spans)) for row in rows}
        for row, logits in zip(rows, self.run(rows), strict=True):
            tags, certain = found[row.source]
            for token in numpy.flatnonzero(row.places >= 0):
                probabilities, word = softmax(logits[token]), row.places[token]
                best = int(probabilities.argmax())
                tags[word], certain[word] = as_iob(self.labels[best]), float(probabilities[best])
        places = {row.source: row.spans for row in rows}
        return [(*found[source], places[source]) for source in range(len(texts))]

    def answers(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """The best answers to each question, as typed in its context."""
        rows = making.rows_of_questions(self.tokenizer, questions, self.limit, self.stride)
        said = zip(rows, self.run(rows), strict=True)
        found = []
        for source, windows in groupby(said, key=lambda one: one[0].source):
            best = self.best_answers(questions[source].context, [*windows])
            found.append({"question": questions[source].question, **best[0], "best": best})
        return found

    def best_answers(
        self, context: str, windows: Sequence[tuple[Row, numpy.ndarray]]
    ) -> list[dict[str, Any]]:
        """The spans with the best scores; `windows`: the context's rows and their logits [S, 2]."""
        places = windows[0][0].spans
        # [i, k]: of the pieces i to i + k of the context; −∞ where no window has both.
        scores = numpy.full((len(places), self.longest), -math.inf)
        for row, logits in windows:
            inside = numpy.flatnonzero(row.places >= 0)
            start, end = logits[inside].T
            for k in range(min(self.longest, len(inside))):
                both = start[: len(inside) - k] + end[k:]
                own = scores[row.places[inside[0]] :, k][: len(both)]
                numpy.maximum(own, both, out=own)
        order = numpy.argsort(-scores, axis=None, kind="stable")[: self.top or BEST]
        ranked: list[tuple[float, int | None, int | None]] = [
            (float(scores[i, k]), int(places[i, 0]), int(places[i + k, 1]))
            for i, k in zip(*numpy.unravel_index(order, scores.shape), strict=True)
            if scores[i, k] > -math.inf
        ]
        everything = scores.ravel()
        if self.no_answer or not ranked:
            nothing = min(float(logits[0].sum()) for _, logits in windows)
            everything = numpy.append(everything, nothing)
            ranked = sorted([*ranked, (nothing, None, None)], key=lambda one: -one[0])
        total = numpy.exp(everything - ranked[0][0]).sum()
        return [
            {
                "answer": "" if first is None else context[first:last],
                "start": first,
                "end": last,
                "score": math.exp(score - ranked[0][0]) / float(total),
            }
            for score, first, last in ranked[: self.top or BEST]
        ]

    def run(self, rows: Sequence[Row]) -> list[numpy.ndarray]:
        """The head's logits for each row, [C], or [S, C] where each token has its own; of a model
        without a head the mean of its last states [D].
        """
        self.cut += len({row.source for row in rows if row.is_cut})
        lengths = {number: len(row.ids) for number, row in enumerate(rows)}
        count = math.ceil(sum(lengths.values()) / self.engine.batch_tokens)
        found: list[Any] = [None] * len(rows)

        def work(batch: list[int]) -> tuple[list[int], list[numpy.ndarray]]:
            return batch, self.logits([rows[number] for number in batch])

        for batch, logits in in_parallel(work, batches(lengths, count), self.engine.device):
            for number, one in zip(batch, logits, strict=True):
                found[number] = one
        self.tokens_done += sum(lengths.values())
        return found

    @torch.inference_mode()
    def logits(self, rows: Sequence[Row]) -> list[numpy.ndarray]:
        """The same for one batch. The head's linear map is called without its dropout: the model
        may be in training.
        """
        states, order = self.engine.run([row.ids for row in rows], [row.segments for row in rows])
        model: Any = self.model
        head: Any = getattr(model, "classifier", getattr(model, "qa_outputs", None))
        dtype = states[-1].dtype if head is None else head.weight.dtype
        mixture = getattr(model, "mixture", None)
        # [T, D], the tokens of all rows end to end.
        tokens = mixture([x.to(dtype) for x in states]) if mixture else states[-1].to(dtype)
        lengths = [len(rows[number].ids) for number in order]
        parts = tokens.split(lengths)
        if self.kind in ("tag", "answer"):
            found = head(tokens).split(lengths)
        elif self.kind == "classify" and mixture is None:
            found = head(model.bert.pooler(torch.stack([part[:1] for part in parts])))
        else:
            means = torch.stack([part.mean(dim=0) for part in parts])  # [B, D]
            found = means if head is None else head(means)
        arrays = [one.double().cpu().numpy() for one in found]
        return [arrays[place] for place in numpy.argsort(order)]


def given(item: Example) -> dict[str, Any]:
    """What a prediction repeats of its item."""
    return {"text": item.text, **({} if item.pair is None else {"pair": item.pair})}


def softmax(logits: numpy.ndarray) -> numpy.ndarray:
    powers = numpy.exp(logits - logits.max())
    return powers / powers.sum()


def as_iob(tag: str) -> str:
    """A model's tag in IOB2. A label of no scheme (NOUN, LABEL_1) is an entity of one word."""
    if tag == "O" or tag[:2] in ("B-", "I-"):
        return tag
    return LETTERS[tag[0]] + tag[1:] if tag[1:2] == "-" and tag[0] in LETTERS else f"B-{tag}"
