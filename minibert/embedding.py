"""Ids to vectors: token + position + segment, then LayerNorm, F12.

    E(ids) = LayerNorm(token[ids] + position[0 … S−1] + segment[segment ids])

where the input row is [CLS] A [SEP] or [CLS] A [SEP] B [SEP], and the segment is 0 from [CLS] to
the first [SEP], 1 after it.

Shapes: input_ids [B, S], token_type_ids [B, S] -> [B, S, D]

Source: article E§3.1, A§2.3 and A§4.3; Devlin et al. 2018, section 3 and figure 2.

Differs: articles A to D leave out the segments, and none has the LayerNorm and dropout that end the
embeddings; both are in the authors' code. `hidden_states[0]` is this module's output.
"""

import torch
from torch import nn

from minibert.config import BertConfig
from minibert.layer_norm import LayerNorm
from minibert.named import Named
from minibert.positional import POSITIONS


class Embeddings(nn.Module):
    """The sum of three embeddings, normalised.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=4, num_attention_heads=2)
        >>> embeddings = Embeddings(config)
        >>> ids = torch.tensor([[2, 5, 3]])  # [CLS] word [SEP]
        >>> embeddings(ids, torch.zeros_like(ids)).shape
        torch.Size([1, 3, 4])
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position = POSITIONS[config.position_embedding_type](config)
        self.segment = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.sum = Named()
        self.layer_norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        token = self.token(input_ids)  # [B, S, D]
        segment = self.segment(token_type_ids)  # [B, S, D]
        position = self.position(input_ids.shape[1])  # [S, D]
        total = self.sum(token + segment + position)  # [B, S, D], positions alike for each text
        return self.dropout(self.layer_norm(total))
