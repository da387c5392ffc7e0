import pytest
import torch

from minibert import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
)
from minibert.task_heads import answer_loss, mean_squared_error
from tests import tiny

GIVEN = tiny.inputs()
KINDS = [BertForSequenceClassification, BertForTokenClassification, BertForQuestionAnswering]


def all_layers(kind):
    """A model of random weights, w and g among them, that reads all layers."""
    return tiny.randomise(kind(tiny.CONFIG, all_layers=True).double(), seed=3)


def mixed(model, output):
    """m [B, S, D], from its formula."""
    w = model.mixture.weights
    shares = w.exp() / w.exp().sum()
    return model.mixture.scale * torch.stack(output.bert.hidden_states, dim=-1) @ shares


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_the_heads_formula_with_all_layers():
    tagging = all_layers(BertForTokenClassification)
    output = tagging(**GIVEN)
    close(output.logits, tagging.classifier(mixed(tagging, output)))
    answering = all_layers(BertForQuestionAnswering)
    output = answering(**GIVEN)
    expected = answering.qa_outputs(mixed(answering, output))
    close(torch.stack([output.start_logits, output.end_logits], dim=-1), expected)
    assert tagging.bert.pooler is None


def test_a_text_of_all_layers_is_the_mean_of_its_real_tokens():
    model = all_layers(BertForSequenceClassification)
    output = model(**GIVEN)
    m = mixed(model, output)
    means = torch.stack([m[i, :length].mean(dim=0) for i, length in enumerate(tiny.LENGTHS)])
    close(output.logits, model.classifier(means))
    close(output.logits, model.head(means))
    alone = model(GIVEN["input_ids"][1:2, :3], token_type_ids=GIVEN["token_type_ids"][1:2, :3])
    close(alone.logits, output.logits[1:2])  # without a mask all are real


def test_a_mixture_begins_as_the_mean_of_the_layers():
    model = BertForTokenClassification(tiny.CONFIG, all_layers=True).double().eval()
    states = model(**GIVEN).bert.hidden_states
    close(model.mixture(states), torch.stack(states).mean(dim=0))


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_head_learns_when_bert_is_frozen(kind):
    model = all_layers(kind)
    model.bert.requires_grad_(False)
    output = model(**GIVEN)
    total = sum(value.square().sum() for name, value in vars(output).items() if name != "bert")
    total.backward()
    learning = {name for name, p in model.named_parameters() if p.grad is not None}
    head = "qa_outputs" if kind is BertForQuestionAnswering else "classifier"
    assert learning == {"mixture.weights", "mixture.scale", f"{head}.weight", f"{head}.bias"}


def test_one_label_is_a_number():
    model = BertForSequenceClassification(tiny.CONFIG, ["score"])
    assert model(**GIVEN).logits.shape == (3, 1)


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("labels", ["good", [], ["a", "a"], ["a", 5], None, {"a": 0}, 3])
def test_labels_that_cannot_be_right(kind, labels):
    with pytest.raises(ValueError, match="labels must be a list of different texts, not"):
        kind(tiny.CONFIG, labels)


def test_numbers_of_another_shape():
    with pytest.raises(ValueError, match=r"shapes differ: \[3, 1\] and \[3\]"):
        mean_squared_error(torch.zeros(3, 1), torch.zeros(3))


def test_an_answer_that_no_row_has():
    logits, behind = torch.zeros(2, 5), torch.tensor([5, 7])
    with pytest.raises(ValueError, match="labels ask for nothing"):
        answer_loss(logits, logits, torch.tensor([0, 4]), behind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["labels", "start_positions"])
def test_targets_are_not_taken_and_ignored(kind, name):
    with pytest.raises(TypeError, match=f"{name}.* is the loss"):
        kind(tiny.CONFIG)(**GIVEN, **{name: GIVEN["input_ids"]})
