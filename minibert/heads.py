"""The two pretraining heads: masked language model (MLM) and next sentence (NSP), F13.

    MLM:  P(token) = softmax(LayerNorm(GELU(h·W + b)) · Eᵀ + c)        E the token embeddings, tied
    NSP:  P(is next, is random) = softmax(pooler · W + b)

The models return logits, the numbers before the softmax; `cross_entropy` makes a loss of them:

    loss = −mean over the asked rows of log P(label)

Shapes: hidden [..., D] -> mlm_logits [..., V];  pooler [B, D] -> nsp_logits [B, 2]

Source: article A§3.2, B§2.2, D§3.2; Devlin et al. 2018, section 3.1 and appendix A; the authors'
code.

Differs: the formula of article D§3.1.4 is a recurrent network's. NSP label 0 means "is next" and 1
"is a random sentence": the opposite of what one expects. transformers keeps the padding token's row
out of the input embedding's gradient; here nothing is special about it (masked, it gets none).
"""

from dataclasses import dataclass

import torch
from torch import nn

from minibert.config import BertConfig
from minibert.feed_forward import gelu
from minibert.layer_norm import LayerNorm
from minibert.model import BertModel, BertOutput, Output, check_ids, initialise
from minibert.named import Named

NO_LABEL = -100  # a position without a question: the common convention
IS_NEXT, IS_RANDOM = 0, 1


class MaskedLMHead(nn.Module):
    """For each token a score for each of the V pieces of the vocabulary."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = Named()
        self.layer_norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.logits = Named()
        initialise(self, config.initializer_range)

    def forward(self, hidden: torch.Tensor, token_embeddings: torch.Tensor) -> torch.Tensor:
        """`token_embeddings` [V, D] is BERT's own table, not a copy: that is what "tied" means. A
        piece has a high score where the output vector points the same way as its input vector.
        """
        activation = self.activation(gelu(self.dense(hidden)))
        normalised = self.layer_norm(activation)
        return self.logits(normalised @ token_embeddings.T + self.bias)  # [..., V]


class NextSentenceHead(nn.Module):
    """Two scores from the pooled [CLS] vector: is next, is random."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.logits = nn.Linear(config.hidden_size, 2)
        initialise(self, config.initializer_range)

    def forward(self, pooler_output: torch.Tensor) -> torch.Tensor:
        return self.logits(pooler_output)  # [B, 2]


@dataclass(frozen=True)
class HeadsOutput(Output):
    """The logits of the heads that the model has, and all that BERT returned."""

    bert: BertOutput
    mlm_logits: torch.Tensor | None = None  # [B, S, V]
    nsp_logits: torch.Tensor | None = None  # [B, 2]


class BertForMaskedLM(nn.Module):
    """BERT with the MLM head; it has no pooler, which only NSP would read.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=6, num_attention_heads=3)
        >>> BertForMaskedLM(config)(torch.tensor([[2, 7, 5, 3]])).mlm_logits.shape
        torch.Size([1, 4, 9])
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.bert = BertModel(config, with_pooler=False)
        self.mlm = MaskedLMHead(config)

    def forward(self, input_ids: torch.Tensor, **masks: torch.Tensor | None) -> HeadsOutput:
        """`masks`: `attention_mask` and `token_type_ids`, as for BertModel."""
        output = self.bert(input_ids, **masks)
        token_embeddings = self.bert.embeddings.token.weight
        return HeadsOutput(output, self.mlm(output.last_hidden_state, token_embeddings))


class BertForNextSentencePrediction(nn.Module):
    """BERT with the NSP head."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.bert = BertModel(config)
        self.nsp = NextSentenceHead(config)

    def forward(self, input_ids: torch.Tensor, **masks: torch.Tensor | None) -> HeadsOutput:
        """`masks`: `attention_mask` and `token_type_ids`, as for BertModel."""
        output = self.bert(input_ids, **masks)
        return HeadsOutput(output, nsp_logits=self.nsp(output.pooler_output))


class BertForPreTraining(nn.Module):
    """BERT with both heads, as it was trained."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.bert = BertModel(config)
        self.mlm = MaskedLMHead(config)
        self.nsp = NextSentenceHead(config)

    def forward(self, input_ids: torch.Tensor, **masks: torch.Tensor | None) -> HeadsOutput:
        """`masks`: `attention_mask` and `token_type_ids`, as for BertModel."""
        output = self.bert(input_ids, **masks)
        token_embeddings = self.bert.embeddings.token.weight
        mlm_logits = self.mlm(output.last_hidden_state, token_embeddings)
        return HeadsOutput(output, mlm_logits, self.nsp(output.pooler_output))


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """−log P(label), averaged over the rows whose label is not NO_LABEL.

    The pretraining loss is the sum of two of these: the MLM's over the masked tokens, the NSP's
    over the batch.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
        >>> cross_entropy(logits, torch.tensor([0, NO_LABEL, 0]))
        tensor(0.8955)
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"labels must have shape {list(logits.shape[:-1])}, one for each row of logits, "
            f"not {list(labels.shape)}"
        )
    asked = labels != NO_LABEL
    if not asked.any():
        raise ValueError(f"labels ask for nothing: all are {NO_LABEL}")
    check_ids("labels", labels[asked], logits.shape[-1], "the number of classes")
    # log P(label) = s_label − log Σ exp(s): the logarithm of the softmax without its underflow.
    scores = logits[asked]  # [asked, V]
    largest = scores.amax(dim=-1)  # [asked]
    log_total = largest + torch.exp(scores - largest[:, None]).sum(dim=-1).log()
    label_score = scores.gather(-1, labels[asked][:, None]).squeeze(-1)  # [asked]
    return (log_total - label_score).mean()
