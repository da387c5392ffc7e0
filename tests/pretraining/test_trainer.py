"""A run is the same whether it is interrupted, shared among processes, or not."""

import json
import math
import os
import random
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch
import transformers

from minibert import BertConfig
from minibert.heads import NO_LABEL
from minibert.positional import sinusoid_table
from minibert.pretraining.checkpoint import load_checkpoint
from minibert.pretraining.corpus import split_documents
from minibert.pretraining.prepare import new_model
from minibert.pretraining.settings import Settings
from minibert.pretraining.trainer import Trainer
from tests import tiny
from tests.pretraining.helpers import CONFIG, SETTINGS, VOCAB, corpus, trainer
from tests.pretraining.helpers import tokenizer as tiny_tokenizer
from tests.pretraining.test_losses import textbook_loss
from weights_loader import load_bert, save_bert

TIMES = ("tokens_per_second",)


def log(folder):
    """The lines of a run's log without what depends on the clock."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name not in TIMES}
        for line in lines
    ]


def same_weights(one, other):
    states = [load_checkpoint(folder, torch.device("cpu"))["model"] for folder in (one, other)]
    return all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_run_learns_and_logs(tmp_path):
    run = trainer(tmp_path, steps=150, phases="16x16:1", learning_rate=1e-2, save_every=150)
    run.run()
    records = log(tmp_path / "out")
    training = [record for record in records if "loss" in record]
    validation = [record for record in records if "validation" in record]
    assert [record["step"] for record in training] == list(range(1, 151))
    assert [record["step"] for record in validation] == list(range(5, 151, 5))
    first, last = (validation[i]["validation"] for i in (0, -1))
    assert last["mlm_loss"] < first["mlm_loss"] - 0.2
    assert last["loss"] == pytest.approx(last["mlm_loss"] + last["nsp_loss"], rel=1e-12)
    assert training[0]["learning_rate"] == 0
    assert max(record["learning_rate"] for record in training) == 1e-2


def test_validation_does_not_touch_the_training(tmp_path):
    often, never = trainer(tmp_path, validate_every=1), trainer(tmp_path, out="b", held_out=0.2)
    never.validate = lambda: None
    often.run()
    never.run()
    assert same_weights(tmp_path / "out", tmp_path / "b")


def test_validation_is_the_textbooks_loss_on_documents_kept_apart(tmp_path):
    run = trainer(tmp_path, validation_rows=10, held_out=0.5)
    run.step = 1
    record = run.validate()
    source = run.validation[16]
    batch = source.make([(0, number) for number in range(10)])
    output, mlm, nsp = textbook_loss(run.model.eval(), batch)
    assert record["mlm_loss"] == pytest.approx(mlm.item(), rel=1e-12)
    assert record["nsp_loss"] == pytest.approx(nsp.item(), rel=1e-12)
    right = output.mlm_logits.flatten(0, 1)[batch.places].argmax(-1) == batch.mlm_labels
    assert record["mlm_accuracy"] == right.double().mean().item()
    documents = [set(batches[16].pairs.documents) for batches in (run.batches, run.validation)]
    assert documents[0] & documents[1] == set()
    assert len(documents[0] | documents[1]) == 12


def test_accumulation_changes_nothing(tmp_path):
    for out, parts in (("one", 1), ("two", 2)):
        trainer(tmp_path, out=out, accumulation=parts).run()
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert len(one) == len(two) > 12
    for a, b in zip(one, two, strict=True):
        a, b = a.get("validation", a), b.get("validation", b)
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-9)


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_resume_ends_bit_for_bit_the_same(tmp_path, dropout):
    trainer(tmp_path, out="whole", dropout=dropout).run()
    for stop in (1, 5, 6, 9):  # the phase changes after step 6
        run = trainer(tmp_path, out=f"cut{stop}", dropout=dropout)
        step = run.train_step

        def until(run=run, step=step, stop=stop):
            if run.step == stop:
                raise RuntimeError("cut")
            return step()

        run.train_step = until
        with pytest.raises(RuntimeError, match="cut"):
            run.run()
        again = trainer(tmp_path, out=f"cut{stop}", dropout=dropout)
        assert again.resume() == (stop > 4)  # saved after every fourth step
        assert again.step == stop // 4 * 4
        again.run()
        assert same_weights(tmp_path / "whole", tmp_path / f"cut{stop}")
        assert log(tmp_path / "whole") == log(tmp_path / f"cut{stop}")


def test_muon_resumes_too(tmp_path):
    settings = {"optimizer": "muon", "precision": "float32"}
    trainer(tmp_path, out="whole", **settings).run()
    run = trainer(tmp_path, out="cut", **settings)
    step = run.train_step
    run.train_step = lambda: step() if run.step < 7 else 1 / 0
    with pytest.raises(ZeroDivisionError):
        run.run()
    again = trainer(tmp_path, out="cut", **settings)
    assert again.resume()
    again.run()
    assert same_weights(tmp_path / "whole", tmp_path / "cut")


def test_resume_with_other_settings_is_refused(tmp_path):
    trainer(tmp_path).run()
    with pytest.raises(ValueError, match=r"learning_rate 0\.001, not 0\.002"):
        trainer(tmp_path, learning_rate=2e-3).resume()
    (tmp_path / "out" / "checkpoint.pt").write_bytes(b"PK broken")
    with pytest.raises(ValueError, match=r"checkpoint\.pt is broken"):
        trainer(tmp_path).resume()


def test_nan_stops_with_the_step_the_rows_and_the_gradients(tmp_path):
    run = trainer(tmp_path)
    step = run.train_step

    def poisoned():
        if run.step == 6:
            run.model.bert.encoder.layers[1].feed_forward.inner.weight.data[0, 0] = torch.nan
        return step()

    run.train_step = poisoned
    with pytest.raises(ValueError, match="step 7: the loss is nan") as error:
        run.run()
    assert "rows (2, 0) to (2, 3)" in str(error.value)
    assert "not finite: bert.encoder.layers.1.feed_forward.inner.weight" in str(error.value)
    assert load_checkpoint(tmp_path / "out", torch.device("cpu"))["step"] == 4


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_first(tmp_path, which):
    run = trainer(tmp_path)
    step = run.train_step

    def signalled():
        if run.step == 6:
            os.kill(os.getpid(), which)
        return step()

    run.train_step = signalled
    before = signal.getsignal(which)
    assert run.run() is False
    assert signal.getsignal(which) == before
    assert load_checkpoint(tmp_path / "out", torch.device("cpu"))["step"] == 6
    again = trainer(tmp_path)
    again.resume()
    assert again.run() is True
    trainer(tmp_path, out="whole").run()
    assert same_weights(tmp_path / "whole", tmp_path / "out")


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path):
    run = trainer(tmp_path)
    save, limits = run.save, resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def save_on_a_full_disk():
        if run.step == 8:
            resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        save()

    run.save = save_on_a_full_disk
    try:
        with pytest.raises(OSError, match=r"could not be written.*last good checkpoint is kept"):
            run.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert load_checkpoint(tmp_path / "out", torch.device("cpu"))["step"] == 4
    assert sorted(os.listdir(tmp_path / "out")) == ["checkpoint.pt", "log.jsonl"]


def command(folder, out, *, processes=1, resume=False, **settings):
    """The command line of a run over the small text."""
    options = SETTINGS | {"steps": 40, "save_every": 1} | settings
    listed = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    listed = [part.replace("_", "-") if part.startswith("--") else part for part in listed]
    launcher = ["-m"]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        launcher += ["--master-port", str(random.randint(20_000, 60_000)), "-m"]
    places = ["--corpus", folder / "text.txt", "--out", folder / out, "--vocab-size", "60"]
    places += ["--config", folder / "config.json"]
    words = [sys.executable, *launcher, "minibert", "pretrain", *places, *listed]
    return [str(word) for word in words] + ["--resume"] * resume


def prepare(folder):
    trainer(folder)  # writes the text
    config = json.dumps(tiny.SIZES | {"max_position_embeddings": 24, "num_hidden_layers": 1})
    (folder / "config.json").write_text(config)


def one_thread():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path):
    """kill -9, again and again, in real processes: preparing, training, saving."""
    prepare(tmp_path)
    long = {"steps": 1000, "validate_every": 100, "resume": True}  # far longer than all the waits
    whole, killed = (command(tmp_path, out, **long) for out in ("whole", "killed"))
    subprocess.run(whole, check=True, env=one_thread(), capture_output=True)
    draw = random.Random(1)
    file, kills = tmp_path / "killed" / "checkpoint.pt", 0
    # First at any moment of the start, then some checkpoints later, about when the next is written.
    for saved in (0, 0, 0, 1, 4, 2, 7, 3):
        process = subprocess.Popen(
            killed, env=one_thread(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + (60 if saved else draw.uniform(0, 2.5))
        last, seen = file.stat().st_mtime_ns if file.exists() else 0, 0
        while process.poll() is None and time.monotonic() < deadline:
            if saved and seen == saved:
                time.sleep(draw.uniform(0, 0.03))
                break
            now = file.stat().st_mtime_ns if file.exists() else 0
            last, seen = now, seen + (now != last)
            time.sleep(0.001)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills == 8
    assert load_checkpoint(file.parent, torch.device("cpu"))["step"] < 1000
    subprocess.run(killed, check=True, env=one_thread(), capture_output=True)
    assert same_weights(tmp_path / "whole", tmp_path / "killed")
    assert log(tmp_path / "whole") == log(tmp_path / "killed")
    names = ("model.safetensors", "config.json", "vocab.txt")
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes()
    assert not [name for name in os.listdir(tmp_path / "killed") if name.startswith(".")]


@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    """The same loss at every step in float64; and one may be resumed as the other."""
    prepare(tmp_path)
    env = one_thread()
    subprocess.run(command(tmp_path, "one"), check=True, env=env, capture_output=True)
    subprocess.run(command(tmp_path, "two", processes=2), check=True, env=env, capture_output=True)
    # Begun by two, killed somewhere, ended by one.
    begun = subprocess.Popen(
        command(tmp_path, "mixed", processes=2),
        env=env,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "mixed" / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert len(log(tmp_path / "mixed")) < len(one) == len(two) == 48
    words = command(tmp_path, "mixed", resume=True)
    subprocess.run(words, check=True, env=env, capture_output=True)
    for a, b in [*zip(one, two, strict=True), *zip(one, log(tmp_path / "mixed"), strict=True)]:
        assert a["step"] == b["step"]
        a, b = a.get("validation", a), b.get("validation", b)
        for name in ("loss", "mlm_loss", "nsp_loss", "mlm_accuracy", "nsp_accuracy"):
            assert a[name] == pytest.approx(b[name], rel=1e-9), (a, b)


def test_two_hundred_steps_as_transformers(tmp_path):
    """From the same weights, on the same batches: the losses and the weights at the end."""
    settings = {"steps": 200, "phases": "4x16:1", "learning_rate": 2e-3, "weight_decay": 0.1}
    run = trainer(tmp_path, **settings, validate_every=1000, save_every=1000)
    save_bert(run.model, tiny_tokenizer(), tmp_path / "start")
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    theirs = transformers.BertForPreTraining.from_pretrained(
        tmp_path / "start", dtype=torch.float64, **no_dropout
    )
    plain = [p for p in theirs.parameters() if p.ndim < 2]
    matrices = [p for p in theirs.parameters() if p.ndim >= 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.999), eps=1e-6)
    warmup = round(SETTINGS["warmup"] * 200)
    scheduler = transformers.get_linear_schedule_with_warmup(optimizer, warmup, 200)
    theirs.train()
    source = run.batches[16]
    epoch = number = 0
    their_losses = []
    for _ in range(200):
        rows, epoch, number = source.take(epoch, number, 4)
        batch = source.make(rows)
        labels = torch.full(batch.input_ids.shape, NO_LABEL).flatten()
        labels[batch.places] = batch.mlm_labels
        output = theirs(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            token_type_ids=batch.token_type_ids,
            labels=labels.view(batch.input_ids.shape),
            next_sentence_label=batch.nsp_labels,
        )
        their_losses.append(output.loss.item())
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    run.run()
    our_losses = [record["loss"] for record in log(tmp_path / "out") if "loss" in record]
    assert their_losses[-1] < their_losses[0] - 0.3
    assert our_losses == pytest.approx(their_losses, rel=1e-8)
    theirs.save_pretrained(tmp_path / "theirs")
    for name, text in tiny_tokenizer().files().items():
        (tmp_path / "theirs" / name).write_text(text, encoding="utf-8")
    expected, _ = load_bert(tmp_path / "theirs", head="pretraining", dtype=torch.float64)
    for (name, ours), other in zip(
        run.model.named_parameters(), expected.parameters(), strict=True
    ):
        assert (ours - other).abs().max() <= 1e-6, name


def test_the_table_may_start_as_small_waves():
    config = tiny.CONFIG
    model = new_model(config, Settings(position_start="sinusoid"))
    table = model.bert.embeddings.position.table.detach()
    wave = sinusoid_table(13, 28)
    assert (table - 0.02 * math.sqrt(2) * wave).abs().max() < 1e-8
    plain = new_model(config, Settings()).bert.embeddings
    assert torch.equal(plain.token.weight, model.bert.embeddings.token.weight)
    assert plain.position.table.std().item() == pytest.approx(0.0176, rel=0.1)


def test_documents_are_split_evenly_and_once():
    training, held_out = split_documents(1000, 0.02)
    assert sorted([*training, *held_out]) == list(range(1000))
    assert len(held_out) == 20
    assert set(held_out[1:] - held_out[:-1]) == {50}
    training, held_out = split_documents(4, 0.02)
    assert (len(training), len(held_out)) == (2, 2)
    assert len(split_documents(2, 0)[1]) == 0
    with pytest.raises(ValueError, match="has 3 documents; next-sentence prediction needs 2"):
        split_documents(3, 0.02)


def test_what_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="rows of 32, but the model has 24 positions"):
        trainer(tmp_path, phases="4x32:1")
    run = trainer(tmp_path)
    found, model = corpus(tmp_path), run.model
    with pytest.raises(ValueError, match="another vocabulary than this tokenizer"):
        Trainer(model, tiny.tokenizer(), found, run.settings, tmp_path)
    small = new_model(BertConfig(vocab_size=len(VOCAB) - 1, **CONFIG), run.settings)
    with pytest.raises(ValueError, match="has 19 pieces, the model only 18"):
        Trainer(small, tiny_tokenizer(), found, run.settings, tmp_path)
    for text in ("4x16", "4:1", "ax16:1", "4x16:0.5", "4x16:2 4x16:-1", "0x16:1", "", "4x7:1"):
        with pytest.raises(ValueError, match="phases"):
            Settings(phases=text)
    with pytest.raises(ValueError, match=r"accumulation \(4\) must divide the 6 rows"):
        Settings(phases="6x16:1", accumulation=4)
    for name, value in (
        ("steps", 0),
        ("learning_rate", -1.0),
        ("warmup", 1.0),
        ("optimizer", "sgd"),
        ("precision", "float16"),
        ("dropout", 1.0),
        ("held_out", "x"),
        ("seed", -1),
        ("clip", 0.0),
    ):
        with pytest.raises(ValueError, match=f"{name} must be"):
            Settings(**{name: value})
