"""Documents to pairs of sentences for next-sentence prediction (NSP, 下一句预测), F10.

    [s_1 … s_n] of a document, about `room` pieces long
    A = s_1 … s_c           c drawn from 1 … n−1
    B = s_{c+1} … s_n       label 0, "is next",               with probability 1/2
        or the same length from another document, label 1, "is random"

A and B share a row of S positions with [CLS] and two [SEP], so room = S − 3. With probability 0.1 a
pair is meant to be shorter, so that the model sees short rows too. If a pair is still too long, the
longer text loses pieces, each at the front or at the back, as a coin decides.

Source: article A§3.2, D§3.2; Devlin et al. 2018, appendix A.2; the authors'
create_pretraining_data.py.

Differs: article D§3.2.1 takes two consecutive sentences always. Where the authors' code has only
one sentence left it makes a random pair of it, so that more than half are random; here the last
sentence joins the pair before it, and exactly half are random. Sentences that a random B displaced
are not put back; they have their turn in another epoch, cut elsewhere.
"""

from bisect import bisect_left
from dataclasses import dataclass

import numpy

from minibert.heads import IS_NEXT, IS_RANDOM
from minibert.pretraining.corpus import Corpus

SPECIAL = 3  # [CLS] A [SEP] B [SEP]


@dataclass(frozen=True)
class Pair:
    first: numpy.ndarray
    second: numpy.ndarray
    label: int


class SentencePairs:
    """The pairs of some documents of a corpus."""

    def __init__(self, corpus: Corpus, documents: numpy.ndarray, *, short_share: float = 0.1):
        """`documents`: their numbers. `short_share`: how many pairs are meant shorter."""
        if len(documents) < 2:
            raise ValueError(
                f"next-sentence prediction needs at least 2 documents, not {len(documents)}: half "
                "the second sentences come from another document (a blank line ends a document)"
            )
        self.ids = numpy.asarray(corpus.ids)
        self.sentences = numpy.asarray(corpus.sentences)
        self.starts = numpy.asarray(corpus.documents)
        self.documents = documents
        self.short_share = short_share

    def plan(self, length: int, rng: numpy.random.Generator) -> numpy.ndarray:
        """All pairs of one epoch for rows of `length`, in random order. For each a row of numbers:
        the index in `documents`, the first sentence, the one after the last, the room.
        """
        if length < SPECIAL + 2:
            raise ValueError(f"a row must have at least {SPECIAL + 2} positions, not {length}")
        rows = []
        for index, document in enumerate(self.documents):
            start, end = int(self.starts[document]), int(self.starts[document + 1])
            offsets = self.sentences[start : end + 1].tolist()
            first, last = 0, end - start
            while last - first >= 2:
                room = length - SPECIAL
                if rng.random() < self.short_share:
                    room = int(rng.integers(2, room + 1))
                stop = bisect_left(offsets, offsets[first] + room, first + 2, last)
                if last - stop < 2:
                    stop = last  # a sentence alone makes no pair
                rows.append((index, start + first, start + stop, room))
                first = stop
        if not rows:
            raise ValueError("no document has two sentences: there are no pairs to train on")
        return rng.permutation(numpy.array(rows))

    def pair(self, row: numpy.ndarray, rng: numpy.random.Generator) -> Pair:
        """The pair of one row of a plan; `rng` draws where to cut it, and its second sentence."""
        index, start, end, room = row.tolist()
        cut = int(rng.integers(start + 1, end))
        first = self.ids[self.sentences[start] : self.sentences[cut]]
        if rng.random() < 0.5:
            second, label = self.ids[self.sentences[cut] : self.sentences[end]], IS_NEXT
        else:
            second, label = self.elsewhere(index, room - len(first), rng), IS_RANDOM
        a, b = kept_lengths(len(first), len(second), room)
        return Pair(cut_ends(first, a, rng), cut_ends(second, b, rng), label)

    def elsewhere(self, index: int, wanted: int, rng: numpy.random.Generator) -> numpy.ndarray:
        """Sentences of any other document: from a random one on, to `wanted` pieces or its end."""
        other = int(rng.integers(len(self.documents) - 1))
        other += other >= index
        document = self.documents[other]
        start, end = int(self.starts[document]), int(self.starts[document + 1])
        begin = int(rng.integers(start, end))
        offset = self.sentences[begin]
        stop = begin + int(
            numpy.searchsorted(self.sentences[begin + 1 : end], offset + max(wanted, 1))
        )
        return self.ids[offset : self.sentences[min(stop + 1, end)]]


def kept_lengths(first: int, second: int, room: int) -> tuple[int, int]:
    """How much of each is left if always the longer one loses a piece (of two alike, B).

    Example:
        >>> kept_lengths(10, 3, room=8), kept_lengths(10, 9, room=7)
        ((5, 3), (4, 3))
    """
    if first + second <= room:
        return first, second
    if second <= room // 2:
        return room - second, second
    kept = min(first, room - room // 2)
    return kept, room - kept


def cut_ends(ids: numpy.ndarray, length: int, rng: numpy.random.Generator) -> numpy.ndarray:
    """Remove pieces, each at the front or at the back, as a coin decides."""
    surplus = len(ids) - length
    front = int(rng.binomial(surplus, 0.5)) if surplus else 0
    return ids[front : front + length]
