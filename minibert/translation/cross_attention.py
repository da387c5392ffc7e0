"""Attention from one text to another (交叉注意力): the decoder looks at the encoder's text.

    CrossAttention(x, m) = Concat(head_1 … head_N) · W_O + b_O
    head_i = Attention(x·W_Q,i + b_Q,i,  m·W_K,i + b_K,i,  m·W_V,i + b_V,i)

where x are the decoder's T tokens, and m (the memory) is the encoder's last states, S tokens. Each
token that is written asks all tokens that were read. The mask hides the padding of m.

Shapes: x [B, T, D], memory [B, S, D], additive_mask [B, 1, 1, S] -> output [B, T, D],
probs [B, N, T, S]

Source: article D§3.1.3 (by name only); Vaswani et al. 2017, section 3.2.3.

Differs: nothing is new but where keys and values come from; the formula is F2's.
"""

import torch

from minibert.attention import MultiHeadAttention, attention_scores, softmax


class CrossAttention(MultiHeadAttention):
    """Multi-head attention whose keys and values come from the memory.

    Example:
        >>> from minibert.config import BertConfig
        >>> attention = CrossAttention(BertConfig(hidden_size=6, num_attention_heads=3))
        >>> no_padding = torch.zeros(1, 1, 1, 5)
        >>> output, probs = attention(torch.randn(1, 2, 6), no_padding, torch.randn(1, 5, 6))
        >>> output.shape, probs.shape
        (torch.Size([1, 2, 6]), torch.Size([1, 3, 2, 5]))
    """

    def forward(  # type: ignore[override]  # it takes the memory, too
        self, x: torch.Tensor, additive_mask: torch.Tensor, memory: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        query = self.split_heads(self.query(x))  # [B, N, T, H]
        key = self.split_heads(self.key(memory))  # [B, N, S, H]
        value = self.split_heads(self.value(memory))  # [B, N, S, H]
        scores = self.scores(attention_scores(query, key))  # [B, N, T, S]
        masked_scores = self.masked_scores(scores + additive_mask)
        probs = self.probs(softmax(masked_scores))
        context = self.context(self.dropout(probs) @ value)  # [B, N, T, H]
        merged_context = self.merged_context(context.transpose(1, 2).flatten(2))  # [B, T, D]
        return self.output(merged_context), probs
