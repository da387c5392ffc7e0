"""transformers' models written to folders, in each of the layouts that are found in the wild."""

import json
from pathlib import Path

import transformers
from safetensors.torch import save_file
from torch import nn

from minibert import BertLMHeadModel, EncoderDecoderModel
from minibert.loading.head import describe_pair
from minibert.proof.verify import Row
from tests import tiny
from weights_loader import describe, name_table, stored


def official_state(model: nn.Module) -> dict:
    """The state of a transformers model under the names that its checkpoints have."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def legacy_name(name: str) -> str:
    """LayerNorm's names as in bert-base-uncased's own file."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
        "LayerNorm.bias", "LayerNorm.beta"
    )


def write_folder(state: dict, config: dict, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config))
    tiny.write_vocab(folder)


def save_theirs(model: nn.Module, folder: Path, drop: tuple[str, ...] = ()) -> None:
    """Write a transformers model in the modern layout, without the names that begin with `drop`."""
    state = official_state(model)
    tied = ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias")  # not stored twice
    state = {n: t for n, t in state.items() if not n.endswith(tied) and not n.startswith(drop)}
    write_folder(state, model.config.to_dict(), folder)


def assert_all_passed(rows: list[Row]) -> None:
    failed = [
        f"{row.operation}: {row.relative:.1e} > {row.bound:.0e}" for row in rows if not row.passed
    ]
    assert not failed, "\n".join(failed)


def assert_same_gradients(ours: nn.Module, theirs: nn.Module, without: tuple = ()) -> None:
    """The gradient of every parameter, after backward in both models; 0 for names that end in one
    of `without`, and what is computed there is rounding only.
    """
    our_gradients = {name: p.grad for name, p in ours.named_parameters()}
    their_gradients = {n.replace("bert.", ""): p.grad for n, p in theirs.named_parameters()}
    is_pair = isinstance(ours, EncoderDecoderModel)
    halves = {"encoder.": ours.encoder, "decoder.": ours.decoder} if is_pair else {"": ours}
    table = {
        part + their_name: part + our_name
        for part, half in halves.items()
        for their_name, our_name in name_table(half).items()
    }
    assert set(table.values()) == set(our_gradients)
    for their_name, our_name in table.items():
        expected = their_gradients[their_name]
        if our_name.startswith("encoder.pooler."):  # no decoder reads it
            assert expected is our_gradients[our_name] is None
            continue
        difference = (our_gradients[our_name] - expected).abs().max()
        # A number added to all scores of a row leaves the softmax as it is.
        if our_name.endswith(("key.bias", *without)):
            assert expected.abs().max() < 1e-12
            assert difference < 1e-12
        else:
            assert expected.abs().max() > 1e-6, our_name
            assert difference <= 1e-8 * expected.abs().max(), our_name  # measured: 2.3e-14


def as_theirs(ours: EncoderDecoderModel | BertLMHeadModel) -> transformers.PreTrainedModel:
    """transformers' model of the same weights, kept in float64 if they are."""
    if isinstance(ours, EncoderDecoderModel):
        halves = {"encoder": ours.encoder, "decoder": ours.decoder}
        configs = {part: describe(half) for part, half in halves.items()}
        settings = transformers.EncoderDecoderConfig(**configs, **describe_pair(ours))
        theirs = transformers.EncoderDecoderModel(settings)
        state = {f"{p}.{name}": t for p, half in halves.items() for name, t in stored(half).items()}
    else:
        theirs = transformers.BertLMHeadModel(transformers.BertConfig(**describe(ours)))
        state = stored(ours)
    theirs = theirs.to(next(ours.parameters()).dtype)
    assert not theirs.load_state_dict(state, strict=False).unexpected_keys
    theirs.tie_weights()
    return theirs.eval()
