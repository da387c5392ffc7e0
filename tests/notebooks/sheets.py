"""Printable sheets: python -m tests.notebooks.sheets FOLDER

Writes worksheet.html, all exercises with room for answers, and solutions.html, the exercises with
a model answer and its reason. Each notebook begins a new page. Open them in a browser and print.
"""

import argparse
import importlib
import inspect
import math
import re
import textwrap
from html import escape, unescape
from pathlib import Path
from typing import Any

import numpy
import torch

from notebooks.teaching.formulas import formula
from tests.notebooks.execute import FOLDER
from tests.notebooks.test_notebooks import NOTEBOOKS

STYLE = """
body { font: 11pt/1.45 sans-serif; max-width: 46em; margin: 2em auto; }
pre, code { font-family: monospace; font-size: 10pt; }
pre { background: #f3f3f3; padding: 0.5em; white-space: pre-wrap; }
section { break-before: page; } div { break-inside: avoid; margin-bottom: 1.2em; }
.room { height: 6em; border-bottom: 1px dotted #888; } .why { color: #444; }
"""


def reasons() -> dict[str, str]:
    """Number -> why the answer is right."""
    text = (FOLDER.parent / "tests/notebooks/answers/reasons.txt").read_text(encoding="utf-8")
    return dict(line.split(" ", 1) for line in text.splitlines())


def exercises(name: str) -> dict[str, tuple[str, str]]:
    """Number -> its text, and the code that stands below it (the beginning of a function)."""
    found, number, text = {}, "", ""
    for cell in NOTEBOOKS[name].cells:
        if cell.cell_type == "code":
            if number and number not in found:
                found[number] = text, cell.source.partition("\ncheck(")[0].strip()
            continue
        begin = re.search(r"^\*\*(\d\d\.\d)\*\* ", cell.source, re.MULTILINE)
        number = begin.group(1) if begin else ""
        text = cell.source[begin.end() :] if begin else ""
    return found


def html(text: str) -> str:
    """The Markdown of an exercise: paragraphs, lists, code, bold and italic letters, formulas."""
    text = escape(re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text), quote=False)
    for pattern, change in (
        (r"^- (.*(?:\n  .*)*)", r"<br>• \1"),
        (r"`([^`]+)`", r"<code>\1</code>"),
        (r"\*\*([^*]+)\*\*", r"<b>\1</b>"),
        (r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<i>\1</i>"),
        (r"\$([^$\n]+)\$", lambda match: formula(unescape(match[1]))),
    ):
        text = re.sub(pattern, change, text, flags=re.MULTILINE)
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))


def shown(answer: Any) -> str:
    """A model answer: the source of a function, or the value."""
    if inspect.isfunction(answer):
        return textwrap.dedent(inspect.getsource(answer)).strip()
    if isinstance(answer, torch.Tensor | numpy.ndarray) and math.prod(answer.shape) <= 16:
        return repr(answer.tolist())
    if isinstance(answer, torch.Tensor | numpy.ndarray):
        return f"{math.prod(answer.shape)} numbers of shape {list(answer.shape)}"
    return repr(answer)


def page(title: str, has_answers: bool) -> str:
    parts = [f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"]
    why = reasons()
    for name, notebook in NOTEBOOKS.items():
        heading = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        parts.append(f"<section><h1>{heading}</h1><p>{title}</p>")
        right = importlib.import_module(f"tests.notebooks.answers.a{name[:2]}").RIGHT
        for number, (text, code) in exercises(name).items():
            parts.append(f"<div><b>{number}</b> {html(text)}")
            if has_answers:
                parts.append(f"<pre>{escape(shown(right[number][0]))}</pre>")
                parts.append(f'<p class="why">{escape(why.get(number, ""))}</p></div>')
            else:
                start = f"<pre>{escape(code)}</pre>" if code.startswith(("def", "class")) else ""
                parts.append(f'{start}<p class="room"></p></div>')
        parts.append("</section>")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "worksheet.html").write_text(page("Exercises", False), encoding="utf-8")
    (folder / "solutions.html").write_text(page("Solutions", True), encoding="utf-8")


if __name__ == "__main__":
    main()
