"""Our model against transformers, operation by operation, on the same weights and the same text.

    for row in verify("bert-base-uncased", ["Hello, my dog is cute"]):
        print(row)

An encoder-decoder is given the texts twice: to read, and as what it writes.

transformers computes eagerly, with PyTorch's hooks on its submodules. The attention scores, the
probs and each head's context have no submodule there; they are caught where its code calls softmax
and matmul. LayerNorm's normalised value is PyTorch's layer_norm of the same input without γ and β.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from minibert.inspection.trace import trace
from minibert.loading.finding import find_folder, open_weights
from minibert.model import BertModel
from minibert.translation.encoder_decoder import EncoderDecoderModel, LanguageModelOutput
from minibert.vocabulary import read_json

BOUNDS = {torch.float32: 1e-5, torch.float64: 1e-10}
TEXTS = ("The cat sat on the mat.", "BERT reads both sides of a word at once, and pads.")

# Our operation -> their module, and whether it is the module's input or its output. (Each LayerNorm
# has an operation more, its normalised value: see their_operations.)
BERT = {
    "embeddings.token": ("embeddings.word_embeddings", "output"),
    "embeddings.segment": ("embeddings.token_type_embeddings", "output"),
    "embeddings.position": ("embeddings.position_embeddings", "output"),
    "embeddings.sum": ("embeddings.LayerNorm", "input"),
    "embeddings.layer_norm": ("embeddings.LayerNorm", "output"),
    "pooler.dense": ("pooler.dense", "output"),
    "pooler.activation": ("pooler.activation", "output"),
}
LAYER = {  # below encoder.layers.{i}. (decoder.layers.{i}.) and encoder.layer.{i}.
    "attention.query": ("attention.self.query", "output"),
    "attention.key": ("attention.self.key", "output"),
    "attention.value": ("attention.self.value", "output"),
    "attention.merged_context": ("attention.output.dense", "input"),
    "attention.output": ("attention.output.dense", "output"),
    "attention_residual": ("attention.output.LayerNorm", "input"),
    "attention_layer_norm": ("attention.output.LayerNorm", "output"),
    "feed_forward.inner": ("intermediate.dense", "output"),
    "feed_forward.activation": ("intermediate.intermediate_act_fn", "output"),
    "feed_forward.output": ("output.dense", "output"),
    "feed_forward_residual": ("output.LayerNorm", "input"),
    "feed_forward_layer_norm": ("output.LayerNorm", "output"),
}
CROSS = {
    f"cross_{ours}": (f"cross{module}", end)
    for ours, (module, end) in LAYER.items()
    if ours.startswith("attention")
}
HEADS = {
    "mlm.dense": ("cls.predictions.transform.dense", "output"),
    "mlm.activation": ("cls.predictions.transform.transform_act_fn", "output"),
    "mlm.layer_norm": ("cls.predictions.transform.LayerNorm", "output"),
    "mlm.logits": ("cls.predictions.decoder", "output"),
    "nsp.logits": ("cls.seq_relationship", "output"),
    "classifier": ("classifier", "output"),
    "qa_outputs": ("qa_outputs", "output"),
}


@dataclass(frozen=True)
class Row:
    """One operation: the largest difference over all layers, and the layer where it is."""

    operation: str
    worst_layer: int | None
    absolute: float  # max |ours − theirs|
    relative: float  # max |ours − theirs| / max(1, the largest |number| of the same vector)
    bound: float

    @property
    def passed(self) -> bool:
        return self.relative <= self.bound  # False for NaN, too


class AttentionCatcher(TorchFunctionMode):
    """Keeps what transformers' attention gives to softmax, and what softmax and matmul return: of
    each attention in the order of the computation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.masked_scores: list[torch.Tensor] = []
        self.probs: list[torch.Tensor] = []
        self.products: list[torch.Tensor] = []  # for each attention QKᵀ, then probs · V

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is nn.functional.softmax:
            self.masked_scores.append(args[0])
            self.probs.append(result)
        elif func is torch.matmul:
            self.products.append(result)
        return result


def verify(
    name: str | Path | None = None,
    texts: Sequence[str] = TEXTS,
    dtype: torch.dtype = torch.float32,
) -> list[Row]:
    """Load a checkpoint twice, here and in transformers, and compare every operation.

    The heads that the file holds are compared too.
    """
    import transformers

    from weights_loader import load_bert

    if dtype not in BOUNDS:
        raise ValueError(f"dtype must be torch.float32 or torch.float64, not {dtype!r}")
    folder = find_folder(name)
    ours, tokenizer = load_bert(folder, head=heads_in(folder), dtype=dtype)
    their_class = getattr(transformers, type(ours).__name__)
    is_bare = type(ours) is BertModel
    options = {"add_pooling_layer": ours.pooler is not None} if is_bare else {}
    theirs = their_class.from_pretrained(
        folder, attn_implementation="eager", dtype=dtype, **options
    ).eval()
    inputs = tokenizer(list(texts))
    if isinstance(ours, EncoderDecoderModel):
        if ours.encoder.pooler is None:
            theirs.encoder.pooler = None
        written = ours.target_tokenizer(list(texts))
        inputs |= {f"decoder_{name}": written[name] for name in ("input_ids", "attention_mask")}
    return compare(ours, theirs, inputs, BOUNDS[dtype])


def heads_in(folder: Path) -> str | None:
    """The `head` for load_bert for all that the file holds and transformers can read."""
    settings = read_json(folder / "config.json")
    if settings.get("is_decoder") is True or settings.get("model_type") == "encoder-decoder":
        return None
    with open_weights(folder) as file:
        names = list(file.keys())
    if "mixture.weights" in names:
        return "bert"
    has_mlm = any(name.startswith("cls.predictions.") for name in names)
    has_nsp = any(name.startswith("cls.seq_relationship.") for name in names)
    return {(1, 1): "pretraining", (1, 0): "mlm", (0, 1): "nsp"}.get((has_mlm, has_nsp))


def compare(
    ours: nn.Module, theirs: nn.Module, inputs: dict[str, torch.Tensor], bound: float
) -> list[Row]:
    """Every operation of our model against the same one of theirs; a row per operation."""
    with torch.no_grad():
        with trace(ours) as our_values:
            our_output = ours(**inputs)
        their_values, their_output = their_operations(theirs, inputs)
    if set(our_values) != set(their_values):
        unmatched = sorted(set(our_values) ^ set(their_values))
        raise RuntimeError(f"these operations have no counterpart: {', '.join(unmatched)}")
    pairs = {name: (value, their_values[name]) for name, value in our_values.items()}
    pairs |= returned_pairs(our_output, their_output)
    differences = {
        name: largest_difference(name, *pair, *real_and_seen(name, inputs))
        for name, pair in pairs.items()
    }
    return summarise(differences, bound)


def real_and_seen(name: str, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the text that a value is about: which tokens are real [B, T], and which keys each of them
    may look at [B, 1, 1 or T, S].
    """
    is_written = re.match(r"(returned )?decoder\.", name) and "decoder_input_ids" in inputs
    is_read = inputs["attention_mask"] == 1
    is_real = inputs["decoder_attention_mask"] == 1 if is_written else is_read
    is_cross = "cross_attention" in name
    seen = (is_read if is_cross else is_real)[:, None, None, :]  # [B, 1, 1, S]
    if "decoder.layers" in name and not is_cross:
        seen = seen & torch.ones(2 * seen.shape[-1:], dtype=torch.bool).tril()  # [B, 1, T, T]
    if name.endswith(("cross_attention.key", "cross_attention.value")):
        is_real = is_read
    return is_real, seen


def returned_pairs(ours: Any, theirs: Any) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """All that both models return: name -> (ours, theirs)."""
    is_pair = isinstance(ours, LanguageModelOutput) and ours.encoder is not None
    if is_pair:
        berts = {"encoder": ours.encoder, "decoder": ours.decoder}
    else:
        berts = {"": getattr(ours, "decoder", getattr(ours, "bert", ours))}
    pairs: dict[str, Any] = {}
    for part, bert in berts.items():
        here, there = (f"{part}.", f"{part}_") if part else ("", "")
        tuples = {"hidden_states": f"{there}hidden_states", "attention_probs": f"{there}attentions"}
        if part == "decoder":
            tuples["cross_attention_probs"] = "cross_attentions"
        for our_name, their_name in tuples.items():
            both = zip(getattr(bert, our_name), theirs[their_name], strict=True)
            pairs |= {f"returned {here}{our_name}.layers.{i}": p for i, p in enumerate(both)}
    if is_pair:
        states = ours.encoder.last_hidden_state, theirs.encoder_last_hidden_state
        return pairs | {
            "returned encoder.last_hidden_state": states,
            "returned decoder.logits": (ours.logits, theirs.logits),
        }
    for name, their_names in (
        ("last_hidden_state", ["last_hidden_state"]),
        ("pooler_output", ["pooler_output"]),
        ("mlm_logits", ["prediction_logits", "logits"]),
        ("nsp_logits", ["seq_relationship_logits", "logits"]),
        ("logits", ["logits"]),
        ("start_logits", ["start_logits"]),
        ("end_logits", ["end_logits"]),
    ):
        our_value = getattr(ours, name, None)
        if our_value is not None:
            their_name = next(their_name for their_name in their_names if their_name in theirs)
            pairs[f"returned {name}"] = (our_value, theirs[their_name])
    return pairs


def largest_difference(
    name: str,
    ours: torch.Tensor,
    theirs: torch.Tensor,
    is_real: torch.Tensor,
    seen: torch.Tensor | None = None,
) -> tuple[float, float]:
    """max |ours − theirs| over the real tokens: relative to the size of its vector, and as it is.
    `seen`: the keys that a token may look at; None: all real ones.

    Relative, because real checkpoints have features near 200 in some feed-forward outputs, where
    neighbouring float32 numbers are 1.5e-5 apart. Real tokens only, because the values at padding
    are never read, and rounding grows from layer to layer there (to 1e-4 in all-MiniLM-L6-v2).
    """
    if ours.shape != theirs.shape:
        raise RuntimeError(f"{name}: shapes differ, {list(ours.shape)} and {list(theirs.shape)}")
    pair = torch.stack([ours, theirs])
    if name.endswith("scores"):  # padded and future keys are not read either
        pair = pair.where(is_real[:, None, None, :] if seen is None else seen, 0)
    if name.endswith(("start_logits", "end_logits")):
        pair = pair.where(is_real, 0)
    if ours.dim() == 4:  # [B, N, S, S] or [B, N, S, H]: for each token a row in each head
        pair = pair.transpose(2, 3)  # [2, B, S, N, …]
    if ours.dim() >= 3:
        pair = pair[:, is_real]
    absolute = (pair[0] - pair[1]).abs()
    size = pair[1].abs().amax(dim=-1, keepdim=True).clamp(min=1)
    return (absolute / size).max().item(), absolute.max().item()


def their_operations(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[dict, Any]:
    """One forward pass of a transformers model: its values under our names, and its output."""
    values: dict[str, torch.Tensor] = {}
    berts = {"bert." if hasattr(model, "bert") else "": model.config}
    prefix = ""
    if model.config.model_type == "encoder-decoder":
        berts = {"encoder.": model.config.encoder, "decoder.bert.": model.config.decoder}
        prefix = "decoder."
    table = {prefix + ours: (prefix + module, end) for ours, (module, end) in HEADS.items()}
    attentions: dict[str, Any] = {}  # in the order of the computation
    for prefix, config in berts.items():
        table |= {prefix + ours: (prefix + module, end) for ours, (module, end) in BERT.items()}
        for i in range(config.num_hidden_layers):
            layer = f"{prefix}{'decoder' if config.is_decoder else 'encoder'}.layers.{i}."
            for ours, (module, end) in (LAYER | CROSS).items():
                table[layer + ours] = (f"{prefix}encoder.layer.{i}.{module}", end)
            for name in ["attention."] + ["cross_attention."] * config.add_cross_attention:
                attentions[layer + name] = config.hidden_size // config.num_attention_heads

    def keeper(name: str, end: str) -> Callable[..., None]:
        def keep(module: nn.Module, args: tuple, output: torch.Tensor) -> None:
            values[name] = args[0] if end == "input" else output
            if isinstance(module, nn.LayerNorm) and end == "output":
                values[f"{name}.normalised"] = nn.functional.layer_norm(
                    args[0], module.normalized_shape, eps=module.eps
                )

        return keep

    modules = dict(model.named_modules())
    hooks = [
        modules[path].register_forward_hook(keeper(ours, end))
        for ours, (path, end) in table.items()
        if path in modules
    ]
    with AttentionCatcher() as caught:
        output = model(**inputs, output_hidden_states=True, output_attentions=True)
    for hook in hooks:
        hook.remove()
    for i, (attention, head_size) in enumerate(attentions.items()):
        values[attention + "scores"] = caught.products[2 * i] * head_size**-0.5
        values[attention + "masked_scores"] = caught.masked_scores[i]
        values[attention + "probs"] = caught.probs[i]
        values[attention + "context"] = caught.products[2 * i + 1]
    for prefix in berts:
        position = prefix + "embeddings.position"
        values[position] = values[position][0]  # [1, S, D] there, [S, D] here
    return values, output


def summarise(differences: dict[str, tuple[float, float]], bound: float) -> list[Row]:
    """One row for each operation, all layers together, in the order of the computation."""
    rows: dict[str, Row] = {}
    for name, (relative, absolute) in differences.items():
        operation = re.sub(r"layers\.\d+", "layers.*", name)
        index = re.search(r"layers\.(\d+)", name)
        # "not <=" rather than ">": a NaN must win.
        if operation not in rows or not relative <= rows[operation].relative:
            layer = int(index[1]) if index else None
            rows[operation] = Row(operation, layer, absolute, relative, bound)
    return list(rows.values())
