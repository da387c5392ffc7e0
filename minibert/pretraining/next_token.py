"""Pretraining a BERT that writes: each token is to guess the next one.

    stream    all documents, end to end, [SEP] after each        x_1 x_2 x_3 …
    row       S pieces of it, from anywhere:                     [CLS] x_i … x_{i+S-2}
    asked     for each its next one:                                   x_i … x_{i+S-1}

    loss = mean over all tokens of −log P(next)

The mask of the decoder hides the future, so all tokens of a row are asked at once: S of them, where
masking asks a seventh. What it costs: no token sees what comes after it, and one that sees both
sides knows more. So a decoder writes, and BERT reads.

A row begins with [CLS], as a prompt does. It may hold the end of one document and the beginning of
the next; that [SEP] stands between them is learned like everything else.

Source: article A§2.1 (GPT beside BERT); Radford et al. 2018, section 3.1, formula 1.

Differs: the paper's GPT has no [CLS], and its tokens are pieces of byte-pair encoding.
"""

from collections.abc import Iterable
from typing import ClassVar

import numpy
import torch
from torch import nn

from minibert.pretraining.batches import EpochRows
from minibert.pretraining.corpus import Corpus
from minibert.pretraining.losses import guessed
from minibert.pretraining.settings import Settings
from minibert.pretraining.task import FromCorpus
from minibert.tokenizer import BertTokenizer
from minibert.training.curve import Panels
from minibert.training.forward import decode, score_pieces
from minibert.training.task import Counts
from minibert.translation.encoder_decoder import BertLMHeadModel


class Stream:
    """Some documents of a corpus, end to end."""

    def __init__(self, corpus: Corpus, documents: numpy.ndarray, end: int):
        """`documents`: their numbers. `end`: the token after each, [SEP]."""
        self.ids, self.end = corpus.ids, end
        edges = numpy.asarray(corpus.sentences)[numpy.asarray(corpus.documents)]  # in corpus.ids
        self.spans = numpy.stack([edges[:-1], edges[1:]], axis=1)[documents]
        lengths = self.spans[:, 1] - self.spans[:, 0] + 1
        self.starts = numpy.concatenate([[0], numpy.cumsum(lengths)])  # in the stream

    def plan(self, length: int, rng: numpy.random.Generator) -> numpy.ndarray:
        """Where the rows of an epoch begin, in random order; the first one somewhere else in each
        epoch.
        """
        total = int(self.starts[-1])
        if total < length:
            raise ValueError(f"the text has {total} pieces, fewer than the {length} of a row")
        first = int(rng.integers(min(length, total - length + 1)))
        return rng.permutation(numpy.arange(first, total - length + 1, length))

    def pieces(self, start: int, length: int) -> numpy.ndarray:
        found: list[numpy.ndarray] = []
        document = int(numpy.searchsorted(self.starts, start, side="right")) - 1
        skipped = start - int(self.starts[document])
        while sum(map(len, found)) < length:
            begin, end = self.spans[document]
            found += [self.ids[begin + skipped : end], numpy.array([self.end])]
            document, skipped = document + 1, 0
        return numpy.concatenate(found)[:length]


class StreamBatches(EpochRows):
    """A batch is a tensor [B, S+1]: a row, and the token after it."""

    source: Stream

    def __init__(self, source: Stream, tokenizer: BertTokenizer, *, length: int, seed: int):
        super().__init__(source, length=length, seed=seed)
        self.cls = tokenizer.cls_token_id

    def make(self, rows: Iterable[tuple[int, int]]) -> torch.Tensor:
        starts = [int(self.plan(epoch)[number]) for epoch, number in rows]
        ids = numpy.full((len(starts), self.length + 1), self.cls, dtype=numpy.int64)
        for row, start in enumerate(starts):
            ids[row, 1:] = self.source.pieces(start, self.length)
        return torch.from_numpy(ids)


class NextToken(FromCorpus):
    """`Trainer(NextToken(model, tokenizer, corpus, settings), settings, out).run()`"""

    objective = "next-token"
    sum_names = ("loss", "correct", "top5")
    count_names = ("tokens",)
    panels: ClassVar[Panels] = {
        "loss": {"loss": "next token"},
        "share of right answers": {"accuracy": "next token", "top5": "among the five likeliest"},
    }

    def __init__(
        self, model: BertLMHeadModel, tokenizer: BertTokenizer, corpus: Corpus, settings: Settings
    ):
        super().__init__(model, tokenizer, corpus, settings)
        self.losses = NextTokenLoss(model, dropout=settings.dropout)

    def rows_of(self, documents: numpy.ndarray) -> dict[int, StreamBatches]:
        stream = Stream(self.corpus, documents, self.tokenizer.sep_token_id)
        seed, lengths = self.settings.seed, {phase.length for phase in self.settings.parts()}
        return {n: StreamBatches(stream, self.tokenizer, length=n, seed=seed) for n in lengths}

    def counts(self, batch: torch.Tensor) -> Counts:
        return {"tokens": batch[:, 1:].numel()}

    def loss(self, sums: dict[str, torch.Tensor], counts: Counts) -> torch.Tensor:
        return sums["loss"] / counts["tokens"]

    def record(self, sums: dict[str, float], counts: Counts) -> dict[str, float]:
        names = {"loss": "loss", "accuracy": "correct", "top5": "top5"}
        return {name: sums[sum_] / counts["tokens"] for name, sum_ in names.items()}


class NextTokenLoss(nn.Module):
    """The sums of a batch, with gradient."""

    def __init__(self, model: BertLMHeadModel, *, dropout: float):
        super().__init__()
        self.model, self.dropout = model, dropout

    def forward(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        bert, given = self.model.bert, batch[:, :-1]
        groups = [(*given.shape, None)]
        dropout = self.dropout if self.training else 0.0
        hidden = decode(bert, given.flatten(), groups, dropout)
        logits = score_pieces(self.model.mlm, hidden, bert.embeddings.token.weight)
        return guessed(logits, batch[:, 1:].flatten())
