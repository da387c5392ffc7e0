"""minibert pretrain, fill-mask and next-sentence, as they are typed."""

import json
import os

import pytest
import torch
import transformers

from minibert import BertForPreTraining
from minibert.pretraining.predict import fill_mask, next_sentence
from minibert.pretraining.settings import settings_for
from minibert.tokenizer import NO_LIMIT
from tests import tiny
from tests.cli.test_cli import failing, run
from tests.pretraining.helpers import CONFIG, SETTINGS, text
from weights_loader import load_bert, save_bert


def arguments(folder, *, out="out", content=None, **changes):
    """The words of a short run over a small text."""
    (folder / "text.txt").write_text(text() if content is None else content, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    settings = SETTINGS | {"precision": "float32"} | changes
    options = [
        word
        for name, value in settings.items()
        for word in ("--" + name.replace("_", "-"), str(value))
    ]
    places = ["--corpus", folder / "text.txt", "--out", folder / out]
    return ["pretrain", *places, "--config", folder / "config.json", "--vocab-size", 40, *options]


def test_from_text_to_a_model_that_both_libraries_read(capsys, tmp_path):
    status, out, _ = run(capsys, *arguments(tmp_path))
    folder = tmp_path / "out"
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("corpus: 12 documents, ")
    assert lines[1].endswith("float32 on cpu, 1 processes")
    assert lines[2] == "from step 0 to 12"
    assert f"saved in {folder}" in lines[3]
    assert lines[4] == f"loss curve: {folder / 'loss.png'}"
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")
    model, tokenizer = load_bert(folder, head="pretraining")
    assert len(tokenizer) == model.bert.config.vocab_size == 40
    theirs, report = transformers.BertForPreTraining.from_pretrained(
        folder, output_loading_info=True
    )
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    inputs = tokenizer("ba ce.", "di mabel.")
    with torch.no_grad():
        ours, other = model(**inputs), theirs.eval()(**inputs)
    assert (ours.mlm_logits - other.prediction_logits).abs().max() < 1e-5
    assert (ours.nsp_logits - other.seq_relationship_logits).abs().max() < 1e-5
    their_tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    assert their_tokenizer.tokenize("Cabled gu.") == tokenizer.tokenize("Cabled gu.")
    limit = model.bert.config.max_position_embeddings
    assert their_tokenizer.model_max_length == tokenizer.settings["model_max_length"] == limit


def test_a_run_is_never_overwritten_and_can_be_gone_on_with(capsys, tmp_path):
    assert run(capsys, *arguments(tmp_path))[0] == 0
    before = (tmp_path / "out" / "model.safetensors").read_bytes()
    told = failing(capsys, *arguments(tmp_path))
    assert "holds a run already" in told
    assert "--resume goes on with it" in told
    told = failing(capsys, *arguments(tmp_path, learning_rate=0.5), "--resume")
    assert "was begun with learning_rate 0.001, not 0.5" in told
    for name, content, other in (
        ("text.txt", text(seed=9), "corpus"),
        ("config.json", json.dumps(CONFIG | {"intermediate_size": 12}), "config"),
    ):
        words = arguments(tmp_path)
        (tmp_path / name).write_text(content)
        assert f"was begun with {other} " in failing(capsys, *words, "--resume")
    other = tmp_path / "vocab.txt"
    other.write_text("\n".join([*tiny.VOCAB, "ba"]) + "\n")
    told = failing(capsys, *arguments(tmp_path), "--vocab", other, "--resume")
    assert "was begun with another vocabulary" in told
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before
    status, out, _ = run(capsys, *arguments(tmp_path), "--resume")
    assert status == 0
    assert "from step 12 to 12, resumed" in out
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("limit", [None, NO_LIMIT])
def test_a_run_begun_without_a_model_max_length_can_be_gone_on_with(capsys, tmp_path, limit):
    """As runs were begun before: its corpus is used again, its weights are the same."""
    words = arguments(tmp_path)
    assert run(capsys, *words)[0] == 0
    folder = tmp_path / "out"
    before = (folder / "model.safetensors").read_bytes()
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    assert tokenizer_config.pop("model_max_length") == CONFIG["max_position_embeddings"]
    if limit is not None:
        tokenizer_config["model_max_length"] = limit
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    corpus = {file.name: file.stat().st_mtime_ns for file in (folder / "corpus").iterdir()}
    assert run(capsys, *words, "--resume")[0] == 0
    assert (folder / "model.safetensors").read_bytes() == before
    assert {f.name: f.stat().st_mtime_ns for f in (folder / "corpus").iterdir()} == corpus


@pytest.mark.slow
def test_float16_halves_the_file(capsys, tmp_path):
    assert run(capsys, *arguments(tmp_path), "--save-dtype", "float16")[0] == 0
    assert run(capsys, *arguments(tmp_path, out="whole"))[0] == 0
    half, whole = (tmp_path / name / "model.safetensors" for name in ("out", "whole"))
    assert half.stat().st_size < 0.65 * whole.stat().st_size
    half, whole = (load_bert(file.parent)[0].state_dict() for file in (half, whole))
    assert all(torch.equal(half[name], whole[name].half().float()) for name in whole)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("ba. Ce.\n", "needs 2 to train on and 2 to validate on"),
        ("ba.\n\nce.\n\ndi.\n\nfo.\n\ngu.\n", "no document has two sentences"),
        ("\n\n", "has no words"),
        (b"ba.\n\xff\n", "line 2 is not UTF-8 at byte 0 (--on-error skip leaves it out)"),
    ],
)
def test_texts_that_cannot_be(capsys, tmp_path, content, told):
    words = arguments(tmp_path)
    content = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "text.txt").write_bytes(content)
    assert told in failing(capsys, *words)


def test_what_a_run_that_never_began_left_is_not_used(capsys, tmp_path):
    failing(capsys, *arguments(tmp_path, content="zz.\n\nyy.\n\nxx.\n\nww.\n"))  # no pairs
    assert "##z" in (tmp_path / "out" / "vocab.txt").read_text()
    assert run(capsys, *arguments(tmp_path))[0] == 0
    tokens = load_bert(tmp_path / "out")[1].tokens
    assert "##z" not in tokens
    assert "ba" in tokens


def test_one_document_is_too_few_even_without_validation(capsys, tmp_path):
    words = arguments(tmp_path, content="ba ce. Di fo.\nGu had.\n" * 5, held_out=0)
    assert "needs at least 2 documents, not 1" in failing(capsys, *words)


def test_what_cannot_be(capsys, tmp_path):
    words = arguments(tmp_path)
    words[2] = tmp_path / "none.txt"
    assert f"there is no file {tmp_path / 'none.txt'}" in failing(capsys, *words)
    assert "phases" in failing(capsys, *arguments(tmp_path, phases="4x16"))
    assert "must be at least" in failing(capsys, *arguments(tmp_path), "--vocab-size", 8)
    (tmp_path / "a file").write_text("")
    assert "a file" in failing(capsys, *arguments(tmp_path, out="a file"))
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"phases": "4x32:1"}, "rows of 32, but the model has 24 positions"),
        ({"mask_share": 0.0}, "mask_share must be above 0"),
        ({"max_predictions": 0}, "max_predictions must be a whole number from 1"),
        ({"optimizer": "sgd"}, "optimizer must be one of adamw, muon"),
        ({"workers": 0}, "workers must be at least 1"),
    ],
)
def test_settings_are_checked_before_any_work(capsys, tmp_path, changes, told):
    assert told in failing(capsys, *arguments(tmp_path, **changes))
    assert not (tmp_path / "out").exists()


def test_skipped_lines_are_told(capsys, tmp_path):
    words = arguments(tmp_path)
    file = tmp_path / "text.txt"
    file.write_bytes(text().encode() + b"\nbad \xff\n")
    status, _, err = run(capsys, *words, "--on-error", "skip")
    assert status == 0
    assert "is not UTF-8 at byte 4" in err


def test_defaults_are_the_papers_and_for_small_sizes_their_own():
    # Devlin et al. 2018, appendix A.2, and the authors' code.
    paper = {
        "steps": 1_000_000,
        "phases": "256x128:0.9 256x512:0.1",
        "learning_rate": 1e-4,
        "warmup": 10_000 / 1_000_000,
        "weight_decay": 0.01,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-6,
        "clip": 1.0,
        "dropout": 0.1,
        "mask_share": 0.15,
        "short_share": 0.1,
        "optimizer": "adamw",
        "position_start": "normal",
    }
    for size in ("base", None):
        settings = settings_for(size, {"seed": 7})
        assert {name: getattr(settings, name) for name in paper} == paper
        assert settings.seed == 7
    small = settings_for("tiny", {"steps": 50})
    assert (small.steps, small.optimizer, small.dropout) == (50, "muon", 0.0)


def test_a_size_by_name(capsys, tmp_path):
    words = [str(word) for word in arguments(tmp_path, steps=2, phases="4x16:1")]
    where = words.index("--config")
    words[where : where + 2] = ["--size", "tiny", "--positions", "32"]
    assert run(capsys, *words)[0] == 0
    config = load_bert(tmp_path / "out")[0].config
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (2, 128, 2)
    assert (config.intermediate_size, config.max_position_embeddings) == (512, 32)


def two_heads(folder):
    save_bert(tiny.ours(BertForPreTraining).float(), tiny.tokenizer(), folder)
    return folder


def test_fill_mask_prints_the_likeliest(capsys, tmp_path):
    folder = two_heads(tmp_path / "model")
    words = ("fill-mask", "a [MASK] b [MASK]", "--model", folder, "--top", 2)
    status, out, err = run(capsys, *words)
    assert (status, err) == (0, "")
    guesses = fill_mask(*load_bert(folder, head="mlm"), "a [MASK] b [MASK]", top=2)
    blocks = [
        "".join(f"{guess.probability:6.1%}  {guess.token}\n" for guess in found)
        for found in guesses
    ]
    assert out == "\n".join(blocks)
    assert "there is no [MASK]" in failing(capsys, "fill-mask", "a b", "--model", folder)
    assert "top must be" in failing(capsys, *words[:-1], 0)


def test_next_sentence_prints_both_sides(capsys, tmp_path):
    folder = two_heads(tmp_path / "model")
    status, out, _ = run(capsys, "next-sentence", "a b", "c", "--model", folder)
    probability = next_sentence(*load_bert(folder, head="nsp"), "a b", "c")
    assert status == 0
    assert out.splitlines() == [
        f"{probability:6.1%}  B follows A",
        f"{1 - probability:6.1%}  B is from elsewhere",
    ]
    assert "the first sentence is empty" in failing(
        capsys, "next-sentence", "", "c", "--model", folder
    )
