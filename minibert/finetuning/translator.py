"""Texts to their translations, by a model that reads and writes.

    translate(model, tokenizer, ["I am tired."])        ["我累了。"]
    translate_file("texts.tsv", "out.jsonl", model=…)   {"text": …,  "translation": …}, a line each

A text over the limit is cut at its end, as in training; a text without a token has nothing to
translate. What normalising removed (capitals, of an uncased vocabulary) does not come back.
"""

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import torch

from minibert.common.devices import choose_device
from minibert.common.lines import blocks
from minibert.extraction.parallel import batches
from minibert.extraction.reading import checked_records
from minibert.finetuning.examples import Example, as_text
from minibert.finetuning.predict import check_lines, cut_message, lines_to_file
from minibert.finetuning.predictor import BLOCK
from minibert.finetuning.prepare import checksum
from minibert.finetuning.rows import rows_of_texts
from minibert.tokenizer import BertTokenizer
from minibert.translation.encoder_decoder import EncoderDecoderModel

AT_ONCE = 128  # texts that are written at once, all beams together
# Blanks that a tokenizer puts around each Chinese or Japanese character, and its punctuation.
WIDE = "[\u2e80-\u9fff\uf900-\ufaff\uff01-\uffef\U00020000-\U0003ffff]"
BLANKS = re.compile(f"(?<={WIDE}) | (?={WIDE})")


class Translator:
    """A model and all choices, checked: call it with texts."""

    def __init__(
        self,
        model: EncoderDecoderModel,
        tokenizer: BertTokenizer,
        *,
        num_beams: int = 4,
        length_penalty: float = 1.0,
        max_length: int | None = None,
    ):
        """translate says what the choices are. The model is put in eval mode."""
        if not isinstance(model, EncoderDecoderModel):
            raise ValueError(f"model must be an EncoderDecoderModel, not {type(model).__name__}")
        self.model, self.tokenizer = model.eval(), tokenizer
        self.target = model.target_tokenizer or tokenizer
        self.device = model.decoder.mlm.bias.device
        positions = model.decoder.bert.config.max_position_embeddings
        self.limit = model.encoder.config.max_position_embeddings
        self.options = {
            "num_beams": num_beams,
            "length_penalty": length_penalty,
            "max_length": min(positions, 256) if max_length is None else max_length,
        }
        self.write([[tokenizer.cls_token_id, tokenizer.sep_token_id]])  # are the choices right?
        self.tokens_done = self.cut = 0

    def __call__(self, texts: Iterable[str]) -> list[str]:
        """The translation of each text."""
        results = self.predict_blocks(blocks(texts, BLOCK))
        return [one["translation"] for found, _ in results for one in found]

    def predict_blocks(
        self, items: Iterable[list[str]]
    ) -> Iterator[tuple[list[dict[str, Any]], int]]:
        """Of each block its translations, and how many texts were cut."""
        for texts in items:
            rows = rows_of_texts(self.tokenizer, [Example(text) for text in texts], self.limit)
            lengths = {number: len(row.ids) for number, row in enumerate(rows) if len(row.ids) > 2}
            found = [""] * len(texts)
            count = math.ceil(len(lengths) * self.options["num_beams"] / AT_ONCE)
            for batch in batches(lengths, count):
                written = self.write([rows[number].ids for number in batch])
                for number, text in zip(batch, written, strict=True):
                    found[number] = text
            self.tokens_done += sum(lengths.values())
            pairs = zip(texts, found, strict=True)
            cut = sum(row.is_cut for row in rows)
            self.cut += cut
            yield [{"text": text, "translation": one} for text, one in pairs], cut

    def write(self, rows: Sequence[list[int]]) -> list[str]:
        """The translation of some rows of ids, written together."""
        longest = max(map(len, rows))
        padded = [[*row, *[self.tokenizer.pad_token_id] * (longest - len(row))] for row in rows]
        mask = [[int(place < len(row)) for place in range(longest)] for row in rows]
        inputs = (torch.tensor(values, device=self.device) for values in (padded, mask))
        ids, attention_mask = inputs
        written = self.model.generate(ids, attention_mask=attention_mask, **self.options)
        texts = self.target.batch_decode(written, skip_special_tokens=True)
        return [BLANKS.sub("", text) for text in texts]

    def settings(self) -> dict[str, Any]:
        """All that decides about the translations, as JSON can hold it."""
        both = [tokenizer.checksum() for tokenizer in (self.tokenizer, self.target)]
        known = {"vocabularies": both, "weights": checksum(self.model), "limit": self.limit}
        return {**self.options, **known, "device": self.device.type}


def translate(
    model: EncoderDecoderModel | Translator | str | Path,
    tokenizer: BertTokenizer | None,
    texts: str | Iterable[str],
    *,
    device: str | torch.device | None = None,
    **choices: Any,
) -> Any:
    """The translation of each text. A str by itself gives its own.

    - `model` with its `tokenizer`; or a name or folder, as for load_bert, and None; or, for many
      calls, a Translator and None.
    - `num_beams`: how many translations are tried side by side (4); 1 takes the likeliest token
      each time. `length_penalty`: above 0 favours longer ones (1.0). `max_length`: in tokens.
    """
    translator = open_translator(model, tokenizer, device, **choices)
    is_one, before = isinstance(texts, str), translator.cut
    listed = [texts] if isinstance(texts, str) else list(texts)
    for number, text in enumerate(listed, 1):
        if not as_text(text, f"text {number}").strip():
            raise ValueError(f"text {number} is empty: there is nothing to translate")
    found = translator(listed)
    if cut := translator.cut - before:
        warnings.warn(cut_message(cut, translator.limit), stacklevel=2)
    return found[0] if is_one else found


def translate_file(
    source: str | Path,
    out: str | Path,
    *,
    model: EncoderDecoderModel | Translator | str | Path,
    tokenizer: BertTokenizer | None = None,
    text: int | str = "text",
    overwrite: bool = False,
    device: str | torch.device | None = None,
    **choices: Any,
) -> int:
    """The translation of each text in a file, to the .jsonl file `out`, a line each. Returns how
    many texts were too long and cut. Resumed and shared as embed_file.

    A .txt has a text a line; .tsv, .csv and .jsonl have them under `text`. An empty one has an
    empty translation.
    """
    source, out = Path(source), Path(out)
    check_lines(out)
    translator = open_translator(model, tokenizer, device, **choices)
    records = checked_records(source, [text])
    texts = (as_text(one.values[0], f"{source}: line {one.number}") for one in records)
    first = list(islice(texts, 1))  # what is wrong with the file is told before anything is written
    return lines_to_file(
        translator,
        chain(first, texts),
        source,
        out,
        device=translator.device,
        settings={**translator.settings(), "text": text},
        overwrite=overwrite,
    )


def open_translator(model: Any, tokenizer: Any, device: Any, **choices: Any) -> Translator:
    """A Translator of a model, which is loaded if it has only a name."""
    if isinstance(model, Translator):
        if tokenizer or device or choices:
            raise ValueError("a Translator has its tokenizer and its choices; give no others")
        return model
    is_name = isinstance(model, str | Path)
    if is_name != (tokenizer is None) or (device is not None and not is_name):
        raise ValueError("a model of your own needs its tokenizer, and no device; a name neither")
    if is_name:
        from weights_loader import load_bert

        model, tokenizer = load_bert(model, device=choose_device(device))
    return Translator(model, tokenizer, **choices)
