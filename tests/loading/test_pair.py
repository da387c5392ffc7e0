"""Folders of models that write: an encoder-decoder, and a decoder alone; and bad ones."""

import json
import random

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from minibert import BertForMaskedLM, BertLMHeadModel, BertTokenizer, EncoderDecoderModel
from minibert.cli import main
from minibert.vocabulary import CheckpointError
from tests import tiny
from tests.faults.test_fuzz import answer, broken_text, broken_weights
from tests.parity.helpers import save_theirs
from weights_loader import load_bert, save_bert

TARGET = BertTokenizer([*tiny.VOCAB[:5], *"我累了不是你们他她它很好人大小上下左右中国日月水火山"])


def saved(folder, *, target=None, seed=0, **changes):
    """A folder of ours, with `changes` in its config.json; names of an inner one as part__name."""
    model = tiny.pair(seed)
    model.target_tokenizer = target
    save_bert(model, tiny.tokenizer(), folder)
    change(folder, **changes)
    return model


def change(folder, **changes):
    settings = json.loads((folder / "config.json").read_text())
    for name, value in changes.items():
        *parts, key = name.split("__")
        inner = settings[parts[0]] if parts else settings
        inner[key] = value
        if value is ...:
            del inner[key]
    (folder / "config.json").write_text(json.dumps(settings))


def change_tensors(folder, change):
    file = folder / "model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def test_an_account_of_both_halves(tmp_path):
    save_theirs(tiny.their_pair(), tmp_path)
    model, _ = load_bert(tmp_path)
    lines = str(model.account).splitlines()
    assert lines[1:] == [
        "  used         5  encoder.embeddings.*",
        "  used        96  encoder.encoder.*",
        "  used         2  encoder.pooler.*",
        "  used         5  decoder.embeddings.*",
        "  used        78  decoder.encoder.*",
        "  used         5  decoder.cls.*",
        "191 tensors in the model",
        "  filled       5  encoder.embeddings.*",
        "  filled      96  encoder.encoder.*",
        "  filled       2  encoder.pooler.*",
        "  filled       5  decoder.embeddings.*",
        "  filled      78  decoder.decoder.*",
        "  filled       5  decoder.mlm.*",
    ]


def test_what_older_files_hold_besides(tmp_path):
    """LayerNorm's old names, position_ids, a decoder matrix that must equal the embeddings."""
    model = saved(tmp_path)

    def as_in_2020(tensors):
        for name in list(tensors):
            if name.endswith("LayerNorm.weight"):
                tensors[name.replace("weight", "gamma")] = tensors.pop(name)
        tensors["encoder.embeddings.position_ids"] = torch.arange(13)[None]
        table = tensors["decoder.bert.embeddings.word_embeddings.weight"]
        tensors["decoder.cls.predictions.decoder.weight"] = table.clone()

    change_tensors(tmp_path, as_in_2020)
    again, _ = load_bert(tmp_path, dtype=torch.float64)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    uses = {use for use, _ in again.account.file.values()}
    assert uses == {"used", "renamed", "left out", "tied"}
    change_tensors(tmp_path, lambda t: t["decoder.cls.predictions.decoder.weight"].add_(1))
    with pytest.raises(CheckpointError, match=r"decoder\.cls\.predictions\.decoder\.weight diff"):
        load_bert(tmp_path)


@pytest.mark.parametrize("pooler", [True, False])
def test_saved_and_loaded_again(tmp_path, pooler):
    model = tiny.pair(seed=3)
    model.encoder.pooler = model.encoder.pooler if pooler else None
    model.start_token_id, model.end_token_id = 7, 30
    model.task = {"task": "translate", "source": "en"}
    save_bert(model, tiny.tokenizer(), tmp_path)
    again, tokenizer = load_bert(tmp_path, dtype=torch.float64)
    assert type(again) is EncoderDecoderModel
    assert not again.training
    assert again.task == model.task
    assert (again.start_token_id, again.end_token_id, again.decoder.end_token_id) == (7, 30, 30)
    assert tokenizer.tokens == again.target_tokenizer.tokens == tiny.VOCAB
    assert again.encoder.config == tiny.CONFIG
    assert again.decoder.bert.config == tiny.DECODER_CONFIG
    assert again.state_dict().keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    half, _ = load_bert(tmp_path, dtype=torch.float16)
    assert {tensor.dtype for tensor in half.state_dict().values()} == {torch.float16}


def test_two_vocabularies(tmp_path):
    saved(tmp_path / "pair", target=TARGET)
    model, tokenizer = load_bert(tmp_path / "pair")
    assert tokenizer.tokens == tiny.VOCAB
    assert model.target_tokenizer.tokens == TARGET.tokens
    theirs = transformers.BertTokenizer.from_pretrained(tmp_path / "pair" / "target")
    assert theirs("我累了")["input_ids"] == TARGET("我累了")["input_ids"][0].tolist()
    # Over it one that has a single vocabulary; what is left of the other is not read.
    saved(tmp_path / "pair", target=tiny.tokenizer())
    assert load_bert(tmp_path / "pair")[0].target_tokenizer.tokens == tiny.VOCAB
    # A vocabulary of the same pieces, but with capitals, is another one.
    cased = BertTokenizer(tiny.VOCAB, do_lower_case=False)
    saved(tmp_path / "pair", target=cased)
    assert load_bert(tmp_path / "pair")[0].target_tokenizer.checksum() == cased.checksum()
    saved(tmp_path / "one")
    assert not (tmp_path / "one" / "target").exists()


@pytest.mark.parametrize(
    ("in_config", "in_generation_config", "tokens"),
    [
        ({}, None, (2, 3)),
        ({"decoder_start_token_id": None, "eos_token_id": None}, None, (2, 3)),
        ({"decoder_start_token_id": ..., "eos_token_id": ...}, None, (2, 3)),
        ({"decoder_start_token_id": 8, "eos_token_id": 0}, None, (8, 0)),
        ({"decoder_start_token_id": 8}, {"eos_token_id": 9}, (8, 9)),
        ({"eos_token_id": 8}, {"eos_token_id": 9, "decoder_start_token_id": 10}, (10, 9)),
        ({"eos_token_id": 8}, {"eos_token_id": None}, (2, 8)),
    ],
)
def test_where_a_text_begins_and_ends(tmp_path, in_config, in_generation_config, tokens):
    saved(tmp_path, **in_config)
    if in_generation_config is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(in_generation_config))
    model, _ = load_bert(tmp_path)
    assert (model.start_token_id, model.end_token_id) == tokens


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # Models of other kinds, by name
        ({"model_type": "t5"}, "config.json: .* model_type must be 'bert', not 't5'"),
        ({"model_type": "gpt2"}, "model_type must be 'bert', not 'gpt2'"),
        ({"model_type": "marian"}, "model_type must be 'bert', not 'marian'"),
        ({"model_type": "bart", "is_decoder": True}, "model_type must be 'bert', not 'bart'"),
        ({"encoder__model_type": "vit"}, "config.json, encoder: .* model_type .* not 'vit'"),
        ({"encoder__model_type": "t5"}, "config.json, encoder: .* model_type .* not 't5'"),
        ({"decoder__model_type": "gpt2"}, "config.json, decoder: .* model_type .* not 'gpt2'"),
        ({"decoder__hidden_act": "relu"}, "config.json, decoder: .* hidden_act must be 'gelu'"),
        # Two BERTs that are no encoder and decoder
        ({"encoder__is_decoder": True}, "encoder: .* is_decoder must be False, not True"),
        ({"encoder__add_cross_attention": True}, "encoder: .* add_cross_attention must be False"),
        ({"decoder__is_decoder": False}, "decoder: .* is_decoder must be True, not False"),
        ({"decoder__is_decoder": 1}, "decoder: .* is_decoder must be True, not 1"),
        ({"decoder__add_cross_attention": False}, "decoder: .* add_cross_attention must be True"),
        ({"decoder__add_cross_attention": ...}, "add_cross_attention must be True, not False"),
        # Values that are no sizes
        ({"encoder": ...}, "config.json: 'encoder' must be an object, not None"),
        ({"decoder": [1]}, "config.json: 'decoder' must be an object, not "),
        ({"decoder__hidden_size": "28"}, "decoder: .* hidden_size must be a whole number"),
        ({"decoder__hidden_size": 10**30}, "decoder: .* hidden_size must be a whole number"),
        ({"encoder__num_attention_heads": 3}, "encoder: .* must be a multiple of num_attention"),
        ({"decoder__num_hidden_layers": 4}, "says decoder.num_hidden_layers 4, but .* has 3 la"),
        ({"encoder__num_hidden_layers": 10**6}, "says encoder.num_hidden_layers 1000000, but"),
        ({"encoder__num_hidden_layers": 5}, "'encoder.encoder.layer.5.*: unknown"),
        ({"decoder__vocab_size": 38}, "decoder.bert.emb.*shape .37, 28., not .38, 28."),
        ({"encoder__vocab_size": 30}, "encoder.embeddings.word_embeddings.weight': shape"),
        ({"decoder__intermediate_size": 11}, "'decoder.bert.encoder.layer.0.intermediate"),
        # Tokens
        ({"decoder_start_token_id": 37}, "decoder_start_token_id 37 is not below 37"),
        ({"eos_token_id": -1}, "eos_token_id -1 is not below 37"),
        ({"eos_token_id": True}, "'eos_token_id' must be an integer, not True"),
        ({"eos_token_id": [3]}, r"'eos_token_id' must be an integer, not \[3\]"),
        ({"minibert_target": "yes"}, "'minibert_target' must be true or false, not 'yes'"),
        ({"minibert_target": True}, "target has neither vocab.txt nor"),
        ({"minibert_task": []}, "'minibert_task' must be an object"),
    ],
)
def test_a_config_that_cannot_be(tmp_path, changes, message):
    saved(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_bert(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_halves_of_different_widths(tmp_path):
    kinds = [{**tiny.SIZES, "hidden_size": 20}, tiny.DECODER_SIZES]
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        *(transformers.BertConfig(**sizes) for sizes in kinds)
    )
    theirs = transformers.EncoderDecoderModel(config)
    assert "enc_to_dec_proj.weight" in theirs.state_dict()
    save_theirs(theirs, tmp_path)
    with pytest.raises(CheckpointError, match="must have the same hidden_size, not 20 and 28"):
        load_bert(tmp_path)


def pop_all(ending):
    def pop(tensors):
        for name in [name for name in tensors if name.endswith(ending)]:
            del tensors[name]

    return pop


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            pop_all("crossattention.self.key.weight"),
            r"3 tensors do not fit .* 'decoder.encoder.layer.0.crossattention.self.key.weight': m",
        ),
        (pop_all("cls.predictions.bias"), "'decoder.cls.predictions.bias': missing"),
        (pop_all("encoder.embeddings.word_embeddings.weight"), "'encoder.embeddings.word_.*missi"),
        (lambda t: t.update({"lm_head.bias": torch.zeros(37)}), "'lm_head.bias' is of neither"),
        (lambda t: t.update({"decoder.x": torch.zeros(1)}), "'decoder.x': unknown"),
        (lambda t: t.update({"encoder.classifier": torch.zeros(1)}), "'encoder.classifier': unkn"),
        (
            lambda t: t.update({"decoder.embeddings.word_embeddings.weight": torch.zeros(1)}),
            "are the same tensor twice",
        ),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, change, message, capsys):
    saved(tmp_path)
    change_tensors(tmp_path, change)
    with pytest.raises(CheckpointError, match=message):
        load_bert(tmp_path)
    assert main(["verify", str(tmp_path), "--account"]) != 0


def test_a_target_vocabulary_that_does_not_fit(tmp_path):
    saved(tmp_path, target=TARGET)
    with (tmp_path / "target" / "vocab.txt").open("a") as file:
        file.write("".join(f"x{i}\n" for i in range(20)))
    with pytest.raises(CheckpointError, match=r"target: the vocabulary has 51 .* vocab_size 37"):
        load_bert(tmp_path)
    (tmp_path / "target" / "vocab.txt").unlink()
    with pytest.raises(CheckpointError, match="target has neither vocab"):
        load_bert(tmp_path)


def test_an_encoder_decoder_takes_no_head(tmp_path):
    saved(tmp_path)
    for asked in ({"head": "bert"}, {"labels": ["a", "b"]}, {"all_layers": True}):
        with pytest.raises(CheckpointError, match="is an encoder-decoder, which takes no head"):
            load_bert(tmp_path, **asked)


def test_a_decoder_alone_and_what_it_leaves_out(tmp_path):
    """A whole pretraining model of transformers', declared a decoder: its NSP has no use."""
    save_theirs(tiny.theirs("BertForPreTraining"), tmp_path)
    change(tmp_path, is_decoder=True, eos_token_id=9)
    model, _ = load_bert(tmp_path)
    assert type(model) is BertLMHeadModel
    assert (model.end_token_id, model.has_cross_attention) == (9, False)
    reasons = {name: why for name, (use, why) in model.account.file.items() if use == "left out"}
    assert {name.split(".")[-2] for name in reasons} == {"dense", "seq_relationship"}
    with pytest.raises(CheckpointError, match="is a decoder, whose only head is 'next-token', not"):
        load_bert(tmp_path, head="mlm")
    change(tmp_path, add_cross_attention=True)
    with pytest.raises(CheckpointError, match="add_cross_attention must be False, not True"):
        load_bert(tmp_path)


@pytest.mark.filterwarnings("error")
def test_any_bert_can_be_made_a_decoder(tmp_path):
    mlm = tiny.ours(BertForMaskedLM)
    save_bert(mlm, tiny.tokenizer(), tmp_path / "mlm")
    model, tokenizer = load_bert(tmp_path / "mlm", head="next-token", dtype=torch.float64)
    assert type(model) is BertLMHeadModel
    assert model.end_token_id == tokenizer.sep_token_id
    ids = torch.tensor([[7]])  # one token sees itself alone, in both directions
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, mlm(ids).mlm_logits, rtol=0, atol=1e-13)
    save_bert(model, tokenizer, tmp_path / "writes")
    again, _ = load_bert(tmp_path / "writes", dtype=torch.float64)
    assert type(again) is BertLMHeadModel
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    save_bert(tiny.pair().encoder, tokenizer, tmp_path / "bare")
    with pytest.warns(UserWarning, match="has no mlm head; a new one answers at random"):
        load_bert(tmp_path / "bare", head="next-token")


def test_half_of_a_pair_is_not_saved(tmp_path):
    with pytest.raises(CheckpointError, match="is saved with its encoder, as a pair"):
        save_bert(tiny.pair().decoder, tiny.tokenizer(), tmp_path / "half")
    assert not (tmp_path / "half").exists()


@pytest.mark.parametrize("kind", ["pair", "alone"])
def test_the_command_verifies_both_kinds(tmp_path, capsys, kind):
    model = tiny.pair() if kind == "pair" else tiny.ours(BertLMHeadModel)
    save_bert(model.float(), tiny.tokenizer(), tmp_path)
    assert main(["verify", str(tmp_path), "--text", "a b c", "--text", "d"]) == 0
    printed = capsys.readouterr().out
    assert "operations agree" in printed
    assert ("cross_attention.probs" in printed) == (kind == "pair")
    assert main(["verify", str(tmp_path), "--account"]) == 0


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a small pair's files; both kinds of vocabulary."""
    folder = tmp_path_factory.mktemp("good") / "pair"
    saved(folder)
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    ids = {token: index for index, token in enumerate(tiny.VOCAB)}
    content = {"added_tokens": [], "model": {"type": "WordPiece", "vocab": ids}}
    files["generation_config.json"] = b'{"eos_token_id": 3, "decoder_start_token_id": 2}'
    return {**files, "tokenizer.json": json.dumps(content).encode()}


@pytest.mark.slow
@pytest.mark.parametrize("break_files", [broken_text, broken_weights])
def test_broken_folders_are_a_model_or_one_line(good, tmp_path, break_files):
    found = {"model": 0, "error": 0}
    for number in range(30):
        rng = random.Random(number)
        folder = tmp_path / f"case-{number}"
        folder.mkdir()
        for name, content in break_files(good, rng).items():
            (folder / name).write_bytes(content)
        found[answer(folder, None)] += 1
    assert min(found.values()) > 0
