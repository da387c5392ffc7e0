"""Notebook 16: entities and answers."""

import torch

from minibert.heads import NO_LABEL

ENTITIES = [("person", 0, 1), ("person", 1, 3), ("place", 4, 5), ("person", 5, 6), ("place", 6, 7)]


def targets_of(word_of_token, labels):
    seen = {-1}
    found = []
    for word in word_of_token:
        found.append(NO_LABEL if word in seen else labels[word])
        seen.add(word)
    return found


def as_tensor(word_of_token, labels):
    words = torch.tensor(word_of_token)
    is_first = words != torch.cat([torch.tensor([-1]), words[:-1]])
    return torch.where(is_first & (words >= 0), torch.tensor(labels)[words], NO_LABEL)


def every_piece(word_of_token, labels):
    return [labels[word] if word >= 0 else NO_LABEL for word in word_of_token]


def last_piece(word_of_token, labels):
    return targets_of(word_of_token[::-1], labels)[::-1]


def with_zeros(word_of_token, labels):
    return [0 if t == NO_LABEL else t for t in targets_of(word_of_token, labels)]


def label_of_special(word_of_token, labels):
    pairs = zip([None, *word_of_token], word_of_token, strict=False)
    return [labels[word] if word != before else NO_LABEL for before, word in pairs]


def best_span(start, end, longest):
    table = start[:, None] + end[None, :]
    table[~torch.ones_like(table).triu().tril(longest - 1).bool()] = -torch.inf
    return divmod(table.argmax().item(), len(start))


def by_loops(start, end, longest):
    allowed = [(i, j) for i in range(len(start)) for j in range(i, min(i + longest, len(start)))]
    return max(allowed, key=lambda span: start[span[0]] + end[span[1]])


def one_by_one(start, end, longest):
    return start.argmax(), end.argmax()


def any_length(start, end, longest):
    return best_span(start, end, len(start))


def one_too_long(start, end, longest):
    return best_span(start, end, longest + 1)


def start_first(start, end, longest):
    i = start.argmax()
    return i, i + end[i : i + longest].argmax()


def may_answer(ids, sep):
    first = ids.index(sep)
    return [first < place < len(ids) - 1 for place in range(len(ids))]


def by_counting(ids, sep):
    found, seps = [], 0
    for token in ids:
        seps += token == sep
        found.append(seps == 1 and token != sep)
    return found


def with_last_sep(ids, sep):
    first = ids.index(sep)
    return [place > first for place in range(len(ids))]


RIGHT = {
    "16.1": [ENTITIES, [list(entity) for entity in ENTITIES]],
    "16.2": [targets_of, as_tensor],
    "16.3": [[0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2]],
    "16.4": [best_span, by_loops],
    "16.5": [may_answer, by_counting, lambda ids, sep: torch.tensor(may_answer(ids, sep))],
}
WRONG = {
    "16.1": [
        [(kind, start, end - 1) for kind, start, end in ENTITIES],
        [("person", 0, 3), ("place", 4, 5), ("person", 5, 6), ("place", 6, 7)],
        [("person", 0, 3), ("place", 4, 7)],
        [("person", 1, 3), ("place", 6, 7)],  # only what begins with B-
        3,
    ],
    "16.2": [
        lambda words, labels: ...,
        every_piece,
        last_piece,
        with_zeros,
        label_of_special,
    ],
    "16.3": [
        [0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2],  # the first window that has it
        [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2],  # the last one
        [0, 0, 0, 0, 1, 1, 1, 2, 2, 2],
    ],
    "16.4": [
        lambda start, end, longest: ...,
        one_by_one,
        any_length,
        one_too_long,
        start_first,
        lambda start, end, longest: best_span(end, start, longest),
    ],
    "16.5": [
        lambda ids, sep: ...,
        with_last_sep,
        lambda ids, sep: [token != sep for token in ids],
        lambda ids, sep: [not answer for answer in may_answer(ids, sep)],
    ],
}
