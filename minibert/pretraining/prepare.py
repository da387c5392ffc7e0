"""What a run begins with: a tokenizer, and a model with fresh weights.

The run's folder holds everything: vocab.txt and tokenizer_config.json, the tokenized corpus, then
log.jsonl and checkpoint.pt, at the end config.json, model.safetensors and loss.png.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from minibert.common.files import replacing
from minibert.config import BertConfig
from minibert.embedding import Embeddings
from minibert.heads import BertForPreTraining
from minibert.positional import sinusoid_table
from minibert.pretraining.reading import corpus_lines
from minibert.pretraining.settings import Settings
from minibert.pretraining.vocabulary_trainer import train_vocabulary
from minibert.tokenizer import BertTokenizer
from minibert.vocabulary import read_vocab


def make_tokenizer(
    files: list[Path],
    out: Path,
    *,
    vocab: Path | None,
    vocab_size: int,
    lower_case: bool,
    model_max_length: int,
    on_error: str,
    resume: bool,
) -> BertTokenizer:
    """The run's tokenizer: of `vocab`, or trained on the text; with `resume` the one in `out`."""
    if resume and (out / "tokenizer_config.json").is_file():  # written last
        tokenizer = BertTokenizer.from_folder(out)
        if vocab is not None and read_vocab(vocab) != tokenizer.tokens:
            raise ValueError(f"the run in {out} was begun with another vocabulary than {vocab}")
        return tokenizer
    choices: dict[str, Any] = {"do_lower_case": lower_case, "model_max_length": model_max_length}
    if vocab is not None:
        tokenizer = BertTokenizer.from_vocab(vocab, **choices)
    else:
        lines = corpus_lines(files, on_error=on_error)
        tokens = train_vocabulary(lines, vocab_size, lower_case=lower_case)
        tokenizer = BertTokenizer(tokens, **choices)
    for name, text in tokenizer.files().items():
        with replacing(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return tokenizer


def new_model(
    config: BertConfig,
    tokenizer: BertTokenizer,
    settings: Settings,
    kind: type[Any] = BertForPreTraining,
) -> Any:
    """A model with fresh weights, the same for the same seed; V is the tokenizer's. `kind`: this
    class, or BertLMHeadModel.
    """
    config = fitted(config, tokenizer)
    torch.manual_seed(settings.seed)
    model = kind(config)
    if settings.position_start == "sinusoid":
        start_with_waves(model.bert.embeddings, config)
    return model


def fitted(config: BertConfig, tokenizer: BertTokenizer) -> BertConfig:
    """The same sizes, with the tokenizer's pieces."""
    return replace(config, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)


def start_with_waves(embeddings: Embeddings, config: BertConfig) -> None:
    """Let the learned positions start as the Transformer's sinusoid, small."""
    # Waves as large as the random rows would be: √2 because a sine's mean square is 1/2.
    scale = 2**0.5 * config.initializer_range
    table = embeddings.position.table
    with torch.no_grad():
        table.copy_(scale * sinusoid_table(*table.shape))
