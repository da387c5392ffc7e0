"""Models and inputs for tests: sizes all different, so that no swapped axis survives.

B3 S5 N4 H7 D28 I11 V31 L6, 13 positions, 2 segments; a decoder has T7 N2 H14 D28 I9 V37 L3, 17
positions. Weights are far larger than BERT's start, so
that GELU, softmax and tanh are used where they bend and a fault shows in the first digits.
"""

from pathlib import Path

import torch
import transformers
from torch import nn

from minibert import (
    BertConfig,
    BertLMHeadModel,
    BertModel,
    BertTokenizer,
    EncoderDecoderModel,
)

SIZES = {
    "vocab_size": 31,
    "hidden_size": 28,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 11,
    "max_position_embeddings": 13,
    "type_vocab_size": 2,
}
CONFIG = BertConfig(**SIZES)
DECODER_SIZES = {
    "vocab_size": 37,
    "hidden_size": 28,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 9,
    "max_position_embeddings": 17,
    "type_vocab_size": 2,
}
DECODER_CONFIG = BertConfig(**DECODER_SIZES)
LENGTHS = (5, 3, 4)  # real tokens of the three texts
WRITTEN_LENGTHS = (6, 7, 2)  # of what a decoder has written for them
VOCAB = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"abcdefghijklm",
    *(f"##{c}" for c in "abcdefghijklm"),
]


def randomise(model: nn.Module, seed: int) -> nn.Module:
    """Weights from a normal distribution of deviation 0.2; γ around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            is_gamma = name.endswith(("gamma", "LayerNorm.weight"))
            parameter.copy_(0.2 * noise + is_gamma)
    return model.eval()


def ours(kind: type[nn.Module], seed: int = 0, config: BertConfig = CONFIG) -> nn.Module:
    """One of our models with random weights, float64."""
    return randomise(kind(config).double(), seed)


def theirs(kind: str, seed: int = 0, **options: object) -> nn.Module:
    """A transformers model with random weights, float64, eager attention."""
    options = {"attn_implementation": "eager", "architectures": [kind], **options}
    config = transformers.BertConfig(**SIZES, **options)
    return randomise(getattr(transformers, kind)(config).double(), seed)


def pair(seed: int = 0) -> EncoderDecoderModel:
    """Our encoder-decoder with random weights, float64."""
    encoder, decoder = BertModel(CONFIG), BertLMHeadModel(DECODER_CONFIG, cross_attention=True)
    model = EncoderDecoderModel(encoder, decoder, start_token_id=2, end_token_id=3)
    return randomise(model.double(), seed)


def their_pair(seed: int = 0) -> nn.Module:
    """A transformers encoder-decoder with random weights, float64, eager attention."""
    kinds = [transformers.BertConfig(**sizes) for sizes in (SIZES, DECODER_SIZES)]
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(*kinds)
    config.update({"decoder_start_token_id": 2, "eos_token_id": 3, "pad_token_id": 0})
    config.architectures = ["EncoderDecoderModel"]
    config._attn_implementation = "eager"
    return randomise(transformers.EncoderDecoderModel(config).double(), seed)


def pair_inputs(seed: int = 0, *, left: bool = False) -> dict[str, torch.Tensor]:
    """The three texts of `inputs`, and 6, 7 and 2 tokens written for them, padded to 7; on the
    `left`, as several prompts of different lengths are.
    """
    generator = torch.Generator().manual_seed(seed + 1)
    ids = torch.randint(1, DECODER_CONFIG.vocab_size, (3, 7), generator=generator)
    mask = torch.tensor([[int(i < length) for i in range(7)] for length in WRITTEN_LENGTHS])
    mask = mask.flip(1) if left else mask
    return {
        **inputs(seed),
        "decoder_input_ids": ids * mask,
        "decoder_attention_mask": mask,
    }


def inputs(seed: int = 0) -> dict[str, torch.Tensor]:
    """Three texts of 5, 3 and 4 tokens, padded to 5, with two segments in each."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, CONFIG.vocab_size, (3, 5), generator=generator)
    segments = torch.randint(0, 2, (3, 5), generator=generator)
    segments[:, 0] = 0
    segments[:, 1] = 1
    mask = torch.tensor([[int(i < length) for i in range(5)] for length in LENGTHS])
    return {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": segments}


def tokenizer() -> BertTokenizer:
    return BertTokenizer(VOCAB)


def write_vocab(folder: Path) -> None:
    for name, text in tokenizer().files().items():
        (folder / name).write_text(text, encoding="utf-8")
