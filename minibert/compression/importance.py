"""Which heads and feed-forward neurons matter: how fast the loss changes if one is turned down.

    context_n ← ξ_n · context_n        activation_i ← ξ_i · activation_i        all ξ = 1
    importance = E |∂loss/∂ξ|,  then divided by √Σ importance² of its layer

A gate of 1 changes nothing and has a gradient all the same. Each text's gradient loses its sign by
itself: a head that helps one text and harms another must not come out as 0. The division makes
layers comparable, whose gradients differ in size.

Shapes: context [B, N, S, H], activation [B, S, I] -> heads [L, N], neurons [L, I]

Source: Michel, Levy and Neubig 2019 (arXiv 1905.10650), section 4.1; C§9.7 only names pruning.

Differs: the paper has gates for heads only; a neuron gets the same formula.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from minibert.heads import cross_entropy
from minibert.inspection.patch import patch
from minibert.model import BertModel

Loss = Callable[[Any, Any], torch.Tensor]  # of a model and a batch


@dataclass(frozen=True)
class Importance:
    """Row i is encoder.layers.i, and has length 1. `loss`: the mean over the batches."""

    heads: torch.Tensor  # [L, N]
    neurons: torch.Tensor  # [L, I]
    loss: float


def masked_lm_loss(model: Any, batch: Any) -> torch.Tensor:
    """The loss of a batch of pretraining/masking.py's mask_texts, for text without labels."""
    if not hasattr(model, "mlm"):
        raise ValueError("the MLM loss needs a model with that head; or give a loss of your own")
    device = model.mlm.bias.device
    output = model(**{name: tensor.to(device) for name, tensor in batch[0].items()})
    return cross_entropy(output.mlm_logits, batch[1].to(device))


def importance(model: nn.Module, batches: Iterable[Any], loss: Loss = masked_lm_loss) -> Importance:
    """The importance of all heads and neurons of a BertModel, or of the `bert` inside `model`.

    `loss(model, batch)` runs the model and returns the mean loss of the batch's texts.
    """
    bert = bert_of(model)
    if model.training:
        raise ValueError("model is in training mode, where dropout changes the loss: model.eval()")
    layers = [f"encoder.layers.{i}" for i in range(bert.config.num_hidden_layers)]
    heads = [f"{layer}.attention.context" for layer in layers]
    neurons = [f"{layer}.feed_forward.activation" for layer in layers]
    totals: dict[str, Any] = dict.fromkeys([*heads, *neurons], 0.0)
    gates: dict[str, torch.Tensor] = {}
    losses: list[float] = []

    def times_gate(name: str, value: torch.Tensor) -> torch.Tensor:
        if name not in gates:  # [B, N, 1, 1] or [B, 1, I]: each text has its own
            part = value[:, :, :1, :1] if name in heads else value[:, :1]
            gates[name] = torch.ones_like(part, requires_grad=True)
        return value * gates[name]

    for batch in batches:
        gates.clear()
        with torch.enable_grad(), patch(bert, {name: partial(times_gate, name) for name in totals}):
            value = loss(model, batch)
        if not gates or value.numel() != 1 or not value.isfinite():
            raise ValueError("loss(model, batch) must run the model and return one finite number")
        losses.append(value.item())
        gradients = torch.autograd.grad(value, [*gates.values()], materialize_grads=True)
        for name, gradient in zip(gates, gradients, strict=True):  # each text counts 1/B in a mean
            totals[name] += len(gradient) * gradient.abs().sum(dim=0).double().cpu().flatten()
    if not losses:
        raise ValueError("batches is empty: give at least one text with a word in it")
    found = [torch.stack([totals[name] for name in names]) for names in (heads, neurons)]
    of_heads, of_neurons = (nn.functional.normalize(rows, dim=1) for rows in found)
    return Importance(of_heads, of_neurons, sum(losses) / len(losses))


def bert_of(model: nn.Module) -> BertModel:
    """The BertModel itself, or the one inside a model with heads."""
    bert = getattr(model, "bert", model)
    if not isinstance(bert, BertModel):
        raise ValueError(f"model must be one of minibert's, not {type(model).__name__}")
    return bert


def draw(found: Importance, taken: Mapping[int, Sequence[int]], file: str) -> None:
    """A picture of the heads' importance by layer; a cross on those that were taken out."""
    from matplotlib.figure import Figure

    layers, count = found.heads.shape
    figure = Figure(figsize=(3 + count / 2, 2 + layers / 2), layout="constrained")
    axes = figure.add_subplot(xticks=range(count), yticks=range(layers))
    axes.set(xlabel="head", ylabel="encoder.layers")
    figure.colorbar(axes.imshow(found.heads.numpy(), vmin=0), label="importance")
    for layer, heads in taken.items():
        axes.plot(heads, [layer] * len(heads), "x", color="white")
    figure.savefig(file, dpi=150, metadata={"Software": "minibert"})
