"""Slides and handouts: all of a notebook is in them, and nothing is cut or asked of the network."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebooks.teaching.export import export, prepared, tagged
from notebooks.teaching.formulas import formula
from tests.notebooks.test_notebooks import FILES, FOLDER, NOTEBOOKS
from tests.viewer.chromium import chromium

ZH = sorted(FOLDER.glob("zh/[0-9]*.ipynb"))
# What of a slide is outside of its 1280 x 720, above its number or too small to be read; the text.
LOOK = """() => {
    const wrong = [];
    for (const slide of document.querySelectorAll("section")) {
        slide.hidden = false;
        const number = [...slide.parentElement.children].indexOf(slide) + 1;
        for (const element of [slide, ...slide.querySelectorAll("*")]) {
            const { left, top, right, bottom } = element.getBoundingClientRect();
            if (left < 0 || top < 0 || right > 1280 || bottom > 700)
                wrong.push([number, element.tagName, right, bottom]);
        }
        const size = parseFloat(getComputedStyle(slide).fontSize);
        if (size < 19) wrong.push([number, "letters of", size]);
        if (!slide.children.length) wrong.push([number, "empty"]);
    }
    const shown = [...document.querySelectorAll("section, .cell:not(.skip)")];
    return [wrong, shown.map((each) => each.textContent).join("")];
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    with chromium() as browser:
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 720})
        yield context.new_page()


def words(text: str) -> str:
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_where_slides_begin_is_marked(name: str) -> None:
    """A new cell is marked by `python -m notebooks.teaching tags`."""
    copy = nbformat.from_dict(NOTEBOOKS[name])
    assert tagged(copy) == NOTEBOOKS[name]
    kinds = [cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in copy.cells]
    assert kinds.count("slide") >= 3


def test_a_formula_stands_on_the_line() -> None:
    tall, flat = formula(r"\frac{a}{b}"), formula("x")
    assert tall.startswith('<img class="math" alt="\\frac{a}{b}" style="height:')
    heights = [float(re.search(r"height:([\d.]+)em", each)[1]) for each in (tall, flat)]
    assert heights[0] > 1.5 * heights[1] > 0.5


def test_links_and_code_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("<svg/>")
    text = "[`x`](../minibert/x.py) [4](04_b.ipynb) [web](http://a.b) `$c$` $d$ ![e](a.svg)"
    made = prepared(text, tmp_path, ".html")
    assert made.startswith("`x` [4](04_b.html) [web](http://a.b) `$c$` <img class=")
    assert made.endswith('alt="e" src="data:image/svg+xml;base64,PHN2Zy8+">')


@pytest.mark.browser
@pytest.mark.parametrize("file", [*FILES, *ZH], ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_slides_and_handout(page: Any, file: Path, tmp_path: Path) -> None:
    pytest.importorskip("nbconvert")
    requests, errors = [], []
    page.on("request", lambda sent: requests.append(sent.url[:60]))
    page.on("pageerror", lambda error: errors.append(str(error)))
    texts = {}
    for kind in ("slides", "handouts"):
        made = tmp_path / f"{kind}.html"
        made.write_text(export(file, kind), encoding="utf-8")
        page.goto(made.as_uri())
        if kind == "slides":
            page.wait_for_function("location.hash")
        wrong, texts[kind] = page.evaluate(LOOK)
        assert wrong == [], kind
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert words(texts["slides"]) == words(texts["handouts"])
