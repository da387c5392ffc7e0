"""Search beside all cosines in NumPy's float64."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from minibert.extraction import search as module

search = module.search


def by_hand(queries, vectors, k):
    """All cosines; the largest first, of equal ones the first."""
    queries, vectors = (np.asarray(each, dtype=np.float64) for each in (queries, vectors))
    scores, numbers = [], []
    for query in queries:
        lengths = np.sqrt((vectors**2).sum(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines = (vectors @ query / lengths / np.sqrt(query @ query)).round(12)
        real = [i for i in range(len(vectors)) if 0 < lengths[i] < np.inf]
        order = sorted(real, key=lambda i: (-cosines[i], i))[:k]
        scores.append(cosines[order])
        numbers.append(order)
    return np.array(scores), np.array(numbers)


def check(queries, vectors, k, given=None):
    scores, numbers = search(queries, vectors if given is None else given, k)
    expected_scores, expected_numbers = by_hand(queries, vectors, k)
    assert scores.dtype == torch.float64
    assert numbers.tolist() == expected_numbers.tolist()
    assert scores.numpy() == pytest.approx(expected_scores, abs=2e-12)


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 19 * 11)  # 11 rows of 19
    monkeypatch.setattr(module, "QUERIES", 3)


@pytest.mark.parametrize("k", [1, 4, 11, 12, 53, 100])
@pytest.mark.parametrize("seed", range(3))
def test_beside_all_cosines(k, seed):
    check(normal(7, 19, seed=seed), normal(53, 19, seed=seed + 10) * 3 + 0.5, k)


@pytest.mark.parametrize("kind", [torch.float16, torch.float32, torch.float64, torch.bfloat16])
def test_kinds_of_vectors(kind, tmp_path):
    queries, vectors = normal(7, 19), normal(53, 19, seed=1).to(kind)
    check(queries, vectors.double(), 5, vectors)
    if kind != torch.bfloat16:  # which NumPy does not have
        check(queries, vectors.double(), 5, vectors.numpy())
        file = tmp_path / "v.npy"
        np.save(file, vectors.numpy())
        check(queries.numpy(), vectors.double(), 5, file)
        check(queries.numpy(), vectors.double(), 5, str(file))
        check(queries, vectors.double(), 5, np.load(file, mmap_mode="r"))


def test_vectors_that_all_point_the_same_way():
    """As [CLS] does in the first layers: the cosines differ where float32 has no digits left."""
    direction = normal(1, 19, seed=5).double()
    vectors = direction + 1e-5 * normal(53, 19, seed=6).double()
    queries = direction + 1e-5 * normal(7, 19, seed=7).double()
    assert 1 - by_hand(queries, vectors, 53)[0].min() < 1e-8
    check(queries, vectors, 10)
    check(queries, vectors.float().double(), 10, vectors.float())


def test_equal_vectors_come_in_their_order():
    some = normal(4, 19)
    vectors = some[torch.arange(53) % 4] * (1 + torch.arange(53) % 3)[:, None]
    scores, numbers = search(some[1], vectors, 13)
    assert numbers.tolist() == list(range(1, 53, 4))
    assert scores.tolist() == [1.0] * 13
    check(normal(7, 19, seed=1), vectors, 20)


def test_vectors_without_a_direction_are_never_found():
    vectors = normal(53, 19)
    vectors[3:20] = torch.nan  # a whole block, too
    vectors[21] = 0
    vectors[22, 4] = torch.inf
    vectors[30, 0] = torch.nan
    assert search(-normal(7, 19), vectors, 53)[1].shape == (7, 53 - 20)
    for k in (1, 5, 53):
        check(normal(7, 19, seed=2), vectors, k)
        check(-vectors[[0, 1, 40]], vectors, k)  # the nearest may have a negative cosine
    # All cosines are negative here, so a zero vector's 0 would be the largest.
    one = torch.ones(5, 19)
    one[2] = 0
    scores, numbers = search(-torch.ones(19), one, 5)
    assert (scores.tolist(), numbers.tolist()) == ([-1.0] * 4, [0, 1, 3, 4])
    mixed = torch.ones(11, 19)  # a block with more of them than wanted
    mixed[[0, 2, 5, 7]] = torch.tensor([0.0, torch.nan, 0.0, torch.inf])[:, None]
    assert search(-torch.ones(19), mixed, 2)[1].tolist() == [1, 3]


def test_very_large_and_very_small_vectors():
    """float32 does not hold their squares."""
    vectors = normal(53, 19)
    vectors[10:20] *= 1e25
    vectors[20:30] *= 1e-25
    check(normal(7, 19, seed=1) * 1e-30, vectors, 20)
    check(normal(7, 19, seed=1).double() * 1e100, vectors.double() * 1e100, 20)


@pytest.mark.parametrize("count", [0, 1])
def test_few_vectors(count):
    scores, numbers = search(normal(3, 19), normal(count, 19, seed=1), 5)
    assert scores.shape == numbers.shape == (3, count)
    assert search(normal(19), torch.zeros(4, 19), 5)[0].shape == (0,)


def test_one_query():
    vectors = normal(53, 19)
    scores, numbers = search(normal(19, seed=1), vectors, 5)
    many = search(normal(1, 19, seed=1), vectors, 5)
    assert (scores.tolist(), numbers.tolist()) == (many[0][0].tolist(), many[1][0].tolist())


@pytest.mark.parametrize(
    ("queries", "vectors", "k", "message"),
    [
        (normal(2, 18), normal(5, 19), 1, r"queries \[2, 18\] do not fit vectors \[5, 19\]"),
        (normal(2, 2, 19), normal(5, 19), 1, r"queries \[2, 2, 19\] do not fit"),
        (normal(2, 19), normal(5, 7, 19), 1, r"not \[5, 7, 19\]; vectors\[:, i\] is layer i"),
        (normal(2, 19), normal(19), 1, r"must be \[texts, features\], not \[19\]"),
        (normal(2, 19), [[1.0] * 19], 1, "vectors must be"),
        (normal(2, 19), normal(5, 19), 0, "k must be a whole number from 1, not 0"),
        (normal(2, 19), normal(5, 19), 2.0, "k must be"),
        (torch.zeros(2, 19), normal(5, 19), 1, "a query is zero or not finite"),
        (normal(2, 19) * torch.nan, normal(5, 19), 1, "a query is zero or not finite"),
    ],
)
def test_refused(queries, vectors, k, message):
    with pytest.raises(ValueError, match=message):
        search(queries, vectors, k)


def test_files_that_are_no_vectors(tmp_path):
    file = tmp_path / "v.npy"
    np.save(file, normal(53, 19).numpy())
    whole = file.read_bytes()
    for content in (whole[:2000], whole[:20], b"", b"a text\n" * 30):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"v.npy is not a .npy file, or cut short"):
            search(normal(19), file, 3)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        search(normal(19), tmp_path / "nowhere.npy", 3)


@pytest.mark.slow
def test_a_large_file_needs_no_memory(tmp_path):
    """Peak memory of a process that searches 154 MB."""
    file = tmp_path / "v.npy"
    array = np.lib.format.open_memmap(file, "w+", dtype=np.float32, shape=(100_000, 384))
    for start in range(0, 100_000, 10_000):
        array[start : start + 10_000] = normal(10_000, 384, seed=start).numpy()
    del array
    program = f"""
import torch
from minibert.extraction.search import search
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
search(torch.ones(3, 384), torch.rand(20_000, 384), 10)
before = peak()
search(torch.rand(3, 384), {str(file)!r}, 10)
print(peak() - before)
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc is Linux's")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 80
