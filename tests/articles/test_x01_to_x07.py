"""X1 to X7: the errata of article A. Each test runs its version, then the right one."""

# ruff: noqa: N802 - the names carry the ids of ledger.json

import numpy as np
import pytest
import torch
import transformers

from minibert import BertConfig, BertModel, BertTokenizer
from minibert.feed_forward import FeedForward
from tests import tiny
from tests.articles import formulas
from tests.articles.formulas import close, difference, weights_of
from tests.shared import shared

X = np.random.default_rng(0).standard_normal((5, 28))  # [S, D]


def test_X1_one_relu_and_two_biases():
    """A§4.1.2: FFN(x) = ReLU(W₂ · ReLU(W₁x + b₁)). Without the outer ReLU and with b₂: as written,
    the network could only ever raise a feature.
    """
    ours = tiny.randomise(FeedForward(tiny.CONFIG).double(), seed=0)
    weights = weights_of(ours)
    inner = formulas.relu(formulas.linear(X, weights, "inner"))
    written = formulas.relu(inner @ weights["output.weight"].T)
    assert written.min() == 0
    assert ((X + written) >= X).all()  # the residual sum
    right = ours(torch.from_numpy(X))
    assert 0.3 < (right < 0).double().mean() < 0.7
    close(right, formulas.feed_forward(X, weights, formulas.gelu))


def test_X2_a_position_is_added():
    """A§4.3: the word's number is appended, [0.1, 0.2, 0.3] becomes [0.1, 0.2, 0.3, 0]. A vector of
    the same size is added: what comes next takes D features, not D + 1.
    """
    words = torch.tensor([[(3 * i + j) / 10 for j in (1, 2, 3)] for i in range(6)])
    written = torch.cat([words, torch.arange(6.0)[:, None]], dim=1)
    assert written[5].tolist() == pytest.approx([1.6, 1.7, 1.8, 5])
    config = BertConfig(hidden_size=3, num_attention_heads=1, num_hidden_layers=1, vocab_size=9)
    model = BertModel(config)
    layer, no_mask = model.encoder.layers[0], torch.zeros(1, 1, 1, 6)
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        layer(written[None], no_mask)
    right = words + model.embeddings.position(6)
    assert right.shape == words.shape
    assert layer(right[None], no_mask)[0].shape == (1, 6, 3)


def test_X3_the_order_of_the_embeddings_and_the_number_of_layers():
    """A§2.3: positional encoding, then the embedding layer, then 8 layers. Before the embedding
    there are only ids, which bear no sum; three embeddings are added and normalised; base has 12.
    """
    model = tiny.ours(BertModel)
    embeddings, ids = model.embeddings, torch.tensor([[7, 6, 9]])
    with pytest.raises(RuntimeError, match="indices"):  # sinusoids make no ids
        embeddings.token(ids + torch.sin(torch.arange(3.0)))
    written = embeddings.token(ids + torch.arange(3))[0]  # and whole numbers make other ids:
    assert torch.equal(written[0], written[1])  # word 7 at place 0 is word 6 at place 1
    right = model(ids).hidden_states[0][0]
    total = embeddings.token(ids)[0] + embeddings.position(3) + embeddings.segment.weight[0]
    norm = formulas.part(weights_of(embeddings), "layer_norm.")
    close(right, formulas.layer_norm(total.detach().numpy(), **norm))
    assert difference(right[0], right[1]) > 0.1
    sizes = []
    for layers in (8, BertConfig().num_hidden_layers):
        with torch.device("meta"):  # shapes without numbers
            model = BertModel(BertConfig(num_hidden_layers=layers))
        sizes.append(sum(p.numel() for p in model.parameters()))
    assert sizes == [81_130_752, 109_482_240]  # the second is bert-base-uncased's
    assert transformers.BertConfig().num_hidden_layers == 12


def test_X4_the_whole_model_in_one_line():
    """A§4.1.3: BERT(x) = FFN(Attention(E(x) + PE)). No segments, no residuals, no LayerNorm and one
    layer: as written, an untrained model makes all words of a text alike.
    """
    torch.manual_seed(0)
    model = BertModel(tiny.CONFIG).double().eval()  # BERT's own start
    ids = torch.tensor([[2, 7, 8, 9, 3]])
    embedding = model.embeddings.token(ids) + model.embeddings.position(5)
    layer = model.encoder.layers[0]
    attended, _ = layer.attention(embedding, torch.zeros(1, 1, 1, 5, dtype=torch.float64))
    written = layer.feed_forward(attended)[0]
    right = model(ids)
    states = right.last_hidden_state[0]

    def variety(vectors: torch.Tensor) -> float:
        """The part of the vectors' size that lies in their differences from one another."""
        return ((vectors - vectors.mean(dim=0)).norm() / vectors.norm()).item()

    assert variety(written) < 0.01
    assert variety(states) > 0.3
    assert written.std(dim=1).max() < 0.01  # nothing keeps the numbers at a size
    close(states.mean(dim=1), np.zeros(5))
    close(states.var(dim=1, correction=0), np.ones(5), bound=1e-9)
    assert len(right.hidden_states) == tiny.CONFIG.num_hidden_layers + 1
    second = model(ids, token_type_ids=torch.ones_like(ids))  # which the formula cannot tell apart
    assert difference(second.last_hidden_state, right.last_hidden_state) > 1e-3


def test_X5_the_first_row_is_one_vector():
    """A§5.2, A§5.3, A§5.4: `last_hidden_state[:, 0, :]` is "the first embedding of every word",
    printed as 6 × 4 numbers. It is the vector of [CLS] alone, (1, 768); every token's is [0].
    """
    sizes = {"vocab_size": 31, "num_hidden_layers": 1, "intermediate_size": 11}
    torch.manual_seed(0)
    models = (
        transformers.BertModel(transformers.BertConfig(**sizes)).eval(),
        BertModel(BertConfig(**sizes)).eval(),
    )
    inputs = tiny.tokenizer()("a b c d e f")
    for model in models:
        outputs = model(**inputs)
        embeddings = outputs.last_hidden_state[:, 0, :]
        assert embeddings.shape == (1, 768)  # not (6, 4), nor 6 rows of any size
        every_token = outputs.last_hidden_state[0]
        assert every_token.shape == (8, 768)  # [CLS], six words, [SEP]
        assert torch.equal(embeddings[0], every_token[0])


def test_X6_a_chinese_sentence_wants_a_chinese_vocabulary():
    """A§5.2: a Chinese sentence through bert-base-uncased. Most of its characters are [UNK] there;
    bert-base-chinese has them all.
    """
    sentence = "我喜欢的电影是《星际穿越》。"
    tokens = {}
    for name in ("bert-base-uncased", "bert-base-chinese"):
        file = shared(f"data/vocab/{name}/vocab.txt")
        tokens[name] = BertTokenizer.from_vocab(file).tokenize(sentence)
        assert tokens[name] == transformers.BertTokenizer(str(file)).tokenize(sentence)
        assert len(tokens[name]) == 14
    assert tokens["bert-base-uncased"].count("[UNK]") == 8
    assert tokens["bert-base-chinese"] == list(sentence)


def test_X7_index_0_is_cls():
    """A§9.3: index 0 is the first word. It is [CLS]; the first word is at index 1."""
    model, tokenizer = tiny.ours(BertModel), tiny.tokenizer()

    def states(text: str, layer: int) -> torch.Tensor:
        return model(**tokenizer(text)).hidden_states[layer][0]

    # As written, a text without a word has a first word, and all texts go in with the same one.
    assert states("", -1)[0].shape == (28,)
    assert torch.equal(states("a b", 0)[0], states("c b", 0)[0])
    assert tokenizer.convert_ids_to_tokens(tokenizer("a b")["input_ids"][0])[:2] == ["[CLS]", "a"]
    assert difference(states("a b", 0)[1], states("c b", 0)[1]) > 0.1
    assert torch.equal(states("a b", 0)[2], states("c b", 0)[2])  # the second word, the same
