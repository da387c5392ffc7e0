"""What a reader of Chinese would find left in English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
JUDGES = ROOT / "notebooks" / "zh" / "judges.txt"


def english_left(text: str) -> list[str]:
    """The pieces of a text that are English prose: two or more small words, of two or more letters.

    Names and numbers may stay, and so may what is quoted.

    Example:
        >>> english_left("形状对了, and the scores are not. 'is it'，padding_mask 也是。")
        ['and the scores are not']
    """
    text = re.sub(r"""(["'`]).*?\1""", "", text)
    return re.findall(r"(?<![\w'])[a-z][a-z'-]+(?: [a-z'-]{2,})+(?!\w)", text, re.ASCII)


def strings(file: Path) -> Iterator[tuple[ast.AST, str]]:
    """The texts in a file of code, {} where one varies."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    joined = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    for node in joined:
        texts = [str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values]
        yield node, "".join(texts)
    parts = {id(value) for node in joined for value in node.values}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node, node.value
