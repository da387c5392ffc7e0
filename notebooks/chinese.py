"""Make the Chinese notebooks: python -m notebooks.chinese [--accept] [03 05-12 …]

zh/03_….ipynb is made from 03_….ipynb and from zh/text/03.md, which has an entry for each cell:

    <!-- 03-04 1a2b3c4d -->         a cell of prose: its Chinese text
    <!-- 03-10 5e6f7a8b -->         a cell of code: pieces of it, `English ⇒ Chinese`, one a line;
    who takes ⇒ 谁取走               comments and words in quotes may change, and nothing else
    <!-- after 03-10: markdown -->  a cell that only the Chinese notebook has; also `code`,
                                    `code checked`

The eight letters are a fingerprint of the English cell. Where it has changed since it was
translated, or has no entry, this stops and says so. `--accept` writes today's fingerprints of these
notebooks or cells: use it when their Chinese has been read beside the English.

Outputs stay where the code did. `python -m tests.notebooks.execute --write zh/03` makes new ones.
"""

import argparse
import ast
import copy
import hashlib
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from minibert.common.files import replacing

FOLDER = Path(__file__).parent
ENTRY = re.compile(r"^<!-- (.+?) -->\n", re.MULTILINE)
LINE_END = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef”’…])\n(?=[\u3001-\u9fff\uff00-\uffef“‘])")
FIRST = "import course  # 让笔记本找到上一级文件夹里的代码，并让它们用中文回答"


def fingerprint(cell: NotebookNode) -> str:
    return hashlib.sha256(cell.source.encode()).hexdigest()[:8]


def strings(tree: ast.AST) -> list[ast.Constant]:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [node for node in nodes if isinstance(node.value, str)]


def wants_chinese(cell: NotebookNode) -> bool:
    """Prose does, and code with a comment or with a text of more than one word."""
    if cell.cell_type == "markdown" or "#" in cell.source:
        return True
    return any(re.search("[a-z] +[a-z]", node.value) for node in strings(ast.parse(cell.source)))


def skeleton(code: str) -> str:
    """The code without its comments and with empty texts."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            node.values = [part for part in node.values if not isinstance(part, ast.Constant)]
    for node in strings(tree):
        node.value = ""
    return ast.dump(tree)


def translated(cell: NotebookNode, body: str) -> NotebookNode:
    new = copy.deepcopy(cell)
    if cell.cell_type == "markdown":
        new.source = prose(body)
        return new
    for line in body.splitlines():
        english, arrow, chinese = line.partition(" ⇒ ")
        if not arrow or english not in new.source:
            raise ValueError(f"{cell.id}: the cell has no {english!r}")
        new.source = new.source.replace(english, chinese)
    if skeleton(new.source) != skeleton(cell.source):
        raise ValueError(f"{cell.id}: more than comments and texts would change")
    return new


def prose(text: str) -> str:
    """Lines of a paragraph joined, since a line's end would be shown as a blank, and its links:
    they are written as in English, from notebooks/, and what stands in zh/, too, is meant there.
    """
    parts = re.split("(```.*?```)", text, flags=re.DOTALL)
    parts[::2] = [LINE_END.sub("", part) for part in parts[::2]]

    def moved(link: re.Match) -> str:
        target = link.group(1)
        is_here = target.endswith(".ipynb") or (FOLDER / "zh" / target).exists()
        return f"]({target}" if is_here else f"](../{target}"

    return re.sub(r"\]\((?!https?:|#)([^()\s#]+)", moved, "".join(parts))


def own(name: str, kind: str, source: str) -> NotebookNode:
    """A cell that only the Chinese notebook has."""
    if kind == "markdown":
        return nbformat.v4.new_markdown_cell(prose(source), id=name)
    return nbformat.v4.new_code_cell(source, id=name, metadata={"tags": kind.split()[1:]})


def make(english: NotebookNode, text: str, old: NotebookNode | None = None) -> NotebookNode:
    """The Chinese notebook, with the outputs that `old` has for the same code.

    A ValueError names the cells that want a translator.
    """
    _, *parts = ENTRY.split(text)
    entries = [(head, body.strip("\n")) for head, body in zip(parts[::2], parts[1::2], strict=True)]
    of_cell = {head.split()[0]: (head, body) for head, body in entries if head[:6] != "after "}
    cells, wanting = [], []
    for cell in english.cells:
        head, body = of_cell.pop(cell.id, ("", ""))
        if head == f"{cell.id} {fingerprint(cell)}":
            cells.append(translated(cell, body))
        elif head or wants_chinese(cell):
            wanting.append(f"{cell.id} ({'has changed' if head else 'no entry'})")
        else:
            cells.append(copy.deepcopy(cell))
        after = [(head, body) for head, body in entries if head.startswith(f"after {cell.id}: ")]
        for i, (head, body) in enumerate(after):
            cells.append(own(f"{cell.id}-zh{i}", head.partition(": ")[2], body))
    if wanting or of_cell:
        missing = [f"{name} (no such cell)" for name in of_cell]
        raise ValueError(f"to be translated: {', '.join(wanting + missing)}")
    where = [cell.cell_type for cell in cells].index("code")
    cells.insert(where, own(f"{english.cells[0].id[:2]}-zh", "code", FIRST))
    before = {(cell.id, cell.source): cell for cell in (old.cells if old else [])}
    for cell in cells:
        if cell.cell_type == "code":
            kept = before.get((cell.id, cell.source), {})
            cell.outputs = kept.get("outputs", [])
            cell.execution_count = kept.get("execution_count")
    new = copy.deepcopy(english)
    new.cells = cells
    return new


def accepted(english: NotebookNode, text: str, names: list[str]) -> str:
    """The text with today's fingerprints of these cells (or of all, by the notebook's number)."""
    for cell in english.cells:
        if cell.id in names or cell.id[:2] in names:
            head = f"<!-- {cell.id} {fingerprint(cell)} -->"
            text = re.sub(rf"^<!-- {cell.id} \S+ -->$", head, text, flags=re.MULTILINE)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--accept", action="store_true")
    chosen = parser.parse_args()
    if chosen.accept and not chosen.names:
        parser.error("--accept wants to know of which notebooks or cells")
    numbers = tuple(name[:2] for name in chosen.names) or ""
    files = [file for file in sorted(FOLDER.glob("[0-9]*.ipynb")) if file.name.startswith(numbers)]
    if not files:
        parser.error("no such notebook")
    failed = False
    for file in files:
        source, result = FOLDER / "zh" / "text" / f"{file.name[:2]}.md", FOLDER / "zh" / file.name
        try:
            english = nbformat.read(file, as_version=4)
            old = nbformat.read(result, as_version=4) if result.exists() else None
            text = source.read_text(encoding="utf-8")
            if chosen.accept:
                text = accepted(english, text, chosen.names)
                with replacing(source) as temporary:
                    temporary.write_text(text, encoding="utf-8", newline="\n")
            new = make(english, text, old)
            with replacing(result) as temporary:
                nbformat.write(new, temporary)
        except (ValueError, OSError) as error:
            print(f"{file.name}: {error}", file=sys.stderr)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
