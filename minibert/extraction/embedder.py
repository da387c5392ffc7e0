"""Blocks of texts to vectors: the work behind embed and embed_file.

Inside a block the texts are sorted by length and run in batches, without padding, each core a batch
of its own (parallel.py); then they come back in the order in which they were given. A block's
result depends on that block alone. So memory stays bounded whatever the number of texts, and a run
that was stopped can go on at the next block, or share its blocks with other processes (storing.py).

With long="windows" a text over the model's limit is cut into windows that overlap by `stride`
tokens; each token has one vector, from the window where it is farthest from an edge.
"""

import math
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from minibert.common.lines import Line
from minibert.extraction.engine import Engine
from minibert.extraction.layers import (
    RECIPES,
    WeightedSum,
    Which,
    mix,
    pool_words,
    select_layers,
)
from minibert.extraction.parallel import batches, in_parallel
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
    contents: dict[int, Content]  # of each line that is not wrong, by its number in the block
    problems: list[str]
    batches: list[list[int]]  # numbers in the block
    vectors: Vectors
    depends_on_choices: bool  # on long, stride or on_error: a text is wrong or over the limit
    batches_done: int = 0

    def is_finished(self) -> bool:
        return self.batches_done == len(self.batches)


class Embedder:
    """A model and all choices, checked. It turns blocks of texts into vectors."""

    def __init__(
        self,
        engine: Engine,
        tokenizer: BertTokenizer,
        *,
        layers: Which = -1,
        convention: str = "transformers",
        mix: str | WeightedSum | None = None,
        pool: str = "mean",
        normalize: bool = False,
        long: str = "error",
        stride: int | None = None,
    ):
        """embed says what the choices are."""
        self.engine, self.tokenizer, config = engine, tokenizer, engine.config
        check_tokenizer(tokenizer, config.vocab_size)
        self.mix: str | WeightedSum | None = mix
        if isinstance(layers, str) and layers in RECIPES:
            name, (layers, how, _) = layers, RECIPES[layers]
            if mix is not None and not (how == "weighted" and isinstance(mix, WeightedSum)):
                raise ValueError(f"the recipe {name!r} says how to mix; give no mix")
            # A weighted sum that nobody has trained has equal weights.
            self.mix = mix or ("mean" if how == "weighted" else how)
        self.layers = select_layers(layers, config.num_hidden_layers, convention=convention)
        if isinstance(mix, WeightedSum) and len(mix.weights) != len(self.layers):
            raise ValueError(f"mix has {len(mix.weights)} weights for {len(self.layers)} layers")
        if not isinstance(mix, WeightedSum) and self.mix not in (None, "concat", "sum", "mean"):
            raise ValueError(
                f"mix must be 'concat', 'sum', 'mean', a WeightedSum or None, not {mix!r}"
            )
        if pool not in POOLS:
            raise ValueError(f"pool must be one of {', '.join(POOLS)}, not {pool!r}")
        if long not in ("error", "truncate", "windows"):
            raise ValueError(f"long must be 'error', 'truncate' or 'windows', not {long!r}")
        self.pool, self.normalize, self.long = pool, normalize, long
        self.room = config.max_position_embeddings - 2  # between [CLS] and [SEP]
        self.stride = min(128, self.room // 2) if stride is None else stride
        if type(self.stride) is not int or not 0 <= self.stride < self.room:
            raise ValueError(f"stride must be from 0 to {self.room - 1}, not {stride!r}")
        self.tokens_done = self.content_tokens = self.unknown_tokens = 0
        self.block_size = BLOCKS[pool in SENTENCE_POOLS]
        size = config.hidden_size * (len(self.layers) if self.mix == "concat" else 1)
        several = self.mix is None and len(self.layers) > 1
        self.shape = (len(self.layers), size) if several else (size,)  # of one vector

    def settings(self) -> dict[str, Any]:
        """All choices that decide about the vectors, as JSON can hold them."""
        mixed: Any = self.mix
        if isinstance(mixed, WeightedSum):
            mixed = {name: value.tolist() for name, value in mixed.state_dict().items()}
        return {
            "layers": self.layers,
            "mix": mixed,
            "pool": self.pool,
            "normalize": self.normalize,
            "dtype": str(self.engine.dtype).removeprefix("torch."),
            "device": self.engine.device.type,
            "linear": self.engine.way_name,
            "vocabulary": self.tokenizer.checksum(),
        }

    def embed_blocks(self, blocks: Iterable[Sequence[Line]], on_error: str) -> Iterator[Block]:
        """Each block with its vectors, and what was wrong; a wrong line gives NaN, or no rows.

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

        def finished() -> Iterator[Block]:
            while under_way and under_way[0].is_finished():
                yield under_way.popleft()

        for block, tokens in in_parallel(self.work, jobs(), self.engine.device):
            block.batches_done += 1
            self.tokens_done += tokens
            yield from finished()
        yield from finished()
        if stopped:  # the blocks before the wrong line are done
            raise ValueError(stopped)

    def joined(self, blocks: Iterable[Vectors]) -> Vectors:
        """The vectors of all blocks together."""
        tensors, texts = [self.no_vectors()], []
        for vectors in blocks:
            if isinstance(vectors, torch.Tensor):
                tensors.append(vectors)
            else:
                texts += vectors
        return torch.cat(tensors) if self.pool in SENTENCE_POOLS else texts

    def no_vectors(self) -> torch.Tensor:
        return torch.empty(0, *self.shape, dtype=torch.float32)

    def prepare(self, lines: Sequence[Line]) -> Block:
        """A block's tokens, in batches."""
        contents: dict[int, Content] = {}
        problems: list[str] = []
        for number, line in enumerate(lines):
            error = line.error
            if not error:
                contents[number] = self.encode(line.text)
                self.count_unknown(contents[number])
                error = self.why_too_long(len(contents[number]))
            if error:
                problems.append(f"line {line.number}: {error}")
                contents.pop(number, None)
        lengths = {number: len(content) + 2 for number, content in contents.items()}
        ready = batches(lengths, math.ceil(sum(lengths.values()) / self.engine.batch_tokens))
        vectors: Vectors = torch.full((len(lines), *self.shape), torch.nan, dtype=torch.float32)
        if self.pool not in SENTENCE_POOLS:
            vectors = [Embedded([], self.no_vectors())] * len(lines)
        special = bool(problems) or any(length > self.room + 2 for length in lengths.values())
        return Block(lines, contents, problems, ready, vectors, special)

    def work(self, job: tuple[Block, list[int]]) -> tuple[Block, int]:
        """Compute a batch and put its vectors into the block. Returns the number of tokens too."""
        block, batch = job
        states, spans = self.run({number: block.contents[number] for number in batch})
        tokens = len(states[0])
        if isinstance(block.vectors, torch.Tensor):
            pooled = side_by_side(pool_spans(states, spans, self.pool))
            block.vectors[batch] = self.scaled(pooled)
            return block, tokens
        vectors = side_by_side(states)
        for number in batch:
            own = torch.cat([vectors[first:last] for first, last in spans[number]])
            text = block.lines[number].text
            block.vectors[number] = self.ragged(text, block.contents[number], own)
        return block, tokens

    def scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """Each vector of each layer at length 1, if that was asked for."""
        return functional.normalize(vectors, dim=-1) if self.normalize else vectors

    def encode(self, text: str) -> Content:
        """The tokens between [CLS] and [SEP]; as pieces where the result needs their words."""
        if self.pool in SENTENCE_POOLS:
            return self.tokenizer.text_ids(text)
        return self.tokenizer.pieces(text)

    def count_unknown(self, content: Content) -> None:
        """Count the tokens, and those of them that are [UNK]."""
        self.content_tokens += len(content)
        self.unknown_tokens += content_ids(content).count(self.tokenizer.unk_token_id)

    def why_too_long(self, length: int) -> str:
        if self.long != "error" or length <= self.room:
            return ""
        return (
            f"{length + 2} tokens, more than the model's {self.room + 2}; "
            "long 'truncate' or 'windows' takes it"
        )

    def run(
        self, contents: dict[int, Content]
    ) -> tuple[list[torch.Tensor], dict[int, list[tuple[int, int]]]]:
        """[T, D] of each layer asked for, or of their mixture; and each text's spans of rows."""
        rows, owners, kept = [], [], []
        for number, content in contents.items():
            ids = content_ids(content)
            parts = windows(len(ids), self.room, self.stride if self.long == "windows" else 0)
            for part, keep in keeps(parts if self.long == "windows" else parts[:1]):
                rows.append([self.tokenizer.cls_token_id, *ids[part], self.tokenizer.sep_token_id])
                owners.append(number)
                kept.append(keep)
        states, order = self.engine.run(rows)
        chosen = [states[layer] for layer in self.layers]
        if isinstance(self.mix, WeightedSum):
            with torch.no_grad():
                chosen = [self.mix(chosen)]
        elif self.mix is not None:
            chosen = [mix(chosen, self.mix)]
        starts, start = {}, 0
        for row in order:
            starts[row] = start
            start += len(rows[row])
        spans: dict[int, list[tuple[int, int]]] = {number: [] for number in contents}
        for row, (owner, (first, last)) in enumerate(zip(owners, kept, strict=True)):
            spans[owner].append((starts[row] + first, starts[row] + last))
        return [state.float() for state in chosen], spans

    def ragged(self, text: str, content: Content, vectors: torch.Tensor) -> Embedded:
        """The vectors of a text's tokens, or of its words."""
        pieces = [piece for piece in content if isinstance(piece, Piece)]
        pieces = pieces[: len(vectors) - 2]  # all, unless the text was truncated
        special = self.tokenizer.special_tokens
        if self.pool == "tokens":
            tokens = [special["cls_token"], *(p.token for p in pieces), special["sep_token"]]
            return Embedded(tokens, self.scaled(vectors.clone()))
        words = [None, *(piece.word for piece in pieces), None]
        spans: dict[int, tuple[int, int]] = {}
        for piece in pieces:
            spans[piece.word] = (spans.get(piece.word, (piece.start,))[0], piece.end)
        typed = [text[start:end] for start, end in spans.values()]
        pooled = pool_words(vectors, words, self.pool.removeprefix("word-"))
        return Embedded(typed, self.scaled(pooled))


def check_tokenizer(tokenizer: BertTokenizer, vocab_size: int) -> None:
    if not isinstance(tokenizer, BertTokenizer):
        raise ValueError(f"tokenizer must be a BertTokenizer of minibert, not {type(tokenizer)}")
    if len(tokenizer) > vocab_size:
        raise ValueError(
            f"tokenizer has {len(tokenizer)} pieces, the model {vocab_size}: it is another model's"
        )


def content_ids(content: Content) -> list[int]:
    """The ids of a text's tokens."""
    return [token.id if isinstance(token, Piece) else token for token in content]


def warn_of_unknown(unknown: int, tokens: int) -> None:
    """Warn where more than a quarter of the tokens are [UNK]: they all have the same embedding."""
    if unknown > tokens / 4:
        warnings.warn(
            f"{unknown / tokens:.0%} of the tokens are [UNK]: the model's vocabulary does not have "
            "them, and the vectors say little. Is it a model for this language?",
            stacklevel=3,
        )


def side_by_side(states: list[torch.Tensor]) -> torch.Tensor:
    """[rows, D] of each layer to [rows, layers, D], or to [rows, D] where there is one layer."""
    return (torch.stack(states, dim=1) if len(states) > 1 else states[0]).cpu()


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
