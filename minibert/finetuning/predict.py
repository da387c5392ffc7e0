"""Texts to what a fine-tuned model says of them, on the engine.

    predict(model, tokenizer, ["A fine film."])        [{"text", "label", "probability"}]
        … of a model of one label, a number            [{"text", "score"}]
        … of a model that tags                         [{"text", "entities": [{"type", "start", …}]}]
    predict(model, tokenizer, a, pairs=b)              of two texts; a bare BERT: their cosine
    predict(model, tokenizer, questions, contexts=c)   [{"question", "answer", "start", "end", …}]

start and end are characters of the text as it was typed. An answer is the span with the best score:

    score(i, j) = max over the windows of start_i + end_j        i ≤ j < i + longest
    score("")   = min over the windows of start_[CLS] + end_[CLS]        only where "" is an answer

Source: Devlin et al. 2018, sections 4.2 and 4.3 (with τ = 0); the authors' run_squad.py.

Differs: a span's probability, "score", is its share among all spans, not among the n best.
"""

import json
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import safe_open
from torch import nn

from minibert.common.devices import choose_device
from minibert.common.files import replacing
from minibert.common.lines import OPENERS, blocks, check_file
from minibert.extraction.embedder import check_tokenizer
from minibert.extraction.engine import Engine
from minibert.extraction.parallel import batches, in_parallel
from minibert.extraction.parts import Work, as_tensor, in_parts, problems_of, save_part
from minibert.extraction.reading import Record, kind_of, read_records, read_source
from minibert.extraction.storing import fingerprint
from minibert.finetuning import rows as making
from minibert.finetuning.entities import Tagged, read_tagged, spans
from minibert.finetuning.examples import Example, as_text
from minibert.finetuning.questions import Question, read_questions
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
# Letters of other schemes than IOB, in IOB's.
LETTERS = {"S": "B", "U": "B", "E": "I", "L": "I", "M": "I"}


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
            raise ValueError(
                f"model must have one of {', '.join(KINDS)}, not {type(model).__name__}"
            )
        for name, value in (("top", top), ("longest", longest)):
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
        self.model, self.tokenizer, self.kind = model, tokenizer, KINDS[type(model).__name__]
        self.engine = Engine(model, dtype=dtype, let_go=let_go)
        config, task = self.engine.config, getattr(model, "task", {})
        check_tokenizer(tokenizer, config.vocab_size)
        self.labels: tuple[str, ...] = getattr(model, "labels", ())
        longest_row = (
            making.ANSWER_LIMIT if self.kind == "answer" else config.max_position_embeddings
        )
        own_limit = tokenizer.settings["model_max_length"]
        self.limit = min(config.max_position_embeddings, longest_row, own_limit)
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
        say = {"tag": self.entities, "answer": self.answers, "similar": self.cosines}
        for block in items:
            before = self.cut
            yield say.get(self.kind, self.likeliest)(block), self.cut - before

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
        texts = [Example(text) for one in examples for text in (one.text, one.pair or "")]
        rows = making.rows_of_texts(self.tokenizer, texts, self.limit)
        vectors = [vector / numpy.linalg.norm(vector) for vector in self.run(rows)]
        both = zip(examples, vectors[::2], vectors[1::2], strict=True)
        return [{**given(example), "score": float(a @ b)} for example, a, b in both]

    def entities(self, texts: Sequence[Tagged | str]) -> list[dict[str, Any]]:
        """The entities of each text; those of a Tagged in its words joined by blanks."""
        found = []
        for text, (tags, _, places) in zip(texts, self.tags(texts), strict=True):
            typed = text if isinstance(text, str) else " ".join(text.words)
            entities = []
            for kind, first, last in spans(tags):
                start, end = int(places[first, 0]), int(places[last - 1, 1])
                entity = {"type": kind, "start": start, "end": end, "text": typed[start:end]}
                entities.append(entity)
            found.append({"text": typed, "entities": entities})
        return found

    def tags(self, texts: Sequence[Tagged | str]) -> list[tuple[list[str], Any, Any]]:
        """Of each text the tag of each word, its probability, and the words' places [words, 2]."""
        rows = making.rows_of_words(self.tokenizer, texts, self.limit, self.stride)
        found: list[Any] = [None] * len(texts)
        for row, logits in zip(rows, self.run(rows), strict=True):
            if found[row.source] is None:
                words = len(row.spans)
                found[row.source] = ([""] * words, numpy.zeros(words), row.spans)
            tags, certain, _ = found[row.source]
            for token in numpy.flatnonzero(row.places >= 0):
                probabilities, word = softmax(logits[token]), row.places[token]
                best = int(probabilities.argmax())
                tags[word], certain[word] = as_iob(self.labels[best]), float(probabilities[best])
        return found

    def answers(self, questions: Sequence[Question]) -> list[dict[str, Any]]:
        """The best answers to each question, as typed in its context."""
        rows = making.rows_of_questions(self.tokenizer, questions, self.limit, self.stride)
        windows: list[list[tuple[Row, numpy.ndarray]]] = [[] for _ in questions]
        for row, logits in zip(rows, self.run(rows), strict=True):
            windows[row.source].append((row, logits))
        found = []
        for question, own in zip(questions, windows, strict=True):
            best = self.best_answers(question.context, own)
            found.append({**given(question), **best[0], "best": best})
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
        ranked: list[tuple[float, int | None, int | None]] = []
        for i, k in zip(*numpy.unravel_index(order, scores.shape), strict=True):
            if scores[i, k] > -math.inf:
                ranked.append((float(scores[i, k]), int(places[i, 0]), int(places[i + k, 1])))
        everything = scores.ravel()
        if self.no_answer or not ranked:
            ranked.append((min(float(logits[0].sum()) for _, logits in windows), None, None))
            ranked.sort(key=lambda one: -one[0])
            everything = numpy.append(everything, ranked[-1][0])
        total = numpy.exp(everything - ranked[0][0]).sum()
        best = []
        for score, first, last in ranked[: self.top or BEST]:
            text = "" if first is None else context[first:last]
            share = math.exp(score - ranked[0][0]) / float(total)
            best.append({"answer": text, "start": first, "end": last, "score": share})
        return best

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
        head = getattr(self.model, "classifier", None) or getattr(self.model, "qa_outputs", None)
        dtype = states[-1].dtype if head is None else head.weight.dtype
        mixture = getattr(self.model, "mixture", None)
        # [T, D], the tokens of all rows end to end.
        tokens = mixture([x.to(dtype) for x in states]) if mixture else states[-1].to(dtype)
        lengths = [len(rows[number].ids) for number in order]
        parts = tokens.split(lengths)
        if self.kind in ("tag", "answer"):
            found = head(tokens).split(lengths)
        elif head is not None and mixture is None:
            found = head(self.model.bert.pooler(torch.stack([part[:1] for part in parts])))
        else:
            found = torch.stack([part.mean(dim=0) for part in parts])  # [B, D]
            found = found if head is None else head(found)
        arrays = [one.double().cpu().numpy() for one in found]
        return [arrays[place] for place in numpy.argsort(order)]


def predict(
    model: nn.Module | Predictor | str | Path | None,
    tokenizer: BertTokenizer | None,
    texts: Any,
    *,
    pairs: str | Sequence[str] | None = None,
    contexts: str | Sequence[str] | None = None,
    device: str | torch.device | None = None,
    **choices: Any,
) -> Any:
    """What a fine-tuned model says of texts: a dict for each. A str by itself gives its own.

    - `model` with its `tokenizer`; or a name or folder, as for load_bert, and None; or, for many
      calls, a Predictor and None.
    - `texts`: texts, or what the readers of files return: Example, Tagged, Question.
    - `pairs`: the second text of each. `contexts`: where the answer to each question is, or to all.
    - `top`: how many answers (3) or labels (1); they are in "best".
    - `longest`: tokens of an answer (30). `no_answer`: may it be ""? None: as the model learned.
    - `stride`: overlap of the windows of long texts, in tokens. `dtype`: as for embed.
    """
    predictor = open_predictor(model, tokenizer, device, **choices)
    is_one = isinstance(texts, str)
    found = predictor(make_items(predictor.kind, [texts] if is_one else texts, pairs, contexts))
    if predictor.cut:
        warnings.warn(cut_message(predictor.cut, predictor.limit), stacklevel=2)
    return found[0] if is_one else found


def predict_file(
    source: str | Path,
    out: str | Path,
    *,
    model: nn.Module | Predictor | str | Path | None = None,
    tokenizer: BertTokenizer | None = None,
    text: int | str | None = None,
    pair: int | str | None = None,
    overwrite: bool = False,
    device: str | torch.device | None = None,
    **choices: Any,
) -> int:
    """What a model says of each text in a file (read_items), to the .jsonl file `out`, a line each.
    Returns how many texts were too long and cut. Resumed and shared as embed_file.
    """
    source, out = Path(source), Path(out)
    if out.suffix != ".jsonl":
        raise ValueError(f"{out}: the name must end in .jsonl")
    predictor = open_predictor(model, tokenizer, device, **choices)
    items = read_items(predictor, source, text, pair)

    def write(part: Path, result: tuple[list[dict[str, Any]], int], choices: str) -> None:
        found, cut = result
        lines = b"".join(json_line(one) for one in found)
        save_part(part, {"lines": as_tensor(lines)}, ["cut"] * cut, choices)

    def put_together(files: list[Path]) -> list[str]:
        cut: list[str] = []
        with replacing(out) as temporary, open(temporary, "wb") as stream:
            for file in files:
                with safe_open(file, framework="np") as part:
                    cut += problems_of(part)
                    stream.write(part.get_tensor("lines").data)
        return cut

    work = Work(
        device=predictor.engine.device,
        block_size=BLOCK,
        settings={**predictor.settings(), "text": text, "pair": pair},
        choices="",
        results=predictor.predict_blocks,
        write=write,
        put_together=put_together,
        tokens_done=lambda: predictor.tokens_done,
    )
    return len(in_parts(work, items, source, out, overwrite=overwrite))


def open_predictor(model: Any, tokenizer: Any, device: Any, **choices: Any) -> Predictor:
    """A Predictor of a model, which is loaded if it has only a name."""
    is_own = isinstance(model, nn.Module)
    if isinstance(model, Predictor) and (tokenizer or device or choices):
        raise ValueError("a Predictor has its tokenizer and its choices; give no others")
    if not isinstance(model, Predictor) and is_own != (tokenizer is not None):
        raise ValueError("a model of your own needs its tokenizer, and only it")
    if is_own and device is not None:
        raise ValueError("a model of your own computes where it is; give no device")
    if isinstance(model, Predictor):
        return model
    if not is_own:
        from weights_loader import load_bert

        model, tokenizer = load_bert(model, head=None, device=choose_device(device))
    return Predictor(model, tokenizer, let_go=not is_own, **choices)


def make_items(kind: str, texts: Iterable[Any], pairs: Any, contexts: Any) -> list[Any]:
    """Texts, and the second text of each, as the items of this kind of model."""
    texts = list(texts)
    seconds, other = (contexts, pairs) if kind == "answer" else (pairs, contexts)
    if other is not None or (kind == "tag" and seconds is not None):
        raise ValueError(f"a model for {kind!r} takes no {'pairs' if pairs else 'contexts'}")
    if seconds is None or isinstance(seconds, str):
        seconds = [seconds] * len(texts)
    if len(seconds) != len(texts):
        raise ValueError(f"{len(texts)} texts, but {len(seconds)} second ones")
    return [make_item(kind, *two, f"text {n}") for n, two in enumerate(zip(texts, seconds))]


def make_item(kind: str, text: Any, second: Any, where: str) -> Any:
    ready: Any = {"answer": Question, "tag": Tagged}.get(kind, Example)
    item = text
    if not (isinstance(text, ready) and second is None):
        for one in (text, *[second] * (second is not None)):
            if not isinstance(one, str):
                raise ValueError(f"{where}: a text must be a str, not {type(one).__name__}")
        if kind == "answer" and second is not None:
            item = Question(where, text, second)
        elif kind != "tag":
            item = Example(text, second)
    if kind in ("answer", "similar") and isinstance(item, Example) and item.pair is None:
        needed = "a question needs its context" if kind == "answer" else "two texts are compared"
        raise ValueError(f"{where}: {needed}; one was given")
    return item


def read_items(
    predictor: Predictor, file: Path, text: int | str | None, pair: int | str | None
) -> Iterator[Any]:
    """The items of a file, one after the other. A .txt has a text a line; .tsv, .csv and .jsonl have
    them in the columns `text` and `pair` ("text", "text_pair"; "question", "context"). A .json is in
    SQuAD's format; a .conll has words with tags.
    """
    kind = predictor.kind
    ending = Path(file.stem).suffix if file.suffix in OPENERS else file.suffix
    has_pair = pair is not None or predictor.takes_pairs
    default = ("question", "context") if kind == "answer" else ("text", "text_pair")
    records: Iterable[Record]
    if (ending, kind) in ((".json", "answer"), (".conll", "tag")) and text is pair is None:
        yield from read_questions(file, answers=False) if kind == "answer" else read_tagged(file)
        return
    if kind_of(file) in ("", ".txt"):
        if has_pair or text is not None:
            raise ValueError(f"{file}: columns and pairs are in a .tsv, .csv or .jsonl file")
        records = (Record(line.number, [line.text], line.error) for line in read_source(file))
    else:
        check_file(file)
        wanted = [default[0] if text is None else text, default[1] if pair is None else pair]
        records = read_records(file, wanted[: 1 + has_pair])
    for record in records:
        where = f"{file}: line {record.number}"
        if record.error:
            raise ValueError(f"{where}: {record.error}")
        yield make_item(kind, *map(as_text, record.values), *[None] * (not has_pair), where)


def given(item: Example | Question) -> dict[str, Any]:
    """What a prediction repeats of its item."""
    if isinstance(item, Question):
        return {"question": item.question}
    return {"text": item.text, **({} if item.pair is None else {"pair": item.pair})}


def json_line(found: dict[str, Any]) -> bytes:
    """A line of a file of predictions. Two blanks stand between what was given and what was found:
    so a file is known as ours (common/outputs.py).
    """
    rounded = json.loads(json.dumps(found), parse_float=lambda number: round(float(number), 6))
    repeated = {name: rounded.pop(name) for name in ("question", "text", "pair") if name in rounded}
    halves = (json.dumps(half, ensure_ascii=False)[1:-1] for half in (repeated, rounded))
    # Half of a character, which JSON can name, is written as JSON names it.
    return f"{{{',  '.join(halves)}}}\n".encode("utf-8", errors="backslashreplace")


def cut_message(count: int, limit: int) -> str:
    return f"{count} texts are over the limit of {limit} tokens; their ends were cut off"


def softmax(logits: numpy.ndarray) -> numpy.ndarray:
    powers = numpy.exp(logits - logits.max())
    return powers / powers.sum()


def as_iob(tag: str) -> str:
    """A model's tag in IOB2. A label of no scheme (NOUN, LABEL_1) is an entity of one word."""
    if tag == "O" or tag[:2] in ("B-", "I-"):
        return tag
    return LETTERS[tag[0]] + tag[1:] if tag[1:2] == "-" and tag[0] in LETTERS else f"B-{tag}"
