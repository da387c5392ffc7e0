"""The files of a vocabulary: vocab.txt, tokenizer.json, tokenizer_config.json.

A vocabulary is a list of pieces; the id of a piece is its number in the list, counted from 0.

Source: the authors' vocab.txt, one piece a line; the other two are transformers'.

Differs: nothing is repaired silently. A piece that is there twice, a missing special token and ids
with gaps are errors. Each value of a JSON file is checked before it is used.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as short
from typing import Any

SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
YES_OR_NO = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")
SETTINGS: dict[str, type] = {  # what is read of a tokenizer_config.json
    **dict.fromkeys(YES_OR_NO, bool),
    **dict.fromkeys(SPECIAL_TOKENS, str),
    "never_split": list,
    "model_max_length": int,
}
KINDS = {dict: "an object", list: "a list", str: "a text", int: "an integer", bool: "true or false"}


class CheckpointError(ValueError):
    """A checkpoint that cannot be loaded or saved, and what to do about it, in one short line.

    `problems`: all that the line counts, if it has no room for them.
    """

    def __init__(self, message: str, problems: Sequence[str] = ()):
        super().__init__(one_line(message)[:900])
        self.problems = list(problems)


def one_line(text: str) -> str:
    """The text, with its control characters written out as repr does."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def read_vocab(file: Path) -> list[str]:
    """The pieces in a vocab.txt."""
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{file} is not UTF-8: {error}") from None
    # On \n only: the Chinese list has U+2028 as a token, where splitlines would split.
    lines = text.removesuffix("\n").split("\n")
    if all(line.endswith("\r") for line in lines):  # line ends of Windows
        lines = [line.removesuffix("\r") for line in lines]
    return lines


def check_vocab(tokens: list[str], vocab: dict[str, int], special_tokens: dict[str, str]) -> None:
    """Raise ValueError for a vocabulary that cannot be BERT's."""
    unknown = special_tokens.keys() - SPECIAL_TOKENS.keys()
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
    missing = [token for token in special_tokens.values() if token not in vocab]
    if missing:
        raise ValueError(f"the vocabulary has no {', '.join(missing)}")
    if len(vocab) < len(tokens):
        index, token = next((i, t) for i, t in enumerate(tokens) if vocab[t] != i)
        raise ValueError(f"the vocabulary has {token!r} twice, as {index} and as {vocab[token]}")


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        # JSON may name half of a character ("\\ud83d"), which no text can be written with.
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} must hold a JSON object, not {type(content).__name__}")
    return content


def take(content: dict[str, Any], name: str, kind: type, file: Path) -> Any:
    """What `content`, an object in the file, has under `name`; it must be of that kind."""
    value = content.get(name)
    if type(value) is not kind:  # isinstance would take True for an integer
        raise CheckpointError(f"{file}: {name!r} must be {KINDS[kind]}, not {short(value)}")
    return value


def read_tokenizer_json(file: Path) -> list[str]:
    """The pieces in a tokenizer.json, in the order of their ids."""
    content = read_json(file)
    model = take(content, "model", dict, file)
    if model.get("type") != "WordPiece":
        raise CheckpointError(f"{file} holds a {model.get('type')} model; BERT's is WordPiece")
    vocab = take(model, "vocab", dict, file)
    ids = [take(vocab, piece, int, file) for piece in vocab]
    listed = take({"added_tokens": [], **content}, "added_tokens", list, file)
    tokens = [take({"added_tokens": token}, "added_tokens", dict, file) for token in listed]
    added = {take(token, "content", str, file) for token in tokens} - vocab.keys()
    if added or sorted(ids) != list(range(len(ids))):
        what = f"added tokens ({', '.join(sorted(added))})" if added else "ids that leave gaps"
        raise CheckpointError(f"{file} has {what}, which minibert's tokenizer does not know")
    return sorted(vocab, key=vocab.__getitem__)


def read_settings(file: Path) -> dict[str, Any]:
    """The settings for BertTokenizer in a tokenizer_config.json; none if it is not there.

    A null there says nothing, either.
    """
    if not file.is_file():
        return {}
    config = {name: value for name, value in read_json(file).items() if value is not None}
    for name in SPECIAL_TOKENS.keys() & config.keys():
        if isinstance(config[name], dict):  # it says how the token is to be treated
            config[name] = take(config[name], "content", str, file)
    given = {name: kind for name, kind in SETTINGS.items() if name in config}
    settings = {name: take(config, name, kind, file) for name, kind in given.items()}
    for word in settings.get("never_split", []):
        take({"never_split": word}, "never_split", str, file)
    return settings
