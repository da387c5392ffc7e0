"""AdamW with BERT's settings, and Muon as a choice.

AdamW, for each weight w with gradient g, at step t:

    m = β_1·m + (1−β_1)·g        v = β_2·v + (1−β_2)·g²
    w = w − lr·λ·w − lr · m/(1−β_1ᵗ) / (√(v/(1−β_2ᵗ)) + ε)

with no decay λ on biases and LayerNorm.

Muon takes the matrices of the layers instead: it turns the averaged gradient M into the nearest
matrix whose singular values are all 1, so that every direction moves equally fast. A small BERT
then needs fewer steps to leave the plateau where it only knows how frequent each piece is (figures:
the model card of minibert-tiny).

Source: Devlin et al. 2018, appendix A.2, and the authors' optimization.py; Loshchilov and Hutter
2019 (arXiv 1711.05101). Muon: Jordan et al. 2024.

Differs: the authors' Adam leaves out the two corrections 1−βᵗ; warm-up hides the difference.
"""

import torch
from torch import nn

from minibert.training.settings import RunSettings


def make_optimizers(model: nn.Module, settings: RunSettings) -> list[torch.optim.Optimizer]:
    """The optimizers; each parameter that learns is in exactly one group of one of them."""
    matrices, decayed, plain = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:  # frozen: no decay, either
            continue
        if parameter.ndim < 2:  # biases, γ, β
            plain.append(parameter)
        elif settings.optimizer == "muon" and ".layers." in name:
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
    muon = torch.optim.Muon(
        matrices,
        lr=settings.muon_learning_rate,
        weight_decay=settings.weight_decay,
        # Steps of the size that Adam's have, so that both live with similar learning rates.
        adjust_lr_fn="match_rms_adamw",
    )
    return [adamw, muon]


def diagnosis(model: nn.Module, count: int = 5) -> str:
    """For the error of a step that went wrong: the weights that are not finite; if all are, the
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
