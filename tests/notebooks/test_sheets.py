"""The sheets for printing have every exercise, its model answer and its reason."""

import re
from html import escape

import pytest

from tests.notebooks.sheets import BOOKS, TITLES, exercises, html, page, reasons
from tests.notebooks.test_chinese import check_chinese
from tests.notebooks.test_exercises import RIGHT

in_both_languages = pytest.mark.parametrize("lang", BOOKS)


@in_both_languages
def test_every_exercise_has_its_reason(lang):
    found = [number for name in BOOKS[lang] for number in exercises(name, lang)]
    assert found == list(RIGHT) == list(reasons(lang))


def test_the_chinese_reasons_are_chinese():
    for number, reason in reasons("zh").items():
        check_chinese(reason, number)
        assert not re.search("`|“[^”]*$", reason), number  # a mark that the page would show


@in_both_languages
def test_both_pages(lang):
    worksheet, solutions = page(lang, False), page(lang, True)
    for text, title in zip((worksheet, solutions), TITLES[lang], strict=True):
        assert text.startswith(f'<!doctype html><html lang="{lang}">')
        assert text.count(f"</h1><p>{title}</p>") == len(BOOKS[lang])
        assert re.findall(r"<b>(\d\d\.\d)</b>", text) == list(RIGHT)
    assert "def attention(Q, K, V, padding_mask):\n    return ..." in worksheet
    assert "masked_fill" in solutions
    assert "masked_fill" not in worksheet
    shown = re.findall(r'<p class="why">(.*)</p>', solutions)
    assert shown == [escape(reason) for reason in reasons(lang).values()]
    assert 'class="why"' not in worksheet


def test_the_markdown_of_an_exercise():
    text = html("**A** `x_1` is *new*: $x_1$\n\n- one\n- two [here](there.md)")
    assert text.startswith("<p><b>A</b> <code>x_1</code> is <i>new</i>: <img ")
    assert text.endswith("</p><p><br>• one\n<br>• two here</p>")
    assert html("什么样的*输入*，") == "<p>什么样的<i>输入</i>，</p>"
