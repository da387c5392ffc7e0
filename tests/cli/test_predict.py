"""minibert predict and minibert evaluate: what they print, and how they refuse."""

import json

import pytest
import torch

from minibert import save_bert
from minibert.cli import main
from tests.finetuning.models import small
from tests.tiny import tokenizer


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model of each kind, saved."""
    folder = tmp_path_factory.mktemp("models")
    for kind in ("classify", "number", "tag", "answer"):
        save_bert(small(kind, torch.float32), tokenizer(), folder / kind)
    save_bert(small("tag", torch.float32).bert, tokenizer(), folder / "similar")
    return folder


def printed(capsys, *words):
    assert main([*map(str, words)]) == 0
    return capsys.readouterr().out


def test_what_is_printed(folders, capsys):
    out = printed(capsys, "predict", folders / "classify", "a b", "c").splitlines()
    assert (out[0], out[2], len(out)) == ("a b", "c", 4)
    assert out[1].split()[0].endswith("%")
    assert out[1].split()[1] in "pqr"
    out = printed(capsys, "predict", folders / "classify", "a b", "--pair", "c", "--top", "3")
    assert out.startswith("a b\nc\n")
    assert len(out.splitlines()) == 5
    out = printed(capsys, "predict", folders / "similar", "a", "--pair", "a")
    assert out == "a\na\n  1.0000\n"
    assert float(printed(capsys, "predict", folders / "number", "a").split()[-1])
    out = printed(capsys, "predict", folders / "tag", "a b c d e f")
    assert out.startswith("a b c d e f\n  ")
    words = ["--question", "a", "--context", "b c d", "--top", "2"]
    out = printed(capsys, "predict", folders / "answer", *words).splitlines()
    assert len(out) == 3
    assert "%" in out[1]


def test_an_evaluation(folders, tmp_path, capsys):
    file = tmp_path / "dev.tsv"
    file.write_text("text\tlabel\n" + "".join(f"{a} b\t{b}\n" for a in "abcd" for b in "pqr"))
    out = tmp_path / "scores.json"
    shown = printed(capsys, "evaluate", folders / "classify", file, "--worst", 2, "--out", out)
    assert "12 examples" in shown
    assert "accuracy       0.3333  <- what counts\n" in shown  # each text has all three labels
    assert shown.count("wanted '") == 2
    assert "wanted \\ got" in shown
    found = json.loads(out.read_text())
    assert found["scores"]["accuracy"] == 1 / 3
    assert main(["evaluate", str(folders / "classify"), str(file), "--out", str(out)]) == 2
    assert "is there already; --overwrite" in capsys.readouterr().err
    printed(capsys, "evaluate", folders / "classify", file, "--out", out, "--overwrite")
    file = tmp_path / "dev.conll"
    file.write_text("a B-PER\nb O\n\nc B-LOC\n")
    assert "PER" in printed(capsys, "evaluate", folders / "tag", file)
    file = tmp_path / "dev.csv"
    file.write_text("a,b,1\nb,c,2\nc,d e f,3\n")
    columns = ["--text-column", 0, "--pair-column", 1, "--label-column", 2]
    assert "spearman" in printed(capsys, "evaluate", folders / "similar", file, *columns)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("predict classify", "give texts, or --question with --context, or a file with --input"),
        ("predict classify a --input x.txt", "give texts, or --question"),
        ("predict answer --question a", "--question and --context belong together"),
        ("predict classify --input x.txt", "--input and --out belong together"),
        ("predict classify a --overwrite", "--overwrite belongs to a file"),
        ("predict classify a --text-column 1", "--text-column belongs to a file"),
        ("predict classify a --pair-column 1", "--pair-column belongs to a file"),
        ("predict answer --question a --context b --pair c", "--pair belongs to texts"),
        ("predict classify a b --pair c", "2 texts, but 1 second ones"),
        ("predict similar a", "a model without a head compares two texts"),
        ("predict tag a --pair b", "a model for 'tag' takes one text, not pairs"),
        ("predict nowhere a", "nowhere"),
        ("predict classify --input nothing.txt --out y.jsonl", "there is no file nothing.txt"),
        ("predict classify --input nothing.txt --out y.json", "the name must end in .jsonl"),
        ("predict classify a --device abacus", "compute on here, such as cpu"),
        ("evaluate classify nothing.tsv", "there is no file nothing.tsv"),
        ("evaluate classify nothing.tsv --worst -1", "--worst must be at least 0"),
        ("evaluate classify nothing.tsv --out x.txt", "the name must end in .json"),
    ],
)
def test_one_line_errors(folders, tmp_path, command, message, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, model, *rest = command.split()
    model = str(folders / model) if (folders / model).exists() else model
    assert main([name, model, *rest]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_head_that_nobody_trained_is_not_asked(folders, tmp_path, capsys):
    """A file that says it has a head, and has none."""
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(folders / "similar", folder)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["BertForSequenceClassification"]
    (folder / "config.json").write_text(json.dumps(config))
    assert main(["predict", str(folder), "a"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
