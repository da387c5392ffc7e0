"""The index: ledger.json and this folder's tests tell of the same things, in the same order."""

import ast
import json
import re
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
LEDGER = json.loads((HERE / "ledger.json").read_text(encoding="utf-8"))
ENTRIES = LEDGER["entries"]


def all_tests() -> list[ast.FunctionDef]:
    """Every test but those of this file, in the order in which pytest runs them."""
    files = sorted(file for file in HERE.glob("test_*.py") if file.name != Path(__file__).name)
    parsed = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    functions = [node for tree in parsed for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [function for function in functions if function.name.startswith("test_")]


def id_of(test: ast.FunctionDef) -> str:
    """The id in a test's name: F4 of test_F4_layer_norm."""
    found = re.match(r"test_([FX][0-9]+)_", test.name)
    assert found, f"{test.name} carries no id"
    return found[1]


def test_the_ledger_has_no_gaps():
    formulas = [f"F{i}" for i in range(1, 14)]
    errata = [f"X{i}" for i in range(1, 27)]
    assert [entry["id"] for entry in ENTRIES] == formulas + errata


def test_every_entry_has_its_test_and_every_test_its_entry():
    ids = [number for number, _ in groupby(all_tests(), key=id_of)]
    assert ids == [entry["id"] for entry in ENTRIES]


def test_the_ledger_leads_to_tests_and_modules():
    """From the article's section to the test that names it, and to the module that has it right."""
    entries = {entry["id"]: entry for entry in ENTRIES}
    for entry in ENTRIES:
        assert entry.keys() == {"id", "where", "says", "is_so", "module"}
        assert all(entry.values()), f"{entry['id']} has an empty field"
        assert (HERE.parents[1] / entry["module"]).is_file(), entry["module"]
        for place in entry["where"]:
            article, _, section = place.partition("§")
            assert article in LEDGER["articles"], place
            assert re.fullmatch(r"[1-9](\.[1-9])*", section), place
    for test in all_tests():
        # A docstring begins with the places, then tells what stands there.
        places, _, _ = ast.get_docstring(test).partition(":")
        assert places.split(", ") == entries[id_of(test)]["where"], test.name
