"""How alike a word's vectors are across sentences, layer by layer; and how alike all vectors are.

    similarity_i(a, b) = cos(w_i in sentence a, w_i in sentence b)      w_i: the mean of its pieces
    anisotropy_i       = the mean cosine of two tokens of different sentences

Compare the first with the second: in many layers any two vectors point roughly the same way, so a
cosine of 0.6 may mean nothing. Cosines are computed in float64: near 1, float32 has too few digits
to tell them apart.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import nn

from minibert.common.fonts import fonts
from minibert.common.language import said
from minibert.extraction.embedder import warn_of_unknown
from minibert.extraction.layers import layer_names
from minibert.tokenizer import BertTokenizer


@dataclass(frozen=True)
class WordSimilarity:
    """For each layer the cosine of each pair of sentences, and the anisotropy."""

    layers: list[str]
    pairs: list[tuple[int, int]]  # numbers of sentences, from 1
    cosines: torch.Tensor  # [L+1, pairs]
    anisotropy: torch.Tensor  # [L+1]


def marked_word(sentence: str) -> tuple[str, int, int]:
    """The sentence without its brackets, and where the bracketed word begins and ends in it.

    Example:
        >>> marked_word("He sat by the [bank].")
        ('He sat by the bank.', 14, 18)
    """
    found = list(re.finditer(r"\[([^\[\]]+)\]", sentence))
    if len(found) != 1:
        raise ValueError(f"mark one word of each sentence, as in 'the [bank]'; got {sentence!r}")
    (match,) = found
    text = sentence[: match.start()] + match[1] + sentence[match.end() :]
    return text, match.start(), match.end() - 2


def word_similarity(
    model: nn.Module, tokenizer: BertTokenizer, sentences: Sequence[str]
) -> WordSimilarity:
    """Compare the marked words of at least two sentences."""
    if len(sentences) < 2:
        raise ValueError("give at least two sentences, each with its [word]")
    words, others = [], []
    for sentence in sentences:
        text, start, end = marked_word(sentence)
        pieces = tokenizer.pieces(text)
        own = [i + 1 for i, piece in enumerate(pieces) if piece.start < end and start < piece.end]
        if not own:
            raise ValueError(f"nothing is left of the marked word in {sentence!r}")
        unknown = [pieces[i - 1].id for i in own].count(tokenizer.unk_token_id)
        warn_of_unknown(unknown, len(own))
        with torch.inference_mode():
            states = torch.stack(model(**tokenizer(text)).hidden_states)[:, 0]  # [L+1, S, D]
        states = states.double()
        words.append(states[:, own].mean(dim=1))
        others.append(states[:, 1:-1])
    pairs = list(combinations(range(len(sentences)), 2))
    cosine = torch.nn.functional.cosine_similarity
    cosines = torch.stack([cosine(words[a], words[b], dim=-1) for a, b in pairs], dim=1)
    crossed = [
        cosine(others[a][:, :, None], others[b][:, None], dim=-1).flatten(1) for a, b in pairs
    ]
    return WordSimilarity(
        layer_names(len(cosines) - 1),
        [(a + 1, b + 1) for a, b in pairs],
        cosines,
        torch.cat(crossed, dim=1).mean(dim=1),
    )


def draw(found: WordSimilarity, sentences: Sequence[str], file: str) -> None:
    """The same as a picture: a line for each pair, the anisotropy as a grey band below."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    numbers = range(len(found.layers))
    with rc_context({"font.family": fonts()}):
        figure = Figure(figsize=(9, 4.5 + 0.2 * len(sentences)), layout="constrained")
        axes = figure.add_subplot()
        label = said("any two tokens (anisotropy)")
        axes.fill_between(numbers, found.anisotropy, color="0.88", label=label)
        for (a, b), line in zip(found.pairs, found.cosines.T, strict=True):
            label = said(f"sentences {a} and {b}")
            axes.plot(numbers, line, marker="o", markersize=4, label=label)
        axes.set_xticks(numbers, [said("emb."), *(str(i) for i in numbers[1:])])
        axes.set_xlabel(said("encoder layer"))
        axes.set_ylabel(said("cosine"))
        axes.set_ylim(min(0.0, float(found.cosines.min()) - 0.05), 1.02)
        axes.grid(alpha=0.3)
        figure.legend(loc="outside right upper", fontsize=9)
        lines = [f"{number}  {sentence}" for number, sentence in enumerate(sentences, 1)]
        axes.set_title("\n".join(lines), loc="left", fontsize=10)
        figure.savefig(file, dpi=150, metadata={"Software": "minibert"})
