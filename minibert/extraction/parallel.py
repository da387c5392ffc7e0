"""Many texts, shared among the cores.

Cores that share a matrix product wait for the slowest at its end, and a model is hundreds of small
products. Cores that have a batch of texts each never wait. So texts are put into batches, and each
thread takes the next batch when it is done with the last.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def batch_tokens(device: torch.device, hidden_size: int) -> int:
    """How many tokens a batch should have to be fast.

    On a CPU a core has a batch to itself, and what is computed of it should stay near the core: the
    more features, the fewer tokens. A GPU wants many at a time.
    """
    return min(512, max(64, 512 * 384 // hidden_size)) if device.type == "cpu" else 16384


def batches(lengths: dict[int, int], count: int) -> list[list[int]]:
    """Texts in `count` batches with about as many tokens each, texts of like length together, the
    shortest first. A batch without a text is left out. `lengths`: a text's number -> its tokens.
    """
    total = sum(lengths.values())
    found: list[list[int]] = [[] for _ in range(count)]
    start = 0
    for text in sorted(lengths, key=lengths.__getitem__):
        found[start * count // total].append(text)
        start += lengths[text]
    return [batch for batch in found if batch]


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], device: torch.device
) -> Iterator[Result]:
    """work(item) for each item, in order.

    On a CPU each thread computes an item alone, and takes the next one when it is done with it; all
    threads share an item only where there are fewer items than threads.
    """
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    items = iter(items)
    first = list(islice(items, threads))
    if threads == 1 or len(first) < threads:
        yield from map(work, chain(first, items))
        return
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for item in chain(first, items):
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * threads:  # enough for all to do; what is done is not kept
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # what threads that begin later go by
