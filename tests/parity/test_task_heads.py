"""The fine-tuning heads against transformers: losses, gradients, files; and on a real checkpoint.
(Every operation of them on small models: test_tiny.py.)
"""

import json

import pytest
import torch
import transformers
from safetensors.torch import load_file

from minibert.heads import NO_LABEL, cross_entropy
from minibert.proof.verify import BOUNDS, compare
from minibert.task_heads import answer_loss, mean_squared_error
from tests import tiny
from tests.parity.helpers import assert_all_passed, assert_same_gradients, save_theirs
from tests.shared import shared
from weights_loader import load_bert, save_bert

GIVEN = tiny.inputs()
TAGS = torch.tensor(
    [[NO_LABEL, 4, 0, 1, NO_LABEL], [2, 3, 0] + [NO_LABEL] * 2, [0, 0, 1, 2, NO_LABEL]]
)
NUMBERS = torch.tensor([0.25, -3.0, 1.5], dtype=torch.float64)
# The last token, one behind the text, and far behind it; and one before it.
STARTS, ENDS = torch.tensor([1, 0, 5]), torch.tensor([4, -2, 900])

# name -> (transformers' class, labels, its arguments for the loss, our loss)
TASKS = {
    "classification": (
        "BertForSequenceClassification",
        3,
        {"labels": torch.tensor([2, 0, 1])},
        lambda output: cross_entropy(output.logits, torch.tensor([2, 0, 1])),
    ),
    "regression": (
        "BertForSequenceClassification",
        1,
        {"labels": NUMBERS},
        lambda output: mean_squared_error(output.logits[:, 0], NUMBERS),
    ),
    "tagging": (
        "BertForTokenClassification",
        5,
        {"labels": TAGS},
        lambda output: cross_entropy(output.logits, TAGS),
    ),
    "answering": (
        "BertForQuestionAnswering",
        2,
        {"start_positions": STARTS, "end_positions": ENDS},
        lambda output: answer_loss(output.start_logits, output.end_logits, STARTS, ENDS),
    ),
}


def logits_of(output):
    return [value for name, value in vars(output).items() if name.endswith("logits")]


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train with dropout"])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("task", TASKS)
def test_loss_and_every_gradient(tmp_path, task, seed, training):
    kind, labels, targets, loss = TASKS[task]
    theirs = tiny.theirs(kind, seed, num_labels=labels).train(training)
    save_theirs(theirs, tmp_path)
    ours = load_bert(tmp_path, dtype=torch.float64)[0].train(training)
    torch.manual_seed(seed)
    their_loss = theirs(**GIVEN, **targets).loss
    torch.manual_seed(seed)
    our_loss = loss(ours(**GIVEN))
    assert our_loss.item() == pytest.approx(their_loss.item(), rel=1e-12)
    our_loss.backward()
    their_loss.backward()
    without = ()
    if task == "answering":
        # The padding is in the softmax; transformers drops the gradient of [PAD]. A number added to
        # all tokens' scores changes nothing.
        ours.bert.embeddings.token.weight.grad[0] = 0
        without = ("layers.5.feed_forward_layer_norm.beta", "qa_outputs.bias")
    assert_same_gradients(ours, theirs, without)  # measured: 9.6e-14 of 1e-8


@pytest.mark.parametrize("task", TASKS)
def test_from_us_to_transformers_and_back(tmp_path, task):
    """No missing and no unexpected name, the same labels, the same logits."""
    kind, labels, _, _ = TASKS[task]
    save_theirs(tiny.theirs(kind, num_labels=labels), tmp_path / "theirs")
    ours, tokenizer = load_bert(tmp_path / "theirs")
    save_bert(ours, tokenizer, tmp_path / "ours")
    their_class = getattr(transformers, kind)
    theirs, info = their_class.from_pretrained(
        tmp_path / "ours", output_loading_info=True, attn_implementation="eager"
    )
    assert {key: list(value) for key, value in info.items() if value} == {}
    # transformers passes over a "bert." too many; other readers would not.
    assert load_file(tmp_path / "ours" / "model.safetensors").keys() == theirs.state_dict().keys()
    names = [f"LABEL_{i}" for i in range(labels)]
    assert [*getattr(ours, "labels", names)] == names == [*theirs.config.id2label.values()]
    assert (theirs.config.problem_type == "regression") == (task == "regression")
    theirs.save_pretrained(tmp_path / "again")
    tiny.write_vocab(tmp_path / "again")
    again, _ = load_bert(tmp_path / "again")
    with torch.no_grad():
        expected = logits_of(theirs(**GIVEN))
        for logits, same, right in zip(
            logits_of(ours(**GIVEN)), logits_of(again(**GIVEN)), expected, strict=True
        ):
            torch.testing.assert_close(logits, right, rtol=0, atol=1e-5)
            assert torch.equal(logits, same)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("task", TASKS)
def test_a_new_head_on_a_real_checkpoint(tmp_path, task, dtype):
    folder = shared("checkpoints/all-MiniLM-L6-v2")
    kind, labels, _, _ = TASKS[task]
    head = "classification" if task == "regression" else task
    names = None if task == "answering" else [f"tag {i}" for i in range(labels)]
    with pytest.warns(UserWarning, match=f"has no head for {head}"):
        model, tokenizer = load_bert(folder, head=head, labels=names, dtype=dtype)
    save_bert(model, tokenizer, tmp_path)
    theirs = getattr(transformers, kind).from_pretrained(
        tmp_path, attn_implementation="eager", dtype=dtype
    )
    inputs = tokenizer(["A man plays a guitar.", "naïve résumé", "Who?"], ["In Paris.", "", "Me."])
    # Measured: 3.9e-6 of 1e-5 in float32, 5.9e-15 of 1e-10 in float64; the logits 9e-7 and 1e-15.
    assert_all_passed(compare(model, theirs.eval(), inputs, BOUNDS[dtype]))
    said = json.loads((tmp_path / "config.json").read_text())
    assert said.get("id2label") == (names and {str(i): name for i, name in enumerate(names)})
