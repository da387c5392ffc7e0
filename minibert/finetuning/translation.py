"""Translation as a task of the training loop: pairs of texts, their batches, and the loss.

    read       the source text        [CLS] x_1 … x_n [SEP]
    given      to the decoder         [CLS] y_1 … y_m
    asked      of the decoder               y_1 … y_m [SEP]

    loss = mean over the asked tokens of
               (1 − ε) · (−log P(y))  +  ε · (mean over all V pieces of −log P)

where ε is the label smoothing. The decoder guesses each token from the *right* tokens before it,
whatever it would have written itself: that is teacher forcing. So all tokens are learned in one
pass, and none is written meanwhile. What it costs: the model never sees its own mistakes until it
writes. Smoothing keeps it from being too sure: one right translation is not the only one.

On held-out pairs the loss is without smoothing. `exact` is the share of the pairs whose tokens are
all the likeliest ones: those that greedy writing would get right to the last token.

Source: Vaswani et al. 2017, sections 3.1 and 5.4; Szegedy et al. 2016 (arXiv 1512.00567), section
7, the formula of label smoothing; Williams and Zipser 1989, teacher forcing.

Differs: the paper's encoder and decoder share one vocabulary and one table of vectors; here each
side may have its own. The decoder's table is also its output layer, as in the paper.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy
import torch
from torch import nn
from torch.nn import functional

from minibert.common.lines import blocks
from minibert.finetuning.batches import Batches, Item, lay_out, whole
from minibert.finetuning.examples import Example
from minibert.finetuning.rows import rows_of_texts
from minibert.finetuning.settings import Settings
from minibert.finetuning.tasks import AT_ONCE, FromExamples, at_least_float32, by_length
from minibert.tokenizer import BertTokenizer
from minibert.training.forward import Group, Memory, decode, encode, score_pieces
from minibert.training.task import Counts
from minibert.translation.encoder_decoder import EncoderDecoderModel


@dataclass(frozen=True)
class PairBatch:
    """The texts of both sides end to end, each side with its shortest first."""

    read: torch.Tensor  # ids of the sources, end to end
    read_groups: list[Group]
    places: torch.Tensor  # [pairs, S]: where the source of each target is in `read`
    mask: torch.Tensor  # [pairs, S]: 1 = real, 0 = padding
    given: torch.Tensor  # [T]: ids of the targets, end to end
    asked: torch.Tensor  # [T]: for each the next one
    groups: list[Group]  # of the targets

    def to(self, device: torch.device) -> "PairBatch":
        names = ("read", "places", "mask", "given", "asked")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


class PairBatches(Batches):
    """The pairs of a run, epoch after epoch; an Item is a source with its target."""

    def __init__(self, items: Sequence[Item], *, rows: int, seed: int, start: int):
        """`start`: the token that the decoder is given first."""
        super().__init__(items, rows=rows, seed=seed)
        self.start = numpy.array([start])

    def make(self, rows: Iterable[tuple[int, int]]) -> PairBatch:
        items = [self.items[item] for _, item in rows]
        items.sort(key=lambda item: len(item.ids[1]))
        sources, targets = ([item.ids[side] for item in items] for side in (0, 1))
        order, read_groups, firsts = lay_out(sources)
        lengths = numpy.array([len(source) for source in sources], dtype=numpy.int64)
        steps = numpy.arange(lengths.max(initial=0))
        mask = steps < lengths[:, None]
        places = numpy.zeros_like(mask, dtype=numpy.int64)
        places[order] = firsts[:, None] + steps
        given = [numpy.concatenate([self.start, target[:-1]]) for target in targets]
        return PairBatch(
            whole([sources[text] for text in order]),
            read_groups,
            torch.from_numpy(places * mask),
            torch.from_numpy(mask.astype(numpy.int64)),
            whole(given),
            whole(targets),
            lay_out(targets)[1],
        )


class Translation(FromExamples):
    """`task = Translation(model, tokenizer, train, dev, settings)`, then
    `Trainer(task, task.settings, out).run()`.
    """

    sum_names = ("loss", "right", "exact")
    count_names = ("targets", "texts", "tokens")
    main = "loss"

    def __init__(
        self,
        model: EncoderDecoderModel,
        tokenizer: BertTokenizer,
        train: Sequence[Example],
        dev: Sequence[Example],
        settings: Settings,
        *,
        tell: Callable[[str], None] = print,
    ):
        """`train` and `dev`: the text and, as its pair, the translation. `tell` is called with a
        line after each epoch.
        """
        self.whole = self.model = model
        target = model.target_tokenizer or tokenizer
        if model.start_token_id is None or model.end_token_id is None:
            raise ValueError("the model has no start_token_id or no end_token_id, so cannot write")
        configs = model.encoder.config, model.decoder.bert.config
        both = zip(("encoder", "decoder"), configs, (tokenizer, target), strict=True)
        for side, config, own in both:
            if len(own) > config.vocab_size:
                count = f"the {side}'s tokenizer has {len(own)} pieces"
                raise ValueError(f"{count}, its model only {config.vocab_size} (vocab_size)")
        if model.encoder.pooler is not None:
            model.encoder.pooler.requires_grad_(False)  # nothing reads it
        self.limit = min(config.max_position_embeddings for config in configs)
        shape = {"rows": settings.batch, "seed": settings.seed, "start": model.start_token_id}
        items = [[*self.pairs(tokenizer, target, some)] for some in (train, dev)]
        self.batches, self.dev = (PairBatches(some, **shape) for some in items)
        self.cut = sum(item.is_cut for item in items[0])
        self.losses = TranslationLoss(model, settings.dropout, settings.label_smoothing)
        self.settings, self.tell = settings.for_batches(self.batches.count), tell
        self.origin = {
            "vocabularies": [tokenizer.checksum(), target.checksum()],
            "config": [config.to_dict() for config in configs],
        }

    def pairs(
        self, tokenizer: BertTokenizer, target: BertTokenizer, examples: Sequence[Example]
    ) -> Iterator[Item]:
        """A source, and the labels of its target."""
        for some in blocks(examples, AT_ONCE):
            sources = [replace(one, pair=None) for one in some]
            rows = rows_of_texts(tokenizer, sources, self.limit)
            for one, row in zip(some, rows, strict=True):
                labels = target.text_ids(one.pair or "")
                for ids, what in ((row.ids[1:-1], "text"), (labels, "target")):
                    if not ids:
                        raise ValueError(f"{one.file}: line {one.line}: the {what} is empty")
                is_cut = row.is_cut or len(labels) >= self.limit
                labels = [*labels[: self.limit - 1], self.whole.end_token_id]
                both = numpy.array(row.ids, numpy.int32), numpy.array(labels, numpy.int32)
                yield Item(both, (), None, is_cut)

    def held_out(self, step: int) -> tuple[PairBatches, list[tuple[int, int]]]:
        longest = sorted(range(len(self.dev.items)), key=lambda item: len(self.dev.items[item]))
        return self.dev, [(0, item) for item in longest]

    def counts(self, batch: PairBatch) -> Counts:
        tokens = len(batch.asked)
        return {"targets": tokens, "texts": len(batch.mask), "tokens": tokens + len(batch.read)}

    def record(self, sums: dict[str, float], counts: Counts) -> dict[str, float]:
        targets, texts = max(counts["targets"], 1), max(counts["texts"], 1)
        shares = {"accuracy": sums["right"] / targets, "exact": sums["exact"] / texts}
        return {"loss": sums["loss"] / targets, **shares}

    def score(self, record: dict[str, float]) -> float:
        return -record["loss"]


class TranslationLoss(nn.Module):
    """The sums of a batch, with gradient."""

    def __init__(self, model: EncoderDecoderModel, dropout: float, smoothing: float):
        super().__init__()
        self.model, self.dropout, self.smoothing = model, dropout, smoothing

    def forward(self, batch: PairBatch) -> dict[str, torch.Tensor]:
        dropout, smoothing = (self.dropout, self.smoothing) if self.training else (0.0, 0.0)
        encoder, decoder = self.model.encoder, self.model.decoder
        segments = torch.zeros_like(batch.read)
        read = encode(encoder, batch.read, segments, batch.read_groups, dropout)[-1]
        memory = Memory(read, batch.places, batch.mask)
        hidden = decode(decoder.bert, batch.given, batch.groups, dropout, memory)
        logits = score_pieces(decoder.mlm, hidden, decoder.bert.embeddings.token.weight)
        logits = at_least_float32(logits)  # [T, V]
        scores = logits.detach()
        right = scores.gather(1, batch.asked[:, None])[:, 0] >= scores.amax(dim=1)
        exact = [part.all(dim=1).sum() for part in by_length(right, batch.groups)]
        loss = functional.cross_entropy(
            logits, batch.asked, reduction="sum", label_smoothing=smoothing
        )
        return {"loss": loss, "right": right.sum(), "exact": sum(exact, right.sum() * 0)}
