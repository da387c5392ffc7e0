"""Notebook 04: many heads."""

import torch


def split_heads(x, N):
    B, S, D = x.shape
    return x.view(B, S, N, D // N).transpose(1, 2)


def by_cutting(x, N):
    return torch.stack(x.chunk(N, dim=-1), dim=1)


def straight_view(x, N):
    B, S, D = x.shape
    return x.view(B, N, S, D // N)


def not_transposed(x, N):
    return x.unflatten(-1, (N, -1))


def every_nth_feature(x, N):
    return x.unflatten(-1, (-1, N)).permute(0, 3, 1, 2)


def parts(context, W_O):
    N, _, H = context.shape
    return context @ W_O.view(N, H, -1)


def parts_one_by_one(context, W_O):
    return torch.stack(
        [head @ rows for head, rows in zip(context, W_O.chunk(len(context)), strict=True)]
    )


def columns(context, W_O):
    return torch.stack(
        [head @ block.T for head, block in zip(context, W_O.chunk(3, dim=1), strict=True)]
    )


def only(head):
    def change(context):
        kept = torch.zeros_like(context)
        kept[:, head] = context[:, head]
        return kept

    return change


def by_a_factor(head):
    def change(context):
        factor = torch.arange(context.shape[1]) == head
        return context * factor[:, None, None]

    return change


def all_but_this(head):
    return lambda context: context - only(head)(context)


def the_head_alone(head):
    return lambda context: context[:, head]


def in_place(head):
    def change(context):
        kept = context[:, head].clone()
        context[:] = 0
        context[:, head] = kept
        return context

    return change


def wrong_axis(head):
    def change(context):
        kept = torch.zeros_like(context)
        kept[:, :, head] = context[:, :, head]
        return kept

    return change


RIGHT = {
    "04.1": [[64, 4198400], torch.tensor([64.0, 4198400.0])],
    "04.2": [split_heads, by_cutting],
    "04.3": [parts, parts_one_by_one],
    "04.4": ["key"],
    "04.5": [only, by_a_factor],
}
WRONG = {
    "04.1": [[64, 4194304], [64, 3148800], [16, 4198400], [64, 16 * 4198400], "64"],
    "04.2": [lambda x, N: ..., straight_view, not_transposed, every_nth_feature],
    "04.3": [
        lambda context, W_O: ...,
        columns,
        lambda context, W_O: parts(context, W_O).sum(dim=0),
        lambda context, W_O: parts(context, W_O.T),
    ],
    "04.4": ["query", "value", "output", "K", 2],
    "04.5": [
        lambda head: lambda module, inputs, context: ...,
        all_but_this,
        the_head_alone,
        in_place,
        wrong_axis,
    ],
}
NAMED = {
    "04.1": {
        "biases are left out": [64, 4194304],
        "W_O and its bias": [64, 3148800],
        "W_O and all biases": [64, 3145728],
        "its own matrices": [64, 16 * 4198400],
        "that is N, not H": [16, 4198400],
        "one head": [64, 4 * (1024 * 64 + 64)],
    },
    "04.2": {
        "deals out the tokens": straight_view,
        "transpose(1, 2) is missing": not_transposed,
        "every N-th feature": every_nth_feature,
        "S and H are exchanged": lambda x, N: split_heads(x, N).mT,
        "B and N are exchanged": lambda x, N: split_heads(x, N).transpose(0, 1),
        "N features for each of H heads": lambda x, N: split_heads(x, x.shape[-1] // N),
    },
    "04.3": {
        "added up": lambda context, W_O: parts(context, W_O).sum(dim=0),
        "cut into columns": columns,
        "W_O is transposed": lambda context, W_O: parts(context, W_O.T),
        "the first block": lambda context, W_O: context @ W_O[:4],
        "every N-th row": lambda context, W_O: torch.stack(
            [head @ W_O[i::3] for i, head in enumerate(context)]
        ),
        "[S, N, D]": lambda context, W_O: parts(context, W_O).transpose(0, 1),
    },
    "04.4": {"One of": torch.tensor([1.0, 2.0]), "comes through whole": "value"},
    "04.5": {
        "the one that is taken out": all_but_this,
        "the shape must stay": the_head_alone,
        "too": lambda head: lambda context: context[:, [head]],
        "the token of this number": wrong_axis,
        "the feature of this number": lambda head: (
            lambda context: context * (torch.arange(context.shape[-1]) == head)
        ),
        "counted from 1": lambda head: only(head - 1) if head else only(2),
        "nothing is changed": lambda head: lambda context: context,
        "clone it first": in_place,
        "must return a function": lambda head: torch.zeros(2),
    },
}
