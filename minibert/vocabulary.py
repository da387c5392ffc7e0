"""The files of a vocabulary: vocab.txt, tokenizer.json, tokenizer_config.json.

A vocabulary is a list of pieces; the id of a piece is its number in the list, counted from 0.

Source: the authors' vocab.txt, one piece a line; the other two are transformers'.

Differs: nothing is repaired silently. A piece that is there twice, a missing special token and ids
with gaps are errors.
"""

import json
from pathlib import Path
from typing import Any

SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


def read_vocab(file: Path) -> list[str]:
    """The pieces in a vocab.txt."""
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8: {error}") from None
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
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{file} must hold a JSON object, not {type(content).__name__}")
    return content


def read_tokenizer_json(file: Path) -> list[str]:
    """The pieces in a tokenizer.json, in the order of their ids."""
    content = read_json(file)
    model = content.get("model", {})
    if model.get("type") != "WordPiece":
        raise ValueError(f"{file} holds a {model.get('type')} model; BERT's is WordPiece")
    vocab = model["vocab"]
    added = {token["content"] for token in content.get("added_tokens", [])} - vocab.keys()
    if added or sorted(vocab.values()) != list(range(len(vocab))):
        what = f"added tokens ({', '.join(sorted(added))})" if added else "ids that leave gaps"
        raise ValueError(f"{file} has {what}, which minibert's tokenizer does not know")
    return sorted(vocab, key=vocab.__getitem__)


def read_settings(file: Path) -> dict[str, Any]:
    """The settings for BertTokenizer in a tokenizer_config.json; none if it is not there."""
    if not file.is_file():
        return {}
    config = read_json(file)
    names = ("do_lower_case", "strip_accents", "tokenize_chinese_chars", "never_split")
    settings = {name: config[name] for name in (*names, "model_max_length") if name in config}
    for name in SPECIAL_TOKENS:
        if name in config:  # a string, or an object that says how it is to be treated
            token = config[name]
            settings[name] = token["content"] if isinstance(token, dict) else token
    return settings
