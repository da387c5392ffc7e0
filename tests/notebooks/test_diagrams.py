"""The diagrams: written by their program, each text readable by itself, their numbers right."""

import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from itertools import combinations

import nbformat
import pytest
from matplotlib.font_manager import FontProperties, findfont, get_font

from minibert import load_bert
from notebooks.diagrams.__main__ import DIAGRAMS, chinese_words
from tests.notebooks.execute import FOLDER
from tests.notebooks.test_notebooks import IDS, NOTEBOOKS

# The letters of the legend in minibert/__init__.py, and plain words.
LETTERS = {"B", "S", "T", "D", "N", "H", "I", "V", "L", "L+1", "N·H"}
WORDS = {"2", "512", "words", "labels", "tags", "n", "C", "tokens", "in", "out"}

FOLDERS = {"English": FOLDER / "diagrams", "Chinese": FOLDER / "zh" / "diagrams"}

Area = tuple[float, float, float, float]  # left, top, right, bottom


@cache
def svg(number: str, language: str = "English") -> str:
    return DIAGRAMS[number]().svg(chinese_words() if language == "Chinese" else None)


def elements(number: str, tag: str, language: str = "English") -> list[ElementTree.Element]:
    root = ElementTree.fromstring(svg(number, language))
    return root.findall(f"{{http://www.w3.org/2000/svg}}{tag}")


@cache
def dejavu(is_shape: bool, weight: str):
    """The font of the measurements: it is wider than those of most browsers."""
    family = "DejaVu Sans Mono" if is_shape else "DejaVu Sans"
    return get_font(findfont(FontProperties(family=family, weight=weight)))


def area_of_text(text: ElementTree.Element) -> Area:
    x, y, size = (float(text.get(key)) for key in ("x", "y", "font-size"))
    font = dejavu(text.get("font-family") == "monospace", text.get("font-weight"))
    font.set_size(size, 72)
    chinese = re.findall("[\u2e80-\uffef]", text.text)  # each as wide as it is high
    font.set_text(re.sub("[\u2e80-\uffef]", "", text.text))
    width = font.get_width_height()[0] / 64 + len(chinese) * size
    left = x - {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor")] * width
    return left, y - 0.75 * size, left + width, y + 0.2 * size


def area_of_box(box: ElementTree.Element) -> Area:
    left, top, width, height = (float(box.get(key)) for key in ("x", "y", "width", "height"))
    return left, top, left + width, top + height


def touch(a: Area, b: Area) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def is_inside(a: Area, b: Area) -> bool:
    return b[0] <= a[0] and a[2] <= b[2] and b[1] <= a[1] and a[3] <= b[3]


def test_each_notebook_begins_with_its_diagram():
    assert [name[:2] for name in NOTEBOOKS] == list(DIAGRAMS)
    for name, notebook in NOTEBOOKS.items():
        title = DIAGRAMS[name[:2]]().title
        assert f"![{title}](diagrams/{name[:2]}.svg)" in notebook.cells[0].source


def test_the_chinese_notebooks_begin_with_theirs():
    for file in (FOLDER / "zh").glob("[0-9]*.ipynb"):
        title = chinese_words()[DIAGRAMS[file.name[:2]]().title]
        head = nbformat.read(file, as_version=4).cells[0].source
        assert f"![{title}](diagrams/{file.name[:2]}.svg)" in head


def test_each_word_has_its_chinese():
    """What has no two small letters side by side is a formula or a number, and stays."""
    drawn = set()
    for draw in DIAGRAMS.values():
        d = draw()
        drawn |= {d.title, *(text.words for text in [*d.texts, *d.legend({})])}
    lines = (FOLDER / "diagrams" / "zh.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(chinese_words())
    assert (
        {words for words in drawn if re.search("[a-z]{2}", words)} <= set(chinese_words()) <= drawn
    )


@pytest.mark.parametrize("language", FOLDERS)
@pytest.mark.parametrize("number", DIAGRAMS)
def test_the_file_is_what_the_program_writes(number, language):
    """If not: python -m notebooks.diagrams"""
    file = FOLDERS[language] / f"{number}.svg"
    assert file.read_text(encoding="utf-8") == svg(number, language)


@pytest.mark.parametrize("language", FOLDERS)
@pytest.mark.parametrize("number", DIAGRAMS)
def test_no_text_touches_another_or_an_edge(number, language):
    texts = [(text.text, area_of_text(text)) for text in elements(number, "text", language)]
    for (one, a), (other, b) in combinations(texts, 2):
        assert not touch(a, b), f"{one!r} and {other!r}"
    for box in map(area_of_box, elements(number, "rect", language)):
        for words, area in texts:
            assert not touch(area, box) or is_inside(area, box), f"{words!r} crosses a box"


@pytest.mark.parametrize("number", DIAGRAMS)
def test_shapes_have_the_letters_of_the_legend(number):
    for text in elements(number, "text"):
        if text.get("font-family") == "monospace":
            for inside in re.findall(r"\[(.+)\]", text.text):
                assert set(inside.split(", ")) <= LETTERS | WORDS, text.text


def test_the_tokens_and_ids_of_01_are_the_bundled_models():
    _, tokenizer = load_bert()
    batch = tokenizer(["Unwantéd cats?", "No."])
    drawn = [text.text for text in elements("01", "text")]
    for key in ("input_ids", "attention_mask"):
        numbers = [str(number) for number in batch[key].flatten().tolist()]
        assert " ".join(numbers) in " ".join(drawn)
    for row in batch["input_ids"]:
        assert " ".join(tokenizer.convert_ids_to_tokens(row)) in " ".join(drawn)


def test_13_has_each_mistake_once():
    found = re.findall(r"\bX\d+", " ".join(text.text for text in elements("13", "text")))
    assert sorted(found) == sorted(key for key in IDS if key[0] == "X")


def test_chinese_letters_have_fonts_on_every_system():
    style = svg("03", "Chinese").partition("</style>")[0]
    for font in ("PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC"):  # macOS, Windows, Linux
        assert style.count(font) == 2
    assert "style" not in svg("03")
