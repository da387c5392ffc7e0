"""Notebook 17: few examples."""

import torch


def mix(states, w, g):
    shares = w.softmax(dim=0)
    return g * sum(share * state for share, state in zip(shares, states, strict=True))


def in_one_sum(states, w, g):
    return g * torch.tensordot(w.exp() / w.exp().sum(), torch.stack(states), dims=1)


def without_softmax(states, w, g):
    return g * sum(weight * state for weight, state in zip(w, states, strict=True))


def inside(states, w, g):
    return mix(states, g * w, 1.0)


def plain(text):
    return text.strip().lower()


def honest(training_texts, test_texts):
    known = {plain(text) for text in training_texts}
    return [text for text in test_texts if plain(text) not in known]


def one_by_one(training_texts, test_texts):
    for text in test_texts:
        if all(plain(text) != plain(other) for other in training_texts):
            yield text


def to_the_letter(training_texts, test_texts):
    return [text for text in test_texts if text not in training_texts]


def each_once(training_texts, test_texts):
    return list(dict.fromkeys(honest(training_texts, test_texts)))


def made_plain(training_texts, test_texts):
    return [plain(text) for text in honest(training_texts, test_texts)]


def sorted_ones(training_texts, test_texts):
    return sorted(honest(training_texts, test_texts), reverse=True)


RIGHT = {
    "17.1": [[6.0, 10.0], torch.tensor([6.0, 10.0])],
    "17.2": [2321, 768 * 3 + 3 + 13 + 1],
    "17.3": [mix, in_one_sum, lambda states, w, g: mix(states, w, g).numpy()],
    "17.4": [honest, one_by_one],
    "17.5": [(0.01225, 3600), [(0.9 * 0.1 / 600) ** 0.5, 3600.0], torch.tensor([0.0122, 3600])],
}
WRONG = {
    "17.1": [[3.0, 5.0], [48.0, 80.0], [8.0, 8.0], [8.0], [8.0, 10.0]],
    "17.2": [2307, 2320, 2319, 2318, 109_482_240],
    "17.3": [
        lambda states, w, g: ...,
        without_softmax,
        inside,
        lambda states, w, g: mix(states, w, 1.0),
        lambda states, w, g: g * sum(states) / len(states),
    ],
    "17.4": [
        lambda training_texts, test_texts: ...,
        to_the_letter,
        each_once,
        made_plain,
        sorted_ones,
        lambda training_texts, test_texts: test_texts,
        lambda training_texts, test_texts: [],
    ],
    "17.5": [(0.00015, 3600), (0.01225, 1470), (0.01225, 3599), 0.01225, (0.0387, 3600)],
}
