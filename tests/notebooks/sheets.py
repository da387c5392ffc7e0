"""Printable sheets: python -m tests.notebooks.sheets FOLDER [--lang zh]

Writes worksheet.html, all exercises with room for answers, and solutions.html, the exercises with
a model answer and its reason. Each notebook begins a new page. Open them in a browser and print.
`--lang zh` takes the Chinese notebooks and reasons.
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
from tests.notebooks.test_chinese import CHINESE
from tests.notebooks.test_notebooks import NOTEBOOKS

BOOKS = {"en": NOTEBOOKS, "zh": CHINESE}
TITLES = {"en": ("Exercises", "Solutions"), "zh": ("习题", "参考答案")}
SHAPE = {"en": "{} numbers of shape {}", "zh": "{} 个数，形状 {}"}

STYLE = """
body { font: 11pt/1.45 sans-serif; max-width: 46em; margin: 2em auto; }
pre, code { font-family: monospace; font-size: 10pt; }
pre { background: #f3f3f3; padding: 0.5em; white-space: pre-wrap; }
section { break-before: page; } div { break-inside: avoid; margin-bottom: 1.2em; }
.room { height: 6em; border-bottom: 1px dotted #888; } .why { color: #444; }
:lang(zh) body { font-family: "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
"""


def reasons(lang: str) -> dict[str, str]:
    """Number -> why the answer is right."""
    file = "reasons.zh.txt" if lang == "zh" else "reasons.txt"
    text = (FOLDER.parent / "tests/notebooks/answers" / file).read_text(encoding="utf-8")
    return dict(line.split(" ", 1) for line in text.splitlines())


def exercises(name: str, lang: str) -> dict[str, tuple[str, str]]:
    """Number -> its text, and the code that stands below it (the beginning of a function)."""
    found, number, text = {}, "", ""
    for cell in BOOKS[lang][name].cells:
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
        # ASCII: in Chinese, a letter may stand beside the star of an italic word.
        text = re.sub(pattern, change, text, flags=re.MULTILINE | re.ASCII)
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))


def shown(answer: Any, lang: str) -> str:
    """A model answer: the source of a function, or the value."""
    if inspect.isfunction(answer):
        return textwrap.dedent(inspect.getsource(answer)).strip()
    if isinstance(answer, torch.Tensor | numpy.ndarray) and math.prod(answer.shape) <= 16:
        return repr(answer.tolist())
    if isinstance(answer, torch.Tensor | numpy.ndarray):
        return SHAPE[lang].format(math.prod(answer.shape), list(answer.shape))
    return repr(answer)


def page(lang: str, has_answers: bool) -> str:
    title, why = TITLES[lang][has_answers], reasons(lang)
    parts = [
        f'<!doctype html><html lang="{lang}"><meta charset=utf-8>'
        f"<title>{title}</title><style>{STYLE}</style>"
    ]
    for name, notebook in BOOKS[lang].items():
        heading = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        parts.append(f"<section><h1>{heading}</h1><p>{title}</p>")
        right = importlib.import_module(f"tests.notebooks.answers.a{name[:2]}").RIGHT
        for number, (text, code) in exercises(name, lang).items():
            parts.append(f"<div><b>{number}</b> {html(text)}")
            if has_answers:
                parts.append(f"<pre>{escape(shown(right[number][0], lang))}</pre>")
                parts.append(f'<p class="why">{escape(why.get(number, ""))}</p></div>')
            else:
                start = f"<pre>{escape(code)}</pre>" if code.startswith(("def", "class")) else ""
                parts.append(f'{start}<p class="room"></p></div>')
        parts.append("</section>")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    for name, has_answers in (("worksheet.html", False), ("solutions.html", True)):
        (chosen.folder / name).write_text(page(chosen.lang, has_answers), encoding="utf-8")


if __name__ == "__main__":
    main()
