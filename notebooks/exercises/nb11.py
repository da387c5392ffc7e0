"""What is right in notebook 11: a BERT trained from nothing."""

import math

from minibert.pretraining.settings import Settings
from minibert.training.schedule import schedule

from . import compare, exercise


@exercise("11.1")
def loss_at_the_start(answer: float) -> str | None:
    hint = compare(answer, math.log(1000) + math.log(2))
    return hint and hint + " Natural logarithms; one for the pieces, one for yes or no."


@exercise("11.2")
def learning_rates(answer: list[float]) -> str | None:
    settings = Settings(steps=1000, warmup=0.05, learning_rate=0.002)
    right = [1000 * settings.learning_rate * schedule(step, settings) for step in (10, 430)]
    try:
        given = [1000 * float(rate) for rate in answer]
    except TypeError:
        return "Two numbers are wanted, in a list."
    hint = compare(given, right, tolerance=1e-3)
    return hint and hint + " The first 50 steps rise from 0; the other 950 fall to 0."


@exercise("11.3")
def questions(answer: int) -> str | None:
    hint = compare(answer, 1000 * 64 * round(0.15 * 35), tolerance=1e-9)
    return hint and hint + " How many does one row ask?"


@exercise("11.4")
def the_floor(answer: float) -> str | None:
    hint = compare(answer, (math.log(6) + math.log(16)) / 8)
    return hint and hint + " Which of the eight words follow from the others?"


@exercise("11.5")
def visible_and_asked(answer: float) -> str | None:
    unchanged, is_random = 1 / 7, 1 / 371  # P(it shows "monday" | …)
    right = (unchanged + is_random / 7) / (unchanged + is_random)
    # Without the random piece that happens to be the right one: 0.9815.
    hint = compare(answer, right, tolerance=3e-3)
    return hint and hint + ' How often does a random piece show just "monday", and how often a day?'
