"""Every exercise knows a right answer from a wrong one, and from none."""

import importlib
import re

import pytest

from notebooks.exercises import judge
from tests.notebooks.test_notebooks import FILES, code_cells

ANSWERS = {
    file.name[:2]: importlib.import_module(f"tests.notebooks.answers.a{file.name[:2]}")
    for file in FILES
}
RIGHT = {number: found for answers in ANSWERS.values() for number, found in answers.RIGHT.items()}
WRONG = {number: found for answers in ANSWERS.values() for number, found in answers.WRONG.items()}


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


@pytest.mark.parametrize("number", ["03.9", "99.1", "three", ""])
def test_a_number_that_is_no_exercise(number):
    with pytest.raises(ValueError, match="there is no exercise"):
        judge(number, ...)


def test_what_the_readers_code_raises_is_told():
    def broken(*_):
        raise ZeroDivisionError("by zero")

    assert judge("03.2", broken) == "03.2: not yet. It raised ZeroDivisionError: by zero"
