"""Results of many texts to one file, safely: vectors (storing.py), predictions.

Each block of texts is written to a file of its own in FILE.parts, whole or not at all. When all are
there, they are put together in order to FILE. So a run that was stopped, even by kill -9, goes on
where it was when the same command is given again, and FILE has the same bytes in the end; and
several processes (torchrun) can share the blocks.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tqdm import tqdm

from minibert.common.files import replacing
from minibert.common.lines import blocks, count_lines, describe
from minibert.common.outputs import changes, check_output, own_folder
from minibert.common.processes import Processes
from minibert.vocabulary import read_json

PARTS = "[0-9]" * 8 + ".safetensors"
RECORD = "settings.json"  # in the folder of parts: what they were made of
UNFINISHED = (f".tmp.{PARTS}", ".tmp??????")  # left by a kill; safetensors uses the second


@dataclass(frozen=True)
class Work:
    """What is done with blocks of texts, and how the results are kept."""

    device: torch.device
    block_size: int
    settings: dict[str, Any]  # all that decides about the results, as JSON can hold it
    choices: str  # decides only about wrong texts and texts over the limit
    results: Callable[[Iterator[list[Any]]], Iterator[Any]]  # of blocks, in order
    write: Callable[[Path, Any, str], None]  # a result to a part, with the choices
    put_together: Callable[[list[Path]], list[str]]  # the parts to `out`; what was wrong
    tokens_done: Callable[[], int]


def in_parts(
    work: Work, texts: Iterable[Any], source: Iterable[Any] | Path, out: Path, *, overwrite: bool
) -> list[str]:
    """Do the work on all texts of `source`; returns what was wrong with which line."""
    inputs = [source] if isinstance(source, Path) else []
    processes = Processes(work.device)
    parts = out.with_name(out.name + ".parts")
    record = {
        **work.settings,
        "input": describe(source) if isinstance(source, Path) else "texts in memory",
        "texts in a part": work.block_size,
    }
    with ExitStack() as held:
        if processes.is_first:
            overwrite |= any(parts.glob(PARTS))  # `out` was checked when that run began
            check_output(out, inputs, overwrite=overwrite)
            held.enter_context(own_folder(parts))
            prepare(parts, record, keep=bool(inputs))
        processes.wait()
        total = count_lines(source) if isinstance(source, Path) else None
        hidden = None if processes.is_first else True  # None: hidden where there is no terminal
        with tqdm(total=total, unit=" texts", disable=hidden) as bar:
            numbered = enumerate(blocks(texts, work.block_size))
            files = make_parts(work, numbered, parts, processes, bar)
        processes.wait()
        problems: list[str] = []
        if processes.is_first:
            check_output(out, inputs, overwrite=overwrite)  # somebody may have made it meanwhile
            problems = work.put_together(files)
            remove_parts(parts)
    processes.wait()
    return problems


def make_parts(
    work: Work,
    numbered: Iterable[tuple[int, list[Any]]],
    parts: Path,
    processes: Processes,
    bar: tqdm,
) -> list[Path]:
    """Write this process's share of the parts, except those that are there; returns all names."""
    files: list[Path] = []
    awaited: deque[tuple[Path, int]] = deque()  # the file of a block under way, and its texts

    def missing() -> Iterator[list[Any]]:
        for number, block in numbered:
            files.append(parts / f"{number:08}.safetensors")
            is_mine = number % processes.world == processes.rank
            if is_mine and not is_usable(files[-1], work.choices):
                awaited.append((files[-1], len(block)))
                yield block
            else:
                bar.update(len(block))

    began = time.perf_counter()
    for result in work.results(missing()):
        file, texts = awaited.popleft()
        work.write(file, result, work.choices)
        bar.update(texts)
        speed = work.tokens_done() / (time.perf_counter() - began)
        bar.set_postfix_str(f"{speed:,.0f} tokens/s")
    return files


def is_usable(part: Path, choices: str) -> bool:
    """Is the part there, readable (a power failure can leave one that is not), and as these choices
    would make it? They decide only about wrong texts and texts over the limit.
    """
    try:
        with safe_open(part, framework="np") as file:
            return file.metadata()["choices"] in ("", choices)
    except (FileNotFoundError, SafetensorError):
        return False


def prepare(parts: Path, record: dict[str, Any], *, keep: bool) -> None:
    """Parts that are there must be of this run; without `keep` they are then removed."""
    note = parts / RECORD
    if note.is_file():
        changed = changes(read_json(note), record)
        if changed and any(parts.glob(PARTS)):
            raise ValueError(
                f"{parts} holds parts of a run with {changed}: give the same, or delete the folder"
            )
        if not keep:
            remove_parts(parts)
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(record, indent=2, default=str), encoding="utf-8")


def remove_parts(parts: Path) -> None:
    """Remove our own files from the folder of parts, by the names that we or safetensors give."""
    for file in parts.iterdir():
        if any(fnmatch(file.name, name) for name in (RECORD, PARTS, *UNFINISHED)):
            file.unlink()


def save_part(
    part: Path, tensors: dict[str, torch.Tensor], problems: list[str], choices: str
) -> None:
    """One block's results. `choices`: "" if they decided nothing in this block."""
    about = {"problems": json.dumps(problems), "choices": choices}
    try:
        with replacing(part) as temporary:
            save_file(tensors, temporary, metadata=about)
    except (OSError, SafetensorError) as error:
        raise OSError(
            f"{part} could not be written ({error}); the parts before it are kept, and the same "
            "command goes on with them"
        ) from None


def problems_of(part: safe_open) -> list[str]:
    """What was wrong in the texts of an open part."""
    return json.loads(part.metadata()["problems"])


def as_tensor(content: bytes) -> torch.Tensor:
    """Bytes as a part can hold them."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)
