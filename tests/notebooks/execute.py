"""Run notebooks from top to bottom: python -m tests.notebooks.execute [--write] [01 02 zh/01 …]

Says where a checked cell prints something else than is committed, and with --write puts the new
outputs into the files. A cell is checked if it carries the tag "checked": its text must come out
the same, its numbers to one unit in their last printed digit.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import nbclient
import nbformat

FOLDER = Path(__file__).parents[2] / "notebooks"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def execute(file: Path) -> nbformat.NotebookNode:
    """A copy of the notebook with the outputs of this machine."""
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(file.parent)}},
    )
    client.execute()
    return notebook


def printed(cell: nbformat.NotebookNode) -> str:
    """All text that a cell put out."""
    text = []
    for output in cell.outputs:
        if output.output_type == "stream":
            text.append(output.text)
        elif "data" in output and "image/png" not in output.data:
            text.append(output.data.get("text/plain", ""))
    return "".join(text)


def unit(number: str) -> float:
    """One unit of the last digit: 0.01 for 3.14, 1e-5 for 2.71e-03."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def is_same(old: str, new: str) -> bool:
    """The same words, and the same numbers up to how their last digit is rounded.

    Example:
        >>> is_same("loss 0.51 [2, 9]", "loss 0.52 [2, 9]"), is_same("loss 0.51", "loss 0.53")
        (True, False)
        >>> is_same("layer 3", "layer 4"), is_same("0.5", "0.51")
        (False, False)
    """
    if NUMBER.sub("#", old) != NUMBER.sub("#", new):
        return False
    for a, b in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
        is_whole = "." not in a and "e" not in a
        # A whole number is a count, a shape or an id: exact.
        if unit(a) != unit(b) or abs(float(a) - float(b)) > (0 if is_whole else 1.001 * unit(a)):
            return False
    return True


def changes(old: nbformat.NotebookNode, new: nbformat.NotebookNode) -> list[str]:
    """A line or two for each checked cell that came out otherwise."""
    found = []
    for before, after in zip(old.cells, new.cells, strict=True):
        if "checked" in before.metadata.get("tags", []):
            was, now = printed(before), printed(after)
            if not is_same(was, now):
                found.append(f"{before.source.splitlines()[0]}\n  was: {was!r}\n  now: {now!r}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="beginnings: 01, zh/01, zh/; all without")
    parser.add_argument("--write", action="store_true", help="keep the new outputs")
    chosen = parser.parse_args()
    files = [*sorted(FOLDER.glob("[0-9]*.ipynb")), *sorted(FOLDER.glob("zh/[0-9]*.ipynb"))]
    if chosen.names:
        begins = tuple(chosen.names)
        files = [each for each in files if each.relative_to(FOLDER).as_posix().startswith(begins)]
    if not files:
        sys.exit(f"no notebook begins with {' or '.join(chosen.names)}")
    failed = False
    for file in files:
        begun = time.perf_counter()
        new = execute(file)
        found = changes(nbformat.read(file, as_version=4), new)
        print(f"{file.name}: {time.perf_counter() - begun:.0f} s", *found, sep="\n", flush=True)
        failed |= bool(found)
        if chosen.write:
            new.metadata = {
                "kernelspec": new.metadata.kernelspec,
                "language_info": {"name": "python"},
            }
            temporary = file.with_suffix(".tmp")
            nbformat.write(new, temporary)
            os.replace(temporary, file)
    sys.exit(failed and not chosen.write)


if __name__ == "__main__":
    main()
