"""Many texts to vectors: in memory, or to a file.

    vectors = embed(["A man plays.", "A cat sat."], layers="all")     # [2, L+1, D]
    for text in embed(texts, pool="tokens"):
        text.tokens, text.vectors                                     # S pieces, [S, D]
    embed_file("texts.txt", "vectors.npy", layers="all")              # however many they are

embedder.py does the work, storing.py writes the file.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import torch
from torch import nn

from minibert.common.devices import choose_device
from minibert.common.lines import blocks
from minibert.extraction.embedder import Embedded, Embedder, warn_of_unknown
from minibert.extraction.engine import Engine
from minibert.extraction.layers import WeightedSum, Which
from minibert.extraction.reading import read_source
from minibert.extraction.storing import store
from minibert.model import refuse
from minibert.tokenizer import BertTokenizer

# What other libraries call it -> what to write here.
OTHER_NAMES = {
    "batch_size": "leave it out: batches are made by their number of tokens",
    "convert_to_numpy": "leave it out: embed(…).numpy() is an array",
    "convert_to_tensor": "leave it out: the result is a tensor",
    "max_length": "long='truncate' or long='windows' takes texts over the limit",
    "normalize_embeddings": "normalize=True",
    "out": "embed_file(texts, out) writes a file",
    "output_hidden_states": "layers='all'",
    "output_value": "pool='tokens' gives a vector for each token",
    "precision": "dtype=torch.bfloat16 or torch.int8",
    "sentences": "give the texts first, without a name",
    "show_progress_bar": "embed_file shows one",
    "truncation": "long='truncate'",
}


def embed(
    texts: str | Iterable[str] | Path,
    *,
    model: str | Path | nn.Module | Engine | None = None,
    tokenizer: BertTokenizer | None = None,
    device: str | torch.device | None = None,
    layers: Which = -1,
    convention: str = "transformers",
    mix: str | WeightedSum | None = None,
    pool: str = "mean",
    normalize: bool = False,
    dtype: torch.dtype | None = None,
    long: str = "error",
    stride: int | None = None,
    field: str | None = None,
    column: int | str | None = None,
    header: bool = False,
    on_error: str = "raise",
    **other: NoReturn,
) -> torch.Tensor | Embedded | list[Embedded]:
    """The vectors of texts: a tensor [texts, …], or for tokens and words a list of Embedded. One
    text by itself (a str) gives its own, without the first axis. A Path is a file of texts.

    - `model`: a name or folder, as for load_bert; or a model with its `tokenizer`; or, for many
      calls, an Engine made of one. `device`: where to load it; None is the GPU, if there is one.
    - `layers`: names or numbers (see select_layers), or one of RECIPES; `convention`: whose.
    - `mix`: several layers to one vector: "concat", "sum", "mean", or a trained WeightedSum.
    - `pool`: a vector for each text ("mean", "cls", "max", "mean_sqrt"), for each token ("tokens"),
      or for each word ("word-mean", "word-first", "word-last", "word-first_last", "word-max").
    - `normalize`: each vector has length 1. `dtype`: what to compute in, torch.float32,
      bfloat16, int8 …; the result is float32.
    - `long`: for texts over the model's limit: "error", "truncate", or "windows", which overlap by
      `stride` tokens (default: 128, or half the limit if that is less).
    - `field` of a .jsonl file, `column` of a .csv or .tsv file: where the text is. A column is a
      number from 0, or a name in the first row; `header`: leave the first row out.
    - `on_error`: "raise", or "skip", which makes the vector of a wrong text NaN.
    """
    refuse("embed", other, OTHER_NAMES)
    check_on_error(on_error)
    embedder = Embedder(
        *open_engine(model, tokenizer, device, dtype),
        layers=layers,
        convention=convention,
        mix=mix,
        pool=pool,
        normalize=normalize,
        long=long,
        stride=stride,
    )
    source = [texts] if isinstance(texts, str) else texts
    lines = read_source(source, field=field, column=column, header=header)
    found = embedder.embed_blocks(blocks(lines, embedder.block_size), on_error)
    vectors = embedder.joined(block.vectors for block in found)
    warn_of_unknown(embedder.unknown_tokens, embedder.content_tokens)
    return vectors[0] if isinstance(texts, str) else vectors


def embed_file(
    source: str | Path | Iterable[str],
    out: str | Path,
    *,
    model: str | Path | nn.Module | Engine | None = None,
    tokenizer: BertTokenizer | None = None,
    device: str | torch.device | None = None,
    layers: Which = -1,
    convention: str = "transformers",
    mix: str | WeightedSum | None = None,
    pool: str = "mean",
    normalize: bool = False,
    dtype: torch.dtype | None = None,
    long: str = "error",
    stride: int | None = None,
    field: str | None = None,
    column: int | str | None = None,
    header: bool = False,
    on_error: str = "raise",
    overwrite: bool = False,
    **other: NoReturn,
) -> list[str]:
    """The vectors of a file of texts, written to the file `out` (.npy, .safetensors or .jsonl, see
    storing.py). Returns what was wrong with which line, for on_error="skip".

    A run that was stopped goes on where it was when the same call is made again, here or by
    `minibert embed`; torchrun shares it among processes. `source` may also be a list or an iterator
    of texts, but such a run always begins anew. `overwrite`: a finished result that is there may be
    replaced; nothing else ever is. The other arguments are those of embed.
    """
    refuse("embed_file", other, OTHER_NAMES)
    check_on_error(on_error)
    if not isinstance(out, str | Path):
        raise ValueError(f"out must be the path of a file, not {type(out).__name__}")
    embedder = Embedder(
        *open_engine(model, tokenizer, device, dtype),
        layers=layers,
        convention=convention,
        mix=mix,
        pool=pool,
        normalize=normalize,
        long=long,
        stride=stride,
    )
    reading = {"field": field, "column": column, "header": header}
    source = Path(source) if isinstance(source, str) else source
    return store(
        embedder, source, Path(out), reading=reading, on_error=on_error, overwrite=overwrite
    )


def open_engine(
    model: str | Path | nn.Module | Engine | None,
    tokenizer: BertTokenizer | None,
    device: str | torch.device | None,
    dtype: torch.dtype | None,
) -> tuple[Engine, BertTokenizer]:
    """The engine and the tokenizer of a model, which is loaded if it has only a name."""
    if isinstance(model, Engine | nn.Module):
        if tokenizer is None:
            raise ValueError("a model of your own needs its tokenizer, and only it")
        if device is not None:
            raise ValueError("a model of your own computes where it is; give no device")
        if isinstance(model, nn.Module):
            return Engine(model, dtype=dtype), tokenizer
        if dtype not in (None, model.dtype):
            raise ValueError(f"this Engine computes in {model.dtype}; make one of dtype={dtype}")
        return model, tokenizer
    if tokenizer is not None:
        raise ValueError("a model of your own needs its tokenizer, and only it")
    from weights_loader import load_bert

    loaded, tokenizer = load_bert(model, head="bert", device=choose_device(device))
    return Engine(loaded, dtype=dtype, let_go=True), tokenizer


def check_on_error(on_error: str) -> None:
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
