"""What is right in notebook 06: one layer, and the stack."""

import torch
from torch import nn

from minibert import BertConfig, BertModel
from minibert.feed_forward import gelu

from . import compare, exercise


def small_model() -> BertModel:
    """Three layers, with weights large enough for each mistake to show."""
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12}
    model = BertModel(BertConfig(vocab_size=20, num_hidden_layers=3, **sizes)).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


@exercise("06.1")
def states_of_bert_base(answer: list[int]) -> str | None:
    return compare(answer, [BertConfig().num_hidden_layers + 1, 3 + 1])


@exercise("06.2")
def encoder_layer(answer) -> str | None:
    layer = small_model().encoder.layers[0]
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(1, 1, 1, 5)
    with torch.no_grad():
        return compare(answer(layer, x, mask), layer(x, mask)[0])


@exercise("06.3")
def count(answer) -> str | None:
    configs = {
        "bert-base": BertConfig(),
        "bert-large": BertConfig(
            hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096
        ),
        "V 50, D 6, L 3, I 7, 9 positions, 4 segments": BertConfig(
            vocab_size=50,
            hidden_size=6,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=7,
            max_position_embeddings=9,
            type_vocab_size=4,
        ),
    }
    for name, config in configs.items():
        with torch.device("meta"):
            right = sum(parameter.numel() for parameter in BertModel(config).parameters())
        right = torch.tensor(right, dtype=torch.float64)
        hint = compare(answer(config), right, tolerance=1e-9)
        if hint:
            return f"{name}: {hint}"
    return None


@exercise("06.4")
def arguments(answer: dict) -> str | None:
    if not isinstance(answer, dict):
        return "A dict of arguments is wanted."
    layer = nn.TransformerEncoderLayer(768, 12, **{**answer, "device": "meta"})
    x = torch.linspace(-5, 5, 101)
    if not layer.self_attn.batch_first:
        return "Which axis does it take for the words?"
    if layer.norm_first:
        return "BERT normalises after the sum."
    if layer.linear1.out_features != 3072:
        return f"I should be 3072, and is {layer.linear1.out_features}."
    if layer.norm1.eps != 1e-12 or layer.norm2.eps != 1e-12:
        return "ε is not BERT's."
    if compare(layer.activation(x), gelu(x), tolerance=2e-5):
        return "The activation is not BERT's."
    return None if layer.linear1.bias is not None else "BERT has biases."


@exercise("06.5")
def state(answer) -> str | None:
    model = small_model()
    ids, mask = torch.tensor([[2, 7, 5, 9, 3]]), torch.zeros(1, 1, 1, 5)
    with torch.no_grad():
        right = model(ids).hidden_states
        for k in (0, 1, 3):
            runs = []
            hooks = [
                layer.register_forward_hook(lambda *_: runs.append(1))  # noqa: B023
                for layer in model.encoder.layers
            ]
            try:
                given = answer(model, ids, mask, k)
            finally:
                for hook in hooks:
                    hook.remove()
            hint = compare(given, right[k])
            if hint:
                return f"k = {k} of 3 layers: {hint}"
            if len(runs) != k:
                return f"The numbers are right, but for k = {k} you ran {len(runs)} layers."
    return None
