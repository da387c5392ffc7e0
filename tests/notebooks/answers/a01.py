"""Notebook 01: text to ids."""

import numpy
import torch


def longest_match(word, vocabulary):
    found, start = [], 0
    while start < len(word):
        mark = "##" if found else ""
        ends = [
            end for end in range(start + 1, len(word) + 1) if mark + word[start:end] in vocabulary
        ]
        if not ends:
            return ["[UNK]"]
        found.append(mark + word[start : ends[-1]])
        start = ends[-1]
    return found


def shortest_match(word, vocabulary):
    found, start = [], 0
    while start < len(word):
        mark = "##" if found else ""
        for end in range(start + 1, len(word) + 1):
            if mark + word[start:end] in vocabulary:
                break
        else:
            return ["[UNK]"]
        found.append(mark + word[start:end])
        start = end
    return found


def keeps_what_it_found(word, vocabulary):
    """[UNK] for the rest only, not for the whole word."""
    found, start = [], 0
    while start < len(word):
        mark = "##" if found else ""
        for end in range(len(word), start, -1):
            if mark + word[start:end] in vocabulary:
                break
        else:
            return [*found, "[UNK]"]
        found.append(mark + word[start:end])
        start = end
    return found


def without_marks(word, vocabulary):
    return [piece.removeprefix("##") for piece in longest_match(word, vocabulary)]


def marks_forgotten_in_the_search(word, vocabulary):
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            if word[start:end] in vocabulary:
                break
        else:
            return ["[UNK]"]
        found.append(word[start:end])
        start = end
    return found


def with_a_way_back(word, vocabulary, mark=""):
    """Takes a shorter piece where the longest leads nowhere."""
    for end in range(len(word), 0, -1):
        if mark + word[:end] in vocabulary:
            rest = with_a_way_back(word[end:], vocabulary, "##") if word[end:] else []
            if rest != ["[UNK]"]:
                return [mark + word[:end], *rest]
    return ["[UNK]"]


RIGHT = {
    "01.1": [["word", "##ings"], ("word", "##ings")],
    "01.2": [[24, 4], (24, 4), torch.tensor([24, 4])],
    "01.3": [[0] * 6 + [1] * 5, torch.tensor([0] * 6 + [1] * 5), numpy.array([0] * 6 + [1] * 5)],
    "01.4": [9],
    "01.5": [longest_match],
}
WRONG = {
    "01.1": [
        ["word", "##ing", "##s"],
        ["wo", "##rd", "##ings"],
        ["word", "ings"],
        ["[UNK]"],
        "word ##ings",
    ],
    "01.2": [[18, 4], [22, 4], [24, 2], [20, 4], 24, "24"],
    "01.3": [[0] * 5 + [1] * 6, [0] * 6 + [1] * 4, [1] * 6 + [2] * 5, [0] * 11, "0"],
    "01.4": [7, 11, 5, 1],
    "01.5": [
        lambda word, vocabulary: ...,
        lambda word, vocabulary: [word],
        shortest_match,
        keeps_what_it_found,
        without_marks,
        marks_forgotten_in_the_search,
        with_a_way_back,
    ],
}
