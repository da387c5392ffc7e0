"""How good a model is on a file of examples, and its worst errors.

    classify          accuracy, f1 (of the second of two labels), f1_macro, matthews; the confusion
    a number, similar pearson, spearman
    tag               precision, recall and f1 of entities, of each type, too; accuracy of tags
    answer            exact, f1 as SQuAD's script has them

measure gives the scores alone. Both leave the model as it is, so it may be in training.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
from torch import nn

from minibert.finetuning import metrics
from minibert.finetuning.entities import check_tags, read_tagged
from minibert.finetuning.examples import check_labels, read_examples
from minibert.finetuning.predict import open_predictor
from minibert.finetuning.predictor import Predictor, as_iob
from minibert.finetuning.questions import read_questions
from minibert.tokenizer import BertTokenizer

# By which score a model is chosen.
MAIN = {
    "classify": "accuracy",
    "number": "spearman",
    "similar": "spearman",
    "tag": "f1",
    "answer": "f1",
}
SHOWN = 100  # characters of a text in a list of errors
Judged = tuple[dict[str, float], dict[str, Any], list[tuple[Any, dict[str, Any]]]]


def evaluate(
    model: nn.Module | Predictor | str | Path | None,
    tokenizer: BertTokenizer | None,
    examples: Sequence[Any],
    *,
    worst: int = 20,
    **choices: Any,
) -> dict[str, Any]:
    """All scores of the model on examples (Example, Tagged, Question), "main" the name of the one
    that counts, and the `worst` errors: what was wanted, what came, how sure it was.
    """
    predictor = open_predictor(model, tokenizer, None, **choices)
    scores, details, errors = judge(predictor, examples)
    errors.sort(key=lambda error: error[0])
    return {
        "kind": kind_of(predictor),
        "examples": len(examples),
        "cut": predictor.cut,
        "main": MAIN[kind_of(predictor)],
        "scores": scores,
        **details,
        "worst": [error for _, error in errors[:worst]],
    }


def measure(
    model: nn.Module, tokenizer: BertTokenizer, examples: Sequence[Any]
) -> dict[str, float]:
    """The scores alone."""
    return judge(Predictor(model, tokenizer), examples)[0]


def kind_of(predictor: Predictor) -> str:
    return "number" if len(predictor.labels) == 1 else predictor.kind


def judge(predictor: Predictor, examples: Sequence[Any]) -> Judged:
    """Scores, details, and all errors with what orders them, the worst first."""
    if not examples:
        raise ValueError("there are no examples to judge the model by")
    how = {"tag": judge_tags, "answer": judge_answers, "classify": judge_labels}
    return how.get(kind_of(predictor), judge_numbers)(predictor, examples)


def judge_labels(predictor: Predictor, examples: Sequence[Any]) -> Judged:
    labels = predictor.labels
    unnamed = {label.removeprefix("LABEL_"): label for label in labels}  # 1 is LABEL_1
    examples = [replace(one, label=unnamed.get(one.label, one.label)) for one in examples]
    check_labels(examples, labels)
    found = predictor(examples)
    wanted, got = [one.label for one in examples], [one["label"] for one in found]
    scores = {"accuracy": metrics.accuracy(wanted, got), "f1_macro": metrics.f1(wanted, got)}
    scores["matthews"] = metrics.matthews(wanted, got)
    if len(labels) == 2:
        scores["f1"] = metrics.f1(wanted, got, positive=labels[1])
    table = metrics.confusion(wanted, got, labels).tolist()
    errors = [
        (-one["probability"], error(one, label, one["label"], one["probability"]))
        for one, label in zip(found, wanted, strict=True)
        if one["label"] != label
    ]
    return scores, {"labels": list(labels), "confusion": table}, errors


def judge_numbers(predictor: Predictor, examples: Sequence[Any]) -> Judged:
    found = predictor(examples)
    wanted, got = [one.label for one in examples], [one["score"] for one in found]
    scores = {"pearson": metrics.pearson(wanted, got), "spearman": metrics.spearman(wanted, got)}
    # A cosine and a score have different scales: each is measured by its own spread.
    both = numpy.array([wanted, got], dtype=float)
    spread = both.std(axis=1, keepdims=True)
    both = (both - both.mean(axis=1, keepdims=True)) / numpy.where(spread > 0, spread, 1)
    errors = [
        (-abs(a - b), error(one, label, round(one["score"], 4)))
        for one, label, (a, b) in zip(found, wanted, both.T, strict=True)
    ]
    return scores, {}, errors


def judge_tags(predictor: Predictor, examples: Sequence[Any]) -> Judged:
    known = [as_iob(label) for label in predictor.labels]
    check_tags(examples, known + [f"{letter}-{tag[2:]}" for tag in known for letter in "BI"])
    found = predictor.tags(examples)
    wanted, got = [one.tags for one in examples], [tags for tags, _, _ in found]
    micro, types = metrics.entity_scores(wanted, got)
    words = [[tag for tags in all_tags for tag in tags] for all_tags in (wanted, got)]
    scores = {"f1": micro.f1, "precision": micro.precision, "recall": micro.recall}
    scores["accuracy"] = metrics.accuracy(*words)
    errors: list[Any] = []
    for one, (tags, certain, places) in zip(examples, found, strict=True):
        text = " ".join(one.words)
        for tag, came, sure, (start, end) in zip(one.tags, tags, certain, places, strict=True):
            if tag != came:
                about = {"word": text[start:end], "text": text[max(0, start - SHOWN // 2) :]}
                errors.append((-sure, error(about, tag, came, sure)))
    return scores, {"types": {name: one._asdict() for name, one in types.items()}}, errors


def judge_answers(predictor: Predictor, examples: Sequence[Any]) -> Judged:
    found = predictor(examples)
    wanted = [[answer.text for answer in one.answers] for one in examples]
    got = [one["answer"] for one in found]
    with_none = not all(wanted)
    errors = []
    for one, answers in zip(found, wanted, strict=True):
        exact, f1 = metrics.answer_scores(answers, one["answer"], with_none)
        if not exact:
            right = answers[0] if answers else ""
            errors.append(((f1, -one["score"]), error(one, right, one["answer"], one["score"])))
    return metrics.squad_scores(wanted, got), {}, errors


def error(about: dict[str, Any], wanted: Any, got: Any, probability: Any = None) -> dict[str, Any]:
    """One error, with its texts cut to a line."""
    texts: dict[str, Any] = {}
    for name in ("word", "question", "text", "pair"):
        if name in about:
            text = " ".join(about[name].split())
            texts[name] = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    sure = {} if probability is None else {"probability": round(float(probability), 4)}
    return {**texts, "wanted": wanted, "got": got, **sure}


def read_labelled(
    predictor: Predictor,
    file: Path,
    text: int | str | None = None,
    pair: int | str | None = None,
    label: int | str | None = None,
) -> list[Any]:
    """The examples in a file, for this kind of model; `text`, `pair` and `label`: columns."""
    kind = kind_of(predictor)
    if kind in ("tag", "answer"):
        if not (text is pair is label is None):
            raise ValueError(f"{file}: columns belong to files of texts with labels")
        return list(read_tagged(file) if kind == "tag" else read_questions(file))
    is_number = kind != "classify"
    text = "text" if text is None else text
    pair = "text_pair" if pair is None and predictor.takes_pairs else pair
    label = ("score" if is_number else "label") if label is None else label
    return list(read_examples(file, text=text, pair=pair, label=label, is_number=is_number))
