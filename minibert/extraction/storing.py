"""Vectors of many texts to one file, block by block (parts.py says how).

.npy           sentences only: one array [texts, …]
.safetensors   "vectors" [rows, …]; for tokens and words also "counts" [texts], the rows of each
               text, and "tokens", UTF-8: a JSON list for each text, a line each
.jsonl         a line a text: {"vector": […]} or {"tokens": […], "vectors": [[…], …]}
"""

import io
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy
import torch
from safetensors import safe_open

from minibert.common.files import replacing
from minibert.extraction.embedder import SENTENCE_POOLS, Block, Embedder, warn_of_unknown
from minibert.extraction.engine import Engine
from minibert.extraction.parts import Work, as_tensor, in_parts, problems_of, save_part
from minibert.extraction.reading import read_source

KINDS = (".npy", ".safetensors", ".jsonl")


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
    lines = read_source(source, **reading)

    def finish(files: list[Path]) -> list[str]:
        problems = put_together(files, out, embedder.shape, is_ragged)
        warn_of_unknown(embedder.unknown_tokens, embedder.content_tokens)
        return problems

    work = Work(
        device=embedder.engine.device,
        block_size=embedder.block_size,
        settings={**embedder.settings(), **reading, "weights": fingerprint(embedder.engine)},
        choices=json.dumps([embedder.long, embedder.stride, on_error]),
        results=lambda blocks: embedder.embed_blocks(blocks, on_error),
        write=write_part,
        put_together=finish,
        tokens_done=lambda: embedder.tokens_done,
    )
    return in_parts(work, lines, source, out, overwrite=overwrite)


def fingerprint(engine: Engine) -> list[float]:
    """Output values that identify these weights, even under the same model name."""
    tokens = min(8, engine.config.max_position_embeddings)
    size = engine.config.vocab_size
    states, _ = engine.run([[*range(0, size, math.ceil(size / tokens))]])
    return [round(number, 4) for number in states[-1][0, :4].tolist()]


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
            "tokens": as_tensor(tokens.encode("utf-8")),
        }
    save_part(part, tensors, block.problems, choices if block.depends_on_choices else "")


def put_together(
    files: list[Path], out: Path, shape: tuple[int, ...], is_ragged: bool
) -> list[str]:
    """All parts to one file, a part at a time; returns their problems."""
    problems: list[str] = []
    names = ("vectors", "counts", "tokens") if is_ragged else ("vectors",)
    lengths = dict.fromkeys(names, 0)
    for file in files:
        with safe_open(file, framework="np") as part:
            problems += problems_of(part)
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
