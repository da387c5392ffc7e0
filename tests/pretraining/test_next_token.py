"""A BERT that writes learns from every piece of its text once an epoch, as the textbook would."""

import json
import math

import numpy
import pytest
import torch
import transformers

from minibert import BertConfig, BertLMHeadModel, continue_text, cross_entropy, load_bert, save_bert
from minibert.pretraining.corpus import split_documents
from minibert.pretraining.next_token import NextToken, Stream, StreamBatches
from minibert.pretraining.prepare import new_model
from minibert.pretraining.settings import Settings
from minibert.training.loop import Trainer
from tests import tiny
from tests.cli.test_cli import failing, run
from tests.cli.test_pretrain import arguments
from tests.pretraining import helpers
from tests.training.toy import fail_after


def trainer(folder, *, out="out", **changes):
    config = BertConfig(vocab_size=len(helpers.VOCAB), **helpers.CONFIG)
    settings = Settings(**(helpers.SETTINGS | changes))
    (folder / out).mkdir(exist_ok=True)
    model = new_model(config, helpers.tokenizer(), settings, BertLMHeadModel)
    task = NextToken(model, helpers.tokenizer(), helpers.corpus(folder), settings)
    return Trainer(task, settings, folder / out)


def whole_stream(corpus, documents):
    """All documents end to end, the plain way."""
    pieces = []
    for document in documents:
        for sentence in range(corpus.documents[document], corpus.documents[document + 1]):
            pieces += corpus.sentence(sentence).tolist()
        pieces.append(3)
    return pieces


@pytest.mark.parametrize("length", [8, 16, 100])
def test_rows_are_the_stream_cut_in_pieces(tmp_path, length):
    corpus = helpers.corpus(tmp_path)
    documents = numpy.array([0, 2, 3, 7, 11])
    expected = whole_stream(corpus, documents)
    rows = StreamBatches(Stream(corpus, documents, 3), helpers.tokenizer(), length=length, seed=1)
    firsts = set()
    for epoch in range(4):
        starts = sorted(rows.plan(epoch).tolist())
        firsts.add(starts[0])
        assert numpy.diff(starts).tolist() == [length] * (len(starts) - 1)
        assert starts[0] < length
        assert len(expected) - length < starts[-1] + length <= len(expected)
        numbers = [(epoch, number) for number in range(len(starts))]
        for (_, number), row in zip(numbers, rows.make(numbers).tolist(), strict=True):
            start = int(rows.plan(epoch)[number])
            assert row == [2, *expected[start : start + length]]
        assert length == 100 or rows.plan(epoch).tolist() != starts  # in random order
    assert len(firsts) > 1


def test_loss_and_gradients_are_the_textbooks(tmp_path):
    task = trainer(tmp_path).task
    tiny.randomise(task.model.double(), 1)
    source, count = task.data(0)
    batch = source.make(source.take(0, 0, count)[0])
    assert batch.shape == (6, 17)
    loss = cross_entropy(task.model(batch[:, :-1]).logits, batch[:, 1:])
    loss.backward()
    expected = {name: p.grad.clone() for name, p in task.model.named_parameters()}
    task.model.zero_grad()
    found = task.loss(task.losses(batch), task.counts(batch))
    found.backward()
    assert found.item() == pytest.approx(loss.item(), rel=1e-12)
    for name, parameter in task.model.named_parameters():
        scale = max(expected[name].abs().max().item(), 1e-3)
        assert (parameter.grad - expected[name]).abs().max() <= 1e-10 * scale, name


def test_validation_is_the_textbooks_loss_on_documents_kept_apart(tmp_path):
    run_ = trainer(tmp_path, dropout=0.3)
    record = run_.validate()
    _, held_out = split_documents(12, 0.2, 1)
    source, rows = run_.task.held_out(0)
    batch = source.make(rows)
    stream = whole_stream(run_.task.corpus, held_out)
    assert batch[0, 1:].tolist() in [stream[i : i + 16] for i in range(len(stream) - 15)]
    with torch.no_grad():
        logits = run_.model.eval()(batch[:, :-1]).logits
    assert record["loss"] == pytest.approx(cross_entropy(logits, batch[:, 1:]).item(), rel=1e-12)
    right = logits.argmax(dim=-1) == batch[:, 1:]
    assert record["accuracy"] == pytest.approx(right.double().mean().item())
    among = (logits.topk(5).indices == batch[:, 1:, None]).any(dim=-1)
    assert record["top5"] == pytest.approx(among.double().mean().item())


@pytest.mark.parametrize("stop", [3, 7, 10])
def test_resume_ends_bit_for_bit_the_same(tmp_path, stop):
    changes = {"dropout": 0.1, "precision": "float32"}
    trainer(tmp_path, out="whole", **changes).run()
    cut = trainer(tmp_path, out="cut", **changes)
    fail_after(cut, stop)
    with pytest.raises(ZeroDivisionError):
        cut.run()
    again = trainer(tmp_path, out="cut", **changes)
    assert again.resume() == (stop >= 4)
    again.run()
    assert helpers.log(tmp_path / "whole") == helpers.log(tmp_path / "cut")
    assert helpers.same_weights(tmp_path / "whole", tmp_path / "cut")


def test_accumulation_changes_nothing(tmp_path):
    """Nor do two processes, which share a step as its parts do."""
    for out, parts in (("one", 1), ("two", 2)):
        trainer(tmp_path, out=out, accumulation=parts).run()
    losses = [
        [record["loss"] for record in helpers.log(tmp_path / out) if "loss" in record]
        for out in ("one", "two")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-11)


@pytest.mark.slow
def test_it_learns_which_letters_follow(tmp_path):
    """A text in which each word says the next one: the loss goes to nearly nothing."""
    text = "\n\n".join("ba ce di fo gu had ide jab kif." for _ in range(12))
    (tmp_path / "text.txt").write_text(text)
    changes = {"steps": 150, "phases": "6x16:1", "learning_rate": 3e-3, "warmup": 0.1}
    config = BertConfig(vocab_size=len(helpers.VOCAB), **helpers.CONFIG)
    settings = Settings(**(helpers.SETTINGS | changes))
    model = new_model(config, helpers.tokenizer(), settings, BertLMHeadModel)
    model.end_token_id = 3
    corpus = helpers.corpus(tmp_path, text)
    Trainer(NextToken(model, helpers.tokenizer(), corpus, settings), settings, tmp_path).run()
    model.eval()
    assert helpers.log(tmp_path)[-2]["loss"] < 0.3
    assert continue_text(model, helpers.tokenizer(), "di fo") == "di fo gu had ide jab kif."
    assert continue_text(model, helpers.tokenizer(), "di fo", max_length=5) == "di fo gu had"


def test_the_commands_from_text_to_text(capsys, tmp_path):
    words = arguments(tmp_path, learning_rate=3e-3)
    status, out, err = run(capsys, *words, "--objective", "next-token")
    folder = tmp_path / "out"
    assert status == 0, err
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert f"saved in {folder}" in out
    model, tokenizer = load_bert(folder)
    assert isinstance(model, BertLMHeadModel)
    assert model.end_token_id == tokenizer.sep_token_id
    kind = transformers.BertLMHeadModel
    theirs, report = kind.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    ids = tokenizer("ba ce di")["input_ids"]
    with torch.no_grad():
        ours, other = model(ids).logits, theirs.eval()(ids).logits
    assert (ours - other).abs().max() < 1e-5
    written = continue_text(model, tokenizer, "ba ce", max_length=9)
    assert run(capsys, "generate", folder, "--max-length", 9, "ba ce")[1] == f"{written}\n"
    drawn = [
        run(capsys, "generate", folder, "ba ce", "--sample", "--seed", seed, "--max-length", 20)[1]
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    resumed = run(capsys, *words, "--objective", "next-token", "--resume")
    assert resumed[0] == 0
    told = failing(capsys, *words, "--resume")
    assert "was begun with objective 'next-token', not None" in told
    log = (folder / "log.jsonl").read_text().splitlines()
    records = [record for record in map(json.loads, log) if "loss" in record]
    assert all(math.isfinite(record["loss"]) for record in records)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--mask-share", 0.2], "--mask-share has no effect for --objective next-token"),
        (["--whole-words"], "--whole-words has no effect for --objective next-token"),
    ],
)
def test_options_that_cannot_be(capsys, tmp_path, words, told):
    err = failing(capsys, *arguments(tmp_path), "--objective", "next-token", *words)
    assert told in err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("ba. Ce.\n", "has 1 documents; the next token needs 1 to train on and 1 to validate on"),
        ("ba.\n\nce.\n", "the text has 3 pieces, fewer than the 16 of a row"),
    ],
)
def test_texts_that_cannot_be(capsys, tmp_path, content, told):
    words = arguments(tmp_path, content=content)
    assert told in failing(capsys, *words, "--objective", "next-token")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "give a prompt: how the text begins"),
        (["a", "--top-k", 3], "--top-k belongs to --sample"),
        (["a", "--sample", "--beams", 2], "--beams and --sample are two ways to write"),
        (["a", "--sample", "--temperature", 0], "temperature must be"),
        (["a", "--sample", "--top-p", 2], "top_p must be"),
        (["a", "--max-length", 40], "max_length must be"),
    ],
)
def test_what_generate_refuses(capsys, tmp_path, words, told):
    model = tiny.randomise(BertLMHeadModel(tiny.CONFIG, end_token_id=3), 1)
    save_bert(model, tiny.tokenizer(), tmp_path / "model")
    err = failing(capsys, "generate", tmp_path / "model", *words)
    assert told in err
    assert len(err.splitlines()) == 1


def test_a_model_that_does_not_write(capsys, tmp_path):
    assert run(capsys, *arguments(tmp_path))[0] == 0
    assert "does not go on" in failing(capsys, "generate", tmp_path / "out", "ba")
