"""The same forward pass a second time: NumPy, float64, straight from the formulas, no torch.

One text at a time, one head at a time, padding left out of the softmax instead of masked; so is the
future in a decoder. Slow, and sharing nothing with the textbook but the names: where the two agree,
the formula is right.

    values = forward(as_arrays(model.state_dict()), model.config, input_ids)
    values["encoder.layers.3.attention.probs"]  # the same name as in trace(), [B, N, S, S]
    values = forward_pair(weights, [encoder_config, decoder_config], [source_ids, written_ids])
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minibert.config import BertConfig

Arrays = dict[str, np.ndarray]
Memory = tuple[np.ndarray, np.ndarray]  # what a decoder reads: states [S, D], and which are real
erf = np.vectorize(math.erf, otypes=[np.float64])
LOWEST = np.finfo(np.float64).min  # the score of a key that is not seen


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

    Which heads there are, and whether it is a decoder, is seen from the weights' names.
    """
    input_ids = np.asarray(input_ids)
    is_real = np.ones_like(input_ids) if attention_mask is None else np.asarray(attention_mask)
    segments = np.zeros_like(input_ids) if token_type_ids is None else np.asarray(token_type_ids)
    texts = zip(input_ids, is_real.astype(bool), segments, strict=True)
    return stack([one_text(weights, config, *text) for text in texts])


def forward_pair(
    weights: Arrays,
    configs: Sequence[BertConfig],
    input_ids: Sequence[np.ndarray],
    attention_masks: Sequence[np.ndarray],
) -> Arrays:
    """The same of an encoder-decoder; each argument is a pair: of the text that is read [B, S], and
    of what is written [B, T].
    """
    rows = []
    is_real = [mask.astype(bool) for mask in attention_masks]
    for ids, others, seen, others_seen in zip(*input_ids, *is_real, strict=True):
        values: Arrays = {}
        memory = bert(weights, values, "encoder.", configs[0], ids, seen, 0 * ids)
        pooler(weights, values, "encoder.", memory)
        written = configs[1], others, others_seen, 0 * others
        x = bert(weights, values, "decoder.bert.", *written, (memory, seen))
        mlm_head(weights, values, "decoder.", configs[1], x)
        rows.append(values)
    return stack(rows)


def stack(values: list[Arrays]) -> Arrays:
    """The values of all texts together."""
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
    x = bert(weights, values, prefix, config, ids, is_real, segments)
    pooled = pooler(weights, values, prefix, x)
    if "mlm.bias" in weights:
        mlm_head(weights, values, "", config, x)
    if "nsp.logits.weight" in weights:
        Scope(weights, values, "nsp.").linear("logits", pooled)
    return values


def bert(
    weights: Arrays,
    values: Arrays,
    prefix: str,
    config: BertConfig,
    ids: np.ndarray,
    is_real: np.ndarray,
    segments: np.ndarray,
    memory: Memory | None = None,
) -> np.ndarray:
    """The embeddings and all layers of one BERT, whose names begin with `prefix`: [S] -> [S, D].
    A decoder's token s is seen by token t if s ≤ t; with a `memory` it looks there, too.
    """
    writes = any(name.startswith(prefix + "decoder.") for name in weights)
    seen = np.tile(is_real, (len(ids), 1))  # [S, S]
    seen = np.tril(seen) if writes else seen
    x = embed(Scope(weights, values, prefix + "embeddings."), config, ids, segments)
    for i in range(config.num_hidden_layers):
        name = f"{prefix}{'decoder' if writes else 'encoder'}.layers.{i}."
        x = layer(Scope(weights, values, name), config, x, seen, memory)
    return x


def pooler(weights: Arrays, values: Arrays, prefix: str, x: np.ndarray) -> np.ndarray:
    """tanh(first token · W + b) if the model has it: [S, D] -> [D]."""
    scope = Scope(weights, values, prefix + "pooler.")
    if scope.prefix + "dense.weight" not in weights:
        return x[0]
    return scope.keep("activation", np.tanh(scope.linear("dense", x[0])))


def mlm_head(
    weights: Arrays, values: Arrays, prefix: str, config: BertConfig, x: np.ndarray
) -> None:
    """Scores of all V pieces: [S, D] -> [S, V]."""
    scope = Scope(weights, values, prefix + "mlm.")
    inner = scope.keep("activation", gelu(scope.linear("dense", x)))
    normed = scope.layer_norm("layer_norm", inner, config.layer_norm_eps)
    # Tied: one dot product of the vector with each token embedding.
    tokens = weights[prefix + "bert.embeddings.token.weight"]
    scope.keep("logits", normed @ tokens.T + scope["bias"])


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


def layer(
    scope: Scope,
    config: BertConfig,
    x: np.ndarray,
    seen: np.ndarray,
    memory: Memory | None,
) -> np.ndarray:
    """LayerNorm(a + FFN(a)) with a = LayerNorm(x + MultiHead(x)); if there is a memory, then with
    LayerNorm(a + CrossAttention(a, memory)) for a: [S, D] -> [S, D].
    """
    a = sublayer(scope, "attention", config, x, x, seen)
    if memory is not None:
        states, is_real = memory
        read = np.tile(is_real, (len(x), 1))  # [T, S]
        a = sublayer(scope, "cross_attention", config, a, states, read)
    inner = gelu(scope.linear("feed_forward.inner", a))
    scope.keep("feed_forward.activation", inner)
    output = scope.linear("feed_forward.output", inner)
    residual = scope.keep("feed_forward_residual", a + output)
    return scope.layer_norm("feed_forward_layer_norm", residual, config.layer_norm_eps)


def sublayer(
    scope: Scope, name: str, config: BertConfig, x: np.ndarray, keys: np.ndarray, seen: np.ndarray
) -> np.ndarray:
    """LayerNorm(x + attention to the keys): [T, D] -> [T, D]."""
    inner = Scope(scope.weights, scope.values, f"{scope.prefix}{name}.")
    residual = scope.keep(f"{name}_residual", x + attention(inner, config, x, keys, seen))
    return scope.layer_norm(f"{name}_layer_norm", residual, config.layer_norm_eps)


def attention(
    scope: Scope, config: BertConfig, x: np.ndarray, keys: np.ndarray, seen: np.ndarray
) -> np.ndarray:
    """Concat(head_1 … head_N) · W_O + b_O, each head from its own slice of the projections. Token t
    of x [T, D] sees those of the keys [S, D] that `seen` [T, S] tells.
    """
    query = scope.linear("query", x)
    key, value = scope.linear("key", keys), scope.linear("value", keys)
    heads: dict[str, list[np.ndarray]] = {
        "scores": [],
        "masked_scores": [],
        "probs": [],
        "context": [],
    }
    for head in np.split(np.arange(config.hidden_size), config.num_attention_heads):
        scores = np.einsum("qh,kh->qk", query[:, head], key[:, head]) * config.head_size**-0.5
        masked_scores = np.where(seen, scores, LOWEST)
        probs = np.zeros_like(scores)
        for t, keys_seen in enumerate(seen):
            # Padding at the beginning of a decoder's text sees no token: its scores are all alike.
            among = keys_seen if keys_seen.any() else ~keys_seen
            probs[t, among] = softmax(masked_scores[t, among])
        heads["scores"].append(scores)
        heads["masked_scores"].append(masked_scores)
        heads["probs"].append(probs)
        heads["context"].append(np.einsum("qk,kh->qh", probs, value[:, head]))
    for name, values in heads.items():
        scope.keep(name, np.stack(values))
    merged = scope.keep("merged_context", np.concatenate(heads["context"], axis=1))
    return scope.linear("output", merged)


def softmax(scores: np.ndarray) -> np.ndarray:
    """exp(s) / Σ exp(s) along each row."""
    powers = np.exp(scores - scores.max(axis=-1)[..., None])
    return powers / powers.sum(axis=-1)[..., None]


def gelu(x: np.ndarray) -> np.ndarray:
    """x · Φ(x), Φ(x) = (1 + erf(x/√2)) / 2."""
    return x * (1 + erf(x / 2**0.5)) / 2
