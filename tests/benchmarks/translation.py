"""English to Chinese, learned from short sentences, and scored on 500 that were held out:

    python -m tests.benchmarks.translation FOLDER          (FOLDER: a new one, or one of an earlier
                                                            call, which goes on where it was)

Three steps: the split; the training, by the command that is printed; the scores. It takes about an
hour on two cores. Needs `pip install sacrebleu opencc-python-reimplemented`.

The split. Two pairs belong together if their English or their Chinese sides are equal except for
case, blanks and punctuation. Of a group that is drawn one pair is held out, and the others go away:
no side of a held-out pair occurs in training. The 500 that choose the epoch are taken out likewise.
What is left in training may still be near: the same except for one word of the English side, or one
character of the Chinese one. Those held-out pairs are scored apart, too.

The characters. Half of the file's Chinese sides are in traditional characters, the others in
simplified ones, with no rule that could be learned. So OpenCC makes all of them simplified before
anything else: what is learned, what is compared, and what is scored.
"""

import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from minibert import embed, load_bert, search, translate
from minibert.finetuning.examples import Example
from minibert.finetuning.settings import Settings
from minibert.finetuning.translation import Translation
from tests.benchmarks.corpus import MINILM
from tests.shared import SHARED

PAIRS = SHARED / "data" / "tatoeba_en_zh" / "cmn.txt"
COUNT = 500  # pairs that are held out, and as many that choose the epoch
SHOWN = 30  # held-out pairs that are printed
OPTIONS = "--size tiny --layers 3 --vocab-size 4000 --positions 64 --seed 1 --epochs 15"

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
    from opencc import OpenCC

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


def copied(train: list[Pair], texts: list[str]) -> list[str]:
    """The translation of the most similar English sentence that was trained on, by MiniLM."""
    choices: dict[str, Any] = {"model": MINILM, "normalize": True}
    known = embed([english for english, _ in train], **choices)
    _, numbers = search(embed(texts, **choices), known, 1)
    return [train[number][1] for number in numbers[:, 0].tolist()]


def held_out_loss(model: Any, tokenizer: Any, pairs: list[Pair]) -> float:
    """A token, without smoothing, given the right tokens before it."""
    examples = [Example(english, chinese) for english, chinese in pairs]
    task = Translation(model, tokenizer, examples, examples, Settings())
    source, rows = task.held_out(0)
    batches = [source.make(rows[i : i + 50]) for i in range(0, len(rows), 50)]
    with torch.no_grad():
        total = sum(task.losses.eval()(batch)["loss"].item() for batch in batches)
    return total / sum(task.counts(batch)["targets"] for batch in batches)


def scores(found: list[str], pairs: list[Pair]) -> str:
    """Character BLEU, chrF, and how many are right to the last character."""
    import sacrebleu

    wanted = [chinese for _, chinese in pairs]
    bleu = sacrebleu.corpus_bleu(found, [wanted], tokenize="char").score
    chrf = sacrebleu.corpus_chrf(found, [wanted]).score
    exact = sum(one == other for one, other in zip(found, wanted, strict=True))
    return f"{bleu:>7.1f}{chrf:>7.1f}{exact:>7}"


def measure(folder: Path) -> None:
    known, pairs = read(folder / "train.tsv"), read(folder / "held_out.tsv")
    near_known = set().union(*map(near, known))
    is_near = [not near_known.isdisjoint(near(pair)) for pair in pairs]
    model, tokenizer = load_bert(folder / "model")
    texts = [english for english, _ in pairs]
    ways = {"copied": copied(known, texts)}
    for beams in (1, 4):
        began = time.perf_counter()
        ways[f"{beams} beams"] = translate(model, tokenizer, texts, num_beams=beams)
        print(f"{beams} beams: {len(texts) / (time.perf_counter() - began):.0f} sentences/s")
    print(f"loss {held_out_loss(model, tokenizer, pairs):.3f} a character, the end among them\n")
    heads = [f"{name:>7}{'chrF':>7}{'exact':>7}" for name in ["BLEU"] * 3]
    groups = (f"all {len(pairs)}", f"{sum(is_near)} near ones", "the others")
    print(f"{'':<9}" + "".join(f"{group:>21}" for group in groups))
    print(f"{'':<9}" + "".join(heads))
    for name, found in ways.items():
        line = f"{name:<9}{scores(found, pairs)}"
        for wanted in (True, False):
            both = zip(found, pairs, is_near, strict=True)
            some = [(one, pair) for one, pair, own in both if own == wanted]
            line += scores([one for one, _ in some], [pair for _, pair in some])
        print(line)
    print()
    for number in range(SHOWN):
        english, chinese = pairs[number]
        print(f"{english}\n    {ways['4 beams'][number]}\n    ({chinese})")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.benchmarks.translation FOLDER")
    here = Path(sys.argv[1])
    if not (here / "train.tsv").exists():
        prepare(here)
    if not (here / "model" / "config.json").exists():
        train(here)
    measure(here)
