"""The sizes of one BERT, under the keys of the official config.json.

| key                     | letter | bert-base |
|-------------------------|--------|-----------|
| vocab_size              | V      | 30,522    |
| hidden_size             | D      | 768       |
| num_hidden_layers       | L      | 12        |
| num_attention_heads     | N      | 12        |
| intermediate_size       | I      | 3,072     |
| max_position_embeddings | max S  | 512       |

Source: Devlin et al. 2018 (arXiv 1810.04805), section 3; article A§2.3 draws 8 layers.

Differs: `position_embedding_type` may also be "sinusoidal", which no official BERT is: readers of
articles B§3.2 and D§3.1.2 expect it (see positional.py).
"""

from dataclasses import asdict, dataclass, fields
from reprlib import repr as short
from typing import Any

TOO_LARGE = 2**24  # for a size

# A config.json that says anything else here describes a model with another forward pass.
# `tie_word_embeddings`: the MLM head reuses the token embeddings (see heads.py).
ONLY_VALUE: dict[str, Any] = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "is_decoder": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True)
class BertConfig:
    """All sizes of a BERT; the defaults are bert-base-uncased.

    Example:
        >>> BertConfig().head_size
        64
        >>> BertConfig(hidden_size=10, num_attention_heads=3)
        Traceback (most recent call last):
        ...
        ValueError: hidden_size (10) must be a multiple of num_attention_heads (3): D = N·H
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    position_embedding_type: str = "absolute"
    layer_norm_eps: float = 1e-12
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    pad_token_id: int = 0

    @property
    def head_size(self) -> int:
        """H = D / N, the features of one attention head."""
        return self.hidden_size // self.num_attention_heads

    def __post_init__(self) -> None:
        for field in fields(self):
            check_number(field.name, getattr(self, field.name), field.type)
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size ({self.hidden_size}) must be a multiple of "
                f"num_attention_heads ({self.num_attention_heads}): D = N·H"
            )
        if self.pad_token_id >= self.vocab_size:
            raise ValueError(
                f"pad_token_id ({self.pad_token_id}) must be below vocab_size ({self.vocab_size})"
            )
        if self.position_embedding_type not in ("absolute", "sinusoidal"):
            raise ValueError(
                "position_embedding_type must be 'absolute' (BERT's learned table) or "
                f"'sinusoidal', not {short(self.position_embedding_type)}"
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "BertConfig":
        """Read the content of a config.json.

        Keys that do not touch the forward pass (version stamps, label names …) are passed over;
        a key that would make it another model is an error.
        """
        for key, allowed in ONLY_VALUE.items():
            if values.get(key, allowed) != allowed:
                raise ValueError(f"{key} must be {allowed!r}, not {short(values[key])}")
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in values.items() if key in known})

    def to_dict(self) -> dict[str, Any]:
        """The content of a config.json that transformers reads too."""
        return {**ONLY_VALUE, **asdict(self)}


def check_number(name: str, value: Any, kind: Any) -> None:
    """Raise ValueError unless `value` can be the size, probability or scale called `name`."""
    if kind is int:
        lowest = 0 if name == "pad_token_id" else 1
        if type(value) is not int or not lowest <= value < TOO_LARGE:
            wanted = f"a whole number of at least {lowest}, and below 2**24"
            raise ValueError(f"{name} must be {wanted}, not {short(value)}")
    if kind is float and (type(value) not in (int, float) or not 0 <= value < 1):
        raise ValueError(f"{name} must be a number in [0, 1), not {short(value)}")
    if name == "initializer_range" and value == 0:
        raise ValueError("initializer_range must not be 0: equal weights would stay equal")
