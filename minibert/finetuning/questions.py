"""Questions with their answers, from a file in the format of SQuAD, 1.1 or 2.0.

    {"data": [{"paragraphs": [{"context": …, "qas": [
        {"id": …, "question": …, "answers": [{"text": …, "answer_start": 29}, …]},
        {"id": …, "question": …, "answers": [], "is_impossible": true}]}]}]}

The file may be packed (.gz, .xz). Each answer must stand in its context at its character.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from minibert.common.lines import check_file, raw_lines


class Answer(NamedTuple):
    """An answer, and the character of the context at which it starts."""

    start: int
    text: str


@dataclass(frozen=True)
class Question:
    """A question about a text, the context. Without `answers`: the context does not answer it."""

    id: str
    question: str
    context: str
    answers: list[Answer] = field(default_factory=list)
    file: str = ""


def read_questions(file: Path, *, answers: bool = True) -> list[Question]:
    """All questions of a file; `answers` False: their answers are not looked at."""
    check_file(file)
    content = b"".join(raw_lines(file))
    try:
        data = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not UTF-8 at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: not JSON: {error}") from None
    questions = []
    for a, article in enumerate(take(data, "data", list, f"{file}")):
        for p, paragraph in enumerate(take(article, "paragraphs", list, f"{file}: data[{a}]")):
            where = f"{file}: data[{a}].paragraphs[{p}]"
            context = take(paragraph, "context", str, where)
            for q, entry in enumerate(take(paragraph, "qas", list, where)):
                name = take(entry, "id", str, f"{where}.qas[{q}]")
                question = take(entry, "question", str, f"{file}: question {name}")
                known = read_answers(entry, context, f"{file}: question {name}") if answers else []
                questions.append(Question(name, question, context, known, str(file)))
    if not questions:
        raise ValueError(f"{file} has no questions")
    return questions


def read_answers(entry: dict[str, Any], context: str, where: str) -> list[Answer]:
    """The answers of a question, each looked up in its context."""
    answers = []
    for found in take(entry, "answers", list, where):
        answer = Answer(take(found, "answer_start", int, where), take(found, "text", str, where))
        is_there = answer.text and context.startswith(answer.text, answer.start)
        if answer.start < 0 or not is_there:
            raise ValueError(f"{where}: {answer.text!r} is not at {answer.start} of its context")
        answers.append(answer)
    if bool(answers) == bool(entry.get("is_impossible")):
        raise ValueError(f"{where} has {len(answers)} answers; is_impossible is true for 0 only")
    return answers


def take(holder: object, name: str, kind: type, where: str) -> Any:
    """holder[name], which must be of that kind."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if type(value) is not kind:
        raise ValueError(f"{where} has no {name!r} ({kind.__name__}) as SQuAD's format wants")
    return value
