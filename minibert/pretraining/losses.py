"""The pretraining loss of a batch, as fast as PyTorch's own operations go.

    loss = mean over the masked tokens of −log P(token)  +  mean over the rows of −log P(is next?)

The formulas are those of the textbook, and the parameters are the textbook model's. The work is
arranged in another way:

1. The MLM head runs at the masked positions only, a seventh of the tokens. With D = 256 and 8,192
   pieces it costs nearly as much as three encoder layers for each token.
2. softmax, GELU, LayerNorm and the cross-entropy are PyTorch's own operations: each reads and
   writes its numbers once, and has its derivative written by hand.
3. Query, key and value come from one matrix product. (PyTorch's fused attention saves memory for
   long rows; on rows of 32 its backward pass was measured slower than these products.)
4. Hidden states are not kept: nobody reads them.

tests/pretraining/test_losses.py holds loss and gradients against BertForPreTraining's own forward
pass and `cross_entropy`.
"""

import math
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from minibert.attention import make_additive_mask
from minibert.encoder import EncoderLayer
from minibert.heads import BertForPreTraining
from minibert.layer_norm import LayerNorm
from minibert.model import Pooler
from minibert.pretraining.batches import Batch

# What is computed of a batch: sums, because the sums of several batches add up; means do not.
NAMES = ("mlm_loss", "nsp_loss", "mlm_correct", "mlm_top5", "nsp_correct")


class PretrainingLoss(nn.Module):
    """`PretrainingLoss(model, dropout=0.1)(batch)`: the sums NAMES of a batch, with gradient."""

    def __init__(self, model: BertForPreTraining, *, dropout: float):
        """`dropout`: of hidden states and of attention probabilities, while training."""
        super().__init__()
        self.model, self.dropout = model, dropout

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        bert = self.model.bert
        dropout = self.dropout if self.training else 0.0
        embeddings = bert.embeddings
        length = batch.input_ids.shape[1]
        x = embeddings.token(batch.input_ids) + embeddings.segment(batch.token_type_ids)
        x = norm(embeddings.layer_norm, x + embeddings.position(length))
        x = functional.dropout(x, dropout)
        is_padded = bool((batch.attention_mask == 0).any())
        additive_mask = make_additive_mask(batch.attention_mask, x.dtype) if is_padded else None
        for layer in bert.encoder.layers:
            x = run_layer(cast(EncoderLayer, layer), x, additive_mask, dropout)

        mlm, tokens = self.model.mlm, embeddings.token.weight
        pooler = cast(Pooler, bert.pooler)
        asked = x.flatten(0, 1).index_select(0, batch.positions)  # [M, D]
        activation = functional.gelu(mlm.dense(asked))
        logits = functional.linear(norm(mlm.layer_norm, activation), tokens, mlm.bias)  # [M, V]
        nsp_logits = self.model.nsp.logits(torch.tanh(pooler.dense(x[:, 0])))  # [B, 2]
        return sums(logits, nsp_logits, batch)


def sums(logits: torch.Tensor, nsp_logits: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
    """Losses and right answers, summed over the batch."""
    # In float32 at least: a sum of hundreds of terms has no digits to spare in bfloat16.
    exact = torch.promote_types(logits.dtype, torch.float32)
    logits, nsp_logits = logits.to(exact), nsp_logits.to(exact)
    labels = batch.mlm_labels
    with torch.no_grad():
        # The label is among the k likeliest if fewer than k pieces score higher.
        higher = (logits > logits.gather(1, labels[:, None])).sum(dim=1)
        nsp_correct = (nsp_logits.argmax(dim=1) == batch.nsp_labels).sum()
    return {
        "mlm_loss": functional.cross_entropy(logits, labels, reduction="sum"),
        "nsp_loss": functional.cross_entropy(nsp_logits, batch.nsp_labels, reduction="sum"),
        "mlm_correct": (higher < 1).sum(),
        "mlm_top5": (higher < 5).sum(),
        "nsp_correct": nsp_correct,
    }


def run_layer(
    layer: EncoderLayer, x: torch.Tensor, additive_mask: torch.Tensor | None, dropout: float
) -> torch.Tensor:
    """One encoder layer, as in encoder.py."""
    attention = layer.attention
    maps = (attention.query, attention.key, attention.value)
    weight = torch.cat([part.weight for part in maps])  # [3D, D]
    bias = torch.cat([part.bias for part in maps])
    heads = functional.linear(x, weight, bias).unflatten(-1, (3, attention.num_heads, -1))
    query, key, value = heads.permute(2, 0, 3, 1, 4)  # each [B, N, S, H]
    # Divided here, where there are fewer numbers than in the scores.
    scores = query / math.sqrt(query.shape[-1]) @ key.transpose(-1, -2)
    if additive_mask is not None:
        scores = scores + additive_mask
    probs = functional.dropout(torch.softmax(scores, dim=-1), dropout)
    context = probs @ value  # [B, N, S, H]
    output = attention.output(context.transpose(1, 2).flatten(2))  # [B, S, D]
    x = norm(layer.attention_layer_norm, x + functional.dropout(output, dropout))
    feed_forward = layer.feed_forward
    output = feed_forward.output(functional.gelu(feed_forward.inner(x)))
    return norm(layer.feed_forward_layer_norm, x + functional.dropout(output, dropout))


def norm(layer_norm: LayerNorm, x: torch.Tensor) -> torch.Tensor:
    shape = layer_norm.gamma.shape
    return functional.layer_norm(x, shape, layer_norm.gamma, layer_norm.beta, layer_norm.eps)
