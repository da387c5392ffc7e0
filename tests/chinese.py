"""The catalogues of Chinese texts, the texts in the code, and what is left in English."""

import ast
import re
from pathlib import Path

from minibert.common.language import Template

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


def parsed(file: Path) -> ast.AST:
    return ast.parse(file.read_text(encoding="utf-8"))


def strings(tree: ast.AST) -> set[str]:
    """The texts in code, {} where one varies."""
    nodes = list(ast.walk(tree))
    joined = [node.values for node in nodes if isinstance(node, ast.JoinedStr)]
    parts = {id(value) for values in joined for value in values}
    alone = [[node] for node in nodes if isinstance(node, ast.Constant) and id(node) not in parts]
    return {
        "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values)
        for values in joined + alone
    }


def templates(file: Path) -> list[Template]:
    """The lines of a catalogue."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Template(line) for line in lines if line and not line.startswith("#")]


def core(text: str) -> str:
    """A text, or a template's English, without what varies at its ends."""
    return re.sub(r"^(\{\}| )+|(\{\}| )+$", "", text.replace("{…}", "{}"))
