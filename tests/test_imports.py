"""Who imports whom: arrows run one way, and the textbook imports only itself."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import minibert

ROOT = Path(__file__).parents[1]
FILES = [*(ROOT / "minibert").rglob("*.py"), ROOT / "weights_loader.py"]
ROOMS = {path.parent.name for path in (ROOT / "minibert").glob("*/__init__.py")}


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in FILES}


def imports_of(source: str) -> set[str]:
    """The project's modules that a source imports, other than for type checkers."""
    tree = ast.parse(source)
    hidden = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # `from minibert.cli import embed` is the module minibert.cli.embed.
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in full}
    return found & MODULES.keys()


GRAPH = {name: imports_of(file.read_text(encoding="utf-8")) for name, file in MODULES.items()}


def order(graph: dict[str, set[str]]) -> list[str]:
    return list(TopologicalSorter(graph).static_order())


def test_there_are_no_circles():
    assert len(order(GRAPH)) == len(MODULES) > 60
    circle = imports_of("def later():\n    from minibert.cli import embed\n")
    assert circle == {"minibert.cli.embed"}
    with pytest.raises(CycleError):
        order({**GRAPH, "minibert.extraction.engine": circle})


def room_of(module: str) -> str:
    """A folder of minibert/, or the textbook; weights_loader and the package's own name."""
    parts = module.split(".")
    if parts[-1] == "__main__":
        return "cli"
    return (
        parts[1] if len(parts) > 1 and parts[1] in ROOMS else ("textbook", parts[0])[len(parts) < 2]
    )


# A room -> the rooms that it may use. What is not named here may use everything.
MAY_USE = {
    "textbook": set(),
    "common": set(),
    "training": {"textbook", "common"},
    "inspection": {"textbook", "common", "translation"},
    "translation": {"textbook", "training"},
    "loading": {"textbook", "common", "translation"},
    "weights_loader": {"textbook", "common", "loading", "translation"},
    "extraction": {"textbook", "common", "compression", "weights_loader"},
    "proof": {"textbook", "inspection", "loading", "translation", "weights_loader"},
    "pretraining": {"textbook", "common", "training", "translation"},
    "compression": {"textbook", "inspection"},
    "finetuning": {
        "textbook",
        "common",
        "training",
        "pretraining",
        "translation",
        "extraction",
        "weights_loader",
    },
    "viewer": {"textbook", "inspection", "weights_loader"},
    "cli": {*ROOMS, "textbook", "weights_loader", "minibert"},
    "minibert": set(),
}


def test_arrows_run_one_way():
    assert MAY_USE.keys() == {room_of(name) for name in MODULES}
    for name, used in GRAPH.items():
        allowed = MAY_USE[room_of(name)] | {room_of(name)}
        wrong = {other for other in used if room_of(other) not in allowed}
        assert not wrong, f"{name} imports {wrong}"


def test_each_room_lists_its_files():
    for room in ROOMS - {"cli"}:
        folder = ROOT / "minibert" / room
        text = (folder / "__init__.py").read_text(encoding="utf-8")
        for file in folder.glob("*.py"):
            assert file.name == "__init__.py" or file.name in text, f"{room}: {file.name}"


def test_editors_and_python_see_the_same_public_names():
    tree = ast.parse((ROOT / "minibert" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname: node.module for node in block.body for alias in node.names}
    assert seen == minibert.PUBLIC
    for name in minibert.PUBLIC:
        assert getattr(minibert, name).__name__ == name
