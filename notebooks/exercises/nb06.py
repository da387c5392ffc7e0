"""What is right in notebook 06: one layer, and the stack."""

import torch
from torch import nn

from minibert import BertConfig, BertModel
from minibert.encoder import EncoderLayer
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
    mistakes = {
        "the embeddings are not counted as a state": [12, 4],
        "the embeddings are not counted as a state, in both numbers": [12, 3],
        "layers[3] is taken for the third layer; a name counts from 0": [13, 3],
    }
    return compare(answer, [BertConfig().num_hidden_layers + 1, 3 + 1], mistakes=mistakes)


def wrong_layers(layer: EncoderLayer, x, mask) -> dict[str, torch.Tensor]:
    """What the mistakes that are made most often give."""
    first, second, think = (
        layer.attention_layer_norm,
        layer.feed_forward_layer_norm,
        layer.feed_forward,
    )
    attended = layer.attention(x, mask)[0]
    a, alone = first(x + attended), first(attended)
    pre = x + layer.attention(first(x), mask)[0]
    swapped, bare = second(x + attended), x + attended
    return {
        "both residuals are left out": second(think(alone)),
        "the residual around attention is left out": second(alone + think(alone)),
        "the residual around the feed-forward network is left out": second(think(a)),
        "LayerNorm comes before each part (pre-norm), not after the sum": pre + think(second(pre)),
        "x is added a second time, where a should be": second(x + think(a)),
        "the feed-forward network reads x, not a": second(a + think(x)),
        "the two LayerNorms are exchanged": first(swapped + think(swapped)),
        "both LayerNorms are left out": bare + think(bare),
        "the first LayerNorm is left out": second(bare + think(bare)),
        "the second LayerNorm is left out": a + think(a),
        "the first LayerNorm is used twice": first(a + think(a)),
        "the feed-forward network is left out": a,
        "LayerNorm comes before the sum": (
            x + first(attended) + second(think(x + first(attended)))
        ),
    }


@exercise("06.2", function="encoder_layer(layer, x, mask)")
def encoder_layer(answer) -> str | None:
    layer = small_model().encoder.layers[0]
    x = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(1, 1, 1, 5)
    with torch.no_grad():
        given = answer(layer, x.clone(), mask)
        if isinstance(given, tuple):
            return "Two things came back. attention returns two, too: take the first."
        return compare(given, layer(x, mask)[0], mistakes=wrong_layers(layer, x, mask))


def wrong_counts(config: BertConfig) -> dict[str, float]:
    """What a count gives that forgets something."""
    with torch.device("meta"):
        model = BertModel(config)
    counts = {name: float(parameter.numel()) for name, parameter in model.named_parameters()}
    total = sum(counts.values())

    def without(*pieces: str) -> float:
        return total - sum(n for name, n in counts.items() if any(p in name for p in pieces))

    of_layer_0 = total - without("layers.0.")
    return {
        "the pooler is left out": without("pooler"),
        "all biases of linear maps are left out": without(".bias"),
        "the keys have no bias": without("key.bias"),
        "the biases of the pooler are left out": without("pooler.dense.bias"),
        "all LayerNorms are left out": without("layer_norm"),
        "the LayerNorm of the embeddings is left out, or the segment table": without(
            "embeddings.layer_norm"
        ),
        "the LayerNorms of the layers are left out": (
            without("attention_layer_norm", "feed_forward_layer_norm")
        ),
        "each layer has one LayerNorm": without("attention_layer_norm"),
        "the position table is left out": without("embeddings.position"),
        "the embeddings are left out": without("embeddings"),
        "W_O is left out": without("attention.output"),
        "one layer is counted": total - (config.num_hidden_layers - 1) * of_layer_0,
    }


@exercise("06.3", function="count(config)")
def count(answer) -> str | None:
    large = BertConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096
    )
    small = BertConfig(
        vocab_size=50,
        hidden_size=6,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=7,
        max_position_embeddings=9,
        type_vocab_size=4,
    )
    configs = (
        ("bert-base", BertConfig()),
        ("bert-large", large),
        ("V 50, D 6, L 3, I 7, 9 positions, 4 segments", small),
    )
    base = None
    for name, config in configs:
        with torch.device("meta"):
            right = sum(parameter.numel() for parameter in BertModel(config).parameters())
        mistakes = wrong_counts(config)
        if base is not None:
            mistakes["bert-base is counted, whatever the config"] = base
        hint = compare(answer(config), right, tolerance=1e-9, mistakes=mistakes)
        if hint:
            return f"{name}: {hint}"
        base = base or right
    return None


@exercise("06.4")
def arguments(answer: dict) -> str | None:
    if not isinstance(answer, dict):
        return "A dict of arguments is wanted."
    try:
        layer = nn.TransformerEncoderLayer(768, 12, **{**answer, "device": "meta"})
    except (TypeError, RuntimeError) as error:
        return f"PyTorch does not take these arguments: {error}".splitlines()[0]
    x = torch.linspace(-5, 5, 101)
    if not layer.self_attn.batch_first:
        return "Which axis does it take for the words?"
    if layer.norm_first:
        return "BERT normalises after the sum; norm_first is pre-norm."
    if layer.linear1.out_features != 3072:
        return f"I should be 3072, and is {layer.linear1.out_features}."
    if layer.norm1.eps != 1e-12 or layer.norm2.eps != 1e-12:
        return f"ε is {layer.norm1.eps:g}, not BERT's 1e-12."
    names = {
        "ReLU": torch.relu(x),
        "the tanh approximation of GELU": nn.functional.gelu(x, approximate="tanh"),
    }
    if compare(layer.activation(x), gelu(x), tolerance=2e-5):
        for name, wrong in names.items():
            if compare(layer.activation(x), wrong, tolerance=2e-5) is None:
                return f"The activation is {name}, not BERT's."
        return "The activation is not BERT's."
    return None if layer.linear1.bias is not None else "BERT has biases."


@exercise("06.5", function="state(model, ids, mask, k)")
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
                given = answer(model, ids.clone(), mask, k)
            finally:
                for hook in hooks:
                    hook.remove()
            if isinstance(given, tuple):
                return "Two things came back. A layer returns two: go on with the first."
            again = right[0]
            for _ in range(k):
                again = model.encoder.layers[0](again, mask)[0]
            mistakes = {f"{i} layers are run, not {k}": right[i] for i in range(4) if i != k}
            mistakes["the first layer is run each time"] = again
            mistakes["the position and segment tables are left out"] = model.embeddings.token(ids)
            hint = compare(given, right[k], mistakes=mistakes)
            if hint:
                return f"k = {k} of 3 layers: {hint}"
            if len(runs) != k:
                return f"The numbers are right, but for k = {k} you ran {len(runs)} layers."
    return None
