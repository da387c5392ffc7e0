"""The sheets for printing have every exercise, its model answer and its reason."""

import re

from tests.notebooks.sheets import exercises, html, page, reasons
from tests.notebooks.test_exercises import RIGHT
from tests.notebooks.test_notebooks import NOTEBOOKS


def test_every_exercise_has_its_reason():
    found = [number for name in NOTEBOOKS for number in exercises(name)]
    assert found == list(RIGHT) == list(reasons())


def test_both_pages():
    worksheet, solutions = page("Exercises", False), page("Solutions", True)
    for text in (worksheet, solutions):
        assert re.findall(r"<b>(\d\d\.\d)</b>", text) == list(RIGHT)
    assert "def attention(Q, K, V, padding_mask):\n    return ..." in worksheet
    assert "masked_fill" in solutions
    assert "masked_fill" not in worksheet
    assert not set(reasons().values()) & set(worksheet.splitlines())


def test_the_markdown_of_an_exercise():
    text = html("**A** `x_1` is *new*: $x_1$\n\n- one\n- two [here](there.md)")
    assert text.startswith("<p><b>A</b> <code>x_1</code> is <i>new</i>: <img ")
    assert text.endswith("</p><p><br>• one\n<br>• two here</p>")
