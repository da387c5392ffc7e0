"""What is right in notebook 16: entities and answers."""

import random

import torch

from minibert.finetuning.entities import spans
from minibert.heads import NO_LABEL
from minibert.packing import keeps, windows

from . import compare, exercise


@exercise("16.1")
def entities(answer) -> str | None:
    tags = ["I-person", "B-person", "I-person", "O", "I-place", "I-person", "B-place"]
    right = [tuple(span) for span in spans(tags)]
    try:
        given = [(str(kind), int(start), int(end)) for kind, start, end in answer]
    except (TypeError, ValueError):
        return "A list of (type, start, end) is wanted."
    if given == right:
        return None
    if given == [(kind, start, end - 1) for kind, start, end in right]:
        return "Nearly: the end is the first word after the entity."
    if len(given) != len(right):
        return f"{len(given)} entities are not as many as there are."
    return "The number of entities is right. Look at types, starts and ends (from 0, exclusive)."


@exercise("16.2")
def first_pieces(answer) -> str | None:
    for words, labels in (
        ([-1, 0, 1, 1, 2, 2, 2, -1], [3, 1, 0]),
        ([-1, 0, 1, 2, -1], [0, 0, 2]),
        ([-1, 2, 2, 3, 3, 4, -1], [9, 9, 5, 0, 7]),  # a later window
    ):
        right = [
            labels[word] if word >= 0 and word != before else NO_LABEL
            for before, word in zip([-1, *words], words, strict=False)
        ]
        given = answer(list(words), list(labels))
        hint = compare(given, right, tolerance=0)
        each = [labels[word] if word >= 0 else NO_LABEL for word in words]
        if hint and not compare(given, each, tolerance=0):
            return "Every piece has its word's label. Only the first of a word should have it."
        if hint:
            return f"words {words}, labels {labels}: {hint}"
    return None


@exercise("16.3")
def asked_where(answer: list[int]) -> str | None:
    right = [0] * 11
    for number, (part, (first, last)) in enumerate(keeps(windows(11, size=5, stride=2))):
        for token in range(part.start + max(first, 1) - 1, min(part.start + last - 1, part.stop)):
            right[token] = number
    hint = compare(answer, right, tolerance=0)
    return hint and hint + " The windows begin at 0, 3 and 6; each overlap is shared by two."


@exercise("16.4")
def best_span(answer) -> str | None:
    generator = torch.Generator().manual_seed(164)
    for length, longest in ((5, 5), (9, 3), (9, 1), (12, 4), (12, 12)):
        for _ in range(4):
            start, end = torch.randn(2, length, generator=generator)
            allowed = torch.ones(length, length).triu().tril(longest - 1).bool()
            table = (start[:, None] + end).where(allowed, torch.tensor(-torch.inf))
            right = divmod(int(table.argmax()), length)
            given = answer(start.clone(), end.clone(), longest)
            if hint := compare(given, right, tolerance=0):
                one_by_one = (int(start.argmax()), int(end.argmax()))
                if right != one_by_one and not compare(given, one_by_one, tolerance=0):
                    return "These are the best start and the best end, each by itself."
                return f"S = {length}, at most {longest} tokens: {hint}"
    return None


@exercise("16.5")
def in_the_context(answer) -> str | None:
    rng = random.Random(165)
    for asked, told in ((3, 5), (1, 4), (6, 1)):
        draw = [rng.randrange(10, 99) for _ in range(asked + told)]
        ids = [2, *draw[:asked], 3, *draw[asked:], 3]
        right = [False] * (asked + 2) + [True] * told + [False]
        given = answer(list(ids), 3)
        hint = compare(given, right, tolerance=0)
        if hint and not compare(given, [*right[:-1], True], tolerance=0):
            return "The last [SEP] is no word of the context."
        if hint:
            return f"{asked} tokens of a question, {told} of a context: {hint}"
    return None
