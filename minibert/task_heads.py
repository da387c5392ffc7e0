"""The three heads of fine-tuning: a label for a text, a label for each token, an answer's span.

    classification:  logits = dropout(pooler) · W + b     P(label) = softmax(logits)
    tagging:         logits = dropout(h_L) · W + b        P(label) = softmax(logits)
    answering:       start, end = h_L · W + b             P(starts at token s) = softmax(start)_s

With one label, a classification's logit is the answer itself, a number (regression). `all_layers`:
m = WeightedSum(h_0 … h_L) stands for h_L, and m's mean over the real tokens for the pooler.

Shapes: pooler [B, D] -> logits [B, C];  h_L [B, S, D] -> logits [B, S, C], or start and end [B, S]
where C is the number of labels

Source: article A§3.2.2, C§9.5, E§3.2 (no formula); Devlin et al. 2018, sections 4 and 5.3.

Differs: the paper has no biases, and reads [CLS] without the pooler; its code is as here. Padding
is in the softmax of start and end, as in the code (logits of −∞ shut it out); transformers drops
the gradient of [PAD] there. It can give the head another dropout than BERT's (classifier_dropout).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from minibert.config import BertConfig
from minibert.heads import NO_LABEL, cross_entropy
from minibert.model import BertModel, BertOutput, Output, check_labels, initialise
from minibert.named import Named
from minibert.weighted_sum import WeightedSum, mean_of_tokens

Mask = torch.Tensor | None
TWO_LABELS = ("LABEL_0", "LABEL_1")  # transformers' names for labels without any


@dataclass(frozen=True)
class ClassificationOutput(Output):
    bert: BertOutput
    logits: torch.Tensor  # [B, C], for tagging [B, S, C]


@dataclass(frozen=True)
class AnsweringOutput(Output):
    bert: BertOutput
    start_logits: torch.Tensor  # [B, S]
    end_logits: torch.Tensor  # [B, S]


class Classifier(nn.Module):
    """What the two classifications share. `masks`: as for BertModel."""

    reads_pooler = False

    def __init__(
        self, config: BertConfig, labels: Sequence[str] = TWO_LABELS, *, all_layers: bool = False
    ):
        super().__init__()
        self.labels = check_labels(labels)
        self.bert = BertModel(config, with_pooler=self.reads_pooler and not all_layers)
        self.mixture = WeightedSum(config.num_hidden_layers + 1) if all_layers else None
        self.token_mean = Named()
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.classifier = linear_map(config, len(labels))

    def head(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.dropout(vectors))  # [..., C]


class BertForSequenceClassification(Classifier):
    """One of C labels for a text, or for a pair of texts.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=6, num_attention_heads=3)
        >>> model = BertForSequenceClassification(config, ["bad", "fair", "good"])
        >>> model(torch.tensor([[2, 7, 5, 3]])).logits.shape
        torch.Size([1, 3])
    """

    reads_pooler = True

    def forward(self, input_ids: torch.Tensor, **masks: Mask) -> ClassificationOutput:
        output = self.bert(input_ids, **masks)
        if self.mixture is None:
            return ClassificationOutput(output, self.head(output.pooler_output))
        mixed = self.mixture(output.hidden_states)  # [B, S, D]
        pooled = self.token_mean(mean_of_tokens(mixed, masks.get("attention_mask")))  # [B, D]
        return ClassificationOutput(output, self.head(pooled))


class BertForTokenClassification(Classifier):
    """One of C labels for each token, such as the kind of name that it belongs to."""

    def forward(self, input_ids: torch.Tensor, **masks: Mask) -> ClassificationOutput:
        output = self.bert(input_ids, **masks)
        return ClassificationOutput(output, self.head(tokens_of(output, self.mixture)))


class BertForQuestionAnswering(nn.Module):
    """For each token two scores: the answer starts here; this is the last of it."""

    def __init__(self, config: BertConfig, *, all_layers: bool = False):
        super().__init__()
        self.bert = BertModel(config, with_pooler=False)
        self.mixture = WeightedSum(config.num_hidden_layers + 1) if all_layers else None
        self.qa_outputs = linear_map(config, 2)

    def forward(self, input_ids: torch.Tensor, **masks: Mask) -> AnsweringOutput:
        output = self.bert(input_ids, **masks)
        start_and_end = self.head(tokens_of(output, self.mixture))  # [B, S, 2]
        return AnsweringOutput(output, *start_and_end.unbind(dim=-1))  # [B, S] each

    def head(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.qa_outputs(tokens)  # [..., 2]


def tokens_of(output: BertOutput, mixture: WeightedSum | None) -> torch.Tensor:
    return output.last_hidden_state if mixture is None else mixture(output.hidden_states)


def linear_map(config: BertConfig, outputs: int) -> nn.Linear:
    linear = nn.Linear(config.hidden_size, outputs)
    initialise(linear, config.initializer_range)
    return linear


def mean_squared_error(predicted: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """1/B Σ (predicted − wanted)², the loss of a number; both [B].

    Example:
        >>> mean_squared_error(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0]))
        tensor(2.5000)
    """
    if predicted.shape != wanted.shape:  # [B, 1] − [B] would be [B, B]
        raise ValueError(f"shapes differ: {list(predicted.shape)} and {list(wanted.shape)}")
    return ((predicted - wanted) ** 2).mean()


def answer_loss(
    start_logits: torch.Tensor, end_logits: torch.Tensor, starts: torch.Tensor, ends: torch.Tensor
) -> torch.Tensor:
    """−½ (log P(start) + log P(end)); a position from S on asks nothing, one below 0 is 0.

    Example:
        >>> scores = torch.tensor([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
        >>> answer_loss(scores, scores, torch.tensor([0, 1]), torch.tensor([0, 3]))
        tensor(0.2034)
    """
    length = start_logits.shape[1]
    first, last = (torch.where(p < length, p.clamp(min=0), NO_LABEL) for p in (starts, ends))
    return (cross_entropy(start_logits, first) + cross_entropy(end_logits, last)) / 2
