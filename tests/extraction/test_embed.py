"""Vectors of texts against the textbook and the formulas of layers.py."""

import inspect

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minibert import BertModel
from minibert.extraction import engine
from minibert.extraction.embed import embed, embed_file
from minibert.extraction.embedder import POOLS
from minibert.extraction.engine import Engine
from minibert.extraction.layers import WeightedSum, pool_sentences, recipe
from minibert.packing import keeps, windows
from tests import tiny
from weights_loader import load_bert

MODEL = tiny.ours(BertModel)
TOKENIZER = tiny.tokenizer()
TEXTS = ["abc d", "", "m", "ab cd ef", "k l m", "zzz abc"]


def run(texts=TEXTS, **choices):
    return embed(texts, model=MODEL, tokenizer=TOKENIZER, **choices)


def states_of(text):
    with torch.no_grad():
        return MODEL(**TOKENIZER(text)).hidden_states


@pytest.mark.parametrize("pool", ["mean", "cls", "max", "mean_sqrt"])
@pytest.mark.parametrize(
    ("layers", "mix"), [("all", None), (-1, None), ([1, -1], "sum"), ([0, 2], "concat")]
)
def test_sentences(pool, layers, mix, monkeypatch):
    monkeypatch.setattr(engine, "batch_tokens", lambda *_: 12)  # several batches
    found = run(layers=layers, mix=mix, pool=pool)
    for text, vector in zip(TEXTS, found, strict=True):
        states = states_of(text)
        ones = torch.ones(1, states[0].shape[1])
        pooled = [pool_sentences(state, ones, pool)[0] for state in states]
        expected = {
            "all": torch.stack(pooled),
            -1: pooled[-1],
        }.get(layers if not isinstance(layers, list) else None)
        if mix:
            both = [states[layer] for layer in layers]
            mixed = both[0] + both[1] if mix == "sum" else torch.cat(both, dim=-1)
            expected = pool_sentences(mixed, ones, pool)[0]
        torch.testing.assert_close(vector.double(), expected, rtol=0, atol=2e-6)


def test_recipes():
    found = run(layers="concat of last four", pool="cls")
    for text, vector in zip(TEXTS, found, strict=True):
        expected = recipe("concat of last four", states_of(text))[0, 0]
        torch.testing.assert_close(vector.double(), expected, rtol=0, atol=2e-6)


def test_a_trained_weighted_sum(tmp_path):
    """scale · Σ softmax(w)_i h_i, with weights that somebody has trained."""
    weighted = WeightedSum(4).double()
    w = torch.tensor([0.5, -1.0, 2.0, 0.25], dtype=torch.float64)
    weighted.weights.data, weighted.scale.data = w, torch.tensor(1.5, dtype=torch.float64)
    shares = w.exp() / w.exp().sum()
    for layers in ("weighted sum of last four", [-4, -3, -2, -1]):
        found = run(layers=layers, mix=weighted, pool="cls")
        for text, vector in zip(TEXTS, found, strict=True):
            rows = torch.stack([state[0, 0] for state in states_of(text)[-4:]])
            expected = 1.5 * shares @ rows
            torch.testing.assert_close(vector.double(), expected, rtol=0, atol=3e-6)
    # Parts of a run with other weights are not taken for this one's.
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS))
    choices = {"model": MODEL, "tokenizer": TOKENIZER, "layers": [-4, -3, -2, -1]}
    embed_file(file, tmp_path / "a.npy", mix=weighted, **choices)
    assert numpy.allclose(
        numpy.load(tmp_path / "a.npy"), run(layers=[-4, -3, -2, -1], mix=weighted), atol=1e-6
    )


def test_whose_numbers():
    google = run(layers="0,-1", convention="google")
    assert torch.equal(google, run(layers=["layer1", "layer6"]))
    assert not torch.equal(google, run(layers="0,-1"))


def test_tokens_and_words():
    for text, found in zip(TEXTS, run(pool="tokens"), strict=True):
        assert found.tokens == ["[CLS]", *TOKENIZER.tokenize(text), "[SEP]"]
        torch.testing.assert_close(
            found.vectors.double(), states_of(text)[-1][0], rtol=0, atol=2e-6
        )
    (words,) = run(["ab! cd"], pool="word-mean")
    assert words.tokens == ["ab", "!", "cd"]
    state = states_of("ab! cd")[-1][0]  # [CLS] a ##b [UNK] c ##d [SEP]
    expected = torch.stack([state[1:3].mean(dim=0), state[3], state[4:6].mean(dim=0)])
    torch.testing.assert_close(words.vectors.double(), expected, rtol=0, atol=2e-6)


def test_words_are_as_typed():
    (words,) = run(["Ab  CÉ,d"], pool="word-first")
    assert words.tokens == ["Ab", "CÉ", ",", "d"]


@given(length=st.integers(0, 60), size=st.integers(1, 20), data=st.data())
def test_every_token_of_a_long_text_has_one_vector_from_the_window_with_most_context(
    length, size, data
):
    stride = data.draw(st.integers(0, size - 1))
    parts = windows(length, size, stride)
    kept = []
    for part, (first, last) in keeps(parts):
        row = ["[CLS]", *range(part.start, part.stop), "[SEP]"]
        kept += row[first:last]
        for token in row[first:last]:
            if isinstance(token, str):
                continue
            # Distance to the nearest edge at which the text was cut; none better in another window.
            contexts = [
                min(
                    token - other.start if other.start else length,
                    other.stop - 1 - token if other.stop < length else length,
                )
                for other in parts
                if other.start <= token < other.stop
            ]
            own = min(
                token - part.start if part.start else length,
                part.stop - 1 - token if part.stop < length else length,
            )
            assert own >= max(contexts) - 1  # the middle of an even overlap may go either way
    assert kept == ["[CLS]", *range(length), "[SEP]"]


def test_long_texts():
    long = " ".join("abcdefghijklm") + " a b c"  # 16 words, 11 fit
    with pytest.raises(ValueError, match="line 2: 18 tokens, more than the model's 13"):
        run(["a", long])
    (cut,) = run([long], pool="tokens", long="truncate")
    short = " ".join("abcdefghijk")
    torch.testing.assert_close(cut.vectors.double(), states_of(short)[-1][0], rtol=0, atol=2e-6)
    (whole,) = run([long], pool="tokens", long="windows", stride=4)
    assert whole.tokens == ["[CLS]", *TOKENIZER.tokenize(long), "[SEP]"]
    # Windows 0-10 and 7-15 overlap in 7-10; the first keeps up to 8.
    torch.testing.assert_close(
        whole.vectors[:10].double(), states_of(short)[-1][0, :10], rtol=0, atol=2e-6
    )
    second = states_of(" ".join("hijklm") + " a b c")[-1][0]
    torch.testing.assert_close(whole.vectors[10:].double(), second[3:], rtol=0, atol=2e-6)
    assert run([long], long="windows", stride=4).shape == (1, 28)


def test_wrong_lines_are_skipped_if_asked():
    found = run(["a", None, "b"], on_error="skip", layers="all")
    assert found.shape == (3, 7, 28)
    assert found[1].isnan().all()
    assert torch.equal(found[2], run(["b"], layers="all")[0])
    skipped = run([None, "b"], on_error="skip", pool="tokens")[0]
    assert skipped.tokens == []
    assert skipped.vectors.shape == (0, 28)
    with pytest.raises(ValueError, match="line 2: not a text but NoneType"):
        run(["a", None])


def test_no_texts():
    assert run([]).shape == (0, 28)
    assert run([], pool="tokens") == []


@settings(deadline=None, max_examples=10)
@given(order=st.permutations(range(len(TEXTS))))
def test_the_order_of_the_input_is_the_order_of_the_output(order):
    straight, shuffled = run(), run([TEXTS[i] for i in order])
    torch.testing.assert_close(shuffled, straight[list(order)], rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"pool": "median"}, f"pool must be one of {POOLS[0]}, cls, max"),
        ({"mix": "product"}, "mix must be 'concat', 'sum', 'mean', a WeightedSum or None, not 'pr"),
        ({"layers": "all", "mix": WeightedSum(4)}, "mix has 4 weights for 7 layers"),
        ({"layers": "last", "mix": WeightedSum(1)}, "the recipe 'last' says how to mix"),
        ({"convention": "keras"}, "convention must be one of"),
        ({"layers": 6, "convention": "google"}, "there is no layer 6; .* numbers -6 to 5"),
        ({"layers": "layer7"}, "there is no layer 'layer7'"),
        ({"layers": "last", "mix": "sum"}, "the recipe 'last' says how to mix"),
        ({"long": "cut"}, "long must be 'error', 'truncate' or 'windows', not 'cut'"),
        ({"long": "windows", "stride": 11}, "stride must be from 0 to 10, not 11"),
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip'"),
    ],
)
def test_choices_that_cannot_be(choices, message):
    with pytest.raises(ValueError, match=message):
        run(**choices)


def test_an_engine_for_many_calls():
    """The layers' weights are taken once, with the engine."""
    model = tiny.ours(BertModel)
    own = Engine(model)
    expected = run(layers="all")
    with torch.no_grad():
        model.encoder.layers[0].feed_forward.inner.bias += 1.0
    for _ in range(2):
        found = embed(TEXTS, model=own, tokenizer=TOKENIZER, layers="all")
        assert torch.equal(found, expected)
    same = embed(TEXTS, model=own, tokenizer=TOKENIZER, layers="all", dtype=torch.float64)
    assert torch.equal(same, expected)
    with pytest.raises(ValueError, match=r"this Engine computes in torch\.float64; make one of"):
        embed(TEXTS, model=own, tokenizer=TOKENIZER, dtype=torch.bfloat16)


@pytest.mark.parametrize("linear", ["pytorch", "onednn", "by-size", "int8", "int8-pairs"])
def test_the_bytes_are_the_same_with_any_number_of_threads(linear):
    model, tokenizer = load_bert()
    dtype = torch.int8 if linear.startswith("int8") else torch.float32
    try:
        own = Engine(model, dtype=dtype, linear=linear)
    except ValueError as error:
        pytest.skip(f"not on this processor: {error}")
    texts = [f"text {number}: " + "a man plays " * (number % 9) for number in range(90)]
    before = torch.get_num_threads()
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(embed(texts, model=own, tokenizer=tokenizer, layers="all"))
    torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_a_model_needs_its_tokenizer():
    with pytest.raises(ValueError, match="a model of your own needs its tokenizer"):
        embed(["a"], model=MODEL)
    with pytest.raises(ValueError, match="a model of your own needs its tokenizer"):
        embed(["a"], model=Engine(MODEL))
    with pytest.raises(ValueError, match="a model of your own needs its tokenizer"):
        embed(["a"], tokenizer=TOKENIZER)
    with pytest.raises(ValueError, match="computes where it is; give no device"):
        embed(["a"], model=MODEL, tokenizer=TOKENIZER, device="cpu")


def test_one_text_by_itself():
    assert torch.equal(run("abc d", layers="all"), run(["abc d"], layers="all")[0])
    one, (same,) = run("abc d", pool="tokens"), run(["abc d"], pool="tokens")
    assert one.tokens == same.tokens
    assert torch.equal(one.vectors, same.vectors)


@pytest.mark.parametrize("pool", ["mean", "tokens", "word-mean"])
def test_vectors_of_length_one(pool):
    """Each vector of each layer is divided by its Euclidean length, after pooling."""
    plain, unit = (run(["abc d", "m"], layers="all", pool=pool, normalize=n) for n in (False, True))
    for before, after in zip(plain, unit, strict=True):
        if pool != "mean":
            before, after = before.vectors, after.vectors
        expected = before / (before * before).sum(dim=-1, keepdim=True).sqrt()
        torch.testing.assert_close(after, expected, rtol=1e-6, atol=1e-7)
        assert not torch.allclose(before, after)


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        (
            {"normalize_embeddings": True},
            "embed has no argument 'normalize_embeddings'; normalize=True",
        ),
        ({"output_hidden_states": True}, "layers='all'"),
        ({"batch_size": 32}, "batches are made by their number of tokens"),
        ({"lauers": "all"}, "has no argument 'lauers'; see its help"),
    ],
)
def test_other_libraries_names_are_answered(argument, told):
    with pytest.raises(TypeError, match=told):
        run(**argument)
    with pytest.raises(TypeError, match="embed_file has no argument"):
        embed_file(["a"], "v.npy", **argument)


def test_both_functions_have_the_same_arguments():
    one, other = (
        list(inspect.signature(function).parameters.values())[first:]
        for function, first in ((embed, 1), (embed_file, 2))
    )
    assert one == [parameter for parameter in other if parameter.name != "overwrite"]
    assert all(f"`{one.name}`" in embed.__doc__ for one in one if one.name != "other")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("choices", [{"pool": "mean"}, {"pool": "max"}, {"layers": "last"}])
def test_on_a_gpu(choices):
    """By itself on the GPU, and the same numbers as on the CPU."""
    texts = ["The cat sat on the mat.", "Rain.", "Rivers flow to the sea."] * 50
    found = embed(texts, **choices)
    expected = embed(texts, device="cpu", **choices)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
