"""Many sentences, mean-pooled: python -m tests.benchmarks.corpus

MiniLM on STS-B dev's first column and SST-2 dev. Ours gives all 7 layers, the others one: those of
peers.py, with the sentences sorted by length, and sentence-transformers' `encode`. The loop over
transformers is what most people write: batches of 32, padded, all hidden states, mean over the
mask. Same process, same threads, taking turns, medians. "of best" is the speed of the sentences'
matrix products, without padding, as a share of the best float32 product here.

Then: what int8 costs and brings, one sentence, cold start, growth with the number of sentences, and
which layer to pool (STS-B dev, Spearman).
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
from minibert.finetuning.metrics import spearman
from tests.benchmarks.forward import best_gemm, flops
from tests.benchmarks.peers import embed_sorted, installed, peers
from tests.benchmarks.timing import medians, print_machine
from tests.shared import SHARED
from weights_loader import load_bert

MINILM = str(SHARED / "checkpoints" / "all-MiniLM-L6-v2")
ROUNDS = 5
# What, how many times as fast as what, is wanted with AVX2 and with AVX-512.
RATIOS = (
    ("ours, all 7 layers", "ONNX Runtime", 1.25, 1.25),
    ("ours, all 7 layers", "sentence-transformers", 1.5, 2.9),
    ("ours, int8", "ONNX Runtime, int8", 1.25, 1.25),
    ("ours, int8", "ours, all 7 layers", 1.6, 1.5),
)


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


def compare_corpus() -> None:
    texts = sts_b()[0] + sst_2()
    model, tokenizer = load_bert(MINILM)
    engines = {"ours, all 7 layers": Engine(model)}
    for dtype in (torch.bfloat16, torch.int8):
        name = f"ours, {str(dtype).removeprefix('torch.')}"
        try:
            engines[name] = Engine(model, dtype=dtype)
        except ValueError as error:
            print(f"{name} is left out: {error}")
    theirs = transformers.BertModel.from_pretrained(MINILM).eval()
    their_tokenizer = transformers.BertTokenizer.from_pretrained(MINILM)
    runs = peers(theirs, every=False)
    choices = {"tokenizer": tokenizer, "layers": "all"}
    works = {name: partial(embed, texts, model=it, **choices) for name, it in engines.items()}
    for name, run in runs.items():
        works[name] = partial(embed_sorted, run, their_tokenizer, texts)
    if installed("sentence-transformers", "sentence_transformers"):
        encode = sentence_encoder()
        works["sentence-transformers"] = lambda: torch.from_numpy(encode(texts))
    works["padded loop, all 7 layers"] = lambda: padded_loop(theirs, their_tokenizer, texts)

    ours = works["ours, all 7 layers"]()
    print(f"\n{len(texts)} sentences, {torch.get_num_threads()} threads; beside ours in float32:")
    for name, work in works.items():
        found = work()
        own = ours if found.dim() == 3 else ours[:, -1]
        cosine = torch.nn.functional.cosine_similarity(own, found, dim=-1)
        cosines = f"cosine at least {cosine.min():.5f}, mean {cosine.mean():.5f}"
        print(f"  {name:<28}largest difference {(own - found).abs().max():.1e}, {cosines}")
    times = dict(zip(works, medians(*works.values(), rounds=ROUNDS), strict=True))
    base = times["ours, all 7 layers"]
    products = sum(flops(model.config, 1, len(tokenizer.text_ids(text)) + 2) for text in texts)
    limit = products / best_gemm() / 1e9
    print(f"\n{'':<28}{'seconds':>9}{'sentences/s':>13}{'over ours':>11}{'of best':>9}")
    for name, took in times.items():
        row = f"{took:9.2f}{len(texts) / took:13,.0f}{took / base:11.2f}{limit / took:9.0%}"
        print(f"{name:<28}{row}", flush=True)
    print()
    is_wide = "AVX512" in torch.backends.cpu.get_cpu_capability()
    for name, other, *wanted in RATIOS:
        if name in times and other in times:
            ratio = times[other] / times[name]
            print(f"{name} over {other}: {ratio:.2f} (wanted: {wanted[is_wide]})")

    first, second, scores = sts_b()
    full, small = engines["ours, all 7 layers"], engines["ours, int8"]
    print("\nSTS-B dev, last layer, Spearman × 100, wanted within 0.2: ", end="")
    own = {name: partial(embed, model=it, tokenizer=tokenizer) for name, it in engines.items()}
    for name, vectors in own.items():
        print(f"{name} {correlation(vectors(first), vectors(second), scores):.2f}; ", end="")
    share = weight_bytes(small) / weight_bytes(full)
    print(f"\nweights of the linear maps in int8, over float32: {share:.2f} (wanted: 0.3)")
    text = "A man is playing a guitar on the stage."
    one = {name: partial(vectors, text) for name, vectors in own.items()}
    for name, run in runs.items():
        one[name] = partial(embed_sorted, run, their_tokenizer, [text])
    print("One sentence to its vector, ms: ", end="")
    for name, took in zip(one, medians(*one.values(), rounds=200), strict=True):
        print(f"{name} {1000 * took:.2f}; ", end="")
    print()


def sentence_encoder() -> Callable[[list[str]], numpy.ndarray]:
    from sentence_transformers import SentenceTransformer

    # Without a modules.json it takes the mean over the tokens, which is what we want.
    encoder = SentenceTransformer(MINILM, device="cpu")
    return partial(encoder.encode, show_progress_bar=False)


def weight_bytes(engine: Engine) -> int:
    """The bytes of the linear maps' weights, with all that belongs to them."""
    ways = (way for layer in engine.layers for way in vars(layer).values())
    held = [held for way in ways if isinstance(way, engine.way) for held in vars(way).values()]
    tensors = [each for each in held if isinstance(each, torch.Tensor)]
    packed = [
        torch.ops.quantized.linear_unpack(each)[0]
        for each in held
        if type(each) is torch.ScriptObject
    ]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors + packed)


def correlation(a: torch.Tensor, b: torch.Tensor, scores: numpy.ndarray) -> float:
    """Of the cosines with the scores, Spearman × 100."""
    # In float64: cosines that are all near 1 differ in digits which float32 does not have.
    cosines = torch.nn.functional.cosine_similarity(a.double(), b.double())
    return 100 * spearman(scores, cosines.numpy())


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
from minibert.extraction.linear import has_onednn
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

    first, second, scores = sts_b()
    model, tokenizer = load_bert(MINILM)
    names = [*layer_names(model.config.num_hidden_layers), *RECIPES]
    print(f"\n{'STS-B dev, MiniLM, Spearman × 100':<36}{'mean':>8}{'cls':>8}{'max':>8}")
    for name in names:
        row = []
        for pool in ("mean", "cls", "max"):
            embedder = {"model": model, "tokenizer": tokenizer, "layers": name, "pool": pool}
            row.append(correlation(embed(first, **embedder), embed(second, **embedder), scores))
        print(f"{name:<36}" + "".join(f"{value:8.2f}" for value in row), flush=True)
    if installed("sentence-transformers", "sentence_transformers"):
        encode = sentence_encoder()
        a, b = (torch.from_numpy(encode(texts)) for texts in (first, second))
        print(f"{'sentence-transformers, last layer':<36}{correlation(a, b, scores):8.2f}")


def main() -> None:
    if not Path(MINILM).is_dir():
        raise SystemExit(f"MiniLM is not in {SHARED} (MINIBERT_SHARED)")
    print_machine()
    compare_corpus()
    gc.collect()
    compare_cold_start()
    compare_growth()
    which_layer()


if __name__ == "__main__":
    main()
