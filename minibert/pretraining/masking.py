"""Which tokens are hidden, and how (MLM, 掩码语言模型), F9.

The model must guess 15 % of a row's tokens, never a special one. Of those
    80 %  become [MASK]          it must guess from both sides
    10 %  become a random piece  so it cannot trust a token only because it is there
    10 %  stay as they are       so it makes a vector of the true token, too
and the loss is taken at these positions only. They are drawn again each time a text is read.

Source: article A§3.2, B§2.2; Devlin et al. 2018, section 3.1 and appendix A.1; the authors'
create_pretraining_data.py.

Differs: article A§3.2 replaces every chosen token by [MASK]; article D§3.2.1 predicts the
neighbours from the hidden token, which is the other way round. The authors' code draws random
pieces from the whole vocabulary, special ones included; here from the ordinary ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy
import torch

from minibert.heads import NO_LABEL
from minibert.tokenizer import BertTokenizer


@dataclass(frozen=True)
class Masked:
    ids: numpy.ndarray  # what the model sees
    positions: numpy.ndarray  # of the tokens that it must guess
    labels: numpy.ndarray  # the true tokens there


class Masking:
    """Hides tokens for one vocabulary."""

    def __init__(
        self,
        tokenizer: BertTokenizer,
        *,
        share: float = 0.15,
        at_most: int | None = None,
        whole_words: bool = False,
    ):
        """`at_most`: no more than so many in a row. `whole_words`: all pieces of a word or none."""
        if not 0 < share < 1:
            raise ValueError(f"mask_share must be between 0 and 1, not {share!r}")
        if at_most is not None and at_most < 1:
            raise ValueError(f"max_predictions must be at least 1, not {at_most!r}")
        self.share, self.at_most, self.whole_words = share, at_most, whole_words
        special = set(tokenizer.special_tokens.values())
        self.mask_token_id = tokenizer.mask_token_id
        self.is_special = numpy.array([token in special for token in tokenizer.tokens])
        self.goes_on = numpy.array([token.startswith("##") for token in tokenizer.tokens])
        self.ordinary = numpy.flatnonzero(~self.is_special)

    def __call__(self, ids: numpy.ndarray, rng: numpy.random.Generator) -> Masked:
        """Hide tokens of one row."""
        wanted = max(1, round(self.share * len(ids)))
        if self.at_most is not None:
            wanted = min(wanted, self.at_most)
        candidates = numpy.flatnonzero(~self.is_special[ids])
        if self.whole_words:
            positions = self.choose_words(ids, candidates, wanted, rng)
        else:
            positions = numpy.sort(rng.permutation(candidates)[:wanted])
        labels = ids[positions]
        seen = ids.copy()
        draw = rng.random(len(positions))
        seen[positions[draw < 0.8]] = self.mask_token_id
        is_random = draw >= 0.9
        seen[positions[is_random]] = rng.choice(self.ordinary, int(is_random.sum()))
        return Masked(seen, positions, labels)

    def choose_words(
        self,
        ids: numpy.ndarray,
        candidates: numpy.ndarray,
        wanted: int,
        rng: numpy.random.Generator,
    ) -> numpy.ndarray:
        """Words in random order, each taken whole if it still fits into `wanted`."""
        # A piece with ## belongs to the word of the candidate directly before it.
        begins = ~self.goes_on[ids[candidates]]
        begins[0:1] = True
        begins[1:] |= candidates[1:] != candidates[:-1] + 1
        words = numpy.split(candidates, numpy.flatnonzero(begins)[1:])
        chosen: list[int] = []
        for number in rng.permutation(len(words)):
            if len(chosen) + len(words[number]) <= wanted:
                chosen.extend(words[number].tolist())
        return numpy.array(sorted(chosen), dtype=numpy.int64)


def mask_texts(
    tokenizer: BertTokenizer, texts: Iterable[str], *, seed: int = 0, max_length: int | None = None
) -> list[tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """The inputs and labels of texts, each by itself, hidden in the same way for the same seed.

    A text without a word is left out; one over `max_length` tokens (default: the tokenizer's limit)
    is cut.

    Example:
        >>> tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat"])
        >>> [(inputs, labels)] = mask_texts(tokenizer, ["a cat"], max_length=8)
        >>> inputs["input_ids"], labels
        (tensor([[2, 4, 6, 3]]), tensor([[-100,    5, -100, -100]]))
    """
    if isinstance(texts, str):
        raise ValueError("texts must be a list of texts, not one str")
    if type(seed) is not int or seed < 0:
        raise ValueError(f"seed must be a whole number from 0, not {seed!r}")
    masking, batches = Masking(tokenizer), []
    for number, text in enumerate(texts):
        inputs = tokenizer(text, truncation=True, max_length=max_length)
        masked = masking(inputs["input_ids"][0].numpy(), numpy.random.default_rng((seed, number)))
        if len(masked.positions):
            labels = torch.full_like(inputs["input_ids"], NO_LABEL)
            labels[0, masked.positions] = torch.from_numpy(masked.labels)
            batches.append(({**inputs, "input_ids": torch.from_numpy(masked.ids)[None]}, labels))
    return batches
