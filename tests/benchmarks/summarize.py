"""Summaries of 500 Wikipedia articles: python -m tests.benchmarks.summarize

The body of an article goes in; its first paragraph, which sums it up, is the reference. ROUGE F1 of
three sentences, the mean over the articles, on MiniLM: MMR and LexRank by the mean of all layers
and by others, beside the first three sentences of the body and three random ones.
"""

import lzma
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import torch
from tqdm import tqdm

from minibert.common.sentences import sentences_of
from minibert.extraction.embed import embed
from minibert.extraction.engine import Engine
from minibert.extraction.rouge import rouge
from minibert.extraction.summary import centrality, mmr
from tests.benchmarks.corpus import MINILM
from tests.benchmarks.timing import print_machine
from tests.shared import SHARED
from weights_loader import load_bert

ARTICLES, SENTENCES = 500, 3
LEAST, MOST = 10, 300  # sentences of a body
LEAD = 30  # words of a lead, at least
LAYERS = {"all layers": slice(None), "last four": slice(-4, None), "last": slice(-1, None)}
BALANCES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def articles() -> Iterator[tuple[str, list[str]]]:
    """The lead and the body's sentences of each article that has enough of both."""
    paragraphs: list[str] = []
    with lzma.open(SHARED / "data/enwiki/enwiki2015.txt.xz", "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                paragraphs.append(line.strip())
                continue
            if paragraphs and len(paragraphs[0].split()) >= LEAD:
                body = sentences_of("\n".join(paragraphs[1:]))
                if LEAST <= len(body) <= MOST:
                    yield paragraphs[0], body
            paragraphs = []


def ways() -> dict[str, Callable[[torch.Tensor], list[int]]]:
    """Each takes [sentences, layers, features] and chooses."""

    def by_mmr(layers: slice, balance: float, states: torch.Tensor) -> list[int]:
        return mmr(states[:, layers].mean(dim=1), SENTENCES, balance)

    def by_lexrank(layers: slice, states: torch.Tensor) -> list[int]:
        return centrality(states[:, layers].mean(dim=1)).topk(SENTENCES).indices.tolist()

    dice = random.Random(1)
    found: dict[str, Callable[[torch.Tensor], list[int]]] = {
        "the first sentences": lambda states: list(range(SENTENCES)),
        "random sentences": lambda states: dice.sample(range(len(states)), SENTENCES),
    }
    for name, layers in LAYERS.items():
        found[f"lexrank, {name}"] = partial(by_lexrank, layers)
        for balance in BALANCES:
            found[f"mmr, {name}, λ {balance}"] = partial(by_mmr, layers, balance)
    return found


def main() -> None:
    print_machine()
    model, tokenizer = load_bert(MINILM)
    engine = Engine(model, let_go=True)
    choices = {"model": engine, "tokenizer": tokenizer, "layers": "all", "long": "truncate"}
    choose = ways()
    scores: dict[str, list[list[float]]] = {name: [] for name in choose}
    sentences = seconds = 0.0
    for lead, body in tqdm(islice(articles(), ARTICLES), total=ARTICLES, disable=None):
        start = time.perf_counter()
        states = embed(body, **choices)
        seconds += time.perf_counter() - start
        sentences += len(body)
        for name, way in choose.items():
            summary = " ".join(body[number] for number in sorted(way(states)))
            scores[name].append(list(rouge(lead, summary).values()))
    count = len(scores["random sentences"])
    print(f"\n{count} articles, {sentences:,.0f} sentences, embedded in {seconds:.0f} s")
    print(f"\n{'F1 × 100':<28}{'ROUGE-1':>9}{'ROUGE-2':>9}{'ROUGE-L':>9}")
    for name, rows in scores.items():
        means = 100 * torch.tensor(rows).mean(dim=0)
        print(f"{name:<28}" + "".join(f"{mean:9.2f}" for mean in means.tolist()))


if __name__ == "__main__":
    main()
