"""minibert finetune translate, as it is typed."""

import json
import random
import signal
import time

import pytest
import torch
import transformers
from safetensors.torch import load_file

from minibert import BertModel, EncoderDecoderModel, translate
from tests import tiny
from tests.cli.test_cli import failing, run
from tests.cli.test_finetune import contents
from tests.faults import IS_THOROUGH
from tests.faults.kills import fork, start
from tests.finetuning.learning import log
from tests.finetuning.pairs import pairs
from weights_loader import load_bert, save_bert

OPTIONS = {"epochs": 2, "batch": 4, "save-every": 3, "log-every": 1}
SIZE = ["--size", "tiny", "--layers", 1, "--positions", 16]
NAMES = ("text", "target")


def write(file, examples, names=NAMES):
    lines = ["\t".join(names), *(f"{one.text}\t{one.pair}" for one in examples)]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def arguments(folder, *words, out="out", **changes):
    """The words of a short run on small files."""
    for name, (count, seed) in {"train": (18, 0), "dev": (10, 9)}.items():
        if not (folder / f"{name}.tsv").exists():
            write(folder / f"{name}.tsv", pairs(count, seed))
    options = OPTIONS | {name.replace("_", "-"): value for name, value in changes.items()}
    listed = [part for name, value in options.items() for part in (f"--{name}", value)]
    places = ["--train", folder / "train.tsv", "--dev", folder / "dev.tsv", "--out", folder / out]
    return ["finetune", "translate", *places, *listed, *words]


def test_from_files_to_a_model_that_both_libraries_read(capsys, tmp_path):
    status, out, err = run(capsys, *arguments(tmp_path, *SIZE))
    folder = tmp_path / "out"
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0] == "18 rows to learn from"
    assert [line.split(",")[0][:20] for line in lines[3:5]] == [
        "epoch 1 of 2: loss 2",
        "epoch 2 of 2: loss 2",
    ]
    assert lines[5].startswith(f"saved in {folder} with the best loss, 2.")
    assert lines[6] == f"to use it: minibert translate {folder}, load_bert"
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    model, tokenizer = load_bert(folder)
    assert isinstance(model, EncoderDecoderModel)
    assert model.task == {"task": "translate"}
    assert set(model.target_tokenizer.tokens) & {"我", "。"}
    theirs, report = transformers.EncoderDecoderModel.from_pretrained(
        folder, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    ids = tokenizer("a b")["input_ids"]
    written = theirs.eval().generate(ids, max_length=9, num_beams=3, early_stopping=True)
    assert model.generate(ids, max_length=9, num_beams=3).tolist() == written.tolist()
    assert isinstance(translate(folder, None, "a b"), str)


@pytest.mark.slow
def test_other_columns_and_json(capsys, tmp_path):
    first = arguments(tmp_path, *SIZE)
    assert run(capsys, *first)[0] == 0
    for name in ("train", "dev"):
        examples = pairs(*((18, 0) if name == "train" else (10, 9)))
        write(tmp_path / f"{name}.tsv", examples, ("en", "zh"))
    columns = ["--text-column", "en", "--target-column", "zh"]
    assert run(capsys, *arguments(tmp_path, *SIZE, *columns, out="named"))[0] == 0
    for name in ("train", "dev"):
        examples = pairs(*((18, 0) if name == "train" else (10, 9)))
        lines = [json.dumps({"text": one.text, "target": one.pair}) for one in examples]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    words = [str(word).replace(".tsv", ".jsonl") for word in arguments(tmp_path, *SIZE, out="json")]
    assert run(capsys, *words)[0] == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "named") == contents(tmp_path / "json")


@pytest.mark.slow
def test_a_run_is_gone_on_with_only_as_it_was_begun(capsys, tmp_path):
    words = arguments(tmp_path, *SIZE)
    assert run(capsys, *words)[0] == 0
    before = contents(tmp_path / "out")
    assert "holds a run already" in failing(capsys, *words)
    for changed, told in (
        (["--label-smoothing", 0.2], "label_smoothing 0.1, not 0.2"),
        (["--cased", "--vocab-size", 19], "vocabularies "),
        (["--layers", 2], "config "),
    ):
        err = failing(capsys, *words, *changed, "--resume")
        assert "was begun with " in err
        assert told in err
    assert run(capsys, *words, "--resume")[0] == 0
    assert contents(tmp_path / "out") == before


def test_a_translator_may_be_tuned_further(capsys, tmp_path):
    assert run(capsys, *arguments(tmp_path, *SIZE, epochs=1))[0] == 0
    words = arguments(tmp_path, "--model", tmp_path / "out", out="again", learning_rate=0)
    assert run(capsys, *words)[0] == 0
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "again"))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.slow
def test_an_encoder_that_is_there(capsys, tmp_path):
    save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), tmp_path / "bert")
    words = arguments(tmp_path, "--encoder", tmp_path / "bert", learning_rate=0)
    assert run(capsys, *words)[0] == 0
    found = load_bert(tmp_path / "out")[0].encoder.state_dict()
    held = load_bert(tmp_path / "bert")[0].state_dict()
    assert all(torch.equal(found[name], held[name]) for name in held)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--label-column", "x"], "--label-column has no effect for translate"),
        (["--pair-column", "x"], "--pair-column has no effect for translate"),
        (["--freeze", "embeddings"], "--freeze has no effect for translate"),
        (["--features", "all-layers"], "is for classify, pairs and tag"),
        (["--number"], "--number is for classify and pairs, not for translate"),
        (["--label-smoothing", 1], "label_smoothing must be a number from 0 to below 1"),
        (["--model", "x", "--size", "tiny"], "--size has no effect for translate with --model"),
        (["--model", "x", "--encoder", "y"], "--encoder has no effect for translate with --model"),
        (["--encoder", "x", "--size", "tiny"], "--size has no effect for a BERT that is there"),
        (["--encoder", "x", "--vocab-size", 9], "--vocab-size has no effect for an encoder that"),
        (["--decoder", "x", "--target-vocab-size", 9], "--target-vocab-size has no effect for"),
        (["--target-column", "zz"], "'zz'"),
        (["--vocab-size", 3], "vocab_size must be at least"),
        (["--target-vocab-size", 3], "vocab_size must be at least"),
        (["--layers", 0], "num_hidden_layers"),
        (["--positions", 0], "max_position_embeddings"),
        (["--encoder", "no/model/here"], "no/model/here"),
    ],
)
def test_what_cannot_be(capsys, tmp_path, words, told):
    err = failing(capsys, *arguments(tmp_path, *words))
    assert told in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_options_of_translate_are_for_no_other_task(capsys, tmp_path):
    write(tmp_path / "x.tsv", pairs(3))
    places = ["--train", tmp_path / "x.tsv", "--dev", tmp_path / "x.tsv", "--out", tmp_path / "out"]
    for option in (["--size", "tiny"], ["--label-smoothing", 0.1], ["--target-column", "target"]):
        told = failing(capsys, "finetune", "classify", *places, *option)
        assert f"{option[0]} has no effect for classify" in told


def test_two_berts_of_different_widths(capsys, tmp_path):
    from dataclasses import replace

    other = replace(tiny.CONFIG, hidden_size=20)
    save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), tmp_path / "a")
    save_bert(tiny.ours(BertModel, config=other).float(), tiny.tokenizer(), tmp_path / "b")
    sides = ["--encoder", tmp_path / "a", "--decoder", tmp_path / "b"]
    told = failing(capsys, *arguments(tmp_path, *sides))
    assert "must have the same hidden_size, not 28 and 20" in told
    told = failing(capsys, *arguments(tmp_path, "--model", tmp_path / "a"))
    assert "does not translate; give it as --encoder or --decoder" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("text\ttarget\n", "has no examples"),
        ("text\ttarget\na\t我\n\t我\n", "train.tsv: line 3: the text is empty"),
        ("text\ttarget\na\t我\nb\t \n", "train.tsv: line 3: the target is empty"),
        ("text\ttarget\na\n", "line 2"),
    ],
)
def test_files_that_cannot_be(capsys, tmp_path, content, told):
    words = arguments(tmp_path, *SIZE)
    (tmp_path / "train.tsv").write_text(content)
    assert told in failing(capsys, *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_kill_at_random_moments(tmp_path):
    """The same command with --resume ends with the same bytes, wherever it was killed."""
    long = {"epochs": 20, "save_every": 7}
    whole = arguments(tmp_path, *SIZE, "--resume", out="whole", **long)
    undisturbed = fork(whole)
    assert undisturbed.wait() == 0
    took = time.monotonic() - undisturbed.began
    killed = arguments(tmp_path, *SIZE, "--resume", out="killed", **long)
    draw, kills = random.Random(1), 0
    for _ in range(6 if IS_THOROUGH else 2):
        process = fork(killed)
        time.sleep(draw.uniform(0.4, 0.7) * took)
        process.kill()
        kills += process.wait() == -signal.SIGKILL  # else it was faster
    assert kills
    assert start(killed).wait() == 0
    assert contents(tmp_path / "whole") == contents(tmp_path / "killed")
    assert log(tmp_path / "whole") == log(tmp_path / "killed")
