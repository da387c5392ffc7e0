"""The README's numbers and outputs are those of today's code."""

import re
from pathlib import Path

from minibert.cli import main
from tests.mutations import MUTATIONS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_output_of_the_main_command(capsys):
    (block,) = (block for block in blocks("console") if "minibert embed" in block)
    command, expected = block.split("\n", 1)
    assert command == '$ pip install . && minibert embed "The cat sat on the mat."'
    assert main(["embed", "The cat sat on the mat."]) == 0
    assert capsys.readouterr().out == expected


def test_output_of_the_python_examples(capsys):
    program, expected = blocks("python")[0], blocks("text")[1]
    names = {}
    exec(program, names)
    assert capsys.readouterr().out == expected
    exec(blocks("python")[1], names)
    assert capsys.readouterr().out == "torch.Size([2, 4, 9, 9])\ntorch.Size([2, 5, 256])\n"


def test_the_reading_order_has_every_file_of_the_textbook_and_every_room():
    named = set(re.findall(r"`(minibert/[\w/]+(?:\.py)?/?)`", README))
    files = {f"minibert/{file.name}" for file in (ROOT / "minibert").glob("*.py")}
    assert files - named == {"minibert/__main__.py"}
    for room in (ROOT / "minibert").glob("*/__init__.py"):
        assert f"{room.parent.name}/`" in README, room.parent.name


def test_it_is_short():
    assert README.count("\n") <= 160


def test_number_of_mutations():
    assert len(MUTATIONS) > 300
    assert "More than 300 mutations" in README
