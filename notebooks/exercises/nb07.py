"""What is right in notebook 07: official weights."""

import torch
from torch import nn

from weights_loader import load_bert

from . import compare, exercise


def broken_model() -> nn.Module:
    """minibert-tiny in float64 with one fault; looking here spoils exercise 7.4."""
    model, _ = load_bert(dtype=torch.float64)
    feed_forward = model.encoder.layers[2].feed_forward

    def tanh_gelu(module: nn.Module, inputs: tuple, output: torch.Tensor) -> torch.Tensor:
        return nn.functional.gelu(kept[0], approximate="tanh")

    kept: list[torch.Tensor] = []
    feed_forward.inner.register_forward_hook(lambda m, i, output: kept.insert(0, output))
    feed_forward.activation.register_forward_hook(tanh_gelu)
    return model


@exercise("07.1")
def our_name(answer: str) -> str | None:
    if answer == "encoder.layers.3.attention_layer_norm.gamma":
        return None
    if not isinstance(answer, str):
        return "A string is wanted."
    if answer.startswith("bert."):
        return "A BertModel without heads has no 'bert.' in front."
    if answer.startswith("encoder.layer."):
        return "How does the textbook spell the list of layers?"
    return "Drop 'bert.', read gamma as weight, and look below encoder.layer.3. in the table."


@exercise("07.2")
def count(answer: int) -> str | None:
    return compare(answer, 5 + 12 * 16 + 2, tolerance=0)


@exercise("07.3")
def rounding_or_fault(answer: str) -> str | None:
    if answer not in ("rounding", "fault"):
        return '"rounding" or "fault".'
    return None if answer == "fault" else "What would rounding be in float64?"


@exercise("07.4")
def first_operation(answer: str) -> str | None:
    if answer == "encoder.layers.2.feed_forward.activation":
        return None
    if not isinstance(answer, str):
        return "A string is wanted, such as 'encoder.layers.0.attention.query'."
    if answer == "nowhere":
        return "It does differ. Is `broken` the model that was compared, and the bound 1e-10?"
    return (
        "differences(broken, inputs) has every operation in order; which is the first over 1e-10?"
    )
