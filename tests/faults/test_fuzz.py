"""Two fuzzers: thousands of broken model folders, each of which is a model or an error of one line.

Each case has a number; it is the seed of all that is random in it, so the same case can be made
again. The weights are mapped while they are read, so each case has a folder of its own.
"""

import json
import random
import struct
import time
import warnings
from collections import Counter
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from minibert import BertForPreTraining
from minibert.vocabulary import CheckpointError
from tests import tiny
from tests.faults import IS_THOROUGH
from weights_loader import MODELS, load_bert, save_bert

LIMIT = 2.0  # seconds of this process for one case
# What a value becomes. The last four are replaced in the text: Python's json would not write them.
STRANGE = [
    *(None, True, False, 0, 1, -1, 1.5, -0.0, 1e300, float("nan"), float("inf"), 512.0),
    *(2**24 - 1, 2**24, 2**31, 2**63, 2**64, 10**30, 10**4000, -(10**4000)),
    *("", "x", "[UNK]", "\x1b[31m red\n", "\u2028", "\ud800", "long" * 10_000, "bert", "gelu"),
    *([], [1], [None], ["x"], [[]], {}, {"content": 5}, {"content": "[UNK]"}, {"x": {"y": []}}),
    *("@DEEP LIST@", "@DEEP OBJECT@", "@HUGE@", "@RAW@"),
]
AS_TEXT = {
    '"@DEEP LIST@"': "[" * 100_000 + "]" * 100_000,
    '"@DEEP OBJECT@"': '{"a":' * 100_000 + "1" + "}" * 100_000,
    '"@HUGE@"': "9" * 5000,
    '"@RAW@"': "nul",
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a folder's files: one layer, both heads; vocab.txt and tokenizer.json."""
    folder = tmp_path_factory.mktemp("good") / "model"
    model = BertForPreTraining(replace(tiny.CONFIG, num_hidden_layers=1))
    save_bert(tiny.randomise(model, seed=0), tiny.tokenizer(), folder)
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    ids = {token: index for index, token in enumerate(tiny.VOCAB)}
    added = [{"content": token, "id": ids[token], "special": True} for token in tiny.VOCAB[:5]]
    content = {"added_tokens": added, "model": {"type": "WordPiece", "vocab": ids}}
    return {**files, "tokenizer.json": json.dumps(content).encode()}


def places(value, found):
    """Every (container, key) inside a JSON value."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        found.append((value, key))
        if isinstance(inner, dict | list):
            places(inner, found)
    return found


def change_structure(content: dict, rng: random.Random) -> bytes:
    """Replace, delete, nest, rename or double one to three values of a JSON object."""
    for _ in range(rng.randint(1, 3)):
        found = places(content, [])
        if not found:
            break
        # Half of them near the top: there are the values that are used.
        container, key = rng.choice(found[: rng.choice([6, len(found)])])
        how = rng.choice(["replace", "replace", "replace", "delete", "nest", "rename"])
        if how == "replace":
            container[key] = deepcopy(rng.choice(STRANGE))
        elif how == "delete":
            del container[key]
        elif how == "nest":
            container[key] = rng.choice([[container[key]], {"content": container[key]}])
        elif isinstance(container, dict):
            name = rng.choice([f"{key}x", "", "\n", "encoder.layer.0.x", "classifier.x", "bert."])
            container[name] = container.pop(key)
    text = json.dumps(content, ensure_ascii=rng.random() < 0.7)
    for old, new in AS_TEXT.items():
        text = text.replace(old, new, 1)
    if rng.random() < 0.05:
        text = text.replace("{", '{"vocab_size": 7, "model": 5, "model": 6, ', 1)  # keys twice
    return text.encode("utf-8", errors="surrogatepass")


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """Overwrite, cut, insert or repeat some bytes."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) + 1)
        how = rng.choice(["overwrite", "overwrite", "cut", "insert", "repeat", "front"])
        if how == "overwrite":
            changed[at : at + 1] = bytes([rng.choice([0, 10, 27, 34, 48, 57, 93, 125, 128, 255])])
        elif how == "cut":
            del changed[at : at + rng.choice([1, 10, 10_000])]
        elif how == "insert":
            changed[at:at] = rng.choice([b"\xff", b"\r\n", b"\xed\xa0\x80", b"NaN", b"0" * 9, b","])
        elif how == "repeat":
            changed[at:at] = changed[max(0, at - 20) : at]
        else:
            changed[:0] = rng.choice([b"\xef\xbb\xbf", b"\xff\xfe", b" ", b"\0"])
    return bytes(changed)


def broken_text(good: dict, rng: random.Random) -> dict:
    """The folder with one of its text files broken."""
    files = dict(good)
    del files[rng.choice(["vocab.txt", "tokenizer.json"])]  # one of the two is enough, and read
    name = rng.choice([name for name in files if name != "model.safetensors"])
    if name == "vocab.txt" or rng.random() < 0.2:
        files[name] = change_bytes(files[name], rng)
    else:
        files[name] = change_structure(json.loads(files[name]), rng)
    return files


def packed(header: bytes, data: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def broken_weights(good: dict, rng: random.Random) -> dict:
    """The folder with its model.safetensors broken: its bytes, its header, or its tensors."""
    content = good["model.safetensors"]
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    how = rng.choice(["bytes", "length", "header bytes", "header", "tensors", "tensors"])
    if how == "bytes":
        content = change_bytes(content, rng)
    elif how == "length":
        wrong = rng.choice([0, 1, length - 1, length + 1, 10**8, 2**63, 2**64 - 1])
        content = struct.pack("<Q", wrong) + content[8:]
    elif how == "header bytes":
        content = packed(change_bytes(content[8 : 8 + length], rng), data)
    elif how == "header":
        content = packed(change_structure(header, rng), data)
    else:
        content = change_tensors(header, data, rng)
    return {
        **{k: v for k, v in good.items() if k != "tokenizer.json"},
        "model.safetensors": content,
    }


def change_tensors(header: dict, data: bytes, rng: random.Random) -> bytes:
    """A sound file with other tensors: the header says truly where each of them is."""
    header.pop("__metadata__", None)
    tensors = [
        (name, kind["dtype"], kind["shape"], data[slice(*kind["data_offsets"])])
        for name, kind in header.items()
    ]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(tensors))
        name, dtype, shape, values = tensors[at]
        how = rng.choice(["drop", "name", "dtype", "shape", "values", "head", "copy", "many"])
        if how == "drop" and len(tensors) > 1:
            del tensors[at]
        elif how == "name":
            strange = ["\x1b[31m\n", "", "bert.", "x" * 10_000, name + "\0", "encoder.layer.10.x"]
            name = rng.choice([*strange, name.replace("weight", "gamma"), name[5:], "a.b.c.d"])
        elif how == "dtype":  # with the same number of bytes
            dtype = rng.choice(["I32", "U32", "F32", "F64", "F16", "BF16", "I8", "BOOL"])
            size = {"8": 1, "L": 1, "6": 2, "2": 4, "4": 8}[dtype[-1]]
            shape = [len(values) // size]
            values = values[: shape[0] * size]
        elif how == "values":
            values = rng.randbytes(len(values))
        elif how == "shape":
            size = len(values) // 4
            shape = rng.choice(
                [[size], [1, size], [size, 1], [1] * 50 + [size], [0, size], shape[::-1]]
            )
            values = values if 0 not in shape else b""
        elif how == "head":
            tensors = [tensor for tensor in tensors if not tensor[0].startswith("cls.")]
            continue
        elif how == "copy":
            name = rng.choice(["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"])
            tensors.append((name, dtype, shape, values))
            continue
        elif how == "many":
            tensors += [(f"{name}{i}", dtype, shape, values) for i in range(100)]
            continue
        if how != "drop":
            tensors[at] = (name, dtype, shape, values)
    made, parts, offset = {}, [], 0
    for name, dtype, shape, values in tensors:
        if name not in made:
            offsets = [offset, offset + len(values)]
            made[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
            parts.append(values)
            offset += len(values)
    return packed(json.dumps(made).encode(), b"".join(parts))


def answer(folder, head) -> str:
    """ "model" or "error"; any other answer is a failure of the test."""
    started = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model, _ = load_bert(folder, head=head)
    except CheckpointError as error:
        line = str(error)
        assert line.isprintable()
        assert len(line) < 1000
        assert str(folder) in line
        found = "error"
    else:
        tensors = model.state_dict().values()
        assert all(tensor.dtype == torch.float32 and not tensor.is_meta for tensor in tensors)
        assert sum(tensor.numel() for tensor in tensors) < 100_000
        found = "model"
    assert time.process_time() - started < LIMIT
    return found


def fuzz(break_files, good, tmp_path, numbers) -> Counter:
    """Try all cases; the counts of the answers."""
    counts, slowest = Counter(), 0.0
    for number in numbers:
        rng = random.Random(number)
        files = break_files(good, rng)
        folder = tmp_path / f"case-{number}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        started = time.process_time()
        try:
            counts[answer(folder, rng.choice(list(MODELS)))] += 1
        except BaseException as error:  # a panic of Rust is no Exception
            raise AssertionError(f"case {number} ({folder}): {error!r}") from error
        slowest = max(slowest, time.process_time() - started)
        for name in files:
            (folder / name).unlink()
        folder.rmdir()
    print(
        f"{break_files.__name__}: {len(numbers):,} files, {dict(counts)}, slowest {slowest:.2f} s"
    )
    return counts


@pytest.mark.parametrize("break_files", [broken_text, broken_weights])
def test_some_broken_folders(break_files, good, tmp_path):
    counts = fuzz(break_files, good, tmp_path, range(150))
    assert min(counts["model"], counts["error"]) > 10  # it is a fuzzer of both


@pytest.mark.slow
@pytest.mark.parametrize("break_files", [broken_text, broken_weights])
def test_many_broken_folders(break_files, good, tmp_path):
    fuzz(break_files, good, tmp_path, range(1000, 6000 if IS_THOROUGH else 2000))


def test_the_good_folder_is_a_model(good, tmp_path):
    for name, content in good.items():
        (tmp_path / name).write_bytes(content)
    assert {answer(tmp_path, head) for head in MODELS} == {"model"}
