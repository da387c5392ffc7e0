"""X8 to X15: the errata of articles B and C. Each test runs their version, then the right one."""

# ruff: noqa: N802 - the names carry the ids of ledger.json

import copy
import math

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from minibert import BertConfig, BertForPreTraining, BertModel, cross_entropy
from minibert.attention import MultiHeadAttention, attention_scores, softmax
from minibert.feed_forward import FeedForward
from minibert.positional import LearnedPositions
from tests import tiny
from tests.articles import formulas
from tests.articles.formulas import close, difference
from tests.parity.helpers import save_theirs
from weights_loader import load_bert, save_bert

X = np.random.default_rng(0).standard_normal((5, 28))  # [S, D]


def test_X8_positions_are_learned(tmp_path):
    """B§3.2, D§3.1.2: sines and cosines tell the position. In the Transformer; BERT learns a table,
    of 512 rows, and with sinusoids in its place the weights give something else.
    """
    theirs = tiny.theirs("BertModel")
    save_theirs(theirs, tmp_path)
    right, _ = load_bert(tmp_path, dtype=torch.float64)
    config = BertConfig(**tiny.SIZES, position_embedding_type="sinusoidal")
    written = BertModel(config).double().eval()
    state = right.state_dict()
    state["embeddings.position.table"] = written.embeddings.position.table
    written.load_state_dict(state)
    expected = theirs(**tiny.inputs()).last_hidden_state[0]
    assert difference(right(**tiny.inputs()).last_hidden_state[0], expected) < 1e-12
    assert difference(written(**tiny.inputs()).last_hidden_state[0], expected) > 0.1
    table = LearnedPositions(BertConfig()).table
    assert table.shape == (512, 768)
    assert table.requires_grad
    assert not written.embeddings.position.table.requires_grad
    official = transformers.BertConfig()
    assert table.shape == (official.max_position_embeddings, official.hidden_size)


def test_X9_gelu():
    """B§3.4, C§4.1.2: the feed-forward network has a ReLU. The Transformer's; BERT's has GELU."""
    theirs = tiny.theirs("BertModel").encoder.layer[0]
    weights = {
        f"{ours}.{kind}": parameter.detach().numpy()
        for ours, linear in (("inner", theirs.intermediate.dense), ("output", theirs.output.dense))
        for kind, parameter in linear.named_parameters()
    }
    with torch.no_grad():
        expected = theirs.output.dense(theirs.intermediate(torch.from_numpy(X)))
        ours = FeedForward(tiny.CONFIG).double()
        ours.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
        close(ours(torch.from_numpy(X)), expected.numpy())
    assert difference(formulas.feed_forward(X, weights), expected) > 0.1
    assert transformers.BertConfig().hidden_act == "gelu"


def test_X10_the_shape_of_the_feed_forward_output():
    """B§4.4: the output F of the feed-forward network is d'×d. It is n×d, a row for each word: the
    d' features are inside, and F must be added to the n×d numbers that came in.
    """
    n, d, d_inner = 5, 28, 11
    ours = FeedForward(tiny.CONFIG).double()
    x = torch.from_numpy(X)
    with pytest.raises(RuntimeError, match="size of tensor"):
        x + torch.zeros(d_inner, d)  # as written
    assert ours.inner(x).shape == (n, d_inner)
    assert ours(x).shape == (n, d)
    assert ours(x[:3]).shape == (3, d)
    assert (x + ours(x)).shape == (n, d)


def test_X11_the_loss_is_computed_from_the_labels():
    """B§5.1, B§5.2: `forward` drops the labels; the loop takes `outputs[0]` for the loss. That is
    the first example's logits: no number to go down from, or one that no label moves.
    """

    class Written(nn.Module):
        """B§5.1, with our BERT for the parts that the article leaves out."""

        def __init__(self, num_labels: int):
            super().__init__()
            self.bert = tiny.ours(BertModel)
            self.classifier = nn.Linear(28, num_labels).double()

        def forward(self, input_ids, attention_mask, token_type_ids, labels=None):
            encoded = self.bert(
                input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state
            return self.classifier(encoded[:, 0, :])

    def outputs(model: nn.Module, labels: list[int]) -> torch.Tensor:
        given = tiny.inputs()
        order = ("input_ids", "attention_mask", "token_type_ids")
        return model(*(given[name] for name in order), torch.tensor(labels))

    torch.manual_seed(0)
    model = Written(num_labels=2)
    loss = outputs(model, [0, 1, 1])[0]
    assert loss.shape == (2,)
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        loss.backward()
    single = Written(num_labels=1)  # here the loop would run
    assert torch.equal(outputs(single, [0, 0, 0])[0], outputs(single, [1, 1, 1])[0])
    logits = outputs(model, [0, 1, 1])
    losses = [cross_entropy(logits, torch.tensor(labels)) for labels in ([0, 1, 1], [1, 0, 0])]
    assert abs(losses[0] - losses[1]) > 0.1
    losses[0].backward()
    assert model.classifier.weight.grad.abs().max() > 0.01


def test_X12_pretraining_and_fine_tuning(tmp_path):
    """B§5.2: `train` and `fine_tune`, with AdamW from transformers. The two loops are one; what
    makes two stages is the head, its loss and where the weights come from. AdamW is torch's now.
    """
    with pytest.raises(ImportError, match="AdamW"):
        exec("from transformers import AdamW, get_linear_schedule_with_warmup")

    # The article's loops, without the device and the printing.
    def train(model, optimizer, scheduler, train_dataloader, epochs):
        model.train()
        for _ in range(epochs):
            for batch in train_dataloader:
                optimizer.zero_grad()
                outputs = model(*batch)
                loss = outputs[0]
                loss.backward()
                optimizer.step()
                scheduler.step()

    def fine_tune(model, train_dataloader, optimizer, scheduler, epochs):
        model.train()
        for _ in range(epochs):
            for batch in train_dataloader:
                optimizer.zero_grad()
                outputs = model(*batch)
                loss = outputs[0]
                loss.backward()
                optimizer.step()
                scheduler.step()

    class WithLoss(nn.Linear):
        """What the loops want: a model that returns its loss first."""

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return cross_entropy(super().forward(x), labels), x

    batches = [(torch.from_numpy(X), torch.tensor([0, 1, 1, 0, 1]))]
    torch.manual_seed(0)
    start, trained = WithLoss(28, 2).double(), []
    for loop in (train, fine_tune):
        model = copy.deepcopy(start)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        scheduler = transformers.get_linear_schedule_with_warmup(optimizer, 1, 9)
        given = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
        loop(train_dataloader=batches, epochs=3, **given)
        trained.append(model.weight)
    assert torch.equal(*trained)
    assert difference(trained[0], start.weight) > 0.1

    # The first stage has the two heads whose labels the text itself gives; the second keeps the
    # encoder and begins another head anew.
    pretrained = tiny.ours(BertForPreTraining)
    assert pretrained(**tiny.inputs()).mlm_logits.shape == (3, 5, 31)
    save_bert(pretrained.bert, tiny.tokenizer(), tmp_path)
    fine_tuned, _ = load_bert(tmp_path, head="nsp", dtype=torch.float64)
    fates = fine_tuned.account.model
    assert {name for name, fate in fates.items() if fate == "new"} == {
        "nsp.logits.weight",
        "nsp.logits.bias",
    }
    # save_bert wrote float64: the encoder goes on from the very numbers that it had.
    for name, parameter in pretrained.bert.named_parameters():
        assert torch.equal(fine_tuned.bert.get_parameter(name), parameter)


def test_X13_worked_example():
    """C§4.3: attention over three one-hot words. As written their matrix is never used, products
    have shapes that they cannot have, and one number's softmax is three weights. Here worked out.
    """
    w = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    # As written: W times three columns "X_Q", "X_K", "X_V", and not even those products are right.
    columns = np.array([[1.0, 0, 1], [0, 1, 1], [0, 0, 1]])[:, :, None]
    printed = np.array([[1.0, 1, 2], [0, 1, 2], [0, 0, 1]])[:, :, None]
    assert [(w @ c).ravel().tolist() for c in columns] == [[2, 0, 2], [1, 1, 2], [1, 0, 1]]
    for column, result in zip(columns, printed, strict=True):
        assert not np.array_equal(w @ column, result)
    # QKᵀ, a column times the row (0, 1, 1), is 3 × 3, not the (1, 1) printed.
    assert (printed[0] @ np.array([[0.0, 1, 1]])).shape == (3, 3)
    # The softmax of the one number 1/√3 is 1, not (0.349, 0.349, 0.302).
    assert formulas.softmax(np.array([1 / math.sqrt(3)])).tolist() == [1.0]
    # And a column of weights cannot multiply a column of values.
    with pytest.raises(ValueError, match="mismatch"):
        np.array([[0.349], [0.349], [0.302]]) @ printed[2]

    # Right: the rows of X are the words, so Q = K = V = X·W = W here, one row for each word.
    x = torch.eye(3, dtype=torch.float64)
    query = key = x @ torch.from_numpy(w)
    # Q·Kᵀ = [[2, 0, 2], [0, 1, 1], [2, 1, 3]]; divided by √3 = 1.7321:
    scores = [[1.1547, 0.0, 1.1547], [0.0, 0.5774, 0.5774], [1.1547, 0.5774, 1.7321]]
    # exp of row 1: 3.1731, 1, 3.1731, together 7.3462; so 0.4319, 0.1361, 0.4319. Then rows 2, 3:
    probs = [[0.4319, 0.1361, 0.4319], [0.2192, 0.3904, 0.3904], [0.2992, 0.1679, 0.5329]]
    # Row 1 of the result: 0.4319·(1, 0, 1) + 0.1361·(0, 1, 0) + 0.4319·(1, 1, 1). Then rows 2, 3:
    context = [[0.8639, 0.5681, 0.8639], [0.6096, 0.7808, 0.6096], [0.8321, 0.7008, 0.8321]]
    close(attention_scores(query, key), np.array(scores), bound=5e-5)
    close(softmax(attention_scores(query, key)), np.array(probs), bound=5e-5)
    config = BertConfig(hidden_size=3, num_attention_heads=1)
    attention = MultiHeadAttention(config).double().eval()
    with torch.no_grad():
        for name, parameter in attention.named_parameters():
            matrix = np.eye(3) if name.startswith("output") else w.T
            parameter.copy_(torch.zeros(3) if name.endswith("bias") else torch.from_numpy(matrix))
    no_mask = torch.zeros(1, 1, 1, 3, dtype=torch.float64)
    output, our_probs = attention(x[None], no_mask)
    close(our_probs[0, 0], np.array(probs), bound=5e-5)
    close(output[0], np.array(context), bound=5e-5)
    close(output[0], formulas.attention(w, w, w))


def test_X14_a_bert_without_attention():
    """C§5.2, C§9.4: a Keras "BERT" of Embedding, Dense, Dropout and average pooling. It has no
    attention and no positions: no word sees another, and their order changes nothing.
    """
    torch.manual_seed(0)
    dense = nn.Sequential(
        *(nn.Embedding(31, 28), nn.Linear(28, 64), nn.ReLU(), nn.Dropout(0.1)),
        *(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1)),
    )
    dense = dense.double().eval()
    bert = tiny.ours(BertModel)
    ids, permuted = torch.tensor([[7, 8, 9, 10]]), torch.tensor([[10, 8, 7, 9]])
    other = torch.tensor([[7, 8, 9, 20]])
    written = [dense(each)[0] for each in (ids, permuted, other)]
    assert difference(written[0].mean(dim=0), written[1].mean(dim=0)) < 1e-14
    assert torch.equal(written[0][:3], written[2][:3])  # the last word is another
    right = [bert(each).last_hidden_state[0] for each in (ids, permuted, other)]
    assert difference(right[0].mean(dim=0), right[1].mean(dim=0)) > 0.01
    for word in range(3):
        assert difference(right[0][word], right[2][word]) > 0.1


def test_X15_labels_that_fit_the_outputs():
    """C§5.4: labels of shape (n, 1), categorical cross-entropy, 512 outputs. The shapes do not fit;
    two classes want two outputs and n labels.
    """
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(32, 512, generator=generator)
    labels = torch.randint(0, 2, (32, 1), generator=generator)
    with pytest.raises(RuntimeError, match="multi-target not supported"):
        nn.functional.cross_entropy(outputs, labels)
    with pytest.raises(ValueError, match=r"labels must have shape \[32\].* not \[32, 1\]"):
        cross_entropy(outputs, labels)
    classifier = nn.Linear(512, 2)
    right = classifier(outputs)
    expected = nn.functional.cross_entropy(right, labels[:, 0])
    torch.testing.assert_close(cross_entropy(right, labels[:, 0]), expected, rtol=0, atol=1e-6)
