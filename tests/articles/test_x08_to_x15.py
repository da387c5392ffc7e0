"""X8 to X15: the errata of articles B and C. Each test runs their version, then the right one."""

# ruff: noqa: N802 - the names carry the ids of ledger.json

import ast
import math
import re

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from minibert import BertConfig, BertModel, cross_entropy
from minibert.attention import MultiHeadAttention, attention_scores, softmax
from minibert.feed_forward import FeedForward
from minibert.positional import LearnedPositions
from minibert.training.log import read_log
from minibert.training.loop import Trainer
from minibert.training.settings import RunSettings
from tests import tiny
from tests.articles import formulas
from tests.articles.formulas import close, difference
from tests.parity.helpers import save_theirs
from tests.pretraining.helpers import tokenizer, trainer
from tests.shared import shared
from tests.training.toy import Numbered
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
    d' features are only inside.
    """
    d, d_inner = 28, 11
    theirs = tiny.theirs("BertModel").encoder.layer[0]
    ours = FeedForward(tiny.CONFIG).double()
    weights = formulas.weights_of(ours)
    for n in (1, 5, d_inner):  # with d' words the two shapes are the same, and mean another thing
        x = np.random.default_rng(n).standard_normal((n, d))
        outputs = (
            formulas.feed_forward(x, weights, formulas.gelu),
            ours(torch.from_numpy(x)).detach().numpy(),
            theirs.output.dense(theirs.intermediate(torch.from_numpy(x))).detach().numpy(),
        )
        for output in outputs:
            assert output.shape == (n, d)
            assert (output.shape == (d_inner, d)) == (n == d_inner)
        # Row i of F belongs to word i, not to inner feature i: another word 0 changes row 0 alone.
        other = x.copy()
        other[0] += 1
        changed = formulas.feed_forward(other, weights, formulas.gelu) != outputs[0]
        assert changed.any(axis=1).tolist() == [True] + [False] * (n - 1)


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


class Contains(Numbered):
    """A second stage: does the text have token 7? A new head on the vector of [CLS]."""

    class Classifier(nn.Module):
        def __init__(self, bert: BertModel):
            super().__init__()
            self.bert, self.classifier = bert, nn.Linear(28, 2, dtype=torch.float64)

        def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.classifier(self.bert(ids).last_hidden_state[:, 0])
            labels = (ids == 7).any(dim=1).long()
            right = (logits.argmax(dim=1) == labels).sum()
            return {"loss": cross_entropy(logits, labels) * len(ids), "right": right}

    sum_names, count_names, unit = ("loss", "right"), ("rows",), "rows"
    rows_of_a_step, rows_held_out = 16, 200

    def __init__(self, bert: BertModel):
        self.origin = {"task": "contains"}
        self.model = self.losses = Contains.Classifier(bert)

    def make(self, rows):
        draws = [torch.Generator().manual_seed(row) for row in rows]
        return torch.stack([torch.randint(5, 19, (10,), generator=draw) for draw in draws])

    def counts(self, batch):
        return {"rows": len(batch)}

    def loss(self, sums, counts):
        return sums["loss"] / counts["rows"]

    def record(self, sums, counts):
        return {name: value / counts["rows"] for name, value in sums.items()}


def test_X12_pretraining_and_fine_tuning(tmp_path):
    """B§5.2: `train` and `fine_tune`, with AdamW from transformers. One loop does both. What makes
    two stages is the head, its loss, and the weights to begin with. AdamW is torch's now.
    """
    with pytest.raises(ImportError, match="AdamW"):
        exec("from transformers import AdamW, get_linear_schedule_with_warmup")
    # The first stage has the two heads whose labels the text itself gives.
    first = trainer(tmp_path, steps=60, phases="16x16:1", learning_rate=1e-2, save_every=60)
    first.run()
    _, measured = read_log(tmp_path / "out" / "log.jsonl")
    assert measured[-1]["mlm_loss"] < measured[0]["mlm_loss"] - 0.1
    save_bert(first.model.bert, tokenizer(), tmp_path / "pretrained")

    # The second: the same loop, the encoder that it left, a new head whose labels people give.
    bert, _ = load_bert(tmp_path / "pretrained", dtype=torch.float64)
    for name, parameter in first.model.bert.named_parameters():
        assert torch.equal(bert.get_parameter(name), parameter)
    settings = RunSettings(steps=150, learning_rate=3e-3, warmup=0.1, precision="float64")
    second = Trainer(Contains(bert), settings, tmp_path)
    assert type(second) is type(first)
    before = second.validate()
    second.run()
    assert second.validate()["right"] > 0.95 > before["right"] + 0.1
    assert (
        difference(
            bert.encoder.layers[1].attention.value.weight,
            first.model.bert.encoder.layers[1].attention.value.weight,
        )
        > 1e-3
    )


def test_X12_the_articles_two_loops_are_one():
    """B§5.2: `train` and `fine_tune`, read from the article: nothing differs but the name and the
    order of the arguments.
    """
    article = shared("articles/001_28481c3d36db7508.txt").read_text(encoding="utf-8")
    code = next(
        code
        for code in re.findall(r"```python\n(.*?)```", article, re.DOTALL)
        if "def fine_tune" in code
    )
    train, fine_tune = (node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef))
    assert (train.name, fine_tune.name) == ("train", "fine_tune")
    bodies = [[ast.unparse(line) for line in function.body] for function in (train, fine_tune)]
    assert bodies[0] == bodies[1]
    names = [{argument.arg for argument in function.args.args} for function in (train, fine_tune)]
    assert names[0] == names[1]


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
    """C§5.4: labels of shape (n, 1), categorical cross-entropy, 512 outputs. The formula wants 512
    numbers a row, 1 for the true class and 0 for the others. A single 0 or 1 does not say which
    class is true; two classes want two outputs and n labels.
    """
    rng = np.random.default_rng(0)
    labels = np.array([[0], [1]])

    def written(outputs: np.ndarray) -> np.ndarray:
        """−Σ_k y_k log p_k for each row, with the article's y [n, 1] taken for each of the k."""
        return -(labels * np.log(formulas.softmax(outputs))).sum(axis=-1)

    losses = np.array([written(rng.standard_normal((2, 512))) for _ in range(100)])
    # A row with label 0 costs nothing, whatever the outputs: from it nothing can be learnt …
    assert (losses[:, 0] == 0).all()
    # … and one with label 1 costs least where all 512 classes are alike: it teaches not to choose.
    undecided = written(np.zeros((2, 512)))[1]
    assert undecided == pytest.approx(512 * math.log(512))
    assert (losses[:, 1] > undecided).all()

    # Right: a loss for each class that is true, smallest where that class is chosen.
    outputs = rng.standard_normal((2, 2))
    expected = [-np.log(formulas.softmax(outputs))[row, labels[row, 0]] for row in range(2)]
    ours = cross_entropy(torch.from_numpy(outputs), torch.from_numpy(labels[:, 0]))
    assert ours.item() == pytest.approx(np.mean(expected), rel=1e-12)
    chosen = torch.tensor([[9.0, 0.0], [0.0, 9.0]])
    assert (
        cross_entropy(chosen, torch.tensor([0, 1]))
        < 1e-3
        < cross_entropy(chosen, torch.tensor([1, 1]))
    )
    with pytest.raises(ValueError, match=r"labels must have shape \[2\].* not \[2, 1\]"):
        cross_entropy(torch.from_numpy(outputs), torch.from_numpy(labels))
