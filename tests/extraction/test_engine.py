"""The engine against the textbook: the same hidden states at every real token."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minibert import BertConfig, BertForPreTraining, BertModel
from minibert.common.devices import choose_device
from minibert.compression.quantization import quantize, quantized_linear
from minibert.extraction.engine import Engine
from minibert.extraction.linear import WAYS, choose, has_int8, has_onednn, has_pairs
from minibert.extraction.parallel import batches, in_parallel
from tests import tiny
from weights_loader import load_bert

MODEL = tiny.ours(BertModel)
GIVEN = tiny.inputs()


def largest_difference(model, engine, inputs):
    """max |engine − textbook| over all layers, at real tokens, relative to the layer's largest
    number where that is above 1; and padding must be 0.
    """
    with torch.no_grad():
        expected = model(**inputs).hidden_states
    found = engine(**inputs)
    assert len(found) == len(expected)
    is_real = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])) == 1
    differences = []
    for ours, state in zip(found, expected, strict=True):
        assert ours.shape == state.shape
        assert (ours[~is_real] == 0).all()
        largest = state[is_real].abs().max().clamp(min=1)
        difference = (ours.double() - state.double())[is_real].abs().max()
        differences.append((difference / largest).item())
    return max(differences)


@pytest.fixture(params=["onednn", "pytorch"])
def linear(request):
    """Each test in both ways, where this machine has both."""
    if request.param == "onednn" and not has_onednn(torch.device("cpu"), torch.float32):
        pytest.skip("this build of PyTorch or this CPU has no oneDNN operators")
    return request.param


def test_the_way_is_told(linear):
    engine = Engine(tiny.ours(BertModel).float(), linear=linear)
    assert engine.description == f"linear maps: {linear}; float32 on cpu"


def test_double_precision():
    assert largest_difference(MODEL, Engine(MODEL), GIVEN) <= 1e-12


def test_float32(linear):
    model = tiny.ours(BertModel).float()
    assert largest_difference(model, Engine(model, linear=linear), GIVEN) <= 5e-6


def test_a_model_with_heads_and_no_masks():
    model = tiny.ours(BertForPreTraining)
    inputs = {"input_ids": GIVEN["input_ids"]}
    assert largest_difference(model.bert, Engine(model), inputs) <= 1e-12


@settings(deadline=None, max_examples=40)
@given(lengths=st.lists(st.integers(1, 13), min_size=1, max_size=7), seed=st.integers(0, 10**6))
def test_any_mixture_of_lengths(lengths, seed):
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    inputs = {
        "input_ids": torch.randint(0, 31, mask.shape, generator=generator),
        "attention_mask": mask,
        "token_type_ids": torch.randint(0, 2, mask.shape, generator=generator),
    }
    assert largest_difference(MODEL, ENGINE, inputs) <= 1e-12


ENGINE = Engine(MODEL)


def test_a_text_does_not_see_the_next():
    """Keys run on into the text behind where that is faster; not one bit may come from there."""
    config = BertConfig(31, 28, 2, 2, 56)
    torch.manual_seed(0)
    model = BertModel(config).eval()
    engine = Engine(model)
    for length in range(1, 41):
        text = [5 + i % 7 for i in range(length)]
        one, _ = engine.run([text, text, [9] * 60])
        other, _ = engine.run([text, text, [30] * 60])
        with torch.no_grad():
            expected = model(torch.tensor([text])).hidden_states
        for a, b, state in zip(one, other, expected, strict=True):
            assert torch.equal(a[: 2 * length], b[: 2 * length])
            assert torch.equal(a[:length], a[length : 2 * length])
            torch.testing.assert_close(a[:length], state[0], rtol=0, atol=5e-6)


@given(lengths=st.lists(st.integers(1, 600), max_size=40), count=st.integers(1, 9))
def test_even_batches(lengths, count):
    """Each text once, the shortest first; no batch has more than its share and one text."""
    found = batches(dict(enumerate(lengths)), count)
    places = [place for batch in found for place in batch]
    assert sorted(places) == list(range(len(lengths)))
    assert [lengths[place] for place in places] == sorted(lengths)
    assert len(found) <= count
    for batch in found:
        tokens = [lengths[place] for place in batch]
        assert 0 < sum(tokens) < sum(lengths) / count + tokens[-1]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads(threads):
    """Batches shared among the threads: the textbook's numbers; the setting stays as it was."""
    model, tokenizer = load_bert()
    inputs = tokenizer([f"{'very ' * (17 * n % 90)} good" for n in range(40)])
    engine = Engine(model)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert len(engine.shares(inputs["attention_mask"].sum(dim=1).tolist())) > 3
        # Measured: 1.2e-6 with AVX-512, 2.0e-6 without.
        assert largest_difference(model, engine, inputs) <= 5e-6
        assert torch.get_num_threads() == threads
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == threads
    finally:
        torch.set_num_threads(before)


def test_a_failure_in_a_thread_is_told():
    def fail(item):
        raise ValueError(f"item {item}")

    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="item 0"):
        list(in_parallel(fail, range(8), torch.device("cpu")))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == before
    squares = in_parallel(lambda item: item * item, range(50), torch.device("cpu"))
    assert list(squares) == [item * item for item in range(50)]


def test_texts_end_to_end():
    rows, segments = [[2, 7, 5, 9, 3], [2, 3], [4, 8]], [[0, 0, 1, 0, 1], [0, 1], [1, 1]]
    states, order = ENGINE.run(rows, segments)
    assert order == [1, 2, 0]
    assert [state.shape for state in states] == [(9, 28)] * 7
    with torch.no_grad():
        long, its_segments = torch.tensor([rows[0]]), torch.tensor([segments[0]])
        expected = MODEL(long, token_type_ids=its_segments).hidden_states
    for state, one in zip(states, expected, strict=True):
        torch.testing.assert_close(state[4:], one[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "texts",
    [
        ["a"],
        ["word " * 126],
        ["A man is playing a guitar.", "", "Hello, my dog is cute. " * 12, "!"],
    ],
)
def test_a_real_checkpoint(linear, texts):
    model, tokenizer = load_bert()
    engine = Engine(model, linear=linear)
    # Measured: at most 0.9e-6 with AVX-512, 1.3e-6 without.
    assert largest_difference(model, engine, tokenizer(texts)) <= 5e-6


def test_a_model_that_is_let_go():
    model = tiny.ours(BertModel).float()
    expected = Engine(model)(**GIVEN)
    found = Engine(model, let_go=True)(**GIVEN)
    assert all(torch.equal(ours, kept) for ours, kept in zip(found, expected, strict=True))
    maps = [module for module in model.encoder.modules() if isinstance(module, torch.nn.Linear)]
    assert len(maps) == 6 * model.config.num_hidden_layers
    assert all(one.weight.is_meta and one.bias.is_meta for one in maps)
    with pytest.raises(ValueError, match="this model's weights were let go, or never filled: load"):
        Engine(model)


def test_half_precision_is_close():
    """bfloat16 has 8 bits: 0.4 % of a number. Measured: cosine 0.99991 at least."""
    model, tokenizer = load_bert()
    inputs = tokenizer(["A man is playing a guitar.", "Hello, my dog is cute."])
    engine = Engine(model, dtype=torch.bfloat16, linear="pytorch")  # on any processor
    with torch.no_grad():
        expected = model(**inputs).hidden_states
    is_real = inputs["attention_mask"] == 1
    for ours, state in zip(engine(**inputs), expected, strict=True):
        assert ours.dtype == torch.bfloat16
        cosine = torch.nn.functional.cosine_similarity(ours[is_real].float(), state[is_real], dim=1)
        assert cosine.min() > 0.999


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu():
    model = tiny.ours(BertModel).float()
    expected = Engine(model)(**GIVEN)
    engine = Engine(model.cuda())
    found = engine(**{name: tensor.cuda() for name, tensor in GIVEN.items()})
    assert engine.description == "linear maps: pytorch; float32 on cuda:0"
    for ours, state in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.cpu(), state, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"input_ids": torch.tensor([[31]])}, "input_ids holds 31"),
        (
            {"input_ids": torch.tensor([[5, 6]]), "attention_mask": torch.tensor([[0, 1]])},
            "attention_mask has padding before a real token",
        ),
        (
            {"input_ids": torch.tensor([[5, 6]]), "attention_mask": torch.tensor([[0, 0]])},
            "attention_mask has no real token in row 0",
        ),
    ],
)
def test_input_that_cannot_be_right(inputs, message):
    with pytest.raises(ValueError, match=message):
        ENGINE(**inputs)


def test_what_is_no_model_and_no_precision():
    with pytest.raises(ValueError, match="Engine takes minibert's models, not Linear"):
        Engine(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match="dtype must be one of"):
        Engine(MODEL, dtype=torch.int16)
    for dtype, linear in ((None, "abacus"), (torch.int8, "pytorch"), (torch.float32, "int8")):
        with pytest.raises(ValueError, match=f"linear must be one of .*, not '{linear}'"):
            Engine(MODEL, dtype=dtype, linear=linear)


def test_what_the_hardware_has_not(monkeypatch):
    with pytest.raises(ValueError, match="'onednn' cannot compute in torch"):
        Engine(MODEL, linear="onednn")
    with pytest.raises(ValueError, match="int8 needs a CPU that multiplies bytes"):
        choose(torch.device("cuda"), torch.int8)
    monkeypatch.setattr("minibert.extraction.linear.has_int8", lambda device: False)
    with pytest.raises(ValueError, match=r"'int8' cannot compute in torch\.int8"):
        Engine(MODEL, dtype=torch.int8, linear="int8")
    monkeypatch.setattr("minibert.extraction.linear.has_bfloat16", lambda device: False)
    with pytest.raises(ValueError, match="this processor does not multiply bfloat16: float32 and"):
        Engine(MODEL, dtype=torch.bfloat16)


def test_what_is_chosen(monkeypatch):
    """By the processor alone; each name can be read, and is possible where it is chosen."""
    cpu = torch.device("cpu")
    monkeypatch.setattr("minibert.extraction.linear.has_onednn", lambda *facts: True)
    monkeypatch.setattr("minibert.extraction.linear.has_pairs", lambda device: True)
    for capability, float32 in (("AVX512", "onednn"), ("AVX2", "by-size"), ("DEFAULT", "onednn")):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda c=capability: c)
        assert choose(cpu, torch.float32) == float32
    for is_exact, int8 in ((True, "int8"), (False, "int8-pairs")):
        monkeypatch.setattr("minibert.extraction.linear.has_int8", lambda device, is_=is_exact: is_)
        assert choose(cpu, torch.int8) == int8


def test_without_vnni_bytes_go_in_pairs(monkeypatch):
    """oneDNN may be right there, but takes ten times as long."""
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    monkeypatch.setattr(torch, "_int_mm", lambda a, b: a.int() @ b.int())
    monkeypatch.setattr("minibert.extraction.linear.is_x86", lambda: True)
    assert not has_int8(torch.device("cpu"))
    monkeypatch.setattr("minibert.extraction.linear.is_x86", lambda: False)
    assert has_int8(torch.device("cpu"))


@pytest.mark.parametrize(("tokens", "same_as"), [(255, "onednn"), (256, "pytorch")])
@pytest.mark.skipif(
    not has_onednn(torch.device("cpu"), torch.float32), reason="oneDNN's operators are not here"
)
def test_by_size(tokens, same_as):
    torch.manual_seed(0)
    x, weight, bias, residual = (torch.randn(n, 24) for n in (tokens, 24, 1, tokens))
    both, one = WAYS["by-size"](weight, bias[0]), WAYS[same_as](weight, bias[0])
    assert torch.equal(both(x), one(x))
    assert torch.equal(both.gelu(x), one.gelu(x))
    assert torch.equal(both.add(x, residual), one.add(x, residual))


def possible_int8() -> list[str]:
    cpu = torch.device("cpu")
    return ["int8"] * has_int8(cpu) + ["int8-pairs"] * has_pairs(cpu)


@pytest.mark.parametrize("linear", possible_int8())
def test_int8(linear):
    """Close to float32, in each layer. Measured: cosine 0.9987 at least, 0.9952 with 7 bits."""
    model, tokenizer = load_bert()
    inputs = tokenizer(["A man is playing a guitar.", "Hello, my dog is cute."])
    engine = Engine(model, dtype=torch.int8, linear=linear)
    with torch.no_grad():
        expected = model(**inputs).hidden_states
    is_real = inputs["attention_mask"] == 1
    found = engine(**inputs)
    assert torch.equal(found[0], Engine(model)(**inputs)[0])  # embeddings and LayerNorm are float32
    for ours, state in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        cosine = torch.nn.functional.cosine_similarity(ours[is_real], state[is_real], dim=1)
        assert cosine.min() > 0.99


@pytest.mark.parametrize("tokens", [1, 7, 40])
@pytest.mark.parametrize("linear", possible_int8())
def test_int8_is_the_formula(linear, tokens):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(tokens, 56), torch.randn(24, 56), torch.randn(24)
    x[0, :2] = 1000.0  # two largest products beside each other: all 16 bits are needed
    weight[0, :2] = 50.0
    top = {"int8": 127, "int8-pairs": 63}[linear]
    expected = quantized_linear(x, *quantize(weight), bias, top)
    torch.testing.assert_close(WAYS[linear](weight, bias)(x), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("linear", possible_int8())
def test_int8_of_a_text_does_not_depend_on_the_others(linear):
    model, tokenizer = load_bert()
    engine = Engine(model, dtype=torch.int8, linear=linear)
    ids = tokenizer("A man is playing a guitar.", return_tensors=None)["input_ids"]
    alone, _ = engine.run([ids])
    beside, _ = engine.run([ids, [7] * 40, [9] * 90])
    # Measured: 1e-6; a number that is rounded the other way would be one step. One scale for all
    # tokens of a batch gives 0.5.
    for one, other in zip(alone, beside, strict=True):
        torch.testing.assert_close(one, other[: len(ids)], rtol=0, atol=2e-2)


def test_choose_device(monkeypatch):
    assert choose_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")  # the fourth process of torchrun takes the fourth GPU
    assert choose_device() == torch.device("cuda", 3)


@pytest.mark.parametrize("name", ["abacus", "meta", "cuda:99"])
def test_devices_that_cannot_be(name):
    with pytest.raises(ValueError, match=f"such as cpu; not '{name}'"):
        choose_device(name)
