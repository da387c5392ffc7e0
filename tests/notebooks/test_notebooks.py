"""The course: each notebook has its parts, its links lead somewhere, and it prints its numbers."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from matplotlib.mathtext import MathTextParser

from tests.notebooks.execute import FOLDER, changes, execute, printed

FILES = sorted(FOLDER.glob("[0-9]*.ipynb"))
NOTEBOOKS = {file.stem: nbformat.read(file, as_version=4) for file in FILES}
LEDGER = json.loads((FOLDER.parent / "tests/articles/ledger.json").read_text(encoding="utf-8"))
IDS = {entry["id"]: entry for entry in LEDGER["entries"]}
MATH = MathTextParser("agg")
LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]+)\)")


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in NOTEBOOKS[name].cells if cell.cell_type == "code"]


def markdown(name: str) -> str:
    return "\n\n".join(
        cell.source for cell in NOTEBOOKS[name].cells if cell.cell_type == "markdown"
    )


def links(text: str) -> list[tuple[str, str]]:
    """The words and the target of each link that stays in the project."""
    return [
        (words, target.partition("#")[0])
        for words, target in LINK.findall(text)
        if "http" not in target
    ]


def check_links(text: str, where: str, folder: Path = FOLDER) -> None:
    """Each file is there; where the words name a test, it is in that file."""
    for words, target in links(text):
        file = folder / target
        assert file.exists(), f"{where}: {target}"
        for test in re.findall(r"\btest_\w+", words):
            if not test.endswith("_py") and f"{test}.py" not in target:
                assert f"def {test}" in file.read_text(encoding="utf-8"), f"{where}: {test}"


def test_they_are_numbered_without_gaps():
    assert len(FILES) >= 11
    assert [file.name[:2] for file in FILES] == [f"{i + 1:02}" for i in range(len(FILES))]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_has_the_parts_of_a_lesson(name):
    cells = NOTEBOOKS[name].cells
    number = int(name[:2])
    head = cells[0].source
    assert head.startswith(f"# {number}. ")
    assert "After this notebook you can" in head
    for row in ("Articles", "Code", "Tests", "Takes"):
        assert re.search(rf"^\| {row} \| .+ \|$", head, re.MULTILINE), f"no row {row}"
    assert re.search(r"^\| (Formula|Corrects) \| ", head, re.MULTILINE)
    assert "\n## Exercises" in markdown(name)
    assert cells[-1].cell_type == "markdown"
    assert cells[-1].source.startswith("**Next:**")
    if number < len(FILES):
        assert FILES[number].name in cells[-1].source
    assert any("checked" in cell.metadata.get("tags", []) for cell in cells)


def check_outputs(notebook: nbformat.NotebookNode) -> None:
    """It reads well unexecuted: run once from top to bottom, without an error or a warning."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
        if "checked" in cell.metadata.get("tags", []):
            assert printed(cell).strip(), f"a checked cell prints nothing: {cell.source}"
    text = nbformat.writes(notebook)
    assert not re.search(r"/(home|Users|root|work|tmp)/|C:\\\\", text), "a path of some machine"
    assert len(text) < 600_000


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_outputs_are_committed(name):
    check_outputs(NOTEBOOKS[name])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_formulas_are_well_formed(name):
    """Each formula is LaTeX that can be set; a display formula is a paragraph of its own."""
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"```.*?```|`[^`]*`", "", cell.source, flags=re.DOTALL)
            for paragraph in text.split("\n\n"):
                if paragraph.startswith("$$"):
                    formulas = re.findall(r"\A\$\$([^$]+)\$\$\Z", paragraph)
                    assert len(formulas) == 1, paragraph
                else:
                    formulas = re.findall(r"\$([^$]*)\$", paragraph)
                    assert paragraph.count("$") == 2 * len(formulas), paragraph
                for formula in formulas:
                    assert formula == formula.strip(), formula
                    assert "|" not in formula, formula
                    MATH.parse(f"${formula}$")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_links_lead_somewhere(name):
    check_links(markdown(name), name)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_its_places_in_the_articles_are_the_ledgers(name):
    """An id that the head names is in the ledger, and where a place stands beside it, it stands
    there too.
    """
    head = NOTEBOOKS[name].cells[0].source
    named = set(re.findall(r"\b[FX][0-9]{1,2}\b", head))
    assert named <= IDS.keys()
    for number, places in re.findall(r"\[?(X[0-9]+)\]?(?:\([^)]*\))? \(([^:()]*§[^:()]*):", head):
        for place in re.findall(r"[A-E]§[0-9.]*[0-9]", places):
            assert place in IDS[number]["where"], f"{number} {place}"


def test_together_they_go_through_the_whole_ledger():
    heads = " ".join(notebook.cells[0].source for notebook in NOTEBOOKS.values())
    assert set(re.findall(r"\b[FX][0-9]{1,2}\b", heads)) == IDS.keys()


@pytest.mark.parametrize(
    "name",
    ["README.md", "tests/benchmarks/README.md"]
    + [f"notebooks/{name}.md" for name in ("README", "README.zh", "SEMESTER", "SEMESTER.zh")],
)
def test_the_links_of_the_readmes(name):
    file = FOLDER.parent / name
    text = file.read_text(encoding="utf-8")
    check_links(text, name, file.parent)
    if file.parent == FOLDER:
        assert {each.name for each in FILES} <= {Path(target).name for _, target in links(text)}


def test_the_chinese_readme_leads_from_each_id_to_its_place_notebook_and_test():
    text = (FOLDER / "README.zh.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([FX][0-9]+) \| (.+) \|$", text, re.MULTILINE))
    assert list(rows) == list(IDS)
    for number, row in rows.items():
        assert f"`test_{number}_" in row
        assert IDS[number]["where"][0] in row or number[0] == "F"
        (notebook,) = re.findall(r"\(zh/(\d\d_\w+)\.ipynb\)", row)
        named = re.findall(r"\b[FX][0-9]{1,2}\b", NOTEBOOKS[notebook].cells[0].source)
        assert number in named, f"{notebook} does not name {number}"
        if number[0] == "F":
            assert IDS[number]["module"].removeprefix("minibert/") in row


@cache
def defined() -> set[str]:
    """The functions and classes of the package."""
    return {
        node.name
        for file in (FOLDER.parent / "minibert").rglob("*.py")
        if file.name != "numpy_twin.py"  # which itself computes all a second time
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_redefines_nothing(name):
    """What the package has is imported."""
    own = {
        node.name
        for cell in code_cells(name)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    assert not own & defined()


def test_a_changed_number_is_seen():
    old = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("loss", id="a")])
    old.cells[0].metadata["tags"] = ["checked"]
    output = nbformat.v4.new_output("stream", name="stdout", text="loss 0.512\n")
    old.cells[0].outputs = [output]
    new = nbformat.from_dict(json.loads(json.dumps(old)))
    assert changes(old, new) == []
    new.cells[0].outputs[0]["text"] = "loss 0.522\n"
    assert "was: 'loss 0.512" in changes(old, new)[0]
    new.cells[0].metadata["tags"] = old.cells[0].metadata["tags"] = []
    assert changes(old, new) == []


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_runs_and_prints_its_numbers(file: Path):
    found = changes(nbformat.read(file, as_version=4), execute(file))
    assert not found, "\n".join(["other numbers than are committed:", *found])
