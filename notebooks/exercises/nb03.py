"""What is right in notebook 03: attention by hand."""

import torch

from minibert.attention import attention_scores, make_additive_mask, softmax

from . import compare, exercise

W = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])


@exercise("03.1")
def row_two(answer: list[float]) -> str | None:
    return compare(answer, softmax(attention_scores(W, W))[1] @ W, tolerance=2e-3)


@exercise("03.2")
def attention(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    Q, K, V = (torch.randn(5, size, generator=generator) for size in (7, 7, 3))
    for padding_mask in (torch.ones(5, dtype=torch.long), torch.tensor([1, 1, 1, 0, 0])):
        additive_mask = make_additive_mask(padding_mask[None], Q.dtype)[0, 0]
        right = softmax(attention_scores(Q, K) + additive_mask) @ V
        hint = compare(answer(Q, K, V, padding_mask), right)
        if hint:
            where = "with padding" if (padding_mask == 0).any() else "without any padding"
            return f"On 5 tokens, H = 7, {where}: {hint}"
    return None


@exercise("03.3")
def causal_mask(answer) -> str | None:
    mask = answer(4)
    hint = compare(
        torch.as_tensor(mask) > -1e3 if mask is not ... else mask, torch.ones(4, 4).tril()
    )
    if hint:
        return hint
    weights = softmax(torch.zeros(4, 4) + mask)
    return compare(weights, torch.ones(4, 4).tril() / torch.arange(1, 5)[:, None])


@exercise("03.4")
def sharper(answer: str) -> str | None:
    if answer not in ("even", "uneven", "same"):
        return 'One of "even", "uneven", "same".'
    return None if answer == "uneven" else "The scores grow a hundredfold; what does exp do then?"
