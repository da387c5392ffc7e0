"""Where a command may write: never over an input, nor over anything that minibert did not make.

    check_output(Path("v.npy"), [source], overwrite=False)    # a file: new, or a result of ours
    with own_folder(Path("run")):                             # a folder: new, empty, or ours
        …

A folder is ours if it holds the file `minibert.json`. A run holds that file locked, so a second run
in the same folder is refused.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

MARKER = "minibert.json"
TEXT = rb'"[^"\\]*(\\.[^"\\]*)*"'  # in JSON
# How a result of ours begins, by the ending of its name. In a line of answers two blanks stand
# between what was given and what was found, which no other program writes.
RESULTS = {
    ".npy": rb"\x93NUMPY.{4}\{'descr': '<f4', 'fortran_order': False, 'shape': \(\d+, \d",
    ".safetensors": rb'.{8}\{"vectors"',
    ".jsonl": rb'\{("(vector|tokens)": \[|"(text|question|query)": %b(, "pair": %b)?,  ")'
    % (TEXT, TEXT),
    ".json": rb'\{"made by": "minibert evaluate"',
    ".png": rb"\x89PNG.*minibert",
    ".html": rb"<!DOCTYPE html>\n<!-- made by minibert view -->",
}


def check_output(out: Path, inputs: Iterable[Path], *, overwrite: bool) -> None:
    """Raise ValueError unless the file `out` may be written: it is not there, it is empty, or it is
    a result of ours and `overwrite` says that it may go.
    """
    if not out.absolute().parent.is_dir():
        raise ValueError(f"{out}: there is no folder {out.parent}")
    if not (out.exists() or out.is_symlink()):
        return
    for file in inputs:
        if file.exists() and out.exists() and out.samefile(file):
            raise ValueError(f"{out} is the input {file}; give the output another name")
    if not is_result(out):
        raise ValueError(f"{out} is there already, and minibert did not write it; give a new name")
    if out.stat().st_size and not overwrite:
        raise ValueError(f"{out} is there already; --overwrite (overwrite=True) replaces it")


def is_result(file: Path) -> bool:
    """Is it an ordinary file that begins as our results do, or an empty one?"""
    if not file.is_file():
        return False
    with open(file, "rb") as stream:
        start = stream.read(1 << 20)
    return not start or re.match(RESULTS[file.suffix], start, re.DOTALL) is not None


@contextmanager
def own_folder(folder: Path, *, older: Iterable[str] = ()) -> Iterator[None]:
    """Hold `folder` for one run; it is made if it is not there, and goes if nothing is put into it.

    `older`: the files by which a folder is known that was made before there was a marker.
    """
    is_ours = (folder / MARKER).is_file() or (
        bool(older) and all((folder / name).is_file() for name in older)
    )
    is_empty = folder.is_dir() and not any(folder.iterdir())
    is_there = folder.exists() or folder.is_symlink()
    if is_there and not is_empty and not is_ours:
        raise ValueError(
            f"{folder} is there already, and minibert did not make it (it has no {MARKER}); "
            "give a new name"
        )
    folder.mkdir(parents=True, exist_ok=True)
    is_held = False
    try:
        with open(folder / MARKER, "a+", encoding="utf-8") as marker:
            lock(marker, folder)
            is_held = True
            if not marker.tell():
                marker.write('{"made by": "minibert"}\n')
                marker.flush()
            yield
    finally:
        with suppress(OSError):  # somebody may have deleted the folder
            if is_held and [file.name for file in folder.iterdir()] == [MARKER]:
                (folder / MARKER).unlink()
                # An empty folder of parts was left by a kill; any other may be the user's.
                if is_ours or not is_there or folder.suffix == ".parts":
                    folder.rmdir()


def lock(marker: IO[str], folder: Path) -> None:
    """Hold the open file until it is closed, or until this process ends in any way."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(marker.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise ValueError(f"another run writes in {folder} now; wait until it ends") from None
    except OSError:  # a disk without locks
        pass


def changes(then: dict[str, Any], now: dict[str, Any]) -> str:
    """What differs between the records of two runs, in words; "" if nothing does."""
    then, now = json.loads(json.dumps([then, now], default=str))
    names = [name for name in now if then.get(name) != now[name]]
    return ", ".join(f"{name} {then.get(name)!r}, not {now[name]!r}" for name in names)
