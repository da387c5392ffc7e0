"""A model that continues a text, and one that reads a text and writes another.

    P(next | y_1 … y_t) = softmax(MLM head(Decoder(E(y_1 … y_t))))
    P(next | y_1 … y_t, text) = softmax(MLM head(Decoder(E(y_1 … y_t), Encoder(text))))

where y_1 … y_t are the tokens that are written so far.
Encoder and decoder are two BERTs. The head is BERT's MLM head; here it is asked for the *next*
token instead of a masked one. To learn, the decoder is given the right text, shifted by one: it
guesses token t+1 from the right tokens up to t, whatever it would have written itself (teacher
forcing).

Shapes: input_ids [B, S], decoder_input_ids [B, T] -> logits [B, T, V]

Source: article A§2.1, D§3.1.3; Vaswani et al. 2017, sections 3.1 to 3.4; Rothe et al. 2020 (arXiv
1907.12461), "BERT2BERT".

Differs: article E§6.1 calls tokenizer.translate, which does not exist: an encoder writes nothing.
The paper's output layer is one product; BERT's head has a dense layer and a LayerNorm before it.
"""

from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import nn

from minibert.attention import make_additive_mask
from minibert.config import BertConfig
from minibert.embedding import Embeddings
from minibert.heads import NO_LABEL, MaskedLMHead
from minibert.model import (
    OTHER_NAMES,
    BertModel,
    BertOutput,
    Output,
    check_inputs,
    initialise,
    refuse,
)
from minibert.translation.causal import make_causal_mask
from minibert.translation.decoder import Decoder
from minibert.translation.generation import Options, generate


@dataclass(frozen=True)
class DecoderOutput(Output):
    """What the decoder returns, always all of it."""

    hidden_states: tuple[torch.Tensor, ...]  # (L+1) × [B, T, D]: 0 embeddings, i decoder layer i
    attention_probs: tuple[torch.Tensor, ...]  # L × [B, N, T, T]
    cross_attention_probs: tuple[torch.Tensor | None, ...]  # L × [B, N, T, S]
    last_hidden_state: torch.Tensor  # [B, T, D], the same as hidden_states[-1]


@dataclass(frozen=True)
class LanguageModelOutput(Output):
    decoder: DecoderOutput
    logits: torch.Tensor  # [B, T, V]: row t is about token t+1
    encoder: BertOutput | None = None  # of a model that has one


class BertDecoder(nn.Module):
    """BERT's embeddings, and decoder layers in the place of its encoder's."""

    def __init__(self, config: BertConfig, *, cross_attention: bool):
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.decoder = Decoder(config, cross_attention=cross_attention)
        initialise(self, config.initializer_range)

    def forward(
        self,
        input_ids: torch.Tensor,
        *,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        memory: torch.Tensor | None = None,
        memory_mask: torch.Tensor | None = None,
    ) -> DecoderOutput:
        """`attention_mask` and `token_type_ids`: as for BertModel. `memory` [B, S, D] with its own
        mask [B, S]: the encoder's last states.
        """
        check_inputs(self.config, input_ids, attention_mask, token_type_ids)
        padding_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        segment_ids = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        embeddings = self.embeddings(input_ids, segment_ids)  # [B, T, D]
        causal_mask = make_causal_mask(padding_mask, embeddings.dtype)  # [B, 1, T, T]
        additive_mask = None
        if memory is not None:
            check_memory(self.config, input_ids, memory, memory_mask)
            is_read = memory.new_ones(memory.shape[:2]) if memory_mask is None else memory_mask
            additive_mask = make_additive_mask(is_read, embeddings.dtype)  # [B, 1, 1, S]
        states, probs, cross = self.decoder(embeddings, causal_mask, memory, additive_mask)
        return DecoderOutput(states, probs, cross, states[-1])


class BertLMHeadModel(nn.Module):
    """A BERT that continues a text: each token sees only those before it, and the MLM head says
    which one is next.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=6, num_attention_heads=3)
        >>> BertLMHeadModel(config)(torch.tensor([[2, 7, 5]])).logits.shape
        torch.Size([1, 3, 9])
    """

    # Of a loaded model (weights_loader.py): how each tensor of its file was used; its task.
    account: Any
    task: dict[str, Any]

    def __init__(
        self, config: BertConfig, *, cross_attention: bool = False, end_token_id: int | None = None
    ):
        """`cross_attention`: it is the decoder of an EncoderDecoderModel. `end_token_id`: the token
        after which nothing is written, [SEP] in BERT's vocabularies.
        """
        super().__init__()
        self.bert = BertDecoder(config, cross_attention=cross_attention)
        self.mlm = MaskedLMHead(config)
        self.end_token_id = end_token_id

    @property
    def has_cross_attention(self) -> bool:
        return self.bert.decoder.layers[0].cross_attention is not None

    def forward(
        self,
        input_ids: torch.Tensor,
        *,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        memory: torch.Tensor | None = None,
        memory_mask: torch.Tensor | None = None,
        **other: NoReturn,
    ) -> LanguageModelOutput:
        """`attention_mask` and `token_type_ids`: as for BertModel. `memory` [B, S, D] and its mask
        [B, S]: what a decoder with cross-attention reads.
        """
        refuse("BertLMHeadModel", other, OTHER_NAMES)
        if (memory is not None) != self.has_cross_attention:
            needs = "needs a memory" if self.has_cross_attention else "takes no memory"
            raise ValueError(f"this decoder {needs}: only cross-attention reads one")
        output = self.bert(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            memory=memory,
            memory_mask=memory_mask,
        )
        token_embeddings = self.bert.embeddings.token.weight
        return LanguageModelOutput(output, self.mlm(output.last_hidden_state, token_embeddings))

    def generate(
        self, input_ids: torch.Tensor, *, attention_mask: torch.Tensor | None = None, **options: Any
    ) -> torch.Tensor:
        """`input_ids` [B, prompt] and what is written after them, [B, ≤ max_length]; padding comes
        before the text. `options`: see generation.Options.
        """
        return generate(self, input_ids, Options(**options), attention_mask=attention_mask)


class EncoderDecoderModel(nn.Module):
    """A BERT that reads, and a second one that writes.

    Example:
        >>> config = BertConfig(vocab_size=9, hidden_size=6, num_attention_heads=3)
        >>> writer = BertLMHeadModel(config, cross_attention=True)
        >>> model = EncoderDecoderModel(BertModel(config, with_pooler=False), writer)
        >>> text, begun = torch.tensor([[2, 7, 5, 3]]), torch.tensor([[2, 8]])
        >>> model(text, decoder_input_ids=begun).logits.shape
        torch.Size([1, 2, 9])
    """

    account: Any
    task: dict[str, Any]
    target_tokenizer: Any = None  # of the decoder; None: the encoder's

    def __init__(
        self,
        encoder: BertModel,
        decoder: BertLMHeadModel,
        *,
        start_token_id: int | None = None,
        end_token_id: int | None = None,
    ):
        """`start_token_id`: what the decoder is given first; `end_token_id`: after which nothing is
        written. [CLS] and [SEP] in BERT's vocabularies.
        """
        super().__init__()
        widths = encoder.config.hidden_size, decoder.bert.config.hidden_size
        if not decoder.has_cross_attention:
            raise ValueError("the decoder has no cross-attention: see with_cross_attention")
        if widths[0] != widths[1]:
            raise ValueError(
                f"encoder and decoder must have the same hidden_size, not {widths[0]} and "
                f"{widths[1]}: cross-attention reads the encoder's states as they are"
            )
        self.encoder, self.decoder = encoder, decoder
        self.start_token_id, self.end_token_id = start_token_id, end_token_id

    def forward(
        self,
        input_ids: torch.Tensor,
        *,
        decoder_input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        decoder_attention_mask: torch.Tensor | None = None,
        **other: NoReturn,
    ) -> LanguageModelOutput:
        """`input_ids` and its masks: the text that is read, as for BertModel. `decoder_input_ids`:
        what is written so far; to learn from labels, `shift_right(labels, …)`.
        """
        refuse("EncoderDecoderModel", other, OTHER_NAMES)
        config = self.decoder.bert.config
        try:
            check_inputs(config, decoder_input_ids, decoder_attention_mask, None)
        except ValueError as error:  # it begins with the name of the argument
            raise ValueError(f"decoder_{error}") from None
        read = self.encoder(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        if len(decoder_input_ids) != len(input_ids):
            counts = f"input_ids has {len(input_ids)} rows, decoder_input_ids"
            raise ValueError(f"{counts} {len(decoder_input_ids)}: each text needs one of each")
        written = self.decoder(
            decoder_input_ids,
            attention_mask=decoder_attention_mask,
            memory=read.last_hidden_state,
            memory_mask=attention_mask,
        )
        return LanguageModelOutput(written.decoder, written.logits, read)

    @torch.no_grad()
    def generate(
        self, input_ids: torch.Tensor, *, attention_mask: torch.Tensor | None = None, **options: Any
    ) -> torch.Tensor:
        """What is written about `input_ids` [B, S], from the start token on, [B, ≤ max_length];
        `options`: see generation.Options.
        """
        how = Options(**options)
        if self.start_token_id is None:
            raise ValueError("this model has no start_token_id: nothing to begin with")
        read = self.encoder(input_ids, attention_mask=attention_mask)
        start = torch.full_like(input_ids[:, :1], self.start_token_id)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        memory = {"memory": read.last_hidden_state, "memory_mask": mask}
        return generate(self.decoder, start, how, **memory)


def with_cross_attention(decoder: BertLMHeadModel) -> BertLMHeadModel:
    """The same weights in a decoder that reads an encoder, too; its cross-attention is new."""
    options: dict[str, Any] = {"cross_attention": True, "end_token_id": decoder.end_token_id}
    model = BertLMHeadModel(decoder.bert.config, **options).to(decoder.mlm.bias)
    model.load_state_dict({**model.state_dict(), **decoder.state_dict()})
    return model.train(decoder.training)


def check_memory(
    config: BertConfig,
    input_ids: torch.Tensor,
    memory: torch.Tensor,
    memory_mask: torch.Tensor | None,
) -> None:
    """Raise ValueError for a memory that cross-attention cannot read."""
    shape = list(memory.shape)
    if len(shape) != 3 or shape[::2] != [len(input_ids), config.hidden_size] or not shape[1]:
        wanted = f"[B, S, D], here [{len(input_ids)}, S, {config.hidden_size}]"
        raise ValueError(f"memory must have shape {wanted}, not {shape}")
    if memory_mask is None:
        return
    if list(memory_mask.shape) != shape[:2] or not memory_mask.any(dim=1).all():
        raise ValueError(f"memory_mask must have shape {shape[:2]} and a 1 in each row")


def shift_right(labels: torch.Tensor, start_token_id: int, pad_token_id: int) -> torch.Tensor:
    """What the decoder is given to guess `labels` [B, T]: the start, and all labels but the last.

    Example:
        >>> shift_right(torch.tensor([[7, 8, 3, NO_LABEL]]), start_token_id=2, pad_token_id=0)
        tensor([[2, 7, 8, 3]])
    """
    start = torch.full_like(labels[:, :1], start_token_id)
    shifted = torch.cat([start, labels[:, :-1]], dim=1)
    return torch.where(shifted == NO_LABEL, pad_token_id, shifted)
