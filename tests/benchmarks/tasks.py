"""Fine-tuning's results: python -m tests.benchmarks.tasks FOLDER [NAME …] [--seeds 1 2 3]

Each run is the command that a user would give; it is printed, and what it prints is kept in
FOLDER/NAME-SEED.log. Runs that are done are not done again, and one that was stopped goes on.
The data are those of the tests (see the README beside this file); what is cut out of them (the six
STS-B dev pairs that stand in train, the first questions of SQuAD) is written to FOLDER first.
"""

import argparse
import csv
import json
import lzma
import shlex
import statistics
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import torch

from minibert import BertModel, BertTokenizer, save_bert
from minibert.training.log import read_log
from tests.shared import SHARED
from weights_loader import load_bert

DATA = SHARED / "data"
MINILM = SHARED / "checkpoints" / "all-MiniLM-L6-v2"
SST2 = f"--train {DATA}/sst2/train.tsv --dev {DATA}/sst2/dev.tsv --text-column sentence"
STSB = (
    f"--train stsb-train.csv --dev {DATA}/stsb/stsb-en-dev.csv --text-column 0 --pair-column 1 "
    "--label-column 2"
)
# Name -> the command's arguments, the measure of its best epoch on dev, and what is wanted.
RUNS: dict[str, tuple[str, str, float | None]] = {
    "sst2": (f"classify --model {MINILM} {SST2} --epochs 2", "accuracy", 0.9),
    "sst2-tiny": (f"classify {SST2} --epochs 3", "accuracy", 0.81),
    "sst2-frozen": (f"classify --model {MINILM} {SST2} --features all-layers", "accuracy", None),
    "stsb-pairs": (
        f"pairs --number --model {MINILM} {STSB} --epochs 4 --batch 16",
        "spearman",
        0.86,
    ),
    "stsb-similar": (f"similar --model {MINILM} {STSB} --epochs 2", "spearman", 0.873),
    "wnut17": (
        f"tag --model {MINILM} --train {DATA}/wnut17/train.conll --dev {DATA}/wnut17/dev.conll "
        "--epochs 5 --batch 16",
        "f1",
        0.58,
    ),
    "squad": (
        f"answer --model {MINILM} --train squad-train.json --dev squad-dev.json --epochs 1 "
        "--batch 16",
        "f1",
        0.6,  # and an exact match of 0.46
    ),
    "chinese": (
        f"classify --model chinese --train {DATA}/chnsenticorp/train.tsv "
        f"--dev {DATA}/chnsenticorp/dev.tsv --text-column text_a --epochs 5",
        "accuracy",
        None,
    ),
}
PARAGRAPHS = {"train": 11, "dev": 7}  # every so many: about 8,000 and 1,500 questions


def prepare(folder: Path) -> None:
    """The files of the runs, beside their results."""
    with open(DATA / "stsb" / "stsb-en-dev.csv", encoding="utf-8", newline="") as file:
        held_out = {tuple(row[:2]) for row in csv.reader(file)}
    with open(DATA / "stsb" / "stsb-en-train.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if tuple(row[:2]) not in held_out]
    with open(folder / "stsb-train.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    for part, step in PARAGRAPHS.items():
        with lzma.open(DATA / "squad" / f"squad-{part}-v1.1-rebuilt.json.xz") as packed:
            content = json.load(packed)
        paragraphs = [each for article in content["data"] for each in article["paragraphs"]]
        content["data"] = [{"title": "", "paragraphs": paragraphs[::step]}]
        (folder / f"squad-{part}.json").write_text(json.dumps(content), encoding="utf-8")
    tiny, _ = load_bert()
    vocabulary = DATA / "vocab" / "bert-base-chinese" / "vocab.txt"
    tokens = vocabulary.read_text(encoding="utf-8").rstrip("\n").split("\n")
    torch.manual_seed(1)
    model = BertModel(replace(tiny.config, vocab_size=len(tokens)))
    save_bert(model, BertTokenizer(tokens), folder / "chinese")


def run(folder: Path, name: str, seed: int) -> None:
    """One run, if it is not done; its log has the command and the minutes."""
    out, log = f"{name}-{seed}", folder / f"{name}-{seed}.log"
    if log.exists() and log.read_text(encoding="utf-8").endswith("minutes\n"):
        return
    command = f"minibert finetune {RUNS[name][0]} --seed {seed} --out {out}"
    command += " --resume" * (folder / out).exists()
    print(command, flush=True)
    began = time.perf_counter()
    with open(log, "a", encoding="utf-8") as file:
        print(command, file=file, flush=True)
        subprocess.run(shlex.split(command), cwd=folder, stdout=file, check=True)
        print(f"{(time.perf_counter() - began) / 60:.1f} minutes", file=file)


def best(folder: Path, name: str, seed: int) -> dict[str, float]:
    """The measures of the best epoch."""
    _, epochs = read_log(folder / f"{name}-{seed}" / "log.jsonl")
    found = max(epochs, key=lambda epoch: epoch[RUNS[name][1]])
    return {measure: value for measure, value in found.items() if measure != "step"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", choices=[[], *RUNS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    prepare(args.folder)
    for name in args.names or RUNS:
        for seed in args.seeds:
            run(args.folder, name, seed)
        found = [best(args.folder, name, seed) for seed in args.seeds]
        print(f"{name}: wanted {RUNS[name][1]} {RUNS[name][2]}")
        for measure in found[0]:
            values = [one[measure] for one in found]
            spread = f" (from {min(values):.4f} to {max(values):.4f})"
            print(f"  {measure:<20} {statistics.mean(values):.4f}{spread}", flush=True)


if __name__ == "__main__":
    main()
