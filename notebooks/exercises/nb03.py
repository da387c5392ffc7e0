"""What is right in notebook 03: attention by hand."""

import numpy
import torch

from minibert.attention import attention_scores, make_additive_mask, softmax

from . import compare, exercise, numbers_of

W = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])


@exercise("03.1")
def row_two(answer: list[float]) -> str | None:
    scores = attention_scores(W, W)
    probs = softmax(scores)
    context = probs @ W
    mistakes = {
        "the scores are not divided by √H": softmax(W @ W.T)[1] @ W,
        "the scores are divided by H, not by √H": softmax(W @ W.T / 3)[1] @ W,
        "the softmax runs down the columns, not along the rows": softmax(scores.T).T[1] @ W,
        "the softmax is left out": scores[1] @ W,
        "the weights are not yet multiplied by V": probs[1],
        "row 1 is taken": context[0],
        "row 3 is taken": context[2],
        "the article's arithmetic is followed": [0.302, 0.302, 0.302],
    }
    return compare(answer, context[1], tolerance=2e-3, mistakes=mistakes)


def wrong_attentions(Q, K, V, padding_mask) -> dict[str, torch.Tensor]:
    """What the mistakes that are made most often give."""
    scores = attention_scores(Q, K)
    S, H = Q.shape
    hide = make_additive_mask(padding_mask[None], Q.dtype)[0, 0]
    unscaled = scores * H**0.5
    kept = padding_mask[None, :]
    return {
        "the scores are not divided by √H": softmax(unscaled + hide) @ V,
        "the scores are divided by H, not by √H": softmax(unscaled / H + hide) @ V,
        "the scores are divided by √S, not by √H": softmax(unscaled / S**0.5 + hide) @ V,
        "the root is of the size of V, not of the keys' H": (
            softmax(unscaled / V.shape[1] ** 0.5 + hide) @ V
        ),
        "the softmax runs down the columns, not along the rows": softmax((scores + hide).T).T @ V,
        "keys and queries are exchanged: K · Qᵀ": softmax(scores.T + hide) @ V,
        "the softmax is left out": scores @ V,
        "the weights are not yet multiplied by V": softmax(scores + hide),
        "padding is not masked": softmax(scores) @ V,
        "the mask is inverted: real tokens are hidden": (
            softmax(scores + make_additive_mask(1 - padding_mask[None], Q.dtype)[0, 0]) @ V
        ),
        "the mask comes after the softmax, so that the rows no longer sum to 1": (
            (softmax(scores) * kept) @ V
        ),
        "padding_mask is added as it is: 1 more is far from hiding the others": (
            softmax(scores + padding_mask) @ V
        ),
        "the scores are multiplied by the mask: a score of 0 still gets a weight": (
            softmax(scores * kept) @ V
        ),
        "the mask hides the queries (rows), not the keys (columns)": (softmax(scores + hide.T) @ V),
    }


@exercise("03.2", function="attention(Q, K, V, padding_mask)")
def attention(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    Q, K, V = (torch.randn(5, size, generator=generator) for size in (7, 7, 3))
    for padding_mask in (torch.ones(5, dtype=torch.long), torch.tensor([1, 1, 1, 0, 0])):
        hide = make_additive_mask(padding_mask[None], Q.dtype)[0, 0]
        right = softmax(attention_scores(Q, K) + hide) @ V
        given = answer(*(tensor.clone() for tensor in (Q, K, V, padding_mask)))
        hint = compare(given, right, mistakes=wrong_attentions(Q, K, V, padding_mask))
        if hint:
            where = "with padding" if (padding_mask == 0).any() else "without any padding"
            return f"On 5 tokens, H = 7, {where}: {hint}"
    return None


@exercise("03.3", function="causal_mask(S)")
def causal_mask(answer) -> str | None:
    mask = answer(4)
    allowed = numpy.tril(numpy.ones((4, 4)))
    hint = compare(mask, numpy.zeros((4, 4)))  # only its shape, and whether there are numbers
    if hint and "shape is right" not in hint:
        return hint
    given = numbers_of(mask)
    if given.min() >= 0:
        return "It is added to the scores; to hide a token, a very large negative number is needed."
    if numpy.array_equal(given < 0, 1 - allowed) and given.min() > -1e3:
        return f"exp({given.min():g}) is not 0: a much larger negative number is needed."
    mistakes = {
        "a token may not look at itself": numpy.tril(allowed, -1),
        "what came before is hidden, not what comes after": allowed.T,
        "the token itself and what came before are hidden": numpy.triu(allowed.T, 1),
    }
    hint = compare(given > -1e3, allowed, mistakes=mistakes)
    if hint:
        return hint
    weights = softmax(torch.from_numpy(given))
    return compare(weights, allowed / numpy.arange(1, 5)[:, None])


@exercise("03.4")
def sharper(answer: str) -> str | None:
    if not isinstance(answer, str) or answer not in ("even", "uneven", "same"):
        return 'One of "even", "uneven", "same".'
    return None if answer == "uneven" else "The scores grow a hundredfold; what does exp do then?"
