"""Pretraining as a task: its losses, its data and its settings."""

import math

import pytest
import torch
import transformers

from minibert import BertConfig, BertForPreTraining
from minibert.heads import NO_LABEL
from minibert.positional import sinusoid_table
from minibert.pretraining.corpus import split_documents
from minibert.pretraining.prepare import new_model
from minibert.pretraining.settings import Settings
from minibert.pretraining.task import Pretraining
from tests import tiny
from tests.pretraining.helpers import CONFIG, SETTINGS, VOCAB, corpus, log, trainer
from tests.pretraining.helpers import tokenizer as tiny_tokenizer
from tests.pretraining.test_losses import textbook_loss
from weights_loader import load_bert, save_bert


def test_validation_is_the_textbooks_loss_on_documents_kept_apart(tmp_path):
    run = trainer(tmp_path, validation_rows=10, held_out=0.5, dropout=0.5)
    run.step = 1
    record = run.validate()
    source = run.task.validation[16]
    batch = source.make([(0, number) for number in range(10)])
    output, mlm, nsp = textbook_loss(run.model.eval(), batch)
    assert record["mlm_loss"] == pytest.approx(mlm.item(), rel=1e-12)
    assert record["nsp_loss"] == pytest.approx(nsp.item(), rel=1e-12)
    right = output.mlm_logits.flatten(0, 1)[batch.positions].argmax(-1) == batch.mlm_labels
    assert record["mlm_accuracy"] == right.double().mean().item()
    both = (run.task.batches, run.task.validation)
    documents = [set(batches[16].pairs.documents) for batches in both]
    assert documents[0] & documents[1] == set()
    assert len(documents[0] | documents[1]) == 12


@pytest.mark.slow
def test_two_hundred_steps_as_transformers(tmp_path):
    """From the same weights, on the same batches: the losses and the weights at the end."""
    settings = {"steps": 200, "phases": "4x16:1", "learning_rate": 2e-3, "weight_decay": 0.1}
    run = trainer(tmp_path, **settings, validate_every=1000, save_every=1000)
    save_bert(run.model, tiny_tokenizer(), tmp_path / "start")
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    theirs = transformers.BertForPreTraining.from_pretrained(
        tmp_path / "start", dtype=torch.float64, **no_dropout
    )
    plain = [p for p in theirs.parameters() if p.ndim < 2]
    matrices = [p for p in theirs.parameters() if p.ndim >= 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.999), eps=1e-6)
    warmup = round(SETTINGS["warmup"] * 200)
    scheduler = transformers.get_linear_schedule_with_warmup(optimizer, warmup, 200)
    theirs.train()
    source = run.task.batches[16]
    epoch = number = 0
    their_losses = []
    for _ in range(200):
        rows, epoch, number = source.take(epoch, number, 4)
        batch = source.make(rows)
        labels = torch.full(batch.input_ids.shape, NO_LABEL).flatten()
        labels[batch.positions] = batch.mlm_labels
        output = theirs(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            token_type_ids=batch.token_type_ids,
            labels=labels.view(batch.input_ids.shape),
            next_sentence_label=batch.nsp_labels,
        )
        their_losses.append(output.loss.item())
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    run.run()
    our_losses = [record["loss"] for record in log(tmp_path / "out") if "loss" in record]
    assert their_losses[-1] < their_losses[0] - 0.3
    assert our_losses == pytest.approx(their_losses, rel=1e-8)
    theirs.save_pretrained(tmp_path / "theirs")
    for name, text in tiny_tokenizer().files().items():
        (tmp_path / "theirs" / name).write_text(text, encoding="utf-8")
    expected, _ = load_bert(tmp_path / "theirs", head="pretraining", dtype=torch.float64)
    for (name, ours), other in zip(
        run.model.named_parameters(), expected.parameters(), strict=True
    ):
        assert (ours - other).abs().max() <= 1e-6, name


def test_the_table_may_start_as_small_waves():
    config = tiny.CONFIG
    model = new_model(config, tiny.tokenizer(), Settings(position_start="sinusoid"))
    table = model.bert.embeddings.position.table.detach()
    wave = sinusoid_table(13, 28)
    assert (table - 0.02 * math.sqrt(2) * wave).abs().max() < 1e-8
    plain = new_model(config, tiny.tokenizer(), Settings()).bert.embeddings
    assert torch.equal(plain.token.weight, model.bert.embeddings.token.weight)
    assert plain.position.table.std().item() == pytest.approx(0.0176, rel=0.1)


def test_documents_are_split_evenly_and_once():
    training, held_out = split_documents(1000, 0.02)
    assert sorted([*training, *held_out]) == list(range(1000))
    assert len(held_out) == 20
    assert set(held_out[1:] - held_out[:-1]) == {50}
    training, held_out = split_documents(4, 0.02)
    assert (len(training), len(held_out)) == (2, 2)
    assert len(split_documents(2, 0)[1]) == 0
    with pytest.raises(ValueError, match="has 3 documents; next-sentence prediction needs 2"):
        split_documents(3, 0.02)


def test_what_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="rows of 32, but the model has 24 positions"):
        trainer(tmp_path, phases="4x32:1")
    run = trainer(tmp_path)
    found, model = corpus(tmp_path), run.model
    with pytest.raises(ValueError, match="another vocabulary than this tokenizer"):
        Pretraining(model, tiny.tokenizer(), found, run.settings)
    small = BertForPreTraining(BertConfig(vocab_size=len(VOCAB) - 1, **CONFIG))
    with pytest.raises(ValueError, match="has 19 pieces, the model only 18"):
        Pretraining(small, tiny_tokenizer(), found, run.settings)
    for text in ("4x16", "4:1", "ax16:1", "4x16:0.5", "4x16:2 4x16:-1", "0x16:1", "", "4x7:1"):
        with pytest.raises(ValueError, match="phases"):
            Settings(phases=text)
    with pytest.raises(ValueError, match=r"accumulation \(4\) must divide the 6 rows"):
        Settings(phases="6x16:1", accumulation=4)
    for name, value in (
        ("steps", 0),
        ("learning_rate", -1.0),
        ("warmup", 1.0),
        ("optimizer", "sgd"),
        ("precision", "float16"),
        ("dropout", 1.0),
        ("held_out", "x"),
        ("seed", -1),
        ("clip", 0.0),
        ("mask_share", 0.0),
        ("max_predictions", 0),
        ("validation_rows", 0),
    ):
        with pytest.raises(ValueError, match=f"{name} must be"):
            Settings(**{name: value})
