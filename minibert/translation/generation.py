"""Writing, token after token: greedy, beam search (束搜索) and sampling.

The model gives s = log P(next | y_1 … y_t), a number for each of the V tokens. What to write?

    greedy:       y_{t+1} = argmax s
    sampling:     y_{t+1} drawn from softmax(s / τ), of the k best or of the likeliest that together
                  have p, only
    beam search:  the best of many whole texts y:  1 / T^α · Σ_t log P(y_{t+1} | y_1 … y_t)

where τ is the temperature, T the number of written tokens, and α the length penalty. Each token
makes a text less likely, so a sum alone (α = 0) prefers short texts; α = 1 compares means.

Shapes: begun [B, prompt] -> ids [B, ≤ max_length], padding after the end

Source: article A§2.1, D§3.1.3 (by name only); Wu et al. 2016 (arXiv 1609.08144), section 7;
Holtzman et al. 2019 (arXiv 1904.09751), section 3.1, for p.

Differs: the penalty of Wu et al. is ((5 + T) / 6)^α; T^α is what transformers has, whose `generate`
returns the same ids. Without attention_mask all tokens are real; transformers looks for padding.
"""

from collections.abc import Callable
from typing import Any

import torch

from minibert.model import check_inputs
from minibert.translation.cached import Cached

NEVER = -1e9  # the score of a text that must not win
Watch = Callable[[torch.Tensor, torch.Tensor], None]


class Textbook:
    """The next token's logits, computed by the textbook model from the whole text each time."""

    def __init__(
        self,
        decoder: Any,
        max_length: int,
        padding_mask: torch.Tensor | None,
        memory: torch.Tensor | None,
        memory_mask: torch.Tensor | None,
    ):
        self.decoder, self.padding_mask = decoder, padding_mask
        self.options = {} if memory is None else {"memory": memory, "memory_mask": memory_mask}
        self.ids: torch.Tensor | None = None

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        self.ids = tokens if self.ids is None else torch.cat([self.ids, tokens], dim=1)  # [R, T]
        if self.padding_mask is None:
            return self.decoder(self.ids, **self.options).logits[:, -1]
        # The first real token has position 0: the padding goes to the end, where nobody sees it.
        mask, order = self.padding_mask[:, : self.ids.shape[1]].sort(descending=True, stable=True)
        logits = self.decoder(self.ids.gather(1, order), attention_mask=mask).logits
        return logits[torch.arange(len(logits)), mask.sum(dim=1) - 1]

    def select(self, rows: torch.Tensor) -> None:
        """Text r goes on from what was text rows[r]."""
        assert self.ids is not None
        self.ids = self.ids[rows]


@torch.no_grad()
def generate(
    decoder: Any,
    begun: torch.Tensor,
    *,
    attention_mask: torch.Tensor | None = None,
    memory: torch.Tensor | None = None,
    memory_mask: torch.Tensor | None = None,
    max_length: int = 20,
    num_beams: int = 1,
    length_penalty: float = 1.0,
    early_stopping: bool | str = True,
    do_sample: bool = False,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int | None = None,
    use_cache: bool = True,
    watch: Watch | None = None,
) -> torch.Tensor:
    """What a BertLMHeadModel writes after `begun` [B, prompt].

    `options`: as in the text above.
    """
    config = decoder.bert.config
    check_inputs(config, begun, attention_mask, None)
    end, pad = decoder.end_token_id, config.pad_token_id
    padding_mask = None
    if attention_mask is not None and (attention_mask == 0).any():
        # Padding stands before a text: what is written comes right after the text.
        real, order = attention_mask.sort(stable=True)
        begun = begun.gather(1, order)
        written = real.new_ones(len(real), max_length - real.shape[1])
        padding_mask = torch.cat([real, written], dim=1)
    once = [padding_mask, memory, memory_mask]
    repeated = [None if each is None else each.repeat_interleave(num_beams, 0) for each in once]
    step = (Cached if use_cache else Textbook)(decoder, max_length, *repeated)
    if num_beams > 1:
        options = (num_beams, length_penalty, early_stopping, watch)
        return beam_search(step, begun, max_length, end, pad, *options)
    choose = most_likely
    if do_sample:
        generator = None
        if seed is not None:
            generator = torch.Generator(begun.device).manual_seed(seed)

        def choose(logits):
            return draw(logits, temperature, top_k, top_p, generator)

    return one_by_one(step, begun, choose, max_length, end, pad)


def one_by_one(
    step: Any,
    ids: torch.Tensor,
    choose: Callable[[torch.Tensor], torch.Tensor],
    max_length: int,
    end: int | None,
    pad: int,
) -> torch.Tensor:
    """Greedy and sampling: one text, to which a token is added until all have ended."""
    is_open = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
    new = ids
    while ids.shape[1] < max_length and is_open.any():
        token = torch.where(is_open, choose(step(new).float()), pad)
        new = token[:, None]
        ids = torch.cat([ids, new], dim=1)
        is_open &= token != (-1 if end is None else end)
    return ids


def most_likely(logits: torch.Tensor) -> torch.Tensor:
    return logits.argmax(dim=-1)


def draw(
    logits: torch.Tensor,
    temperature: float,
    top_k: int,
    top_p: float,
    generator: torch.Generator | None,
) -> torch.Tensor:
    """One token of each row, by its probability."""
    scores = logits / temperature
    if top_k:
        kth = scores.topk(min(top_k, scores.shape[-1])).values[:, -1:]
        scores = scores.masked_fill(scores < kth, -torch.inf)
    if top_p < 1:
        ascending, order = scores.sort()
        is_out = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - top_p
        is_out[:, -1] = False  # the likeliest always stays
        scores = scores.masked_fill(is_out.scatter(1, order, is_out), -torch.inf)
    return torch.multinomial(scores.softmax(dim=-1), 1, generator=generator)[:, 0]


def beam_search(
    step: Any,
    begun: torch.Tensor,
    max_length: int,
    end: int | None,
    pad: int,
    num_beams: int,
    length_penalty: float,
    early_stopping: bool | str,
    watch: Watch | None,
) -> torch.Tensor:
    """K = num_beams texts grow side by side for each row. At each step the 2K best of all K·V
    continuations are looked at: those among the K best that end are finished, and the K best that
    do not end grow on.
    """
    batch, prompt = begun.shape
    fill = pad or (pad if end is None else end)
    first_row = torch.arange(batch, device=begun.device)[:, None] * num_beams
    ids = begun.new_full((batch, num_beams, max_length), fill)
    ids[:, :, :prompt] = begun[:, None]
    finished = ids.clone()
    scores = torch.full((batch, num_beams), NEVER, device=begun.device)
    scores[:, 0] = 0.0  # all K are the same at first: one of them grows
    final = torch.full_like(scores, NEVER)
    has_ended = torch.zeros_like(scores, dtype=torch.bool)
    lengths = torch.zeros_like(begun[:, :1]).expand(-1, num_beams)
    may_win = torch.ones_like(has_ended[:, :1])
    new = begun.repeat_interleave(num_beams, dim=0)
    for length in range(prompt, max_length):
        log_probs = step(new).float().log_softmax(dim=-1).unflatten(0, (batch, -1))  # [B, K, V]
        total = scores[:, :, None] + log_probs
        score, index = total.flatten(1).topk(2 * num_beams)  # [B, 2K]
        beam, token = index // total.shape[-1], index % total.shape[-1]
        texts = take(ids, beam)
        texts[:, :, length] = token
        written = length + 1 - prompt
        ends = (token == end) if end is not None else torch.zeros_like(token, dtype=torch.bool)
        ends |= length + 1 == max_length
        # finished
        is_new = ends.clone()
        is_new[:, num_beams:] = False
        candidate = score / written**length_penalty
        full = has_ended.all(dim=1, keepdim=True) & (early_stopping is True)
        candidate = candidate + (full | ~may_win).float() * NEVER + (~is_new).float() * NEVER
        final, best = torch.cat([final, candidate], dim=1).topk(num_beams)
        finished = take(torch.cat([finished, texts], dim=1), best)
        has_ended = take(torch.cat([has_ended, is_new], dim=1), best)
        lengths = take(torch.cat([lengths, torch.full_like(token, written)], 1), best)
        # running
        running = score + ends.float() * NEVER
        next_ = running.topk(num_beams).indices
        scores = take(running, next_)
        ids = take(texts, next_)
        rows = (take(beam, next_) + first_row).flatten()
        new = ids[:, :, length].flatten()[:, None]
        if watch is not None:
            watch(ids[:, :, : length + 1], scores)
        steps = max_length - prompt if early_stopping == "never" and length_penalty > 0 else written
        possible = scores[:, :1] / steps**length_penalty
        worst = torch.where(has_ended, final.amin(dim=1, keepdim=True), NEVER)
        may_win = may_win & (possible > worst).any(dim=1, keepdim=True)
        if not may_win.any() or ends.all() or (has_ended.all() and early_stopping is True):
            break
        step.select(rows)
    return finished[:, 0, : prompt + int(lengths[:, 0].max())]


def take(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """values [B, n, …], index [B, K] -> [B, K, …]: of each row the values at its indices."""
    return values[torch.arange(len(values), device=values.device)[:, None], index]
