import re

import pytest

from minibert.common.language import CATALOGUE, in_chinese, language, said
from tests.chinese import JUDGES, ROOT, core, english_left, parsed, strings, templates

FILES = {
    CATALOGUE: [
        *(ROOT / "minibert" / "cli" / f"{name}.py" for name in ("walk", "tokenize", "layers")),
        *(ROOT / "minibert" / "inspection").glob("*.py"),
        *(ROOT / "minibert" / "words.py", ROOT / "minibert" / "extraction" / "similarity.py"),
    ],
    JUDGES: [
        *(ROOT / "notebooks" / "exercises").glob("*.py"),
        ROOT / "notebooks" / "pictures.py",
    ],
}


@pytest.fixture
def catalogue(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text(
        "# a remark\n\n"
        "{}: {…} ⇒ {}：{…}\n"
        "It raised {}: {} ⇒ 抛出了 {}：{}\n"
        "{} of {} numbers are wrong. ⇒ {1} 个数里有 {0} 个不对。\n"
        "{…} Try again. ⇒ {…}再试一次。\n",
        encoding="utf-8",
    )
    return file


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("2 of 5 numbers are wrong.", "5 个数里有 2 个不对。"),
        ("W: 2 of 5 numbers are wrong.", "W：5 个数里有 2 个不对。"),
        ("2 of 5 numbers are wrong. Try again.", "5 个数里有 2 个不对。再试一次。"),
        ("It raised ValueError: ", "抛出了 ValueError："),
        # What varies may have anything, and stays as it is.
        ("It raised E: 2 of 5 numbers are wrong.", "抛出了 E：2 of 5 numbers are wrong."),
        ("{0}{} of {…} numbers are wrong.", "{…} 个数里有 {0}{} 个不对。"),
        ("It raised E: a\nb: c. D", "抛出了 E：a\nb: c. D"),
        # A text is translated as a whole, or not at all.
        ("W: no such words", None),
        ("2 of 5 numbers are wrong. ", None),
        ("# a remark", None),
        ("", None),
    ],
)
def test_a_text_in_chinese(catalogue, english, chinese):
    assert in_chinese(english, catalogue) == chinese


@pytest.mark.parametrize(("value", "expected"), [(None, "en"), ("", "en"), ("en", "en")])
def test_without_a_wish_it_is_english(monkeypatch, value, expected):
    monkeypatch.delenv("MINIBERT_LANG", raising=False)
    if value is not None:
        monkeypatch.setenv("MINIBERT_LANG", value)
    assert language() == expected
    assert said("inputs") == "inputs"


def test_in_chinese_what_is_not_ours_stays(monkeypatch):
    monkeypatch.setenv("MINIBERT_LANG", "zh")
    assert said("inputs") == "输入"
    assert said("text: inputs") == "文本：inputs"
    assert said("these words are nobody's") == "these words are nobody's"


@pytest.mark.parametrize("value", ["xx", "ZH", "zh_CN", "zh "])
def test_another_language_is_refused(monkeypatch, value):
    monkeypatch.setenv("MINIBERT_LANG", value)
    message = f"MINIBERT_LANG is '{value}'; it can be en or zh"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        said("inputs")


@pytest.mark.parametrize("file", FILES, ids=["commands", "judges"])
def test_a_catalogue_is_well_formed(file):
    found = templates(file)
    assert len({template.english for template in found}) == len(found) > 20
    for template in found:
        numbers = re.findall(r"\{(\d)\}", template.chinese)
        holes = re.findall(r"\{…?\}", template.chinese)
        if numbers:
            assert sorted(numbers) == [str(i) for i in range(len(template.holes))]
            assert not holes
        else:
            assert holes == template.holes, template.english
        if re.search("[a-z] [a-z]", template.english):
            assert re.search("[一-鿿]", template.chinese), template.english
        assert not english_left(template.chinese.replace("minibert view TEXT", ""))
        # Blanks between Chinese and English, whole punctuation marks.
        assert not re.search("[一-鿿][A-Za-z0-9]|[A-Za-z0-9%][一-鿿]", template.chinese)
        assert not re.search("[一-鿿][,.:;?!]", template.chinese), template.chinese


@pytest.mark.parametrize("file", FILES, ids=["commands", "judges"])
def test_what_a_catalogue_translates_stands_in_the_code(file):
    """A line whose English is no longer there would translate nothing."""
    there = {core(text) for source in FILES[file] for text in strings(parsed(source))}
    assert [t.english for t in templates(file) if core(t.english) not in there] == []
