"""The mask that hides the future (因果掩码): a token sees itself and what stands before it.

    mask_ts = 0                          if s ≤ t and token s is real
    mask_ts = very large and negative    otherwise

where t is the token that looks (a row) and s the one that it looks at. It is added to the attention
scores, in the place of BERT's mask, which hides padding alone.

So all T next tokens can be learned in one forward pass: row t knows nothing of the token t+1 that
it has to guess.

Shapes: padding_mask [B, T] -> additive_mask [B, 1, T, T]

Source: article D§3.1.3 (without formula); Vaswani et al. 2017, section 3.2.3.

Differs: article D§3.1.3 describes encoder and decoder as alike; this mask and cross-attention are
what differs. The paper writes −∞; see make_additive_mask for why it is a finite number here.
"""

import torch

from minibert.attention import make_additive_mask


def make_causal_mask(padding_mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """1 = a real token, 0 = padding, to 0 = may be seen, very large and negative = hidden.

    Example:
        >>> make_causal_mask(torch.tensor([[1, 1, 1]]), torch.float32)[0, 0] == 0
        tensor([[ True, False, False],
                [ True,  True, False],
                [ True,  True,  True]])
    """
    length = padding_mask.shape[1]
    past = torch.ones(length, length, dtype=torch.bool, device=padding_mask.device).tril()
    hides_padding = make_additive_mask(padding_mask, dtype)  # [B, 1, 1, T]
    return hides_padding.masked_fill(~past, torch.finfo(dtype).min)  # [B, 1, T, T]
