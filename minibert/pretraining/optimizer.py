"""AdamW with BERT's settings, the learning rate over time, and Muon as a choice.

AdamW, for each weight w with gradient g, at step t:

    m = β_1·m + (1−β_1)·g        v = β_2·v + (1−β_2)·g²
    w = w − lr·λ·w − lr · m/(1−β_1ᵗ) / (√(v/(1−β_2ᵗ)) + ε)

with no decay λ on biases and LayerNorm. The learning rate rises in a straight line during warm-up
and falls in one to 0 at the last step.

Muon takes the matrices of the encoder instead: it turns the averaged gradient M into the nearest
matrix whose singular values are all 1, so that every direction moves equally fast. A small BERT
then needs fewer steps to leave the plateau where it only knows how frequent each piece is (figures:
the model card of minibert-tiny).

Source: Devlin et al. 2018, appendix A.2, and the authors' optimization.py; Loshchilov and Hutter
2019 (arXiv 1711.05101). Muon: Jordan et al. 2024, in PyTorch from 2.9.

Differs: the authors' Adam leaves out the two corrections 1−βᵗ; warm-up hides the difference.
"""

import torch
from torch import nn

from minibert.pretraining.settings import Settings


def make_optimizers(model: nn.Module, settings: Settings) -> list[torch.optim.Optimizer]:
    """The optimizers; each parameter is in exactly one group of one of them."""
    matrices, decayed, plain = [], [], []
    for name, parameter in model.named_parameters():
        if parameter.ndim < 2:  # biases, γ, β
            plain.append(parameter)
        elif settings.optimizer == "muon" and "encoder.layers" in name:
            matrices.append(parameter)
        else:
            decayed.append(parameter)
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        betas=(settings.beta1, settings.beta2),
        eps=settings.epsilon,
        fused=True,
    )
    if not matrices:
        return [adamw]
    if not hasattr(torch.optim, "Muon"):
        raise ValueError(f"optimizer 'muon' needs PyTorch 2.9 or newer, not {torch.__version__}")
    muon = torch.optim.Muon(
        matrices,
        lr=settings.muon_learning_rate,
        weight_decay=settings.weight_decay,
        # Steps of the size that Adam's have, so that both live with similar learning rates.
        adjust_lr_fn="match_rms_adamw",
    )
    return [adamw, muon]


def schedule(step: int, settings: Settings) -> float:
    """The share of the learning rate for step 0, 1, …

    Example:
        >>> settings = Settings(steps=10, warmup=0.4)
        >>> [round(schedule(step, settings), 2) for step in range(10)]
        [0.0, 0.25, 0.5, 0.75, 1.0, 0.83, 0.67, 0.5, 0.33, 0.17]
    """
    warmup = round(settings.warmup * settings.steps)
    if step < warmup:
        return step / warmup
    return (settings.steps - step) / max(1, settings.steps - warmup)


def set_learning_rate(optimizers: list[torch.optim.Optimizer], share: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("full_lr", group["lr"])
            group["lr"] = group["full_lr"] * share


def diagnosis(model: nn.Module, count: int = 5) -> str:
    """For the report of a step that went wrong: weights that are broken already, else the
    parameters with the largest gradients, NaN first.
    """
    broken = [name for name, p in model.named_parameters() if not p.isfinite().all()]
    if broken:
        return f"weights that are not finite: {', '.join(broken[:count])}"
    sizes = [
        (float(parameter.grad.norm()), name)
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    ]
    sizes.sort(key=lambda size: (size[0] == size[0], -size[0]))
    return "largest gradients: " + ", ".join(f"{name} {size:.3g}" for size, name in sizes[:count])
