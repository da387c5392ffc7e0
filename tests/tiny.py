"""Models and inputs for tests: sizes all different, so that no swapped axis survives.

B3 S5 N4 H7 D28 I11 V31 L6, 13 positions, 2 segments. Weights are far larger than BERT's start, so
that GELU, softmax and tanh are used where they bend and a fault shows in the first digits.
"""

from pathlib import Path

import torch
import transformers
from torch import nn

from minibert import BertConfig, BertTokenizer

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
LENGTHS = (5, 3, 4)  # real tokens of the three texts
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
