"""The same forward pass a second time: NumPy, float64, straight from the formulas, no torch.

One text at a time, one head at a time, padding left out of the softmax instead of masked. Slow,
and sharing nothing with the textbook but the names: where the two agree, the formula is right.

    values = forward(as_arrays(model.state_dict()), model.config, input_ids)
    values["encoder.layers.3.attention.probs"]  # the same name as in trace(), [B, N, S, S]
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from minibert.config import BertConfig

Arrays = dict[str, np.ndarray]
erf = np.vectorize(math.erf, otypes=[np.float64])
LOWEST = np.finfo(np.float64).min  # the score of a padded key


def as_arrays(state_dict: Mapping[str, Any]) -> Arrays:
    """A model's state_dict as NumPy float64."""
    return {name: tensor.detach().cpu().double().numpy() for name, tensor in state_dict.items()}


def forward(
    weights: Arrays,
    config: BertConfig,
    input_ids: np.ndarray,
    *,
    attention_mask: np.ndarray | None = None,
    token_type_ids: np.ndarray | None = None,
) -> Arrays:
    """Every intermediate of every text [B, S], by the names that trace() uses.

    Which heads there are is seen from the weights' names.
    """
    input_ids = np.asarray(input_ids)
    is_real = np.ones_like(input_ids) if attention_mask is None else np.asarray(attention_mask)
    segments = np.zeros_like(input_ids) if token_type_ids is None else np.asarray(token_type_ids)
    texts = zip(input_ids, is_real.astype(bool), segments, strict=True)
    values = [one_text(weights, config, *text) for text in texts]
    stacked = {name: np.stack([value[name] for value in values]) for name in values[0]}
    for name in stacked:
        if name.endswith("embeddings.position"):
            stacked[name] = stacked[name][0]  # [S, D], the same for each text
    return stacked


def one_text(
    weights: Arrays, config: BertConfig, ids: np.ndarray, is_real: np.ndarray, segments: np.ndarray
) -> Arrays:
    """All values of one text, ids [S]."""
    prefix = "bert." if any(name.startswith("bert.") for name in weights) else ""
    values: Arrays = {}
    x = embed(Scope(weights, values, prefix + "embeddings."), config, ids, segments)
    for layer in range(config.num_hidden_layers):
        scope = Scope(weights, values, f"{prefix}encoder.layers.{layer}.")
        x = encoder_layer(scope, config, x, is_real)
    if prefix + "pooler.dense.weight" in weights:
        pooler = Scope(weights, values, prefix + "pooler.")
        pooled = pooler.keep("activation", np.tanh(pooler.linear("dense", x[0])))
    if "mlm.bias" in weights:
        mlm = Scope(weights, values, "mlm.")
        inner = mlm.keep("activation", gelu(mlm.linear("dense", x)))
        normed = mlm.layer_norm("layer_norm", inner, config.layer_norm_eps)
        # Tied: one dot product of the vector with each token embedding.
        mlm.keep("logits", normed @ weights["bert.embeddings.token.weight"].T + mlm["bias"])
    if "nsp.logits.weight" in weights:
        Scope(weights, values, "nsp.").linear("logits", pooled)
    return values


class Scope:
    """The weights below one prefix, and the values that are computed from them."""

    def __init__(self, weights: Arrays, values: Arrays, prefix: str):
        self.weights, self.values, self.prefix = weights, values, prefix

    def __getitem__(self, name: str) -> np.ndarray:
        return self.weights[self.prefix + name]

    def keep(self, name: str, value: np.ndarray) -> np.ndarray:
        self.values[self.prefix + name] = value
        return value

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        """y_o = Σ_i W_oi · x_i + b_o, with W [out, in] as checkpoints store it."""
        return self.keep(
            name, np.einsum("oi,...i->...o", self[f"{name}.weight"], x) + self[f"{name}.bias"]
        )

    def layer_norm(self, name: str, x: np.ndarray, eps: float) -> np.ndarray:
        """γ (x − μ) / √(σ² + ε) + β, NumPy's own mean and (1/n) variance over the features."""
        mean, variance = x.mean(axis=-1)[..., None], x.var(axis=-1)[..., None]
        normalised = self.keep(f"{name}.normalised", (x - mean) * (variance + eps) ** -0.5)
        return self.keep(name, self[f"{name}.gamma"] * normalised + self[f"{name}.beta"])


def embed(scope: Scope, config: BertConfig, ids: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """LayerNorm(token + position + segment): [S] -> [S, D]."""
    token = scope.keep("token", scope["token.weight"][ids])
    segment = scope.keep("segment", scope["segment.weight"][segments])
    position = scope.keep("position", scope["position.table"][: len(ids)])
    total = scope.keep("sum", token + position + segment)
    return scope.layer_norm("layer_norm", total, config.layer_norm_eps)


def encoder_layer(
    scope: Scope, config: BertConfig, x: np.ndarray, is_real: np.ndarray
) -> np.ndarray:
    """LayerNorm(a + FFN(a)) with a = LayerNorm(x + MultiHead(x)): [S, D] -> [S, D]."""
    attended = attention(
        Scope(scope.weights, scope.values, scope.prefix + "attention."), config, x, is_real
    )
    a = scope.keep("attention_residual", x + attended)
    a = scope.layer_norm("attention_layer_norm", a, config.layer_norm_eps)
    inner = gelu(scope.linear("feed_forward.inner", a))
    scope.keep("feed_forward.activation", inner)
    output = scope.linear("feed_forward.output", inner)
    residual = scope.keep("feed_forward_residual", a + output)
    return scope.layer_norm("feed_forward_layer_norm", residual, config.layer_norm_eps)


def attention(scope: Scope, config: BertConfig, x: np.ndarray, is_real: np.ndarray) -> np.ndarray:
    """Concat(head_1 … head_N) · W_O + b_O, each head from its own slice of the projections."""
    query, key, value = (scope.linear(name, x) for name in ("query", "key", "value"))
    heads: dict[str, list[np.ndarray]] = {
        "scores": [],
        "masked_scores": [],
        "probs": [],
        "context": [],
    }
    for head in np.split(np.arange(config.hidden_size), config.num_attention_heads):
        scores = np.einsum("qh,kh->qk", query[:, head], key[:, head]) * config.head_size**-0.5
        probs = np.zeros_like(scores)
        probs[:, is_real] = softmax(scores[:, is_real])
        heads["scores"].append(scores)
        heads["masked_scores"].append(np.where(is_real, scores, LOWEST))
        heads["probs"].append(probs)
        heads["context"].append(np.einsum("qk,kh->qh", probs, value[:, head]))
    for name, values in heads.items():
        scope.keep(name, np.stack(values))
    merged = scope.keep("merged_context", np.concatenate(heads["context"], axis=1))
    return scope.linear("output", merged)


def softmax(scores: np.ndarray) -> np.ndarray:
    """exp(s) / Σ exp(s) along each row."""
    powers = np.exp(scores - scores.max(axis=1)[:, None])
    return powers / powers.sum(axis=1)[:, None]


def gelu(x: np.ndarray) -> np.ndarray:
    """x · Φ(x), Φ(x) = (1 + erf(x/√2)) / 2."""
    return x * (1 + erf(x / 2**0.5)) / 2
