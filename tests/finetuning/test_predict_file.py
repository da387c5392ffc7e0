"""Files of predictions: equal to predict's, resumed after kill -9, shared by processes."""

import json
import os
import random

import pytest
import torch

from minibert import load_bert, save_bert
from minibert.cli import main
from minibert.common.outputs import MARKER, is_result
from minibert.extraction import parts
from minibert.finetuning import predict as module
from minibert.finetuning.entities import read_tagged
from minibert.finetuning.predict import json_line, predict, predict_file
from minibert.finetuning.questions import read_questions
from minibert.task_heads import BertForSequenceClassification
from tests.faults import IS_THOROUGH
from tests.faults.kills import check_kills
from tests.finetuning.models import small, texts
from tests.tiny import tokenizer

TOKENIZER = tokenizer()
SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "a bc d ef",
                    "qas": [
                        {"id": "1", "question": "g", "answers": [{"text": "bc", "answer_start": 2}]}
                    ],
                }
            ]
        }
    ]
}


def rounded(found):
    return json.loads(json.dumps(found), parse_float=lambda number: round(float(number), 6))


def check(tmp_path, kind, name, content, items, pairs=None, **columns):
    """A file of this name and content gives what predict says of the items."""
    source, out = tmp_path / name, tmp_path / "out.jsonl"
    source.write_text(content, encoding="utf-8")
    model = small(kind, torch.float32)
    predict_file(source, out, model=model, tokenizer=TOKENIZER, **columns)
    lines = out.read_text(encoding="utf-8").splitlines()
    second = {"contexts" if kind == "answer" else "pairs": pairs}
    assert [json.loads(line) for line in lines] == rounded(
        predict(model, TOKENIZER, items, **second)
    )
    assert is_result(out)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "out.jsonl"])
    out.unlink()
    source.unlink()


def test_kinds_of_files(tmp_path):
    check(tmp_path, "classify", "x.txt", "a b\n\nc d\n", ["a b", "", "c d"])
    check(tmp_path, "classify", "x.tsv", "label\ttext\np\ta b\nq\tc\n", ["a b", "c"])
    check(tmp_path, "classify", "x.csv", '"a, b",1\nc,2\n', ["a, b", "c"], text=0)
    check(tmp_path, "number", "x.jsonl", '{"t": "a\\u00e9"}\n{"t": ""}\n', ["aé", ""], text="t")
    check(tmp_path, "classify", "x.tsv", "u\ttext\na\tb\n", ["b"], ["a"], pair="u")
    check(tmp_path, "tag", "x.txt", "a b c\nd\n", ["a b c", "d"])
    lines = '{"question": "a", "context": "b c d"}\n'
    check(tmp_path, "answer", "x.jsonl", lines, ["a"], ["b c d"])
    (tmp_path / "q.json").write_text(json.dumps(SQUAD))
    questions = read_questions(tmp_path / "q.json")
    (tmp_path / "q.json").unlink()
    check(tmp_path, "answer", "x.json", json.dumps(SQUAD), questions)
    (tmp_path / "w.conll").write_text("a O\nbc B-PER\n\nd O\n")
    words = read_tagged(tmp_path / "w.conll")
    (tmp_path / "w.conll").unlink()
    check(tmp_path, "tag", "x.conll", "a O\nbc B-PER\n\nd O\n", words)


def test_a_model_that_learned_pairs_reads_pairs(tmp_path):
    source = tmp_path / "x.tsv"
    source.write_text("text\ttext_pair\na\tb\n")
    model = small("number", torch.float32)
    model.task = {"task": "pairs"}
    predict_file(source, tmp_path / "out.jsonl", model=model, tokenizer=TOKENIZER)
    assert json.loads((tmp_path / "out.jsonl").read_text())["pair"] == "b"


def test_what_was_cut_is_counted_over_all_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2)
    source, out = tmp_path / "x.txt", tmp_path / "out.jsonl"
    source.write_text("a\n" + "b " * 30 + "\n" + "c " * 30 + "\nd\n")
    choices = {"model": small("classify", torch.float32), "tokenizer": TOKENIZER}
    leave_parts(source, out, monkeypatch, **choices)
    assert predict_file(source, out, **choices) == 2


def leave_parts(source, out, monkeypatch, **choices):
    """A run that is stopped before its parts are put together."""

    def stopped(*arguments):
        raise OSError("stopped")

    with monkeypatch.context() as patched:
        patched.setattr(module, "problems_of", stopped)
        with pytest.raises(OSError, match="stopped"):
            predict_file(source, out, **choices)


def test_a_stopped_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 10)
    source, whole, out = (tmp_path / name for name in ("x.txt", "whole.jsonl", "out.jsonl"))
    source.write_text("\n".join(texts(random.Random(0), 35)) + "\n")
    model = small("classify", torch.float32)
    choices = {"model": model, "tokenizer": TOKENIZER}
    predict_file(source, whole, **choices)
    leave_parts(source, out, monkeypatch, **choices)
    made = []
    save = module.save_part
    monkeypatch.setattr(module, "save_part", lambda *a: made.append(a[0].name[7]) or save(*a))
    files = sorted((tmp_path / "out.jsonl.parts").glob("0*"))
    assert len(files) == 4
    files[1].unlink()
    files[2].write_bytes(files[2].read_bytes()[:-5])
    with pytest.raises(ValueError, match="parts of a run with top None, not 2"):
        predict_file(source, out, **choices, top=2)
    with torch.no_grad():
        model.classifier.bias[0] += 1
    with pytest.raises(ValueError, match="parts of a run with weights"):
        predict_file(source, out, **choices)
    with torch.no_grad():
        model.classifier.bias[0] -= 1
    predict_file(source, out, **choices)
    assert made == ["1", "2"]
    assert out.read_bytes() == whole.read_bytes()
    assert not (tmp_path / "out.jsonl.parts").exists()


def test_only_predictions_are_replaced_and_only_if_asked(tmp_path):
    source, out = tmp_path / "x.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "a"}\n')
    choices = {"model": small("number", torch.float32), "tokenizer": TOKENIZER}
    predict_file(source, out, **choices)
    with pytest.raises(ValueError, match="is there already; --overwrite"):
        predict_file(source, out, **choices)
    predict_file(source, out, **choices, overwrite=True)
    # Somebody's own file of the same fields.
    for own in ('{"text": "a", "score": 0.5}\n', '{"text": "a", "pair": "b", "score": 1}\n'):
        out.write_text(own)
        with pytest.raises(ValueError, match="minibert did not write it"):
            predict_file(source, out, **choices, overwrite=True)
        assert out.read_text() == own
    with pytest.raises(ValueError, match="is the input"):
        predict_file(source, source, **choices, overwrite=True)
    (tmp_path / "new.jsonl.parts").mkdir()
    (tmp_path / "new.jsonl.parts" / "mine").write_text("mine")
    with pytest.raises(ValueError, match=f"it has no {MARKER}"):
        predict_file(source, tmp_path / "new.jsonl", **choices)


@pytest.mark.parametrize(
    "text",
    ["a", '"', "\\", '\\",  "', "\ud83d", "é北", "x" * 200_000, '", "pair": "b\\\\', "\n\x00"],
)
def test_a_line_is_known_as_ours_whatever_its_text(tmp_path, text):
    out = tmp_path / "out.jsonl"
    for given in ({"text": text}, {"question": text}, {"text": text, "pair": text}):
        content = json_line({**given, "score": 0.123456789})
        assert json.loads(content) == {**given, "score": 0.123457}
        assert content.count(b"\n") == 1
        out.write_bytes(content)
        assert is_result(out)


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("x.txt", None, {}, "there is no file"),
        ("x.pdf", "a", {}, "what is in a .pdf file"),
        ("x.tsv", "a\tb\n", {}, "line 1 has not one column 'text'"),
        ("x.tsv", "text\tb\na\n", {}, "x.tsv: line 2: 1 columns, where the first row has 2"),
        ("x.txt", "a\n", {"pair": 1}, "columns are in .tsv, .csv and .jsonl files"),
        ("x.jsonl", '{"text": 3}\n', {}, "x.jsonl: line 1: not a text but int"),
        ("x.jsonl", "{\n", {}, "x.jsonl: line 1: not JSON"),
        ("x.jsonl", '{"text": "a"}\n', {"text": 0}, "fields of a .jsonl file have names"),
    ],
)
def test_bad_files(tmp_path, name, content, columns, message):
    source = tmp_path / name
    if content is not None:
        source.write_text(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        predict_file(
            source, tmp_path / "o.jsonl", model=small("number"), tokenizer=TOKENIZER, **columns
        )
    assert not (tmp_path / "o.jsonl").exists()
    assert not (tmp_path / "o.jsonl.parts").exists()


def test_what_comes_before_a_wrong_line_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2)
    source = tmp_path / "x.txt"
    source.write_bytes(b"a\nb\nc\nd\n\xff\n")
    with pytest.raises(ValueError, match="line 5: not UTF-8"):
        predict_file(source, tmp_path / "o.jsonl", model=small("number"), tokenizer=TOKENIZER)
    assert len([*(tmp_path / "o.jsonl.parts").glob("0*")]) == 2
    assert parts.RECORD in os.listdir(tmp_path / "o.jsonl.parts")


def make_folder(folder, count):
    """minibert-tiny with a new head, and a file of texts."""
    bert, own = load_bert()
    torch.manual_seed(1)
    model = BertForSequenceClassification(bert.config, ["bad", "good"])
    model.bert.load_state_dict(bert.state_dict(), strict=False)
    save_bert(model, own, folder / "model")
    (folder / "many.txt").write_text("\n".join(texts(random.Random(1), count, 15)) + "\n")


def command(folder):
    """The words that come before the output's name."""
    return ["predict", folder / "model", "--input", folder / "many.txt", "--out"]


@pytest.mark.slow
def test_kill(tmp_path):
    make_folder(tmp_path, 1200)
    check_kills(command(tmp_path), tmp_path / "out.jsonl", 6 if IS_THOROUGH else 3)


def test_the_command(tmp_path, capsys):
    make_folder(tmp_path, 3)
    out = tmp_path / "out.jsonl"
    source = tmp_path / "many.txt"
    words = ["predict", str(tmp_path / "model"), "--input", str(source), "--out", str(out)]
    assert main(words) == 0
    assert f"written: {out} ({tmp_path / 'model'}; linear maps:" in capsys.readouterr().out
    assert len(out.read_text().splitlines()) == 3
    assert main([*words, "--top", "2"]) == 2
    assert "--overwrite" in capsys.readouterr().err
