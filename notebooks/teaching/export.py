"""From a notebook to one HTML file that needs no other: its slides, or a handout."""

import base64
import mimetypes
import re
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from .formulas import formula

NOTEBOOKS = Path(__file__).parents[1]
ENDINGS = {"slides": ".slides.html", "handouts": ".html"}
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\(([^()\s]+)\)")
CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
# In Chinese a line's end within a paragraph is no blank.
WRAPPED = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff\uff00-\uffef])")
MATH = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$")
STYLE = {
    "CSSHTMLHeaderPreprocessor": {"style": "friendly"},
    "Highlight2HTML": {"extra_formatter_options": {"linespans": "line"}},  # slides.js cuts there
}


def slide_type(cell: NotebookNode) -> str | None:
    """By rule a slide begins at a heading and at an exercise; what prepares, and what waits for an
    answer, is on none. The page itself goes on to the next slide when one is full.
    """
    if cell.cell_type == "code":
        prepares = not cell.outputs and cell.source.startswith(("import ", "from "))
        is_answer = re.search(r"^check\(", cell.source, re.MULTILINE)
        return "skip" if prepares or is_answer else None
    if cell.source.startswith("#"):
        return "slide"
    return "subslide" if re.match(r"\*\*\d\d\.\d\*\*", cell.source) else None


def tagged(notebook: NotebookNode) -> NotebookNode:
    """The notebook with its slide types; those that are set by hand stay ("-" is none)."""
    for cell in notebook.cells:
        if kind := slide_type(cell):
            cell.metadata.setdefault("slideshow", {"slide_type": kind})
    return notebook


def prepared(text: str, folder: Path, ending: str) -> str:
    """Markdown with its pictures and formulas in it, and links only to what will be there."""

    def link(match: re.Match) -> str:
        is_picture, words, target = match.groups()
        if is_picture:
            data = base64.b64encode((folder / target).read_bytes()).decode()
            source = f"data:{mimetypes.guess_type(target)[0]};base64,{data}"
            return f'<img class="diagram" alt="{escape(words)}" src="{source}">'
        notebook = re.fullmatch(r"([^/]+)\.ipynb", target)
        if target.startswith("http") or not notebook:
            return match.group() if target.startswith("http") else words
        return f"[{words}]({notebook[1]}{ending})"

    def drawn(match: re.Match) -> str:
        shown, inline = match.groups()
        return f'<p class="formula">{formula(shown)}</p>' if shown else formula(inline)

    parts = CODE.split(LINK.sub(link, text))
    parts[::2] = [MATH.sub(drawn, WRAPPED.sub("", part)) for part in parts[::2]]
    return "".join(parts)


def export(file: Path, kind: str) -> str:
    from nbconvert import HTMLExporter, SlidesExporter
    from traitlets.config import Config

    notebook = tagged(nbformat.read(file, as_version=4))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = prepared(cell.source, file.parent, ENDINGS[kind])
    exporter = (SlidesExporter if kind == "slides" else HTMLExporter)(
        config=Config(STYLE),
        template_name="course",
        extra_template_basedirs=[str(Path(__file__).parent)],
        exclude_anchor_links=True,
        language_code="zh" if file.parent.name == "zh" else "en",
    )
    return exporter.from_notebook_node(notebook, {"metadata": {"name": file.stem}})[0]
