import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minibert.heads import IS_NEXT, IS_RANDOM
from minibert.pretraining.sentence_pairs import SPECIAL, SentencePairs, cut_ends, kept_lengths
from tests.pretraining.helpers import binomial_bounds, corpus, text


def all_pairs(corpus, length=16, epochs=1, documents=None, short_share=0.1):
    """(row of the plan, pair) for some epochs."""
    if documents is None:
        documents = numpy.arange(len(corpus.documents) - 1)
    source = SentencePairs(corpus, documents, short_share=short_share)
    found = []
    for epoch in range(epochs):
        rng = numpy.random.default_rng(epoch)
        found += [(row.tolist(), source.pair(row, rng)) for row in source.plan(length, rng)]
    return source, found


class Marked:
    """A corpus in which every piece tells its place: piece i is i."""

    def __init__(self, lengths: list[list[int]]):
        sizes = [size for document in lengths for size in document]
        self.sentences = numpy.cumsum([0, *sizes])
        self.documents = numpy.cumsum([0, *map(len, lengths)])
        self.ids = numpy.arange(self.sentences[-1])

    def document_of(self, piece: int) -> int:
        sentence = numpy.searchsorted(self.sentences, piece, side="right") - 1
        return int(numpy.searchsorted(self.documents, sentence, side="right") - 1)


MARKED = Marked([[3, 9, 1, 4, 6], [2, 2], [7], [30, 5, 5], [1, 1, 1, 1, 1, 1, 1], [4, 40]])


def test_a_next_sentence_follows_and_a_random_one_is_from_elsewhere():
    _, found = all_pairs(MARKED, epochs=200)
    for (place, start, end, room), pair in found:
        assert 2 <= len(pair.first) + len(pair.second) <= room
        first, second = (MARKED.document_of(part[0]) for part in (pair.first, pair.second))
        assert first == place
        # Each is a stretch of the text, in order.
        for part in (pair.first, pair.second):
            assert (numpy.diff(part) == 1).all()
            assert len(part) >= 1
        low, high = MARKED.sentences[start], MARKED.sentences[end]
        assert low <= pair.first[0] <= pair.first[-1] < high
        if pair.label == IS_NEXT:
            assert second == first
            assert pair.first[-1] < pair.second[0] <= pair.second[-1] < high
        else:
            assert pair.label == IS_RANDOM
            assert second != first


def test_half_are_random(tmp_path):
    _, found = all_pairs(corpus(tmp_path, text(40)), epochs=60)
    low, high = binomial_bounds(len(found), 0.5)
    assert len(found) > 5000
    assert low < sum(pair.label == IS_RANDOM for _, pair in found) < high


def test_any_other_document_is_as_likely():
    _, found = all_pairs(MARKED, epochs=2000)
    randoms = [
        MARKED.document_of(pair.second[0])
        for (place, *_), pair in found
        if place == 0 and pair.label == IS_RANDOM
    ]
    counts = numpy.bincount(randoms, minlength=6)
    low, high = binomial_bounds(len(randoms), 1 / 5)
    assert counts[0] == 0
    assert all(low < count < high for count in counts[1:])


def test_without_truncation_a_next_pair_is_the_text_itself():
    _, found = all_pairs(MARKED, length=200, epochs=200, short_share=0.0)
    cuts = set()
    for (_, start, end, _), pair in found:
        if pair.label == IS_NEXT:
            together = numpy.concatenate([pair.first, pair.second])
            whole = MARKED.ids[MARKED.sentences[start] : MARKED.sentences[end]]
            assert together.tolist() == whole.tolist()
            if start == 0:
                cuts.add(len(pair.first))
    assert cuts == {3, 12, 13, 17}  # every place between two sentences of the first document


def test_a_plan_has_every_sentence_once():
    source, _ = all_pairs(MARKED)
    plan = source.plan(16, numpy.random.default_rng(3))
    covered = sorted(i for _, start, end, _ in plan.tolist() for i in range(start, end))
    # All but the third document's only sentence, which makes no pair.
    assert covered == [i for i in range(len(MARKED.sentences) - 1) if i != 7]


def test_a_tenth_is_meant_shorter(tmp_path):
    source, _ = all_pairs(corpus(tmp_path, text(200)))
    rooms = numpy.concatenate(
        [source.plan(64, numpy.random.default_rng(seed))[:, 3] for seed in range(40)]
    )
    low, high = binomial_bounds(len(rooms), 0.1 * 59 / 60)  # one in 60 draws the full length
    assert low < (rooms < 64 - SPECIAL).sum() < high
    assert set(range(2, 61)) <= set(rooms.tolist())


def test_order_is_random_and_differs_between_epochs():
    source, _ = all_pairs(MARKED)
    plans = [source.plan(16, numpy.random.default_rng(seed))[:, 1].tolist() for seed in range(5)]
    assert len({tuple(plan) for plan in plans}) == 5
    assert sorted(plans[0]) != plans[0]


def one_at_a_time(first: int, second: int, room: int) -> tuple[int, int]:
    """The authors' truncate_seq_pair: the longer one loses a piece until both fit."""
    while first + second > room:
        if first > second:
            first -= 1
        else:
            second -= 1
    return first, second


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 60))
def test_lengths_as_one_piece_at_a_time(first, second, room):
    assert kept_lengths(first, second, room) == one_at_a_time(first, second, room)


def test_pieces_go_at_the_front_or_the_back_by_a_coin():
    rng = numpy.random.default_rng(0)
    starts = numpy.array([cut_ends(numpy.arange(10), 6, rng)[0] for _ in range(16_000)])
    for front, share in enumerate([1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16]):
        low, high = binomial_bounds(len(starts), share)
        assert low < (starts == front).sum() < high


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=6), min_size=2, max_size=6),
    st.integers(5, 40),
    st.integers(0, 100),
)
def test_any_corpus(lengths, length, seed):
    marked = Marked(lengths)
    source = SentencePairs(marked, numpy.arange(len(lengths)))
    rng = numpy.random.default_rng(seed)
    if max(map(len, lengths)) < 2:
        with pytest.raises(ValueError, match="no document has two sentences"):
            source.plan(length, rng)
        return
    for row in source.plan(length, rng):
        pair = source.pair(row, rng)
        assert len(pair.first) >= 1
        assert len(pair.second) >= 1
        assert len(pair.first) + len(pair.second) <= length - SPECIAL
        same = marked.document_of(pair.first[0]) == marked.document_of(pair.second[0])
        assert same == (pair.label == IS_NEXT)


def test_only_the_documents_given_are_used():
    _, found = all_pairs(MARKED, documents=numpy.array([0, 3, 5]), epochs=50)
    used = {MARKED.document_of(part[0]) for _, pair in found for part in (pair.first, pair.second)}
    assert used == {0, 3, 5}


def test_what_cannot_be():
    with pytest.raises(ValueError, match="at least 2 documents, not 1"):
        SentencePairs(MARKED, numpy.array([0]))
    with pytest.raises(ValueError, match="at least 5 positions, not 4"):
        SentencePairs(MARKED, numpy.arange(6)).plan(4, numpy.random.default_rng(0))
