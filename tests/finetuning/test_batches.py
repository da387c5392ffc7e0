"""Every row once an epoch, texts of like length together, and always the same for a seed."""

import random
from itertools import pairwise

import numpy
import pytest

from minibert.finetuning import batches as module
from minibert.finetuning.batches import Batches, Item
from minibert.finetuning.rows import Row
from tests.finetuning.learning import task_for


def items(lengths):
    return [Item.of(n, Row([5] * length, [0] * length, n)) for n, length in enumerate(lengths)]


def many(count=1000, seed=0):
    draw = random.Random(seed)
    return items(draw.choices(range(3, 60), weights=range(57, 0, -1), k=count))


def plan_of(batches, epoch):
    return [[int(item) for item in batch] for batch in batches.plan(epoch)]


@pytest.mark.parametrize("count", [1, 3, 31, 32, 33, 1000, 3333])
def test_every_row_once_an_epoch_in_a_fixed_number_of_batches(count):
    batches = Batches(many(count), rows=32, seed=1)
    for epoch in range(3):
        plan = plan_of(batches, epoch)
        assert len(plan) == batches.count == -(-count // 32)
        assert all(plan)
        assert sorted(item for batch in plan for item in batch) == [*range(count)]


def test_one_long_text_does_not_cost_a_batch():
    batches = Batches(items([3] * 99 + [2000]), rows=10, seed=1)
    for epoch in range(5):
        plan = plan_of(batches, epoch)
        assert len(plan) == 10
        assert all(plan)


def test_the_order_is_of_seed_and_epoch():
    one, same, other = (Batches(many(), rows=32, seed=seed) for seed in (1, 1, 2))
    assert plan_of(one, 0) == plan_of(same, 0)
    assert plan_of(one, 1) != plan_of(one, 0) != plan_of(other, 0)
    assert plan_of(same, 0) == plan_of(one, 0)  # also after another epoch was asked for


def test_texts_of_like_length_come_together_and_batches_cost_alike():
    found = Batches(many(5000), rows=32, seed=1)
    plan = plan_of(found, 0)
    lengths = [[len(found.items[item]) for item in batch] for batch in plan]
    tokens = [sum(own) for own in lengths]
    padded = sum(len(own) * max(own) for own in lengths)
    assert padded < 1.1 * sum(tokens)
    shuffled = [len(item) for item in found.items]
    at_random = sum(32 * max(shuffled[i : i + 32]) for i in range(0, 5000, 32))
    assert at_random > 2 * sum(tokens)
    assert max(tokens) < 1.2 * numpy.mean(tokens)
    # Neighbours in the plan are not neighbours in length.
    means = [numpy.mean(own) for own in lengths]
    assert abs(numpy.corrcoef(means[1:], means[:-1])[0, 1]) < 0.3


def test_pools_are_dealt_anew_each_epoch(monkeypatch):
    monkeypatch.setattr(module, "POOL", 2)
    found = Batches(many(200), rows=10, seed=1)
    partners = [
        {frozenset(pair) for batch in plan_of(found, epoch) for pair in pairwise(batch)}
        for epoch in range(2)
    ]
    assert len(partners[0] & partners[1]) < 0.3 * len(partners[0])


def test_the_rows_of_each_step_are_its_batch():
    learned = task_for("classify", count=21)
    epoch = number = 0
    seen = []
    for step in range(12):
        source, count = learned.data(step)
        rows, epoch, number = source.take(epoch, number, count)
        assert [item for _, item in rows] == source.batch(step)
        seen += rows
    assert sorted(seen) == [(epoch, item) for epoch in range(2) for item in range(21)]
    assert (epoch, number) == (2, 0)


def test_a_batch_is_its_texts_end_to_end():
    learned = task_for("similar")
    rows, *_ = learned.batches.take(0, 0, 6)
    batch = learned.batches.make(rows)
    own = {tuple(item.ids[0]): item for item in learned.batches.items}
    lengths = [length for texts, length, _ in batch.groups for _ in range(texts)]
    assert lengths == sorted(lengths)
    assert sum(lengths) == len(batch.ids) == batch.counts()["tokens"]
    texts = [
        tuple(batch.ids[start : start + length].tolist())
        for start, length in zip(batch.firsts.tolist(), lengths, strict=True)
    ]
    for places, target in zip(batch.places.tolist(), batch.targets.tolist(), strict=True):
        item = own[texts[places[0]]]
        assert tuple(item.ids[1]) == texts[places[1]]
        assert item.target == target
