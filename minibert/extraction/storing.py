"""Vectors of many texts to one file, safely.

Each block of texts is written to a file of its own in FILE.parts, whole or not at all. When all are
there, they are put together in order to FILE. So a run that was stopped, even by kill -9, goes on
where it was when the same command is given again, and FILE has the same bytes in the end; and
several processes (torchrun) can share the blocks.

    .npy           sentences only: one array [texts, …]
    .safetensors   "vectors" [rows, …]; for tokens and words also "counts" [texts], the rows of each
                   text, and "tokens", UTF-8: a JSON list for each text, a line each
    .jsonl         a line a text: {"vector": […]} or {"tokens": […], "vectors": [[…], …]}
"""

import io
import json
import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tqdm import tqdm

from minibert.common.files import replacing
from minibert.common.lines import Line, blocks, count_lines, describe
from minibert.common.outputs import changes, check_output, own_folder
from minibert.common.processes import Processes
from minibert.extraction.embedder import SENTENCE_POOLS, Block, Embedder, warn_of_unknown
from minibert.extraction.engine import Engine
from minibert.extraction.reading import read_source
from minibert.vocabulary import read_json

KINDS = (".npy", ".safetensors", ".jsonl")
PARTS = "[0-9]" * 8 + ".safetensors"
RECORD = "settings.json"  # in the folder of parts: what they were made of


def store(
    embedder: Embedder,
    source: Iterable[str] | Path,
    out: Path,
    *,
    reading: dict[str, Any],
    on_error: str,
    overwrite: bool,
) -> list[str]:
    """Embed all texts of `source` into the file `out`; returns what was wrong with which line.
    `reading`: where a file has its texts, as the arguments of read_source.
    """
    is_ragged = embedder.pool not in SENTENCE_POOLS
    if out.suffix not in KINDS:
        raise ValueError(f"{out}: the name must end in one of {', '.join(KINDS)}")
    if is_ragged and out.suffix == ".npy":
        raise ValueError(f"{out}: vectors of {embedder.pool} make no array; use .safetensors")
    inputs = [source] if isinstance(source, Path) else []
    lines = read_source(source, **reading)
    processes = Processes(embedder.engine.device)
    parts = out.with_name(out.name + ".parts")
    record = {
        **embedder.settings(),
        **reading,
        "input": describe(source) if isinstance(source, Path) else "texts in memory",
        "texts in a part": embedder.block_size,
        "weights": fingerprint(embedder.engine),
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
            numbered = enumerate(blocks(lines, embedder.block_size))
            files = make_parts(embedder, numbered, parts, on_error, processes, bar)
        processes.wait()
        problems: list[str] = []
        if processes.is_first:
            check_output(out, inputs, overwrite=overwrite)  # somebody may have made it meanwhile
            problems = put_together(files, out, embedder.shape, is_ragged)
            remove_parts(parts)
            warn_of_unknown(embedder.unknown_tokens, embedder.content_tokens)
    processes.wait()
    return problems


def fingerprint(engine: Engine) -> list[float]:
    """Output values that identify these weights, even under the same model name."""
    tokens = min(8, engine.config.max_position_embeddings)
    size = engine.config.vocab_size
    states, _ = engine.run([[*range(0, size, math.ceil(size / tokens))]])
    return [round(number, 4) for number in states[-1][0, :4].tolist()]


def make_parts(
    embedder: Embedder,
    numbered: Iterable[tuple[int, list[Line]]],
    parts: Path,
    on_error: str,
    processes: Processes,
    bar: tqdm,
) -> list[Path]:
    """Write this process's share of the parts, but for those that are there; returns all names."""
    files: list[Path] = []
    awaited: deque[tuple[Path, int]] = deque()  # the file of a block under way, and its texts
    choices = json.dumps([embedder.long, embedder.stride, on_error])

    def missing() -> Iterator[list[Line]]:
        for number, block in numbered:
            files.append(parts / f"{number:08}.safetensors")
            is_mine = number % processes.world == processes.rank
            if is_mine and not is_usable(files[-1], choices):
                awaited.append((files[-1], len(block)))
                yield block
            else:
                bar.update(len(block))

    began = time.perf_counter()
    for block in embedder.embed_blocks(missing(), on_error):
        file, texts = awaited.popleft()
        write_part(file, block, choices)
        bar.update(texts)
        speed = embedder.tokens_done / (time.perf_counter() - began)
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
    """Remove our own files from the folder of parts, by the names that we give them."""
    for file in parts.iterdir():
        if file.name == RECORD or fnmatch(file.name.removeprefix(".tmp."), PARTS):
            file.unlink()


def write_part(part: Path, block: Block, choices: str) -> None:
    """One block's vectors."""
    vectors = block.vectors
    if isinstance(vectors, torch.Tensor):
        tensors = {"vectors": vectors}
    else:
        tokens = "".join(json.dumps(one.tokens, ensure_ascii=False) + "\n" for one in vectors)
        tensors = {
            "vectors": torch.cat([one.vectors for one in vectors]),
            "counts": torch.tensor([len(one.vectors) for one in vectors]),
            "tokens": torch.frombuffer(bytearray(tokens.encode("utf-8")), dtype=torch.uint8),
        }
    about = {
        "problems": json.dumps(block.problems),
        "choices": choices if block.depends_on_choices else "",
    }
    try:
        with replacing(part) as temporary:
            save_file(tensors, temporary, metadata=about)
    except (OSError, SafetensorError) as error:
        raise OSError(
            f"{part} could not be written ({error}); the parts before it are kept, and the same "
            "command goes on with them"
        ) from None


def put_together(
    files: list[Path], out: Path, shape: tuple[int, ...], is_ragged: bool
) -> list[str]:
    """All parts to one file, a part at a time; returns their problems."""
    problems: list[str] = []
    names = ("vectors", "counts", "tokens") if is_ragged else ("vectors",)
    lengths = dict.fromkeys(names, 0)
    for file in files:
        with safe_open(file, framework="np") as part:
            problems += json.loads(part.metadata()["problems"])
            for name in names:
                lengths[name] += part.get_slice(name).get_shape()[0]
    with replacing(out) as temporary, open(temporary, "wb") as stream:
        if out.suffix == ".jsonl":
            for line in json_lines(files, is_ragged):
                stream.write(line)
        else:
            shapes = {name: [length] for name, length in lengths.items()}
            shapes["vectors"] += shape
            stream.write(header(out.suffix, shapes))
            for name in names:
                for file in files:
                    with safe_open(file, framework="np") as part:
                        stream.write(numpy.ascontiguousarray(part.get_tensor(name)).data)
    return problems


def header(kind: str, shapes: dict[str, list[int]]) -> bytes:
    """The beginning of a .npy or a .safetensors file, before the numbers."""
    if kind == ".npy":
        described = {"descr": "<f4", "fortran_order": False, "shape": tuple(shapes["vectors"])}
        stream = io.BytesIO()
        numpy.lib.format.write_array_header_1_0(stream, described)
        return stream.getvalue()
    # safetensors: eight bytes of length, then JSON.
    types = {"vectors": ("F32", 4), "counts": ("I64", 8), "tokens": ("U8", 1)}
    content: dict[str, Any] = {}
    start = 0
    for name, shape in shapes.items():
        kind, size = types[name]
        end = start + size * math.prod(shape)
        content[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(content).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def json_lines(files: list[Path], is_ragged: bool) -> Iterator[bytes]:
    """A JSON object for each text."""
    for file in files:
        with safe_open(file, framework="np") as part:
            vectors = part.get_tensor("vectors")
            if not is_ragged:
                for vector in vectors:
                    yield json_line({"vector": vector.tolist()})
                continue
            ends = part.get_tensor("counts").cumsum()
            tokens = part.get_tensor("tokens").tobytes().decode("utf-8").split("\n")
            for end, start, line in zip(ends, [0, *ends], tokens, strict=False):
                yield json_line(
                    {"tokens": json.loads(line), "vectors": vectors[start:end].tolist()}
                )


def json_line(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8")
