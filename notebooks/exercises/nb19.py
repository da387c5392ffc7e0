"""What is right in notebook 19: from BERT to the whole Transformer."""

import torch

from minibert.attention import softmax
from minibert.heads import NO_LABEL
from minibert.translation.causal import make_causal_mask
from minibert.translation.encoder_decoder import shift_right

from . import compare, exercise


@exercise("19.1")
def by_hand(answer: list[list[float]]) -> str | None:
    scores = torch.tensor([[2, 1, 1], [3, 1, 4], [1, 1, 2]]).double().log()
    mask = make_causal_mask(torch.ones(1, 3), scores.dtype)[0, 0]
    hint = compare(answer, softmax(scores + mask), tolerance=6e-3)
    if hint and not compare(answer, softmax(scores), tolerance=6e-3):
        return "This is BERT's table: here each token sees the later ones, too."
    if hint and not compare(answer, softmax(scores).tril(), tolerance=6e-3):
        return "A row should sum to 1: divide by the sum of what may be seen."
    if hint and not compare(answer, softmax(scores + mask.T), tolerance=6e-3):
        return "Each sees itself and what is before it. This is the other way round."
    return hint


@exercise("19.2")
def causal(answer) -> str | None:
    generator = torch.Generator().manual_seed(192)
    for real, length in ((3, 3), (5, 5), (4, 6), (1, 3)):
        scores = 3 * torch.randn(length, length, generator=generator).double()
        is_real = (torch.arange(length) < real).long()
        right = softmax(scores + make_causal_mask(is_real[None], scores.dtype)[0, 0])
        given = answer(scores.clone(), is_real.clone())
        if given is ... or given is None:
            return "There is no answer yet: nothing came back."
        given = torch.as_tensor(given)
        if given.shape != right.shape:
            return f"The shape should be {list(right.shape)}, and is {list(given.shape)}."
        if hint := compare(given[:real], right[:real]):
            if not compare(given[:real], softmax(scores)[:real].tril()):
                return "The rows do not sum to 1: hide before the softmax, not after it."
            return f"{real} tokens and {length - real} of padding: {hint}"
    return None


@exercise("19.3")
def parameters(answer: int) -> str | None:
    maps, norm = 4 * (768 * 768 + 768), 2 * 768
    hint = compare(answer, 12 * (maps + norm), tolerance=0)
    if hint and not compare(answer, maps + norm, tolerance=0):
        return "This is one layer's part. There are twelve."
    if hint and not compare(answer, 12 * maps, tolerance=0):
        return "The third sublayer has its LayerNorm, too."
    if hint and answer in (12 * 4 * 768**2, 12 * (4 * 768**2 + norm)):
        return "The four linear maps have biases, too."
    return hint


@exercise("19.4")
def shifted(answer) -> str | None:
    for start, pad in ((2, 0), (101, 7)):
        labels = torch.tensor([[9, 8, 6, 3], [5, 3, NO_LABEL, NO_LABEL], [9, 9, 3, NO_LABEL]])
        given = answer(labels.clone(), start, pad)
        hint = compare(given, shift_right(labels, start, pad), tolerance=0)
        if hint and (torch.as_tensor(given) == NO_LABEL).any():
            return f"{NO_LABEL} is no token: there is padding in its place."
        if hint and not compare(given, labels.where(labels != NO_LABEL, pad), tolerance=0):
            return "Each row would be asked for the token that it is given."
        if hint:
            return hint
    return None


@exercise("19.5")
def likeliest(answer: list[float]) -> str | None:
    hint = compare(answer, [0.2, 0.21, 0.25])
    return hint and hint + " Multiply along each path, and keep one beginning, two, or all three."


@exercise("19.6")
def one_step(answer) -> str | None:
    generator = torch.Generator().manual_seed(196)
    for k, v in ((2, 5), (3, 4), (1, 6), (4, 9)):
        sums = 2 * torch.randn(k, generator=generator)
        log_probs = torch.randn(k, v, generator=generator).log_softmax(dim=1)
        best = (sums[:, None] + log_probs).flatten().topk(k).indices
        given = answer(sums.clone(), log_probs.clone())
        if given is ... or given is None:
            return "There is no answer yet: nothing came back."
        if not isinstance(given, tuple | list) or len(given) != 2:
            return "Two tensors are wanted: from which text, and which token."
        for name, one, right in zip(("texts", "tokens"), given, (best // v, best % v), strict=True):
            if hint := compare(one, right, tolerance=0):
                return f"{k} texts, {v} tokens; the {name}: {hint}"
    return None
