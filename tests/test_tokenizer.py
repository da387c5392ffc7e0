"""Files, settings, calls and bad input."""

import json
import pickle

import numpy
import pytest
import torch
import transformers

from minibert import BertTokenizer
from minibert.tokenizer import NO_LIMIT
from minibert.vocabulary import CheckpointError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCAB = [*SPECIAL, "the", "cat", "sat", "##s", "A", "a", "é", ".", "我"]
TOKENIZER = BertTokenizer(VOCAB)


def folder(tmp_path, vocab=VOCAB, end="\n", **config):
    (tmp_path / "vocab.txt").write_bytes(end.join([*vocab, ""]).encode())
    if config:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


def test_ends_of_lines(tmp_path):
    assert BertTokenizer.from_folder(folder(tmp_path, end="\r\n")).tokens == VOCAB
    (tmp_path / "vocab.txt").write_text("\n".join(VOCAB))  # the last line has none
    assert BertTokenizer.from_folder(tmp_path).tokens == VOCAB


def test_settings_are_read(tmp_path):
    read = BertTokenizer.from_folder
    assert read(folder(tmp_path)).tokenize("A É 我") == ["a", "[UNK]", "我"]
    assert read(folder(tmp_path, do_lower_case=False)).tokenize("A a é") == ["A", "a", "é"]
    assert read(folder(tmp_path, strip_accents=False)).tokenize("A É") == ["a", "é"]
    cjk_off = read(folder(tmp_path, tokenize_chinese_chars=False))
    assert cjk_off.tokenize("我我 我") == ["[UNK]", "我"]
    assert read(folder(tmp_path, never_split=["A"])).tokenize("A a.") == ["A", "a", "."]
    assert read(folder(tmp_path, model_max_length=7)).settings["model_max_length"] == 7
    other = [*VOCAB, "<mask>"]
    mask = {"content": "<mask>", "lstrip": False, "special": True}
    assert read(folder(tmp_path, other, mask_token=mask)).tokenize("a<mask>") == ["a", "<mask>"]
    assert read(folder(tmp_path, other, mask_token="<mask>")).mask_token_id == len(VOCAB)


def test_files_and_back(tmp_path):
    tokenizer = BertTokenizer(VOCAB, do_lower_case=False, never_split=["the"], model_max_length=9)
    for name, text in tokenizer.files().items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="\n")
    again = BertTokenizer.from_folder(tmp_path)
    assert (again.tokens, again.settings) == (tokenizer.tokens, tokenizer.settings)


def test_checksum():
    """The same for the same ids: a limit makes no corpus and no vectors other ones."""
    one = BertTokenizer(VOCAB).checksum()
    assert one == BertTokenizer(VOCAB, model_max_length=9).checksum()
    others = [
        BertTokenizer(VOCAB, do_lower_case=False),
        BertTokenizer(VOCAB, never_split=["the"]),
        BertTokenizer([*VOCAB, "<mask>"]),
        BertTokenizer([*VOCAB, "<mask>"], mask_token="<mask>"),
    ]
    assert len({one, *(other.checksum() for other in others)}) == 5


def test_a_folder_saved_by_transformers_5(tmp_path):
    """It writes tokenizer.json and no vocab.txt."""
    file = folder(tmp_path) / "vocab.txt"
    theirs = transformers.BertTokenizer(str(file), do_lower_case=False)
    theirs.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved" / "vocab.txt").exists()
    ours = BertTokenizer.from_folder(tmp_path / "saved")
    assert ours.tokens == VOCAB
    assert ours.tokenize("A cats é") == theirs.tokenize("A cats é") == ["A", "cat", "##s", "é"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": {"type": "BPE"}}, "holds a BPE model; BERT's is WordPiece"),
        ([], "must hold a JSON object, not list"),
        (
            {
                "model": {"type": "WordPiece", "vocab": {"[PAD]": 0}},
                "added_tokens": [{"content": "<new>", "id": 1}],
            },
            r"has added tokens \(<new>\), which minibert's tokenizer does not know",
        ),
        ({"model": {"type": "WordPiece", "vocab": {"a": 0, "b": 2}}}, "has ids that leave gaps"),
        ({"model": {"type": "WordPiece", "vocab": {"a": 0}}}, r"the vocabulary has no \[UNK\], "),
        *(({"model": value}, "'model' must be an object, not") for value in (None, [], "x")),
        ({}, "'model' must be an object, not None"),
        *(
            ({"model": {"type": "WordPiece", "vocab": value}}, "'vocab' must be an object, not")
            for value in (None, [], 5)
        ),
        *(
            ({"model": {"type": "WordPiece", "vocab": {"a": value}}}, "'a' must be an integer")
            for value in (None, "0", 0.0, False, [])
        ),
        *(
            ({"model": {"type": "WordPiece", "vocab": {}}, "added_tokens": value}, message)
            for value, message in (
                (5, "'added_tokens' must be a list, not 5"),
                ([5], "'added_tokens' must be an object, not 5"),
                ([{}], "'content' must be a text, not None"),
                ([{"content": 5}], "'content' must be a text, not 5"),
            )
        ),
        ({"model": {"\ud800": 1}}, "is not JSON: .* surrogates not allowed"),
    ],
)
def test_a_tokenizer_json_of_something_else(tmp_path, content, message):
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=f"tokenizer.json:? .*{message}"):
        BertTokenizer.from_folder(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        *(({"never_split": value}, "'never_split' must be") for value in (5, [1], "x", {})),
        *(({"unk_token": value}, "'unk_token' must be a text, not") for value in ([], 5)),
        ({"cls_token": {}}, "'content' must be a text, not None"),
        ({"cls_token": {"content": None}}, "'content' must be a text, not None"),
        ({"do_lower_case": 1}, "'do_lower_case' must be true or false, not 1"),
        ({"model_max_length": "512"}, "'model_max_length' must be an integer"),
    ],
)
def test_a_tokenizer_config_of_something_else(tmp_path, config, message):
    with pytest.raises(CheckpointError, match=f"tokenizer_config.json: {message}"):
        BertTokenizer.from_folder(folder(tmp_path, **config))


def test_null_is_the_default(tmp_path):
    config = {"model_max_length": None, "never_split": None, "unk_token": None}
    again = BertTokenizer.from_folder(folder(tmp_path, **config))
    assert again.files() == BertTokenizer(VOCAB).files()


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"model_max_length": ' + b"9" * 5000 + b"}", b"\xef\xbb\xbf{}"]
)
def test_json_that_python_cannot_read(tmp_path, content):
    (folder(tmp_path) / "tokenizer_config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"tokenizer_config.json is not JSON: ") as caught:
        BertTokenizer.from_folder(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("vocab", "message"),
    [
        (VOCAB[2:], r"the vocabulary has no \[UNK\], \[PAD\]"),
        ([*VOCAB, "cat"], "the vocabulary has 'cat' twice, as 6 and as 14"),
        ([], r"the vocabulary has no \[UNK\], \[SEP\], \[PAD\], \[CLS\], \[MASK\]"),
    ],
)
def test_a_vocabulary_that_cannot_be(vocab, message):
    with pytest.raises(ValueError, match=message):
        BertTokenizer(vocab)


def test_broken_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has neither vocab.txt nor tokenizer.json"):
        BertTokenizer.from_folder(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n\xff\n")
    with pytest.raises(ValueError, match=r"vocab.txt is not UTF-8"):
        BertTokenizer.from_folder(tmp_path)
    (folder(tmp_path) / "tokenizer_config.json").write_text("{")
    with pytest.raises(ValueError, match=r"tokenizer_config.json is not JSON"):
        BertTokenizer.from_folder(tmp_path)


def test_one_text_several_and_pairs():
    one = TOKENIZER("The cats.")
    assert {name: tensor.tolist() for name, tensor in one.items()} == {
        "input_ids": [[2, 5, 6, 8, 12, 3]],
        "token_type_ids": [[0] * 6],
        "attention_mask": [[1] * 6],
    }
    pair = TOKENIZER(["The", "cat sat"], ["cat.", "a"])
    assert pair["input_ids"].tolist() == [[2, 5, 3, 6, 12, 3], [2, 6, 7, 3, 10, 3]]
    assert pair["token_type_ids"].tolist() == [[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 1]]
    padded = TOKENIZER(["the cat", ""])
    assert padded["input_ids"].tolist() == [[2, 5, 6, 3], [2, 3, 0, 0]]
    assert padded["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 0, 0]]


def test_kinds_of_results():
    assert TOKENIZER("the")["input_ids"].dtype == torch.int64
    assert isinstance(TOKENIZER("the", return_tensors="np")["input_ids"], numpy.ndarray)
    assert TOKENIZER("the", return_tensors=None)["input_ids"] == [2, 5, 3]
    ragged = TOKENIZER(["the", "the cat"], return_tensors=None, padding=False)
    assert ragged["input_ids"] == [[2, 5, 3], [2, 5, 6, 3]]


def test_model_max_length_is_the_default_limit():
    tokenizer = BertTokenizer(VOCAB, model_max_length=4)
    assert tokenizer("the cat sat", truncation=True)["input_ids"].tolist() == [[2, 5, 6, 3]]
    assert tokenizer("the", padding="max_length")["input_ids"].tolist() == [[2, 5, 3, 0]]
    assert tokenizer("the cat sat")["input_ids"].shape == (1, 5)  # nothing is cut unasked
    assert TOKENIZER.settings["model_max_length"] == NO_LIMIT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "text must be a str or a list of str, not NoneType"),
        (b"the cat", "text must be a str or a list of str, not bytes"),
        (7, "text must be a str or a list of str, not int"),
        ([], "text is an empty list"),
        (["the", None], "a text must be a str, not NoneType"),
        ([b"the"], "a text must be a str, not bytes"),
        ([["the"]], "a text must be a str, not list"),
    ],
)
def test_what_is_no_text(text, message):
    with pytest.raises(ValueError, match=message):
        TOKENIZER(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_pair": []}, "text has 1 texts, text_pair 0"),
        ({"text_pair": ["a", "b"]}, "text has 1 texts, text_pair 2"),
        ({"padding": "left"}, "padding must be 'longest', 'max_length' or False, not 'left'"),
        ({"padding": "max_length"}, "padding 'max_length' needs a max_length"),
        ({"padding": "max_length", "max_length": 3}, "a text has 5 tokens, more than max_length 3"),
        ({"max_length": 3}, "max_length needs truncation=… or padding='max_length'"),
        ({"truncation": True, "max_length": 1}, "max_length 1 leaves no room"),
        ({"truncation": "left", "max_length": 9}, "truncation must be False or one of"),
        ({"return_tensors": "tf"}, "return_tensors must be 'pt', 'np' or None, not 'tf'"),
    ],
)
def test_wishes_that_cannot_be_met(options, message):
    with pytest.raises(ValueError, match=message):
        TOKENIZER("the cat sat", **options)


def test_ragged_rows_make_no_tensor():
    with pytest.raises(ValueError, match="rows of different lengths make no tensor"):
        TOKENIZER(["the", "the cat"], padding=False)


def test_it_can_be_sent_to_another_process():
    TOKENIZER("The cats.")
    again = pickle.loads(pickle.dumps(TOKENIZER))
    assert again("The cats.")["input_ids"].tolist() == [[2, 5, 6, 8, 12, 3]]


def test_unknown_settings_are_refused():
    with pytest.raises(ValueError, match="unknown settings: lowercase"):
        BertTokenizer(VOCAB, lowercase=True)


def test_ids_and_tokens():
    ids = TOKENIZER("The cats.")["input_ids"][0]
    assert TOKENIZER.convert_ids_to_tokens(ids)[1:4] == ["the", "cat", "##s"]
    assert TOKENIZER.convert_ids_to_tokens(6) == "cat"
    assert TOKENIZER.decode(ids) == "[CLS] the cats. [SEP]"
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == "the cats."
    assert TOKENIZER.convert_tokens_to_ids(["cat", "dog"]) == [6, 1]
    for wrong in (-1, 14):
        with pytest.raises(ValueError, match=f"id {wrong} is not in the vocabulary of 14 pieces"):
            TOKENIZER.convert_ids_to_tokens([wrong])
