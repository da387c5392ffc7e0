"""F1 to F13: what the articles' formulas give, our modules give."""

# ruff: noqa: N802 - the names carry the ids of ledger.json

import itertools

import numpy as np
import pytest
import torch

from minibert import (
    BertConfig,
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertModel,
    BertTokenizer,
    cross_entropy,
)
from minibert.attention import MultiHeadAttention, attention_scores, make_additive_mask, softmax
from minibert.encoder import EncoderLayer
from minibert.extraction.layers import RECIPES, WeightedSum, recipe, select_layers
from minibert.feed_forward import FeedForward
from minibert.heads import IS_NEXT, IS_RANDOM, NO_LABEL
from minibert.layer_norm import LayerNorm
from minibert.positional import SinusoidalPositions, sinusoid_table
from tests import tiny
from tests.articles import formulas
from tests.articles.formulas import close, difference, weights_of

HEADS = tiny.CONFIG.num_attention_heads
X = np.random.default_rng(0).standard_normal((5, 28))  # [S, D]
T = torch.from_numpy(X)[None]  # [1, S, D], the same for our modules
NO_MASK = torch.zeros(1, 1, 1, 5, dtype=torch.float64)


def module(kind: type[torch.nn.Module], *arguments) -> torch.nn.Module:
    """One of our modules with random weights, float64."""
    return tiny.randomise(kind(*arguments or [tiny.CONFIG]).double(), seed=0)


def test_F1_attention():
    """A§4.1.1, C§4.1.1, D§3.1.1, E§4.2: softmax(QKᵀ/√d_k) V. So it is; with padding, the mask makes
    it the same formula over the real tokens alone.
    """
    query, key, value = np.random.default_rng(1).standard_normal((3, 5, 7))
    q, k, v = map(torch.from_numpy, (query, key, value))
    close(softmax(attention_scores(q, k)) @ v, formulas.attention(query, key, value))
    mask = make_additive_mask(torch.tensor([[1, 1, 1, 0, 0]]), torch.float64)[0, 0]
    masked = softmax(attention_scores(q, k) + mask) @ v
    close(masked, formulas.attention(query, key[:3], value[:3]))


def test_F2_multi_head_attention():
    """C§4.1.1: Concat(head_1 … head_h) W^O, each head with three matrices of its own. So it is;
    BERT adds a bias to each of the four maps.
    """
    attention = module(MultiHeadAttention)
    with_biases = attention(T, NO_MASK)[0][0]
    close(with_biases, formulas.multi_head(X, weights_of(attention), HEADS))
    for name, parameter in attention.named_parameters():
        if name.endswith("bias"):
            parameter.data.zero_()
    as_written = attention(T, NO_MASK)[0][0]
    close(as_written, formulas.multi_head(X, weights_of(attention), HEADS))
    assert (with_biases - as_written).abs().max() > 0.1


def test_F3_feed_forward():
    """C§4.1.2: ReLU(xW₁ + b₁) W₂ + b₂. That is the Transformer's; BERT has GELU for ReLU, and the
    two meet where no inner number is near 0.
    """
    ours = module(FeedForward)
    weights = weights_of(ours)
    close(ours(T)[0], formulas.feed_forward(X, weights, formulas.gelu))
    assert difference(ours(T)[0], formulas.feed_forward(X, weights)) > 0.1
    far = 1000 * X
    assert np.abs(formulas.linear(far, weights, "inner")).min() > 9
    close(ours(1000 * T)[0], formulas.feed_forward(far, weights), bound=1e-10)


def test_F4_layer_norm():
    """C§4.1.3, C§4.2.3: γ (x − μ)/√(σ² + ε) + β over a token's features, with 1/n. So it is; the
    articles leave ε open, and BERT's is 1e-12.
    """
    ours = module(LayerNorm, 28, BertConfig().layer_norm_eps)
    close(ours(T)[0], formulas.layer_norm(X, **weights_of(ours), eps=1e-12))
    # Numbers so close together that another ε would show.
    close(ours(1e-3 * T)[0], formulas.layer_norm(1e-3 * X, **weights_of(ours), eps=1e-12))


def test_F5_sinusoidal_positions():
    """D§3.1.2, B§3.2: PE(pos, 2i) = sin(pos/10000^(2i/d)), PE(pos, 2i+1) = cos of the same. So it
    is in the Transformer, and here on request; BERT's own positions are learned.
    """
    d = tiny.CONFIG.hidden_size
    table = np.zeros((13, d))
    for pos in range(13):
        for i in range(d // 2):
            table[pos, 2 * i] = np.sin(pos / 10000 ** (2 * i / d))
            table[pos, 2 * i + 1] = np.cos(pos / 10000 ** (2 * i / d))
    close(sinusoid_table(13, d), table, bound=6e-8)  # rounded to float32
    close(SinusoidalPositions(tiny.CONFIG)(5), table[:5], bound=6e-8)


def test_F6_residual_then_layer_norm():
    """B§2.1, B§4.5: residual connection and layer normalisation, named and not written out: the
    sublayer's input is added to its output, and the sum normalised.
    """
    layer = module(EncoderLayer)
    ours = layer(T, NO_MASK)[0][0]
    close(ours, formulas.encoder_layer(X, weights_of(layer), HEADS))
    # Later models normalise first, x + Sublayer(LayerNorm(x)): another layer with the same weights.
    a = T + layer.attention(layer.attention_layer_norm(T), NO_MASK)[0]
    pre_norm = a + layer.feed_forward(layer.feed_forward_layer_norm(a))
    assert difference(ours, pre_norm[0]) > 0.1


def test_F7_the_embedding_of_a_layer_is_its_output():
    """C§2.3, C§3.2.4, E§4.1: H = Encoder(X), and the embedding of layer i is what layer i puts out.
    So it is; with the embeddings that go in there are L+1 of them.
    """
    model = tiny.ours(BertModel)
    states = model(**tiny.inputs()).hidden_states
    assert len(states) == tiny.CONFIG.num_hidden_layers + 1
    for text, length in enumerate(tiny.LENGTHS):
        written = states[0][text, :length].detach().numpy()
        for i, layer in enumerate(model.encoder.layers, start=1):
            written = formulas.encoder_layer(written, weights_of(layer), HEADS)
            close(states[i][text, :length], written)


def test_F8_merging_the_layers():
    """C§2.4: the embeddings of all layers are merged into one; how is left open. The BERT paper's
    table 7 measures six ways.
    """
    states = tiny.ours(BertModel)(**tiny.inputs()).hidden_states
    h = [state.detach().numpy() for state in states]  # embeddings, layers 1 … 6
    written = {
        "embeddings": h[0],
        "second-to-last": h[5],
        "last": h[6],
        "weighted sum of last four": (h[3] + h[4] + h[5] + h[6]) / 4,
        "concat of last four": np.concatenate(h[3:7], axis=-1),
        "weighted sum of all": sum(h[1:7]) / 6,
    }
    assert written.keys() == RECIPES.keys()
    for name, vectors in written.items():
        close(recipe(name, states), vectors)
    # A weighted sum starts as the mean; trained, it is g · Σ softmax(w)_i h_i.
    weighted = WeightedSum(4).double()
    w = np.array([0.5, -1.0, 2.0, 0.0])
    weighted.weights.data, weighted.scale.data = torch.from_numpy(w), torch.tensor(1.5).double()
    chosen = [states[i] for i in select_layers(RECIPES["weighted sum of last four"][0], 6)]
    close(weighted(chosen), 1.5 * np.tensordot(np.exp(w) / np.exp(w).sum(), h[3:7], axes=1))


def test_F9_masked_language_model():
    """A§3.2, B§2.2, D§3.2: some tokens are hidden and predicted from the rest. So: the loss is
    −log P(hidden token) at the hidden places alone, and each other token has a say in it.
    """
    model, tokenizer = tiny.ours(BertForMaskedLM), tiny.tokenizer()
    place, hidden = 3, tokenizer.vocab["c"]
    ids = tokenizer("a b [MASK] d e")["input_ids"]
    labels = torch.full_like(ids, NO_LABEL)
    labels[0, place] = hidden
    logits = model(ids).mlm_logits.detach().requires_grad_()
    loss = cross_entropy(logits, labels)
    written = -np.log(formulas.softmax(logits.detach().numpy())[0, place, hidden])
    assert loss.item() == pytest.approx(written, abs=1e-12)
    loss.backward()
    assert logits.grad[0].any(dim=-1).tolist() == [i == place for i in range(7)]
    for other in (1, 2, 4, 5):  # on both sides
        changed = ids.clone()
        changed[0, other] = tokenizer.vocab["m"]
        assert abs(cross_entropy(model(changed).mlm_logits, labels).item() - written) > 1e-3


def test_F10_next_sentence_prediction():
    """A§3.2, D§3.2: does the second sentence follow the first? Softmax of two scores, made from the
    [CLS] vector; the first, label 0, is "it does".
    """
    model = tiny.ours(BertForNextSentencePrediction)
    output = model(**tiny.inputs())
    weights = weights_of(model)
    cls = output.bert.last_hidden_state[:, 0].detach().numpy()
    pooled = np.tanh(formulas.linear(cls, weights, "bert.pooler.dense"))
    probs = formulas.softmax(formulas.linear(pooled, weights, "nsp.logits"))  # [B, 2]
    close(softmax(output.nsp_logits), probs)
    labels = [IS_NEXT, IS_RANDOM, IS_RANDOM]
    written = -np.log([probs[0, 0], probs[1, 1], probs[2, 1]]).mean()
    loss = cross_entropy(output.nsp_logits, torch.tensor(labels))
    assert loss.item() == pytest.approx(written, abs=1e-12)


def test_F11_word_piece():
    """C§3.2.1, E§3.1: unknown words are split into pieces that the vocabulary has. So it is: always
    the longest beginning first, with no way back; [UNK] if that leaves a rest.
    """
    pieces = ["a", "ab", "abca", "b", "##b", "##c", "##ca", "##cab", "##aa"]
    tokenizer = BertTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces])

    def split(rest: str, mark: str) -> list[str] | None:
        if not rest:
            return []
        known = [end for end in range(1, len(rest) + 1) if mark + rest[:end] in pieces]
        following = split(rest[known[-1] :], "##") if known else None
        return None if following is None else [mark + rest[: known[-1]], *following]

    words = ["".join(w) for n in range(1, 8) for w in itertools.product("abc", repeat=n)]
    for word in words:
        assert tokenizer.tokenize(word) == (split(word, "") or ["[UNK]"]), word
    assert tokenizer.tokenize("abcab") == ["abca", "##b"]
    assert tokenizer.tokenize("abcabc") == ["abca", "##b", "##c"]
    assert tokenizer.tokenize("abcaa") == ["[UNK]"]  # ab ##c ##aa would do, abca comes first


def test_F12_input_and_its_three_embeddings():
    """E§3.1: [CLS] before and [SEP] after each text. So it is, [CLS] A [SEP] B [SEP]; each token is
    then token + position + segment embedding, and articles A to D leave out the segment.
    """
    tokenizer, model = tiny.tokenizer(), tiny.ours(BertModel)
    inputs = tokenizer("a b", "c")
    ids, segments = inputs["input_ids"][0].numpy(), inputs["token_type_ids"][0].numpy()
    tokens = tokenizer.convert_ids_to_tokens(inputs["input_ids"][0])
    assert tokens == ["[CLS]", "a", "b", "[SEP]", "c", "[SEP]"]
    assert segments.tolist() == [0, 0, 0, 0, 1, 1]
    weights = weights_of(model.embeddings)
    total = weights["token.weight"][ids] + weights["position.table"][:6]
    total = total + weights["segment.weight"][segments]
    written = formulas.layer_norm(total, **formulas.part(weights, "layer_norm."))
    close(model(**inputs).hidden_states[0][0], written)


def test_F13_softmax_over_the_vocabulary():
    """D§3.1.4: P(y) = softmax(W_o · tanh(W_h · [x_t; h_{t−1}] + b_h)). That is a recurrent network,
    which knows nothing of what follows; BERT's is softmax(E · LN(GELU(Wh + b)) + c).
    """
    model = tiny.ours(BertForPreTraining)
    ids = torch.tensor([[2, 7, 8, 9, 3]])
    output = model(ids)
    weights = weights_of(model.mlm)
    h = output.bert.last_hidden_state[0].detach().numpy()
    inner = formulas.gelu(formulas.linear(h, weights, "dense"))
    normal = formulas.layer_norm(inner, **formulas.part(weights, "layer_norm."))
    e = model.bert.embeddings.token.weight.detach().numpy()  # tied: there is no other [V, D]
    probs = softmax(output.mlm_logits)[0]
    close(probs, formulas.softmax(normal @ e.T + weights["bias"]))

    rng = np.random.default_rng(0)
    w_h, b_h, w_o = (rng.standard_normal(shape) for shape in ((28, 56), 28, (31, 28)))

    def recurrent(x: np.ndarray) -> np.ndarray:
        state, rows = np.zeros(28), []
        for x_t in x:
            state = np.tanh(w_h @ np.concatenate([x_t, state]) + b_h)
            rows.append(formulas.softmax(w_o @ state))
        return np.array(rows)

    other = ids.clone()
    other[0, 3] = 20
    before, after = recurrent(e[ids[0]]), recurrent(e[other[0]])
    assert (before[:3] == after[:3]).all()
    assert difference(before[3], after[3]) > 1e-3
    for place in range(3):
        assert difference(probs[place], softmax(model(other).mlm_logits)[0, place]) > 1e-3
