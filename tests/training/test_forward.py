"""The fast forward pass is the textbook's: states, gradients, dropout's places."""

import pytest
import torch

from minibert import BertLMHeadModel, BertModel
from minibert.training.forward import Memory, decode, encode
from tests import tiny

LENGTHS = (3, 3, 4, 7)


def texts(seed=0):
    """Ids and segments of texts of several lengths, and the groups of equal ones."""
    draw = torch.Generator().manual_seed(seed)
    ids = [torch.randint(1, tiny.CONFIG.vocab_size, (n,), generator=draw) for n in LENGTHS]
    segments = [torch.randint(0, 2, (n,), generator=draw) for n in LENGTHS]
    return ids, segments, [(2, 3, None), (1, 4, None), (1, 7, None)]


def test_states_and_gradients_are_the_textbooks():
    ids, segments, groups = texts()
    model = tiny.ours(BertModel)
    draw = torch.Generator().manual_seed(1)
    shape = (7, sum(LENGTHS), tiny.CONFIG.hidden_size)
    wanted = torch.randn(shape, generator=draw, dtype=torch.float64)  # of each state's gradient
    alone = [
        model(one[None], token_type_ids=own[None]).hidden_states
        for one, own in zip(ids, segments, strict=True)
    ]
    expected = [torch.cat([states[i][0] for states in alone]) for i in range(7)]
    sum((state * weight).sum() for state, weight in zip(expected, wanted, strict=True)).backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    states = encode(model, torch.cat(ids), torch.cat(segments), groups, 0.0)
    assert len(states) == 7
    for state, other in zip(states, expected, strict=True):
        assert (state - other).abs().max() <= 1e-12
    sum((state * weight).sum() for state, weight in zip(states, wanted, strict=True)).backward()
    assert len(gradients) == len([*model.parameters()]) - 2  # all but the pooler's
    for name, parameter in model.named_parameters():
        if name in gradients:
            scale = max(gradients[name].abs().max().item(), 1e-3)
            assert (parameter.grad - gradients[name]).abs().max() <= 1e-11 * scale, name


def test_a_padding_mask_hides_the_keys_behind_a_text():
    ids, segments, _ = texts()
    model = tiny.ours(BertModel)
    padded = torch.cat([ids[0], torch.full((4,), 9), ids[3]])
    own = torch.cat([segments[0], torch.zeros(4, dtype=torch.long), segments[3]])
    mask = torch.tensor([[1, 1, 1, 0, 0, 0, 0], [1] * 7])
    states = encode(model, padded, own, [(2, 7, mask)], 0.0)
    alone = model(ids[0][None], token_type_ids=segments[0][None]).hidden_states
    for state, other in zip(states, alone, strict=True):
        assert (state[:3] - other[0]).abs().max() <= 1e-12


def test_dropout_has_the_textbooks_places(monkeypatch):
    """Embeddings; then in each layer the probabilities and the two sums before LayerNorm."""
    ids, segments, groups = texts()
    calls = []
    plain = torch.nn.functional.dropout

    def dropout(x, p):
        calls.append((list(x.shape), p))
        return plain(x, p)

    monkeypatch.setattr(torch.nn.functional, "dropout", dropout)
    encode(tiny.ours(BertModel), torch.cat(ids), torch.cat(segments), groups, 0.25)
    hidden = ([17, 28], 0.25)
    probabilities = [([texts, 4, length, length], 0.25) for texts, length, _ in groups]
    assert calls == [hidden, *[*probabilities, hidden, hidden] * 6]


def test_frozen_layers_below_cost_no_gradient():
    ids, segments, groups = texts()
    model = tiny.ours(BertModel)
    for part in (model.embeddings, *model.encoder.layers[:4]):
        part.requires_grad_(False)
    states = encode(model, torch.cat(ids), torch.cat(segments), groups, 0.1)
    assert [state.requires_grad for state in states] == [False] * 5 + [True] * 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_texts_give_no_states_and_zero_gradients(dtype):
    """A process that has no row of a step takes part in it all the same."""
    model = tiny.ours(BertModel).to(dtype)
    none = torch.empty(0, dtype=torch.long)
    states = encode(model, none, none, [], 0.1)
    assert [list(state.shape) for state in states] == [[0, 28]] * 7
    states[-1].sum().backward()
    for name, parameter in model.named_parameters():
        if not name.startswith("pooler"):
            assert not parameter.grad.any(), name


def memory():
    """The states of four texts end to end, of 6, 2, 4 and 6 tokens; and each by itself."""
    lengths = (6, 2, 4, 6)
    draw = torch.Generator().manual_seed(2)
    states = torch.randn(sum(lengths), tiny.CONFIG.hidden_size, generator=draw).double()
    starts = torch.tensor([0, 6, 8, 12])[:, None]
    mask = torch.tensor([[int(i < length) for i in range(6)] for length in lengths])
    places = (starts + torch.arange(6)) * mask
    return Memory(states.requires_grad_(), places, mask), states.split(lengths)


@pytest.mark.parametrize("reads", [False, True])
def test_decoder_states_and_gradients_are_the_textbooks(reads):
    ids, _, groups = texts()
    model = BertLMHeadModel(tiny.CONFIG, cross_attention=reads)
    bert = tiny.randomise(model.double(), 1).bert
    draw = torch.Generator().manual_seed(1)
    shape = (sum(LENGTHS), tiny.CONFIG.hidden_size)
    wanted = torch.randn(shape, generator=draw, dtype=torch.float64)
    read, parts = memory()
    alone = [
        bert(one[None], **({"memory": part[None]} if reads else {})).last_hidden_state[0]
        for one, part in zip(ids, parts, strict=True)
    ]
    expected = torch.cat(alone)
    (expected * wanted).sum().backward()
    named = {**dict(bert.named_parameters()), "memory": read.states}
    gradients = {name: p.grad.clone() for name, p in named.items() if p.grad is not None}
    assert ("memory" in gradients) == reads
    bert.zero_grad()
    read.states.grad = None
    found = decode(bert, torch.cat(ids), groups, 0.0, read if reads else None)
    assert (found - expected).abs().max() <= 1e-12
    (found * wanted).sum().backward()
    for name, gradient in gradients.items():
        scale = max(gradient.abs().max().item(), 1e-3)
        assert (named[name].grad - gradient).abs().max() <= 1e-11 * scale, name


def test_dropout_of_the_decoder_has_the_textbooks_places(monkeypatch):
    ids, _, groups = texts()
    calls = []
    plain = torch.nn.functional.dropout

    def dropout(x, p):
        calls.append((list(x.shape), p))
        return plain(x, p)

    monkeypatch.setattr(torch.nn.functional, "dropout", dropout)
    model = tiny.randomise(BertLMHeadModel(tiny.CONFIG, cross_attention=True).double(), 1)
    decode(model.bert, torch.cat(ids), groups, 0.25, memory()[0])
    hidden = ([17, 28], 0.25)
    own = [([texts, 4, length, length], 0.25) for texts, length, _ in groups]
    cross = [([texts, 4, length, 6], 0.25) for texts, length, _ in groups]
    assert calls == [hidden, *[*own, hidden, *cross, hidden, hidden] * 6]
