"""A pruned model is the model with those heads and neurons patched to 0; the engine equals it."""

import pytest
import torch
import transformers

from minibert import (
    BertConfig,
    BertForPreTraining,
    BertModel,
    Engine,
    importance,
    mask_texts,
    patch,
    prune,
)
from minibert.compression.importance import Importance, masked_lm_loss
from tests import tiny
from tests.extraction.test_engine import largest_difference, linear  # noqa: F401
from weights_loader import load_bert, save_bert

GIVEN = tiny.inputs()
HEADS, NEURONS = {0: [1, 3], 2: [0], 5: [2]}, {1: [4, 0, 10], 5: [7]}
ALL_NEURONS = {2: range(11)}
ALL_HEADS = {3: range(4)}


def by(seed=0):
    generator = torch.Generator().manual_seed(seed)
    heads, neurons = (torch.rand(6, size, generator=generator) for size in (4, 11))
    return Importance(heads, neurons, 0.0)


def zero(units):
    def patched(value):
        value = value.clone()
        if value.dim() == 4:
            value[:, units] = 0
        else:
            value[..., units] = 0
        return value

    return patched


@pytest.mark.parametrize("kind", [BertModel, BertForPreTraining])
def test_pruned_is_patched_to_0(kind):
    model = tiny.ours(kind)
    bert = model if kind is BertModel else model.bert
    replacements = {f"encoder.layers.{i}.attention.context": zero(u) for i, u in HEADS.items()} | {
        f"encoder.layers.{i}.feed_forward.activation": zero(u) for i, u in NEURONS.items()
    }
    with torch.no_grad():
        plain = bert(**GIVEN)
        with patch(bert, replacements):
            expected = bert(**GIVEN)
        assert prune(model, heads=HEADS, neurons=NEURONS) == (HEADS, {1: [0, 4, 10], 5: [7]})
        found = bert(**GIVEN)
    assert not torch.allclose(plain.last_hidden_state, expected.last_hidden_state)
    for ours, state in zip(found.hidden_states, expected.hidden_states, strict=True):
        torch.testing.assert_close(ours, state, rtol=0, atol=1e-12)


def test_all_that_is_0_and_nothing_else():
    model, before = tiny.ours(BertModel), tiny.ours(BertModel).state_dict()
    prune(model, heads={0: [1]}, neurons={1: [4]})
    expected = {name: tensor.clone() for name, tensor in before.items()}
    for part in ("query", "key", "value"):
        expected[f"encoder.layers.0.attention.{part}.weight"][7:14] = 0
        expected[f"encoder.layers.0.attention.{part}.bias"][7:14] = 0
    expected["encoder.layers.0.attention.output.weight"][:, 7:14] = 0
    expected["encoder.layers.1.feed_forward.inner.weight"][4] = 0
    expected["encoder.layers.1.feed_forward.inner.bias"][4] = 0
    expected["encoder.layers.1.feed_forward.output.weight"][:, 4] = 0
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_shares_take_the_least_important():
    scores = by()
    heads, neurons = prune(tiny.ours(BertModel), heads=0.25, neurons=0.5, by=scores)
    for taken, rows, count in ((heads, scores.heads, 6), (neurons, scores.neurons, 33)):
        gone = {(layer, number) for layer, numbers in taken.items() for number in numbers}
        assert len(gone) == count
        most = {(layer, row.argmax().item()) for layer, row in enumerate(rows)}
        assert not gone & most
        stays = {(i, j) for i, row in enumerate(rows) for j in range(len(row))} - gone - most
        assert max(rows[i, j] for i, j in gone) < min(rows[i, j] for i, j in stays)


def test_a_share_leaves_each_layer_one_but_names_take_all():
    scores = Importance(torch.ones(6, 4), torch.ones(6, 11), 0.0)
    scores.heads[2] = torch.tensor([0.01, 0.02, 0.03, 0.04])
    assert prune(tiny.ours(BertModel), heads=0.16, by=scores)[0][2] == [0, 1, 2]
    model = tiny.ours(BertModel)
    with pytest.raises(ValueError, match=r"heads=0\.8 takes 19; 18 can go: each"):
        prune(model, heads=0.8, by=scores)
    assert prune(model, heads={2: range(4)})[0] == {2: [0, 1, 2, 3]}
    assert not model.encoder.layers[2].attention.output.weight.any()


def test_transformers_reads_it(tmp_path):
    model = tiny.ours(BertForPreTraining).float()
    prune(model, heads=HEADS | ALL_HEADS, neurons=NEURONS | ALL_NEURONS)
    save_bert(model, tiny.tokenizer(), tmp_path / "small")
    theirs, account = transformers.BertForPreTraining.from_pretrained(
        tmp_path / "small", output_loading_info=True, attn_implementation="eager"
    )
    assert not account["missing_keys"]
    assert not account["unexpected_keys"]
    with torch.no_grad():
        expected = theirs(**GIVEN, output_hidden_states=True).hidden_states
        found = model(**GIVEN).bert.hidden_states
    for ours, state in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, state, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "taken",
    [
        {"heads": HEADS},
        {"neurons": NEURONS},
        {"heads": HEADS | ALL_HEADS, "neurons": NEURONS | ALL_NEURONS},
        {"heads": 0.5, "neurons": 0.9, "by": by()},
    ],
)
def test_the_engine_is_the_textbook(linear, taken):  # noqa: F811
    exact = tiny.ours(BertModel)
    prune(exact, **taken)
    assert largest_difference(exact, Engine(exact), GIVEN) <= 1e-12
    model = exact.float()
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert largest_difference(model, Engine(model, linear=linear), GIVEN) <= 5e-6
    assert all(torch.equal(tensor, kept[name]) for name, tensor in model.state_dict().items())


def test_the_engine_computes_less():
    model = tiny.ours(BertModel)
    prune(model, heads={0: [1]}, neurons={0: [2, 5, 6]})
    with torch.no_grad():
        model.encoder.layers[1].feed_forward.output.weight[3, 7] = 0  # one weight is not a neuron
    first, second, *_ = Engine(model).layers
    assert [layer.num_heads for layer in (first, second)] == [3, 4]
    x = torch.randn(4, 28).double()
    assert first.query_key_value(x).shape == (4, 3 * 21)
    assert first.inner(x).shape == (4, 8)
    assert second.inner(x).shape == (4, 11)


def test_lengths_at_which_attention_reads_on(linear):  # noqa: F811
    """With heads left out, a text's keys still run on into its neighbour's, and not elsewhere."""
    torch.manual_seed(0)
    model = BertModel(BertConfig(31, 28, 2, 4, 56)).eval()
    prune(model, heads={0: [0, 3], 1: [2]})
    engine = Engine(model, linear=linear)
    for length in (1, 7, 15, 16, 25):
        ids = torch.randint(1, 31, (5, length))
        assert largest_difference(model, engine, {"input_ids": ids}) <= 5e-6


def test_a_pruned_model_that_is_let_go():
    def pruned():
        model = tiny.ours(BertModel).float()
        prune(model, heads=HEADS, neurons=NEURONS)
        return model

    model = pruned()
    expected, found = Engine(pruned())(**GIVEN), Engine(model, let_go=True)(**GIVEN)
    assert all(torch.equal(ours, kept) for ours, kept in zip(found, expected, strict=True))
    maps = [one for one in model.encoder.modules() if isinstance(one, torch.nn.Linear)]
    assert all(one.weight.is_meta and one.bias.is_meta for one in maps)


def test_what_matters_least_costs_least():
    """The bundled model by its own importance and by the opposite.

    Measured: the loss is 0.42, 0.47 without the least important quarter, 2.25 without the most.
    """
    texts = [
        "The river flows through the town and into the sea.",
        "He was born in London and worked as a teacher.",
        "The album was released in 1998 and sold a million copies.",
        "She won the race and became the first woman to do so.",
        "The church was built of stone in the twelfth century.",
        "It is the largest city in the north of the country.",
    ]
    losses = {}
    for name in ("none", "least", "most"):
        model, tokenizer = load_bert(head="mlm")
        batches = mask_texts(tokenizer, texts)
        if name != "none":
            found = importance(model, batches)
            if name == "most":
                found = Importance(-found.heads, -found.neurons, found.loss)
            prune(model, heads=0.25, neurons=0.25, by=found)
        with torch.no_grad():
            losses[name] = sum(masked_lm_loss(model, batch).item() for batch in batches) / len(
                batches
            )
    assert losses["least"] - losses["none"] < (losses["most"] - losses["none"]) / 4


def test_the_file_that_was_loaded_stays_as_it_was(tmp_path):
    """A loaded model's weights are those in the file, mapped and not copied."""
    save_bert(tiny.ours(BertModel).float(), tiny.tokenizer(), tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    model, _ = load_bert(tmp_path)
    prune(model, heads={0: [0]}, neurons={1: range(9)})
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert load_bert(tmp_path)[0].encoder.layers[0].attention.output.weight[:, :7].all()


@pytest.mark.parametrize(
    ("taken", "message"),
    [
        ({"heads": 1.0}, r"heads must be \{layer: numbers\} or a share in \[0, 1\), not 1.0"),
        ({"heads": -0.1}, "heads must be"),
        ({"neurons": 2}, "neurons must be"),
        ({"neurons": True}, "neurons must be"),
        ({"heads": float("nan")}, "heads must be"),
        ({"heads": "0.5"}, "heads must be"),
        ({"heads": 0.25}, r"heads=0.25 is a share: it needs by=importance\(model, …\)"),
        ({"heads": 0.25, "by": Importance(torch.ones(2, 4), torch.ones(2, 11), 0)}, "it needs by="),
        ({"neurons": 0.95, "by": by()}, "neurons=0.95 takes 63; 60 can go: each layer keeps one"),
        ({"heads": {6: [0]}}, r"heads has \{6: \[0\]\}; allowed are layers 0 to 5, numbers 0 to 3"),
        ({"heads": {0: [4]}}, r"heads has \{0: \[4\]\}; allowed"),
        ({"heads": {0: [-1]}}, r"heads has \{0: \[-1\]\}; allowed"),
        ({"neurons": {-1: [0]}}, r"neurons has \{-1: \[0\]\}; allowed .* numbers 0 to 10"),
        ({"neurons": {"a": [0]}}, r"neurons has \{'a': \[0\]\}; allowed"),
    ],
)
def test_what_cannot_be(taken, message):
    model = tiny.ours(BertModel)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        prune(model, **{"heads": {0: [0]}} | taken)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_what_is_no_model():
    with pytest.raises(ValueError, match="model must be one of minibert's, not Linear"):
        prune(torch.nn.Linear(2, 2), heads={0: [0]})
