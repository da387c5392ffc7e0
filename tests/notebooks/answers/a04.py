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
