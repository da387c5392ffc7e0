"""English to Chinese, learned from short sentences, and scored on 500 that were held out:

    python -m tests.benchmarks.translation FOLDER          (FOLDER: a new one, or one of an earlier
                                                            call, which goes on where it was)

Three steps: the split; the training, by the command that is printed; the scores. It takes about an
hour on two cores. Needs `pip install sacrebleu opencc-python-reimplemented`.

The split. Two pairs belong together if their English or their Chinese sides are equal but for case,
blanks and punctuation. Of a group that is drawn one pair is held out, and the others go away: no
side of a held-out pair occurs in training. Likewise for the 500 that choose the epoch. What is left
in training may still be near: the same but for one word of the English side, or for one character
of the Chinese one. Those held-out pairs are scored apart, too.

The characters. Half of the file's Chinese sides are in traditional characters, the others in
simplified ones, with no rule that could be learned. So OpenCC makes all of them simplified before
anything else: what is learned, what is compared, and what is scored.
"""

import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from opencc import OpenCC

from tests.shared import SHARED

PAIRS = SHARED / "data" / "tatoeba_en_zh" / "cmn.txt"
COUNT = 500  # pairs that are held out, and as many that choose the epoch
OPTIONS = "--size tiny --layers 3 --vocab-size 4000 --positions 64 --seed 1"

Pair = tuple[str, str]


def plain(text: str) -> str:
    """Without case and punctuation; one blank between words."""
    return " ".join(re.sub(r"[^\w\s]", "", text.lower()).split())


def keys(pair: Pair) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("en", plain(pair[0])), ("zh", plain(pair[1]).replace(" ", ""))


def groups_of(pairs: list[Pair]) -> list[list[int]]:
    """The numbers of the pairs that belong together."""
    parent = list(range(len(pairs)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    first: dict[tuple[str, str], int] = {}
    for number, pair in enumerate(pairs):
        for key in keys(pair):
            parent[root(number)] = root(first.setdefault(key, number))
    groups = defaultdict(list)
    for number in range(len(pairs)):
        groups[root(number)].append(number)
    return list(groups.values())


def split(pairs: list[Pair]) -> dict[str, list[Pair]]:
    groups = groups_of(pairs)
    draw = random.Random(1)
    draw.shuffle(groups)
    chosen = [draw.choice(group) for group in groups[: 2 * COUNT]]
    kept = sorted(number for group in groups[2 * COUNT :] for number in group)
    named = {"held_out": chosen[:COUNT], "dev": chosen[COUNT:], "train": kept}
    return {name: [pairs[number] for number in numbers] for name, numbers in named.items()}


def near(pair: Pair) -> set[tuple[object, ...]]:
    """Two texts that differ in one word (or character) have one of these in common."""
    (_, english), (_, chinese) = keys(pair)
    found: set[tuple[object, ...]] = set()
    for units in (english.split(), list(chinese)):
        found |= {(*units[:i], None, *units[i + 1 :]) for i in range(len(units))}  # another word
        found |= {(*units[:i], None, *units[i:]) for i in range(len(units) + 1)}  # one more
    return found


def write(file: Path, pairs: Iterable[Pair]) -> None:
    lines = ["text\ttarget\n", *(f"{english}\t{chinese}\n" for english, chinese in pairs)]
    file.write_text("".join(lines), encoding="utf-8")


def read(file: Path) -> list[Pair]:
    lines = file.read_text(encoding="utf-8").split("\n")[1:-1]
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]


def prepare(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    simplified = OpenCC("t2s").convert
    lines = [line.split("\t") for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    pairs = [(english, simplified(chinese)) for english, chinese in lines]
    for name, some in split(pairs).items():
        write(folder / f"{name}.tsv", some)
        print(f"{name}: {len(some):,} pairs")


def train(folder: Path) -> None:
    out = folder / "model"
    places = f"--train {folder / 'train.tsv'} --dev {folder / 'dev.tsv'} --out {out}"
    command = f"finetune translate {places} {OPTIONS}" + " --resume" * out.exists()
    print(f"minibert {command}", flush=True)
    subprocess.run([sys.executable, "-m", "minibert", *command.split()], check=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.benchmarks.translation FOLDER")
    here = Path(sys.argv[1])
    if not (here / "train.tsv").exists():
        prepare(here)
    if not (here / "model" / "config.json").exists():
        train(here)
