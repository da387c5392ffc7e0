"""Broken checkpoints: each is refused in a line that names the file, by every command."""

import json
import os
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy

from tests.faults.making import Content, append, cut, instead, keys, link, mode, tensors
from tests.faults.runner import WITHOUT_RIGHTS, Fault
from tests.tiny import VOCAB

COMMANDS = {
    "embed": "embed 'a b' --model model --out o.npy",
    "layers": "layers 'a [b]' '[b] c' --model model",
    "walk": "walk 'a b' --model model",
    "fill-mask": "fill-mask 'a [MASK]' --model model",
    "next-sentence": "next-sentence a b --model model",
    "tokenize": "tokenize 'a b' --model model",
    "verify": "verify model --text 'a b'",
    "bench": "bench --model model --input texts.txt --seconds 0.1",
}
QUICK = ("embed", "layers", "walk", "fill-mask", "next-sentence")  # verify imports transformers
TOKENIZING = ("tokenize", "embed", "fill-mask", "walk")
WORDPIECE = {"type": "WordPiece", "vocab": {token: i for i, token in enumerate(VOCAB)}}
DEEP = "[" * 200_000
NORM = "bert.embeddings.LayerNorm.bias"


def header(content: str, size: int | None = None) -> bytes:
    """A safetensors file with this header, and 8 bytes of data."""
    length = len(content) if size is None else size
    return length.to_bytes(8, "little") + content.encode() + b"\0" * 8


def one(**entry: Any) -> bytes:
    return header(json.dumps({NORM: entry}))


def unknown(*names: str) -> Content:
    return tensors(lambda content: content.update({name: numpy.zeros(1) for name in names}))


def without_heads(content: dict[str, Any]) -> None:
    """As a checkpoint that was made for sentences is published."""
    for name in [name for name in content if name.startswith("cls.")]:
        del content[name]


def each(table: list[tuple[str, Any]]) -> list[tuple[str, Content]]:
    """A JSON file with one key changed."""
    return [(f"{name} {str(value)[:30]!r}", keys(**{name: value})) for name, value in table]


NOT_JSON: list[tuple[str, Content]] = [
    ("empty", ""), ("a list", "[]"), ("null", "null"), ("not UTF-8", b"\xff\xfe"),
    ("very deep", DEEP), ("a very long number", '{"hidden_size": ' + "9" * 5000 + "}"),
]  # fmt: skip
SIZES: list[tuple[str, Any]] = [
    ("hidden_size", 10**4000), ("hidden_size", 10**30), ("hidden_size", 1 << 24),
    ("hidden_size", 0), ("hidden_size", 28.0), ("hidden_size", "28"), ("hidden_size", [28]),
    ("hidden_size", True), ("hidden_size", 30), ("hidden_size", 32), ("vocab_size", 10**30),
    ("vocab_size", 5), ("vocab_size", 32), ("num_hidden_layers", 10**5),
    ("num_hidden_layers", 10**9), ("num_hidden_layers", 0), ("num_hidden_layers", 5),
    ("num_hidden_layers", 7), ("num_attention_heads", 0), ("num_attention_heads", 3),
    ("intermediate_size", 10**30), ("max_position_embeddings", 10**30),
    ("max_position_embeddings", 14), ("type_vocab_size", 10**9), ("layer_norm_eps", "x"),
    ("layer_norm_eps", float("nan")), ("hidden_act", "relu"), ("model_type", "\x1b[31m\n"),
    ("pad_token_id", 31), ("hidden_dropout_prob", 2), ("position_embedding_type", "relative"),
]  # fmt: skip
WEIGHTS: list[tuple[str, Content]] = [
    ("empty", ""),
    ("7 bytes", b"1234567"),
    ("header of 2**63 bytes", header("{}", 1 << 63)),
    ("header longer than the file", header("{}", 1000)),
    ("header not JSON", header("hello")),
    ("header not UTF-8", (2).to_bytes(8, "little") + b"\xff\xff"),
    ("header very deep", header(DEEP)),
    ("no tensors", header("{}")),
    ("too long", append(b"x" * 100)),
    ("a pickle", b"\x80\x02}q\x00."),
    ("offsets back to front", one(dtype="F32", shape=[2], data_offsets=[8, 0])),
    ("offsets outside", one(dtype="F32", shape=[2], data_offsets=[0, 1 << 60])),
    ("shape too large", one(dtype="F32", shape=[1 << 62, 9], data_offsets=[0, 8])),
    ("no such type", one(dtype="F33", shape=[2], data_offsets=[0, 8])),
    ("an unknown tensor", unknown("bert.unknown")),
    ("a name with escapes", unknown("bert.\x1b[31m\n")),
    ("a tensor missing", tensors(lambda content: content.pop(NORM))),
    ("a tensor twice", unknown(NORM.removeprefix("bert."))),
    ("another shape", tensors(lambda content: content.update({NORM: numpy.zeros((7, 4))}))),
    ("whole numbers", tensors(lambda content: content.update({NORM: numpy.zeros(28, "int64")}))),
]
VOCABULARY: list[tuple[str, Content]] = [
    ("empty", ""),
    ("a piece twice", "\n".join([*VOCAB[:-1], "a"])),
    ("a piece with escapes twice", "\n".join([*VOCAB[:-2], "\x1b[31m", "\x1b[31m"])),
    ("without [MASK]", "\n".join(token for token in VOCAB if token != "[MASK]")),
]
TOKENIZER: list[Any] = [
    {},
    *({"model": value} for value in (None, [], "WordPiece", 5, {"type": "BPE"}, {"type": ["\n"]})),
    *({"model": {"type": "WordPiece", "vocab": value}} for value in (
        None, [], ["a"], "a", {}, {"a": "0"}, {"a": None}, {"a": [0]}, {"a": 0.5}, {"a": 5},
        {"a": 0, "b": "x"}, {"a": 10**30})),
    *({"model": WORDPIECE, "added_tokens": value} for value in (
        None, 5, "a", {"a": 1}, [None], ["a"], [{}], [{"content": None}], [{"content": [1]}],
        [{"content": "new\x1b[31m"}])),
]  # fmt: skip
SETTINGS: list[tuple[str, Any]] = [
    ("never_split", 5), ("never_split", [1]), ("never_split", {"a": 1}),
    ("unk_token", []), ("unk_token", 5), ("unk_token", "\x1b[31m\n"), ("cls_token", {}),
    ("cls_token", {"content": None}), ("mask_token", True), ("do_lower_case", "yes"),
    ("do_lower_case", []), ("strip_accents", "no"),
    ("model_max_length", "x"), ("model_max_length", -1), ("model_max_length", [13]),
]  # fmt: skip
PICKLE: dict[str, Content] = {"model/model.safetensors": None, "model/pytorch_model.bin": b"\x80."}
ODD: list[tuple[str, str, dict[str, Content]]] = [
    *(
        (f"{name} {what}", name, {f"model/{name}": content})
        for name in ("config.json", "model.safetensors", "vocab.txt")
        for what, content in [
            ("is missing", None),
            ("is a folder", instead(Path.mkdir)),
            ("is a FIFO", instead(os.mkfifo)),
            ("is a link to itself", instead(link(name))),
        ]
    ),
    ("only a pickle", "pytorch_model.bin", PICKLE),
    ("the folder is a file", "", {"model": instead("a")}),
    ("the folder is a link to itself", "", {"model": instead(link("model"))}),
    ("the folder is empty", "", {"model": instead(Path.mkdir)}),
]
MUCH = unknown(*(f"bert.unknown.{i}" for i in range(10_000)))
MAIN: list[tuple[str, str, str, Content]] = [  # tried with every command
    ("config.json", "num_hidden_layers", "too many layers", keys(num_hidden_layers=10**9)),
    ("config.json", "config.json", "not JSON", "{"),
    ("model.safetensors", "model.safetensors", "cut short", cut(10)),
    ("model.safetensors", r"10,?000.*--account", "much unknown", MUCH),
    ("tokenizer_config.json", "tokenizer_config.json", "not JSON", "{"),
    ("vocab.txt", "vocab", "not UTF-8", b"\xff"),
]
SETTING = "model/tokenizer_config.json"
HEADLESS: dict[str, Content] = {"model/model.safetensors": tensors(without_heads)}


def turned(
    file: str, told: str, table: list[tuple[str, Content]], commands: tuple[str, ...]
) -> list[Fault]:
    """A row for each broken file; the commands take turns."""
    return [
        Fault(COMMANDS[command], told, f"{file}: {what}", files={f"model/{file}": content})
        for command, (what, content) in zip(cycle(commands), table, strict=False)
    ]


FAULTS = [
    *turned("config.json", "config.json", NOT_JSON, QUICK),
    *turned("config.json", "config.json|tensors", each(SIZES), QUICK),
    *turned("model.safetensors", "model", WEIGHTS, QUICK),
    *turned("vocab.txt", "vocab", VOCABULARY, TOKENIZING),
    *turned("tokenizer_config.json", "tokenizer_config.json", NOT_JSON[1:5], TOKENIZING),
    *turned("tokenizer_config.json", "tokenizer_config|vocab", each(SETTINGS), TOKENIZING),
    *(
        Fault(
            COMMANDS[command],
            "tokenizer.json",
            f"tokenizer.json: {str(content)[:60]}",
            files={"model/vocab.txt": None, "model/tokenizer.json": json.dumps(content)},
        )
        for command, content in zip(cycle(TOKENIZING), TOKENIZER, strict=False)
    ),
    *(
        Fault(line, told, f"{file}: {what}", files={f"model/{file}": content})
        for file, told, what, content in MAIN
        for command, line in COMMANDS.items()
        if command != "tokenize" or "token" in file or "vocab" in file
    ),
    *(
        Fault(COMMANDS[command], told, what, files=files)
        for command, (what, told, files) in zip(cycle(QUICK), ODD, strict=False)
    ),
    *(
        Fault(COMMANDS[command], "head", "no trained head", files=HEADLESS)
        for command in ("fill-mask", "next-sentence")
    ),
    *(
        Fault(COMMANDS["walk"], "", f"{name} null is none", 0, {SETTING: keys(**{name: None})})
        for name in ("unk_token", "tokenize_chinese_chars", "never_split", "model_max_length")
    ),
    *(
        Fault(COMMANDS[command], "", "no heads are needed", 0, HEADLESS, written=written)
        for command, written in [("embed", ("o.npy",)), ("walk", ()), ("verify", ())]
    ),
    *(
        Fault(
            COMMANDS["embed"],
            "[Pp]ermission",
            f"no right to read {name}",
            files={f"model/{name}": mode(0)},
            **WITHOUT_RIGHTS,
        )
        for name in ("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json")
    ),
]
