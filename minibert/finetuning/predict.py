"""Texts to what a fine-tuned model says of them.

    predict(model, tokenizer, ["A fine film."])        [{"text", "label", "probability"}]
        … of a model of one label, a number            [{"text", "score"}]
        … of a model that tags                         [{"text", "entities": [{"type", "start",
                                                                               "end", "text"}]}]
    predict(model, tokenizer, a, pairs=b)              of two texts; a bare BERT: their cosine
    predict(model, tokenizer, questions, contexts=c)   [{"question", "answer", "start", "end",
                                                         "score", "best"}]
    predict_file("texts.tsv", "out.jsonl", model=…)    the same, a line each, however many they are

start and end are characters of the text as it was typed. predictor.py does the work.
"""

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from minibert.common.devices import choose_device
from minibert.common.files import replacing
from minibert.common.lines import OPENERS
from minibert.extraction.parts import Work, as_tensor, in_parts, problems_of, save_part
from minibert.extraction.reading import checked_records
from minibert.finetuning.entities import Tagged, read_tagged
from minibert.finetuning.examples import Example, as_text
from minibert.finetuning.predictor import BLOCK, Predictor
from minibert.finetuning.questions import Question, read_questions
from minibert.tokenizer import BertTokenizer


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
    is_one, before = isinstance(texts, str), predictor.cut
    found = predictor(make_items(predictor.kind, [texts] if is_one else texts, pairs, contexts))
    if cut := predictor.cut - before:
        warnings.warn(cut_message(cut, predictor.limit), stacklevel=2)
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
    check_lines(out)
    predictor = open_predictor(model, tokenizer, device, **choices)
    items = read_items(predictor, source, text, pair)
    first = list(islice(items, 1))  # what is wrong with the file is told before anything is written

    return lines_to_file(
        predictor,
        chain(first, items),
        source,
        out,
        device=predictor.engine.device,
        settings={**predictor.settings(), "text": text, "pair": pair},
        overwrite=overwrite,
    )


def lines_to_file(
    predictor: Any,
    items: Iterable[Any],
    source: Path,
    out: Path,
    *,
    device: torch.device,
    settings: dict[str, Any],
    overwrite: bool,
) -> int:
    """What a predictor (or a translator) says of items, a line each. Returns how many were cut."""

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
        device=device,
        block_size=BLOCK,
        settings=settings,
        choices="",
        results=predictor.predict_blocks,
        write=write,
        put_together=put_together,
        tokens_done=lambda: predictor.tokens_done,
    )
    return len(in_parts(work, items, source, out, overwrite=overwrite))


def check_lines(out: Path) -> None:
    if out.suffix != ".jsonl":
        raise ValueError(f"{out}: the name must end in .jsonl")


def open_predictor(model: Any, tokenizer: Any, device: Any, **choices: Any) -> Predictor:
    """A Predictor of a model, which is loaded if it has only a name."""
    if isinstance(model, Predictor):
        if tokenizer or device or choices:
            raise ValueError("a Predictor has its tokenizer and its choices; give no others")
        return model
    is_own = isinstance(model, nn.Module)
    if is_own != (tokenizer is not None) or (is_own and device is not None):
        raise ValueError("a model of your own needs its tokenizer, and no device; a name neither")
    if not is_own:
        from weights_loader import load_bert

        model, tokenizer = load_bert(model, device=choose_device(device))
    return Predictor(model, tokenizer, let_go=not is_own, **choices)


def make_items(kind: str, texts: Iterable[Any], pairs: Any, contexts: Any) -> list[Any]:
    """Texts, and the second text of each, as the items of this kind of model."""
    texts = list(texts)
    seconds, other = (contexts, pairs) if kind == "answer" else (pairs, contexts)
    if other is not None:
        raise ValueError(f"a model for {kind!r} takes no {'pairs' if pairs else 'contexts'}")
    if seconds is None or isinstance(seconds, str):
        seconds = [seconds] * len(texts)
    if len(seconds) != len(texts):
        raise ValueError(f"{len(texts)} texts, but {len(seconds)} second ones")
    both = zip(texts, seconds, strict=True)
    return [make_item(kind, *two, f"text {number}") for number, two in enumerate(both)]


def make_item(kind: str, text: Any, second: Any, where: str) -> Any:
    """One item of one text or two; or what is one already."""
    ready: Any = {"answer": Question, "tag": Tagged}.get(kind, Example)
    if isinstance(text, ready) and second is None:
        return text
    for one in (text, "" if second is None else second):
        if not isinstance(one, str):
            raise ValueError(f"{where}: a text must be a str, not {type(one).__name__}")
    if (kind == "answer" and second is None) or (kind == "tag" and second is not None):
        what = "a question with its context" if second is None else "one text, not pairs"
        raise ValueError(f"{where}: a model for {kind!r} takes {what}")
    if kind == "tag":
        return text
    return Example(text, second) if kind != "answer" else Question(where, text, second)


def read_items(
    predictor: Predictor, file: Path, text: int | str | None, pair: int | str | None
) -> Iterator[Any]:
    """The items of a file, one after the other. A .txt has a text a line; .tsv, .csv and .jsonl
    have them under `text` and `pair` ("text", "text_pair"; "question", "context"). A .json is in
    SQuAD's format; a .conll has words with tags.
    """
    kind = predictor.kind
    ending = Path(file.stem).suffix if file.suffix in OPENERS else file.suffix
    if (ending, kind) in ((".json", "answer"), (".conll", "tag")) and text is pair is None:
        yield from read_questions(file, answers=False) if kind == "answer" else read_tagged(file)
        return
    default = ("question", "context") if kind == "answer" else ("text", "text_pair")
    wanted = [default[0] if text is None else text]
    if pair is not None or predictor.takes_pairs:
        wanted.append(default[1] if pair is None else pair)
    for record in checked_records(file, wanted):
        where = f"{file}: line {record.number}"
        first, *rest = (as_text(value, where) for value in record.values)
        yield make_item(kind, first, rest[0] if rest else None, where)


def json_line(found: dict[str, Any]) -> bytes:
    """A line of a file of predictions. Two blanks stand between what was given and what was found:
    so a file is known as ours (common/outputs.py).
    """
    rounded = json.loads(json.dumps(found), parse_float=lambda number: round(float(number), 6))
    given = ("question", "query", "text", "pair")
    repeated = {name: rounded.pop(name) for name in given if name in rounded}
    halves = (json.dumps(half, ensure_ascii=False)[1:-1] for half in (repeated, rounded))
    # Half of a character, which JSON can name, is written as JSON names it.
    return f"{{{',  '.join(halves)}}}\n".encode("utf-8", errors="backslashreplace")


def cut_message(count: int, limit: int) -> str:
    return f"{count} texts are over the limit of {limit} tokens; their ends were cut off"
