"""ROUGE beside rouge-score, the package of Google Research."""

import random
from itertools import pairwise

import pytest

from minibert.extraction.rouge import rouge
from tests.shared import shared

rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")
SCORER = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)


def check(reference, summary):
    expected = {name: each.fmeasure for name, each in SCORER.score(reference, summary).items()}
    assert rouge(reference, summary) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_random_words(seed):
    dice = random.Random(seed)
    words = ["a", "b", "The", "3.5", "don't", "état", "中文", "x_y", "—", "İ", "\n", "A."]

    def text():
        return " ".join(dice.choices(words, k=dice.randrange(30)))

    for _ in range(30):
        check(text(), text())


@pytest.mark.parametrize(
    ("reference", "summary"),
    [("", ""), ("a", ""), ("", "a"), ("a", "a"), ("a", "b"), ("。", "。"), ("a b", "b a")],
)
def test_short_texts(reference, summary):
    check(reference, summary)


def test_real_text():
    file = shared("data/sst2/dev.tsv")
    lines = file.read_text(encoding="utf-8").split("\n")[1:400]
    texts = [" ".join(lines[start : start + 4]) for start in range(0, 396, 4)]
    for a, b in pairwise(texts):
        check(a, b)


def test_chinese_has_no_words_but_characters():
    assert rouge("下雨了", "下雨了") == {"rouge1": 0, "rouge2": 0, "rougeL": 0}
    found = rouge(list("下雨了"), list("下了雨了"))
    assert found == pytest.approx({"rouge1": 6 / 7, "rouge2": 2 / 5, "rougeL": 6 / 7})
