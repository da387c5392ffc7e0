"""How the files of a row are made: `{name: content}`, where the content is text, bytes, None (the
file is removed), or a function that is given the path.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
from safetensors.numpy import load_file, save_file

from minibert import BertForPreTraining
from tests import tiny
from tests.pretraining import helpers
from weights_loader import save_bert

Content = str | bytes | None | Callable[[Path], Any]


def make_base(folder: Path) -> None:
    """What every row has: a model of 13 positions and the letters a to m, texts, and a corpus."""
    save_bert(tiny.ours(BertForPreTraining).float(), tiny.tokenizer(), folder / "model")
    texts = {
        "texts.txt": "a b\nc\n",
        "texts.jsonl": '{"text": "a b"}\n{"text": "c"}\n',
        "texts.tsv": "number\ttext\n1\ta b\n2\tc\n",
        "texts.csv": 'number,text\n1,"a, b"\n2,c\n',
        "many.txt": "a b c\n" * 6000,
        "corpus.txt": helpers.text(),
        "config.json": json.dumps(helpers.CONFIG),
    }
    make(folder, texts)


def make(folder: Path, files: Mapping[str, Content]) -> None:
    """Make, change or remove each file."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)


def link(target: str) -> Content:
    return lambda path: path.symlink_to(target)


def hard_link(target: str) -> Content:
    return lambda path: os.link(path.parent / target, path)


def mode(bits: int) -> Content:
    return lambda path: path.chmod(bits)


def instead(content: Content) -> Content:
    """The file or folder that is there is removed first."""
    return lambda path: (
        make(path.parent, {path.name: None}),
        make(path.parent, {path.name: content}),
    )


def shut(content: Content = "a") -> Content:
    """A file that nobody may read."""
    return lambda path: (make(path.parent, {path.name: content}), path.chmod(0))


def cut(size: int) -> Content:
    """The file without its last bytes."""
    return lambda path: path.write_bytes(path.read_bytes()[:-size])


def append(content: bytes) -> Content:
    return lambda path: path.write_bytes(path.read_bytes() + content)


def keys(**changes: Any) -> Content:
    """A JSON file with some keys changed."""
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def tensors(change: Callable[[dict[str, Any]], Any]) -> Content:
    """A safetensors file with its tensors changed."""

    def rewrite(path: Path) -> None:
        content = load_file(path)
        change(content)
        save_file(content, path)

    return rewrite


def array(*shape: int, dtype: str = "float32") -> Content:
    return lambda path: numpy.save(path, numpy.zeros(shape, dtype))


def vectors(name: str = "vectors") -> Content:
    return lambda path: save_file({name: numpy.zeros((2, 3), "float32")}, path)
