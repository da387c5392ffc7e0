"""Writing, token after token: greedy (贪心), sampling (采样) and beam search (束搜索).

The model gives each of the V tokens a score s, its logit, to come after y_1 … y_t. What is written?

    greedy:       y_{t+1} = argmax s
    sampling:     y_{t+1} is drawn from softmax(s / τ), perhaps only from the k likeliest tokens, or
                  from the likeliest that together have the probability p
    beam search:  of many whole texts, that of the largest 1/T^α · Σ_t log P(y_{t+1} | y_1 … y_t)

where τ is the temperature, T the number of written tokens, and α the length penalty. Each further
token makes a text less likely, so the bare sum (α = 0) prefers short texts; α = 1 takes the mean.

Shapes: begun [B, prompt] -> [B, ≤ max_length]

Source: article A§2.1 and D§3.1.3, which only say that a decoder writes; Wu et al. 2016 (arXiv
1609.08144), section 7; Holtzman et al. 2019 (arXiv 1904.09751), section 3.1, for p.

Differs: Wu et al. divide by ((5 + T) / 6)^α; T^α is transformers', whose `generate` returns the
same ids. Without attention_mask it looks for padding in a prompt; here all tokens are real then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from reprlib import repr as short
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn.functional import pad

from minibert.model import check_inputs
from minibert.translation.cached import Cached

if TYPE_CHECKING:
    from minibert.translation.encoder_decoder import BertLMHeadModel

NEVER = -1e9  # the score of a text that must not be chosen
EMPTY = -1  # no token


@dataclass(frozen=True)
class Options:
    """How to write; the options that `generate` of both models takes."""

    max_length: int = 20  # of a row, with the prompt or the start token
    num_beams: int = 1  # 1: greedy or sampling
    length_penalty: float = 1.0  # α, of beam search
    early_stopping: bool | str = True  # see beam_search
    do_sample: bool = False
    temperature: float = 1.0  # τ: below 1 the likeliest tokens become likelier
    top_k: int = 0  # 0: all
    top_p: float = 1.0
    seed: int | None = None  # None: PyTorch's own generator, as it is
    use_cache: bool = True  # False: the textbook model, which trace and patch see
    # Called with the texts [B, 2K, T] that a step of beam search looks at, and their sums [B, 2K].
    watch: Callable[[torch.Tensor, torch.Tensor], object] | None = None

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "max_length": (2, 2**24),
        "num_beams": (1, 2**10),
        "length_penalty": (-100.0, 100.0),
        "temperature": (0.001, 1000.0),
        "top_k": (0, 2**24),
        "top_p": (0.001, 1.0),
        "seed": (0, 2**63 - 1),
    }
    OF_SAMPLING: ClassVar[tuple[str, ...]] = ("temperature", "top_k", "top_p", "seed")
    OF_BEAMS: ClassVar[tuple[str, ...]] = ("length_penalty", "watch")

    def __post_init__(self) -> None:
        for name, (low, high) in self.RANGES.items():
            value, kinds = getattr(self, name), (int,) if type(low) is int else (int, float)
            if (name, value) == ("seed", None):
                continue
            if type(value) not in kinds or not low <= value <= high:
                kind = "whole number" if kinds == (int,) else "number"
                raise ValueError(
                    f"{name} must be a {kind} from {low} to {high}, not {short(value)}"
                )
        if not (type(self.early_stopping) is bool or self.early_stopping == "never"):
            came = short(self.early_stopping)
            raise ValueError(f"early_stopping must be True, False or 'never', not {came}")
        if self.do_sample and self.num_beams > 1:
            raise ValueError("do_sample draws one text; num_beams must be 1")
        unused = () if self.do_sample else self.OF_SAMPLING
        unused += () if self.num_beams > 1 else self.OF_BEAMS
        for name in unused:
            if getattr(self, name) != getattr(Options, name):
                needs = "num_beams above 1" if name in self.OF_BEAMS else "do_sample=True"
                raise ValueError(f"{name} has no effect without {needs}")


class Textbook:
    """`step(ids)`: the next token's logits [R, V] after R texts, by the textbook model, which reads
    the whole texts again each time. `padding_mask` [R, max_length]: padding stands before a text.
    """

    def __init__(
        self, decoder: "BertLMHeadModel", padding_mask: torch.Tensor, **memory: torch.Tensor
    ):
        self.decoder, self.padding_mask, self.memory = decoder, padding_mask, memory

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        # The first real token has position 0, so the padding goes to the end, where none sees it.
        real, order = self.padding_mask[:, : ids.shape[1]].sort(descending=True, stable=True)
        logits = self.decoder(ids.gather(1, order), attention_mask=real, **self.memory).logits
        return logits[torch.arange(len(ids), device=ids.device), real.sum(dim=1) - 1]

    def select(self, rows: torch.Tensor) -> None:
        """From now on, row r is what was row rows[r]."""
        self.padding_mask = self.padding_mask[rows]
        self.memory = {name: each[rows] for name, each in self.memory.items()}


Step = Textbook | Cached


@torch.no_grad()
def generate(
    decoder: "BertLMHeadModel",
    begun: torch.Tensor,
    options: Options,
    *,
    attention_mask: torch.Tensor | None = None,
    **memory: torch.Tensor,
) -> torch.Tensor:
    """`begun` [B, prompt] and what is written after it. `memory` [B, S, D], `memory_mask` [B, S]:
    the encoder's states, of a decoder with cross-attention.
    """
    config = decoder.bert.config
    check_inputs(config, begun, attention_mask, None)
    prompt, max_length = begun.shape[1], options.max_length
    if decoder.training:
        raise ValueError("model is in training mode, where dropout changes the text: model.eval()")
    if not prompt < max_length <= config.max_position_embeddings:
        raise ValueError(
            f"max_length must be above {prompt}, the tokens that it begins with, and at most "
            f"{config.max_position_embeddings}, the decoder's positions, not {max_length}"
        )
    if decoder.has_cross_attention and not memory:
        raise ValueError("this decoder needs a memory: call generate of its EncoderDecoderModel")
    begun = begun.long()
    real = torch.ones_like(begun) if attention_mask is None else attention_mask.long()
    # Padding goes before the text, so that what is written comes right after it.
    real, order = real.sort(dim=1, stable=True)
    begun = begun.gather(1, order)
    padding_mask = pad(real, (0, max_length - prompt), value=1)
    step: Step = (Cached if options.use_cache else Textbook)(decoder, padding_mask, **memory)
    end_token_id = EMPTY if decoder.end_token_id is None else decoder.end_token_id
    algorithm = write if options.num_beams == 1 else beam_search
    return algorithm(step, begun, options, end_token_id, config.pad_token_id)


def write(
    step: Step, begun: torch.Tensor, options: Options, end_token_id: int, pad_token_id: int
) -> torch.Tensor:
    """Greedy or sampling: one token after the other, until each text has ended."""
    generator = None
    if options.seed is not None:
        generator = torch.Generator(begun.device).manual_seed(options.seed)
    length = begun.shape[1]
    ids = pad(begun, (0, options.max_length - length), value=pad_token_id)
    rows = torch.arange(len(ids), device=ids.device)  # of the texts that have not ended
    while length < options.max_length and len(rows):
        logits = step(ids[rows, :length]).float()
        if options.do_sample:
            token = torch.multinomial(probabilities(logits, options), 1, generator=generator)[:, 0]
        else:
            token = logits.max(dim=1).indices  # argmax, in half of its time
        ids[rows, length] = token
        length += 1
        goes_on = (token != end_token_id).nonzero()[:, 0]
        if len(goes_on) < len(rows):
            rows = rows[goes_on]
            step.select(goes_on)
    return ids[:, :length]


def probabilities(logits: torch.Tensor, options: Options) -> torch.Tensor:
    """What sampling draws from.

    Example:
        >>> options = Options(do_sample=True, temperature=0.5, top_k=2)
        >>> probabilities(torch.tensor([[0.0, 2.0, 1.0]]), options)
        tensor([[0.0000, 0.8808, 0.1192]])
    """
    logits = logits / options.temperature
    if options.top_k:
        best = logits.topk(min(options.top_k, logits.shape[1])).values  # [R, k]
        logits = logits.masked_fill(logits < best[:, -1:], -torch.inf)
    if options.top_p < 1:
        probs, tokens = logits.softmax(dim=1).sort(descending=True)
        is_out = probs.cumsum(dim=1) - probs >= options.top_p  # the likelier ones are enough
        logits = logits.masked_fill(is_out.scatter(1, tokens, is_out), -torch.inf)
    return logits.softmax(dim=1)


def beam_search(
    step: Step, begun: torch.Tensor, options: Options, end_token_id: int, pad_token_id: int
) -> torch.Tensor:
    """For each row K = num_beams texts grow side by side, and the K best that ended are kept.

    A step looks at the 2K best continuations of all K·V. The K best that do not end grow on (there
    are as many: each text can end in one way). Those of the first K that end may be kept.

    A row is closed once K texts are kept and, unless early_stopping is True, the best text that
    grows is not better than the worst that is kept ("never": not even if it grew to max_length for
    nothing).
    """
    (batch, prompt), beams, alpha = begun.shape, options.num_beams, options.length_penalty
    ids = pad(begun, (0, options.max_length - prompt), value=EMPTY)
    ids = ids[:, None].repeat(1, beams, 1)  # [B, K, max_length]
    sums = torch.full((batch, beams), NEVER, device=ids.device)
    sums[:, 0] = 0.0  # all K texts are the same: one of them grows
    kept, kept_scores = ids, torch.full_like(sums, NEVER)
    is_closed = torch.zeros_like(sums[:, :1], dtype=torch.bool)
    row = torch.arange(batch, device=ids.device)[:, None]
    step.select(row.repeat(1, beams).flatten())
    for length in range(prompt, options.max_length):
        log_probs = step(ids[:, :, :length].flatten(0, 1)).float().log_softmax(dim=1)  # [B · K, V]
        all_sums = sums.view(-1, 1) + log_probs
        sums, index = all_sums.view(batch, -1).topk(2 * beams)  # [B, 2K]
        beam, token = index // log_probs.shape[1], index % log_probs.shape[1]
        texts = take(ids, beam)  # [B, 2K, max_length]
        texts[:, :, length] = token
        if options.watch is not None:
            options.watch(texts[:, :, : length + 1].clone(), sums.clone())
        ends = (token == end_token_id) | (length + 1 == options.max_length)

        written = length + 1 - prompt
        may_be_kept = ends & ~is_closed
        may_be_kept[:, beams:] = False
        scores = sums / written**alpha + NEVER * ~may_be_kept
        kept_scores, best = torch.cat([kept_scores, scores], dim=1).topk(beams)
        kept = take(torch.cat([kept, texts], dim=1), best)

        sums, best = (sums + NEVER * ends).topk(beams)
        ids = take(texts, best)
        step.select((row * beams + take(beam, best)).flatten())

        if options.early_stopping == "never" and alpha > 0:
            written = options.max_length - prompt
        is_closed |= sums[:, :1] / written**alpha <= kept_scores[:, -1:]
        if options.early_stopping is True:
            is_closed |= kept_scores[:, -1:] > NEVER / 2
        if is_closed.all():
            break
    chosen = kept[:, 0]
    chosen = chosen[:, : int((chosen != EMPTY).sum(dim=1).max())]
    # transformers fills with the end token where padding is token 0, as in BERT's vocabularies.
    return chosen.masked_fill(chosen == EMPTY, pad_token_id or end_token_id)


def take(values: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """From each row of `values` [B, n, …] those at `index` [B, k]: [B, k, …]."""
    return values[torch.arange(len(values), device=values.device)[:, None], index]
