"""Every exercise knows a right answer from a wrong one, and from none."""

import importlib
import re
from functools import cache

import numpy
import pytest
import torch

from notebooks.exercises import judge
from tests.notebooks.execute import FOLDER
from tests.notebooks.test_notebooks import FILES, code_cells

ANSWERS = {
    file.name[:2]: importlib.import_module(f"tests.notebooks.answers.a{file.name[:2]}")
    for file in FILES
}
RIGHT = {number: found for answers in ANSWERS.values() for number, found in answers.RIGHT.items()}
WRONG = {number: found for answers in ANSWERS.values() for number, found in answers.WRONG.items()}
NAMED = {
    (number, words): answer
    for answers in ANSWERS.values()
    for number, mistakes in getattr(answers, "NAMED", {}).items()
    for words, answer in mistakes.items()
}


def asked(name: str) -> list[str]:
    """The numbers of a notebook's exercises."""
    return [
        number
        for cell in code_cells(name)
        for number in re.findall(r'check\("(\d\d\.\d)"', cell.source)
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_exercise_has_answers(file):
    numbers = asked(file.stem)
    assert numbers == [f"{file.name[:2]}.{i + 1}" for i in range(len(numbers))]
    assert 3 <= len(numbers) <= 6
    answers = ANSWERS[file.name[:2]]
    assert sorted(answers.RIGHT) == sorted(answers.WRONG) == numbers
    assert all(answers.RIGHT.values())
    assert all(answers.WRONG.values())


@pytest.mark.parametrize("number", RIGHT)
def test_right_answers_are_right(number):
    for answer in RIGHT[number]:
        assert judge(number, answer) == f"{number}: right."


@pytest.mark.parametrize("number", WRONG)
def test_wrong_answers_get_a_hint(number):
    for answer in WRONG[number]:
        assert judge(number, answer).startswith(f"{number}: not yet. ")
    assert judge(number, ...).startswith(f"{number}: not answered yet.")


@cache
def verdict(number: str, words: str) -> str:
    return judge(number, NAMED[number, words])


@pytest.mark.parametrize(("number", "words"), NAMED, ids=[number for number, _ in NAMED])
def test_a_mistake_is_named(number, words):
    assert verdict(number, words).startswith(f"{number}: not yet. ")
    assert words in verdict(number, words)
    assert len(verdict(number, words).splitlines()) == 1


def test_every_mistake_of_03_to_06_is_tested():
    """What stands in the judges as "This is what comes out if …" is given by some answer."""
    said = [verdict(*key) for key in NAMED]
    untested = []
    for name in ("nb03", "nb04", "nb05", "nb06"):
        source = (FOLDER / "exercises" / f"{name}.py").read_text(encoding="utf-8")
        for words in re.findall(r'^ +"([^"{}]+)": [^"]', source, re.MULTILINE):
            if not any(words in each for each in said):
                untested.append(f"{name}: {words}")
    assert not untested


def as_lists(value):
    if isinstance(value, tuple):
        return [as_lists(part) for part in value]
    return value.tolist() if isinstance(value, torch.Tensor) else value


LISTS = ("03.1", "03.2", "03.3", "04.1", "04.2", "04.3", "05.1", "05.3", "05.4", "05.5", "06.2")


@pytest.mark.parametrize("number", LISTS)
def test_a_list_is_as_good_as_a_tensor(number):
    answer = RIGHT[number][0]
    given = (lambda *x: as_lists(answer(*x))) if callable(answer) else as_lists(answer)
    assert judge(number, given) == f"{number}: right."
    rows = (lambda *x: [*answer(*x)]) if callable(answer) else numpy.asarray(answer)
    assert judge(number, rows) == f"{number}: right."


@pytest.mark.parametrize("number", RIGHT)
def test_no_answer_makes_a_judge_raise(number):
    itself: list = []
    itself.append(itself)
    things = (
        *(None, "", "x", b"x", 3, -1.5, True, 1j, float("nan"), [], [[1], [2, 3]], {}, {1}, itself),
        *(torch.zeros(2), torch.zeros(4, dtype=torch.complex64), torch.zeros(2, device="meta")),
        *(numpy.zeros((2, 2)), object(), print, max, int),
    )
    for thing in things:
        for answer in (thing, lambda *_: thing):  # noqa: B023
            assert judge(number, answer).startswith(f"{number}: not yet. ")


@pytest.mark.parametrize("number", ["03.9", "99.1", "three", ""])
def test_a_number_that_is_no_exercise(number):
    with pytest.raises(ValueError, match="there is no exercise"):
        judge(number, ...)


def test_what_the_readers_code_raises_is_told():
    def broken(*_):
        raise ZeroDivisionError("by zero")

    assert judge("03.2", broken) == "03.2: not yet. It raised ZeroDivisionError: by zero"
