"""Writing, held against transformers' generate: the same ids, with kept keys and without."""

import random
import re

import pytest
import torch
from torch import nn

from minibert import BertConfig, BertLMHeadModel, BertModel, EncoderDecoderModel
from minibert.translation.cached import Cached
from minibert.translation.generation import (
    EMPTY,
    Options,
    Textbook,
    beam_search,
    probabilities,
    write,
)
from tests import tiny
from tests.parity.helpers import as_theirs

PAD, START, END = 0, 2, 3
PAIR = tiny.pair()
ALONE = tiny.ours(BertLMHeadModel)
TEXTS = tiny.inputs()["input_ids"]
MASK = tiny.inputs()["attention_mask"]


def random_model(rng: random.Random, *, alone: bool) -> nn.Module:
    """Of sizes by chance. Large positions make its texts change and end, early or late."""
    heads, pad = rng.choice([1, 2, 3]), rng.choice([0, 0, 4])
    sizes = {
        "hidden_size": heads * rng.choice([3, 4, 5]),
        "num_attention_heads": heads,
        "num_hidden_layers": rng.choice([1, 2]),
        "intermediate_size": rng.choice([7, 11]),
        "max_position_embeddings": 13,
        "pad_token_id": pad,
    }
    config = BertConfig(vocab_size=rng.choice([9, 17, 31]), **sizes)
    end = rng.choice([END, END, END, None])
    writer = BertLMHeadModel(config, cross_attention=not alone, end_token_id=end)
    model: nn.Module = writer
    if not alone:
        encoder = BertModel(BertConfig(vocab_size=13, **sizes), with_pooler=False)
        model = EncoderDecoderModel(encoder, writer, start_token_id=START, end_token_id=end)
    tiny.randomise(model.double(), rng.randrange(10**6))
    writer.bert.embeddings.position.table.data *= 5
    return model


def random_inputs(rng: random.Random, *, alone: bool) -> dict[str, torch.Tensor]:
    """One to five texts of different lengths: padded on the right to be read, on the left to be
    continued.
    """
    lengths = [rng.randint(1, 6) for _ in range(rng.randint(1, 5))]
    longest = max(lengths)
    mask = torch.tensor([[int(i < length) for i in range(longest)] for length in lengths])
    mask = mask.flip(1) if alone else mask
    ids = torch.tensor([[rng.randint(5, 8) for _ in range(longest)] for _ in lengths])
    return {"input_ids": ids * mask, "attention_mask": mask}


SEEDS = (0, 16, 44, 72, 100)


@pytest.mark.parametrize("alone", [False, True], ids=["encoder and decoder", "decoder alone"])
@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3))]
)
def test_the_same_ids_as_transformers(part, alone):
    """100 models of each kind, greedy and with 4 beams."""
    ended = set()
    for seed in range(*SEEDS[part : part + 2]):
        rng = random.Random(seed)
        ours = random_model(rng, alone=alone)
        theirs = as_theirs(ours)
        inputs = random_inputs(rng, alone=alone)
        for beams in (1, 4):
            options = {"num_beams": beams, "max_length": rng.choice([7, 10, 13])}
            if beams > 1:
                options["length_penalty"] = rng.choice([1.0, 1.0, 0.0, 0.6, 2.0, -1.0])
                options["early_stopping"] = rng.choice([True, False, "never"])
            # do_sample, top_k: not what the model's folder may say.
            expected = theirs.generate(**inputs, **options, do_sample=False, top_k=None)
            for use_cache in (True, False):
                written = ours.generate(**inputs, **options, use_cache=use_cache)
                assert torch.equal(written, expected), (seed, options, use_cache)
            ended |= {(beams, int((row == END).nonzero()[0])) for row in expected if END in row}
    # Texts of many lengths, or nothing would be seen of padding and penalties.
    assert len(ended) >= 7


@pytest.mark.parametrize("alone", [False, True], ids=["encoder and decoder", "decoder alone"])
def test_kept_keys_give_the_textbooks_numbers(alone):
    for seed in range(12):
        rng = random.Random(seed)
        model = random_model(rng, alone=alone)
        inputs = random_inputs(rng, alone=alone)
        mask, memory = inputs["attention_mask"], {}
        ids = inputs["input_ids"] if alone else torch.full((len(mask), 1), START)
        if not alone:
            states = model.encoder(**inputs).last_hidden_state
            memory = {"memory": states, "memory_mask": mask}
        new = torch.randint(0, 9, (len(ids), 13 - ids.shape[1]))
        rows = torch.cat([mask if alone else torch.ones_like(ids), torch.ones_like(new)], dim=1)
        decoder = model if alone else model.decoder
        with torch.no_grad():
            steps = [kind(decoder, rows, **memory) for kind in (Textbook, Cached)]
            first = ids.shape[1]
            ids = torch.cat([ids, new], dim=1)
            for length in range(first, 14):
                one, other = (step(ids[:, :length]) for step in steps)
                torch.testing.assert_close(one, other, rtol=0, atol=1e-12)  # measured: 2.7e-15
                if length == first + 2:  # texts leave, and come back in another order
                    chosen = torch.arange(len(ids)).flip(0)[: max(1, len(ids) - 1)]
                    ids = ids[chosen]
                    for step in steps:
                        step.select(chosen)


def test_sampling_draws_as_transformers_does():
    theirs = as_theirs(ALONE)
    seen = set()
    kinds = [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.7}, {"top_k": 50}]
    kinds.append({"temperature": 2.0, "top_k": 9, "top_p": 0.5})
    for seed, options in enumerate(kinds):
        torch.manual_seed(seed)
        options = {"max_length": 13, "do_sample": True, "top_k": 0, **options}
        inputs = {"input_ids": TEXTS.flip(1), "attention_mask": MASK.flip(1)}
        expected = theirs.generate(**inputs, **options)
        for use_cache in (True, False):
            written = ALONE.generate(**inputs, **options, seed=seed, use_cache=use_cache)
            assert torch.equal(written, expected)
        torch.manual_seed(seed)  # without a seed of its own, PyTorch's generator is asked
        assert torch.equal(ALONE.generate(**inputs, **options), expected)
        seen.add(str(written))
    assert len(seen) == 6


def test_probabilities_by_hand():
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.97, 0.01, 0.01, 0.01]]).log()

    def probs(**options):
        return probabilities(logits, Options(do_sample=True, **options))

    close = torch.testing.assert_close
    close(probs(), logits.exp())
    close(probs(temperature=0.5)[0], torch.tensor([1.0, 16.0, 4.0, 9.0]) / 30)
    close(probs(top_k=2)[0], torch.tensor([0.0, 4.0, 0.0, 3.0]) / 7)
    # 0.4 alone is not 0.5; with 0.3 it is. The first token of row 1 is enough by itself.
    close(probs(top_p=0.5), torch.tensor([[0.0, 4 / 7, 0.0, 3 / 7], [1.0, 0.0, 0.0, 0.0]]))
    close(probs(top_p=0.001)[0], torch.tensor([0.0, 1.0, 0.0, 0.0]))
    # The temperature comes first: it changes which tokens have p together.
    close(probs(temperature=0.1, top_p=0.9)[0], torch.tensor([0.0, 1.0, 0.0, 0.0]))


class Table:
    """A model by hand: the last token decides what comes next, with these probabilities."""

    def __init__(self, table: list[list[float]], rows: int):
        self.logits = torch.tensor(table).log()
        self.rows = torch.arange(rows)

    def __call__(self, ids):
        assert len(ids) == len(self.rows)
        return self.logits[ids[:, -1]]

    def select(self, rows):
        self.rows = self.rows[rows]


# Tokens: 0 the start and padding, 1 and 2 words, 3 the end.
TABLE = [
    [0.0, 0.6, 0.4, 0.0],  # the likeliest first word …
    [0.0, 0.4, 0.35, 0.25],  # … is followed by nothing that is likely
    [0.0, 0.1, 0.0, 0.9],
    [0.0, 0.0, 0.0, 1.0],
]


def by_hand(**options):
    begun = torch.zeros(1, 1, dtype=torch.long)
    how = Options(max_length=options.pop("max_length", 5), **options)
    algorithm = write if how.num_beams == 1 else beam_search
    return algorithm(Table(TABLE, 1), begun, how, 3, 0)[0].tolist()


def test_beam_search_by_hand():
    """Texts that end: 2 3 with 0.4 · 0.9, 1 2 3 with 0.6 · 0.35 · 0.9, 1 1 2 3 …"""
    assert by_hand() == [0, 1, 1, 1, 1]  # greedy: 0.6, then 0.4 each time
    assert by_hand(num_beams=2) == [0, 2, 3]  # log(0.36) / 2 is above log(0.189) / 3
    assert by_hand(num_beams=2, length_penalty=0.0) == [0, 2, 3]
    # Where length counts more, log(0.189) / 3⁴ is above log(0.36) / 2⁴. Two texts have ended: halt.
    options = {"num_beams": 2, "max_length": 6}
    assert by_hand(**options, length_penalty=4.0) == [0, 1, 2, 3]
    # Or go on: log(0.6 · 0.4 · 0.4 · 0.35 · 0.9) / 5⁴ is higher still.
    assert by_hand(**options, length_penalty=4.0, early_stopping=False) == [0, 1, 1, 1, 2, 3]
    # What grows, 1 1 1, has log(0.096) / 3^1.5 = −0.45; the worst that is kept, 2 3, −0.36: halt.
    options["length_penalty"] = 1.5
    assert by_hand(**options, early_stopping=False) == [0, 1, 2, 3]
    # But log(0.096) / 5^1.5 would be −0.21, so there is hope.
    assert by_hand(**options, early_stopping="never") == [0, 1, 1, 1, 2, 3]


def test_what_beam_search_looks_at():
    seen = []
    written = by_hand(num_beams=2, watch=lambda texts, sums: seen.append((texts, sums)))
    texts, sums = seen[0]
    assert texts.shape == (1, 4, 2)
    assert texts[0, :2].tolist() == [[0, 1], [0, 2]]
    assert sums[0, :2].exp().tolist() == pytest.approx([0.6, 0.4])
    texts, sums = seen[1]
    assert texts[0].tolist() == [[0, 2, 3], [0, 1, 1], [0, 1, 2], [0, 1, 3]]
    assert sums[0].exp().tolist() == pytest.approx([0.36, 0.24, 0.21, 0.15])
    assert written == [0, 2, 3]


def test_padding_is_never_seen_and_texts_do_not_meet():
    """Each text of a batch is what it is alone; padding on the right goes to the left."""
    for model in (PAIR, ALONE):
        for options in ({}, {"num_beams": 3}):
            options["max_length"] = 12
            batch = model.generate(TEXTS, attention_mask=MASK, **options)
            for i, length in enumerate(tiny.LENGTHS):
                alone = model.generate(TEXTS[i : i + 1, :length], **options)[0].tolist()
                row = batch[i].tolist()
                if model is ALONE:
                    assert row[: 5 - length] == [PAD] * (5 - length)
                    row = row[5 - length :]
                same = min(len(alone), len(row))
                assert row[:same] == alone[:same]
                assert {*row[same:], *alone[same:]} <= {PAD, END} or model is ALONE


def test_what_is_returned():
    written = PAIR.generate(TEXTS, max_length=9)
    assert written.dtype == torch.long
    assert written.shape[0] == 3
    assert written.shape[1] <= 9
    assert (written[:, 0] == START).all()
    assert EMPTY not in written
    assert torch.equal(PAIR.generate(TEXTS.int(), max_length=9), written)
    # Not in the way of what learns: weights may be asked about these ids.
    table = PAIR.decoder.bert.embeddings.token
    table(written).sum().backward()
    PAIR.zero_grad()
    continued = ALONE.generate(TEXTS[:1], max_length=9)
    assert torch.equal(continued[:, :5], TEXTS[:1])


def test_a_step_computes_its_own_token_alone(monkeypatch):
    """So its work grows with the text by attention only, and not by each token before it."""
    computed, run_layer = [], Cached.run_layer

    def counted(self, i, x, *masks):
        computed.append(len(x))
        return run_layer(self, i, x, *masks)

    monkeypatch.setattr(Cached, "run_layer", counted)
    assert ALONE.generate(TEXTS[:1], max_length=13).shape == (1, 13)
    layers = ALONE.bert.config.num_hidden_layers
    assert computed == [5] * layers + [1] * layers * 7  # the prompt, then a token a step


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 0}, "num_beams must be a whole number from 1 to 1024, not 0"),
        ({"num_beams": 2.0}, "num_beams must be a whole number from 1 to 1024, not 2.0"),
        ({"num_beams": True}, "num_beams must be a whole number from 1 to 1024, not True"),
        ({"max_length": 0}, "max_length must be a whole number from 2 to 16777216, not 0"),
        ({"max_length": 18}, "max_length must be above 1, the tokens that it begins with, and at "),
        ({"temperature": 0, "do_sample": True}, "temperature must be a number from 0.001 to 1000"),
        ({"temperature": float("nan"), "do_sample": True}, "temperature must be a number from"),
        ({"top_p": 0.0, "do_sample": True}, "top_p must be a number from 0.001 to 1.0, not 0.0"),
        ({"top_p": 1.1, "do_sample": True}, "top_p must be a number from 0.001 to 1.0, not 1.1"),
        ({"top_k": -1, "do_sample": True}, "top_k must be a whole number from 0 to 16777216"),
        ({"seed": -1, "do_sample": True}, "seed must be a whole number from 0 to"),
        ({"seed": "1", "do_sample": True}, "seed must be a whole number from 0 to"),
        ({"length_penalty": float("inf"), "num_beams": 2}, "length_penalty must be a number from"),
        ({"length_penalty": None, "num_beams": 2}, "length_penalty must be a number from"),
        ({"early_stopping": 1}, "early_stopping must be True, False or 'never', not 1"),
        ({"do_sample": True, "num_beams": 2}, "do_sample draws one text; num_beams must be 1"),
        ({"temperature": 0.5}, "temperature has no effect without do_sample=True"),
        ({"top_k": 5}, "top_k has no effect without do_sample=True"),
        ({"seed": 0}, "seed has no effect without do_sample=True"),
        ({"length_penalty": 0.5}, "length_penalty has no effect without num_beams above 1"),
    ],
)
def test_bad_options(options, message):
    for model in (PAIR, ALONE):
        with pytest.raises(ValueError, match="^" + re.escape(message)) as error:
            model.generate(TEXTS[:, :1], **{"max_length": 13, **options})
        assert "\n" not in str(error.value)


def test_bad_input():
    with pytest.raises(ValueError, match=r"^input_ids must have shape \[B, S\], both at least 1"):
        ALONE.generate(TEXTS[:, :0], max_length=9)
    with pytest.raises(ValueError, match=r"^input_ids must have shape \[B, S\], both at least 1"):
        PAIR.generate(TEXTS[:, :0], max_length=9)
    with pytest.raises(ValueError, match=r"^input_ids must have shape"):
        ALONE.generate(TEXTS[0], max_length=9)
    with pytest.raises(ValueError, match=r"^attention_mask has no real token in row 1"):
        ALONE.generate(TEXTS, attention_mask=torch.tensor([[1] * 5, [0] * 5, [1] * 5]))
    with pytest.raises(ValueError, match=r"^max_length must be above 5, .* at most 13, .* not 5$"):
        ALONE.generate(TEXTS, max_length=5)
    with pytest.raises(ValueError, match=r"^model is in training mode.*model.eval\(\)$"):
        BertLMHeadModel(tiny.CONFIG).train().generate(TEXTS, max_length=9)
    unnamed = EncoderDecoderModel(PAIR.encoder, PAIR.decoder)
    with pytest.raises(ValueError, match=r"^this model has no start_token_id"):
        unnamed.generate(TEXTS, max_length=9)
    with pytest.raises(ValueError, match=r"^this decoder needs a memory"):
        PAIR.decoder.generate(TEXTS, max_length=9)
    with pytest.raises(TypeError, match="max_new_tokens"):
        ALONE.generate(TEXTS, max_new_tokens=9)
