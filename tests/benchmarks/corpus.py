"""Many sentences, all layers, mean-pooled: python -m tests.benchmarks.corpus

MiniLM on STS-B dev's first column and SST-2 dev. Ours gives all 7 layers; sentence-transformers'
`encode` gives one; the loop over transformers is what most people write: batches of 32, padded, all
hidden states, mean over the mask. Same process, same threads, taking turns, medians. "at most" is
the ratio of a program that did nothing but the matrix products, without padding, each at the speed
of the best. Then: cold start, growth with the number of sentences, and which layer to pool (STS-B
dev, Spearman).
"""

import csv
import gc
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy
import torch
import transformers

from minibert import BertConfig
from minibert.extraction.embed import embed
from minibert.extraction.engine import Engine
from minibert.extraction.layers import RECIPES, layer_names
from tests.benchmarks.forward import best_gemm, flops
from tests.benchmarks.timing import medians
from tests.shared import SHARED
from weights_loader import load_bert

MINILM = str(SHARED / "checkpoints" / "all-MiniLM-L6-v2")
ROUNDS = 5


def sts_b() -> tuple[list[str], list[str], numpy.ndarray]:
    with open(SHARED / "data" / "stsb" / "stsb-en-dev.csv", encoding="utf-8", newline="") as file:
        first, second, scores = zip(*csv.reader(file), strict=True)
    return list(first), list(second), numpy.array(scores, dtype=float)


def sst_2() -> list[str]:
    lines = (SHARED / "data" / "sst2" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[0] for line in lines[1:]]


@torch.inference_mode()
def padded_loop(model: torch.nn.Module, tokenizer: Callable, texts: list[str]) -> torch.Tensor:
    """All layers, mean-pooled, as it is usually written."""
    found = []
    for start in range(0, len(texts), 32):
        inputs = tokenizer(
            texts[start : start + 32], padding=True, truncation=True, return_tensors="pt"
        )
        states = torch.stack(model(**inputs, output_hidden_states=True).hidden_states, dim=1)
        mask = inputs["attention_mask"][:, None, :, None]
        found.append((states * mask).sum(dim=2) / mask.sum(dim=2))
    return torch.cat(found)


def spearman(a: numpy.ndarray, b: numpy.ndarray) -> float:
    """The correlation of the ranks; equal values share the mean of theirs."""

    def ranks(values: numpy.ndarray) -> numpy.ndarray:
        _, inverse, counts = numpy.unique(values, return_inverse=True, return_counts=True)
        last = counts.cumsum()
        return (last - (counts - 1) / 2)[inverse]

    with numpy.errstate(invalid="ignore"):  # NaN where all are alike: [CLS] before the first layer
        return float(numpy.corrcoef(ranks(a), ranks(b))[0, 1])


def compare_corpus() -> None:
    import sentence_transformers

    texts = sts_b()[0] + sst_2()
    model, tokenizer = load_bert(MINILM)
    engine, half_engine = Engine(model), Engine(model, dtype=torch.bfloat16)
    choices = {"tokenizer": tokenizer, "layers": "all"}
    theirs = transformers.BertModel.from_pretrained(MINILM).eval()
    their_tokenizer = transformers.BertTokenizer.from_pretrained(MINILM)
    # Without a modules.json it takes the mean over the tokens, which is what we want.
    encoder = sentence_transformers.SentenceTransformer(MINILM, device="cpu")
    works = {
        "ours, all 7 layers": lambda: embed(texts, model=engine, **choices),
        "ours, bfloat16": lambda: embed(texts, model=half_engine, **choices),
        "sentence-transformers, last layer": lambda: encoder.encode(texts, show_progress_bar=False),
        "padded loop, all 7 layers": lambda: padded_loop(theirs, their_tokenizer, texts),
    }
    ours, half = works["ours, all 7 layers"](), works["ours, bfloat16"]()
    print(f"{len(texts)} sentences, {torch.get_num_threads()} threads; largest difference from")
    last = torch.from_numpy(works["sentence-transformers, last layer"]())
    print(f"  sentence-transformers {(ours[:, -1] - last).abs().max():.1e} (last layer)")
    loop = works["padded loop, all 7 layers"]()
    print(f"  the padded loop       {(ours - loop).abs().max():.1e} (all layers)")
    cosine = torch.nn.functional.cosine_similarity(ours, half, dim=-1)
    print(f"  cosine of bfloat16 to float32: at least {cosine.min():.5f}\n")
    times = dict(zip(works, medians(*works.values(), rounds=ROUNDS), strict=True))
    wanted = {"ours, bfloat16": "1/1.5", "sentence-transformers, last layer": "3"}
    wanted["padded loop, all 7 layers"] = "4"
    base = times["ours, all 7 layers"]
    products = sum(flops(model.config, 1, len(tokenizer.text_ids(text)) + 2) for text in texts)
    limit = products / best_gemm() / 1e9
    print(f"{'':<36}{'seconds':>9}{'sentences/s':>13}{'over ours':>11}{'wanted':>8}{'at most':>9}")
    for name, took in times.items():
        row = f"{took:9.2f}{len(texts) / took:13,.0f}{took / base:11.2f}"
        print(f"{name:<36}{row}{wanted.get(name, ''):>8}{took / limit:9.2f}", flush=True)


COLD = {
    "ours": "from minibert import embed; v = embed(['A man plays.'], model={model!r})",
    "transformers": """
import torch, transformers
m = transformers.BertModel.from_pretrained({model!r})
t = transformers.BertTokenizer.from_pretrained({model!r})
with torch.inference_mode(): v = m(**t('A man plays.', return_tensors='pt')).last_hidden_state
""",
}
PEAK = "\nprint(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
# Ours, its peak after each step.
STEPS = {
    "import torch": "import torch",
    "import minibert": "from minibert.common.lines import Line; "
    "from minibert.extraction.embed import *; from weights_loader import *",
    "load": "model, tokenizer = load_bert({model!r})",
    "engine": "embedder = Embedder(Engine(model, let_go=True), tokenizer)",
    "a sentence": "list(embedder.embed_blocks([[Line(1, 'A man plays.')]], 'raise'))",
}
# What any program on PyTorch takes: the library, oneDNN's code, and the encoder's weights once.
FLOOR = """
import torch
from minibert.extraction.engine import has_onednn
has_onednn(torch.device("cpu"), torch.float32)
weights = torch.ones({layers}, {numbers})
"""


def compare_cold_start() -> None:
    """A process that imports, loads MiniLM, and embeds one sentence."""
    times: dict[str, list[float]] = {name: [] for name in COLD}
    peaks: dict[str, float] = {}
    for _ in range(ROUNDS + 1):
        for name, code in COLD.items():
            command = [sys.executable, "-c", code.format(model=MINILM) + PEAK]
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            times[name].append(time.perf_counter() - start)
            peaks[name] = int(done.stdout.split()[-1]) / 1024
    ours, theirs = (statistics.median(times[name][1:]) for name in COLD)
    print(f"\ncold start: {ours:.2f} s, {theirs:.2f} s, ratio {ours / theirs:.2f} (wanted: 0.45)")
    sizes = f"{peaks['ours']:.0f} MB, {peaks['transformers']:.0f} MB"
    share = peaks["ours"] / peaks["transformers"]
    print(f"peak memory: {sizes}, ratio {share:.2f} (wanted: 0.65)")
    code = f"{PEAK}\n".join(STEPS.values()).format(model=MINILM) + PEAK
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    steps = zip(STEPS, map(int, done.stdout.split()), strict=True)
    print("  after " + ", ".join(f"{name} {size / 1024:.0f}" for name, size in steps))
    config = BertConfig.from_dict(json.loads((Path(MINILM) / "config.json").read_text()))
    d, inner = config.hidden_size, config.intermediate_size
    floor = FLOOR.format(layers=config.num_hidden_layers, numbers=4 * d * d + 2 * d * inner)
    command = [sys.executable, "-c", floor + PEAK]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    least = int(done.stdout) / 1024
    share = least / peaks["transformers"]
    print(f"  PyTorch, oneDNN and the weights once: {least:.0f} MB, ratio {share:.2f}")
    imports = [
        partial(subprocess.run, [sys.executable, "-c", code], check=True)
        for code in ("import torch", "import torch, minibert")
    ]
    alone, both = medians(*imports, rounds=ROUNDS)
    print(f"import minibert adds {both - alone:.3f} s to import torch (wanted: 0.1)")


GROW = """
import sys, time
from pathlib import Path
import torch
from minibert.extraction.embed import embed_file
from weights_loader import load_bert
start = time.perf_counter()
embed_file(sys.argv[1], sys.argv[2], layers="all")
print(time.perf_counter() - start)
"""


def compare_growth() -> None:
    """More sentences, with the bundled model, to a file: time in proportion, memory the same."""
    texts = (sts_b()[0] + sst_2()) * 43
    random.Random(0).shuffle(texts)  # short ones first would be more memory for longer ones
    print(f"\n{'sentences':<12}{'seconds':>9}{'a second':>10}{'peak MB':>9}")
    for size in (1_000, 10_000, 100_000):
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "texts.txt", Path(folder) / "vectors.npy"
            source.write_text("\n".join(texts[:size]) + "\n", encoding="utf-8")
            command = [sys.executable, "-c", GROW + PEAK, str(source), str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        took, peak = map(float, re.findall(r"[\d.]+", done.stdout))
        print(f"{size:<12,}{took:9.2f}{size / took:10,.0f}{peak / 1024:9.0f}", flush=True)


def which_layer() -> None:
    """STS-B dev: cosine of two sentences against the score people gave, Spearman × 100."""

    def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
        # In float64: cosines that are all near 1 differ in digits which float32 does not have.
        cosines = torch.nn.functional.cosine_similarity(a.double(), b.double())
        return 100 * spearman(cosines.numpy(), scores)

    first, second, scores = sts_b()
    model, tokenizer = load_bert(MINILM)
    names = [*layer_names(model.config.num_hidden_layers), *RECIPES]
    print(f"\n{'STS-B dev, MiniLM, Spearman × 100':<36}{'mean':>8}{'cls':>8}{'max':>8}")
    for name in names:
        row = []
        for pool in ("mean", "cls", "max"):
            embedder = {"model": model, "tokenizer": tokenizer, "layers": name, "pool": pool}
            row.append(correlation(embed(first, **embedder), embed(second, **embedder)))
        print(f"{name:<36}" + "".join(f"{value:8.2f}" for value in row), flush=True)
    import sentence_transformers

    # Without a modules.json it takes the mean over the tokens, which is what we want.
    encoder = sentence_transformers.SentenceTransformer(MINILM, device="cpu")
    a, b = (torch.from_numpy(encoder.encode(texts)) for texts in (first, second))
    print(f"{'sentence-transformers, last layer':<36}{correlation(a, b):8.2f}")


def main() -> None:
    if not Path(MINILM).is_dir():
        raise SystemExit(f"MiniLM is not in {SHARED} (MINIBERT_SHARED)")
    compare_corpus()
    gc.collect()
    compare_cold_start()
    compare_growth()
    which_layer()


if __name__ == "__main__":
    main()
