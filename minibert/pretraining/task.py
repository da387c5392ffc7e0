"""Pretraining as a task of the training loop: masked language model and next sentence.

loss = mean over the masked tokens of −log P(token)  +  mean over the rows of −log P(is next?)
"""

from typing import Any, ClassVar

import numpy
import torch

from minibert.heads import BertForPreTraining
from minibert.pretraining.batches import Batch, Batches
from minibert.pretraining.corpus import Corpus, split_documents
from minibert.pretraining.losses import NAMES, PretrainingLoss
from minibert.pretraining.masking import Masking
from minibert.pretraining.sentence_pairs import SentencePairs
from minibert.pretraining.settings import Settings
from minibert.tokenizer import BertTokenizer
from minibert.training.curve import Panels
from minibert.training.task import Counts, Task


class FromCorpus(Task):
    """What tasks share that learn from the documents of a corpus."""

    objective: str
    panels: ClassVar[Panels]  # of the curve
    least = 1  # documents to train on, and to validate on

    def __init__(self, model: Any, tokenizer: BertTokenizer, corpus: Corpus, settings: Settings):
        """`model` keeps its weights if they are trained further; see `new_model` for fresh ones."""
        config = model.bert.config
        if tokenizer.checksum() != corpus.vocabulary:
            raise ValueError("the corpus was tokenized with another vocabulary than this tokenizer")
        if len(tokenizer) > config.vocab_size:
            raise ValueError(
                f"the tokenizer has {len(tokenizer)} pieces, the model only "
                f"{config.vocab_size} (vocab_size)"
            )
        settings.check_fit(config.max_position_embeddings, processes=1)
        self.model, self.tokenizer, self.corpus, self.settings = model, tokenizer, corpus, settings
        self.origin = {
            # Runs that were begun before there were two objectives have none in their checkpoint.
            "objective": None if self.objective == "masked" else self.objective,
            "corpus": corpus.files,
            "vocabulary": corpus.vocabulary,
            "config": config.to_dict(),
        }
        count = len(corpus.documents) - 1
        training, held_out = split_documents(count, settings.held_out, self.least)
        self.batches = self.rows_of(training)
        self.validation = self.rows_of(held_out) if len(held_out) else None

    def rows_of(self, documents: numpy.ndarray) -> dict[int, Any]:
        """Row length -> the EpochRows of some documents."""
        raise NotImplementedError

    def data(self, step: int) -> tuple[Any, int]:
        phase = self.settings.phase(step)
        return self.batches[phase.length], phase.rows

    def held_out(self, step: int) -> tuple[Any, list[tuple[int, int]]] | None:
        """For each row length always the same rows."""
        if self.validation is None:
            return None
        source = self.validation[self.settings.phase(step - 1).length]
        count = min(self.settings.validation_rows, len(source.plan(0)))
        return source, [(0, number) for number in range(count)]


class Pretraining(FromCorpus):
    """`Trainer(Pretraining(model, tokenizer, corpus, settings), settings, out).run()`"""

    objective = "masked"
    sum_names = NAMES
    count_names = ("masked", "rows", "tokens")
    panels: ClassVar[Panels] = {
        "loss": {"mlm_loss": "MLM", "nsp_loss": "NSP"},
        "share of right answers": {"mlm_accuracy": "MLM", "nsp_accuracy": "NSP"},
    }
    least = 2  # a random sentence comes from another document

    def __init__(
        self,
        model: BertForPreTraining,
        tokenizer: BertTokenizer,
        corpus: Corpus,
        settings: Settings,
    ):
        super().__init__(model, tokenizer, corpus, settings)
        self.losses = PretrainingLoss(model, dropout=settings.dropout)

    def rows_of(self, documents: numpy.ndarray) -> dict[int, Batches]:
        settings, tokenizer = self.settings, self.tokenizer
        masking = Masking(
            tokenizer,
            share=settings.mask_share,
            at_most=settings.max_predictions,
            whole_words=settings.whole_words,
        )
        pairs = SentencePairs(self.corpus, documents, short_share=settings.short_share)
        return {
            phase.length: Batches(
                pairs, masking, tokenizer, length=phase.length, seed=settings.seed
            )
            for phase in settings.parts()
        }

    def counts(self, batch: Batch) -> Counts:
        rows = len(batch.nsp_labels)
        return {"masked": len(batch.mlm_labels), "rows": rows, "tokens": batch.tokens()}

    def loss(self, sums: dict[str, torch.Tensor], counts: Counts) -> torch.Tensor:
        return sums["mlm_loss"] / max(counts["masked"], 1) + sums["nsp_loss"] / counts["rows"]

    def record(self, sums: dict[str, float], counts: Counts) -> dict[str, float]:
        masked, rows = max(counts["masked"], 1), counts["rows"]
        mlm_loss, nsp_loss = sums["mlm_loss"] / masked, sums["nsp_loss"] / rows
        return {
            "loss": mlm_loss + nsp_loss,
            "mlm_loss": mlm_loss,
            "nsp_loss": nsp_loss,
            "mlm_accuracy": sums["mlm_correct"] / masked,
            "mlm_top5": sums["mlm_top5"] / masked,
            "nsp_accuracy": sums["nsp_correct"] / rows,
        }

    def progress(self, record: dict[str, Any]) -> str:
        accuracies = f"MLM {record['mlm_accuracy']:.1%}, NSP {record['nsp_accuracy']:.1%}"
        return f"{super().progress(record)}, {accuracies}"
