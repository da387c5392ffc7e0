"""X16 to X26: the errata of articles D and E, and X22 of A. Each test runs their version, then the
right one.
"""

# ruff: noqa: N802 - the names carry the ids of ledger.json

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from minibert import (
    BertForMaskedLM,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertModel,
    BertTokenizer,
    cross_entropy,
)
from minibert.attention import MultiHeadAttention, attention_scores, make_additive_mask, softmax
from minibert.encoder import Encoder, EncoderLayer
from minibert.heads import IS_NEXT, IS_RANDOM, NO_LABEL
from minibert.translation.causal import make_causal_mask
from minibert.translation.decoder import DecoderLayer
from tests import tiny
from tests.articles import formulas
from tests.articles.formulas import difference

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(2, 5, 28, generator=GENERATOR, dtype=torch.float64)  # [B, S, D]
LOWEST = torch.finfo(torch.float64).min


def changed(x: torch.Tensor, place: int) -> torch.Tensor:
    """The same batch with another vector at one place of each text."""
    other = x.clone()
    other[:, place] = -x[:, place].flip(-1)
    return other


def their_tokenizer(folder: Path) -> transformers.BertTokenizer:
    tiny.write_vocab(folder)
    return transformers.BertTokenizer(str(folder / "vocab.txt"))


def test_X16_feed_forward_and_decoder():
    """D§3.1.3: the layers hold convolutions, and the decoder is built like the encoder. They hold
    feed-forward networks, token by token; a decoder adds a causal mask and attention to the source.
    """
    layer = tiny.randomise(EncoderLayer(tiny.CONFIG).double(), seed=0)
    torch.manual_seed(0)
    convolution = nn.Conv1d(28, 28, kernel_size=3, padding=1).double()
    mask = make_additive_mask(torch.tensor([[1, 1, 1, 0, 0]]), torch.float64)

    def written(x: torch.Tensor) -> torch.Tensor:
        a = layer.attention_layer_norm(x + layer.attention(x, mask)[0])
        return a + convolution(a.mT).mT

    # A convolution looks past the mask: what stands at padding reaches the token beside it.
    padding_changed = changed(X, 3)
    assert difference(written(X)[:, 2], written(padding_changed)[:, 2]) > 0.1
    assert torch.equal(layer(X, mask)[0][:, :3], layer(padding_changed, mask)[0][:, :3])

    # A decoder like the encoder reads the words that it is to write, and no source.
    no_mask = torch.zeros(1, 1, 1, 5, dtype=torch.float64)
    assert difference(layer(X, no_mask)[0][:, 1], layer(changed(X, 4), no_mask)[0][:, 1]) > 0.01
    decoder = tiny.randomise(DecoderLayer(tiny.CONFIG, cross_attention=True).double(), seed=0)
    causal = make_causal_mask(torch.ones(1, 5), torch.float64)

    def right(x: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
        return decoder(x, causal, source, no_mask)[0]

    source = X.flip(1)
    output = right(X, source)
    assert difference(output[:, :4], right(changed(X, 4), source)[:, :4]) < 1e-14
    assert difference(output[:, 0], right(X, changed(source, 4))[:, 0]) > 0.01


def test_X17_the_padding_mask_of_pytorch():
    """D§4: src_key_padding_mask=attention_mask. It is inverted: True there means "ignore", so the
    words are hidden and the padding is read; 1 means "real" in BERT's mask.
    """
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(28, 4, 11, batch_first=True).double().eval()
    encoder = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
    attention_mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 0, 0]])
    with pytest.raises(AssertionError, match="bool"):
        encoder(X, src_key_padding_mask=attention_mask)

    def influence(place: int, mask: torch.Tensor) -> float:
        """How much the vector at `place` matters to the first token's output."""
        outputs = [encoder(x, src_key_padding_mask=mask)[:, 0] for x in (X, changed(X, place))]
        return difference(*outputs)

    written = attention_mask.bool()
    assert influence(4, written) > 0.01  # padding
    assert influence(2, written) < 1e-14  # a word
    right = attention_mask == 0
    assert influence(4, right) < 1e-14
    assert influence(2, right) > 0.01

    model, ids = tiny.ours(BertModel), torch.tensor([[2, 7, 3, 0, 0], [2, 7, 3, 0, 0]])
    ours, padding, word = (
        model(each, attention_mask=attention_mask).last_hidden_state[:, 0]
        for each in (ids, ids + torch.tensor([0, 0, 0, 0, 9]), ids + torch.tensor([0, 0, 9, 0, 0]))
    )
    assert torch.equal(ours, padding)
    assert difference(ours, word) > 0.1


def test_X18_the_encoder_layer_of_pytorch():
    """D§4: nn.TransformerEncoderLayer(d_model, nhead) makes BERT. By default it takes the batch for
    the words, has ReLU and ε 1e-5, and knows no positions; with four more arguments it is a layer.
    """
    ours = tiny.randomise(EncoderLayer(tiny.CONFIG).double(), seed=0)
    attention = ours.attention
    maps = (attention.query, attention.key, attention.value)
    state = {
        "self_attn.in_proj_weight": torch.cat([linear.weight for linear in maps]),
        "self_attn.in_proj_bias": torch.cat([linear.bias for linear in maps]),
        "self_attn.out_proj.weight": attention.output.weight,
        "self_attn.out_proj.bias": attention.output.bias,
        "norm1.weight": ours.attention_layer_norm.gamma,
        "norm1.bias": ours.attention_layer_norm.beta,
        "linear1.weight": ours.feed_forward.inner.weight,
        "linear1.bias": ours.feed_forward.inner.bias,
        "linear2.weight": ours.feed_forward.output.weight,
        "linear2.bias": ours.feed_forward.output.bias,
        "norm2.weight": ours.feed_forward_layer_norm.gamma,
        "norm2.bias": ours.feed_forward_layer_norm.beta,
    }

    def theirs(x: torch.Tensor, **arguments: Any) -> torch.Tensor:
        layer = nn.TransformerEncoderLayer(28, 4, dim_feedforward=11, **arguments).double().eval()
        layer.load_state_dict(state)
        return layer(x)

    # As written: the second text speaks into the first, the words of one text do not meet …
    other_text = torch.stack([X[0], X[1].flip(0)])
    assert difference(theirs(X)[0], theirs(other_text)[0]) > 0.1
    assert difference(theirs(X)[:, 0], theirs(changed(X, 4))[:, 0]) < 1e-14
    # … and their order is nothing to any such layer: permuted words, the same vectors permuted.
    right = {"batch_first": True, "activation": "gelu", "layer_norm_eps": 1e-12}
    assert difference(theirs(X, **right).flip(1), theirs(X.flip(1), **right)) < 1e-13
    bert, ids = tiny.ours(BertModel), torch.tensor([[7, 8, 9]])
    states = [bert(each).last_hidden_state for each in (ids, ids.flip(1))]
    assert difference(states[0].flip(1), states[1]) > 0.1

    expected = ours(X, torch.zeros(1, 1, 1, 5, dtype=torch.float64))[0]
    assert difference(theirs(X, **right), expected) < 1e-12
    faults = {"batch_first": 0.1, "activation": 0.01, "layer_norm_eps": 1e-6}
    for argument, size in faults.items():
        default = {name: value for name, value in right.items() if name != argument}
        assert difference(theirs(X, **default), expected) > size, argument


def test_X19_a_module_that_does_not_exist():
    """D§4: from torch.nn.utils.rng import f32_randn_like. There is no such module, and the code has
    no use for it; random numbers of a tensor's shape are torch.randn_like.
    """
    with pytest.raises(ModuleNotFoundError, match=r"torch\.nn\.utils\.rng"):
        exec("from torch.nn.utils.rng import f32_randn_like")
    noise = torch.randn_like(X, dtype=torch.float32)
    assert (noise.shape, noise.dtype) == (X.shape, torch.float32)
    assert noise.std() > 0.5


def test_X20_the_rest_predicts_the_masked_word():
    """D§3.2.1: the masked word is used to predict its neighbours. The other way round: it is not in
    the input, so it can be asked for and not used; the neighbours are there to be copied.
    """
    model, tokenizer = tiny.ours(BertForMaskedLM), tiny.tokenizer()
    place, neighbours = 2, [1, 3]
    inputs, written, right = [], [], []  # for two texts that differ in the hidden word
    for text in ("a c b", "a d b"):
        ids = tokenizer(text)["input_ids"]
        masked = ids.clone()
        masked[0, place] = tokenizer.mask_token_id
        inputs.append(masked)
        for labels, asked in ((written, neighbours), (right, [place])):
            labels.append(torch.full_like(ids, NO_LABEL))
            labels[-1][0, asked] = ids[0, asked]
    assert torch.equal(*inputs)
    logits = model(inputs[0]).mlm_logits
    assert cross_entropy(logits, written[0]) == cross_entropy(logits, written[1])
    assert abs(cross_entropy(logits, right[0]) - cross_entropy(logits, right[1])) > 0.01
    copied = 50.0 * nn.functional.one_hot(inputs[0], 31).double()
    assert cross_entropy(copied, written[0]) < 1e-15
    assert cross_entropy(copied, right[0]) > 10


def test_X21_half_of_the_second_sentences_are_random():
    """D§3.2.1: next sentence prediction takes two consecutive sentences. Then a model that never
    looks would be right; half the time the second is from elsewhere, and label 0 means "is next".
    """
    sentences = [f"{a} {b}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    consecutive = [(a, b, IS_NEXT) for a, b in pairwise(sentences)][:6]
    half = consecutive[:3] + [(sentences[i], sentences[7 - i], IS_RANDOM) for i in range(3)]

    def loss(pairs: list[tuple[str, str, int]], model: nn.Module) -> float:
        first, second, labels = zip(*pairs, strict=True)
        logits = model(**tiny.tokenizer()(first, second)).nsp_logits
        return cross_entropy(logits, torch.tensor(labels)).item()

    blind = tiny.ours(BertForNextSentencePrediction)
    blind.nsp.logits.weight.data.zero_()
    losses = []
    for certainty in (-40.0, -1.0, 0.0, 1.0, 40.0):
        blind.nsp.logits.bias.data = torch.tensor([certainty, 0.0], dtype=torch.float64)
        losses.append(loss(half, blind))
    assert loss(consecutive, blind) < 1e-15  # always "is next", without a look
    assert min(losses) == pytest.approx(math.log(2), abs=1e-12)  # and here no such answer is good
    assert (IS_NEXT, IS_RANDOM) == (0, 1)
    # Ours are half and half, too: tests/pretraining/test_sentence_pairs.py.
    theirs = transformers.BertForNextSentencePrediction.forward.__doc__
    assert "0 indicates sequence B is a continuation of sequence A" in theirs


def test_X22_masked_is_not_always_mask(tmp_path):
    """A§3.2: words chosen at random are hidden, all of them. 15 % are chosen; 80 % of these become
    [MASK], 10 % a random piece, and 10 % stay, so that a visible word may be asked for as well.
    """
    collator = transformers.DataCollatorForLanguageModeling(their_tokenizer(tmp_path), seed=0)
    ids = torch.randint(5, 31, (200, 500), generator=torch.Generator().manual_seed(0))
    batch = collator([{"input_ids": row} for row in ids])
    asked = batch["labels"] != NO_LABEL
    assert asked.double().mean() == pytest.approx(0.15, abs=0.005)
    assert torch.equal(batch["labels"][asked], ids[asked])

    def shares(given: torch.Tensor) -> list[float]:
        """Of the asked: how many are [MASK], another piece, the piece itself."""
        is_mask, is_same = given[asked] == 4, given[asked] == ids[asked]
        return [kind.double().mean().item() for kind in (is_mask, ~is_mask & ~is_same, is_same)]

    # The random piece is one of all 31: in 1/31 of the cases the piece itself, or [MASK].
    expected = [0.8 + 0.1 / 31, 0.1 * 29 / 31, 0.1 + 0.1 / 31]
    assert shares(batch["input_ids"]) == pytest.approx(expected, abs=0.015)
    # Ours draws it from the 26 that are not special: tests/pretraining/test_masking.py.
    written = ids.masked_fill(asked, 4)
    assert shares(written) == [1, 0, 0]
    # As written, [MASK] tells where the loss is: at a visible word anything may be said unpunished.
    model = tiny.ours(BertForPreTraining)
    for given, pays in ((written, False), (batch["input_ids"], True)):
        few = slice(0, 40), slice(0, 13)
        logits = model(given[few]).mlm_logits.detach()
        careless = logits.clone()
        careless[given[few] != 4] = 0  # nothing to say about what is visible
        losses = [cross_entropy(each, batch["labels"][few]) for each in (logits, careless)]
        assert (losses[0] != losses[1]) == pays


def test_X23_tokens_first():
    """E§3.1: word embedding is step 2, tokenization step 3. An embedding is a row of a table, found
    by the token's id: text finds no row, and vectors make no tokens.
    """
    model, tokenizer = tiny.ours(BertModel), tiny.tokenizer()
    text = "ab ca"
    words = text.split()
    assert not set(words) & set(tokenizer.vocab)  # no word has a row; their pieces do
    with pytest.raises(TypeError, match="must be Tensor, not str"):
        model.embeddings.token(text)
    with pytest.raises(ValueError, match="a text must be a str"):
        tokenizer.tokenize(model.embeddings.token.weight)
    assert tokenizer.tokenize(text) == ["a", "##b", "c", "##a"]
    assert model(**tokenizer(text)).hidden_states[0].shape == (1, 6, 28)


def test_X24_one_encoder_that_sees_both_sides():
    """E§4.1: left to right is a forward encoder's work, right to left a backward one's. It is one
    attention that sees both sides; two encoders could not weigh one side by the other.
    """
    one, other = (tiny.randomise(Encoder(tiny.CONFIG).double(), seed) for seed in (0, 1))
    no_mask = torch.zeros(3, 3, dtype=torch.float64)
    past = no_mask.masked_fill(torch.ones(3, 3).triu(1) == 1, LOWEST)  # no key after the query

    def written(x: torch.Tensor) -> torch.Tensor:
        return torch.cat([one(x, past)[0][-1], other(x, past.T)[0][-1]], dim=-1)

    def right(x: torch.Tensor) -> torch.Tensor:
        return one(x, no_mask)[0][-1]

    def interplay(encode: Callable[[torch.Tensor], torch.Tensor]) -> float:
        """What the middle word learns from left and right together, beyond each by itself."""
        lefts, middle, rights = X[0, :2], X[0, 2], X[0, 3:]
        f = [[encode(torch.stack([a, middle, b])[None])[0, 1] for b in rights] for a in lefts]
        return difference(f[0][0] - f[0][1], f[1][0] - f[1][1])

    assert interplay(written) < 1e-12
    assert interplay(right) > 0.1


def test_X25_query_and_key_are_learned_projections():
    """E§4.2: Q and K are the inputs' vectors. They are learned maps of them: as written each word
    would look at itself most, and at any other just as that one looks back.
    """
    attention = tiny.randomise(MultiHeadAttention(tiny.CONFIG).double(), seed=0)
    normalised = formulas.layer_norm(X[0].numpy(), np.ones(28), np.zeros(28))  # as a layer gets it
    x = torch.from_numpy(normalised)
    written = attention_scores(x, x)
    assert difference(written, written.T) < 1e-14
    assert written.argmax(dim=1).tolist() == [0, 1, 2, 3, 4]
    query, key = (attention.split_heads(part(x[None])) for part in (attention.query, attention.key))
    right = attention_scores(query, key)[0]  # [N, S, S]
    for head in right:
        assert difference(head, head.T) > 0.1
        assert head.argmax(dim=1).tolist() != [0, 1, 2, 3, 4]
    probs = attention(x[None], torch.zeros(1, 1, 1, 5, dtype=torch.float64))[1]
    assert difference(softmax(right), probs[0]) < 1e-14


def test_X26_an_encoder_does_not_translate(tmp_path):
    """E§6.1: tokenizer.translate(text, src_lang="en", tgt_lang="zh"). No tokenizer has that, and an
    encoder gives a vector for each piece that came in; words of another language want a decoder.
    """
    tokenizer = their_tokenizer(tmp_path)
    with pytest.raises(AttributeError, match="translate"):
        tokenizer.translate("a b c", src_lang="en", tgt_lang="zh")
    assert not hasattr(BertTokenizer, "translate")
    ids = torch.tensor([tokenizer("a b c")["input_ids"]])
    bert = tiny.ours(BertModel)
    assert bert(ids).last_hidden_state.shape == (1, 5, 28)
    assert not any(hasattr(each, "generate") for each in (bert, transformers.BertModel))
    # With a decoder, the answer has a length and a vocabulary of its own.
    pair = tiny.pair()
    written = pair.generate(ids, max_length=9)
    assert written.shape == (1, 9)
    assert written[0, 0] == pair.start_token_id
    logits = pair(ids, decoder_input_ids=written[:, :-1]).logits  # [1, 8, 37]
    assert torch.equal(logits.argmax(dim=-1), written[:, 1:])
