"""The pretraining loss of a batch, as fast as PyTorch's own operations go.

    loss = mean over the masked tokens of −log P(token)  +  mean over the rows of −log P(is next?)

The formulas are those of the textbook; BERT itself is training/forward.py. The MLM head runs at the
masked positions only, a seventh of the tokens: with D = 256 and 8,192 pieces it costs nearly as
much as three encoder layers for each token.

tests/pretraining/test_losses.py holds loss and gradients against BertForPreTraining's own forward
pass and `cross_entropy`.
"""

import torch
from torch import nn
from torch.nn import functional

from minibert.heads import BertForPreTraining
from minibert.pretraining.batches import Batch
from minibert.training.forward import encode, pooled, score_pieces

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
        texts, length = batch.input_ids.shape
        is_padded = bool((batch.attention_mask == 0).any())
        groups = [(texts, length, batch.attention_mask if is_padded else None)]
        ids, segments = batch.input_ids.flatten(), batch.token_type_ids.flatten()
        last = encode(bert, ids, segments, groups, dropout)[-1]  # [B·S, D]

        mlm, tokens = self.model.mlm, bert.embeddings.token.weight
        asked = last.index_select(0, batch.positions)  # [M, D]
        logits = score_pieces(mlm, asked, tokens)  # [M, V]
        first_tokens = last.view(texts, length, -1)[:, 0]
        nsp_logits = self.model.nsp.logits(pooled(bert.pooler, first_tokens))  # [B, 2]
        return sums(logits, nsp_logits, batch)


def sums(logits: torch.Tensor, nsp_logits: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
    """Losses and right answers, summed over the batch."""
    mlm, nsp = guessed(logits, batch.mlm_labels), guessed(nsp_logits, batch.nsp_labels)
    found = {f"mlm_{name}": value for name, value in mlm.items()}
    return found | {"nsp_loss": nsp["loss"], "nsp_correct": nsp["correct"]}


def guessed(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    """[n, C], [n]: the loss, and how often the label is the likeliest or among five, summed."""
    # In float32 at least: a sum of hundreds of terms has no digits to spare in bfloat16.
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    with torch.no_grad():
        # The label is among the k likeliest if fewer than k score higher.
        higher = (logits > logits.gather(1, labels[:, None])).sum(dim=1)
    loss = functional.cross_entropy(logits, labels, reduction="sum")
    return {"loss": loss, "correct": (higher < 1).sum(), "top5": (higher < 5).sum()}
