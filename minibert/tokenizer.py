"""Texts to the inputs of a model: BERT's tokenizer (分词), F11 and F12.

    text -> words (words.py) -> pieces, ids (wordpiece.py) -> [CLS] A [SEP] B [SEP] (packing.py)

    tokenizer(["one text", "another"])  ->  input_ids, token_type_ids, attention_mask  [B, S]

Source: article C§3.2.1 and E§3.1; Devlin et al. 2018, section 3 and figure 2.

Differs: article E§3.1 puts the embedding before the tokenization; it comes after. Arguments and
results are named as in transformers, but the default is what a model takes: padded tensors.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

from minibert.packing import Fitting, pad, read_fitting
from minibert.vocabulary import (
    SPECIAL_TOKENS,
    CheckpointError,
    check_vocab,
    read_settings,
    read_tokenizer_json,
    read_vocab,
)
from minibert.wordpiece import Piece, WordPiece
from minibert.words import STAGES

NO_LIMIT = 10**30  # transformers' own way to say that there is no model_max_length


class BertTokenizer:
    """Turns texts into the model's inputs, and ids back into tokens and text.

    Example:
        >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "##ing", "walk", "."]
        >>> tokenizer = BertTokenizer(vocab)
        >>> tokenizer.tokenize("The walking.")
        ['the', 'walk', '##ing', '.']
        >>> tokenizer("The walking.")["input_ids"]
        tensor([[2, 5, 7, 6, 8, 3]])
    """

    def __init__(
        self,
        vocab: Iterable[str],
        *,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        tokenize_chinese_chars: bool = True,
        never_split: Iterable[str] | None = None,
        model_max_length: int = NO_LIMIT,
        **special_tokens: str,
    ):
        """`vocab`: the pieces, in the order of their ids. `strip_accents` None: as do_lower_case.
        `never_split`: words, between white space, that stay as they are. `special_tokens`: another
        unk_token, sep_token, pad_token, cls_token or mask_token.
        """
        self.tokens = list(vocab)
        self.vocab = dict(zip(self.tokens, range(len(self.tokens)), strict=True))
        self.special_tokens = {**SPECIAL_TOKENS, **special_tokens}
        check_vocab(self.tokens, self.vocab, self.special_tokens)
        special_ids = {name: self.vocab[token] for name, token in self.special_tokens.items()}
        self.unk_token_id = special_ids["unk_token"]
        self.sep_token_id = special_ids["sep_token"]
        self.pad_token_id = special_ids["pad_token"]
        self.cls_token_id = special_ids["cls_token"]
        self.mask_token_id = special_ids["mask_token"]
        if model_max_length < 1:
            raise ValueError(f"model_max_length must be at least 1, not {model_max_length}")
        self.settings: dict[str, Any] = {
            "do_lower_case": do_lower_case,
            "strip_accents": strip_accents,
            "tokenize_chinese_chars": tokenize_chinese_chars,
            "never_split": list(never_split or []),
            "model_max_length": model_max_length,
        }
        skipped = {
            "space CJK": not tokenize_chinese_chars,
            "strip accents": not (do_lower_case if strip_accents is None else strip_accents),
            "lower case": not do_lower_case,
        }
        self.wordpiece = WordPiece(
            self.vocab,
            self.special_tokens["unk_token"],
            whole=list(self.special_tokens.values()),
            stages={name: stage for name, stage in STAGES.items() if not skipped.get(name)},
            never_split=self.settings["never_split"],
        )

    @classmethod
    def from_vocab(cls, file: str | Path, **settings: Any) -> "BertTokenizer":
        """Read a vocab.txt, one piece a line; `settings` as for BertTokenizer."""
        return cls(read_vocab(Path(file)), **settings)

    @classmethod
    def from_folder(cls, folder: str | Path) -> "BertTokenizer":
        """Read vocab.txt, or else the vocabulary in tokenizer.json (transformers 5 has no other),
        and the settings in tokenizer_config.json, where it is there.
        """
        folder = Path(folder)
        settings = read_settings(folder / "tokenizer_config.json")
        for file, read in (("vocab.txt", read_vocab), ("tokenizer.json", read_tokenizer_json)):
            if (folder / file).is_file():
                tokens = read(folder / file)
                try:
                    return cls(tokens, **settings)
                except ValueError as error:
                    raise CheckpointError(f"{folder / file}: {error}") from None
        raise FileNotFoundError(f"{folder} has neither vocab.txt nor tokenizer.json")

    def files(self, **other: Any) -> dict[str, str]:
        """The files that from_folder and transformers read: name -> content; with `other` settings,
        if they are given.
        """
        own = {**self.settings, **self.special_tokens}
        config = {"tokenizer_class": "BertTokenizer", **own, **other}
        return {
            "vocab.txt": "\n".join(self.tokens) + "\n",
            "tokenizer_config.json": json.dumps(config, indent=2, ensure_ascii=False) + "\n",
        }

    def checksum(self) -> str:
        """The same for the same vocabulary and settings, and for no others; model_max_length, which
        changes no text's ids, does not count.
        """
        content = json.dumps(self.files(model_max_length=NO_LIMIT), sort_keys=True)
        return hashlib.sha256(content.encode("utf-8")).hexdigest()

    def pieces(self, text: str) -> list[Piece]:
        """The tokens of one text with their positions in it, without [CLS] and [SEP]."""
        check_text(text)
        return self.wordpiece.pieces(text)

    def text_ids(self, text: str) -> list[int]:
        """The ids of `pieces`, faster."""
        check_text(text)
        return self.wordpiece.ids(text)

    def __call__(
        self,
        text: str | Sequence[str],
        text_pair: str | Sequence[str] | None = None,
        *,
        padding: str | bool = "longest",
        truncation: str | bool = False,
        max_length: int | None = None,
        stride: int = 0,
        add_special_tokens: bool = True,
        return_overflowing_tokens: bool = False,
        return_offsets_mapping: bool = False,
        return_tensors: str | None = "pt",
    ) -> dict[str, Any]:
        """The model's inputs for one text or several, or for pairs: input_ids, token_type_ids and
        attention_mask.

        `padding`: "longest", "max_length", or False (lists of different lengths).
        `truncation`: False never cuts; "longest_first", "only_first", "only_second" cut to
        `max_length` (default: model_max_length).
        `return_overflowing_tokens`: the tokens that were cut follow in further rows, each beginning
        with the last `stride` tokens of the row before; overflow_to_sample_mapping has their texts.
        `return_offsets_mapping`: for each token (start, end) in its text; (0, 0) if it has none.
        `return_tensors`: "pt", "np", or None for lists.
        """
        firsts, seconds = read_texts(text, text_pair)
        uses_limit = bool(truncation) or padding == "max_length"
        if max_length is not None and not uses_limit:
            raise ValueError("max_length needs truncation=… or padding='max_length'")
        if uses_limit and max_length is None and self.settings["model_max_length"] < NO_LIMIT:
            max_length = self.settings["model_max_length"]
        fitting = read_fitting(
            truncation, max_length, stride, return_overflowing_tokens, pairs=bool(seconds)
        )
        rows, samples = self.make_rows(
            firsts, seconds, fitting, add_special_tokens, return_offsets_mapping
        )
        self.pad_rows(rows, padding, max_length)
        if return_overflowing_tokens:
            rows["overflow_to_sample_mapping"] = samples
        elif return_tensors is None and isinstance(text, str):
            return {name: values[0] for name, values in rows.items()}
        return as_tensors(rows, return_tensors)

    def make_rows(
        self,
        firsts: list[str],
        seconds: list[str],
        fitting: Fitting,
        add_special_tokens: bool,
        with_offsets: bool,
    ) -> tuple[dict[str, list], list[int]]:
        """[CLS] A [SEP] or [CLS] A [SEP] B [SEP] for each text, in one row or, cut, in several; and
        for each row the number of its text.
        """
        start, end = ([self.cls_token_id], [self.sep_token_id]) if add_special_tokens else ([], [])
        special = len(start) + len(end) * (2 if seconds else 1)
        none = [(0, 0)] * len(end)  # the offsets of a special token
        rows: dict[str, list] = {"input_ids": [], "token_type_ids": []}
        offsets, samples = [], []
        for sample, first in enumerate(firsts):
            a, a_offsets = self.ids_and_offsets(first, with_offsets)
            second = seconds[sample] if seconds else ""
            b, b_offsets = self.ids_and_offsets(second, with_offsets)
            for a_part, b_part in fitting.parts(len(a), len(b), special):
                head = [*start, *a[a_part], *end]
                tail = [*b[b_part], *end] if seconds else []
                rows["input_ids"].append(head + tail)
                rows["token_type_ids"].append([0] * len(head) + [1] * len(tail))
                samples.append(sample)
                if with_offsets:
                    b_own = [*b_offsets[b_part], *none] if seconds else []
                    offsets.append([*none, *a_offsets[a_part], *none, *b_own])
        rows["attention_mask"] = [[1] * len(row) for row in rows["input_ids"]]
        if with_offsets:
            rows["offset_mapping"] = offsets
        return rows, samples

    def ids_and_offsets(
        self, text: str, with_offsets: bool
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """The ids of one text, and their offsets if they are wanted."""
        if not with_offsets:
            return self.text_ids(text), []
        pieces = self.pieces(text)
        return [piece.id for piece in pieces], [(piece.start, piece.end) for piece in pieces]

    def pad_rows(
        self, rows: dict[str, list], padding: str | bool | None, max_length: int | None
    ) -> None:
        """Pad all rows, in place."""
        if padding in (False, None, "do_not_pad"):
            return
        longest = max(map(len, rows["input_ids"]))
        if padding == "max_length":
            if max_length is None:
                raise ValueError("padding 'max_length' needs a max_length")
            if longest > max_length:
                raise ValueError(
                    f"a text has {longest} tokens, more than max_length {max_length}; truncation=… "
                    "cuts it"
                )
            longest = max_length
        elif padding not in (True, "longest"):
            raise ValueError(f"padding must be 'longest', 'max_length' or False, not {padding!r}")
        fillers: dict[str, Any] = {"input_ids": self.pad_token_id, "offset_mapping": (0, 0)}
        for name, values in rows.items():
            rows[name] = pad(values, longest, fillers.get(name, 0))

    # Ids and tokens.

    def tokenize(self, text: str) -> list[str]:
        """The tokens of one text, without [CLS] and [SEP]."""
        return [self.tokens[index] for index in self.text_ids(text)]

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        """The id of a token or of each of several; of [UNK] where there is none."""
        if isinstance(tokens, str):
            return self.vocab.get(tokens, self.unk_token_id)
        return [self.vocab.get(token, self.unk_token_id) for token in tokens]

    @overload
    def convert_ids_to_tokens(self, ids: int) -> str: ...

    @overload
    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]: ...

    def convert_ids_to_tokens(self, ids: int | Iterable[int]) -> str | list[str]:
        """The token of an id or of each of several (a list, a tensor)."""
        if isinstance(ids, int):
            return self.convert_ids_to_tokens([ids])[0]
        wanted = [int(index) for index in ids]
        for index in wanted:
            if not 0 <= index < len(self.tokens):
                raise ValueError(
                    f"id {index} is not in the vocabulary of {len(self.tokens)} pieces"
                )
        return [self.tokens[index] for index in wanted]

    def encode(self, text: str, text_pair: str | None = None, **choices: Any) -> list[int]:
        """The ids of one text or pair, [CLS] … [SEP]; `choices` as in a call."""
        check_text(text)
        return self(text, text_pair, return_tensors=None, **choices)["input_ids"]

    def batch_decode(
        self, rows: Iterable[Iterable[int]], *, skip_special_tokens: bool = False
    ) -> list[str]:
        """decode for each row of ids."""
        return [self.decode(ids, skip_special_tokens=skip_special_tokens) for ids in rows]

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> str:
        """The tokens joined to a readable text; what normalising removed does not come back."""
        text = ""
        for token in self.convert_ids_to_tokens(ids):
            if skip_special_tokens and token in self.special_tokens.values():
                continue
            if text and token.startswith("##"):
                text += token[2:]
            else:
                text += token if not text or token in (".", "?", "!", ",") else " " + token
        return text

    @property
    def vocab_size(self) -> int:
        return len(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)


def read_texts(
    text: str | Sequence[str], text_pair: str | Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Both arguments as lists; the second is empty if there are no pairs."""
    lists: list[list[str]] = []
    given: tuple[tuple[str, Any], ...] = (("text", text), ("text_pair", text_pair))
    for name, value in given:
        if value is None and name == "text_pair":
            value = []
        if not isinstance(value, str) and (
            isinstance(value, bytes) or not hasattr(value, "__iter__")
        ):
            raise ValueError(f"{name} must be a str or a list of str, not {type(value).__name__}")
        lists.append([value] if isinstance(value, str) else list(value))
    firsts, seconds = lists
    if not firsts:
        raise ValueError("text is an empty list: give at least one text")
    if text_pair is not None and len(seconds) != len(firsts):
        raise ValueError(f"text has {len(firsts)} texts, text_pair {len(seconds)}")
    return firsts, seconds


def as_tensors(rows: dict[str, list], kind: str | None) -> dict[str, Any]:
    """The rows as torch tensors ("pt"), NumPy arrays ("np"), or as they are (None)."""
    if kind is None:
        return rows
    if kind not in ("pt", "np"):
        raise ValueError(f"return_tensors must be 'pt', 'np' or None, not {kind!r}")
    if len(set(map(len, rows["input_ids"]))) > 1:
        raise ValueError("rows of different lengths make no tensor: padding='longest' pads them")
    if kind == "np":
        import numpy

        return {name: numpy.array(values) for name, values in rows.items()}
    import torch

    return {name: torch.tensor(values) for name, values in rows.items()}


def check_text(text: str) -> None:
    if not isinstance(text, str):
        raise ValueError(f"a text must be a str, not {type(text).__name__}")
