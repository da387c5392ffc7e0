import argparse
from types import SimpleNamespace

import pytest
import torch

from minibert import BertModel, Engine
from minibert.cli import main
from minibert.cli.bench import duration, recommend
from minibert.cli.texts import add_reading, first_texts
from minibert.common.devices import has_bfloat16
from minibert.extraction.bench import TEXTS, held
from minibert.extraction.linear import has_int8, has_pairs
from tests import tiny
from weights_loader import load_bert, save_bert


def run(capsys, *arguments):
    status = main(["bench", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def rows_of(said):
    """dtype -> its texts/s, tokens/s and the two cosines."""
    table = [line.split() for line in said.splitlines() if "MB" in line]
    return {row[0]: [float(row[i]) for i in (1, 2, -2, -1)] for row in table}


@pytest.mark.skipif(torch.cuda.is_available(), reason="the rows of a CPU")
def test_the_bundled_model(capsys):
    status, said, err = run(capsys, "--seconds", 1)
    assert (status, err) == (0, "")
    assert said.startswith("model: minibert-tiny")
    rows = rows_of(said)
    cpu = torch.device("cpu")
    expected = [
        "float32",
        *["bfloat16"] * has_bfloat16(cpu),
        *["int8"] * (has_int8(cpu) or has_pairs(cpu)),
    ]
    assert list(rows) == expected
    for texts, tokens, mean, least in rows.values():
        assert 0 < texts < tokens
        assert 0.98 <= least <= mean <= 1
    assert rows["float32"][2:] == [1, 1]
    assert all(rows[name][3] < 1 for name in expected[1:])
    assert said.splitlines()[-1].startswith("recommended: ")


def test_the_first_row_of_a_table_may_be_left_out(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("name\na cat\na dog\n")
    parser = argparse.ArgumentParser()
    add_reading(parser)
    for words, expected in (
        (["--column", "0"], ["name", "a cat"]),
        (["--column", "0", "--header"], ["a cat", "a dog"]),
        (["--column", "name"], ["a cat", "a dog"]),
    ):
        assert first_texts(file, parser.parse_args(words), 2) == expected


@pytest.mark.slow
def test_texts_of_a_file(capsys, tmp_path):
    file = tmp_path / "texts.jsonl"
    file.write_text('{"id": 1, "text": "a b"}\n{"id": 2, "text": ""}\n{"text": "c d e f"}\n')
    save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), tmp_path)
    given = ("--model", tmp_path, "--input", file, "--field", "text", "--seconds", 0.1)
    status, said, err = run(capsys, *given)
    assert (status, err) == (0, "")
    assert f"texts: {file}, 4 tokens on average" in said  # 4, 2 and 6, with [CLS] and [SEP]
    file.write_text('{"text": "' + "a " * 20 + '"}\n')
    assert run(capsys, *given)[0] == 0  # a text over the limit goes through in windows


@pytest.mark.slow
def test_texts_that_the_vocabulary_does_not_have(capsys, tmp_path):
    save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), tmp_path)
    status, _, err = run(capsys, "--model", tmp_path, "--seconds", 0.1)
    assert status == 0
    assert "of the tokens are [UNK]" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seconds", "0"], "seconds must be a number over 0, not 0.0"),
        (["--seconds", "nan"], "seconds must be a number over 0, not nan"),
        (["--seconds", "inf"], "seconds must be a number over 0, not inf"),
        (["--model", "./nowhere"], "there is no folder './nowhere'"),
        (["--input", "nowhere.txt"], "there is no file nowhere.txt"),
        (["--field", "text"], "field, column and header belong to files"),
    ],
)
def test_errors_are_one_line(capsys, arguments, message):
    status, said, err = run(capsys, *arguments)
    assert (status, said, err.count("\n")) == (2, "", 1)
    assert message in err


def test_files_that_cannot_be_read(capsys, tmp_path):
    file = tmp_path / "texts.txt"
    file.write_bytes(b"a\n\xff\n")
    assert "texts.txt: line 2: not UTF-8" in run(capsys, "--input", file)[2]
    file.write_bytes(b"")
    assert "there are no texts to embed" in run(capsys, "--input", file)[2]
    file.rename(tmp_path / "texts.csv")
    assert "need a column" in run(capsys, "--input", tmp_path / "texts.csv")[2]


def test_the_recommendation():
    def row(name, texts, *cosines):
        return SimpleNamespace(
            dtype=getattr(torch, name), texts=texts, cosines=torch.tensor(cosines)
        )

    exact = row("float32", 100.0, 1.0, 1.0)
    faster = "--dtype int8: 1.5 times as fast as float32"
    default = "float32, the default"
    assert recommend([exact, row("bfloat16", 140.0, 1.0), row("int8", 150.0, 0.99, 1.0)]) == faster
    assert recommend([exact, row("int8", 150.0, 0.97, 1.0)]).startswith(default)
    assert recommend([exact, row("int8", 109.0, 0.99, 1.0)]).startswith(default)
    assert recommend([exact, row("int8", 150.0, torch.nan)]).startswith(default)


def test_durations():
    seconds = (0.5, 59.0, 90.0, 5400.0, 86400.0 * 12)
    assert [duration(each) for each in seconds] == ["0.5 s", "59.0 s", "1.5 min", "1.5 h", "12.0 d"]


def test_what_the_engine_holds():
    model, _ = load_bert()
    config = model.config
    tables = 4 * (config.vocab_size + 2 * config.max_position_embeddings) * config.hidden_size
    maps = {name: p.numel() for name, p in model.encoder.named_parameters() if "norm" not in name}
    weights = 4 * sum(size for name, size in maps.items() if name.endswith("weight"))
    whole, small = Engine(model), Engine(model, dtype=torch.int8)
    copies = 2 if whole.way_name == "by-size" else 1  # without AVX-512
    assert held(whole) == tables + copies * 4 * sum(maps.values())
    if small.way_name == "int8":  # what FBGEMM has packed is no tensor that can be counted
        assert 0.25 < (held(small) - tables) / weights < 0.3


def test_our_texts():
    words = sorted(len(text.split()) for text in TEXTS)
    assert (len(words), words[0], words[-1]) == (112, 4, 68)
    assert words[len(words) // 2] < sum(words) / len(words) < 25
