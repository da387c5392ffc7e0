"""Says whether an exercise's answer is right: `check("03.1", answer)`.

What is right is computed here with minibert itself, in one file for each notebook (nb03.py for
notebook 03). Reading it before trying spoils the exercise; model answers stand in
tests/notebooks/answers/.
"""

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy
import torch

# Number -> a function that takes the answer and returns a hint, or None where it is right.
Judge = Callable[[Any], str | None]
JUDGES: dict[str, Judge] = {}


def exercise(number: str) -> Callable[[Judge], Judge]:
    """Put a function into JUDGES."""

    def register(judge: Judge) -> Judge:
        JUDGES[number] = judge
        return judge

    return register


def judge(number: str, answer: Any) -> str:
    """The verdict on an answer, in one line."""
    if importlib.util.find_spec(f".nb{number[:2]}", __package__):
        importlib.import_module(f".nb{number[:2]}", __package__)
    if number not in JUDGES:
        raise ValueError(f"there is no exercise {number!r}; numbers look like 03.1")
    if answer is ...:
        return f"{number}: not answered yet. Put your answer in the place of the three dots."
    try:
        hint = JUDGES[number](answer)
    except Exception as error:  # whatever the reader's own code raises
        hint = f"It raised {type(error).__name__}: {error}".splitlines()[0]
    return f"{number}: right." if hint is None else f"{number}: not yet. {hint}"


def check(number: str, answer: Any) -> None:
    """Print the verdict."""
    print(judge(number, answer))


def compare(answer: Any, right: Any, tolerance: float = 1e-3) -> str | None:
    """None where the numbers are equal, otherwise what can be said without giving them away."""
    if answer is ... or answer is None:
        return "There is no answer yet: nothing came back."
    expected = numpy.asarray(torch.as_tensor(right).detach(), dtype=float)
    try:
        given = numpy.asarray(torch.as_tensor(answer).detach(), dtype=float)
    except (TypeError, ValueError, RuntimeError):
        return f"Numbers are wanted, not {type(answer).__name__}."
    if given.shape != expected.shape:
        return f"The shape should be {list(expected.shape)}, and is {list(given.shape)}."
    wrong = ~(numpy.abs(given - expected) <= tolerance * numpy.maximum(1, numpy.abs(expected)))
    if not wrong.any():
        return None
    if expected.ndim == 0:
        return "The shape is right, the number is not."
    return f"The shape is right; {wrong.sum()} of {wrong.size} numbers are not."
