"""What a pretrained model says of a text: the likeliest pieces for [MASK], whether B follows A; and
how a model that writes goes on.

fill_mask:      softmax(mlm_logits[position of the mask])
next_sentence:  softmax(nsp_logits)[IS_NEXT]
continue_text:  token after token (translation/generation.py)
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from minibert.attention import softmax
from minibert.heads import IS_NEXT
from minibert.tokenizer import BertTokenizer
from minibert.translation.encoder_decoder import BertLMHeadModel


@dataclass(frozen=True)
class Guess:
    token: str
    id: int
    probability: float


def fill_mask(
    model: nn.Module, tokenizer: BertTokenizer, text: str, *, top: int = 5
) -> list[list[Guess]]:
    """For each [MASK] of the text the `top` likeliest pieces; each is guessed by itself."""
    if not hasattr(model, "mlm"):
        raise ValueError("model has no MLM head: load_bert(…, head='mlm') gives it one")
    if type(top) is not int or not 1 <= top <= len(tokenizer):
        raise ValueError(f"top must be between 1 and {len(tokenizer)}, not {top!r}")
    inputs = tokenizer(text)
    positions = (inputs["input_ids"][0] == tokenizer.mask_token_id).nonzero().flatten().tolist()
    if not positions:
        mask = tokenizer.special_tokens["mask_token"]
        raise ValueError(f"there is no {mask} in {text!r}: write it where a word is to be guessed")
    with torch.no_grad():
        probabilities = softmax(model(**inputs).mlm_logits[0, positions].float())  # [masks, V]
    found = probabilities.topk(top)
    return [
        [
            Guess(tokenizer.tokens[index], index, value)
            for value, index in zip(values.tolist(), indices.tolist(), strict=True)
        ]
        for values, indices in zip(found.values, found.indices, strict=True)
    ]


def next_sentence(model: nn.Module, tokenizer: BertTokenizer, first: str, second: str) -> float:
    """The probability that `second` follows `first`."""
    if not hasattr(model, "nsp"):
        raise ValueError("model has no next-sentence head: load_bert(…, head='nsp') gives it one")
    for name, text in (("first", first), ("second", second)):
        if not tokenizer.text_ids(text):
            raise ValueError(f"the {name} sentence is empty")
    with torch.no_grad():
        logits = model(**tokenizer(first, second)).nsp_logits[0]  # [2]
    return softmax(logits.float())[IS_NEXT].item()


def continue_text(
    model: BertLMHeadModel,
    tokenizer: BertTokenizer,
    prompt: str,
    *,
    max_length: int | None = None,
    **choices: Any,
) -> str:
    """The prompt and what the model writes after it; "" lets it begin by itself. `max_length`: in
    tokens, the prompt's among them; `choices`: those of `generate`.
    """
    if not isinstance(model, BertLMHeadModel):
        raise ValueError(
            f"{type(model).__name__} does not go on with a text; a model of `minibert pretrain "
            "--objective next-token` does, a BertLMHeadModel"
        )
    ids = torch.tensor([[tokenizer.cls_token_id, *tokenizer.text_ids(prompt)]])
    longest = min(model.bert.config.max_position_embeddings, 256)
    longest = longest if max_length is None else max_length
    written = model.generate(ids.to(model.mlm.bias.device), max_length=longest, **choices)
    return tokenizer.decode(written[0], skip_special_tokens=True)
