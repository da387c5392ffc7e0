"""What is right in notebook 15: what fine-tuning changes."""

import torch

from minibert.config import BertConfig
from minibert.heads import cross_entropy
from minibert.task_heads import BertForSequenceClassification

from . import compare, exercise


@exercise("15.1")
def gradient_of_logits(answer: list[float]) -> str | None:
    hint = compare(answer, [0.2, 0.5, -0.7])
    if hint and not compare(answer, [-0.2, -0.5, 0.7]):
        return "This is Y − P, the direction in which the logits should go. The gradient is uphill."
    return hint


@exercise("15.2")
def weights_that_learn(answer: int) -> str | None:
    head, pooler = 768 * 3 + 3, 768 * 768 + 768
    hint = compare(answer, head + pooler, tolerance=0)
    if hint and not compare(answer, head, tolerance=0):
        return "This is the head alone. The pooler is a map from D to D, and learns too."
    if hint and not compare(answer, 768 * 3 + 768 * 768, tolerance=0):
        return "Each of the two maps has a bias."
    return hint


@exercise("15.3")
def one_step(answer) -> str | None:
    generator = torch.Generator().manual_seed(153)
    W, b, x = (torch.randn(*shape, generator=generator) for shape in ((3, 5), (3,), (7, 5)))
    labels = torch.tensor([0, 2, 1, 1, 2, 0, 2])
    kept = [value.clone() for value in (W, b, x)]
    given = answer(*kept, labels.clone(), 0.3)
    if given is ... or given is None:
        return "There is no answer yet: nothing came back."
    if len(given) != 2:
        return f"Two are wanted, (W, b), not {len(given)}."
    W.requires_grad_()
    b.requires_grad_()
    cross_entropy(x @ W.T + b, labels).backward()
    for name, value, new in (("W", W, given[0]), ("b", b, given[1])):
        assert value.grad is not None
        hint = compare(new, value - 0.3 * value.grad, tolerance=1e-5)
        if hint and not compare(new, value + 0.3 * value.grad, tolerance=1e-5):
            return f"{name} went uphill: the loss rises."
        if hint and not compare(new, value - 0.3 * 7 * value.grad, tolerance=1e-5):
            return f"{name}: this is the gradient of the sum. The loss is the mean over the rows."
        if hint:
            return f"{name}: {hint}"
    return None


@exercise("15.4")
def loss_from(answer) -> str | None:
    logits = 3 * torch.randn(6, 4, generator=torch.Generator().manual_seed(154))
    labels = torch.tensor([3, 0, 1, 1, 2, 0])
    right = cross_entropy(logits, labels)
    given = answer(logits.clone(), labels.clone())
    hint = compare(given, right, tolerance=1e-5)
    if hint and not compare(given, logits[0]):
        return "These are the first row's logits, as in the article. No label moves them."
    if hint and not compare(given, right * len(labels), tolerance=1e-4):
        return "This is the sum. With it, a batch twice as large takes steps twice as long."
    if hint and not compare(given, -right, tolerance=1e-5):
        return "This is log P. A loss becomes smaller when the model becomes better."
    return hint


@exercise("15.5")
def freeze_below(answer) -> str | None:
    config = BertConfig(
        vocab_size=11,
        hidden_size=6,
        num_hidden_layers=3,
        num_attention_heads=3,
        intermediate_size=5,
    )
    for n in (2, 0, 3):
        model = BertForSequenceClassification(config)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        answer(model, n)
        frozen = ("bert.embeddings.", *(f"bert.encoder.layers.{i}." for i in range(n)))
        learning = {name for name, value in model.named_parameters() if value.requires_grad}
        if any(not torch.equal(value, before[name]) for name, value in model.state_dict().items()):
            return "The weights themselves should stay as they are."
        if n == 2 and len(learning) == len(before):
            return "All weights still take a gradient."
        for name in before:
            if (name in learning) == name.startswith(frozen):
                state = "learns" if name in learning else "is frozen"
                return f"n = {n}: {name} {state}, and should not."
    return None
