"""Which layers, how mixed, and how pooled, F7 and F8.

    h_0 = embeddings, h_1 … h_L = encoder layers: the L+1 hidden states, each [B, S, D]

    concat  [h_i ; h_j ; …]     sum  Σ h_i     mean  1/K Σ h_i     weighted  g · Σ softmax(w)_i h_i

Layers are called "embeddings", "layer1" … "layerL", "all" (L+1 of them), "encoder" (without the
embeddings), or numbered as in transformers' hidden_states: 0 the embeddings, negative from the end.

Source: article C§2.3 and C§2.4, which merges "all layers" and leaves open how; Devlin et al. 2018,
table 7, measured six ways (CoNLL-2003 dev F1); the weighted sum is ELMo's (Peters et al. 2018,
arXiv 1802.05365, equation 1).

Differs: Google's extract_features and bert-as-service number the encoder layers alone, so their 0
is layer1; `convention` says whose numbers are meant.
"""

import re
from collections.abc import Iterable, Sequence
from numbers import Integral

import torch

from minibert.weighted_sum import WeightedSum as WeightedSum

Which = str | int | slice | Sequence[str | int]
CONVENTIONS = ("transformers", "flair", "google", "bert-as-service")

# The recipes of table 7: name -> (layers, how to mix, the paper's F1).
RECIPES: dict[str, tuple[Which, str, float]] = {
    "embeddings": (["embeddings"], "concat", 91.0),
    "second-to-last": ([-2], "concat", 95.6),
    "last": ([-1], "concat", 94.9),
    "weighted sum of last four": ([-4, -3, -2, -1], "weighted", 95.9),
    "concat of last four": ([-4, -3, -2, -1], "concat", 96.1),
    "weighted sum of all": ("encoder", "weighted", 95.5),
}


def layer_names(num_layers: int) -> list[str]:
    """The name of each hidden state.

    Example:
        >>> layer_names(2)
        ['embeddings', 'layer1', 'layer2']
    """
    return ["embeddings", *(f"layer{i + 1}" for i in range(num_layers))]


def select_layers(which: Which, num_layers: int, *, convention: str = "transformers") -> list[int]:
    """The numbers in hidden_states, from 0 to L, of the layers that `which` means, in its order.

    Example:
        >>> select_layers("all", 3), select_layers("-1,-2", 3), select_layers(["layer1", 0], 3)
        ([0, 1, 2, 3], [3, 2], [1, 0])
        >>> select_layers(slice(-2, None), 3), select_layers("0,-1", 3, convention="google")
        ([2, 3], [1, 3])
    """
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {CONVENTIONS}, not {convention!r}")
    names = layer_names(num_layers)
    # Google and bert-as-service have no number for the embeddings: their list begins with layer1.
    first = 1 if convention in ("google", "bert-as-service") else 0
    numbers = list(range(first, num_layers + 1))
    if isinstance(which, slice):
        chosen = numbers[which]
    else:
        if isinstance(which, str):
            which = [part.strip() for part in which.split(",")]
        chosen = []
        for part in which if isinstance(which, Iterable) else [which]:
            chosen += numbers_of(part, names, numbers)
    if not chosen:
        raise ValueError(f"no layer chosen by {which!r}; there are {', '.join(names)}")
    return chosen


def numbers_of(part: str | int, names: list[str], numbers: list[int]) -> list[int]:
    """The layers that one name or number means."""
    groups = {"all": list(range(len(names))), "encoder": list(range(1, len(names)))}
    if isinstance(part, str) and part in groups:
        return groups[part]
    if part in names:
        return [names.index(part)]
    # Integral: also a whole number of NumPy.
    is_whole = isinstance(part, Integral) and not isinstance(part, bool)
    is_number = is_whole or (isinstance(part, str) and re.fullmatch(r"-?[0-9]{1,9}", part))
    if is_number and -len(numbers) <= int(part) < len(numbers):
        return [numbers[int(part)]]
    raise ValueError(
        f"there is no layer {part!r}; there are all, encoder, {', '.join(names)}, "
        f"and the numbers {-len(numbers)} to {len(numbers) - 1}"
    )


def mix(states: Sequence[torch.Tensor], how: str) -> torch.Tensor:
    """One vector for each token out of several: "concat", "sum" or "mean".

    Example:
        >>> states = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 6.0])]
        >>> [mix(states, how).tolist() for how in ("concat", "sum", "mean")]
        [[1.0, 2.0, 3.0, 6.0], [4.0, 8.0], [2.0, 4.0]]
    """
    if how == "concat":
        return torch.cat(list(states), dim=-1)
    if how == "sum":
        return torch.stack(list(states)).sum(dim=0)
    if how == "mean":
        return torch.stack(list(states)).mean(dim=0)
    raise ValueError(f"how must be 'concat', 'sum' or 'mean' (or a WeightedSum), not {how!r}")


def recipe(name: str, hidden_states: Sequence[torch.Tensor]) -> torch.Tensor:
    """One of the six recipes of table 7; a weighted sum is untrained here, so a mean.

    For a trained one keep a WeightedSum of your own and give it the states that RECIPES names.
    """
    if name not in RECIPES:
        raise ValueError(f"recipe must be one of {', '.join(RECIPES)}, not {name!r}")
    which, how, _ = RECIPES[name]
    layers = select_layers(which, len(hidden_states) - 1)
    return mix([hidden_states[i] for i in layers], "mean" if how == "weighted" else how)


# From tokens to sentences and to words. Padding never takes part.


def pool_sentences(
    vectors: torch.Tensor,
    attention_mask: torch.Tensor,
    how: str,
    *,
    left_out: torch.Tensor | None = None,
    unit_length: bool = False,
) -> torch.Tensor:
    """One vector for each text: [B, S, D] -> [B, D].

    "cls": the first token. "mean": Σ x / n. "max": the largest of each feature. "mean_sqrt":
    Σ x / √n. The sums run over the n real tokens, without those that `left_out` [B, S] marks with 1
    (say, [CLS] and [SEP]). `unit_length`: divided by its Euclidean length.

    Example:
        >>> x = torch.tensor([[[1.0, 4.0], [3.0, 2.0], [9.0, 9.0]]])
        >>> mask = torch.tensor([[1, 1, 0]])
        >>> [pool_sentences(x, mask, how).tolist() for how in ("cls", "mean", "max")]
        [[[1.0, 4.0]], [[2.0, 3.0]], [[3.0, 4.0]]]
    """
    if vectors.dim() != 3 or attention_mask.shape != vectors.shape[:2]:
        raise ValueError(
            f"vectors [B, S, D] and attention_mask [B, S] do not fit: {list(vectors.shape)} and "
            f"{list(attention_mask.shape)}"
        )
    counted = attention_mask == 1
    if left_out is not None:
        counted = counted & (left_out != 1)
    if how != "cls" and not counted.any(dim=1).all():
        row = counted.any(dim=1).tolist().index(False)
        raise ValueError(f"text {row} has no token to pool")
    weight = counted.to(vectors.dtype)[..., None]
    if how == "cls":
        pooled = vectors[:, 0]
    elif how == "max":
        pooled = vectors.masked_fill(weight == 0, -torch.inf).amax(dim=1)
    elif how in ("mean", "mean_sqrt"):
        count = weight.sum(dim=1)
        # Not a product with 0: the values at padding may be anything, NaN too.
        total = vectors.masked_fill(weight == 0, 0).sum(dim=1)
        pooled = total / (count if how == "mean" else count.sqrt())
    else:
        raise ValueError(f"how must be 'cls', 'mean', 'max' or 'mean_sqrt', not {how!r}")
    return pooled / pooled.norm(dim=-1, keepdim=True) if unit_length else pooled


def pool_words(vectors: torch.Tensor, words: Sequence[int | None], how: str) -> torch.Tensor:
    """One vector for each word of one text: [S, D] -> [W, D].

    `words`: for each token the number of its word, counted from 0; None for [CLS], [SEP], padding.
    "first" piece, "last" piece, "first_last" (their mean), "mean", "max".

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [5.0], [2.0], [0.0]])
        >>> words = [None, 0, 0, 1, None]
        >>> [pool_words(x, words, how).flatten().tolist() for how in ("first", "last", "mean")]
        [[1.0, 2.0], [5.0, 2.0], [3.0, 2.0]]
    """
    if len(words) != len(vectors):
        raise ValueError(f"{len(words)} word numbers for {len(vectors)} tokens")
    rows: dict[int, list[int]] = {}
    for row, word in enumerate(words):
        if word is not None:
            rows.setdefault(word, []).append(row)
    if sorted(rows) != list(range(len(rows))):
        raise ValueError(f"the words must be numbered 0, 1, 2 …, not {sorted(rows)}")
    ways = {
        "first": lambda group: group[0],
        "last": lambda group: group[-1],
        "first_last": lambda group: (group[0] + group[-1]) / 2,
        "mean": lambda group: group.mean(dim=0),
        "max": lambda group: group.amax(dim=0),
    }
    if how not in ways:
        raise ValueError(f"how must be one of {', '.join(ways)}, not {how!r}")
    if not rows:
        return vectors[:0]
    return torch.stack([ways[how](vectors[rows[word]]) for word in range(len(rows))])
