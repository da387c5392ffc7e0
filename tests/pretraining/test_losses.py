import pytest
import torch

from minibert import BertConfig, BertForPreTraining, cross_entropy
from minibert.heads import NO_LABEL
from minibert.pretraining.losses import PretrainingLoss
from tests import tiny
from tests.pretraining.helpers import CONFIG, VOCAB
from tests.pretraining.test_batches import make_batches


def batch_and_model(folder, dropout=0.0):
    batches = make_batches(folder)
    batch = batches.make(batches.take(0, 0, 9)[0])
    assert (batch.attention_mask == 0).any()  # some rows are padded
    config = BertConfig(vocab_size=len(VOCAB), **CONFIG)
    model = tiny.randomise(BertForPreTraining(config).double(), seed=3)
    return batch, model


def textbook_loss(model, batch):
    """Both losses by the textbook's own forward pass, over all positions."""
    output = model(
        batch.input_ids, attention_mask=batch.attention_mask, token_type_ids=batch.token_type_ids
    )
    labels = torch.full(batch.input_ids.shape, NO_LABEL).flatten()
    labels[batch.positions] = batch.mlm_labels
    labels = labels.view(batch.input_ids.shape)
    mlm = cross_entropy(output.mlm_logits, labels)
    return output, mlm, cross_entropy(output.nsp_logits, batch.nsp_labels)


def test_losses_and_gradients_are_the_textbooks(tmp_path):
    batch, model = batch_and_model(tmp_path)
    _output, mlm, nsp = textbook_loss(model, batch)
    (mlm + nsp).backward()
    expected = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    sums = PretrainingLoss(model, dropout=0.0)(batch)
    our_mlm = sums["mlm_loss"] / len(batch.positions)
    our_nsp = sums["nsp_loss"] / len(batch.nsp_labels)
    (our_mlm + our_nsp).backward()
    assert our_mlm.item() == pytest.approx(mlm.item(), rel=1e-12)
    assert our_nsp.item() == pytest.approx(nsp.item(), rel=1e-12)
    for name, parameter in model.named_parameters():
        scale = max(expected[name].abs().max().item(), 1e-3)
        assert (parameter.grad - expected[name]).abs().max() <= 1e-11 * scale, name


def test_what_is_counted_as_right(tmp_path):
    batch, model = batch_and_model(tmp_path)
    output, *_ = textbook_loss(model, batch)
    logits = output.mlm_logits.flatten(0, 1)[batch.positions]
    top5 = logits.topk(5).indices
    sums = PretrainingLoss(model, dropout=0.0)(batch)
    assert sums["mlm_correct"] == (top5[:, 0] == batch.mlm_labels).sum()
    assert sums["mlm_top5"] == (top5 == batch.mlm_labels[:, None]).any(dim=1).sum()
    assert sums["nsp_correct"] == (output.nsp_logits.argmax(-1) == batch.nsp_labels).sum()
    assert 0 < sums["mlm_top5"] < len(batch.positions)


def test_dropout_only_in_training(tmp_path):
    batch, model = batch_and_model(tmp_path)
    loss = PretrainingLoss(model, dropout=0.5)

    def value(seed):
        torch.manual_seed(seed)
        return loss(batch)["mlm_loss"].item()

    loss.train()
    assert value(0) == value(0)
    assert value(0) != value(1)
    loss.eval()
    assert value(0) == value(1)
    assert value(0) == PretrainingLoss(model, dropout=0.0)(batch)["mlm_loss"].item()


def test_dropout_has_the_textbooks_places(tmp_path, monkeypatch):
    """Embeddings; then in each layer the probabilities and the two sums before LayerNorm."""
    batch, model = batch_and_model(tmp_path)
    calls = []
    plain = torch.nn.functional.dropout

    def dropout(x, p):
        calls.append((list(x.shape), p))
        return plain(x, p)

    monkeypatch.setattr(torch.nn.functional, "dropout", dropout)
    PretrainingLoss(model, dropout=0.25).train()(batch)
    hidden, probabilities = ([9 * 16, 28], 0.25), ([9, 4, 16, 16], 0.25)
    assert calls == [hidden, *[probabilities, hidden, hidden] * 2]
