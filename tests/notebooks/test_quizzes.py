"""The quizzes: five questions for each notebook, the same in both languages, with reasons apart.

What minibert can compute is computed here: it must be the right choice, and no other.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from minibert import BertConfig, BertForMaskedLM, BertModel, BertTokenizer, cross_entropy, load_bert
from minibert.attention import MultiHeadAttention, attention_scores, make_additive_mask, softmax
from minibert.compression.quantization import quantize
from minibert.encoder import EncoderLayer
from minibert.extraction.layers import RECIPES, pool_sentences, recipe
from minibert.extraction.rouge import rouge
from minibert.feed_forward import FeedForward, gelu
from minibert.finetuning.metrics import accuracy, entity_scores
from minibert.heads import IS_NEXT, NO_LABEL
from minibert.layer_norm import LayerNorm
from minibert.training.schedule import schedule
from minibert.training.settings import RunSettings
from minibert.translation.cross_attention import CrossAttention
from notebooks.little_language import DAYS
from tests.notebooks.execute import FOLDER, unit
from tests.notebooks.test_notebooks import NOTEBOOKS, links

LANGUAGES = {"English": FOLDER / "quizzes", "Chinese": FOLDER / "zh" / "quizzes"}
NUMBERS = [name[:2] for name in NOTEBOOKS]
QUESTION = re.compile(r"^\*\*(\d)\.\*\* (.+(?:\n.+)*)\n\n((?:(?:- |  ).+\n)+)", re.M)
CHOICE = re.compile(r"^- ([A-D])\. (.+(?:\n  .+)*)$", re.M)
ANSWER = re.compile(r"^\*\*(\d)\. ([A-D])\.\*\* (.+(?:\n.+)*)$", re.M)


class Question(NamedTuple):
    words: str
    choices: dict[str, str]  # letter -> words
    right: str
    reason: str


@cache
def quiz(language: str, number: str) -> dict[str, Question]:
    """The questions of one notebook: "03.1" -> what is asked, and its answer."""
    folder = LANGUAGES[language]
    asked = QUESTION.findall((folder / f"{number}.md").read_text(encoding="utf-8"))
    answered = ANSWER.findall((folder / "answers" / f"{number}.md").read_text(encoding="utf-8"))
    assert [one[0] for one in asked] == [one[0] for one in answered] == list("12345")
    return {
        f"{number}.{i}": Question(words, dict(CHOICE.findall(choices)), right, reason)
        for (i, words, choices), (_, right, reason) in zip(asked, answered, strict=True)
    }


def numbers_in(words: str) -> list[str]:
    return re.findall(r"-?\d+(?:\.\d+)?", re.sub(r"(?<=\d),(?=\d{3})", "", words).replace("−", "-"))


def says(choice: str, value: Any) -> bool:
    """Does the choice have these numbers, as far as its digits go? A text: these words in code?"""
    if isinstance(value, str):
        return re.findall("`(.+?)`", choice) == [value]
    given = numbers_in(choice)
    values = torch.as_tensor(value, dtype=torch.float64).flatten().tolist()
    return len(given) == len(values) and all(
        abs(float(one) - value) <= 0.51 * unit(one)
        for one, value in zip(given, values, strict=True)
    )


def meta(module: Callable[[BertConfig], Any], **sizes: int) -> Any:
    """A part of bert-base with shapes and without numbers."""
    with torch.device("meta"):
        return module(BertConfig(**sizes))


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def slope(function: Callable[..., torch.Tensor], *x: float) -> torch.Tensor:
    """The gradient of the outputs' sum."""
    inputs = torch.tensor(x, requires_grad=True)
    (gradient,) = torch.autograd.grad(function(inputs).sum(), inputs)
    return gradient


def gradient_of_two_backwards() -> torch.Tensor:
    v = torch.tensor(2.0, requires_grad=True)
    (v**2).backward()
    (v**2).backward()
    return v.grad


def divisor_of_the_mean() -> float:
    logits = torch.randn(4, 3, requires_grad=True)
    cross_entropy(logits, torch.tensor([0, 1, NO_LABEL, 2])).backward()
    return ((softmax(logits)[0, 0] - 1) / logits.grad[0, 0]).item()


def likeness_without_residual() -> torch.Tensor:
    """The cosine of two tokens after a new layer that has no plus."""
    bert = BertModel(BertConfig(vocab_size=8, hidden_size=252, num_hidden_layers=1)).eval()
    layer, ids = bert.encoder.layers[0], torch.arange(4)[None]
    x = bert.embeddings(ids, torch.zeros_like(ids))
    a = layer.attention_layer_norm(layer.attention(x, torch.zeros(1, 1, 1, 4))[0])
    return torch.cosine_similarity(*layer.feed_forward_layer_norm(layer.feed_forward(a))[0, :2], 0)


def entities(wanted: str, said: str) -> tuple[float, float, int]:
    """The share of right tags, F1 and the number of right entities, of tags such as "B I O"."""
    one, other = (
        [tag if tag == "O" else f"{tag}-x" for tag in tags.split()] for tags in (wanted, said)
    )
    score, _ = entity_scores([one], [other])
    return accuracy(one, other), score.f1, round(score.recall * score.wanted)


def best_span() -> list[int]:
    table = torch.tensor([1.0, 5, 2])[:, None] + torch.tensor([4.0, 0, 3])
    return [*divmod(int(table.masked_fill(torch.ones(3, 3).tril(-1) == 1, -99).argmax()), 3)]


PAIR = torch.tensor([[3.0, 1, 2], [1.0, 0, 5]])
UNITS = torch.tensor([[1.0, 0], [0.82, (1 - 0.82**2) ** 0.5]])  # their cosine is 0.82

# What the right choice must say.
VALUES: dict[str, Callable[[], Any]] = {
    "01.1": lambda: " ".join(
        BertTokenizer(
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "car", "cart", "##on", "##toon", "##s"]
        ).tokenize("cartoon")
    ),
    "02.2": lambda: BertConfig().max_position_embeddings - 1,
    "02.4": lambda: LayerNorm(5, eps=1e-12)(torch.tensor([1.0, 1, 1, 1, 6]))[-1].item(),
    "03.1": lambda: softmax(attention_scores(torch.randn(7, 64), torch.randn(7, 64))).shape,
    "03.2": lambda: softmax(
        torch.tensor([3.0, 1, 1]).log()
        + make_additive_mask(torch.tensor([[1, 1, 0]]), torch.float32)
    ).flatten()[0],
    "03.3": lambda: BertConfig().head_size ** 0.5,
    "04.3": lambda: MultiHeadAttention(
        BertConfig(hidden_size=6, num_attention_heads=2)
    ).split_heads(torch.arange(12).view(1, 2, 6))[0, 1, 0],
    "05.2": lambda: gelu(torch.tensor(-2.0)),
    "05.4": lambda: (
        FeedForward(BertConfig(hidden_size=256, num_attention_heads=4, intermediate_size=1024))(
            torch.randn(9, 256)
        ).shape
    ),
    "05.5": likeness_without_residual,
    "06.2": lambda: count(meta(FeedForward)) / count(meta(EncoderLayer)),
    "06.3": lambda: count(meta(BertModel, num_hidden_layers=24)) / 1e6,
    "08.2": lambda: pool_sentences(
        torch.tensor([[[1.0, 3], [3, 5], [8, 1]]]), torch.tensor([[1, 1, 0]]), "mean"
    ),
    "08.3": lambda: len({piece.word for piece in load_bert()[1].pieces("They walked along.")}),
    "08.4": lambda: recipe("concat of last four", [torch.empty(1, 1, 768)] * 13).shape[-1],
    "09.2": lambda: torch.cosine_similarity(*(PAIR - PAIR.mean(dim=0)), dim=0),
    "09.3": lambda: max(RECIPES, key=lambda name: RECIPES[name][2]),
    "10.1": lambda: cross_entropy(torch.tensor([[1.0, 7]]).log(), torch.tensor([0])),
    "10.4": lambda: softmax(torch.tensor([3.0, 0]))[IS_NEXT],
    "10.5": lambda: meta(BertForMaskedLM).bert.embeddings.token.weight.numel(),
    "11.2": lambda: 1 / len(DAYS),
    "11.4": lambda: max(
        range(1000), key=lambda i: schedule(i, RunSettings(steps=1000, warmup=0.05))
    ),
    "12.1": lambda: slope(lambda s: softmax(s)[0], 0.0, 0.0)[0],
    "12.2": divisor_of_the_mean,
    "12.3": lambda: slope(LayerNorm(4, eps=1e-12), 1.0, 2.0, 4.0, 8.0),
    "12.4": lambda: slope(gelu, 0.0),
    "13.5": lambda: softmax(torch.tensor([3**-0.5])),
    "14.1": lambda: quantize(torch.tensor([[2.54, 0.3]]))[1] / 2,
    "14.5": lambda: count(meta(BertModel)) * torch.bfloat16.itemsize / 1e6,
    "15.1": gradient_of_two_backwards,
    "16.1": lambda: entities("B O B O B O B O O O O", "B O B O B O O O B O B")[1],
    "16.2": lambda: entities("B " * 10 + "O " * 90, "O " * 100)[:2],
    "16.3": lambda: entities("O B I", "O B O")[2],
    "16.4": best_span,
    "18.1": lambda: (UNITS[0] - UNITS[1]).square().sum(),
    "18.3": lambda: rouge("a dog bit a man", "a man bit a dog")["rouge1"],
    "19.2": lambda: (
        CrossAttention(BertConfig(hidden_size=12, num_attention_heads=3))(
            torch.randn(1, 5, 12), torch.zeros(1, 1, 1, 8), torch.randn(1, 8, 12)
        )[1][0, 0].shape
    ),
}


@pytest.mark.parametrize("number", NUMBERS)
def test_both_languages_ask_the_same(number):
    english, chinese = (quiz(language, number) for language in LANGUAGES)
    for name, one in english.items():
        other = chinese[name]
        assert [*one.choices] == [*other.choices] == list("ABCD"), name
        assert one.right == other.right, name
        assert min(len(one.reason), 2 * len(other.reason)) > 30, name
        for questions in (one, other):
            assert len({*questions.choices.values()}) == 4, name
        for letter, words in one.choices.items():
            if name in VALUES:
                assert numbers_in(words) == numbers_in(other.choices[letter]), name
    assert len({one.right for one in english.values()}) > 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_links(language):
    folder = LANGUAGES[language]
    files = [*folder.glob("*.md"), *folder.glob("answers/*.md")]
    assert sorted(file.stem for file in files) == sorted(2 * NUMBERS)
    for file in files:
        found = [Path(target) for _, target in links(file.read_text(encoding="utf-8"))]
        assert len(found) == 2
        for target in found:  # the notebooks have the same names in both languages
            is_notebook = target.stem in NOTEBOOKS and file.stem == target.stem[:2]
            assert is_notebook or (file.parent / target).exists(), f"{file}: {target}"


@pytest.mark.parametrize("name", VALUES)
def test_the_right_choice_is_what_minibert_says(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        value = VALUES[name]()
    for language in LANGUAGES:
        question = quiz(language, name[:2])[name]
        said = [letter for letter, words in question.choices.items() if says(words, value)]
        assert said == [question.right]


def test_01_2_capitals_and_accents_are_lost():
    _, tokenizer = load_bert()
    question = quiz("English", "01")["01.2"]
    same = [
        letter
        for letter, words in question.choices.items()
        if len({tuple(tokenizer.text_ids(text)) for text in words.split(", ")}) == 1
    ]
    assert same == [question.right]
