"""Weights and activations as whole numbers of one byte: int8 quantization (量化).

    scale = max |x| / 127        q = round(x / scale)        x ≈ scale · q,  q from −127 to 127

Each row has a scale of its own: a row of W for each output feature, a row of x for each token. Then

    x · Wᵀ + b  ≈  scale_x · (q_x · q_Wᵀ) · scale_W + b

where q_x · q_Wᵀ is exact: products of bytes, whose sums fit into 32 bits. The engine
(extraction/linear.py) has the processor multiply bytes; here it is the same in float64. A scale
belongs to one token, so a text's vectors do not depend on the texts beside it.

Many processors (those without VNNI) add two such products in 16 bits. There q_x goes from −63 to
63 only: `top` is 63 for 127.

Shapes: x [T, D] -> q [T, D], scale [T, 1];  q_W [out, D], scale_W [out, 1]

Source: article C§9.7 names quantization; the formula is the usual one, "dynamic" because the scales
of x are found at each call (Zafrir et al. 2019, arXiv 1910.06188, section 2, has it for BERT).

Differs: LayerNorm, softmax, GELU, residuals and embeddings stay in float32.
"""

import torch


def quantize(rows: torch.Tensor, top: int = 127) -> tuple[torch.Tensor, torch.Tensor]:
    """Each row as whole numbers from −top to top, one byte each, and its scale.

    Example:
        >>> q, scale = quantize(torch.tensor([[0.5, -2.54, 1.0]]))
        >>> q.tolist(), round(scale.item(), 4)
        ([[25, -127, 50]], 0.02)
    """
    # The largest |x| without writing all |x| to memory.
    largest = torch.maximum(rows.amax(dim=-1, keepdim=True), -rows.amin(dim=-1, keepdim=True))
    scale = largest.clamp(min=torch.finfo(rows.dtype).tiny) / top  # a row of zeros stays zeros
    return (rows / scale).round_().to(torch.int8), scale


def quantized_linear(
    x: torch.Tensor,
    q_weight: torch.Tensor,
    weight_scale: torch.Tensor,
    bias: torch.Tensor,
    top: int = 127,
) -> torch.Tensor:
    """x · Wᵀ + b with the product in whole numbers."""
    q, scale = quantize(x, top)
    product = (q.double() @ q_weight.double().T).float()  # whole numbers: float64 adds them exactly
    return product * weight_scale.T * scale + bias
