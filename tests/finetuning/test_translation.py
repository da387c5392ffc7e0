"""What a translator learns is what the textbook would learn from the same pairs."""

import shutil

import pytest
import torch

from minibert import cross_entropy
from minibert.finetuning.prepare import open_translator
from minibert.heads import NO_LABEL
from minibert.training.checkpoint import BEST, load_checkpoint
from tests import tiny
from tests.finetuning.learning import log
from tests.finetuning.pairs import as_textbook, model, pairs, task_for, trainer
from tests.training.toy import fail_after
from weights_loader import save_bert

CPU = torch.device("cpu")


def first_rows(task, count=7):
    return task.batches.take(0, 0, count)[0]


def smoothed(logits, labels, smoothing):
    """Label smoothing by its formula, the mean over the asked tokens."""
    asked = labels != NO_LABEL
    log_probs = logits[asked].log_softmax(dim=-1)
    right = -log_probs.gather(1, labels[asked][:, None])[:, 0]
    return ((1 - smoothing) * right + smoothing * -log_probs.mean(dim=1)).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_are_the_textbooks(smoothing):
    task = task_for(label_smoothing=smoothing)
    rows = first_rows(task, 18)
    batch = task.batches.make(rows)
    assert min(len(batch.groups), len(batch.read_groups)) > 2
    lengths = batch.mask.sum(dim=1).tolist()
    assert lengths != sorted(lengths)  # the sides have different orders
    inputs, labels = as_textbook(task, rows)
    own = task.model
    loss = smoothed(own(**inputs).logits, labels, smoothing)
    if not smoothing:
        assert loss.item() == pytest.approx(cross_entropy(own(**inputs).logits, labels).item())
    loss.backward()
    expected = {name: p.grad for name, p in own.named_parameters() if p.grad is not None}
    own.zero_grad()
    task.losses.train()
    found = task.loss(task.losses(batch), task.counts(batch))
    found.backward()
    assert found.item() == pytest.approx(loss.item(), rel=1e-12)
    learned = {name: p.grad for name, p in own.named_parameters() if p.grad is not None}
    assert learned.keys() == expected.keys()
    for name, gradient in learned.items():
        scale = max(expected[name].abs().max().item(), 1e-3)
        assert (gradient - expected[name]).abs().max() <= 1e-10 * scale, name


def test_the_decoder_is_given_the_right_text_shifted():
    task = task_for()
    batch = task.batches.make(first_rows(task, 1))
    (item,) = (task.batches.items[item] for _, item in first_rows(task, 1))
    assert batch.asked.tolist() == item.ids[1].tolist()
    assert batch.given.tolist() == [2, *item.ids[1].tolist()[:-1]]
    assert item.ids[1][-1] == 3
    assert batch.read.tolist() == item.ids[0].tolist()


def test_held_out_pairs_are_measured_without_smoothing_and_dropout(tmp_path):
    run = trainer(tmp_path / "out", dropout=0.3, label_smoothing=0.4)
    record = run.validate()
    rows = [(0, item) for item in range(10)]
    run.task.batches = run.task.dev
    inputs, labels = as_textbook(run.task, rows)
    run.model.eval()
    logits = run.model(**inputs).logits
    asked = labels != NO_LABEL
    right = (logits.argmax(dim=-1) == labels) | ~asked
    assert record["loss"] == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-12)
    assert record["accuracy"] == pytest.approx((right & asked).sum().item() / asked.sum().item())
    assert record["exact"] == right.all(dim=1).double().mean().item()


@pytest.mark.slow
def test_it_learns_and_exact_is_what_greedy_writing_gets_right(tmp_path):
    own, tokenizer = open_translator(pairs(60), size="tiny", layers=1, positions=16)
    changes = {"epochs": 15, "precision": "float32", "learning_rate": 3e-3, "count": 60}
    run = trainer(tmp_path / "out", own=own, tokenizer=tokenizer, **changes)
    run.run()
    assert run.task.lines[-1].startswith("epoch 15 of 15: loss ")
    records = [one["validation"] for one in log(tmp_path / "out") if "validation" in one]
    assert run.best == -min(one["loss"] for one in records)
    run.load_best()
    record = run.validate()
    assert record["loss"] == -run.best
    inputs, labels = as_textbook(run.task, [(0, item) for item in range(60)])
    run.model.eval()
    del inputs["decoder_input_ids"]
    written = run.model.generate(**inputs, max_length=11)
    wanted = torch.where(labels == NO_LABEL, 0, labels)
    longest = max(written.shape[1] - 1, wanted.shape[1])
    padded = torch.zeros(2, 60, longest, dtype=torch.long)
    padded[0, :, : written.shape[1] - 1], padded[1, :, : wanted.shape[1]] = written[:, 1:], wanted
    exact = (padded[0] == padded[1]).all(dim=1).sum().item()
    sums = run.task.losses.eval()(run.task.batches.make([(0, item) for item in range(60)]))
    assert sums["exact"].item() == exact > 9


@pytest.mark.slow
@pytest.mark.parametrize("stop", [3, 7])  # saved after every fourth step
def test_resume_ends_bit_for_bit_the_same(stop, tmp_path):
    changes = {"dropout": 0.1, "precision": "float32"}
    trainer(tmp_path / "whole", **changes).run()
    cut = trainer(tmp_path / "cut", **changes)
    fail_after(cut, stop)
    with pytest.raises(ZeroDivisionError):
        cut.run()
    again = trainer(tmp_path / "cut", **changes)
    assert again.resume() == (stop >= 4)
    again.run()
    assert log(tmp_path / "whole") == log(tmp_path / "cut")
    for file in ("checkpoint.pt", BEST):
        one, two = (
            load_checkpoint(tmp_path / name, CPU, file)["model"] for name in ("whole", "cut")
        )
        assert all(torch.equal(one[name], two[name]) for name in one)
    shutil.rmtree(tmp_path / "cut")


def test_shares_of_a_step_add_up():
    """As with several processes: the shares of a step together have its loss and its counts."""
    task = task_for()
    rows = first_rows(task, 11)
    parts = [task.batches.make(rows[i::3]) for i in range(3)]
    together = task.batches.make(rows)
    for name in task.sum_names:
        parted = sum(task.losses(part)[name].item() for part in parts)
        assert parted == pytest.approx(task.losses(together)[name].item(), rel=1e-12)
    for name in task.count_names:
        assert sum(task.counts(part)[name] for part in parts) == task.counts(together)[name]


def test_a_process_without_rows_takes_part():
    task = task_for()
    batch = task.batches.make([])
    assert task.counts(batch) == {"targets": 0, "texts": 0, "tokens": 0}
    sums = task.losses(batch)
    assert [sums[name].item() for name in task.sum_names] == [0, 0, 0]
    task.loss(sums, {"targets": 3, "texts": 1, "tokens": 9}).backward()
    for name, parameter in task.model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert not parameter.grad.any(), name


def test_long_texts_are_cut_and_counted():
    task = task_for()
    assert task.limit == 11
    assert task.cut == 0
    long = [*pairs(3), *(one for one in pairs(3)), pairs(1)[0].__class__("a " * 40, "我" * 40)]
    items = [*task.pairs(tiny.tokenizer(), task.model.target_tokenizer, long)]
    assert [len(one) for one in items[-1].ids] == [11, 11]
    assert items[-1].ids[1][-1] == 3  # the end is learned all the same
    assert [item.is_cut for item in items] == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("text", "target", "told"), [("", "我", "the text is empty"), ("a", " ", "the target is empty")]
)
def test_an_empty_side_is_told_with_its_line(text, target, told):
    wrong = [pairs(1)[0].__class__(text, target, None, 7, "x.tsv")]
    task = task_for()
    with pytest.raises(ValueError, match=f"x.tsv: line 7: {told}"):
        [*task.pairs(tiny.tokenizer(), task.model.target_tokenizer, wrong)]


def test_a_vocabulary_of_the_wrong_size():
    own = model()
    own.target_tokenizer = tiny.tokenizer()
    with pytest.raises(
        ValueError, match="the decoder's tokenizer has 31 pieces, its model only 18"
    ):
        task_for(own)


def test_a_new_model_has_a_vocabulary_for_each_side():
    own, tokenizer = open_translator(pairs(40), size="tiny", layers=1, positions=16, seed=3)
    assert {"a", "b"} <= set(tokenizer.tokens)
    assert {"我", "。"} <= set(own.target_tokenizer.tokens)
    configs = own.encoder.config, own.decoder.bert.config
    assert [config.vocab_size for config in configs] == [
        len(tokenizer),
        len(own.target_tokenizer),
    ]
    assert [config.num_hidden_layers for config in configs] == [1, 1]
    assert own.start_token_id == own.target_tokenizer.cls_token_id
    assert own.end_token_id == own.decoder.end_token_id == own.target_tokenizer.sep_token_id


@pytest.mark.parametrize("sides", [("encoder",), ("decoder",), ("encoder", "decoder")])
def test_berts_that_are_there_keep_their_weights(tmp_path, sides):
    from minibert import BertForMaskedLM

    bert = tiny.ours(BertForMaskedLM).float()
    save_bert(bert, tiny.tokenizer(), tmp_path)
    own, tokenizer = open_translator(pairs(40), **dict.fromkeys(sides, tmp_path))
    held = bert.state_dict()
    if "encoder" in sides:
        assert tokenizer.tokens == tiny.VOCAB
        for name, tensor in own.encoder.state_dict().items():
            assert name.startswith("pooler") or torch.equal(tensor, held[f"bert.{name}"])
    if "decoder" in sides:
        assert own.target_tokenizer.tokens == tiny.VOCAB
        for name, tensor in own.decoder.state_dict().items():
            theirs = name.replace("bert.decoder", "bert.encoder")
            assert ("cross_attention" in name) != (theirs in held)
            assert theirs not in held or torch.equal(tensor, held[theirs])
    assert own.encoder.config.hidden_size == own.decoder.bert.config.hidden_size == 28
