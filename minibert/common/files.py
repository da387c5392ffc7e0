"""Writing files so that a reader never sees one half-written.

    with replacing(Path("vectors.npy")) as temporary:
        temporary.write_bytes(…)

The content goes to a temporary file beside the target. When the block ends well, that file takes
the target's name in one step. So at every moment the target is the old file or the new one; after
an error or a kill it is the old one.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary file to write; after the block it has the place of `target`.

    Its name is always the same, so what a killed process left is overwritten the next time.
    """
    temporary = temporary_name(target)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_in_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder for several files that belong together; after the block they are in
    `folder`.

    A folder that was not there appears whole. In one that was there each file is replaced whole,
    and other files stay.
    """
    temporary = temporary_name(folder)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if folder.exists():
            for file in sorted(temporary.rglob("*")):
                place = folder / file.relative_to(temporary)
                if file.is_dir():
                    place.mkdir(exist_ok=True)
                else:
                    os.replace(file, place)
        else:
            os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def temporary_name(target: Path) -> Path:
    """Hidden, beside the target (a rename works only inside one disk), with the same ending (some
    writers choose the format by it).
    """
    return target.with_name(f".tmp.{target.name}")
