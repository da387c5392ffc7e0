"""What is right in notebook 04: many heads."""

import torch

from minibert import BertConfig
from minibert.attention import MultiHeadAttention

from . import compare, exercise


def attention() -> MultiHeadAttention:
    """Three heads of four features, with random weights."""
    module = MultiHeadAttention(BertConfig(hidden_size=12, num_attention_heads=3)).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


@exercise("04.1")
def sizes(answer: list[int]) -> str | None:
    D, N, H = 1024, 16, 64
    with torch.device("meta"):
        module = MultiHeadAttention(BertConfig(hidden_size=D, num_attention_heads=N))
    count = sum(parameter.numel() for parameter in module.parameters())
    mistakes = {
        "the biases are left out": [H, 4 * D * D],
        "W_O and its bias are left out": [H, 3 * (D * D + D)],
        "W_O and all biases are left out": [H, 3 * D * D],
        "each head has its own matrices of the full size D × D": [H, N * count],
        "one head is counted": [H, 4 * (D * H + H)],
        "D is divided by H: that is N, not H": [N, count],
    }
    return compare(answer, [H, count], tolerance=1e-6, mistakes=mistakes)


@exercise("04.2", function="split_heads(x, N)")
def split_heads(answer) -> str | None:
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(1))
    right = attention().split_heads(x)
    mistakes = {
        "view goes straight to [B, N, S, H]: it deals out the tokens": x.view(2, 3, 5, 4),
        "N still stands behind S: transpose(1, 2) is missing": right.transpose(1, 2),
        "head i takes every N-th feature, not H features in a row": (
            x.unflatten(-1, (-1, 3)).permute(0, 3, 1, 2)
        ),
        "S and H are exchanged, too": right.transpose(2, 3),
        "B and N are exchanged, too": right.transpose(0, 1),
        "D is cut into N features for each of H heads": x.unflatten(-1, (-1, 3)).transpose(1, 2),
    }
    return compare(answer(x.clone(), 3), right, mistakes=mistakes)


@exercise("04.3", function="parts_of_the_heads(context, W_O)")
def parts_of_the_heads(answer) -> str | None:
    module = attention()
    context = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    W_O = module.output.weight.detach().T
    right = context @ W_O.unflatten(0, (3, 4))
    mistakes = {
        "the parts are added up: this is the output without its bias": right.sum(dim=0),
        "W_O is transposed, or cut into columns: a head meets H of its rows": (
            context @ W_O.T.unflatten(0, (3, 4))
        ),
        "all heads meet the first block of W_O": context @ W_O[:4],
        "each head takes every N-th row of W_O": context @ W_O.unflatten(0, (4, 3)).transpose(0, 1),
        "the parts stand in the order [S, N, D]": right.transpose(0, 1),
    }
    return compare(answer(context.clone(), W_O.clone()), right, mistakes=mistakes)


@exercise("04.4")
def bias(answer: str) -> str | None:
    if not isinstance(answer, str) or answer not in ("query", "key", "value", "output"):
        return 'One of "query", "key", "value", "output".'
    hints = {
        "query": "q + b meets every key, and b · k is another number for each key.",
        "value": "Each token's weights sum to 1, so b comes through whole.",
        "output": "It is added to the output itself.",
    }
    return hints.get(answer)


@exercise("04.5", function="only(head)")
def only(answer) -> str | None:
    context = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(1))
    for head in (0, 2):
        change = answer(head)
        if not callable(change):
            return "only(head) must return a function, as `without` does above."
        given = context.clone()
        returned = change(given)
        right = torch.zeros_like(context)
        right[:, head] = context[:, head]
        of_tokens, of_features, before = (torch.zeros_like(context) for _ in range(3))
        of_tokens[:, :, head] = context[:, :, head]
        of_features[..., head] = context[..., head]
        before[:, head - 1] = context[:, head - 1]
        mistakes = {
            "this head is the one that is taken out": context - right,
            "the other heads are cut off: the shape must stay": context[:, head],
            "the other heads are cut off: the shape must stay, too": context[:, head : head + 1],
            "the token of this number is kept: heads are axis 1": of_tokens,
            "the feature of this number is kept: heads are axis 1": of_features,
            "heads are counted from 1": before,
            "nothing is changed": context,
        }
        hint = compare(returned, right, mistakes=mistakes)
        if hint:
            return f"With head {head} of 3: {hint}"
        if not torch.equal(given, context):
            return "The numbers are right, but the given tensor was changed: clone it first."
    return None
