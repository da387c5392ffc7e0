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
    with torch.device("meta"):
        module = MultiHeadAttention(BertConfig(hidden_size=1024, num_attention_heads=16))
    count = sum(parameter.numel() for parameter in module.parameters())
    return compare(answer, torch.tensor([64, count], dtype=torch.float64), tolerance=1e-6)


@exercise("04.2")
def split_heads(answer) -> str | None:
    x = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(1))
    return compare(answer(x, 3), attention().split_heads(x))


@exercise("04.3")
def parts_of_the_heads(answer) -> str | None:
    module = attention()
    context = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1))
    W_O = module.output.weight.detach().T
    right = []
    for head in range(3):
        alone = torch.zeros_like(context)
        alone[head] = context[head]
        right.append(alone.transpose(0, 1).flatten(1) @ W_O)
    return compare(answer(context, W_O), torch.stack(right))


@exercise("04.4")
def bias(answer: str) -> str | None:
    if answer not in ("query", "key", "value", "output"):
        return 'One of "query", "key", "value", "output".'
    hints = {
        "query": "q + b meets every key, and b · k is another number for each key.",
        "value": "Each token's weights sum to 1, so b comes through whole.",
        "output": "It is added to the output itself.",
    }
    return hints.get(answer)


@exercise("04.5")
def only(answer) -> str | None:
    context = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(1))
    for head in (0, 2):
        given = context.clone()
        returned = answer(head)(given)
        right = torch.zeros_like(context)
        right[:, head] = context[:, head]
        hint = compare(returned, right)
        if hint:
            return f"With head {head} of 3: {hint}"
        if not torch.equal(given, context):
            return "The numbers are right, but the given tensor was changed: clone it first."
    return None
