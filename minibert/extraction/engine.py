"""The same weights, run as fast as the machine allows. Inference only.

The formulas are those of the textbook. The work is arranged in another way:

1. No padding. The tokens of all texts lie end to end in one matrix [T, D], shortest text first. A
   linear map, GELU or LayerNorm looks at one token at a time, so it does not care whose token it
   is. Only attention does, and it runs over groups of texts of the same length.
2. Query, key and value come from one matrix product [D, 3D] instead of three.
3. A linear map is computed in the way that is fastest here (linear.py).
4. The softmax of the scores is never written out in full: PyTorch's fused attention.
5. On a CPU, each core takes texts of its own (parallel.py); a single text is shared by all.
6. Heads and neurons that were pruned, whose weights are 0, are left out of the products.

`engine.description` says what it computes with. tests/extraction/test_engine.py holds every hidden
state against the textbook.

    engine = Engine(model)
    hidden_states = engine(**tokenizer(texts))  # as output.hidden_states, but 0 at padding
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, groupby
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from minibert.encoder import EncoderLayer
from minibert.extraction.linear import DTYPES, WAYS, PyTorch, choose
from minibert.extraction.parallel import batch_tokens, batches, in_parallel
from minibert.layer_norm import LayerNorm
from minibert.model import BertModel, check_inputs

Map = Callable[[torch.Tensor], torch.Tensor]
# Texts of one length: how many, how long, and the mask if attention reads past their ends.
Group = tuple[int, int, torch.Tensor | None]
# oneDNN keeps a program for each number of rows it has met: rounded up, there are few of them.
ROUND = 16
# A processor computes LANES exponentials at once, and the rest one by one. Where the rest would be
# MANY or more, attention reads on into the keys of the next text and masks them: a fifth less time.
LANES = 16
MANY = 6


class Engine:
    """All hidden states of a BertModel (or of the `bert` inside one with heads), fast."""

    def __init__(
        self,
        model: nn.Module,
        *,
        dtype: torch.dtype | None = None,
        linear: str | None = None,
        let_go: bool = False,
    ):
        """`dtype`: what to compute linear maps in; None is the model's own. `linear`: a name of
        linear.WAYS; None is the one that is fastest here. After training, make a new engine: it has
        copies of most weights. `let_go`: the model's linear maps lose their weights as these are
        copied, so that memory holds them once; the model is of no use then.
        """
        bert = model if isinstance(model, BertModel) else getattr(model, "bert", None)
        if not isinstance(bert, BertModel):
            raise ValueError(f"Engine takes minibert's models, not {type(model).__name__}")
        if any(weight.is_meta for weight in bert.parameters()):
            raise ValueError("this model's weights were let go, or never filled: load it again")
        self.config = bert.config
        self.device = bert.embeddings.token.weight.device
        self.dtype = bert.embeddings.token.weight.dtype if dtype is None else dtype
        if self.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {DTYPES}, not {dtype!r}")
        self.way_name = choose(self.device, self.dtype, linear)
        self.way = WAYS[self.way_name]
        precision = str(self.dtype).removeprefix("torch.")
        self.description = f"linear maps: {self.way_name}; {precision} on {self.device}"
        # Of all that is no linear map: half precision is slower there, int8 impossible.
        self.state_dtype = torch.float32 if self.dtype == torch.int8 else self.dtype
        self.batch_tokens = batch_tokens(self.device, self.config.hidden_size)
        embeddings = bert.embeddings
        self.token = embeddings.token.weight.detach().to(self.state_dtype)  # shared if it can be
        segments = embeddings.segment.weight[:, None]
        self.position = self.own(segments + embeddings.position.table)  # [2, max S, D]
        self.layer_norm = self.norm(embeddings.layer_norm)
        self.let_go = let_go
        self.scratch = self.token.new_empty(0)
        self.layers = [FastLayer(self, cast(EncoderLayer, each)) for each in bert.encoder.layers]
        del self.scratch

    @torch.inference_mode()
    def __call__(
        self,
        input_ids: torch.Tensor,
        *,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ...]:
        """The L+1 hidden states [B, S, D] of the textbook; at padding they are 0.

        The real tokens of each row must come first, as every tokenizer pads.
        """
        check_inputs(self.config, input_ids, attention_mask, token_type_ids)
        batch, length = input_ids.shape
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        is_real = attention_mask == 1
        if (is_real[:, 1:] & ~is_real[:, :-1]).any():
            raise ValueError("attention_mask has padding before a real token; Engine wants it last")
        lengths = is_real.sum(dim=1).tolist()

        def states_of(texts: list[int]) -> tuple[list[torch.Tensor], list[int]]:
            rows = [input_ids[i, : lengths[i]].tolist() for i in texts]
            segments = None
            if token_type_ids is not None:
                segments = [token_type_ids[i, : lengths[i]].tolist() for i in texts]
            return self.run(rows, segments)

        shares = self.shares(lengths)
        if len(shares) == 1 and min(lengths) == length:  # no padding, and in order
            return tuple(state.view(batch, length, -1) for state in states_of(shares[0])[0])
        shape = (batch * length, self.config.hidden_size)
        states = [self.token.new_empty(shape) for _ in range(1 + len(self.layers))]
        padding = (~is_real).flatten().nonzero().squeeze(1).to(self.device)
        for state in states:
            state[padding] = 0

        @torch.inference_mode()
        def fill(texts: list[int]) -> None:
            parts, order = states_of(texts)
            rows = [torch.arange(lengths[texts[i]]) + texts[i] * length for i in order]
            where = torch.cat(rows).to(self.device)
            for state, part in zip(states, parts, strict=True):
                state[where] = part

        for _ in in_parallel(fill, shares, self.device):
            pass
        return tuple(state.view(batch, length, -1) for state in states)

    def shares(self, lengths: list[int]) -> list[list[int]]:
        """The texts' numbers in batches, as many for each core; few texts are one batch."""
        cores = torch.get_num_threads() if self.device.type == "cpu" else 1
        turns = math.ceil(sum(lengths) / self.batch_tokens / cores)
        found = batches(dict(enumerate(lengths)), turns * cores)
        few = sum(lengths) <= (cores - 1) * self.batch_tokens or len(found) < cores
        return [list(range(len(lengths)))] if few else found

    @torch.inference_mode()
    def run(
        self, rows: Sequence[list[int]], segments: Sequence[list[int]] | None = None
    ) -> tuple[list[torch.Tensor], list[int]]:
        """Texts of any lengths without padding: the L+1 states [T, D], and the order of the texts.

        The tokens of text order[0] come first, then those of order[1], and so on; T is the number
        of tokens of all.
        """
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        lengths = [len(rows[i]) for i in order]
        tokens = sum(lengths)
        spare = -tokens % ROUND if tokens > ROUND else 0

        def end_to_end(numbers: Iterable[Iterable[int]]) -> torch.Tensor:
            flat = torch.tensor([*chain.from_iterable(numbers)])
            return functional.pad(flat, (0, spare)).to(self.device)  # [T + spare]

        ids = end_to_end(rows[i] for i in order)
        positions = end_to_end(range(length) for length in lengths)
        segment = end_to_end(segments[i] for i in order) if segments else torch.zeros_like(ids)
        groups: list[Group] = []
        behind = tokens + spare
        for length, same in groupby(lengths):
            texts = len(list(same))
            behind -= texts * length
            groups.append((texts, length, self.run_on_mask(length, behind)))
        x = self.layer_norm(self.token[ids] + self.position[segment, positions])  # [T + spare, D]
        states = [x[:tokens]]
        for layer in self.layers:
            x = layer(x, groups)
            states.append(x[:tokens])
        return states, order

    def run_on_mask(self, length: int, behind: int) -> torch.Tensor | None:
        """Mask for the keys that belong to the next text, [length, a multiple of LANES]; None where
        reading past the end of a text brings nothing.
        """
        extra = -length % LANES
        is_float32 = self.device.type == "cpu" and self.state_dtype != torch.float64
        if not is_float32 or length % LANES < MANY or extra > behind:
            return None
        return functional.pad(torch.zeros(length, length), (0, extra), value=-torch.inf)

    def own(self, *weights: torch.Tensor) -> torch.Tensor:
        """A copy of a weight, or of several one below the other, in the engine's precision."""
        return torch.cat([weight.detach() for weight in weights]).to(self.state_dtype)

    def linear(self, *maps: nn.Linear) -> PyTorch:
        """x·Wᵀ + b; of several maps of the same x, side by side."""
        weights = [one.weight.detach().to(self.state_dtype) for one in maps]
        weight = weights[0]
        if len(maps) > 1:  # memory that all layers share, where the way makes a copy
            out = None if self.way.keeps_weight else self.scratch.resize_(0)
            weight = torch.cat(weights, out=out)
        way = self.way(weight, self.own(*(one.bias for one in maps)))
        if self.let_go:
            nn.ModuleList(maps).to("meta")
        return way

    def norm(self, layer_norm: LayerNorm) -> Map:
        """The textbook's LayerNorm as PyTorch's kernel."""
        gamma, beta = self.own(layer_norm.gamma), self.own(layer_norm.beta)
        return lambda x: functional.layer_norm(x, gamma.shape, gamma, beta, layer_norm.eps)


class FastLayer:
    """One encoder layer over tokens end to end."""

    def __init__(self, engine: Engine, layer: EncoderLayer):
        attention, feed_forward = layer.attention, layer.feed_forward
        size = engine.config.hidden_size // attention.num_heads  # H
        maps = [attention.query, attention.key, attention.value, attention.output]
        *query_key_value, attention_output = alive(maps, size, engine.let_go)
        inner, output = alive([feed_forward.inner, feed_forward.output], 1, engine.let_go)
        self.num_heads = attention_output.in_features // size
        self.query_key_value = engine.linear(*query_key_value)
        self.attention_output = engine.linear(attention_output)
        self.attention_layer_norm = engine.norm(layer.attention_layer_norm)
        self.inner = engine.linear(inner)
        self.output = engine.linear(output)
        self.feed_forward_layer_norm = engine.norm(layer.feed_forward_layer_norm)

    def __call__(self, x: torch.Tensor, groups: list[Group]) -> torch.Tensor:
        context = self.attention(self.query_key_value(x), groups)
        a = self.attention_layer_norm(self.attention_output.add(context, x))
        return self.feed_forward_layer_norm(self.output.add(self.inner.gelu(a), a))

    def attention(self, projected: torch.Tensor, groups: list[Group]) -> torch.Tensor:
        """softmax(QKᵀ/√H)·V for each group of texts of one length: [T, 3D] -> [T, D]."""
        dtype, size = projected.dtype, projected.shape[1] // 3
        if dtype.itemsize < 4 and projected.device.type == "cpu":
            projected = projected.float()  # half precision is slower at products as small as these
        contexts, start = [], 0
        for texts, length, mask in groups:
            own = projected[start : start + texts * length]
            heads = own.view(texts, length, 3, self.num_heads, -1)
            query, key, value = heads.permute(2, 0, 3, 1, 4)  # [texts, N, length, H] each
            if mask is not None:
                key, value = run_on(key, mask.shape[1]), run_on(value, mask.shape[1])
            found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            contexts.append(found.transpose(1, 2).reshape(-1, size))
            start += texts * length
        if start < len(projected):  # spare
            contexts.append(projected.new_zeros(len(projected) - start, size))
        return (torch.cat(contexts) if len(contexts) > 1 else contexts[0]).to(dtype)


def alive(maps: list[nn.Linear], size: int, let_go: bool) -> list[nn.Linear]:
    """The maps without the heads (`size` features) or neurons (1) that the last multiplies by 0."""
    output = maps[-1]
    is_read = output.weight.unflatten(1, (-1, size)).any(dim=2).any(dim=0)
    is_read[0] |= not is_read.any()  # one stays: products want a row
    if is_read.all():
        return maps
    kept = is_read.repeat_interleave(size)
    parts = [(one.weight[kept], one.bias[kept]) for one in maps[:-1]]
    lighter = []
    for weight, bias in [*parts, (output.weight[:, kept], output.bias)]:
        lighter.append(nn.Linear(weight.shape[1], len(weight), device="meta"))
        lighter[-1].weight, lighter[-1].bias = nn.Parameter(weight), nn.Parameter(bias)
    if let_go:
        nn.ModuleList(maps).to("meta")
    return lighter


def run_on(heads: torch.Tensor, keys: int) -> torch.Tensor:
    """Each text's keys or values and those after it in memory, together `keys` of them; no copy."""
    texts, num_heads, _, size = heads.shape
    return heads.as_strided((texts, num_heads, keys, size), heads.stride())
