"""The Chinese notebooks are the English ones: the same cells, code and numbers, and whole."""

import copy
import re

import nbformat
import pytest

from notebooks.chinese import fingerprint, make
from tests.notebooks.execute import FOLDER, NUMBER, changes, execute, is_same, printed
from tests.notebooks.test_notebooks import FILES, NOTEBOOKS, check_links, check_outputs

ZH = FOLDER / "zh"
CHINESE = {
    file.stem: nbformat.read(ZH / file.name, as_version=4)
    for file in FILES
    if (ZH / file.name).exists()
}


def text_of(name: str) -> str:
    return (ZH / "text" / f"{name[:2]}.md").read_text(encoding="utf-8")


def check_chinese(text: str, where: str) -> None:
    """It has Chinese letters, blanks between them and Latin ones, and full-width marks."""
    # Code, formulas, links and what is quoted are as they are.
    other = r"```.*?```|`[^`]*`|\$[^$]*\$|\]\([^)]*\)|“[^”]*”"
    prose = re.sub(other, "。", text, flags=re.DOTALL)
    assert re.search("[\u4e00-\u9fff]", prose), where
    assert not re.search("[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]", prose), (
        f"{where}: no blank between Chinese and Latin letters"
    )
    half = "[\u4e00-\u9fff][,;:?!]|[,;:?!][\u4e00-\u9fff]"
    assert not re.search(half, prose), f"{where}: half-width marks"


def test_there_is_one_for_each():
    assert list(CHINESE) == list(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_made_from_todays_english(name):
    """The tool stops where a cell has changed, has no translation, or where code would differ."""
    made = make(NOTEBOOKS[name], text_of(name), CHINESE[name])
    assert made == CHINESE[name]
    assert [cell.id for cell in made.cells if "-zh" not in cell.id] == [
        cell.id for cell in NOTEBOOKS[name].cells
    ]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_prints_the_same_numbers(name):
    cells = {cell.id: cell for cell in CHINESE[name].cells}
    for cell in NOTEBOOKS[name].cells:
        if "checked" in cell.metadata.get("tags", []):
            ours, theirs = (  # a sentence may have them in another order
                " ".join(sorted(NUMBER.findall(printed(each)), key=float))
                for each in (cells[cell.id], cell)
            )
            assert is_same(theirs, ours), cell.id


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_outputs_are_committed(name):
    check_outputs(CHINESE[name])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_prose_is_chinese_and_its_links_lead_somewhere(name):
    for cell in CHINESE[name].cells:
        if cell.cell_type == "markdown":
            check_links(cell.source, name, ZH)
            check_chinese(cell.source, cell.id)


def test_what_the_tool_refuses():
    english = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# A heading", id="03-00"),
            nbformat.v4.new_code_cell('print("how much it is", x)  # why', id="03-01"),
        ]
    )
    prose, code = (fingerprint(cell) for cell in english.cells)
    good = f"<!-- 03-00 {prose} -->\n# 标题\n\n<!-- 03-01 {code} -->\nhow much it is ⇒ 有多少\n"
    made = make(english, good)
    assert [cell.source for cell in made.cells][::2] == ["# 标题", 'print("有多少", x)  # why']
    for wrong, error in (
        ("", "03-00 (no entry), 03-01 (no entry)"),
        (good.replace(prose, "?"), "03-00 (has changed)"),
        (good + "<!-- 03-02 ? -->\nx\n", "03-02 (no such cell)"),
        (good.replace("how much it is", "how many"), "the cell has no 'how many'"),
        (good.replace("how much it is ⇒ 有多少", "x)  ⇒ y)"), "more than comments and texts"),
    ):
        with pytest.raises(ValueError, match=re.escape(error)):
            make(english, wrong)
    changed = copy.deepcopy(english)
    changed.cells[0].source += "s"
    with pytest.raises(ValueError, match=re.escape("03-00 (has changed)")):
        make(changed, good)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["01_text_to_ids", "03_attention_by_hand"])
def test_it_runs_and_prints_its_numbers(name):
    found = changes(CHINESE[name], execute(ZH / f"{name}.ipynb"))
    assert not found, "\n".join(["other numbers than are committed:", *found])
