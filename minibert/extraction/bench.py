"""What each dtype costs on this machine: time, memory, and how far its vectors are from float32.

Each dtype embeds the same texts for its share of the time, as `embed` does: from text to the mean
of the last layer. The lightest dtype comes first, because a process's peak memory never falls.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import torch
from tqdm import tqdm

from minibert.common.devices import choose_device, choose_precision
from minibert.common.lines import blocks
from minibert.extraction.embedder import Embedder, warn_of_unknown
from minibert.extraction.engine import Engine
from minibert.extraction.linear import has_int8, has_pairs
from minibert.extraction.reading import read_source
from weights_loader import load_bert

SENTENCES = (
    "He plays the flute.",
    "The train to the coast leaves at seven in the morning.",
    "Prices rose by three percent last year, mostly because energy became more expensive.",
    "Where is the nearest hospital?",
    "The parcel arrived two days late, and the box was damaged on one side.",
    "Most birds that live near the lake fly south in October and return in March.",
    "I would buy these shoes again.",
)
COUNTS = (1, 1, 2, 1, 3, 1, 1, 2, 5, 1, 1, 2, 1, 3, 1, 7)  # sentences of a text: most have one
TEXTS = [" ".join((SENTENCES * 2)[i : i + count]) for i in range(7) for count in COUNTS]


@dataclass(frozen=True)
class Measured:
    """One dtype. Memory in bytes; `cosines` with the vectors of float32, one for each text."""

    dtype: torch.dtype
    texts: float  # a second
    tokens: float  # a second
    weights: int  # what the engine holds
    peak: int | None  # of the process up to then, or of the GPU's memory; None: not known here
    cosines: torch.Tensor


def bench(
    model: str | Path | None = None, texts: Sequence[str] = TEXTS, *, seconds: float = 30.0
) -> list[Measured]:
    """Each dtype that makes sense on the GPU, or on the CPU where there is none; float32 first."""
    if not 0 < seconds < torch.inf:
        raise ValueError(f"seconds must be a number over 0, not {seconds!r}")
    if not texts:
        raise ValueError("there are no texts to embed")
    device = choose_device()
    dtypes = [torch.float32]
    if device.type == "cuda":
        dtypes.insert(0, torch.float16)
    elif has_int8(device) or has_pairs(device):
        dtypes.insert(0, torch.int8)
    if choose_precision("auto", device) == "bfloat16":
        dtypes.insert(-1, torch.bfloat16)
    with tqdm(total=seconds, bar_format="{desc} {percentage:3.0f}%|{bar}|", disable=None) as bar:
        found = [measure(model, texts, each, device, seconds / len(dtypes), bar) for each in dtypes]
    count = min(len(vectors) for _, vectors in found)
    exact, cosine = found[-1][1][:count].double(), torch.nn.functional.cosine_similarity
    return [Measured(*row, cosine(vectors[:count].double(), exact)) for row, vectors in found[::-1]]


def measure(
    name: str | Path | None,
    texts: Sequence[str],
    dtype: torch.dtype,
    device: torch.device,
    seconds: float,
    bar: tqdm,
) -> tuple[tuple[torch.dtype, float, float, int, int | None], torch.Tensor]:
    """One dtype: what Measured has before the cosines; and the vectors of the first texts."""
    bar.set_description(str(dtype).removeprefix("torch."))
    began, done = time.perf_counter(), bar.n
    model, tokenizer = load_bert(name, head="bert", device=device)
    embedder = Embedder(Engine(model, dtype=dtype, let_go=True), tokenizer, long="windows")
    # A large model on a small machine must finish two blocks in its share of the time.
    size = 32 if device.type == "cpu" else embedder.block_size
    vectors: list[torch.Tensor] = []
    times, lengths = [], []
    for block in embedder.embed_blocks(blocks(read_source(cycle(texts)), size), "raise"):
        times.append(time.perf_counter())
        bar.update(max(0.0, min(times[-1] - began, seconds) - (bar.n - done)))
        lengths.append(sum(len(content) + 2 for content in block.contents.values()))
        if isinstance(block.vectors, torch.Tensor) and len(vectors) * size < len(texts):
            vectors.append(block.vectors)
        if len(times) > 1 and times[-1] - began >= seconds:
            break
    warn_of_unknown(embedder.unknown_tokens, embedder.content_tokens)
    took = times[-1] - times[0]  # the first block warms up
    speed = size * (len(times) - 1) / took, sum(lengths[1:]) / took
    return (dtype, *speed, held(embedder.engine), peak_memory(device)), torch.cat(vectors)


def held(thing: object) -> int:
    """The bytes of all tensors in an engine and its parts."""
    if isinstance(thing, torch.Tensor):
        return thing.numel() * thing.element_size()
    is_ours = type(thing).__module__.startswith("minibert.extraction")
    parts = vars(thing).values() if is_ours else thing if isinstance(thing, list) else ()
    return sum(map(held, parts))


def peak_memory(device: torch.device) -> int | None:
    """Not getrusage: its maximum is inherited from the parent process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text() if status.exists() else "")
    return int(found[1]) * 1024 if found else None
