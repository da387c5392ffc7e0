"""The files of a vocabulary: vocab.txt, tokenizer.json, tokenizer_config.json.

A vocabulary is a list of pieces; the id of a piece is its number in the list, counted from 0.

Source: the authors' vocab.txt, one piece a line; the other two are transformers'.

Differs: nothing is repaired silently. A piece that is there twice, a missing special token and ids
with gaps are errors. Each value of a JSON file is checked before it is used.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from reprlib import Repr
from types import NoneType
from typing import Any

SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
SETTINGS: dict[str, tuple[type, ...]] = {
    "do_lower_case": (bool,),
    "strip_accents": (bool, NoneType),
    "tokenize_chinese_chars": (bool,),
    "never_split": (list, NoneType),
    "model_max_length": (int, NoneType),
}
KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    NoneType: "null",
}
LONGEST_LINE = 900
SHORT = Repr()
SHORT.maxstring = SHORT.maxlong = 100
short = SHORT.repr  # a value from a file as repr shows it, but never long


class CheckpointError(ValueError):
    """A checkpoint that cannot be loaded or saved, and what to do about it.

    It is one line, whatever its files hold, and a long line is cut. `problems` has all that the
    line counts.
    """

    def __init__(self, message: str, problems: Sequence[str] = ()):
        line = one_line(message)
        super().__init__(line if len(line) <= LONGEST_LINE else line[:LONGEST_LINE] + "…")
        self.problems = list(problems)


def one_line(text: str) -> str:
    """The text, with its control characters written out as repr does.

    Example:
        >>> print(one_line("two\\nlines, a café"))
        two\\nlines, a café
    """
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


def take(content: dict[str, Any], name: str, file: Path, *kinds: type) -> Any:
    """What `content`, an object of the file, has under a name; it must be of one of the kinds."""
    value = content.get(name)
    if type(value) not in kinds:  # isinstance would take True for a whole number
        wanted = " or ".join(KINDS[kind] for kind in kinds)
        came = short(value) if name in content else "missing"
        raise CheckpointError(f"{file}: {short(name)} must be {wanted}, not {came}")
    return value


def read_tokenizer_json(file: Path) -> list[str]:
    """The pieces in a tokenizer.json, in the order of their ids."""
    content = read_json(file)
    model = take(content, "model", file, dict)
    if model.get("type") != "WordPiece":
        raise CheckpointError(f"{file} holds a {model.get('type')} model; BERT's is WordPiece")
    vocab = take(model, "vocab", file, dict)
    ids = {piece: take(vocab, piece, file, int) for piece in vocab}
    listed = take(content, "added_tokens", file, list, NoneType) or []
    tokens = [take({"added_tokens": token}, "added_tokens", file, dict) for token in listed]
    added = {take(token, "content", file, str) for token in tokens} - ids.keys()
    if added or sorted(ids.values()) != list(range(len(ids))):
        what = f"added tokens ({', '.join(sorted(added))})" if added else "ids that leave gaps"
        raise CheckpointError(f"{file} has {what}, which minibert's tokenizer does not know")
    return sorted(ids, key=ids.__getitem__)


def read_settings(file: Path) -> dict[str, Any]:
    """The settings for BertTokenizer in a tokenizer_config.json; none if it is not there."""
    if not file.is_file():
        return {}
    config = read_json(file)
    given = {name: kinds for name, kinds in SETTINGS.items() if name in config}
    taken = {name: take(config, name, file, *kinds) for name, kinds in given.items()}
    settings = {name: value for name, value in taken.items() if value is not None}
    for word in settings.get("never_split", []):
        take({"never_split": word}, "never_split", file, str)
    for name in SPECIAL_TOKENS:
        if name in config:  # a text, or an object that says how it is to be treated
            token = take(config, name, file, str, dict)
            settings[name] = take(token, "content", file, str) if type(token) is dict else token
    return settings
