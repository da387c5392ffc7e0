"""BERT: embeddings, then the encoder, then the pooler.

    h_0 = E(ids)        h_1 … h_L = Encoder(h_0)        pooler = tanh(h_L[0] · W + b)

where h_L[0] is the last layer's vector of the first token, [CLS].

Shapes: input_ids, attention_mask, token_type_ids [B, S] -> BertOutput

Source: article C§3.1, B§5.1; Devlin et al. 2018, section 3, and the authors' code.

Differs: the pooler is not in the paper's text, only in its code. It is trained by NSP alone, so
neither it nor the raw [CLS] vector is a good sentence embedding before fine-tuning. A model for MLM
alone has none: then `pooler_output` is None.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from reprlib import repr as short
from typing import Any, NoReturn

import torch
from torch import nn

from minibert.attention import make_additive_mask
from minibert.config import BertConfig
from minibert.embedding import Embeddings
from minibert.encoder import Encoder
from minibert.named import Named
from minibert.positional import LearnedPositions

# What transformers' BERT takes and this one does not -> what to write instead.
OTHER_NAMES = {
    "head_mask": "minibert.patch takes out heads",
    "inputs_embeds": "minibert.patch replaces embeddings.token",
    "labels": "cross_entropy(output.logits, labels) is the loss; with the MLM head, mlm_logits",
    "output_attentions": "output.attention_probs is always there",
    "output_hidden_states": "output.hidden_states is always there",
    "position_ids": "positions are always 0, 1, 2 …",
    "start_positions": "answer_loss(start_logits, end_logits, starts, ends) is the loss",
    "return_dict": "an output always has names",
}


@dataclass(frozen=True)
class Output:
    """Values with names, which are not numbered as in transformers."""

    def __getitem__(self, index: object) -> NoReturn:
        names = ", ".join(f"output.{field.name}" for field in fields(self))
        raise TypeError(f"an output has no [{index!r}]; it has {names}")


@dataclass(frozen=True)
class BertOutput(Output):
    """What BERT returns, always all of it."""

    hidden_states: tuple[torch.Tensor, ...]  # (L+1) × [B, S, D]: 0 embeddings, i encoder layer i
    attention_probs: tuple[torch.Tensor, ...]  # L × [B, N, S, S]
    last_hidden_state: torch.Tensor  # [B, S, D], the same as hidden_states[-1]
    pooler_output: torch.Tensor | None  # [B, D]


class Pooler(nn.Module):
    """tanh(first token · W + b): the [CLS] vector prepared for the next-sentence head."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = Named()

    def forward(self, last_hidden_state: torch.Tensor) -> torch.Tensor:
        first_token = last_hidden_state[:, 0]  # [B, D]
        return self.activation(torch.tanh(self.dense(first_token)))


class BertModel(nn.Module):
    """The whole encoder.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=6, num_attention_heads=3)
        >>> output = BertModel(config)(torch.tensor([[2, 7, 5, 3]]))
        >>> len(output.hidden_states), output.last_hidden_state.shape, output.pooler_output.shape
        (13, torch.Size([1, 4, 6]), torch.Size([1, 6]))
    """

    # Of a loaded model (weights_loader.py): how each tensor of its file was used; its task.
    account: Any
    task: dict[str, Any]

    def __init__(self, config: BertConfig, *, with_pooler: bool = True):
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.pooler = Pooler(config) if with_pooler else None
        initialise(self, config.initializer_range)

    def forward(
        self,
        input_ids: torch.Tensor,
        *,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        **other: NoReturn,
    ) -> BertOutput:
        """`attention_mask`: 1 = real token, 0 = padding; default all real.
        `token_type_ids`: the segment, 0 or 1; default all 0.
        """
        refuse("BERT", other, OTHER_NAMES)
        check_inputs(self.config, input_ids, attention_mask, token_type_ids)
        padding_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        segment_ids = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        embeddings = self.embeddings(input_ids, segment_ids)  # [B, S, D]
        additive_mask = make_additive_mask(padding_mask, embeddings.dtype)  # [B, 1, 1, S]
        hidden_states, attention_probs = self.encoder(embeddings, additive_mask)
        last_hidden_state = hidden_states[-1]
        pooler_output = self.pooler(last_hidden_state) if self.pooler is not None else None
        return BertOutput(hidden_states, attention_probs, last_hidden_state, pooler_output)


def initialise(module: nn.Module, standard_deviation: float) -> None:
    """BERT's start: weights from a normal distribution cut off at two deviations, biases 0.

    Small enough that each layer starts out near the identity (its residual) and none saturates.
    """
    cut = 2 * standard_deviation
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(part.weight, std=standard_deviation, a=-cut, b=cut)
        if isinstance(part, nn.Linear):
            nn.init.zeros_(part.bias)
        if isinstance(part, LearnedPositions):
            nn.init.trunc_normal_(part.table, std=standard_deviation, a=-cut, b=cut)


def check_inputs(
    config: BertConfig,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    token_type_ids: torch.Tensor | None,
) -> None:
    """Raise ValueError for input that would end in an error deep inside, in NaN, or in nonsense."""
    given = {"input_ids": input_ids, "attention_mask": attention_mask}
    for name, tensor in {**given, "token_type_ids": token_type_ids}.items():
        if isinstance(tensor, torch.Tensor) and (tensor.is_meta or tensor.layout != torch.strided):
            raise ValueError(f"{name} must be a dense tensor on a real device")
    check_ids("input_ids", input_ids, config.vocab_size, "vocab_size")
    shape = list(input_ids.shape)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"input_ids must have shape [B, S], both at least 1, not {shape}")
    if shape[1] > config.max_position_embeddings:
        raise ValueError(
            f"input_ids is {shape[1]} tokens long; this model has "
            f"{config.max_position_embeddings} positions (max_position_embeddings)"
        )
    for name, tensor in (("attention_mask", attention_mask), ("token_type_ids", token_type_ids)):
        if tensor is not None and list(getattr(tensor, "shape", [])) != shape:
            came = list(getattr(tensor, "shape", [])) or type(tensor).__name__
            raise ValueError(f"{name} must have the shape of input_ids, {shape}, not {came}")
    if token_type_ids is not None:
        check_ids("token_type_ids", token_type_ids, config.type_vocab_size, "type_vocab_size")
    if attention_mask is not None:
        is_real = attention_mask == 1
        if not (is_real | (attention_mask == 0)).all():
            raise ValueError("attention_mask must hold only 1 (a real token) and 0 (padding)")
        if not is_real.any(dim=1).all():
            row = is_real.any(dim=1).tolist().index(False)
            raise ValueError(f"attention_mask has no real token in row {row}: nothing to attend to")


def refuse(what: str, names: Iterable[str], instead: dict[str, str]) -> None:
    """Raise TypeError for an argument that does not exist; say what to write instead."""
    for name in names:
        raise TypeError(f"{what} has no argument {name!r}; {instead.get(name, 'see its help()')}")


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Raise ValueError unless `labels` can be the answers of a head."""
    right = isinstance(labels, list | tuple) and all(isinstance(label, str) for label in labels)
    if not right or not labels or len(set(labels)) < len(labels):
        raise ValueError(f"labels must be a list of different texts, not {short(labels)}")
    return tuple(labels)


def check_ids(name: str, ids: torch.Tensor, limit: int, limit_name: str) -> None:
    """Raise ValueError unless `ids` is a tensor of whole numbers in 0 … limit − 1."""
    dtype = getattr(ids, "dtype", type(ids).__name__)
    if not isinstance(ids, torch.Tensor) or dtype not in (torch.int64, torch.int32):
        raise ValueError(f"{name} must be a tensor of whole numbers (torch.long), not {dtype}")
    wrong = ids[(ids < 0) | (ids >= limit)]
    if wrong.numel():
        raise ValueError(f"{name} holds {wrong[0]}; allowed are 0 to {limit - 1} ({limit_name})")
