"""Every layout that official checkpoints come in, every way they can be broken, and saving."""

import itertools
import json
import os
import re
import subprocess
import sys
import time

import huggingface_hub
import pytest
import torch
import transformers
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file

import weights_loader
from minibert import BertConfig, BertForPreTraining, BertModel
from minibert.vocabulary import CheckpointError
from tests import tiny
from tests.parity.helpers import legacy_name, official_state, save_theirs, write_folder
from weights_loader import load_bert, name_table, save_bert

THEIRS = tiny.theirs("BertForPreTraining").float()
FULL = official_state(THEIRS)  # with both decoder tensors, "bert." in front
CONFIG = THEIRS.config.to_dict()
CLASSES = list(weights_loader.MODELS.values())


def variant(*, prefix=True, old_names=False, position_ids=False, decoder="absent", drop=()):
    """The full state in another layout."""
    state = dict(FULL)
    if decoder != "weight and bias":
        del state["cls.predictions.decoder.bias"]
    if decoder == "absent":
        del state["cls.predictions.decoder.weight"]
    if position_ids:
        state["bert.embeddings.position_ids"] = torch.arange(13)[None]
    state = {name: state[name] for name in state if not name.removeprefix("bert.").startswith(drop)}
    if old_names:
        state = {legacy_name(name): tensor for name, tensor in state.items()}
    if not prefix:
        state = {name.removeprefix("bert."): tensor for name, tensor in state.items()}
    return {name: tensor.clone() for name, tensor in state.items()}


def check_account_and_values(model, state, dtype=torch.float32):
    """The account's names are exactly the file's and the model's; each value came from its name."""
    account = model.account
    assert set(account.file) == set(state)
    assert set(account.model) == set(model.state_dict())
    assert {fate for fate, _ in account.file.values()} <= {"used", "renamed", "tied", "left out"}
    by_official = {
        name.removeprefix("bert.")
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias"): tensor
        for name, tensor in state.items()
    }
    held = model.state_dict()
    for official, ours in name_table(model).items():
        if account.model[ours] == "filled":
            assert torch.equal(held[ours], by_official[official].to(dtype)), ours
    for name, (fate, why) in account.file.items():
        if fate in ("used", "renamed"):
            assert (fate == "renamed") == name.endswith(("gamma", "beta"))
        assert (fate == "used") == (why == "")


@pytest.mark.parametrize(
    ("prefix", "old_names", "position_ids", "decoder"),
    list(
        itertools.product(
            [True, False], [True, False], [True, False], ["absent", "weight", "weight and bias"]
        )
    ),
)
@pytest.mark.parametrize(
    "head",
    [None, "pretraining", *(pytest.param(h, marks=pytest.mark.slow) for h in ("mlm", "nsp"))],
)
def test_every_layout(tmp_path, head, prefix, old_names, position_ids, decoder):
    state = variant(prefix=prefix, old_names=old_names, position_ids=position_ids, decoder=decoder)
    write_folder(state, CONFIG, tmp_path)
    model, tokenizer = load_bert(tmp_path, head=head)
    assert not model.training
    assert tokenizer.tokens == tiny.VOCAB
    check_account_and_values(model, state)
    assert set(model.account.model.values()) == {"filled"}
    fates = {name: fate for name, (fate, _) in model.account.file.items()}
    with_mlm = head in ("mlm", "pretraining")
    if decoder != "absent":
        expected = "tied" if with_mlm else "left out"
        assert fates["cls.predictions.decoder.weight"] == expected
    if position_ids:
        name = "bert.embeddings.position_ids" if prefix else "embeddings.position_ids"
        assert model.account.file[name] == ("left out", "only counts 0, 1, 2 …")
    assert fates["cls.predictions.bias"] == ("used" if with_mlm else "left out")
    assert fates["cls.seq_relationship.bias"] == (
        "used" if head in ("nsp", "pretraining") else "left out"
    )


@pytest.mark.parametrize("stored", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("dtype", [None, torch.float64, torch.bfloat16])
def test_every_precision(tmp_path, stored, dtype):
    state = {name: tensor.to(stored) for name, tensor in variant().items()}
    write_folder(state, CONFIG, tmp_path)
    model, _ = load_bert(tmp_path, head="pretraining", dtype=dtype)
    expected = torch.float32 if dtype is None else dtype
    assert {tensor.dtype for tensor in model.state_dict().values()} == {expected}
    check_account_and_values(model, state, expected)
    with torch.no_grad():
        assert model(**tiny.inputs()).mlm_logits.dtype == expected


def test_bias_only_under_the_decoders_name(tmp_path):
    state = variant(decoder="weight and bias")
    state["cls.predictions.decoder.bias"] = state.pop("cls.predictions.bias")
    write_folder(state, CONFIG, tmp_path)
    model, _ = load_bert(tmp_path, head="mlm")
    assert torch.equal(model.mlm.bias, FULL["cls.predictions.bias"])
    assert set(model.account.file) == set(state)


def test_without_pooler(tmp_path):
    write_folder(variant(drop=("pooler.", "cls.")), CONFIG, tmp_path)
    model, _ = load_bert(tmp_path)
    assert model(torch.tensor([[2, 3]])).pooler_output is None
    with pytest.raises(CheckpointError, match=r"'pooler.dense.weight': missing"):
        load_bert(tmp_path, head="nsp")


def test_a_head_that_the_file_has_not_is_new(tmp_path):
    write_folder(variant(drop=("cls.",)), CONFIG, tmp_path)
    with pytest.warns(UserWarning, match="has no mlm and no nsp head; a new one") as warned:
        model, _ = load_bert(tmp_path, head="pretraining")
    assert [warning.filename for warning in warned] == [__file__]  # it shows the caller's line
    new = {name for name, fate in model.account.model.items() if fate == "new"}
    assert new == {name for name in model.state_dict() if name.startswith(("mlm.", "nsp."))}
    assert (model.mlm.layer_norm.gamma == 1).all()
    assert 0.01 < model.mlm.dense.weight.std() < 0.02  # initialised, not left at zero
    assert not any(tensor.is_meta for tensor in model.state_dict().values())


def test_heads_of_fine_tuned_models_are_left_out(tmp_path):
    state = variant(drop=("cls.",)) | {"classifier.weight": torch.zeros(2, 28)}
    write_folder(state, CONFIG, tmp_path)
    model, _ = load_bert(tmp_path)
    assert model.account.file["classifier.weight"] == ("left out", "a fine-tuned task's head")


def test_the_account_reads_well(tmp_path):
    write_folder(variant(old_names=True, position_ids=True, decoder="weight"), CONFIG, tmp_path)
    model, _ = load_bert(tmp_path, head="mlm")
    lines = str(model.account).splitlines()
    assert lines[0].endswith(": 112 tensors in the file")
    table = [" ".join(line.split()) for line in lines[1:]]
    older = "(LayerNorm.gamma and beta, the older names of weight and bias)"
    assert sorted(table[:10]) == [
        "left out 1 embeddings.* (only counts 0, 1, 2 …)",
        "left out 2 cls.seq_relationship.* (the next-sentence head; head='nsp' reads it)",
        "left out 2 pooler.* (this head does not read the pooler)",
        f"renamed 2 cls.predictions.* {older}",
        f"renamed 2 embeddings.* {older}",
        f"renamed 24 encoder.layer.* {older}",
        "tied 1 cls.predictions.* (must equal embeddings.word_embeddings.weight)",
        "used 3 cls.predictions.*",
        "used 3 embeddings.*",
        "used 72 encoder.layer.*",
    ]
    assert table[10:] == [
        "106 tensors in the model",
        "filled 5 embeddings.*",
        "filled 96 encoder.layers.*",
        "filled 5 mlm.*",
    ]


def test_the_bundled_model_needs_no_network():
    code = "from weights_loader import load_bert; import sys; m, t = load_bert(); m(**t('a cat'))"
    code += "; sys.exit('huggingface_hub' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_loading_draws_no_initial_weights():
    """It would import PyTorch's compiler for that, a second's work."""
    code = "from weights_loader import load_bert; import sys; load_bert(head='pretraining')"
    code += "; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# Broken files and folders.


def edited(folder, **changes):
    write_folder(variant(), {**CONFIG, **changes}, folder)
    return folder


def break_file(folder, how):
    file = folder / "model.safetensors"
    content = file.read_bytes()
    if how == "cut short":
        file.write_bytes(content[:-1000])
    elif how == "corrupt header":
        file.write_bytes(content[:8] + b"#" * 100 + content[108:])
    else:
        file.write_bytes(b"")


@pytest.mark.parametrize("how", ["cut short", "corrupt header", "empty"])
def test_a_broken_file(tmp_path, how):
    write_folder(variant(), CONFIG, tmp_path)
    break_file(tmp_path, how)
    with pytest.raises(CheckpointError, match=r"model.safetensors is broken or cut short .* again"):
        load_bert(tmp_path)


def test_all_misfits_are_counted_and_listed(tmp_path):
    state = variant()
    state["\x1b[31mred\n"] = torch.zeros(2)
    state["bert.encoder.layer.3.output.dense.weight"] = torch.zeros(28, 12)
    del state["bert.encoder.layer.4.attention.self.key.bias"]
    state["bert.encoder.layer.6.output.dense.bias"] = torch.zeros(28)
    state["bert.pooler.dense.weight"] = torch.zeros(28, 28, dtype=torch.int8)
    write_folder(state, CONFIG, tmp_path)
    with pytest.raises(CheckpointError) as caught:
        load_bert(tmp_path)
    problems = caught.value.problems
    assert sorted(problems) == [
        r"'\x1b[31mred\n': unknown",
        "'bert.encoder.layer.3.output.dense.weight': shape [28, 12], not [28, 11]",
        "'bert.encoder.layer.6.output.dense.bias': unknown",
        "'bert.pooler.dense.weight': I8 is no floating-point type",
        "'encoder.layer.4.attention.self.key.bias': missing",
    ]
    assert str(caught.value) == (
        f"{tmp_path}: 5 tensors do not fit config.json's BERT: {'; '.join(problems[:3])}; and 2 "
        f"more (`minibert verify {tmp_path} --account` lists them)"
    )


@pytest.mark.parametrize("layers", [7, 10**5, 2**24 - 1])
def test_layers_are_counted_before_a_model_is_built(tmp_path, layers, monkeypatch):
    monkeypatch.setattr(weights_loader, "MODELS", {"mlm": pytest.fail})
    with pytest.raises(CheckpointError, match=f"num_hidden_layers {layers}, but the file has 6"):
        load_bert(edited(tmp_path, num_hidden_layers=layers), head="mlm")


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        (
            {"vocab_size": 2**24 - 1},
            r"word_embeddings.weight': shape \[31, 28\], not \[16777215, 28",
        ),
        ({"hidden_size": 2**23}, r"word_embeddings.weight': shape \[31, 28\], not \[31, 8388608"),
        (
            {"max_position_embeddings": 2**23, "position_embedding_type": "sinusoidal"},
            r"position_embeddings.weight': shape \[13, 28\], not \[8388608, 28",
        ),
    ],
)
def test_a_size_of_another_model_costs_neither_time_nor_memory(tmp_path, changes, shape):
    write_folder(variant(drop=("cls.",)), {**CONFIG, **changes}, tmp_path)
    started = time.process_time()
    with pytest.raises(CheckpointError, match=shape):
        load_bert(tmp_path, head="pretraining")
    assert time.process_time() - started < 2


def test_a_tied_tensor_that_is_no_number_of_a_model(tmp_path):
    state = variant(decoder="weight")
    state["cls.predictions.decoder.weight"] = torch.ones(31, 28, dtype=torch.complex64)
    write_folder(state, CONFIG, tmp_path)
    with pytest.raises(CheckpointError, match=r"decoder.weight': C64 is no floating-point type"):
        load_bert(tmp_path, head="mlm")


def test_an_error_is_one_line_however_strange_the_file(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        load_bert(edited(tmp_path, model_type="\x1b[31m\n" * 10_000))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
    write_folder(variant(), {**CONFIG, "minibert_note": "\x1b[31mred\n"}, tmp_path)
    assert load_bert(tmp_path)[0].account.note == r"\x1b[31mred\n"
    with pytest.raises(CheckpointError, match="'minibert_note' must be a text, not 5"):
        load_bert(edited(tmp_path, minibert_note=5))


def test_part_of_a_head_is_missing_not_new(tmp_path):
    write_folder(variant(drop=("cls.predictions.transform.dense.bias",)), CONFIG, tmp_path)
    with pytest.raises(CheckpointError, match=r"'cls.predictions.transform.dense.bias': missing"):
        load_bert(tmp_path, head="mlm")


def test_the_same_tensor_twice(tmp_path):
    state = variant()
    state["bert.embeddings.LayerNorm.gamma"] = state["bert.embeddings.LayerNorm.weight"].clone()
    write_folder(state, CONFIG, tmp_path)
    with pytest.raises(CheckpointError, match="are the same tensor twice"):
        load_bert(tmp_path)


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_decoder_that_is_not_tied(tmp_path, name):
    state = variant(decoder="weight and bias")
    state[f"cls.predictions.decoder.{name}"] += 1
    write_folder(state, CONFIG, tmp_path)
    load_bert(tmp_path)  # without the head nobody asks
    with pytest.raises(CheckpointError, match=rf"cls.predictions.decoder.{name} differs from"):
        load_bert(tmp_path, head="mlm")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position_embedding_type": "relative_key_query"}, "not 'relative_key_query'"),
        ({"hidden_act": "gelu_new"}, "hidden_act must be 'gelu', not 'gelu_new'"),
        ({"is_decoder": "yes"}, "is_decoder must be False, not 'yes'"),
        ({"model_type": "distilbert"}, "model_type must be 'bert', not 'distilbert'"),
        ({"num_attention_heads": 3}, "must be a multiple of num_attention_heads"),
    ],
)
def test_a_config_of_another_model(tmp_path, changes, message):
    with pytest.raises(CheckpointError, match=f"not a BERT that minibert has: .*{message}"):
        load_bert(edited(tmp_path, **changes))


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_config_that_is_no_object(tmp_path, content):
    (edited(tmp_path) / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config.json (is not JSON|must hold a JSON object)"):
        load_bert(tmp_path)


def test_only_pickled_weights(tmp_path):
    (edited(tmp_path) / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"would run whatever .* convert it: transformers"):
        load_bert(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_missing_file(tmp_path, name):
    (edited(tmp_path) / name).unlink()
    with pytest.raises(CheckpointError, match=f"has no {name}"):
        load_bert(tmp_path)


def test_a_vocabulary_larger_than_the_embeddings(tmp_path):
    file = edited(tmp_path) / "vocab.txt"
    file.write_text(file.read_text() + "extra\n")
    with pytest.raises(CheckpointError, match="the vocabulary has 32 pieces, but config"):
        load_bert(tmp_path)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all", ""])
def test_no_such_folder(name):
    with pytest.raises(CheckpointError, match=f"there is no folder '{name}'"):
        load_bert(name)


def test_no_network(monkeypatch):
    def unreachable(*args, **kwargs):
        raise LocalEntryNotFoundError("no connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(CheckpointError, match=r"'some/model' is not a folder here, not in"):
        load_bert("some/model")


@pytest.mark.slow
def test_the_hubs_offline_switch(tmp_path):
    code = "from weights_loader import load_bert; load_bert('bert-base-uncased')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert "'bert-base-uncased' is not a folder here, not in the Hub's cache" in last


@pytest.mark.parametrize("name", ["a b/c?d/e", "a" * 5000, "a\0b"])
def test_a_name_that_no_model_can_have(name):
    with pytest.raises(CheckpointError, match="nor a name that the Hub could have"):
        load_bert(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("HF_ENDPOINT", "foo", "UnsupportedProtocol"),
        ("HF_ENDPOINT", "ftp://x", "UnsupportedProtocol"),
        ("ALL_PROXY", "socks5://127.0.0.1:9", "ImportError|ConnectError|ProxyError"),
    ],
)
def test_a_hub_that_cannot_be_asked(tmp_path, name, value, why):
    code = "from weights_loader import load_bert\ntry: load_bert('some/model')\n"
    code += "except ValueError as error: print(error)"
    environment = {**os.environ, "HF_HOME": str(tmp_path), name: value}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (result.stderr, result.stdout.count("\n")) == ("", 1)
    assert re.search(rf"the Hub cannot be reached \(({why}): ", result.stdout)


def test_a_cached_model_is_found_by_name(tmp_path, monkeypatch):
    """What snapshot_download returns is used like a local folder; the revision is passed on."""
    edited(tmp_path)
    asked = []

    def cached(name, revision, allow_patterns):
        asked.append((name, revision, sorted(allow_patterns)))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", cached)
    model, _ = load_bert("some/model", revision="v1")
    assert model.account.source == "some/model"
    tokenizer = ["tokenizer.json", "tokenizer_config.json", "vocab.txt"]
    wanted = ["config.json", "generation_config.json", "model.safetensors"]
    wanted += [*(f"target/{file}" for file in tokenizer), *tokenizer]
    assert asked == [("some/model", "v1", wanted)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"head": "ner"}, r"head must be one of \[None, 'bert', .*'next-token'\], not 'ner'"),
        ({"head": []}, r"head must be one of .* not \[\]"),
        ({"name": 5}, "name must be a folder, a name on the Hub, or None; not 5"),
        ({"device": "nope"}, "device must be one that PyTorch can compute on here, .* 'nope'"),
        ({"device": "meta"}, "device must be one that PyTorch can compute on here, .* 'meta'"),
        ({"dtype": torch.int8}, "dtype must be a floating-point torch.dtype, not torch.int8"),
        ({"dtype": "float32"}, "dtype must be a floating-point torch.dtype, not 'float32'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_bert(**arguments)


# Saving.


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("kind", CLASSES)
def test_saved_and_loaded_by_transformers(tmp_path, kind, dtype):
    model = tiny.ours(kind).to(dtype)
    save_bert(model, tiny.tokenizer(), tmp_path / "saved")
    their_class = getattr(transformers, kind.__name__)
    theirs, info = their_class.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert {key: list(value) for key, value in info.items() if value} == {}
    state = {name.removeprefix("bert."): tensor for name, tensor in theirs.state_dict().items()}
    for official, ours in name_table(model).items():
        # A float16 file would make transformers compute in float16: slow, and NaN in training.
        assert state[official].dtype == torch.float32
        assert torch.equal(state[official], model.state_dict()[ours].float()), ours
    their_tokenizer = transformers.BertTokenizer.from_pretrained(tmp_path / "saved")
    assert their_tokenizer("ab X [MASK]").input_ids == [2, 5, 19, 1, 4, 3]


@pytest.mark.parametrize("kind", CLASSES)
def test_saved_and_loaded_again(tmp_path, kind):
    model = tiny.ours(kind)
    save_bert(model, tiny.tokenizer(), tmp_path / "saved")
    head = next(head for head, its_class in weights_loader.MODELS.items() if its_class is kind)
    again, tokenizer = load_bert(tmp_path / "saved", head=head, dtype=torch.float64)
    assert tokenizer.tokens == tiny.VOCAB
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_sinusoidal_positions_survive(tmp_path):
    model = BertModel(BertConfig(**tiny.SIZES, position_embedding_type="sinusoidal")).eval()
    save_bert(model, tiny.tokenizer(), tmp_path / "saved")
    again, _ = load_bert(tmp_path / "saved")
    theirs = transformers.BertModel.from_pretrained(tmp_path / "saved")
    inputs = tiny.inputs()
    with torch.no_grad():
        expected = model(**inputs).pooler_output
        assert torch.equal(again(**inputs).pooler_output, expected)
        torch.testing.assert_close(theirs(**inputs).pooler_output, expected, rtol=0, atol=1e-6)


def test_a_failed_save_leaves_nothing(tmp_path, monkeypatch):
    def full_disk(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(weights_loader, "save_file", full_disk)
    with pytest.raises(OSError, match="No space left"):
        save_bert(tiny.ours(BertModel), tiny.tokenizer(), tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_saving_over_a_folder_keeps_what_else_is_there(tmp_path):
    folder = tmp_path / "saved"
    save_bert(tiny.ours(BertForPreTraining), tiny.tokenizer(), folder)
    (folder / "notes.txt").write_text("mine")
    save_bert(tiny.ours(BertModel, seed=1), tiny.tokenizer(), folder)
    files = ["config.json", "model.safetensors", "notes.txt", "tokenizer_config.json", "vocab.txt"]
    assert sorted(file.name for file in folder.iterdir()) == files
    assert list(tmp_path.iterdir()) == [folder]
    assert json.loads((folder / "config.json").read_text())["architectures"] == ["BertModel"]
    assert "pooler.dense.weight" in load_file(folder / "model.safetensors")


def test_a_model_can_be_saved_over_the_file_it_was_loaded_from(tmp_path):
    save_theirs(THEIRS, tmp_path)
    model, tokenizer = load_bert(tmp_path, head="pretraining")
    with torch.no_grad():
        model.mlm.bias += 1
    save_bert(model, tokenizer, tmp_path)
    again, _ = load_bert(tmp_path, head="pretraining")
    assert torch.equal(again.mlm.bias, model.mlm.bias)


def test_the_current_folder_can_be_saved_to_and_a_file_cannot(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_bert(tiny.ours(BertModel), tiny.tokenizer(), ".")
    assert (tmp_path / "model.safetensors").is_file()
    with pytest.raises(CheckpointError, match=r"config.json is a file; save_bert needs a folder"):
        save_bert(tiny.ours(BertModel), tiny.tokenizer(), "config.json")


def test_only_minibert_models_are_saved(tmp_path):
    with pytest.raises(CheckpointError, match="save_bert takes minibert's models, not Linear"):
        save_bert(torch.nn.Linear(2, 2), tiny.tokenizer(), tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []
