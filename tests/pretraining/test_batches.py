import numpy
import torch

from minibert.pretraining.batches import ROW, Batches, generator
from minibert.pretraining.masking import Masking
from minibert.pretraining.sentence_pairs import SentencePairs
from tests.pretraining.helpers import corpus, tokenizer


def make_batches(folder, length=16, seed=7):
    found = corpus(folder)
    everything = numpy.arange(len(found.documents) - 1)
    pairs = SentencePairs(found, everything, short_share=0.5)
    return Batches(pairs, Masking(tokenizer()), tokenizer(), length=length, seed=seed)


def test_a_row_is_cls_a_sep_b_sep(tmp_path):
    batches = make_batches(tmp_path)
    rows, *_ = batches.take(0, 0, 20)
    batch = batches.make(rows)
    restored = batch.input_ids.flatten().clone()
    restored[batch.positions] = batch.mlm_labels
    restored = restored.view(20, 16)
    for i, (epoch, number) in enumerate(rows):
        rng = generator(7, ROW, epoch, number)
        pair = batches.pairs.pair(batches.plan(epoch)[number], rng)
        expected = [2, *pair.first.tolist(), 3, *pair.second.tolist(), 3]
        size = len(expected)
        assert restored[i, :size].tolist() == expected
        assert batch.input_ids[i, size:].tolist() == [0] * (16 - size)
        assert batch.attention_mask[i].tolist() == [1] * size + [0] * (16 - size)
        first = len(pair.first) + 2
        segments = [0] * first + [1] * (size - first) + [0] * (16 - size)
        assert batch.token_type_ids[i].tolist() == segments
        assert batch.nsp_labels[i] == pair.label
    assert batch.tokens() == int(batch.attention_mask.sum())


def equal(one, other):
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_a_row_is_the_same_whoever_makes_it(tmp_path):
    batches = make_batches(tmp_path)
    rows, *_ = batches.take(0, 0, 12)
    whole = batches.make(rows)
    odd = make_batches(tmp_path).make(rows[1::2])
    assert torch.equal(whole.input_ids[1::2], odd.input_ids)
    assert torch.equal(whole.nsp_labels[1::2], odd.nsp_labels)
    assert equal(whole, make_batches(tmp_path).make(rows))
    assert not equal(whole, make_batches(tmp_path, seed=8).make(rows))


def test_masks_are_fresh_in_every_epoch_and_every_row_is_read(tmp_path):
    batches = make_batches(tmp_path, length=64)
    size = len(batches.plan(0))
    rows, epoch, number = batches.take(0, 0, size)
    assert rows == [(0, i) for i in range(size)]
    assert (epoch, number) == (1, 0)
    # The same pair in two epochs: its place in the plan, cut, B and masks all differ.
    by_start = []
    for epoch in (0, 1):
        plan = batches.plan(epoch)
        number = numpy.flatnonzero(plan[:, 1] == plan[:, 1].min())[0]
        by_start.append(batches.make([(epoch, int(number))]))
    assert not torch.equal(by_start[0].input_ids, by_start[1].input_ids)


def test_rows_go_on_into_the_next_epoch(tmp_path):
    batches = make_batches(tmp_path)
    first, second = len(batches.plan(0)), len(batches.plan(1))
    rows, epoch, number = batches.take(0, first - 3, 5 + second)
    assert rows[:3] == [(0, first - 3), (0, first - 2), (0, first - 1)]
    assert rows[3 : 3 + second] == [(1, i) for i in range(second)]
    assert rows[3 + second :] == [(2, 0), (2, 1)]
    assert (epoch, number) == (2, 2)
