"""The vectors nearest to a query by cosine: exact, among any number of them.

    cos(q, x) = q · x / (|q| |x|)

Vectors are read a block at a time, so memory does not grow with their number. In each block a
product in float32 leaves out all rows that cannot be among the k nearest, whatever its rounding
did; the others get their cosine in float64. So the result is float64's, at float32's speed.
"""

from pathlib import Path
from typing import Any

import numpy
import torch

Vectors = torch.Tensor | numpy.ndarray
BLOCK = 1 << 22  # numbers in a block: 16 MB
QUERIES = 128  # so many are multiplied with a block at a time


def search(
    queries: Vectors, vectors: Vectors | str | Path, k: int = 10
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k nearest of `vectors` [N, D], or of a .npy file's, to each of `queries` [Q, D]: their
    cosines, the largest first, and their numbers from 0, each [Q, k]; of equal ones the first comes
    first. For one query [D] each is [k]. Rows that are zero or not finite (NaN: a text that was
    skipped) are never found; where fewer than k others are there, so many are found.

    Example:
        >>> vectors = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
        >>> [found.tolist() for found in search(torch.tensor([0.0, 1.0]), vectors, 2)]
        [[1.0, 0.707106781187], [1, 2]]
    """
    if type(k) is not int or k < 1:
        raise ValueError(f"k must be a whole number from 1, not {k!r}")
    wanted = torch.as_tensor(queries).detach().cpu().double()
    if wanted.dim() == 1:
        scores, numbers = search(wanted[None], vectors, k)
        return scores[0], numbers[0]
    count, size = opened(vectors).shape
    if wanted.shape[1:] != (size,):
        raise ValueError(f"queries {list(wanted.shape)} do not fit vectors {[count, size]}")
    wanted, usable = at_length_1(wanted)
    if not usable.all():
        raise ValueError("a query is zero or not finite: it has no direction")
    k, step, found = min(k, count), max(1, BLOCK // size), 0
    scores = torch.full((len(wanted), k), -torch.inf, dtype=torch.float64)
    numbers = torch.zeros(len(wanted), k, dtype=torch.int64)
    # A cosine in float32 errs by (1.5 D + 8) · 2^-24 at most; so does that of the k-th row.
    rounding = 2 * (1.5 * size + 8) * 2.0**-24
    for start in range(0, count, step):
        block = read_block(vectors, start, start + step)
        units, usable = at_length_1(block)
        found += int(usable.sum())
        for first in range(0, len(wanted), QUERIES):
            rough = wanted[first : first + QUERIES].float() @ units.float().T
            rough[:, ~usable] = -torch.inf
            floor = scores[first : first + QUERIES, -1]
            if len(block) >= k:
                floor = floor.maximum(rough.topk(k).values[:, -1])
            near = (rough >= (floor - rounding)[:, None]) & usable
            for query in near.any(dim=1).nonzero()[:, 0].tolist():
                rows = near[query].nonzero()[:, 0]
                query += first
                chosen = block[rows].double()
                cosines = (chosen * wanted[query]).sum(dim=1) / chosen.norm(dim=1)
                # Those equal to 12 digits stay in order: what was found before comes first.
                joined = torch.cat([scores[query], cosines.round(decimals=12)])
                order = joined.argsort(descending=True, stable=True)[:k]
                scores[query] = joined[order]
                numbers[query] = torch.cat([numbers[query], rows + start])[order]
    return scores[:, :found], numbers[:, :found]


def at_length_1(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows divided by their lengths, and which of them can be."""
    lengths = rows.norm(dim=1).double()
    odd = ~((lengths > 1e-15) & (lengths < 1e15))  # float32 does not hold their squares; or NaN
    lengths[odd] = rows[odd].double().norm(dim=1)
    return rows / lengths.to(rows.dtype)[:, None], (lengths > 0) & lengths.isfinite()


def opened(vectors: Any) -> Any:
    """The tensor or array [texts, features]; a .npy file is mapped to memory."""
    if isinstance(vectors, str | Path):
        try:
            vectors = numpy.load(vectors, mmap_mode="r")
        except (ValueError, EOFError) as error:
            raise ValueError(f"{vectors} is not a .npy file, or cut short ({error})") from None
    shape = list(getattr(vectors, "shape", []))
    if not isinstance(vectors, Vectors) or len(shape) != 2 or not shape[1]:
        raise ValueError(
            f"vectors must be [texts, features], not {shape}; vectors[:, i] is layer i"
        )
    return vectors


def read_block(vectors: Any, start: int, end: int) -> torch.Tensor:
    """Some rows, in float32, or in float64 if they are that."""
    # A file is opened for each block: what a map has read leaves memory when the map is closed.
    rows = opened(vectors)[start:end]
    rows = rows.detach().cpu() if torch.is_tensor(rows) else torch.from_numpy(numpy.array(rows))
    return rows if rows.dtype == torch.float64 else rows.float()
