"""Which head a folder gives: its own, a new one, or none."""

import json
import warnings

import pytest
import torch

from minibert import (
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)
from minibert.cli import main
from minibert.vocabulary import CheckpointError
from tests import tiny
from tests.parity.helpers import official_state, write_folder
from weights_loader import load_bert, save_bert

KINDS = {
    "classification": BertForSequenceClassification,
    "tagging": BertForTokenClassification,
    "answering": BertForQuestionAnswering,
}
TAGS = ["O", "B-PER", "I-PER"]
IDS = {"2": "I-PER", "0": "O", "1": "B-PER"}  # an object has no order


def folder_of(kind, folder, *, drop=(), extra=None, labels=3, **changes):
    """A fine-tuned folder as transformers writes it; `changes` in its config.json."""
    theirs = tiny.theirs(kind, num_labels=labels).float()
    state = {n: t for n, t in official_state(theirs).items() if not n.startswith(drop)}
    write_folder(state | (extra or {}), {**theirs.config.to_dict(), **changes}, folder)
    return folder


@pytest.fixture
def tagger(tmp_path):
    return folder_of("BertForTokenClassification", tmp_path, id2label=IDS)


def uses(model, use):
    """The names of the file's tensors that were used so, and of the model's."""
    file = {name for name, (how, _) in model.account.file.items() if how == use}
    return file | {name for name, how in model.account.model.items() if how == use}


HEAD = {"classifier.weight", "classifier.bias"}


def test_a_folder_that_names_its_head_needs_no_argument(tagger):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, _ = load_bert(tagger)
    assert type(model) is BertForTokenClassification
    assert model.labels == tuple(TAGS)
    assert not uses(model, "new") | uses(model, "left out")
    assert not model.training
    bare, _ = load_bert(tagger, head="bert")
    assert type(bare) is BertModel
    assert uses(bare, "left out") == HEAD


def test_other_architectures_are_a_bare_bert(tmp_path):
    for named in ("BertForMaskedLM", "BertModel", "Unheard"):
        folder_of("BertForSequenceClassification", tmp_path, architectures=[named])
        assert type(load_bert(tmp_path)[0]) is BertModel
    for named in (None, []):
        folder_of("BertForSequenceClassification", tmp_path, architectures=named)
        assert type(load_bert(tmp_path)[0]) is BertModel
        model, _ = load_bert(tmp_path, head="classification")  # the file does have one
        assert not uses(model, "new")


def test_a_tagger_with_a_pooler(tmp_path):
    pooler = {
        f"bert.pooler.dense.{n}": t
        for n, t in (("weight", torch.ones(28, 28)), ("bias", torch.ones(28)))
    }
    folder_of("BertForTokenClassification", tmp_path, extra=pooler)
    model, _ = load_bert(tmp_path)
    assert uses(model, "left out") == set(pooler)
    assert load_bert(tmp_path, head="bert")[0].pooler is not None


@pytest.mark.parametrize("head", [None, "tagging"])
def test_without_labels_in_config_they_are_counted(tmp_path, head):
    folder_of("BertForTokenClassification", tmp_path, id2label=None)
    assert load_bert(tmp_path, head=head)[0].labels == ("LABEL_0", "LABEL_1", "LABEL_2")


def test_labels_without_names_get_names(tmp_path):
    folder_of("BertForSequenceClassification", tmp_path)
    model, _ = load_bert(tmp_path, labels=["bad", "fair", "good"])
    assert model.labels == ("bad", "fair", "good")
    assert not uses(model, "new")


@pytest.mark.parametrize("labels", [TAGS[::-1], [*TAGS, "B-LOC"], ["a", "b", "c"], ["a"]])
def test_other_labels_are_a_new_head(tagger, labels):
    with pytest.warns(UserWarning, match=r"has no head for tagging with the labels \(") as warned:
        model, _ = load_bert(tagger, labels=labels)
    assert [warning.filename for warning in warned] == [__file__]
    assert uses(model, "new") | uses(model, "left out") == HEAD
    assert model.classifier.weight.shape == (len(labels), 28)
    assert 0.01 < model.classifier.weight.std() < 0.03  # initialised, not left at zero
    assert not model.classifier.bias.any()


def test_the_head_of_another_task_is_not_read(tagger):
    with pytest.warns(UserWarning, match="has no head for classification with the labels"):
        model, _ = load_bert(tagger, head="classification", labels=TAGS)
    assert uses(model, "left out") == HEAD
    # The tagger has no pooler, either.
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert uses(model, "new") == HEAD | pooler
    assert model.bert.pooler.dense.weight.any()
    with pytest.warns(UserWarning, match="has no head for classification"):
        assert load_bert(tagger, head="classification")[0].labels == ("LABEL_0", "LABEL_1")
    with pytest.warns(UserWarning, match="has no head for answering; a new one"):
        model, _ = load_bert(tagger, head="answering")
    assert uses(model, "new") == {"qa_outputs.weight", "qa_outputs.bias"}


def test_a_head_for_config_jsons_labels(tmp_path):
    folder_of("BertModel", tmp_path, id2label=IDS)
    with pytest.warns(UserWarning, match="has no head for classification"):
        assert load_bert(tmp_path, head="classification")[0].labels == tuple(TAGS)


@pytest.mark.parametrize("drop", ["classifier.", "classifier.bias", "bert.pooler."])
def test_what_is_missing_from_the_folders_own_head(tmp_path, drop):
    folder_of("BertForSequenceClassification", tmp_path, drop=(drop,))
    missing = "pooler.dense.weight" if "pooler" in drop else "classifier.bias"
    for head in (None, "classification"):
        with pytest.raises(CheckpointError, match=rf"'{missing}': missing"):
            load_bert(tmp_path, head=head)


def test_a_head_of_another_shape(tmp_path):
    folder_of("BertForTokenClassification", tmp_path, id2label={"0": "O", "1": "B"})
    with pytest.raises(CheckpointError, match=r"classifier.weight': shape \[3, 28\], not \[2, 28"):
        load_bert(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"1": "O", "2": "B", "3": "I"},
        {"0": "O", "1": "B", "3": "I"},
        {"0": "O", "1": "B", "02": "I"},
        {"0": "O", "1": "B", "2": "B"},
        {"0": "O", "1": "B", "2": 5},
        {"0": "O", "1": "B", "x\x1b[31m\n": "I"},
        ["O", "B", "I"],
        {},
        "O",
        5,
    ],
)
def test_wrong_labels_in_config(tmp_path, wrong):
    folder_of("BertForTokenClassification", tmp_path, id2label=wrong)
    with pytest.raises(
        CheckpointError, match=r"config.json: '?id2label'? must (be|hold)"
    ) as caught:
        load_bert(tmp_path)
    assert str(caught.value).isprintable()
    assert type(load_bert(tmp_path, head="bert")[0]) is BertModel


@pytest.mark.parametrize(
    "changes",
    [
        {"architectures": "BertForTokenClassification"},
        {"architectures": [5]},
        {"minibert_all_layers": "yes"},
        {"minibert_task": ["classify"]},
    ],
)
def test_wrong_words_in_config(tmp_path, changes):
    folder_of("BertForTokenClassification", tmp_path, **changes)
    (name,) = changes
    with pytest.raises(CheckpointError, match=f"config.json: '{name}' must be"):
        load_bert(tmp_path)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        (3, "multi_label_classification"),
        (3, "regression"),
        (1, "single_label_classification"),
        (3, ["\x1b[31m\n"]),
    ],
)
def test_a_problem_that_is_none_of_ours(tmp_path, labels, problem):
    folder_of("BertForSequenceClassification", tmp_path, labels=labels, problem_type=problem)
    for head in (None, "classification"):
        with pytest.raises(
            CheckpointError, match=f"problem_type .* with {labels} labels"
        ) as caught:
            load_bert(tmp_path, head=head)
        assert str(caught.value).isprintable()
    assert type(load_bert(tmp_path, head="bert")[0]) is BertModel


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": "mlm", "labels": TAGS}, "labels are those of a head .*, not of 'mlm'"),
        ({"head": "answering", "labels": TAGS}, "labels are those of .*, not of 'answering'"),
        ({"labels": TAGS}, "labels are those of .*, not of 'bert'"),
        ({"head": "tagging", "labels": "O"}, "labels must be a list of different texts, not 'O'"),
        ({"head": "tagging", "labels": []}, "labels must be a list of different texts"),
        ({"head": "nsp", "all_layers": True}, "all_layers is for a head for .*, not for 'nsp'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_bert(**arguments)


# Saving.


def saved(model, folder):
    save_bert(model, tiny.tokenizer(), folder)
    return json.loads((folder / "config.json").read_text())


@pytest.mark.parametrize("head", KINDS)
def test_all_layers_there_and_back(tmp_path, head):
    model = tiny.randomise(KINDS[head](tiny.CONFIG, all_layers=True), seed=1)
    assert saved(model, tmp_path)["minibert_all_layers"] is True
    again, _ = load_bert(tmp_path)
    assert type(again) is KINDS[head]
    assert not uses(again, "new") | uses(again, "left out")
    assert again.state_dict().keys() == model.state_dict().keys()
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])
    bare, _ = load_bert(tmp_path, head="bert")
    assert {"mixture.weights", "mixture.scale"} < uses(bare, "left out")


def test_a_new_head_of_all_layers(tmp_path):
    folder_of("BertForTokenClassification", tmp_path, id2label=IDS)
    with pytest.warns(UserWarning, match="has no head for tagging"):
        model, _ = load_bert(tmp_path, all_layers=True)
    mixture = {"mixture.weights", "mixture.scale"}
    assert (uses(model, "left out"), uses(model, "new")) == (HEAD, HEAD | mixture)
    assert model.labels == tuple(TAGS)
    assert model.mixture.weights.tolist() == [0] * 7
    saved(model, tmp_path / "all")
    with pytest.warns(UserWarning, match="has no head for tagging"):
        plain, _ = load_bert(tmp_path / "all", all_layers=False)
    assert plain.mixture is None
    assert uses(plain, "left out") == HEAD | mixture


def test_labels_and_numbers_are_written(tmp_path):
    config = saved(BertForTokenClassification(tiny.CONFIG, TAGS), tmp_path / "tags")
    assert config["id2label"] == {"0": "O", "1": "B-PER", "2": "I-PER"}
    assert config["label2id"] == {"O": 0, "B-PER": 1, "I-PER": 2}
    assert "problem_type" not in config
    config = saved(BertForSequenceClassification(tiny.CONFIG, ["score"]), tmp_path / "number")
    assert (config["id2label"], config["problem_type"]) == ({"0": "score"}, "regression")
    assert load_bert(tmp_path / "number")[0].labels == ("score",)


def test_the_task_goes_with_the_head(tmp_path):
    model = BertForTokenClassification(tiny.CONFIG, TAGS)
    model.task = {"task": "tag", "stride": 3}
    assert saved(model, tmp_path / "tags")["minibert_task"] == model.task
    assert load_bert(tmp_path / "tags")[0].task == model.task
    assert load_bert(tmp_path / "tags", head="bert")[0].task == {}
    with pytest.warns(UserWarning, match="has no head for tagging"):
        assert load_bert(tmp_path / "tags", labels=["a", "b"])[0].task == {}
    alike = BertModel(tiny.CONFIG)
    assert "minibert_task" not in saved(alike, tmp_path / "alike")
    alike.task = {"task": "similar"}
    saved(alike, tmp_path / "alike")
    assert load_bert(tmp_path / "alike")[0].task == alike.task


# Commands that want a BERT without a head.


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["embed", "a b", "--model"],
        ["walk", "a b", "--model"],
        ["layers", "a [b]", "b [a]", "--model"],
        ["bench", "--seconds", "0.1", "--input", "texts.txt", "--model"],
        ["embed", "--input", "texts.txt", "--out", "vectors.npy", "--model"],
        ["verify", "--account"],
        ["verify", "--text", "a b", "--text", "c d e"],
    ],
    ids=["embed", "walk", "layers", "bench", "embed a file", "account", "verify"],
)
@pytest.mark.parametrize("kind", ["plain", "all layers"])
def test_commands_take_a_fine_tuned_folder(tmp_path, words, kind, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("a b\nc\n" * 40)
    model = BertForTokenClassification(tiny.CONFIG, TAGS, all_layers=kind == "all layers")
    saved(model, tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main([*words, "model"]) == 0
    shows_head = "--account" in words or ("verify" in words and kind == "plain")
    assert ("classifier" in capsys.readouterr().out) == shows_head


def test_prune_says_what_to_do_with_a_fine_tuned_folder(tmp_path, capsys):
    saved(BertForTokenClassification(tiny.CONFIG, TAGS), tmp_path / "model")
    (tmp_path / "texts.txt").write_text("a b\n")
    words = ["prune", "--heads", "0.5", "--text", tmp_path / "texts.txt", "--out", tmp_path / "out"]
    assert main([str(word) for word in [*words, "--model", tmp_path / "model"]]) == 2
    assert "has no MLM head" in capsys.readouterr().err
