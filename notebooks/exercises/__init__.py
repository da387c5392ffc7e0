"""Says whether an exercise's answer is right: `check("03.1", answer)`.

What is right is computed here with minibert itself, in one file for each notebook (nb03.py for
notebook 03). Reading it before trying spoils the exercise; model answers stand in
tests/notebooks/answers/.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
import torch

from minibert.common.language import said

# Number -> a function that takes the answer and returns a hint, or None where it is right.
Judge = Callable[[Any], str | None]
JUDGES: dict[str, Judge] = {}


def words(text: str) -> str:
    """A verdict, or a hint, in the reader's language."""
    return said(text, Path(__file__).parents[1] / "zh" / "judges.txt")


def exercise(number: str, function: str = "") -> Callable[[Judge], Judge]:
    """Put a judge into JUDGES. `function`: how the function is written that the exercise wants."""

    def register(judge: Judge) -> Judge:
        def guarded(answer: Any) -> str | None:
            if function and not callable(answer):
                return f"The function {function} itself is wanted, without calling it."
            return judge(answer)

        JUDGES[number] = guarded
        return guarded

    return register


def judge(number: str, answer: Any) -> str:
    """The verdict on an answer, in one line, in the language that MINIBERT_LANG asks for."""
    if importlib.util.find_spec(f".nb{number[:2]}", __package__):
        importlib.import_module(f".nb{number[:2]}", __package__)
    if number not in JUDGES:
        raise ValueError(f"there is no exercise {number!r}; numbers look like 03.1")
    if answer is ...:
        return words(f"{number}: not answered yet. Put your answer in the place of the three dots.")
    try:
        hint = JUDGES[number](answer)
    except Exception as error:  # whatever the reader's own code raises
        hint = f"It raised {type(error).__name__}: {error}".splitlines()[0]
    return words(f"{number}: right." if hint is None else f"{number}: not yet. {hint}")


def check(number: str, answer: Any) -> None:
    """Print the verdict."""
    print(judge(number, answer))


def numbers_of(answer: Any) -> numpy.ndarray:
    """An array of a tensor, an array, a number, or lists of these; TypeError or ValueError."""
    if isinstance(answer, str | bytes):
        raise TypeError("a text is no number")
    if isinstance(answer, torch.Tensor):
        if answer.is_complex():
            raise TypeError("a complex number is not wanted either")
        return answer.detach().to("cpu", torch.float64).numpy()
    if isinstance(answer, list | tuple):
        return numpy.array([numbers_of(part) for part in answer], dtype=float)
    return numpy.asarray(answer, dtype=float)


def is_close(given: numpy.ndarray, expected: numpy.ndarray, tolerance: float) -> numpy.ndarray:
    return numpy.abs(given - expected) <= tolerance * numpy.maximum(1, numpy.abs(expected))


def compare(
    answer: Any, right: Any, tolerance: float = 1e-3, mistakes: Mapping[str, Any] | None = None
) -> str | None:
    """None where the numbers are equal, otherwise what can be said without giving them away.

    `mistakes` has what well-known wrong formulas give, under the words for "This is what comes out
    if …". Where the answer has the numbers of one of them, these words are the hint.
    """
    if answer is ... or answer is None:
        return "There is no answer yet: nothing came back."
    try:
        given = numbers_of(answer)
    except (TypeError, ValueError, RuntimeError):
        return f"Numbers are wanted, not {type(answer).__name__}."
    expected = numbers_of(right)
    has_shape = given.shape == expected.shape
    if has_shape and is_close(given, expected, tolerance).all():
        return None
    for what, wrong in (mistakes or {}).items():
        numbers = numbers_of(wrong)
        if given.shape == numbers.shape and is_close(given, numbers, tolerance).all():
            return f"This is what comes out if {what}."
    if not has_shape:
        return f"The shape should be {list(expected.shape)}, and is {list(given.shape)}."
    if expected.ndim == 0:
        return "The shape is right, the number is not."
    count = int((~is_close(given, expected, tolerance)).sum())
    return f"The shape is right; {count} of {given.size} numbers are not."
