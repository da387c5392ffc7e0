"""What is right in notebook 08: embeddings of all layers."""

from functools import cache

import torch

from minibert.extraction.layers import pool_sentences, recipe, select_layers
from weights_loader import load_bert

from . import compare, exercise

TEXTS = ["They walked along the bank of the river.", "The council voted."]


@cache
def forward() -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, ...]]:
    """The notebook's two texts: inputs and hidden states."""
    model, tokenizer = load_bert()
    inputs = tokenizer(TEXTS)
    with torch.no_grad():
        return inputs, model(**inputs).hidden_states


@exercise("08.1")
def googles_numbers(answer: list[int]) -> str | None:
    right = select_layers("0,-2", 12, convention="google")
    hint = compare(answer, right, tolerance=0)
    if hint and not compare(answer, select_layers("0,-2", 12), tolerance=0):
        return "These are transformers' numbers. What does Google count first?"
    return hint


@exercise("08.2")
def mean_pool(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(2, 5, 3, generator=generator)
    vectors[1, 3:] = 50.0
    for masks, where in (
        ([[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]], "without padding"),
        ([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], "with two rows of padding in the second text"),
    ):
        attention_mask = torch.tensor(masks)
        given = answer(vectors.clone(), attention_mask)
        hint = compare(given, pool_sentences(vectors, attention_mask, "mean"))
        if hint:
            return f"B = 2, S = 5, D = 3, {where}: {hint}"
    return None


@exercise("08.3")
def walked(answer) -> str | None:
    _, states = forward()
    rows = recipe("concat of last four", states)[0]
    hint = compare(answer, rows[2:4].mean(dim=0))
    if hint is None:
        return None
    if not compare(answer, rows[2]) or not compare(answer, rows[3]):
        return "That is one of its two pieces."
    if not compare(answer, rows[1:3].mean(dim=0)):
        return "Which token stands at index 1?"
    return hint


@exercise("08.4")
def without_special_tokens(answer) -> str | None:
    inputs, states = forward()
    mask = inputs["attention_mask"]
    special = (inputs["input_ids"] == 2) | (inputs["input_ids"] == 3)
    right = pool_sentences(states[3], mask, "mean", left_out=special.long())
    hint = compare(answer, right)
    if hint and not compare(answer, pool_sentences(states[3], mask, "mean")):
        return "[CLS] and [SEP] are still in it."
    if hint and not compare(answer, states[3][:, 1:-1].mean(dim=1)):
        return "The first text is right. In the second the last column is not [SEP]."
    return hint


@exercise("08.5")
def sum_or_mean(answer: str) -> str | None:
    if answer not in ("yes", "no"):
        return '"yes" or "no".'
    return None if answer == "no" else "By what number do sum and mean differ? What does cosine do?"
