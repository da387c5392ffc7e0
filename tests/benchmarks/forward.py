"""One forward pass beside the others': python -m tests.benchmarks.forward

bert-base with random weights, all hidden states, float32, inference. The engine against
transformers with its fused attention (sdpa), ONNX Runtime and OpenVINO (peers.py); the textbook
against transformers' plain attention (eager). They take turns in one process, with the same
threads; the medians of the rounds are compared.

"ratio" is the time of the fastest of them over the engine's; "products" is the same for the
engine's matrix products alone, with weights that come from memory. "of best" is the engine's speed
as a share of the best product that oneDNN reaches here: at 100 %, there is nothing left to gain.
Below, where the engine's time goes at (8, 128), and at each shape that another computes faster.
"""

from collections.abc import Callable
from functools import partial

import torch
import transformers
from torch._C._profiler import _ExperimentalConfig
from torch.profiler import ProfilerActivity, profile

from minibert import BertConfig, BertModel
from minibert.extraction.engine import Engine
from minibert.extraction.parallel import in_parallel
from tests.benchmarks.peers import peers
from tests.benchmarks.timing import medians, print_machine, seconds

ROUNDS = 9
# (batch, length) -> how many times as fast as transformers it is where AVX-512 is fast
SHAPES = {(1, 16): 2.8, (1, 128): 2.8, (8, 32): 2.5, (8, 128): 2.0, (4, 512): 1.9}


def best_gemm() -> float:
    """GFLOP/s of the best of a few large products, by oneDNN with reordered weights."""
    best = 0.0
    for rows, inner, outer in ((1024, 768, 3072), (1024, 3072, 768), (2048, 2048, 2048)):
        x, bias = torch.randn(rows, inner), torch.zeros(outer)
        weight = torch.ops.mkldnn._reorder_linear_weight(torch.randn(outer, inner))
        arguments = (x, weight, bias, "none", [], "")
        fastest = min(
            seconds(partial(torch.ops.mkldnn._linear_pointwise, *arguments)) for _ in range(30)
        )
        best = max(best, 2 * rows * inner * outer / fastest / 1e9)
    return best


def flops(config: BertConfig, batch: int, length: int) -> float:
    """Multiplications and additions of one forward pass."""
    d, i = config.hidden_size, config.intermediate_size
    a_token = 2 * (4 * d * d + 2 * d * i) + 4 * length * d
    return config.num_hidden_layers * batch * length * a_token


@torch.inference_mode()
def only_products(engine: Engine, batch: int, length: int) -> None:
    """The engine's matrix products on numbers at random, and nothing between them."""
    shares = engine.shares([length] * batch)
    x = torch.randn(max(map(len, shares)) * length, engine.config.hidden_size)

    @torch.inference_mode()
    def work(texts: list[int]) -> None:
        own = x[: len(texts) * length]
        for layer in engine.layers:
            layer.query_key_value(own)
            layer.attention_output(own)
            layer.output(layer.inner(own))

    for _ in in_parallel(work, shares, engine.device):
        pass


def print_profile(name: str, work: Callable[[], object]) -> None:
    """Where the time of `work` goes."""
    every_thread = _ExperimentalConfig(profile_all_threads=True)
    with profile(activities=[ProfilerActivity.CPU], experimental_config=every_thread) as profiler:
        for _ in range(5):
            work()
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    print(f"\n{name}:")
    for event in events[:8]:
        print(f"  {event.self_cpu_time_total / total:5.1%}  {event.key}")


@torch.inference_mode()
def main() -> None:
    torch.manual_seed(0)
    config = BertConfig()
    model = BertModel(config).eval()
    engine = Engine(model)
    config_of_theirs = transformers.BertConfig(attn_implementation="sdpa")
    theirs = transformers.BertModel(config_of_theirs).eval()
    print_machine()
    print(
        f"transformers {transformers.__version__}, torch {torch.__version__}; "
        f"engine: {engine.description}; medians of {ROUNDS} rounds"
    )
    runs = peers(theirs, every=True)
    best = best_gemm()
    names = "".join(f"{name:>14}" for name in runs)
    print(
        f"\n{'ms at':<10}{'engine':>10}{names}{'ratio':>8}{'products':>10}{'of best':>9}"
        f"{'over transformers':>19}"
    )
    to_explain = {(8, 128): torch.randint(1000, 30000, (8, 128))}
    for (batch, length), wanted in SHAPES.items():
        ids = torch.randint(1000, 30000, (batch, length))
        ours, products, *others = medians(
            partial(engine, ids),
            partial(only_products, engine, batch, length),
            *(partial(run, ids, torch.ones_like(ids)) for run in runs.values()),
            rounds=ROUNDS,
        )
        times = f"{1000 * ours:10.1f}" + "".join(f"{1000 * other:14.1f}" for other in others)
        ratio = min(others) / ours
        share = flops(config, batch, length) / ours / 1e9 / best
        limits = f"{ratio:8.2f}{min(others) / products:10.2f}{share:9.0%}"
        first = f"{others[0] / ours:.2f} (EPYC: {wanted})"
        print(f"{(batch, length)!s:<10}{times}{limits}{first:>19}", flush=True)
        if ratio < 0.97:
            to_explain[batch, length] = ids
    print(f"\nbest matrix product: {best:.0f} GFLOP/s")
    for shape, ids in to_explain.items():
        print_profile(f"the engine's time at {shape}", partial(engine, ids))
    ids = to_explain[8, 128]
    theirs.set_attn_implementation("eager")
    textbook_time, theirs_time = medians(
        lambda: model(ids),
        lambda: theirs(ids, output_hidden_states=True, output_attentions=True),
        rounds=ROUNDS,
    )
    print(
        f"\ntextbook at (8, 128): {1000 * textbook_time:.0f} ms, transformers eager "
        f"{1000 * theirs_time:.0f} ms, ratio {theirs_time / textbook_time:.2f} (wanted: 0.85)"
    )
    print_profile("the textbook's time", partial(model, ids))
    print_profile("transformers eager's time", partial(theirs, ids))


if __name__ == "__main__":
    main()
