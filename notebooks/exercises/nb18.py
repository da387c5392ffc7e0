"""What is right in notebook 18: search and summary."""

from collections import Counter

import torch

from minibert.extraction.summary import centrality, mmr

from . import compare, exercise


@exercise("18.1")
def by_hand(answer: list[int]) -> str | None:
    query = torch.tensor([1.0, 2.0])
    texts = torch.tensor([[10.0, 10.0], [2.0, 1.0], [2.0, 5.0], [0.0, -4.0]])
    products = texts @ query
    cosines = products / texts.norm(dim=1)
    distances = (texts - query).norm(dim=1)
    right = [cosines.argmax().item(), products.argmax().item(), distances.argmin().item()]
    return compare(answer, right, tolerance=0)


@exercise("18.2")
def reciprocal_rank(answer) -> str | None:
    scores = torch.randn(5, 7, generator=torch.Generator().manual_seed(182))
    right = torch.tensor([3, 0, 6, 3, 2])
    own = scores.gather(1, right[:, None])
    rank = 1 + (scores > own).sum(dim=1)
    given = answer(scores.clone(), right.clone())
    hint = compare(given, (1 / rank).mean())
    if hint and not compare(given, 1 / rank.double().mean()):
        return "This is 1 over the mean rank. The mean of 1/rank is wanted."
    if hint and not compare(given, (1 / (8 - rank)).mean()):
        return "The largest score has rank 1, not the smallest."
    return hint


@exercise("18.3")
def where_it_changes(answer: float) -> str | None:
    three = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=torch.float64)
    centre = three.sum(dim=0)
    to_centre = three @ centre / centre.norm()
    to_b = three @ three[1]
    # λ a − (1 − λ) a' = λ c − (1 − λ) c'
    by_centre, by_b = to_centre[0] - to_centre[2], to_b[0] - to_b[2]
    hint = compare(answer, by_b / (by_centre + by_b), tolerance=6e-3)
    return hint and hint + " Set the two gains equal, and solve for λ."


@exercise("18.4")
def one_step(answer) -> str | None:
    generator = torch.Generator().manual_seed(184)
    for taken, balance in ((0, 0.7), (1, 0.7), (2, 0.4), (3, 0.3), (2, 1.0)):
        for _ in range(4):
            vectors = torch.randn(7, 3, generator=generator).double().abs()
            vectors *= torch.rand(7, 1, generator=generator) * 3 + 0.2
            chosen = mmr(vectors, taken + 1, balance)
            given = answer(vectors.clone(), chosen[:taken], balance)
            if hint := compare(given, chosen[taken], tolerance=0):
                return f"{taken} taken, λ = {balance}: {hint}"
    return None


@exercise("18.5")
def reader(answer: list[float]) -> str | None:
    table = torch.tensor([[1.0, 0.5, 0.0], [0.5, 1.0, 0.25], [0.0, 0.25, 1.0]])
    vectors = torch.linalg.cholesky(table.double())  # rows with these cosines
    hint = compare(answer, centrality(vectors, jump=0.0), tolerance=2e-3)
    return hint and hint + " A sentence's cosine with itself, 1, belongs to its row."


@exercise("18.6")
def common_runs(answer) -> str | None:
    texts = [
        "the cat sat on the mat",
        "the cat lay on a mat",
        "the the the the",
        "on the mat the cat sat",
        "a dog",
    ]
    for n in (1, 2, 3):
        for one in texts:
            for other in texts:
                lists = one.split(), other.split()
                a, b = (Counter(tuple(x[i : i + n]) for i in range(len(x) - n + 1)) for x in lists)
                right = 2 * (a & b).total() / max(1, a.total() + b.total())
                given = answer(*(list(words) for words in lists), n)
                if hint := compare(given, right):
                    return f"{one!r} and {other!r}, n = {n}: {hint}"
    return None
