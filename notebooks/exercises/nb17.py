"""What is right in notebook 17: few examples."""

import torch

from minibert.weighted_sum import WeightedSum

from . import compare, exercise


@exercise("17.1")
def by_hand(answer: list[float]) -> str | None:
    vectors = torch.tensor([[8.0, 0.0], [0.0, 8.0], [4.0, 4.0]])
    right = 2 * torch.tensor([1.0, 3.0, 4.0]) / 8 @ vectors
    hint = compare(answer, right)
    if hint and not compare(answer, right / 2):
        return "This is the sum of the shares. The factor g is missing."
    if hint and not compare(answer, right * 8):
        return "exp w are not yet the shares: they should sum to 1."
    return hint


@exercise("17.2")
def what_learns(answer: int) -> str | None:
    head, mixture = 3 * 768 + 3, 13 + 1
    hint = compare(answer, head + mixture, tolerance=0)
    if hint and not compare(answer, head, tolerance=0):
        return "This is the head. The mixture learns, too."
    if hint and answer in (head + 12, head + 13, 768 * 3 + mixture):
        return "Count again: L+1 weights, the factor g, and the head with its biases."
    return hint


@exercise("17.3")
def mixture(answer) -> str | None:
    generator = torch.Generator().manual_seed(173)
    for shape in ((5,), (3, 4, 5)):
        states = [torch.randn(shape, generator=generator) for _ in range(4)]
        w, g = torch.tensor([0.5, -1.0, 2.0, 0.0]), torch.tensor(1.7)
        own = WeightedSum(4)
        with torch.no_grad():
            own.weights.copy_(w)
            own.scale.copy_(g)
        right = own(states)
        given = answer([state.clone() for state in states], w.clone(), g.clone())
        hint = compare(given, right)
        if hint and not compare(given, right / g):
            return "The factor g is missing."
        if hint and not compare(given, g * sum(a * b for a, b in zip(w, states, strict=True))):
            return "These are the weights as they came. softmax makes shares of them."
        if hint:
            return f"states of shape {list(shape)}: {hint}"
    return None


@exercise("17.4")
def honest(answer) -> str | None:
    training = ["The army left.", "she sang a song. ", "He saw the bishop."]
    test = [
        "A gas is light.",
        "the Army left.",
        "She sang a song.",
        "An army left.",
        "A gas is light.",
    ]
    given = answer([*training], [*test])
    if given is ... or given is None:
        return "There is no answer yet: nothing came back."
    given = list(given)
    if given == [test[0], test[3], test[4]]:
        return None
    if any(text not in test for text in given):
        return "Return the test texts as they came."
    if test[1] in given or test[2] in given:
        return "One of them is in training, if capitals and blanks at the ends do not count."
    if sorted(given) == sorted([test[0], test[3], test[4]]):
        return "The order should stay."
    return "One that is not in training is missing."


@exercise("17.5")
def standard_error(answer: tuple[float, float]) -> str | None:
    if not isinstance(answer, tuple | list | torch.Tensor) or len(answer) != 2:
        return "A pair is wanted: the standard error, and a number of rows."
    hint = compare(answer[0], 0.012247, tolerance=1e-4)
    if hint and not compare(answer[0], 0.9 * 0.1 / 600, tolerance=1e-5):
        return "Take the root of the first number."
    if hint:
        return f"The standard error: {hint}"
    hint = compare(answer[1], 3600, tolerance=0)
    return hint and f"The rows: {hint} A quarter of the error needs 16 times the rows."
