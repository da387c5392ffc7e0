import pytest
import torch

from minibert import BertForMaskedLM, BertModel, Engine
from minibert.cli import main
from tests import tiny
from tests.extraction.test_engine import largest_difference
from weights_loader import load_bert, save_bert

LINES = ["The river flows into the sea.", "", "He was born in London.", "She won the race."]


@pytest.fixture
def text(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(LINES) + "\n")
    return file


def run(capsys, *arguments):
    status = main(["prune", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_pruned_folder_and_its_picture(capsys, tmp_path, text):
    out, picture = tmp_path / "small", tmp_path / "heads.png"
    out.mkdir()
    shares = ("--heads", 0.25, "--neurons", 0.25)
    given = ("--text", text, *shares, "--out", out, "--plot", picture, "--texts", 3)
    status, said, err = run(capsys, *given)
    assert (status, err) == (0, "")
    assert "MLM loss of 2 texts" in said  # the first three, of which one is empty
    assert picture.read_bytes().startswith(b"\x89PNG")
    model, _ = load_bert(out, head="pretraining")
    assert set(model.account.model.values()) == {"filled"}
    table = [line.split() for line in said.splitlines() if line.startswith("encoder.layers.")]
    dead_heads = dead_neurons = 0
    for layer, (_, heads, neurons) in zip(model.bert.encoder.layers, table, strict=True):
        of_heads = layer.attention.output.weight.unflatten(1, (4, 64)).any(dim=2).any(dim=0)
        of_neurons = layer.feed_forward.output.weight.any(dim=0)
        assert (of_heads.sum(), of_neurons.sum()) == (int(heads), int(neurons))
        dead_heads += (~of_heads).sum()
        dead_neurons += (~of_neurons).sum()
    assert (dead_heads, dead_neurons) == (4, 1024)
    ids = {"input_ids": torch.arange(5, 100)[None]}
    assert largest_difference(model.bert, Engine(model), ids) <= 5e-6
    status, _, err = run(capsys, *given[:-4])
    assert status == 2
    assert err == f"minibert prune: {out} is not empty; give a new or an empty folder\n"


def test_a_model_with_an_mlm_head_only(capsys, tmp_path, text):
    text.write_text("abc d\n")
    save_bert(tiny.ours(BertForMaskedLM).float(), tiny.tokenizer(), tmp_path / "model")
    arguments = ("--model", tmp_path / "model", "--text", text, "--out", tmp_path / "small")
    assert run(capsys, *arguments, "--neurons", 0.5)[0] == 0
    model, _ = load_bert(tmp_path / "small", head="mlm")
    parts = [layer.feed_forward.output.weight for layer in model.bert.encoder.layers]
    assert (~torch.stack(parts).any(dim=1)).sum() == 33


def test_without_an_mlm_head(capsys, tmp_path, text):
    save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), tmp_path / "model")
    arguments = ("--model", tmp_path / "model", "--text", text, "--out", tmp_path / "small")
    status, _, err = run(capsys, *arguments, "--heads", 0.5)
    assert status == 2
    assert "has no MLM head, whose loss is measured here; in Python, importance(" in err
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --heads or --neurons"),
        (["--heads", "1"], "heads must be {layer: numbers} or a share in [0, 1), not 1.0"),
        (["--neurons", "-0.5"], "neurons must be"),
        (["--heads", "0.9"], "heads=0.9 takes 14; 12 can go: each layer keeps one"),
        (["--heads", "0.5", "--texts", "0"], "--texts of at least 1"),
        (["--heads", "0.5", "--seed", "-1"], "seed must be a whole number from 0, not -1"),
        (["--heads", "0.5", "--plot", "x.pdf"], "the name must end in .png"),
        (["--heads", "0.5", "--text", "nowhere.txt"], "there is no file nowhere.txt"),
        (["--heads", "0.5", "--model", "./nowhere"], "there is no folder './nowhere'"),
        (["--heads", "0.5", "--field", "text"], "a .jsonl file needs a field"),
    ],
)
def test_errors_are_one_line_and_leave_no_folder(capsys, tmp_path, text, arguments, message):
    status, _, err = run(capsys, "--text", text, "--out", tmp_path / "small", *arguments)
    assert (status, err.count("\n")) == (2, 1)
    assert message in err
    assert not (tmp_path / "small").exists()


def test_texts_that_cannot_be_read(capsys, tmp_path, text):
    text.write_bytes(b"a\n\xff\n")
    given = ("--text", text, "--heads", 0.5, "--out", tmp_path / "small")
    assert "texts.txt: line 2: not UTF-8" in run(capsys, *given)[2]
    text.write_text("\n\n")
    assert "give at least one text with a word in it" in run(capsys, *given)[2]


def test_never_onto_a_model(capsys, tmp_path, text):
    model = tmp_path / "model"
    save_bert(tiny.ours(BertForMaskedLM).float(), tiny.tokenizer(), model)
    before = {file.name: file.read_bytes() for file in model.iterdir()}
    given = ("--model", model, "--text", text, "--heads", 0.5, "--out", model)
    assert "minibert did not make it" in run(capsys, *given)[2]
    (model / "minibert.json").touch()  # of a run of ours
    assert "is not empty" in run(capsys, *given)[2]
    (model / "minibert.json").unlink()
    assert {file.name: file.read_bytes() for file in model.iterdir()} == before
