"""The position of a token: BERT's learned table and the Transformer's sinusoid (位置编码), F5.

BERT:         position(p) = row p of a learned table
Transformer:  PE(p, 2i) = sin(p / 10000^(2i/D))        PE(p, 2i+1) = cos(p / 10000^(2i/D))

where p is the position (0 is [CLS]) and 2i, 2i+1 count the D features. Attention by itself sees a
set of tokens, not a row of them: without positions, permuting the words changes nothing.

Shapes: length S -> [S, D], the same for each text of a batch

Source: learned: Devlin et al. 2018, figure 2. Sinusoid: article D§3.1.2 and B§3.2; Vaswani et al.
2017 (arXiv 1706.03762), section 3.5.

Differs: the articles give BERT the sinusoid; every official BERT has the table. Both are a vector
of size D that is added, not one more feature appended (article A§4.3). The Transformer multiplies
token embeddings by √D before it adds the sinusoid; `position_embedding_type="sinusoidal"` keeps
BERT's plain sum.
"""

import torch
from torch import nn

from minibert.config import BertConfig


def sinusoid_table(positions: int, hidden_size: int) -> torch.Tensor:
    """PE for each position and feature.

    Example:
        >>> sinusoid_table(3, 4)  # wavelengths 2π and 200π
        tensor([[ 0.0000,  1.0000,  0.0000,  1.0000],
                [ 0.8415,  0.5403,  0.0100,  0.9999],
                [ 0.9093, -0.4161,  0.0200,  0.9998]])
    """
    position = torch.arange(positions, dtype=torch.float64).unsqueeze(1)  # [positions, 1]
    even_feature = torch.arange(0, hidden_size, 2, dtype=torch.float64)  # [⌈D/2⌉], the 2i
    angle = position / 10000 ** (even_feature / hidden_size)  # [positions, ⌈D/2⌉]
    # Sine and cosine side by side, then flattened: sin, cos, sin, cos …
    table = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)  # [positions, 2·⌈D/2⌉]
    return table[:, :hidden_size].to(torch.get_default_dtype())  # [positions, D]


class LearnedPositions(nn.Module):
    """BERT's: a table with one trainable row for each position."""

    table: torch.Tensor

    def __init__(self, config: BertConfig):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(config.max_position_embeddings, config.hidden_size))

    def forward(self, length: int) -> torch.Tensor:
        position_ids = torch.arange(length, device=self.table.device)  # [S]
        return self.table[position_ids]  # [S, D]


class SinusoidalPositions(nn.Module):
    """The Transformer's: the same table, computed once and never trained."""

    table: torch.Tensor

    def __init__(self, config: BertConfig):
        super().__init__()
        # A buffer moves and is saved with the model like a parameter, but takes no gradient.
        table = sinusoid_table(config.max_position_embeddings, config.hidden_size)
        self.register_buffer("table", table)

    def forward(self, length: int) -> torch.Tensor:
        return self.table[:length]  # [S, D]


POSITIONS: dict[str, type[LearnedPositions] | type[SinusoidalPositions]] = {
    "absolute": LearnedPositions,
    "sinusoidal": SinusoidalPositions,
}
