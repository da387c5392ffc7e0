"""How well a pretrained model guesses on documents it never saw, beside three baselines:

    python -m tests.benchmarks.held_out FOLDER        (FOLDER: the --out of `minibert pretrain`)

15 % of the tokens masked as in the paper, rows of 32, 64 and 128. The baselines are counted on the
same training documents: the most frequent piece; a table of which piece follows which, asked for
the left neighbour (for the right one, where the left is hidden); and both neighbours together,
P(x | left, right) ∝ count(left, x) · count(x, right) / count(x).
"""

import sys
from pathlib import Path

import numpy
import torch

from minibert.pretraining.batches import Batch, Batches
from minibert.pretraining.corpus import Corpus, split_documents
from minibert.pretraining.losses import NAMES, PretrainingLoss
from minibert.pretraining.masking import Masking
from minibert.pretraining.sentence_pairs import SentencePairs
from weights_loader import load_bert

LENGTHS, ROWS = (32, 64, 128), 2048


class Baselines:
    """Counts of pieces and of neighbours in the training documents."""

    def __init__(self, corpus: Corpus, documents: numpy.ndarray, vocab_size: int):
        self.counts = numpy.zeros(vocab_size)
        self.follows = numpy.zeros((vocab_size, vocab_size), dtype=numpy.float32)
        for document in documents:
            start, end = corpus.documents[document], corpus.documents[document + 1]
            ids = corpus.ids[corpus.sentences[start] : corpus.sentences[end]].astype(numpy.int64)
            self.counts += numpy.bincount(ids, minlength=vocab_size)
            numpy.add.at(self.follows, (ids[:-1], ids[1:]), 1)
        self.special = numpy.arange(5)  # never asked for

    def scores(self, batch: Batch) -> dict[str, numpy.ndarray]:
        """For each baseline a score of every piece at every masked place."""
        ids = batch.input_ids.numpy().ravel()
        places = batch.positions.numpy()
        left, right = ids[places - 1], ids[places + 1]
        after_left, before_right = self.follows[left], self.follows[:, right].T
        no_left, no_right = (left < 5)[:, None], (right < 5)[:, None]
        frequent = numpy.broadcast_to(self.counts, after_left.shape)
        one = numpy.where(no_left, numpy.where(no_right, frequent, before_right), after_left)
        # Ten sightings by frequency alone, so that a pair that was never seen is not impossible.
        share = self.counts / self.counts.sum()
        smooth_left = numpy.where(no_left, share, after_left + share * 10)
        smooth_right = numpy.where(no_right, share, before_right + share * 10)
        both = smooth_left * smooth_right / numpy.maximum(share, 1e-9)
        found = {"most frequent piece": frequent, "one neighbour": one, "both neighbours": both}
        return {name: numpy.delete(score, self.special, axis=1) for name, score in found.items()}


def right_answers(scores: numpy.ndarray, labels: numpy.ndarray) -> tuple[int, int]:
    """How many labels score highest, and how many are among the five highest."""
    best = numpy.argpartition(-scores, 5, axis=1)[:, :5]
    order = numpy.take_along_axis(scores, best, axis=1).argsort(axis=1)[:, ::-1]
    best = numpy.take_along_axis(best, order, axis=1)
    return int((best[:, 0] == labels).sum()), int((best == labels[:, None]).any(axis=1).sum())


def measure(folder: Path) -> None:
    model, tokenizer = load_bert(folder, head="pretraining")
    corpus = Corpus(folder / "corpus")
    training, held_out = split_documents(len(corpus.documents) - 1, 0.02)
    print(f"{len(held_out)} held-out documents of {len(training) + len(held_out)}; {ROWS} rows\n")
    baselines = Baselines(corpus, training, len(tokenizer))
    loss = PretrainingLoss(model, dropout=0.0)
    pairs = SentencePairs(corpus, held_out)
    print(f"{'rows of':<9}{'':<22}{'top-1':>7}{'top-5':>7}{'MLM loss':>10}{'NSP':>7}")
    for length in LENGTHS:
        batches = Batches(pairs, Masking(tokenizer), tokenizer, length=length, seed=12345)
        rows = [(0, i) for i in range(min(ROWS, len(batches.plan(0))))]
        totals, asked, tallies = dict.fromkeys(NAMES, 0.0), 0, {}
        for start in range(0, len(rows), 64):
            batch = batches.make(rows[start : start + 64])
            with torch.no_grad():
                result = loss(batch)
            for name in NAMES:
                totals[name] += float(result[name])
            labels = batch.mlm_labels.numpy()
            asked += len(labels)
            for name, scores in baselines.scores(batch).items():
                first, five = right_answers(scores, labels - 5)
                before = tallies.get(name, (0, 0))
                tallies[name] = (before[0] + first, before[1] + five)
        print(
            f"{length:<9}{'the model':<22}{totals['mlm_correct'] / asked:>7.1%}"
            f"{totals['mlm_top5'] / asked:>7.1%}{totals['mlm_loss'] / asked:>10.3f}"
            f"{totals['nsp_correct'] / len(rows):>7.1%}"
        )
        for name, (first, five) in tallies.items():
            print(f"{'':<9}{name:<22}{first / asked:>7.1%}{five / asked:>7.1%}", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.benchmarks.held_out FOLDER")
    measure(Path(sys.argv[1]))
