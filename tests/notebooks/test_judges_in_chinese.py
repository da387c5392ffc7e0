"""With MINIBERT_LANG=zh the judges answer in Chinese."""

import ast
import re

import pytest

from notebooks.exercises import judge
from tests.chinese import JUDGES, ROOT, core, english_left, parsed, strings, templates
from tests.notebooks.test_exercises import NAMED, RIGHT, WRONG

HINTS = sorted((ROOT / "notebooks" / "exercises").glob("nb*.py"))


@pytest.fixture(autouse=True)
def in_the_chinese_course(monkeypatch):
    monkeypatch.setenv("MINIBERT_LANG", "zh")


def whole(verdict: str) -> str:
    """What is said in the verdict, without what Python and PyTorch say."""
    return re.sub("(抛出了 .*?：|不接受这些参数：).*", r"\1", verdict)


@pytest.mark.parametrize("number", RIGHT)
def test_a_right_and_a_missing_answer(number):
    assert judge(number, RIGHT[number][0]) == f"{number}：对了。"
    assert judge(number, ...) == f"{number}：还没有回答。把三个点换成你的答案。"


@pytest.mark.parametrize("number", WRONG)
def test_every_hint_is_chinese(number):
    named = [answer for (other, _), answer in NAMED.items() if other == number]
    for answer in (*WRONG[number], *named, None, "x", 3, [1, 2], print):
        verdict = judge(number, answer)
        assert verdict.startswith(f"{number}：还不对。")
        assert english_left(whole(verdict)) == [], verdict
        assert len(verdict.splitlines()) == 1


@pytest.mark.parametrize("file", HINTS, ids=lambda file: file.stem)
def test_no_hint_of_the_sources_is_forgotten(file):
    """Whatever a judge can return, also where no answer above brings it forth."""
    known = {core(template.english) for template in templates(JUDGES)}
    said = {
        text
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Return | ast.Dict)
        for text in strings(node)
        if re.search("[a-z] [a-z]", text)
    }
    assert [text for text in said if core(text) not in known] == []


def test_numbers_and_names_stay():
    chinese = judge("03.2", lambda *_: [[1, 2]])
    assert chinese == "03.2：还不对。5 个词元，H = 7，没有填充：形状应当是 [5, 3]，现在是 [1, 2]。"


def test_what_the_readers_code_says_stays():
    def broken(*_):
        raise ValueError("BERT has biases.")

    assert judge("03.2", broken) == "03.2：还不对。运行时抛出了 ValueError：BERT has biases."


def test_an_unknown_language(monkeypatch):
    monkeypatch.setenv("MINIBERT_LANG", "xx")
    with pytest.raises(ValueError, match="MINIBERT_LANG is 'xx'; it can be en or zh"):
        judge("03.4", "uneven")


def test_an_unknown_exercise_is_an_error_in_english():
    with pytest.raises(ValueError, match="there is no exercise"):
        judge("99.1", ...)
