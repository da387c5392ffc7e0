"""Our tokenizer beside transformers': python -m tests.benchmarks.tokenizer

Same texts, same process, one thread each; the two take turns, and the medians of the rounds are
compared. "cold" is a tokenizer's first pass; "warm" the later ones; for random Unicode "fresh" is
text never seen before, over characters that were.
"""

import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import itertools
import lzma
import random
import shutil
import statistics
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import transformers

from minibert import BertTokenizer
from tests.benchmarks.timing import seconds
from tests.shared import SHARED

ROUNDS = 7
HEADER = f"{'':<34}{'tokens/s':>12}{'theirs':>12}{'ratio':>8}{'wanted':>8}"


def lines(path: str, size: int) -> list[str]:
    """Lines of a text file of the shared data, about `size` bytes of them."""
    file = SHARED / "data" / path
    open_text = lzma.open if file.suffix == ".xz" else open
    found, total = [], 0
    with open_text(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            if line.strip():
                found.append(line.strip())
                total += len(found[-1].encode())
            if total >= size:
                break
    return found


def random_texts(seed: int) -> list[str]:
    """5,000 texts of 100 characters, drawn evenly from all letters, marks, numbers and signs."""
    source = random.Random(seed)
    return ["".join(source.choices(ALPHABET, k=100)) for _ in range(5000)]


ALPHABET = [char for char in map(chr, range(0x110000)) if unicodedata.category(char)[0] in "LMNPSZ"]


def both(name: str, lower: bool) -> tuple[Callable, Callable]:
    """(make ours, make theirs) from one official vocabulary."""
    file = SHARED / "data" / "vocab" / name / "vocab.txt"
    return (
        lambda: BertTokenizer.from_vocab(file, do_lower_case=lower),
        lambda: transformers.BertTokenizer(str(file), do_lower_case=lower),
    )


def run_ours(tokenizer: BertTokenizer, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, padding=False, return_tensors=None)["input_ids"]


def run_theirs(tokenizer: Callable, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts)["input_ids"]


def report(label: str, tokens: int, ours: list[float], theirs: list[float], wanted: float) -> None:
    our_median, their_median = statistics.median(ours), statistics.median(theirs)
    speeds = f"{tokens / our_median:12,.0f}{tokens / their_median:12,.0f}"
    print(f"{label:<34}{speeds}{their_median / our_median:8.2f}{wanted:8.2f}", flush=True)


def compare(label: str, name: str, lower: bool, passes: Iterator[list[str]], wanted: dict) -> None:
    """Cold: new tokenizers in each round. Warm: one pair of them, over `passes`."""
    make_ours, make_theirs = both(name, lower)
    first = next(passes)
    expected = run_theirs(make_theirs(), first)
    assert run_ours(make_ours(), first) == expected
    tokens = sum(map(len, expected))
    cold: tuple[list, list] = ([], [])
    for _ in range(ROUNDS):
        ours, theirs = make_ours(), make_theirs()
        cold[0].append(seconds(lambda ours=ours: run_ours(ours, first)))
        cold[1].append(seconds(lambda theirs=theirs: run_theirs(theirs, first)))
    report(f"{label}, cold", tokens, *cold, wanted["cold"])
    warm: tuple[list, list] = ([], [])
    for texts in itertools.islice(passes, ROUNDS):
        warm[0].append(seconds(lambda texts=texts: run_ours(ours, texts)))
        warm[1].append(seconds(lambda texts=texts: run_theirs(theirs, texts)))
    report(f"{label}, {wanted['later']}", tokens, *warm, wanted["warm"])


def compare_building() -> None:
    """From a folder as the official ones are: vocab.txt, tokenizer.json, tokenizer_config.json; and
    from vocab.txt alone, with transformers' leanest constructor.
    """
    print(f"\n{'building, seconds':<34}{'ours':>12}{'theirs':>12}{'ratio':>8}{'wanted':>8}")
    for name, lower in (("bert-base-uncased", True), ("bert-base-multilingual-cased", False)):
        make_ours, make_theirs = both(name, lower)
        with tempfile.TemporaryDirectory() as folder:
            make_theirs().save_pretrained(folder)
            shutil.copy(SHARED / "data" / "vocab" / name / "vocab.txt", folder)
            pairs = {
                "folder": (
                    lambda folder=folder: BertTokenizer.from_folder(folder),
                    lambda folder=folder: transformers.BertTokenizer.from_pretrained(folder),
                ),
                "vocab.txt": (make_ours, make_theirs),
            }
            for what, makes in pairs.items():
                times: tuple[list, list] = ([], [])
                for _ in range(3 * ROUNDS):
                    for make, found in zip(makes, times, strict=True):
                        found.append(seconds(make))
                ours, theirs = map(statistics.median, times)
                label = f"{name.removeprefix('bert-base-')}, {what}"
                print(f"{label:<34}{ours:12.4f}{theirs:12.4f}{theirs / ours:8.2f}{3:8.2f}")


def main() -> None:
    if not Path(SHARED / "data").is_dir():
        raise SystemExit(f"the texts and vocabularies are not in {SHARED} (MINIBERT_SHARED)")
    print(f"transformers {transformers.__version__}, one thread each, medians of {ROUNDS} rounds\n")
    print(HEADER)
    english = lines("enwiki/enwiki2015.txt.xz", 5_000_000)
    chinese = lines("zh_text/CLUECorpusSmall_sampled.txt", 3_000_000)
    again = itertools.repeat
    wanted = {"cold": 2, "warm": 5, "later": "warm"}
    compare("English Wikipedia, 5 MB", "bert-base-uncased", True, again(english), wanted)
    wanted = {"cold": 2, "warm": 2, "later": "warm"}
    compare("Chinese, 3 MB", "bert-base-chinese", True, again(chinese), wanted)
    fresh = (random_texts(seed) for seed in itertools.count())
    wanted = {"cold": 1, "warm": 1, "later": "fresh"}
    compare("random Unicode", "bert-base-multilingual-cased", False, fresh, wanted)
    compare_building()


if __name__ == "__main__":
    main()
