"""What a run begins with, a tokenizer and a model with fresh weights, and what it ends with.

All of it lies in the run's folder: vocab.txt and tokenizer_config.json, the tokenized corpus, then
log.jsonl and checkpoint.pt, at the end config.json, model.safetensors and loss.png.
"""

import os
from pathlib import Path

import torch

from minibert.config import BertConfig
from minibert.heads import BertForPreTraining
from minibert.positional import sinusoid_table
from minibert.pretraining.reading import read_lines
from minibert.pretraining.settings import Settings, config_of_size
from minibert.pretraining.vocabulary_trainer import train_vocabulary
from minibert.tokenizer import BertTokenizer
from minibert.vocabulary import read_json, read_vocab


def make_tokenizer(
    files: list[Path],
    out: Path,
    *,
    vocab: Path | None,
    vocab_size: int,
    lower_case: bool,
    on_error: str,
    resume: bool,
) -> BertTokenizer:
    """The run's tokenizer: of `vocab`, or trained on the text; with `resume` the one in `out`."""
    if resume and (out / "tokenizer_config.json").is_file():  # written last
        tokenizer = BertTokenizer.from_folder(out)
        if vocab is not None and read_vocab(vocab) != tokenizer.tokens:
            raise ValueError(f"the run in {out} was begun with another vocabulary than {vocab}")
        return tokenizer
    if vocab is not None:
        tokenizer = BertTokenizer.from_vocab(vocab, do_lower_case=lower_case)
    else:
        lines = read_lines(files, on_error=on_error)
        tokens = train_vocabulary(lines, vocab_size, lower_case=lower_case)
        tokenizer = BertTokenizer(tokens, do_lower_case=lower_case)
    for name, text in tokenizer.files().items():
        temporary = out / f".{name}.tmp"
        temporary.write_text(text, encoding="utf-8", newline="\n")
        os.replace(temporary, out / name)
    return tokenizer


def make_config(
    size: str | None, positions: int, file: Path | None, tokenizer: BertTokenizer
) -> BertConfig:
    """The model's sizes, by name or from a config.json; V is the tokenizer's."""
    found = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_id}
    if size is not None:
        return config_of_size(size, max_position_embeddings=positions, **found)
    return BertConfig.from_dict({**read_json(file), **found})


def new_model(config: BertConfig, settings: Settings) -> BertForPreTraining:
    """A model with fresh weights, the same for the same seed."""
    torch.manual_seed(settings.seed)
    model = BertForPreTraining(config)
    if settings.position_start == "sinusoid":
        # Waves as large as the random rows would be: √2 because a sine's mean square is 1/2.
        scale = 2**0.5 * config.initializer_range
        table = model.bert.embeddings.position.table
        with torch.no_grad():
            table.copy_(scale * sinusoid_table(*table.shape))
    return model
