"""minibert finetune, as it is typed."""

import json
import os
import random
import signal
import time

import numpy
import pytest
import torch
import transformers
from safetensors.torch import load_file

from minibert import BertConfig, BertModel
from minibert.finetuning.evaluate import evaluate
from minibert.finetuning.prepare import read_data
from minibert.task_heads import BertForSequenceClassification
from tests import tiny
from tests.cli.test_cli import failing, run
from tests.faults import IS_THOROUGH
from tests.faults.kills import fork, start
from tests.finetuning.learning import data, log
from weights_loader import load_bert, save_bert

OPTIONS = {"epochs": 2, "batch": 4, "learning-rate": 1e-3, "save-every": 3, "log-every": 1}


def write(file, task, examples):
    """Examples as a file that the task reads."""
    if task == "tag":
        lines = [
            "".join(f"{word}\t{tag}\n" for word, tag in zip(one.words, one.tags, strict=True))
            for one in examples
        ]
        file.write_text("\n".join(lines))
    elif task == "answer":
        paragraphs = [
            {
                "context": one.context,
                "qas": [
                    {
                        "id": one.id,
                        "question": one.question,
                        "answers": [
                            {"text": answer.text, "answer_start": answer.start}
                            for answer in one.answers
                        ],
                        "is_impossible": not one.answers,
                    }
                ],
            }
            for one in examples
        ]
        file.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    else:
        label = "score" if isinstance(examples[0].label, float) else "label"
        names = ["text", *["text_pair"] * (examples[0].pair is not None), label]
        rows = [[one.text, *[one.pair] * (one.pair is not None), one.label] for one in examples]
        file.write_text("".join("\t".join(map(str, row)) + "\n" for row in [names, *rows]))


def arguments(folder, task="classify", *words, out="out", **changes):
    """The words of a short run from a small model on small files."""
    if not (folder / "model").exists():
        save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), folder / "model")
    kind = "number" if "--number" in words else task
    ending = {"tag": ".conll", "answer": ".json"}.get(task, ".tsv")
    files = {"train": (18, 0), "dev": (10, 9)}
    for name, (count, seed) in files.items():
        if not (folder / (name + ending)).exists():
            write(folder / (name + ending), task, data(kind, count, seed))
    options = {name: changes.pop(name.replace("-", "_"), value) for name, value in OPTIONS.items()}
    options |= {name.replace("_", "-"): value for name, value in changes.items()}
    listed = [part for name, value in options.items() for part in (f"--{name}", value)]
    places = ["--train", folder / f"train{ending}", "--dev", folder / f"dev{ending}"]
    places += ["--model", folder / "model", "--out", folder / out]
    return ["finetune", task, *places, *listed, *words]


def contents(folder):
    """What must be the same, by names."""
    names = ("model.safetensors", "config.json", "vocab.txt", "tokenizer_config.json")
    return [(folder / name).read_bytes() for name in names]


@pytest.mark.parametrize(
    ("task", "words", "kind"),
    [
        ("classify", [], "BertForSequenceClassification"),
        pytest.param(
            "classify", ["--number"], "BertForSequenceClassification", marks=pytest.mark.slow
        ),
        pytest.param("pairs", [], "BertForSequenceClassification", marks=pytest.mark.slow),
        ("tag", [], "BertForTokenClassification"),
        pytest.param("answer", [], "BertForQuestionAnswering", marks=pytest.mark.slow),
        pytest.param("similar", [], "BertModel", marks=pytest.mark.slow),
    ],
)
def test_from_files_to_a_model_that_both_libraries_read(capsys, tmp_path, task, words, kind):
    status, out, err = run(capsys, *arguments(tmp_path, task, *words))
    folder = tmp_path / "out"
    assert status == 0, err
    lines = out.splitlines()
    assert lines[0].endswith(" rows to learn from")
    assert lines[1].endswith("weights learn; float32 on cpu, 1 processes")
    assert lines[2].startswith("from step 0 to ")
    assert [line.split(":")[0] for line in lines[3:5]] == ["epoch 1 of 2", "epoch 2 of 2"]
    assert lines[5].startswith(f"saved in {folder} with the best ")
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    model, tokenizer = load_bert(folder)
    assert type(model).__name__ == kind
    assert model.task["task"] == task
    _, dev = read_data(task, *(file for file in files_of(tmp_path)), is_number=bool(words))
    found = evaluate(model, tokenizer, dev)
    best = float(lines[5].rpartition(", ")[2])
    assert found["scores"][found["main"]] == pytest.approx(best, abs=6e-5)
    theirs = getattr(transformers, kind)
    _, report = theirs.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    unread = set(os.listdir(folder)) - {"checkpoint.pt", "best.pt", "log.jsonl", "minibert.json"}
    assert unread == {
        *("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json", "loss.png")
    }


@pytest.mark.parametrize(
    ("size", "words", "dropout"), [(384, [], 0.1), (384, ["--number"], 0), (24, [], 0)]
)
def test_small_models_and_numbers_learn_without_dropout(capsys, tmp_path, size, words, dropout):
    config = BertConfig(**tiny.SIZES | {"hidden_size": size, "num_hidden_layers": 1})
    save_bert(tiny.ours(BertModel, config=config).float(), tiny.tokenizer(), tmp_path / "model")
    assert run(capsys, *arguments(tmp_path, "classify", *words, epochs=1))[0] == 0
    assert torch.load(tmp_path / "out" / "checkpoint.pt")["origin"]["dropout"] == dropout


def files_of(folder):
    return [next(folder.glob(f"{name}.*")) for name in ("train", "dev")]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classify", "tag"])
def test_all_layers_of_a_frozen_bert(capsys, tmp_path, task):
    words = arguments(tmp_path, task, features="all-layers", learning_rate=0.02)
    status, out, err = run(capsys, *words)
    folder = tmp_path / "out"
    assert status == 0, err
    lines = out.splitlines()
    shares = [float(part.split()[1]) for part in lines[-2].removeprefix("layers: ").split(",")]
    assert len(shares) == 7
    assert sum(shares) == pytest.approx(1, abs=0.01)
    assert (folder / "layers.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "states.npy").exists()
    model, _ = load_bert(folder)
    assert model.mixture.weights.softmax(0).tolist() == pytest.approx(shares, abs=6e-4)
    before, after = (load_file(tmp_path / name / "model.safetensors") for name in ("model", "out"))
    kept = {name: tensor for name, tensor in before.items() if not name.startswith("pooler")}
    assert all(torch.equal(after[f"bert.{name}"], tensor) for name, tensor in kept.items())
    again = contents(folder)
    assert run(capsys, *words, "--resume")[0] == 0  # there is nothing more to do
    assert contents(folder) == again


@pytest.mark.slow
def test_a_run_is_never_overwritten_and_can_be_gone_on_with(capsys, tmp_path):
    words = arguments(tmp_path)
    assert run(capsys, *words)[0] == 0
    before = contents(tmp_path / "out")
    told = failing(capsys, *words)
    assert "holds a run already" in told
    assert "--resume goes on with it" in told
    for changed, told in (
        (arguments(tmp_path, learning_rate=0.5), "learning_rate 0.001, not 0.5"),
        (arguments(tmp_path, freeze="embeddings"), "freeze '', not 'embeddings'"),
        (arguments(tmp_path, "tag"), "task 'classify', not 'tag'"),
        (arguments(tmp_path, seed=2), "seed 1, not 2"),
    ):
        err = failing(capsys, *changed, "--resume")
        assert "was begun with " in err
        assert told in err
    (tmp_path / "dev.tsv").write_text((tmp_path / "dev.tsv").read_text() + "a\tp\n")
    assert "was begun with dev '" in failing(capsys, *words, "--resume")
    (tmp_path / "dev.tsv").unlink()
    save_bert(tiny.ours(BertModel, seed=5).float(), tiny.tokenizer(), tmp_path / "model")
    assert "was begun with weights '" in failing(capsys, *arguments(tmp_path), "--resume")
    save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), tmp_path / "model")
    status, out, _ = run(capsys, *words, "--resume")
    assert status == 0
    assert "from step 10 to 10, resumed" in out
    assert contents(tmp_path / "out") == before


@pytest.mark.slow
def test_the_seed_says_all_that_is_random(capsys, tmp_path):
    for out, seed in (("one", 1), ("same", 1), ("other", 2)):
        assert run(capsys, *arguments(tmp_path, out=out, seed=seed, epochs=1))[0] == 0
    one, same, other = (contents(tmp_path / name)[0] for name in ("one", "same", "other"))
    assert one == same != other


def test_a_tuned_model_may_be_tuned_further(capsys, tmp_path):
    assert run(capsys, *arguments(tmp_path, epochs=1))[0] == 0
    words = [str(word) for word in arguments(tmp_path, out="again", epochs=1)]
    words[words.index("--model") + 1] = str(tmp_path / "out")
    words[words.index("--learning-rate") + 1] = "0"
    assert run(capsys, *words)[0] == 0
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("out", "again"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_long_texts_are_cut_and_told(capsys, tmp_path):
    words = arguments(tmp_path)
    text = (tmp_path / "train.tsv").read_text()
    (tmp_path / "train.tsv").write_text(text + "a b c d e f g h i j k l m\tp\n" * 3)
    _, _, err = run(capsys, *words)
    assert "over the limit of 13 tokens; their ends were cut off" in err


@pytest.mark.parametrize(
    ("task", "words", "told"),
    [
        ("classify", ["--epochs", 0], "epochs must be a whole number from 1"),
        ("classify", ["--batch", 0], "batch must be a whole number from 1"),
        ("classify", ["--learning-rate", -1], "learning_rate must be a number from 0"),
        ("classify", ["--warmup", 1], "warmup must be a number from 0 to below 1"),
        ("classify", ["--weight-decay", -1], "weight_decay must be a number from 0"),
        ("classify", ["--dropout", 1], "dropout must be a number from 0 to below 1"),
        ("classify", ["--clip", 0], "clip must be above 0"),
        ("classify", ["--seed", -1], "seed must be a whole number from 0"),
        ("classify", ["--precision", "half"], "precision must be one of auto, float32"),
        ("classify", ["--optimizer", "sgd"], "optimizer must be one of adamw, muon"),
        ("classify", ["--freeze", "layer9"], "freeze: there is no 'layer9'; there are embeddings"),
        ("classify", ["--features", "some"], "features must be one of , all-layers"),
        ("classify", ["--features", "all-layers", "--freeze", "layer1"], "give no freeze"),
        ("answer", ["--features", "all-layers"], "is for classify, pairs and tag"),
        ("similar", ["--features", "all-layers"], "is for classify, pairs and tag"),
        ("similar", ["--freeze", "embeddings-layer6"], "freeze leaves nothing to learn"),
        ("tag", ["--number"], "--number is for classify and pairs, not for tag"),
        ("tag", ["--text-column", "x"], "--text-column has no effect for tag"),
        ("answer", ["--label-column", 1], "--label-column has no effect for answer"),
        ("classify", ["--pair-column", "x"], "--pair-column has no effect for classify"),
        ("classify", ["--text-column", "x"], "'x'"),
        ("classify", ["--train", "none.tsv"], "there is no file none.tsv"),
        ("classify", ["--dev", "none.tsv"], "there is no file none.tsv"),
        ("classify", ["--model", "no/model/here"], "no/model/here"),
    ],
)
def test_what_cannot_be(capsys, tmp_path, task, words, told):
    err = failing(capsys, *arguments(tmp_path, task), *words)
    assert told in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("train.tsv", "text\tlabel\n", "has no examples"),
        ("train.tsv", "", "train.tsv"),
        ("train.tsv", "text\tlabel\na\tp\nb\tp\n", "each label is 'p'; they must differ"),
        (
            "dev.tsv",
            "text\tlabel\na\tp\nb\tz\n",
            "line 3: label 'z', where the model knows p, q, r",
        ),
        ("train.tsv", "text\tlabel\na\tp\nb\n", "line 3"),
    ],
)
def test_files_that_cannot_be(capsys, tmp_path, file, content, told):
    words = arguments(tmp_path)
    (tmp_path / file).write_text(content)
    err = failing(capsys, *words)
    assert told in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_elses_is_left_alone(capsys, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    assert "minibert did not make it" in failing(capsys, *arguments(tmp_path))
    assert os.listdir(tmp_path / "out") == ["thesis.txt"]


def test_unanswerable_questions_are_remembered(capsys, tmp_path):
    words = arguments(tmp_path, "answer", epochs=1)
    examples = data("answer", 18)
    for example in examples[::3]:
        example.answers.clear()
    write(tmp_path / "train.json", "answer", examples)
    assert run(capsys, *words)[0] == 0
    assert load_bert(tmp_path / "out")[0].task == {"task": "answer", "no_answer": True}


@pytest.mark.slow
@pytest.mark.parametrize("features", ["", "all-layers"])
def test_kill_at_random_moments(tmp_path, features):
    """The same command with --resume ends with the same bytes, wherever it was killed."""
    long = {"epochs": 24, "save_every": 7, "features": features, "dropout": 0.1}
    whole = arguments(tmp_path, "classify", "--resume", out="whole", **long)
    undisturbed = fork(whole)
    assert undisturbed.wait() == 0
    took = time.monotonic() - undisturbed.began
    killed = arguments(tmp_path, "classify", "--resume", out="killed", **long)
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
    assert not [name for name in os.listdir(tmp_path / "killed") if name.startswith(".")]


@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    """The same loss at every step in float64."""
    exact = {"epochs": 4, "precision": "float64", "dropout": 0, "save_every": 1, "batch": 3}
    words = {out: arguments(tmp_path, "tag", out=out, **exact) for out in ("one", "two")}
    assert start(words["one"]).wait() == 0
    assert start(words["two"], processes=2).wait() == 0
    losses = {
        out: [record["loss"] for record in log(tmp_path / out) if "loss" in record] for out in words
    }
    assert len(losses["one"]) > 20
    assert losses["two"] == pytest.approx(losses["one"], rel=1e-9)
    scores = [
        [record["validation"] for record in log(tmp_path / out) if "validation" in record]
        for out in words
    ]
    assert scores[0] == scores[1]


@pytest.mark.slow
def test_the_model_of_a_python_run_is_the_same(capsys, tmp_path):
    """The command in ten lines of Python."""
    from minibert.finetuning.prepare import labels_of, open_model
    from minibert.finetuning.settings import settings_for
    from minibert.finetuning.tasks import Finetuning
    from minibert.training.loop import Trainer

    assert run(capsys, *arguments(tmp_path))[0] == 0
    train, dev = read_data("classify", *files_of(tmp_path))
    labels = labels_of("classify", train)
    model, tokenizer = open_model(tmp_path / "model", "classify", labels)
    given = {"epochs": 2, "batch": 4, "learning_rate": 1e-3}
    settings = settings_for(model.bert.config.hidden_size, given)
    task = Finetuning(model, tokenizer, train, dev, settings)
    (tmp_path / "own").mkdir()
    trainer = Trainer(task, task.settings, tmp_path / "own")
    trainer.run()
    trainer.load_best()
    assert isinstance(model, BertForSequenceClassification)
    saved = load_bert(tmp_path / "out")[0].state_dict()
    assert all(torch.equal(saved[name], tensor) for name, tensor in model.state_dict().items())
    assert numpy.isfinite(trainer.best)
