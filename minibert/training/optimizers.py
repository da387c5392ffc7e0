"""AdamW with BERT's settings, and Muon as a choice.

AdamW, for each weight w with gradient g, at step t:

    m = β_1·m + (1−β_1)·g        v = β_2·v + (1−β_2)·g²
    w = w − lr·λ·w − lr · m/(1−β_1ᵗ) / (√(v/(1−β_2ᵗ)) + ε)

with no decay λ on biases and LayerNorm.

Muon takes the matrices of the layers instead: it turns the averaged gradient M into the nearest
matrix whose singular values are all 1, so that every direction moves equally fast. A small BERT
then needs fewer steps to leave the plateau where it only knows how frequent each piece is (figures:
the model card of minibert-tiny). With gradient G, and an average M̄ that starts at 0:

    M̄ = 0.95·M̄ + 0.05·G         M = 0.95·M̄ + 0.05·G
    w = w − lr·λ·w − lr · 0.2·√max(rows, columns) · orthogonal(M)

Source: Devlin et al. 2018, appendix A.2, and the authors' optimization.py; Loshchilov and Hutter
2019 (arXiv 1711.05101). Muon: Jordan et al. 2024; the size of its steps: Liu et al. 2025 (arXiv
2502.16982).

Differs: the authors' Adam leaves out the two corrections 1−βᵗ; warm-up hides the difference.
"""

import torch
from torch import nn

from minibert.common.devices import has_bfloat16
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
    kind = torch.optim.Muon if has_bfloat16(matrices[0].device) else MuonFloat32
    muon = kind(
        matrices,
        lr=settings.muon_learning_rate,
        weight_decay=settings.weight_decay,
        # Steps of the size that Adam's have, so that both live with similar learning rates.
        adjust_lr_fn="match_rms_adamw",
    )
    return [adamw, muon]


class MuonFloat32(torch.optim.Muon):
    """Muon in the precision of the weights. PyTorch's Muon multiplies in bfloat16, which takes many
    times as long where the hardware cannot. Settings and state are the same.
    """

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]  # it takes no closure
        """One step of each parameter that has a gradient: the formula above."""
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(parameter.grad)
                average = state["momentum_buffer"].lerp_(parameter.grad, 1 - momentum)
                update = orthogonal(parameter.grad.lerp(average, momentum))
                parameter.mul_(1 - rate * group["weight_decay"])
                parameter.add_(update, alpha=-rate * 0.2 * max(parameter.shape) ** 0.5)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """The same singular vectors, and every singular value near 1.

    Five steps of Newton and Schulz, X = a·X + (b·A + c·A²)·X with A = X·Xᵀ: each singular value s
    becomes a·s + b·s³ + c·s⁵. With Jordan's a, b, c they end between 0.68 and 1.21, except those
    below 0.002 of the matrix's norm, which can stay smaller.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    is_tall = matrix.size(0) > matrix.size(1)
    x = matrix.T if is_tall else matrix  # so that A is the smaller product
    x = x / x.norm().clamp(min=1e-7)  # now no singular value is above 1
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if is_tall else x


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
