"""What is right in notebook 09: which layer."""

import torch

from . import compare, exercise


def cosines(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Every row of a with every row of b."""
    return torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1)


@exercise("09.1")
def by_hand(answer: list[float]) -> str | None:
    return compare(answer, [15 / 17, 0.0], tolerance=2e-3)


@exercise("09.2")
def best_layer(answer: str) -> str | None:
    names = ["embeddings", *(f"layer{i}" for i in range(1, 5))]
    if answer not in names:
        return f"One of {', '.join(names)}."
    if answer == "layer4":
        return None
    return "Pairs 1-2 and 3-4 have one meaning, the other four two. Compare smallest and largest."


@exercise("09.3")
def anisotropy(answer) -> str | None:
    generator = torch.Generator().manual_seed(1)
    for rows, common in ((2, 0.0), (5, 0.0), (5, 2.0)):
        vectors = torch.randn(rows, 7, generator=generator) + common
        table = cosines(vectors, vectors)
        right = table[~torch.eye(rows, dtype=torch.bool)].mean()
        given = answer(vectors.clone())
        hint = compare(given, right)
        if hint and not compare(given, table.mean()):
            return "A row's cosine with itself is in it."
        if hint:
            return f"n = {rows}, D = 7: {hint}"
    return None


@exercise("09.4")
def nearest(answer) -> str | None:
    generator = torch.Generator().manual_seed(57)
    candidates = torch.randn(6, 8, generator=generator) * torch.linspace(0.4, 3, 6)[:, None] + 2
    queries = candidates[[4, 0, 2, 1]] + 0.6 * torch.randn(4, 8, generator=generator)
    mean = candidates.mean(dim=0)
    right = cosines(queries - mean, candidates - mean).argmax(dim=1)
    given = answer(queries.clone(), candidates.clone())
    hint = compare(given, right, tolerance=0)
    if hint and not compare(given, cosines(queries, candidates).argmax(dim=1), tolerance=0):
        return "These are the nearest of the vectors as they came. Subtract the mean first."
    return hint
