"""What a folder's small files say of its model: sizes, tokenizer, first and last token."""

from pathlib import Path
from reprlib import repr as short
from typing import Any

from minibert.config import BertConfig
from minibert.tokenizer import BertTokenizer
from minibert.vocabulary import CheckpointError, read_json, take


def read_config(settings: dict[str, Any], file: Path | str, **decides: bool) -> BertConfig:
    """The sizes in config.json, the `file`. `decides`: what makes it a decoder, and must be so."""
    try:
        config = BertConfig.from_dict({**settings, **dict.fromkeys(decides, False)})
        for key, value in decides.items():
            if settings.get(key, False) is not value:
                raise ValueError(f"{key} must be {value}, not {short(settings.get(key, False))}")
        return config
    except ValueError as error:
        raise CheckpointError(f"{file}: not a BERT that minibert has: {error}") from None


def read_tokenizer(folder: Path, config: BertConfig) -> BertTokenizer:
    """The folder's tokenizer, which must not have more pieces than the model."""
    try:
        tokenizer = BertTokenizer.from_folder(folder)
    except FileNotFoundError as error:  # of a target vocabulary; find_folder has seen the other
        raise CheckpointError(str(error)) from None
    if len(tokenizer.tokens) > config.vocab_size:
        raise CheckpointError(
            f"{folder}: the vocabulary has {len(tokenizer.tokens)} pieces, but config.json says "
            f"vocab_size {config.vocab_size}"
        )
    return tokenizer


def token_id(
    folder: Path, settings: dict[str, Any], key: str, config: BertConfig, tokenizer: BertTokenizer
) -> int:
    """The token that a text begins or ends with: what generation_config.json says, or `settings`,
    config.json's; or [CLS] and [SEP].
    """
    file = folder / "generation_config.json"
    said = read_json(file) if file.is_file() else {}
    if said.get(key) is None:
        said, file = settings, folder / "config.json"
    if said.get(key) is None:
        return tokenizer.sep_token_id if key == "eos_token_id" else tokenizer.cls_token_id
    number: int = take(said, key, int, file)
    if not 0 <= number < config.vocab_size:
        raise CheckpointError(f"{file}: {key} {short(number)} is not below {config.vocab_size}")
    return number
