"""The page's tokenizer and model are the textbook's, number by number."""

import copy
import json
import unicodedata
from typing import Any

import numpy
import pytest
import torch
from torch import nn

from minibert import BertConfig, BertForPreTraining, BertTokenizer, explain, patch, trace
from minibert.viewer.build import MAX_TOKENS, build
from minibert.viewer.show import load_for_page
from tests import tiny
from tests.shared import shared
from tests.viewer.chromium import Opened, Run, opened
from tests.viewer.sentences import SENTENCES

pytestmark = pytest.mark.browser
BOUND = 1e-4  # absolute, or relative where a number is above 1
LAYERS = range(4)
TEXT = "The old [MASK] of the river was steep."


def as_float16(model: nn.Module) -> nn.Module:
    """A copy with the weights that the page has; float64, whose own rounding plays no part."""
    return copy.deepcopy(model).half().double().eval()


class Reference:
    """What Python says to the same texts."""

    def __init__(self, model: nn.Module, tokenizer: BertTokenizer):
        self.model, self.tokenizer = as_float16(model), tokenizer
        self.limit = min(MAX_TOKENS, model.bert.config.max_position_embeddings)

    def inputs(self, text: str, pair: str | None = None) -> dict[str, torch.Tensor]:
        return self.tokenizer(text, pair, truncation=True, max_length=self.limit)

    def trace(self, inputs: dict[str, torch.Tensor]) -> dict[str, numpy.ndarray]:
        with trace(self.model) as t, torch.no_grad():
            self.model(**inputs)
        return {name.removeprefix("bert."): value.numpy() for name, value in t.items()}

    def check(
        self,
        page: Opened,
        text: str,
        pair: str | None = None,
        *,
        changes: dict[str, Any] | None = None,
        inputs: dict[str, torch.Tensor] | None = None,
    ) -> Run:
        """Every number of every intermediate, and the five likeliest pieces of each position.
        `inputs`: what Python's model gets, where it is not what the tokenizer makes.
        """
        inputs = inputs or self.inputs(text, pair)
        expected = self.trace(inputs)
        run = page.run(text, pair, changes, expected)
        assert run.ids == inputs["input_ids"][0].tolist()
        assert run.segments == inputs["token_type_ids"][0].tolist()
        assert run.shapes == {name: [*value.shape] for name, value in expected.items()}
        assert [*run.shapes] == [*run.off] == [*expected]
        assert not {name: off for name, off in run.off.items() if not off <= BOUND}
        self.check_heads(run, expected)
        return run

    def check_heads(self, run: Run, expected: dict[str, numpy.ndarray]) -> None:
        """The likeliest pieces in order, except two whose logits are nearer than the bound."""
        logits = expected["mlm.logits"][0]
        best = numpy.sort(logits)[:, ::-1][:, :5]
        probs = torch.softmax(torch.tensor(logits), dim=-1).numpy()
        for position, guesses in enumerate(run.mlm or []):
            ids = [guess["id"] for guess in guesses]
            assert len(set(ids)) == 5
            assert numpy.abs(logits[position, ids] - best[position]).max() <= BOUND
            found = [guess["prob"] for guess in guesses]
            assert numpy.abs(found - probs[position, ids]).max() <= BOUND
            assert [self.tokenizer.tokens[i] for i in ids] == [g["token"] for g in guesses]
        assert run.mlm is not None
        assert len(run.mlm) == len(logits)
        is_next = torch.softmax(torch.tensor(expected["nsp.logits"][0]), dim=-1)[0].item()
        assert run.nsp is not None
        assert run.nsp["isNext"] == pytest.approx(is_next, abs=BOUND)
        assert run.nsp["isRandom"] == pytest.approx(1 - is_next, abs=BOUND)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(*load_for_page(None))


def test_there_are_200_texts():
    assert len(set(SENTENCES)) == 200


@pytest.mark.parametrize("part", range(10))
def test_ids_and_every_intermediate(part, bundled: Opened, reference: Reference):
    for text, pair in SENTENCES[part::10]:
        run = reference.check(bundled, text, pair)
        whole = reference.tokenizer(text, pair)["input_ids"].shape[1]
        kept = len(run.ids)
        assert run.cut == ({"tokens": whole, "kept": kept} if whole > kept else None)


# Of odd sizes, with large random weights, and with an ε that shows.
VOCAB = [*tiny.VOCAB, "ab", "##de"]
SMALL = BertConfig(**{**tiny.SIZES, "vocab_size": len(VOCAB)}, layer_norm_eps=0.01)
SMALL_TEXTS = ["", "a", "abc d", "a b c d e f g h i", "a b c d e f g h i j k l", "a,b c$d\tÁ\0b"]
SMALL_TEXTS += ["我a我b", "a\u1ac0b a\u0301", "a [MASK]b [mask]", "a" * 100, "a" * 101, "ab " * 400]
SMALL_PAIRS = [None, "", "b ca", "m l k j i h g f e d c b a"]


def small_model() -> tuple[nn.Module, BertTokenizer]:
    return tiny.ours(BertForPreTraining, config=SMALL).float(), BertTokenizer(VOCAB)


@pytest.fixture(scope="module")
def small(browser, tmp_path_factory):
    """The page of that model, and its reference."""
    file = tmp_path_factory.mktemp("small") / "bert.html"
    file.write_text(build(*small_model()), encoding="utf-8")
    with opened(browser, file) as page:
        yield page, Reference(*small_model())


@pytest.mark.parametrize("text", SMALL_TEXTS, ids=ascii)
@pytest.mark.parametrize("pair", SMALL_PAIRS)
def test_sizes_that_are_all_different(text, pair, small):
    page, reference = small
    reference.check(page, text, pair)


def test_weights_of_every_kind(browser, tmp_path):
    """Any float16 that is finite: large, tiny, too small for a leading 1, and −0."""
    bits = numpy.random.default_rng(0)
    model, tokenizer = small_model()
    with torch.no_grad():
        for parameter in model.parameters():
            halves = bits.integers(0, 1 << 16, parameter.numel(), "<u2").view("<f2")
            halves[~numpy.isfinite(halves)] = -0.0
            parameter.copy_(torch.from_numpy(halves.astype("f4")).view_as(parameter))
    (tmp_path / "bert.html").write_text(build(model, tokenizer), encoding="utf-8")
    with opened(browser, tmp_path / "bert.html") as page:
        for name, weight in model.state_dict().items():
            found = page.page.evaluate(
                "(name) => Array.from(minibert.weight(name).data)", name.removeprefix("bert.")
            )
            assert found == weight.flatten().tolist(), name


def test_sinusoidal_positions(browser, tmp_path):
    config = BertConfig(**tiny.SIZES, position_embedding_type="sinusoidal")
    model = tiny.ours(BertForPreTraining, config=config).float()
    (tmp_path / "bert.html").write_text(build(model, tiny.tokenizer()), encoding="utf-8")
    reference = Reference(model, tiny.tokenizer())
    with opened(browser, tmp_path / "bert.html") as page:
        reference.check(page, "a b c d")


def without(*heads: int):
    def change(context: torch.Tensor) -> torch.Tensor:
        context = context.clone()
        context[:, list(heads)] = 0
        return context

    return change


def times(factor: float):
    return lambda value: value * factor


# Name -> the changes in the page, and the same as patches; by the size of a head.
WHAT_IFS = {
    "a head off": (
        {"headsOff": [[1, 2]]},
        lambda size: {"bert.encoder.layers.1.attention.context": without(2)},
    ),
    "heads of two layers off": (
        {"headsOff": [[0, 0], [3, 1], [0, 3]]},
        lambda size: {
            "bert.encoder.layers.0.attention.context": without(0, 3),
            "bert.encoder.layers.3.attention.context": without(1),
        },
    ),
    "no positions": ({"noPositions": True}, lambda size: {"bert.embeddings.position": times(0)}),
    "no √H": (
        {"noSqrt": True},
        lambda size: {"bert.encoder.layers.*.attention.scores": times(size**0.5)},
    ),
    "all of them": (
        {"headsOff": [[2, 0]], "noPositions": True, "noSqrt": True},
        lambda size: {
            "bert.encoder.layers.2.attention.context": without(0),
            "bert.embeddings.position": times(0),
            "bert.encoder.layers.*.attention.scores": times(size**0.5),
        },
    ),
}


@pytest.mark.parametrize("name", WHAT_IFS)
def test_a_what_if_is_the_same_patch(name, bundled: Opened, reference: Reference):
    check_what_if(name, bundled, reference, TEXT, "It rained.")


def check_what_if(
    name: str, page: Opened, reference: Reference, text: str, pair: str | None
) -> None:
    changes, patches = WHAT_IFS[name]
    unchanged = reference.trace(reference.inputs(text, pair))
    with patch(reference.model, patches(reference.model.bert.config.head_size)):
        reference.check(page, text, pair, changes=changes)
    assert page.run(text, pair, changes, unchanged).off["mlm.logits"] > 10 * BOUND


def test_ids_and_segments_can_be_replaced(bundled: Opened, reference: Reference):
    check_other_inputs(bundled, reference, TEXT, "It rained.")


def check_other_inputs(page: Opened, reference: Reference, text: str, pair: str) -> None:
    """Two tokens exchanged, one masked, and the segments exchanged."""
    inputs = reference.inputs(text, pair)
    ids = inputs["input_ids"][0].tolist()
    ids[1], ids[2], ids[3] = ids[2], ids[1], reference.tokenizer.mask_token_id
    segments = (1 - inputs["token_type_ids"])[0].tolist()
    changed = {"input_ids": torch.tensor([ids]), "token_type_ids": torch.tensor([segments])}
    changes = {"ids": ids, "segments": segments}
    run = reference.check(page, text, pair, changes=changes, inputs=changed)
    assert run.tokens == reference.tokenizer.convert_ids_to_tokens(ids)


def test_without_positions_the_order_means_nothing(bundled: Opened, reference: Reference):
    ids = reference.inputs("the dog bit the man")["input_ids"][0].tolist()
    order = [0, 5, 3, 1, 4, 2, 6]
    mixed = [ids[i] for i in order]
    changes = {"segments": [0] * 7, "noPositions": True}
    plain, other = (
        bundled.numbers("mlm.logits", "", changes | {"ids": some}) for some in (ids, mixed)
    )
    assert numpy.abs(plain[:, order] - other).max() <= BOUND


def test_the_mlm_head_read_early(bundled: Opened, reference: Reference):
    inputs = reference.inputs(TEXT)
    t = reference.trace(inputs)
    names = ["embeddings.layer_norm"]
    names += [f"encoder.layers.{layer}.feed_forward_layer_norm" for layer in LAYERS]
    with torch.no_grad():
        table = reference.model.bert.embeddings.token.weight
        hidden = torch.tensor(numpy.stack([t[name][0, 3] for name in names]))  # [L+1, D]
        best = reference.model.mlm(hidden, table).topk(5)
    found = bundled.page.evaluate(
        """async ([text, names]) => {
            const { intermediates } = await minibert.run(text);
            return names.map((name) => {
                const { shape, data } = intermediates[name];
                return minibert.mlmAt(data.subarray(3 * shape[2], 4 * shape[2]), 5);
            });
        }""",
        [TEXT, names],
    )
    assert [[guess["id"] for guess in guesses] for guesses in found] == best.indices.tolist()
    logits = [[guess["logit"] for guess in guesses] for guesses in found]
    assert numpy.array(logits) == pytest.approx(best.values.numpy(), abs=BOUND)


EXPLAIN = """(texts) => JSON.stringify(texts.map((text) => {
    const { stages, characters, words, pieces } = minibert.tokenizer.encode(text).texts[0];
    return {
        stages,
        characters: characters.map(({ offset, char, becomes, rules }) =>
            [offset, char, becomes, rules.length]),
        words: words.map(({ text, tries }) => [text, tries]),
        pieces: pieces.map(({ token, id, start, end, word }) => [token, id, start, end, word]),
    };
}))"""


def test_every_step_of_the_tokenizer(bundled: Opened, reference: Reference):
    texts = sorted({text for pair in SENTENCES for text in pair if text})
    all_found = json.loads(bundled.page.evaluate(EXPLAIN, texts))
    for text, found in zip(texts, all_found, strict=True):
        told = explain(reference.tokenizer, text)
        assert found["stages"] == [list(stage) for stage in told.stages]
        assert found["characters"] == [
            [char.offset, char.char, char.becomes, len(char.rules)] for char in told.characters
        ]
        assert found["words"] == [[word.text, [*map(list, word.tries)]] for word in told.words]
        assert found["pieces"] == [
            [piece.token, piece.id, piece.start, piece.end, piece.word] for piece in told.pieces
        ]


# Another tokenizer in the page: its ids of each text. (Its tokens as one text, as that is faster.)
OTHER = """([tokens, changes, texts]) => {
    const { tokenizer } = minibert;
    const settings = { ...tokenizer.settings, ...changes };
    const other = new tokenizer.constructor(tokens.split("\\n"), settings);
    return texts.map(([text, pair]) => other.encode(text, pair).ids);
}"""
SETTINGS: list[dict] = [
    {},
    {"do_lower_case": False},
    {"do_lower_case": False, "strip_accents": True},
    {"strip_accents": False},
    {"tokenize_chinese_chars": False},
    {"never_split": ["can't", "C++", "世界"]},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", ["bert-base-chinese", "bert-base-multilingual-cased"])
def test_other_vocabularies(name, settings, bundled: Opened):
    file = shared(f"data/vocab/{name}/vocab.txt")
    tokenizer = BertTokenizer.from_vocab(file, **settings)
    changes = {**tokenizer.settings, "max_tokens": MAX_TOKENS}
    given = ["\n".join(tokenizer.tokens), changes, SENTENCES]
    for (text, pair), ids in zip(SENTENCES, bundled.page.evaluate(OTHER, given), strict=True):
        assert ids == tokenizer.encode(text, pair, truncation=True, max_length=MAX_TOKENS), text


# What each character turns into, as numbers: one text, which is far faster than lists as JSON.
ALL_CHARACTERS = """([start, end, settings]) => {
    const { tokenizer } = minibert;
    const other = new tokenizer.constructor(tokenizer.tokens, settings);
    return Array.from({ length: end - start }, (_, i) =>
        Array.from(other.wordpiece.normalise(String.fromCodePoint(start + i)),
            (char) => char.codePointAt(0)).join(" ")).join("\\n");
}"""


@pytest.mark.parametrize(
    "settings", [{}, {"do_lower_case": False, "tokenize_chinese_chars": False}], ids=str
)
def test_all_of_unicode(settings, bundled: Opened):
    """Except what this Python does not know yet, or the browser not yet. Of planes without
    characters, every eighth block.
    """
    tokenizer = BertTokenizer(tiny.VOCAB, **settings)
    given = (
        bundled.page.evaluate("minibert.tokenizer.settings") | {"strip_accents": None} | settings
    )
    step, unlike = 0x8000, []
    starts = [*range(0, 0x40000, step), *range(0x40000, 0xE0000, 8 * step)]
    for start in (*starts, *range(0xE0000, 0x110000, step)):
        found = bundled.page.evaluate(ALL_CHARACTERS, [start, start + step, given])
        for code, becomes in enumerate(found.split("\n"), start):
            if becomes != " ".join(str(ord(c)) for c in tokenizer.wordpiece.normalise(chr(code))):
                unlike.append(chr(code))
    new = [char for char in unlike if unicodedata.category(char) == "Cn"]
    assert unlike == new
    assert len(new) < 200
