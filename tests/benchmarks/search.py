"""The nearest of a million vectors: python -m tests.benchmarks.search [vectors]

1,000,000 random vectors of 384 numbers in a .npy file, the 10 nearest to each of 100 queries:
minibert.search on the file, beside faiss.IndexFlatIP (pip install faiss-cpu), which holds all of
them in memory. Each in a process of its own, the same threads; the times are medians of ROUNDS.

Then what is found: SQuAD's dev questions, each to find its paragraph among all paragraphs, by
MiniLM. (Its makers list SQuAD among its training pairs, so other questions will do worse.)
"""

import json
import lzma
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
from numpy.lib.format import open_memmap

from minibert.extraction.embed import embed
from minibert.extraction.engine import Engine
from minibert.extraction.search import search
from tests.benchmarks.corpus import MINILM
from tests.benchmarks.peers import installed
from tests.benchmarks.timing import print_machine
from tests.shared import SHARED
from weights_loader import load_bert

COUNT, SIZE, QUERIES, NEAREST, ROUNDS = 1_000_000, 384, 100, 10, 5
# Each program: what it needs once, and what it does for the queries.
PROGRAMS = {
    "minibert": (
        "from minibert.extraction.search import search",
        "",
        "search(queries, file, k)",
    ),
    "faiss.IndexFlatIP": (
        "import faiss; faiss.omp_set_num_threads(threads)",
        """
index = faiss.IndexFlatIP(queries.shape[1])
vectors = numpy.load(file, mmap_mode="r")
for row in range(0, len(vectors), 1 << 14):
    block = numpy.array(vectors[row : row + (1 << 14)])
    faiss.normalize_L2(block)
    index.add(block)
faiss.normalize_L2(queries)
""",
        "index.search(queries, k)",
    ),
}
FRAME = """
import statistics, sys, time
import numpy, torch
threads = torch.get_num_threads()
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
{imports}
file, queries, k = sys.argv[1], numpy.load(sys.argv[2]), {k}
before, start = peak(), time.perf_counter()
{once}
prepared = time.perf_counter() - start
times = []
for _ in range({rounds} + 1):
    start = time.perf_counter()
    scores, numbers = {work}
    times.append(time.perf_counter() - start)
numpy.savez(sys.argv[3], scores=numpy.asarray(scores), numbers=numpy.asarray(numbers))
print(prepared, statistics.median(times[1:]), peak() - before)
"""


def compare_programs(count: int, folder: Path) -> None:
    file, asked = folder / "vectors.npy", folder / "queries.npy"
    dice = numpy.random.default_rng(1)
    vectors = open_memmap(file, "w+", dtype=numpy.float32, shape=(count, SIZE))
    for start in range(0, count, 1 << 14):
        block = vectors[start : start + (1 << 14)]
        block[:] = dice.standard_normal(block.shape, dtype=numpy.float32)
    del vectors
    numpy.save(asked, dice.standard_normal((QUERIES, SIZE), dtype=numpy.float32))
    megabytes = file.stat().st_size / 2**20
    print(
        f"\n{count:,} x {SIZE} vectors ({megabytes:,.0f} MB), {QUERIES} queries, {NEAREST} nearest"
    )
    print(f"{'':<20}{'to prepare, s':>15}{'to search, s':>14}{'memory, MB':>12}")
    found = {}
    for name, (imports, once, work) in PROGRAMS.items():
        if not installed(name, *(["faiss"] if "faiss" in name else [])):
            continue
        program = FRAME.format(imports=imports, once=once, work=work, k=NEAREST, rounds=ROUNDS)
        out = folder / f"{name}.npz"
        command = [sys.executable, "-c", program, file, asked, out]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ)
        if done.returncode:
            raise SystemExit(done.stderr)
        prepared, took, memory = map(float, done.stdout.split())
        print(f"{name:<20}{prepared:15.2f}{took:14.2f}{memory:12.0f}", flush=True)
        found[name] = numpy.load(out)
    if len(found) == 2:
        a, b = found.values()
        same = (a["numbers"] == b["numbers"]).mean()
        difference = abs(a["scores"] - b["scores"]).max()
        print(f"the same numbers in {same:.2%}; largest difference of the scores {difference:.1e}")


def squad() -> tuple[list[str], list[str], list[int]]:
    """Paragraphs, questions, and the number of each question's paragraph."""
    with lzma.open(SHARED / "data/squad/squad-dev-v1.1-rebuilt.json.xz", "rt") as file:
        articles = json.load(file)["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    rows = [(each["question"], i) for i, one in enumerate(paragraphs) for each in one["qas"]]
    questions, own = zip(*rows, strict=True)
    return [one["context"] for one in paragraphs], list(questions), list(own)


def find_paragraphs() -> None:
    model, tokenizer = load_bert(MINILM)
    choices = {"model": Engine(model), "tokenizer": tokenizer, "long": "truncate"}
    paragraphs, questions, own = squad()
    right = torch.tensor(own)[:, None]
    print(f"\nSQuAD dev: {len(questions):,} questions, {len(paragraphs):,} paragraphs, MiniLM")
    states, wanted = (embed(texts, layers="all", **choices) for texts in (paragraphs, questions))
    for name, layers in (("last layer", slice(-1, None)), ("all layers", slice(None))):
        vectors, asked = (each[:, layers].mean(dim=1) for each in (states, wanted))
        hits = search(asked, vectors, 10)[1] == right
        first, ten = (hits[:, :k].any(dim=1).double().mean().item() for k in (1, 10))
        print(f"{name:<12} the paragraph is first {first:.1%}, among the first ten {ten:.1%}")


def main() -> None:
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        compare_programs(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT, Path(folder))
    if Path(MINILM).is_dir():
        find_paragraphs()


if __name__ == "__main__":
    main()
