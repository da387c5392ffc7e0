"""What is right in notebook 10: the masked language model and the next sentence."""

import math

import torch

from minibert.heads import NO_LABEL, cross_entropy

from . import compare, exercise

ASKED, MASK, RANDOM, SAME = 0.15, 0.8, 0.1, 0.1


@exercise("10.1")
def loss_of_three(answer: float) -> str | None:
    scores = torch.tensor([[0.0, math.log(2), math.log(5)]])
    hint = compare(answer, cross_entropy(scores, torch.tensor([1])), tolerance=2e-3)
    if hint is None or not isinstance(answer, (int, float)):
        return hint
    if abs(answer - 0.25) < 1e-3:
        return "That is the probability; the loss is −ln of it."
    return "First the three exp, their sum, and the share of the second; then −ln."


@exercise("10.2")
def fates(answer: list[float]) -> str | None:
    right = torch.tensor([MASK, RANDOM, SAME], dtype=torch.float64) * ASKED * 1_000_000
    hint = compare(answer, right, tolerance=1e-6)
    return hint and hint + " 80, 10 and 10 % are shares of the asked tokens."


@exercise("10.3")
def wrong_though_visible(answer: float) -> str | None:
    hint = compare(answer, ASKED * RANDOM / (1 - ASKED * MASK), tolerance=2e-4)
    return hint and hint + " Of all tokens that are not [MASK], which ones were replaced?"


@exercise("10.4")
def make_labels(answer) -> str | None:
    ids = torch.tensor([2, 17, 9, 25, 9, 3])
    kept = ids.clone()
    for places in ([2, 3], [1]):
        right = torch.full_like(ids, NO_LABEL)
        right[places] = ids[places]
        hint = compare(answer(ids, torch.tensor(places)), right, tolerance=0)
        if hint:
            return f"For {ids.tolist()}, asked at {places}: {hint}"
        if not torch.equal(ids, kept):
            return "The labels are right, but the ids were changed on the way: copy them."
    return None


@exercise("10.5")
def blind_loss(answer) -> str | None:
    for r in (0.5, 0.1, 0.7):
        right = -r * math.log(r) - (1 - r) * math.log(1 - r)
        hint = compare(answer(r), right)
        if hint:
            return f"At r = {r}: {hint} Which probability fits how often each label comes?"
    return None
