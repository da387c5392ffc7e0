"""walk, tokenize --explain and layers in Chinese: the same pages in other words."""

import os
import re
import unicodedata

import pytest

from minibert.cli import main
from minibert.inspection.explain import width
from tests.chinese import english_left

TEXT = "Unwantéd, 我们 photosynthesis!\t"
SENTENCES = ("by the [bank] of the river", "the [bank] raised its rates")
COMMANDS = {
    "walk": ("walk", TEXT),
    "walk a step": ("walk", TEXT, "--step", "probs", "--layer", "1", "--head", "1"),
    "explain": ("tokenize", "--explain", TEXT, "[MASK] \ufdd0\x00" + "a" * 101),
    "layers": ("layers", *SENTENCES),
}


@pytest.fixture(params=COMMANDS)
def both(request, capsys):
    """What a command prints in English and in Chinese."""
    pages = []
    for language in ("en", "zh"):
        assert main(["--lang", language, *COMMANDS[request.param]]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        pages.append(captured.out)
    return pages


def is_unicodes(name: str) -> bool:
    try:
        return bool(unicodedata.lookup(name.upper()))
    except KeyError:
        return False


def test_no_english_is_left(both):
    _, chinese = both
    for text in (TEXT.strip(), *SENTENCES, "minibert view TEXT"):
        chinese = chinese.replace(text, "")
    # Formulas, code and what was typed stay.
    chinese = re.sub(r"^  (=|->)  ?.*?(?=   |$)|不在词表里：.*", "", chinese, flags=re.MULTILINE)
    cells = [cell for cell in re.split("  +|\n", chinese) if not is_unicodes(cell)]
    assert [cell for cell in cells if english_left(cell)] == []
    assert len(re.findall("[一-鿿]", chinese)) > 10


def test_numbers_code_and_formulas_are_the_same(both):
    english, chinese = both
    numbers, code, formulas = r"-?\d+\.\d+", r"^  -> .*", r"^  =  .*?(?=   |$)"
    for what in (numbers, code, formulas, r"\S+\.py:\d+", r"^\S+  \[.*?\]"):
        found = [re.findall(what, page, re.MULTILINE) for page in both]
        assert found[0] == found[1]
    assert len(english.splitlines()) == len(chinese.splitlines())


def test_no_line_is_over_100_columns(capsys):
    assert main(["--lang", "zh", *COMMANDS["walk"]]) == 0
    assert max(map(width, capsys.readouterr().out.splitlines())) <= 100


def test_the_columns_of_layers_line_up(capsys):
    main(["layers", *SENTENCES, "--lang", "zh"])
    head, *rows = capsys.readouterr().out.splitlines()[-6:]
    assert head.split() == ["层", "1-2", "任意两个"]
    assert {width(row) for row in rows} == {width(head)}
    assert {row.index(".") for row in rows} == {16}


def test_the_variable_is_as_good_as_the_option(capsys, monkeypatch):
    main(["--lang", "zh", "tokenize", "--explain", "a"])
    expected = capsys.readouterr().out
    monkeypatch.setenv("MINIBERT_LANG", "zh")
    main(["tokenize", "--explain", "a"])
    assert capsys.readouterr().out == expected
    main(["--lang", "en", "tokenize", "--explain", "a"])
    assert capsys.readouterr().out.startswith("text\n")
    assert os.environ["MINIBERT_LANG"] == "zh"  # as it was


@pytest.mark.parametrize("text", ["stages", "nothing", "a space", "inputs", "not right"])
def test_a_text_that_reads_like_ours_stays(capsys, text):
    main(["--lang", "zh", "tokenize", "--explain", text])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["文本", f"  {text}"]
    for word in text.split():
        assert any(line.startswith(f"  {word} ") for line in lines[-12:])
    main(["--lang", "zh", "walk", text, "--step", "embeddings.sum"])
    assert f"文本：{text}" in capsys.readouterr().out.splitlines()


def test_what_speaks_no_chinese_refuses_the_option(capsys):
    assert main(["--lang", "zh", "fill-mask", "a [MASK]"]) == 2
    told = "minibert fill-mask: --lang zh: only layers, tokenize, view, walk have it\n"
    assert capsys.readouterr().err == told


def test_other_languages_are_refused(capsys, monkeypatch):
    with pytest.raises(SystemExit) as stopped:
        main(["--lang", "xx", "walk", "a"])
    assert stopped.value.code == 2
    assert "argument --lang: invalid choice: 'xx' (choose from" in capsys.readouterr().err
    monkeypatch.setenv("MINIBERT_LANG", "xx")
    assert main(["walk", "a"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "minibert walk: MINIBERT_LANG is 'xx'; it can be en or zh\n"


def test_errors_stay_english(capsys):
    assert main(["--lang", "zh", "walk", ""]) == 2
    assert "the text has no tokens; it must have at least one" in capsys.readouterr().err


def test_the_option_holds_for_one_command(capsys, monkeypatch):
    monkeypatch.delenv("MINIBERT_LANG", raising=False)
    main(["--lang", "zh", "tokenize", "--explain", "a"])
    assert "MINIBERT_LANG" not in os.environ
