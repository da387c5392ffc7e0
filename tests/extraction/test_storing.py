"""Files of vectors: equal to embed's, resumed, shared by processes, byte for byte."""

import json
import os
import random
import subprocess
import sys
import time

import numpy
import pytest
import torch
from safetensors.torch import load_file

from minibert.cli import main
from minibert.common.outputs import MARKER
from minibert.extraction import embedder as embedder_module
from minibert.extraction import storing
from minibert.extraction.embed import embed, embed_file
from minibert.extraction.engine import Engine
from minibert.extraction.parts import remove_parts
from weights_loader import load_bert

TEXTS = ["A man plays.", "The cat sat on the mat.", "", "hi"]


def minibert(*arguments, **options):
    command = [sys.executable, "-m", "minibert", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


def written(tmp_path, name, *options, texts=TEXTS):
    source = tmp_path / "texts.txt"
    if not source.exists():
        source.write_text("".join(text + "\n" for text in texts))
    out = tmp_path / name
    assert main(["embed", "--input", str(source), "--out", str(out), *options]) == 0
    assert sorted(file.name for file in tmp_path.iterdir() if file.suffix == ".parts") == []
    return out


def test_npy(tmp_path, capsys):
    found = numpy.load(written(tmp_path, "v.npy"), mmap_mode="r")
    assert capsys.readouterr().err == ""  # no progress bar in a pipe
    assert found.dtype == numpy.float32
    assert numpy.array_equal(found, embed(TEXTS, layers="all").numpy())


def test_safetensors(tmp_path):
    found = load_file(written(tmp_path, "v.safetensors", "--layers=-1,-2", "--mix", "concat"))
    assert list(found) == ["vectors"]
    assert torch.equal(found["vectors"], embed(TEXTS, layers="-1,-2", mix="concat"))


def test_tokens(tmp_path):
    found = load_file(written(tmp_path, "v.safetensors", "--pool", "tokens"))
    expected = embed(TEXTS, layers="all", pool="tokens")
    assert torch.equal(found["vectors"], torch.cat([one.vectors for one in expected]))
    assert found["counts"].tolist() == [len(one.vectors) for one in expected]
    lines = bytes(found["tokens"].tolist()).decode().splitlines()
    assert [json.loads(line) for line in lines] == [one.tokens for one in expected]


def test_jsonl(tmp_path):
    file = written(tmp_path, "v.jsonl", "--pool", "word-mean", "--layers", "layer1")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row, expected in zip(rows, embed(TEXTS, layers="layer1", pool="word-mean"), strict=True):
        assert row["tokens"] == expected.tokens
        assert torch.equal(torch.tensor(row["vectors"]).view_as(expected.vectors), expected.vectors)
    file = written(tmp_path, "w.jsonl", "--layers", "layer1")
    rows = [json.loads(line)["vector"] for line in file.read_text().splitlines()]
    assert torch.equal(torch.tensor(rows), embed(TEXTS, layers="layer1"))


def many(tmp_path):
    source = random.Random(0)
    words = [
        "the",
        "cat",
        "sat",
        "on",
        "a",
        "mat",
        "and",
        "then",
        "some",
        "other",
        "animal",
        "came",
        "by",
        "at",
        "last",
    ]
    path = tmp_path / "many.txt"
    with open(path, "w") as file:
        for _ in range(1_200):
            file.write(" ".join(source.choices(words, k=source.randint(0, 30))) + "\n")
    return path


def leave_parts(source, out, monkeypatch, **choices):
    """A run that is stopped before its parts are put together."""

    def stopped(*arguments):
        raise OSError("stopped")

    with monkeypatch.context() as patched:
        patched.setattr(storing, "put_together", stopped)
        with pytest.raises(OSError, match="stopped"):
            embed_file(source, out, **choices)


def test_a_broken_part_is_made_again(tmp_path, monkeypatch):
    source = tmp_path / "texts.txt"
    source.write_text("a cat\n" * 400)
    leave_parts(source, tmp_path / "v.npy", monkeypatch)
    first, second = sorted((tmp_path / "v.npy.parts").glob("0*"))
    first.write_bytes(first.read_bytes()[:-10])
    assert second.exists()
    seen = []
    original = embedder_module.Embedder.prepare
    monkeypatch.setattr(
        embedder_module.Embedder,
        "prepare",
        lambda self, lines: seen.append(lines[0].number) or original(self, lines),
    )
    embed_file(source, tmp_path / "v.npy")
    assert seen == [1]  # the second block, whole, was not made again
    assert numpy.array_equal(numpy.load(tmp_path / "v.npy"), embed(source).numpy())


@pytest.mark.slow
def test_two_processes_write_the_same_file(tmp_path):
    source = many(tmp_path)
    one, two = tmp_path / "one.npy", tmp_path / "two.npy"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    assert minibert("embed", "--input", source, "--out", one, env=environment).returncode == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", "-m", "minibert", "embed"]
    command += ["--input", str(source), "--out", str(two)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("written:") == 1
    assert two.read_bytes() == one.read_bytes()


def test_parts_of_other_settings_are_not_used(tmp_path, monkeypatch):
    source = tmp_path / "texts.txt"
    source.write_text("a\n" * 5)
    leave_parts(source, tmp_path / "v.npy", monkeypatch)
    with pytest.raises(ValueError, match="of a run with pool 'mean', not 'cls': give the same"):
        embed_file(source, tmp_path / "v.npy", pool="cls")
    model, tokenizer = load_bert()
    engine = Engine(model, dtype=torch.int8)
    with pytest.raises(ValueError, match="of a run with dtype 'float32', not 'int8', linear "):
        embed_file(source, tmp_path / "v.npy", model=engine, tokenizer=tokenizer)
    source.write_text("b\n" * 5)
    with pytest.raises(ValueError, match="of a run with input "):
        embed_file(source, tmp_path / "v.npy")


def test_parts_of_another_size_are_not_used(tmp_path, monkeypatch):
    """They would not be the same texts under the same number."""
    source = tmp_path / "texts.txt"
    source.write_text("a\n" * 5)
    leave_parts(source, tmp_path / "v.npy", monkeypatch)
    monkeypatch.setitem(embedder_module.BLOCKS, True, 2)
    with pytest.raises(ValueError, match="a run with texts in a part 256, not 2"):
        embed_file(source, tmp_path / "v.npy")


def test_parts_of_other_weights_are_not_used(tmp_path, monkeypatch):
    """The same name, but trained on since."""
    model, tokenizer = load_bert()
    source = tmp_path / "texts.txt"
    source.write_text("a cat\n" * 5)
    choices = {"model": model, "tokenizer": tokenizer}
    leave_parts(source, tmp_path / "v.npy", monkeypatch, **choices)
    with torch.no_grad():
        model.encoder.layers[0].feed_forward.inner.bias += 0.01
    with pytest.raises(ValueError, match="holds parts of a run with weights "):
        embed_file(source, tmp_path / "v.npy", **choices)
    with torch.no_grad():
        model.encoder.layers[0].feed_forward.inner.bias -= 0.01
    embed_file(source, tmp_path / "v.npy", **choices)


def test_wrong_lines(tmp_path, capsys):
    source = tmp_path / "texts.txt"
    source.write_bytes(b"good\nbad \xff\ngood\n" + b"cat " * 600 + b"\n")
    out = tmp_path / "v.npy"
    words = ["embed", "--input", str(source), "--out"]
    assert main([*words, str(out)]) == 2
    assert capsys.readouterr().err == "minibert embed: line 2: not UTF-8 at byte 4\n"
    assert not out.exists()
    assert main([*words, str(tmp_path / "w.npy"), "--on-error", "skip"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "minibert embed: skipped line 2: not UTF-8 at byte 4"
    assert errors[1].startswith("minibert embed: skipped line 4: 602 tokens, more than the model's")
    found = numpy.load(tmp_path / "w.npy")
    assert found.shape[0] == 4
    assert numpy.isnan(found[[1, 3]]).all()
    assert not numpy.isnan(found[[0, 2]]).any()


def test_embed_to_a_file(tmp_path, monkeypatch):
    monkeypatch.setitem(embedder_module.BLOCKS, True, 2)  # two parts
    out = tmp_path / "v.npy"
    assert embed_file(iter(TEXTS), out, layers="all") == []
    assert numpy.array_equal(numpy.load(out), embed(TEXTS, layers="all").numpy())


def test_choices_about_wrong_texts_may_change(tmp_path, monkeypatch):
    """A run that a wrong or long text stopped goes on with another choice; only parts in which the
    choice decides are made again.
    """
    monkeypatch.setitem(embedder_module.BLOCKS, True, 2)
    source, out = tmp_path / "texts.txt", tmp_path / "v.npy"
    lines = [b"a", b"b", b"cat " * 600, b"c", b"\xff", b"d"]
    source.write_bytes(b"\n".join(lines))
    made = []
    write = storing.write_part
    monkeypatch.setattr(storing, "write_part", lambda *a: made.append(a[0].name[7]) or write(*a))
    with pytest.raises(ValueError, match="line 3: 602 tokens"):
        embed_file(source, out)
    with pytest.raises(ValueError, match="line 5: not UTF-8"):
        embed_file(source, out, long="truncate")
    assert len(embed_file(source, out, long="windows", on_error="skip")) == 1
    assert made == ["0", "1", "1", "2"]
    expected = embed(source, long="windows", on_error="skip")
    assert numpy.array_equal(numpy.load(out), expected.numpy(), equal_nan=True)


def test_only_a_result_of_ours_is_replaced_and_only_if_asked(tmp_path):
    out = tmp_path / "v.jsonl"
    embed_file(["a"], out)
    before = out.read_bytes()
    with pytest.raises(ValueError, match="is there already; --overwrite"):
        embed_file(["b"], out)
    assert out.read_bytes() == before
    embed_file(["b"], out, overwrite=True)
    assert out.read_bytes() != before
    out.write_text('{"text": "mine"}\n')
    with pytest.raises(ValueError, match="minibert did not write it"):
        embed_file(["b"], out, overwrite=True)
    with pytest.raises(ValueError, match="is the input"):
        embed_file(out, tmp_path / "." / "v.jsonl", field="text", overwrite=True)
    assert out.read_text() == '{"text": "mine"}\n'


def test_files_of_others_in_a_folder_of_ours_stay(tmp_path, monkeypatch):
    source, out = tmp_path / "texts.txt", tmp_path / "v.npy"
    source.write_text("a\n")
    leave_parts(source, out, monkeypatch)
    mine = tmp_path / "v.npy.parts" / "mine.safetensors"
    mine.write_text("mine")
    embed_file(source, out)
    assert sorted(file.name for file in mine.parent.iterdir()) == ["mine.safetensors", MARKER]
    (mine.parent / MARKER).unlink()
    with pytest.raises(ValueError, match="minibert did not make it"):
        embed_file(source, out, overwrite=True)
    assert mine.read_text() == "mine"


def test_what_a_kill_leaves_half_written_goes(tmp_path, monkeypatch):
    source, out = tmp_path / "texts.txt", tmp_path / "v.npy"
    source.write_text("a\n")
    leave_parts(source, out, monkeypatch)
    parts = tmp_path / "v.npy.parts"
    for name in (".tmp.00000007.safetensors", ".tmp.settings.json", ".tmpaB3xYz"):
        (parts / name).write_text("half")
    embed_file(source, out)
    assert not parts.exists()


def test_no_file_of_safetensors_is_left_by_a_kill(tmp_path):
    """It writes to a temporary file of its own, whose name may change with a new release."""
    program = """if True:
        import sys, numpy
        from safetensors.numpy import save_file
        while True:
            save_file({"a": numpy.ones(10_000_000)}, sys.argv[1])
    """
    target = tmp_path / ".tmp.00000000.safetensors"
    saving = subprocess.Popen([sys.executable, "-c", program, str(target)])
    while not any(tmp_path.iterdir()):
        time.sleep(0.001)
    saving.kill()
    saving.wait()
    remove_parts(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_an_empty_file(tmp_path):
    (tmp_path / "texts.txt").write_text("")
    shape = numpy.load(written(tmp_path, "v.npy")).shape
    assert shape[0] == 0
    found = load_file(written(tmp_path, "v.safetensors", "--pool", "tokens"))
    assert found["vectors"].shape[0] == found["counts"].shape[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "v.npy"], "give texts, or a file with --input, and not both"),
        (["--input", "texts.txt"], "--input needs --out"),
        (["--input", "nowhere.txt", "--out", "v.npy"], "there is no file nowhere.txt"),
        (["a", "--out", "v.bin"], "the name must end in one of .npy, .safetensors, .jsonl"),
        (["a", "--out", "v.npy", "--pool", "tokens"], "vectors of tokens make no array"),
        (["a", "--out", "nowhere/v.npy"], "there is no folder"),
        (["a", "--out", "v.npy", "--layers", "layer99"], "there is no layer 'layer99'"),
        (["a", "--out", "v.npy", "--field", "x"], "field, column and header belong to files"),
        (
            ["a", "--out", "v.npy", "--device", "abacus"],
            "compute on here, such as cpu; not 'abacus'",
        ),
        (["a", "--device", "cpu"], "--device needs --out"),
    ],
)
def test_one_line_errors(tmp_path, arguments, message, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["embed", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_is_bounded_by_the_block(tmp_path, monkeypatch):
    """However long the file, it is read no further than a block ahead of what is written."""
    read, written = [], []
    original, write = embedder_module.Embedder.prepare, storing.write_part

    def reading(self, lines):
        read.append(len(lines))
        assert len(read) <= len(written) + 2
        return original(self, lines)

    def writing(*arguments):
        written.append(arguments)
        return write(*arguments)

    monkeypatch.setattr(embedder_module.Embedder, "prepare", reading)
    monkeypatch.setattr(storing, "write_part", writing)
    source = tmp_path / "texts.txt"
    source.write_text(("a cat " * 10 + "\n") * 1200)
    before = torch.get_num_threads()
    torch.set_num_threads(2)  # more read further ahead
    embed_file(source, tmp_path / "v.npy")
    torch.set_num_threads(before)
    assert read == [256, 256, 256, 256, 176]
    assert len(written) == 5


def test_what_comes_before_a_wrong_line_is_kept(tmp_path):
    """The blocks before it are written, as when a run is stopped."""
    source = tmp_path / "texts.txt"
    source.write_bytes(b"a cat\n" * 600 + b"\xff\n")
    with pytest.raises(ValueError, match="line 601: not UTF-8"):
        embed_file(source, tmp_path / "v.npy")
    parts = sorted(file.name for file in (tmp_path / "v.npy.parts").glob("0*"))
    assert parts == ["00000000.safetensors", "00000001.safetensors"]
    with pytest.raises(ValueError, match="line 1: not a text but int"):
        embed([7], on_error="raise")
    assert embed([7], on_error="skip").isnan().all()


def test_a_run_begun_by_the_command_is_resumed_by_the_function(tmp_path, monkeypatch, capsys):
    """And the other way round: the same choices, in other words, are the same run."""
    source, out = tmp_path / "texts.txt", tmp_path / "v.npy"
    source.write_text("a cat\n" * 300)
    command = ["embed", "--input", str(source), "--out", str(out), "--layers=layer4,-2"]
    made = []
    write = storing.write_part
    monkeypatch.setattr(storing, "write_part", lambda *a: made.append(a[0].name) or write(*a))

    def call():
        return embed_file(str(source), str(out), layers=[-1, "layer3"])

    for begin, end in ((lambda: main(command), call), (call, lambda: main(command))):
        with monkeypatch.context() as patched:
            patched.setattr(storing, "put_together", lambda *arguments: 1 / 0)
            patched.setenv("MINIBERT_TRACEBACK", "1")
            with pytest.raises(ZeroDivisionError):
                begin()
        assert made == ["00000000.safetensors", "00000001.safetensors"]
        assert not end()
        assert made == ["00000000.safetensors", "00000001.safetensors"]  # none was made again
        assert numpy.array_equal(numpy.load(out), embed(source, layers="layer4,layer3").numpy())
        made.clear()
        out.unlink()
