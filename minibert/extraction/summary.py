"""Summaries of sentences taken from the text: the central ones, by their vectors.

    x_i       sentence i: the mean over its tokens and over the layers, at length 1
    MMR       next: the i with the largest  λ cos(x_i, c) − (1 − λ) max_j cos(x_i, x_j)
              c = Σ x_i, j the chosen ones: near the text's centre, and not said already
    LexRank   p_i = (1 − d) Σ_j p_j A_ji / Σ_k A_jk + d/n,   A_ij = max(0, cos(x_i, x_j))
              how often a walk comes to i that goes on from each sentence to a like one

Sources: Carbonell & Goldstein 1998, MMR; Erkan & Radev 2004, LexRank (continuous).
Differs: they compare sentences by common words (tf-idf), here vectors are compared.
"""

from typing import Any

import torch
from torch.nn.functional import normalize

from minibert.common.sentences import sentences_of
from minibert.extraction.embed import embed
from minibert.extraction.layers import RECIPES, Which

BALANCE = 0.7  # λ
MOST = 10_000  # sentences for LexRank, whose A then takes 800 MB


def summarize(
    text: str,
    sentences: int = 3,
    *,
    method: str = "mmr",
    balance: float | None = None,
    layers: Which = "all",
    **choices: Any,
) -> list[str]:
    """The sentences that say most of the text, in its order; all of them, if there are no more.

    `method`: "mmr" or "lexrank". `balance`: λ of MMR, from 0, nothing twice, to 1, only near to the
    centre (0.7). `layers`: whose mean is taken. The others: embed's model, tokenizer, device …
    """
    if type(sentences) is not int or sentences < 1:
        raise ValueError(f"sentences must be a whole number from 1, not {sentences!r}")
    if method not in ("mmr", "lexrank"):
        raise ValueError(f"method must be 'mmr' or 'lexrank', not {method!r}")
    if balance is not None and (method != "mmr" or not 0 <= balance <= 1):
        raise ValueError(f"balance is from 0 to 1 and of mmr; not {balance!r} of {method}")
    found = sentences_of(text)
    if len(found) <= sentences:
        return found
    mix = None if isinstance(layers, str) and layers in RECIPES else "mean"
    vectors = embed(found, layers=layers, mix=mix, long="truncate", **choices)
    if method == "mmr":
        chosen = mmr(vectors, sentences, BALANCE if balance is None else balance)
    else:
        chosen = centrality(vectors).argsort(descending=True, stable=True)[:sentences].tolist()
    return [found[i] for i in sorted(chosen)]


def mmr(vectors: Any, count: int, balance: float = BALANCE) -> list[int]:
    """The numbers of `count` rows [n, D], as they are chosen."""
    units = normalize(vectors.double())
    to_centre = units @ normalize(units.sum(dim=0), dim=0)
    said = torch.full_like(to_centre, -1.0)
    chosen: list[int] = []
    for _ in range(min(count, len(units))):
        gain = balance * to_centre - (1 - balance) * said
        gain[chosen] = -torch.inf
        chosen.append(int(gain.argmax()))
        said = said.maximum(units @ units[chosen[-1]])
    return chosen


def centrality(vectors: Any, jump: float = 0.15) -> torch.Tensor:
    """LexRank's p, with d = `jump`: [n, D] -> [n], which sum to 1."""
    if (n := len(vectors)) > MOST:
        raise ValueError(f"lexrank compares {n} sentences each with each: too many; mmr takes them")
    units = normalize(vectors.double())
    alike = (units @ units.T).clamp(min=0)
    steps = alike / alike.sum(dim=1, keepdim=True)
    p = torch.full((n,), 1 / n, dtype=units.dtype)
    while True:  # each turn comes nearer to the limit by the factor 1 − d, at least
        before, p = p, (1 - jump) * p @ steps + jump / n
        if (p - before).abs().sum() < 1e-12:
            return p
