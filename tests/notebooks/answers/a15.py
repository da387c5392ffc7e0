"""Notebook 15: what fine-tuning changes."""

import torch

from minibert.finetuning.frozen import freeze


def one_step(W, b, x, labels, learning_rate, sign=-1.0):
    error = (x @ W.T + b).softmax(dim=-1)  # P, and then P − Y
    error[range(len(labels)), labels] -= 1
    error = error / len(labels)
    return W + sign * learning_rate * error.T @ x, b + sign * learning_rate * error.sum(dim=0)


def by_autograd(W, b, x, labels, learning_rate):
    W.requires_grad_()
    b.requires_grad_()
    torch.nn.functional.cross_entropy(x @ W.T + b, labels).backward()
    return W - learning_rate * W.grad, b - learning_rate * b.grad


def without_bias(W, b, x, labels, learning_rate):
    return one_step(W, b, x, labels, learning_rate)[0], b


def of_the_sum(W, b, x, labels, learning_rate):
    return one_step(W, b, x, labels, learning_rate * len(labels))


def without_labels(W, b, x, labels, learning_rate):
    P = (x @ W.T + b).softmax(dim=-1) / len(labels)
    return W - learning_rate * P.T @ x, b - learning_rate * P.sum(dim=0)


def loss_from(logits, labels):
    return -logits.log_softmax(dim=-1)[range(len(labels)), labels].mean()


def row_by_row(logits, labels):
    rows = zip(logits.exp(), labels, strict=True)
    return sum((row.sum() / row[label]).log().item() for row, label in rows) / len(labels)


def freeze_below(model, n):
    model.bert.embeddings.requires_grad_(False)
    for layer in model.bert.encoder.layers[:n]:
        layer.requires_grad_(False)


def by_the_package(model, n):
    freeze(model.bert, " ".join(["embeddings", *(f"layer{i + 1}" for i in range(n))]))


def without_embeddings(model, n):
    for layer in model.bert.encoder.layers[:n]:
        layer.requires_grad_(False)


def one_layer(model, n):
    model.bert.embeddings.requires_grad_(False)
    model.bert.encoder.layers[n - 1].requires_grad_(False)


def one_too_many(model, n):
    freeze_below(model, n + 1)


def everything(model, n):
    model.bert.requires_grad_(False)


def set_to_zero(model, n):
    freeze_below(model, n)
    with torch.no_grad():
        model.bert.embeddings.token.weight.zero_()


RIGHT = {
    "15.1": [[0.2, 0.5, -0.7], torch.tensor([0.2, 0.5, -0.7])],
    "15.2": [592_899, 768 * 768 + 768 + 3 * 768 + 3],
    "15.3": [one_step, by_autograd, lambda *given: [v.numpy() for v in one_step(*given)]],
    "15.4": [loss_from, row_by_row, torch.nn.functional.cross_entropy],
    "15.5": [freeze_below, by_the_package],
}
WRONG = {
    "15.1": [[-0.2, -0.5, 0.7], [0.2, 0.5, 0.7], [0.2, 0.5, 0.3], 0.7],
    "15.2": [2307, 592_128, 590_592, 592_898],
    "15.3": [
        lambda *given: ...,
        lambda *given: one_step(*given)[0],
        lambda *given: one_step(*given, sign=1.0),
        without_bias,
        of_the_sum,
        without_labels,
    ],
    "15.4": [
        lambda logits, labels: ...,
        lambda logits, labels: logits[0],
        lambda logits, labels: -loss_from(logits, labels),
        lambda logits, labels: loss_from(logits, labels) * len(labels),
        lambda logits, labels: loss_from(logits.softmax(dim=-1), labels),
    ],
    "15.5": [
        lambda model, n: ...,
        without_embeddings,
        one_layer,
        one_too_many,
        everything,
        set_to_zero,
    ],
}
