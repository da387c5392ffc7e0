"""Notebook 14: small and fast."""

import torch


def in_groups(rows, size):
    groups = rows.unflatten(1, (-1, size))
    scale = groups.abs().amax(dim=-1, keepdim=True) / 127
    return ((groups / scale).round() * scale).flatten(1)


def one_after_the_other(rows, size):
    restored = rows.clone()
    for row in restored:
        for start in range(0, len(row), size):
            scale = max(abs(row[start : start + size])) / 127
            row[start : start + size] = (row[start : start + size] / scale).round() * scale
    return restored


def without_groups(rows, size):
    return in_groups(rows, rows.shape[1])


def cut_off(rows, size):
    groups = rows.unflatten(1, (-1, size))
    scale = groups.abs().amax(dim=-1, keepdim=True) / 127
    return ((groups / scale).trunc() * scale).flatten(1)


def head_importance(gradients):
    found = gradients.abs().mean(dim=0)
    return found / (found**2).sum().sqrt()


def sum_of_heads(gradients):
    found = gradients.abs().sum(dim=0)
    return (found / found.norm()).double().numpy()


def signs_cancel(gradients):
    found = gradients.mean(dim=0).abs()
    return found / found.norm()


def smooth(x, weight):
    s = (x.abs().amax(dim=0) / weight.abs().amax(dim=0)).sqrt()
    return x / s, weight * s


def without_root(x, weight):
    s = x.abs().amax(dim=0) / weight.abs().amax(dim=0)
    return x / s, weight * s


RIGHT = {
    "14.1": [[30, -127, 12, 0], torch.tensor([30, -127, 12, 0])],
    "14.2": [7_105_536, 4 * 768 * 768 + 2 * 768 * 3072 + 4 * (5 * 768 + 3072)],
    "14.3": [in_groups, one_after_the_other, lambda rows, size: in_groups(rows, size).numpy()],
    "14.4": [head_importance, sum_of_heads],
    "14.5": [smooth, lambda x, weight: [part.numpy() for part in smooth(x, weight)]],
}
WRONG = {
    "14.1": [[1.5, -6.35, 0.6, 0.0], [30, 127, 12, 0], [30, -127, 12, -1], [30, -127, 12]],
    "14.2": [7_077_888, 28_311_552, 7_077_888 + 6912, 7_105_537],
    "14.3": [lambda rows, size: ..., without_groups, cut_off, lambda rows, size: rows],
    "14.4": [
        lambda gradients: ...,
        signs_cancel,
        lambda gradients: gradients.abs().mean(dim=0),
        lambda gradients: head_importance(gradients.T),
        lambda gradients: gradients.abs().mean(dim=0) / gradients.abs().mean(dim=0).sum(),
    ],
    "14.5": [
        lambda x, weight: ...,
        lambda x, weight: (x, weight),
        lambda x, weight: smooth(x, weight)[0],
        lambda x, weight: (smooth(x, weight)[0], weight),
        lambda x, weight: smooth(x, weight)[::-1],
        without_root,
    ],
}
