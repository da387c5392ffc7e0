"""Texts to translations: one by one and together the same, from files in parts, resumed."""

import json

import pytest
import torch

from minibert import load_bert, save_bert, translate, translate_file
from minibert.finetuning import predict as module
from minibert.finetuning.translator import Translator
from minibert.inspection.alignment import alignment
from tests import tiny
from tests.cli.test_cli import failing, run
from tests.faults.kills import check_kills
from tests.finetuning.pairs import model, pairs
from tests.tiny import tokenizer

TEXTS = [example.text for example in pairs(9)]


def small():
    return model().float(), tokenizer()


def test_texts_together_are_as_each_by_itself():
    own, tokens = small()
    together = translate(own, tokens, TEXTS)
    assert together == [translate(own, tokens, text) for text in TEXTS]
    assert len(set(together)) > 3
    own, tokens = model(), tokenizer()
    for beams in (1, 3):
        options = {"num_beams": beams, "max_length": 8}
        ids = tokens(TEXTS[0])["input_ids"]
        written = own.generate(ids, **options)
        plain = own.target_tokenizer.decode(written[0], skip_special_tokens=True)
        assert translate(own, tokens, TEXTS[0], **options) == plain.replace(" ", "")


def test_no_blanks_between_chinese_characters():
    own, tokens = small()
    target = own.target_tokenizer
    words = ["我", "a", "b", "。", "他", "，", "a"]
    target.tokens[5:12] = words
    own.generate = lambda ids, **options: torch.tensor([[2, 5, 6, 7, 8, 9, 10, 11, 3]])
    assert translate(own, tokens, "a") == "我a b。他，a"


def test_a_text_over_the_limit_is_cut_with_a_warning():
    own, tokens = small()
    with pytest.warns(UserWarning, match="1 texts are over the limit of 13 tokens"):
        found = translate(own, tokens, "a b c d e f g h i j k l m a b c")
    assert found == translate(own, tokens, "a b c d e f g h i j k")


def test_a_model_in_training_translates_without_dropout():
    own, tokens = small()
    expected = translate(own, tokens, TEXTS)
    assert translate(own.train(), tokens, TEXTS) == expected


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("x.txt", "a b\n\nc\n", {}),
        ("x.tsv", "other\ttext\n1\ta b\n2\t\n3\tc\n", {}),
        ("x.jsonl", '{"t": "a b"}\n{"t": ""}\n{"t": "c"}\n', {"text": "t"}),
    ],
)
def test_files(tmp_path, monkeypatch, name, content, options):
    monkeypatch.setattr(module, "BLOCK", 2)
    own, tokens = small()
    (tmp_path / name).write_text(content)
    choices = {"model": own, "tokenizer": tokens, **options}
    assert translate_file(tmp_path / name, tmp_path / "out.jsonl", **choices) == 0
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    a, c = translate(own, tokens, ["a b", "c"])
    assert [json.loads(line) for line in lines] == [
        {"text": "a b", "translation": a},
        {"text": "", "translation": ""},
        {"text": "c", "translation": c},
    ]
    with pytest.raises(ValueError, match="is there already; --overwrite"):
        translate_file(tmp_path / name, tmp_path / "out.jsonl", **choices)
    translate_file(tmp_path / name, tmp_path / "out.jsonl", overwrite=True, **choices)


def test_a_run_with_other_beams_does_not_go_on_with_the_parts(tmp_path, monkeypatch):
    own, tokens = small()
    monkeypatch.setattr(module, "BLOCK", 1)
    (tmp_path / "x.txt").write_text("a\nb\nc\n")
    files, choices = (tmp_path / "x.txt", tmp_path / "o.jsonl"), {"model": own, "tokenizer": tokens}
    calls = []

    def fail(rows):
        calls.append(rows)
        return 1 / 0 if len(calls) > 2 else ["我"] * len(rows)

    translator = Translator(own, tokens)
    translator.write = fail
    with pytest.raises(ZeroDivisionError):
        translate_file(*files, model=translator)
    with pytest.raises(ValueError, match="of a run with num_beams 4, not 2"):
        translate_file(*files, **choices, num_beams=2)
    translate_file(*files, **choices)
    found = [json.loads(line)["translation"] for line in files[1].read_text("utf-8").splitlines()]
    assert found == ["我", "我", translate(own, tokens, "c")]


@pytest.mark.slow
def test_kills(tmp_path):
    save_bert(*small(), tmp_path / "model")
    (tmp_path / "x.txt").write_text("".join(f"{one.text}\n" for one in pairs(1500)))
    words = ["translate", tmp_path / "model", "--input", tmp_path / "x.txt", "--out"]
    check_kills(words, tmp_path / "out.jsonl", 4)


def test_the_command(capsys, tmp_path):
    own, tokens = small()
    save_bert(own, tokens, tmp_path / "model")
    a, b = translate(own, tokens, ["a b", "c"])
    words = ["translate", tmp_path / "model"]
    status, out, _ = run(capsys, *words, "a b", "c")
    assert status == 0
    assert out == f"a b\n  {a}\nc\n  {b}\n"
    greedy = translate(own, tokens, "a b", num_beams=1, max_length=5)
    out = run(capsys, *words, "--beams", 1, "--max-length", 5, "a b")[1]
    assert out == f"a b\n  {greedy}\n"
    (tmp_path / "x.csv").write_text("1,a b\n2,c\n")
    places = ["--input", tmp_path / "x.csv", "--out", tmp_path / "y.jsonl"]
    status, out, err = run(capsys, *words, *places, "--text-column", 1)
    assert status == 0, err
    assert out.startswith(f"written: {tmp_path / 'y.jsonl'} (")
    lines = (tmp_path / "y.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["translation"] for line in lines] == [a, b]
    assert translate(tmp_path / "model", None, "c") == b


def test_the_command_shows_what_was_read(capsys, tmp_path):
    own, tokens = small()
    save_bert(own, tokens, tmp_path / "model")
    words = ["translate", tmp_path / "model", "a b c", "--align", "--plot", tmp_path / "x.png"]
    status, out, err = run(capsys, *words)
    assert status == 0, err
    written = own.generate(tokens("a b c")["input_ids"], num_beams=4, max_length=11)
    assert str(alignment(own, tokens, "a b c", written)) in out
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    assert "--overwrite" in failing(capsys, *words)
    assert run(capsys, *words, "--overwrite")[0] == 0
    assert "--plot for one" in failing(capsys, *words, "b")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give texts, or a file with --input"),
        (["a", "--out", "x.jsonl"], "--input and --out belong together"),
        (["a", "--text-column", "x"], "--text-column belongs to a file"),
        (["a", "--overwrite"], "--overwrite belongs to a file"),
        ([""], "text 1 is empty: there is nothing to translate"),
        (["a", " "], "text 2 is empty: there is nothing to translate"),
        (["a", "--beams", 0], "num_beams must be"),
        (["a", "--max-length", 0], "max_length must be"),
        (["a", "--max-length", 12], "max_length must be"),
        (["--input", "no.txt", "--out", "x.jsonl"], "there is no file no.txt"),
        (["--input", "no.txt", "--out", "x.txt"], "the name must end in .jsonl"),
    ],
)
def test_what_cannot_be(capsys, tmp_path, words, told):
    save_bert(*small(), tmp_path / "model")
    err = failing(capsys, "translate", tmp_path / "model", *words)
    assert told in err
    assert len(err.splitlines()) == 1


def test_models_that_do_not_translate(capsys, tmp_path):
    from minibert import BertModel

    save_bert(tiny.ours(BertModel).float(), tokenizer(), tmp_path)
    told = "must be an EncoderDecoderModel, not BertModel"
    assert told in failing(capsys, "translate", tmp_path, "a")
    with pytest.raises(ValueError, match=told):
        translate(*load_bert(tmp_path), "a")
    with pytest.raises(ValueError, match="a model of your own needs its tokenizer"):
        translate(model(), None, "a")
    with pytest.raises(ValueError, match="a Translator has its tokenizer"):
        translate(Translator(*small()), tokenizer(), "a")
