"""Many texts to vectors.

    vectors = embed(["A man plays.", "A cat sat."], layers="all", pool="mean")   # [2, L+1, D]
    for text in embed(texts, pool="tokens"): text.tokens, text.vectors           # [tokens, D] each

Texts are taken in blocks. Inside a block they are sorted by length and run in batches, end to end,
each core a batch of its own (parallel.py); then they come back in the order they came in. A block's
result depends on that block alone. So memory stays bounded whatever the number of texts, and a run
that stops can go on at the next block, or share its blocks with others (storing.py).

A text over the model's limit, with long="windows", is cut into windows that overlap by `stride`
tokens; each token has one vector, from the window where it stands farthest from an edge.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from minibert.extraction.engine import Engine, choose_device
from minibert.extraction.layers import (
    RECIPES,
    WeightedSum,
    Which,
    mix,
    pool_words,
    select_layers,
)
from minibert.extraction.parallel import batches, in_parallel
from minibert.extraction.reading import Line, blocks, read_lines
from minibert.packing import keeps, windows
from minibert.tokenizer import BertTokenizer
from minibert.wordpiece import Piece

BLOCKS = {True: 256, False: 128}  # texts with one vector each; with one for each token or word
SENTENCE_POOLS = ("mean", "cls", "max", "mean_sqrt")
WORD_POOLS = ("word-mean", "word-first", "word-last", "word-first_last", "word-max")
POOLS = (*SENTENCE_POOLS, "tokens", *WORD_POOLS)


@dataclass(frozen=True)
class Embedded:
    """The vectors of one text's tokens or words: [rows, D], or [rows, layers, D]."""

    tokens: list[str]  # the pieces, or the words as they were typed
    vectors: torch.Tensor


Content = list[Piece] | list[int]  # a text's tokens between [CLS] and [SEP]
Vectors = torch.Tensor | list[Embedded]  # of a block: [texts, …], or one of them for each text


@dataclass
class Block:
    """Texts on their way to vectors."""

    lines: Sequence[Line]
    contents: dict[int, Content]  # of each line that is not wrong, by its place
    problems: list[str]
    batches: list[list[int]]  # places
    vectors: Vectors
    batches_done: int = 0

    def is_finished(self) -> bool:
        return self.batches_done == len(self.batches)


class Embedder:
    """A model and all choices, checked; turns blocks of texts into vectors."""

    def __init__(
        self,
        model: nn.Module | Engine,
        tokenizer: BertTokenizer,
        *,
        layers: Which = -1,
        convention: str = "transformers",
        mix: str | WeightedSum | None = None,
        pool: str = "mean",
        dtype: torch.dtype | None = None,
        long: str = "error",
        stride: int = 128,
        let_go: bool = False,
    ):
        """`layers`, `convention`: see layers.select_layers; or a recipe's name. `mix`: several
        layers to one, "concat", "sum", "mean" or a WeightedSum that was trained. `pool`: POOLS.
        `dtype`, `let_go`: see Engine, which is made of the model unless it is one.
        """
        if not isinstance(model, Engine):
            model = Engine(model, dtype=dtype, let_go=let_go)
        elif dtype not in (None, model.dtype):
            raise ValueError(f"this Engine computes in {model.dtype}; make one of dtype={dtype}")
        self.engine = model
        self.tokenizer, config = tokenizer, self.engine.config
        self.how = mix
        if isinstance(layers, str) and layers in RECIPES:
            name, (layers, how, _) = layers, RECIPES[layers]
            if mix is not None and not (how == "weighted" and isinstance(mix, WeightedSum)):
                raise ValueError(f"the recipe {name!r} says how to mix; give no mix")
            # A weighted sum that nobody has trained has equal weights.
            self.how = mix or ("mean" if how == "weighted" else how)
        self.places = select_layers(layers, config.num_hidden_layers, convention=convention)
        if isinstance(mix, WeightedSum) and len(mix.weights) != len(self.places):
            raise ValueError(f"mix has {len(mix.weights)} weights for {len(self.places)} layers")
        if not isinstance(mix, WeightedSum) and self.how not in (None, "concat", "sum", "mean"):
            raise ValueError(
                f"mix must be 'concat', 'sum', 'mean', a WeightedSum or None, not {mix!r}"
            )
        if pool not in POOLS:
            raise ValueError(f"pool must be one of {', '.join(POOLS)}, not {pool!r}")
        if long not in ("error", "truncate", "windows"):
            raise ValueError(f"long must be 'error', 'truncate' or 'windows', not {long!r}")
        self.pool, self.long, self.stride = pool, long, stride
        self.room = config.max_position_embeddings - 2  # between [CLS] and [SEP]
        if long == "windows" and not 0 <= stride < self.room:
            raise ValueError(f"stride must be from 0 to {self.room - 1}, not {stride!r}")
        self.tokens_done = 0
        self.block = BLOCKS[pool in SENTENCE_POOLS]
        size = config.hidden_size * (len(self.places) if self.how == "concat" else 1)
        several = self.how is None and len(self.places) > 1
        self.shape = (len(self.places), size) if several else (size,)  # of one vector

    def embed_blocks(
        self, blocks: Iterable[Sequence[Line]], on_error: str
    ) -> Iterator[tuple[Vectors, list[str]]]:
        """The vectors of each block, and what was wrong; a wrong line gives NaN, or no rows.

        While the last batches of a block are computed, the next block is read.
        """
        under_way: deque[Block] = deque()
        stopped = ""

        def jobs() -> Iterator[tuple[Block, list[int]]]:
            nonlocal stopped
            for lines in blocks:
                block = self.prepare(lines)
                if block.problems and on_error == "raise":
                    stopped = block.problems[0]
                    return
                under_way.append(block)
                yield from ((block, batch) for batch in block.batches)

        def finished() -> Iterator[tuple[Vectors, list[str]]]:
            while under_way and under_way[0].is_finished():
                block = under_way.popleft()
                yield block.vectors, block.problems

        for block, tokens in in_parallel(self.work, jobs(), self.engine.device):
            block.batches_done += 1
            self.tokens_done += tokens
            yield from finished()
        yield from finished()
        if stopped:  # the blocks before the wrong line are done
            raise ValueError(stopped)

    def prepare(self, lines: Sequence[Line]) -> Block:
        """A block's tokens, dealt into batches."""
        contents: dict[int, Content] = {}
        problems: list[str] = []
        for place, line in enumerate(lines):
            error = line.error
            if not error:
                content = self.encode(line.text)
                error = self.why_too_long(len(content))
            if error:
                problems.append(f"line {line.number}: {error}")
            else:
                contents[place] = content
        lengths = {place: len(content) + 2 for place, content in contents.items()}
        dealt = batches(lengths, math.ceil(sum(lengths.values()) / self.engine.batch_tokens))
        vectors: Vectors = torch.full((len(lines), *self.shape), torch.nan)
        if self.pool not in SENTENCE_POOLS:
            vectors = [Embedded([], torch.empty(0, *self.shape))] * len(lines)
        return Block(lines, contents, problems, dealt, vectors)

    def work(self, job: tuple[Block, list[int]]) -> tuple[Block, int]:
        """Put a batch's vectors to their places in the block. Returns the number of tokens too."""
        block, batch = job
        states, spans = self.run({place: block.contents[place] for place in batch})
        if self.pool in SENTENCE_POOLS:
            block.vectors[batch] = self.side_by_side(pool_spans(states, spans, self.pool))
            return block, len(states[0])
        vectors = self.side_by_side(states)
        for place in batch:
            own = torch.cat([vectors[first:last] for first, last in spans[place]])
            text = block.lines[place].text
            block.vectors[place] = self.ragged(text, block.contents[place], own)
        return block, len(vectors)

    def encode(self, text: str) -> Content:
        """The tokens between [CLS] and [SEP]; with their places where the result needs them."""
        if self.pool in SENTENCE_POOLS:
            return self.tokenizer.text_ids(text)
        return self.tokenizer.pieces(text)

    def why_too_long(self, length: int) -> str:
        if self.long != "error" or length <= self.room:
            return ""
        return (
            f"{length + 2} tokens, more than the model's {self.room + 2}; "
            "long='truncate' or 'windows' takes it"
        )

    def run(
        self, contents: dict[int, Content]
    ) -> tuple[list[torch.Tensor], dict[int, list[tuple[int, int]]]]:
        """[T, D] of each layer asked for, or of their mixture; and each text's spans of rows."""
        rows, owners, kept = [], [], []
        for place, content in contents.items():
            ids = [token.id if isinstance(token, Piece) else token for token in content]
            parts = windows(len(ids), self.room, self.stride if self.long == "windows" else 0)
            for part, keep in keeps(parts if self.long == "windows" else parts[:1]):
                rows.append([self.tokenizer.cls_token_id, *ids[part], self.tokenizer.sep_token_id])
                owners.append(place)
                kept.append(keep)
        states, order = self.engine.run(rows)
        chosen = [states[layer] for layer in self.places]
        if isinstance(self.how, WeightedSum):
            with torch.no_grad():
                chosen = [self.how(chosen)]
        elif self.how is not None:
            chosen = [mix(chosen, self.how)]
        starts, start = {}, 0
        for row in order:
            starts[row] = start
            start += len(rows[row])
        spans: dict[int, list[tuple[int, int]]] = {place: [] for place in contents}
        for row, (owner, (first, last)) in enumerate(zip(owners, kept, strict=True)):
            spans[owner].append((starts[row] + first, starts[row] + last))
        return [state.float() for state in chosen], spans

    def side_by_side(self, states: list[torch.Tensor]) -> torch.Tensor:
        """[rows, D] for each layer to [rows, layers, D], or to [rows, D] where there is one."""
        return (torch.stack(states, dim=1) if len(states) > 1 else states[0]).cpu()

    def ragged(self, text: str, pieces: list[Piece], vectors: torch.Tensor) -> Embedded:
        """The vectors of a text's tokens, or of its words."""
        pieces = pieces[: len(vectors) - 2]  # all, unless the text was truncated
        special = self.tokenizer.special_tokens
        if self.pool == "tokens":
            tokens = [special["cls_token"], *(p.token for p in pieces), special["sep_token"]]
            return Embedded(tokens, vectors.clone())
        words = [None, *(piece.word for piece in pieces), None]
        spans: dict[int, tuple[int, int]] = {}
        for piece in pieces:
            spans[piece.word] = (spans.get(piece.word, (piece.start,))[0], piece.end)
        typed = [text[start:end] for start, end in spans.values()]
        return Embedded(typed, pool_words(vectors, words, self.pool.removeprefix("word-")))


def pool_spans(
    states: list[torch.Tensor], spans: dict[int, list[tuple[int, int]]], how: str
) -> list[torch.Tensor]:
    """layers.pool_sentences for texts that lie end to end: each [T, D] -> [texts, D]."""
    counts = torch.tensor([sum(last - first for first, last in own) for own in spans.values()])
    rows = torch.tensor([row for own in spans.values() for span in own for row in range(*span)])
    starts = counts.cumsum(0) - counts
    rows, starts, counts = (each.to(states[0].device) for each in (rows, starts, counts))
    if how == "cls":
        return [state[rows[starts]] for state in states]
    # A bag is a text's rows; what is done with them is one pass over the vectors.
    mode = "sum" if how == "mean_sqrt" else how
    pooled = [functional.embedding_bag(rows, state, starts, mode=mode) for state in states]
    return [x / counts.sqrt()[:, None] for x in pooled] if how == "mean_sqrt" else pooled


def embed(
    texts: Iterable[str] | Path,
    *,
    model: str | Path | nn.Module | Engine | None = None,
    tokenizer: BertTokenizer | None = None,
    device: str | torch.device | None = None,
    field: str | None = None,
    column: int | None = None,
    on_error: str = "raise",
    out: Path | None = None,
    **choices: object,
) -> torch.Tensor | list[Embedded] | Path:
    """Texts, or a file of them, to one tensor [texts, …], or to a list of Embedded; or, with `out`,
    to a file (see storing.py), however many they are.

    `model`: as for load_bert; or a model with its `tokenizer`; or, to call this often, an Engine
    made of one. `device`: where a loaded model shall compute; None is the GPU, if there is one.
    `field`, `column`: see reading.py. `on_error`: "raise", or "skip": a wrong text's vector is NaN.
    `choices`: layers, convention, mix, pool, dtype, long and stride, as for Embedder.
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be 'raise' or 'skip', not {on_error!r}")
    is_ours = not isinstance(model, nn.Module | Engine)
    if is_ours != (tokenizer is None):
        raise ValueError("a model of your own needs its tokenizer, and only it")
    if not is_ours and device is not None:
        raise ValueError("a model of your own computes where it is; give no device")
    if is_ours:
        from weights_loader import load_bert

        model, tokenizer = load_bert(model, device=choose_device(device))
    embedder = Embedder(model, tokenizer, let_go=is_ours, **choices)
    if out is not None:
        from minibert.extraction.storing import store

        read = {"field": field, "column": column, "on_error": on_error}
        name = getattr(getattr(model, "account", None), "source", "a model of the caller's")
        where, dtype = embedder.engine.device.type, str(embedder.engine.dtype)
        made_with = {**choices, **read, "model": name, "device": where, "dtype": dtype}
        if isinstance(embedder.how, WeightedSum):
            made_with["mix"] = {key: v.tolist() for key, v in embedder.how.state_dict().items()}
        store(embedder, texts, out, settings=made_with, **read)
        return out
    read = blocks(read_lines(texts, field=field, column=column), embedder.block)
    vectors = [found for found, _ in embedder.embed_blocks(read, on_error)]
    if embedder.pool in SENTENCE_POOLS:
        return torch.cat(vectors) if vectors else torch.empty(0, *embedder.shape)
    return list(chain.from_iterable(vectors))
