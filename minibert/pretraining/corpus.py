"""Text to ids, once, in a folder of three flat files that are mapped into memory, not read.

    ids.bin          all pieces of all sentences, end to end          (uint16 or uint32)
    sentences.bin    where each sentence begins in ids; the last entry is the end     (int64)
    documents.bin    where each document begins in sentences; likewise                (int64)

corpus.json beside them names the text files and the vocabulary that they were made from, and their
checksums. A folder that fits is used again, any other is made again. The corpus may be larger than
memory: the system keeps in memory what is being read.
"""

import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy

from minibert.common.files import replacing_in_folder
from minibert.common.lines import blocks, describe
from minibert.common.sentences import split_sentences
from minibert.pretraining.reading import corpus_lines
from minibert.tokenizer import BertTokenizer
from minibert.vocabulary import read_json

LINES_AT_ONCE = 2000
# The ids of a line's sentences; None is the blank line that ends a document.
Sentences = list[list[int]] | None


class Corpus:
    """Documents of sentences of ids. `corpus.sentence(i)` are the ids of sentence i."""

    def __init__(self, folder: Path):
        record = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        self.problems: list[str] = record["problems"]
        self.files = names_and_sizes(record["origin"])
        self.vocabulary: str = record["origin"]["vocabulary"]
        self.ids = numpy.memmap(folder / "ids.bin", record["type"], mode="r")
        self.sentences = numpy.memmap(folder / "sentences.bin", "<i8", mode="r")
        self.documents = numpy.memmap(folder / "documents.bin", "<i8", mode="r")

    def sentence(self, number: int) -> numpy.ndarray:
        return self.ids[self.sentences[number] : self.sentences[number + 1]]

    def __str__(self) -> str:
        return (
            f"{len(self.documents) - 1:,} documents, {len(self.sentences) - 1:,} sentences, "
            f"{len(self.ids):,} pieces"
        )


def open_corpus(
    files: Iterable[Path],
    tokenizer: BertTokenizer,
    folder: Path,
    *,
    workers: int = 1,
    on_error: str = "raise",
    keep: bool = False,
) -> Corpus:
    """The corpus of `files`, from `folder` if it is there and whole; else it is made there first.
    With `keep` a run goes on with it: then it is not replaced by one of other files.

    `corpus.problems`: what was wrong with which line (with `on_error="skip"`).
    """
    files = [Path(file) for file in files]
    origin = {
        "files": [describe(file) for file in files],
        "vocabulary": tokenizer.checksum(),
        "on_error": on_error,
    }
    if not is_whole(folder, origin):
        if keep and (folder / "corpus.json").is_file():
            then = names_and_sizes(read_json(folder / "corpus.json")["origin"])
            if then != (now := names_and_sizes(origin)):
                raise ValueError(f"the run was begun with corpus {then}, not {now}")
        write_corpus(files, tokenizer, folder, origin, workers, on_error)
    return Corpus(folder)


def names_and_sizes(origin: dict[str, Any]) -> list[list[Any]]:
    """The text files that a corpus was made of."""
    return [[Path(name).name, size] for name, size, _ in origin["files"]]


def checksum(file: Path) -> int:
    """CRC-32 of a file's content."""
    value = 0
    with open(file, "rb") as stream:
        while chunk := stream.read(1 << 22):
            value = zlib.crc32(chunk, value)
    return value


def is_whole(folder: Path, origin: dict[str, Any]) -> bool:
    """Was this folder made of exactly this, and is every byte as it was written?"""
    try:
        record = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        return record["origin"] == origin and all(
            checksum(folder / name) == value for name, value in record["checksums"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def write_corpus(
    files: list[Path],
    tokenizer: BertTokenizer,
    folder: Path,
    origin: dict[str, Any],
    workers: int,
    on_error: str,
) -> None:
    """Tokenize everything into the files of `folder`, which appear when all are whole."""
    kind = "<u2" if len(tokenizer) <= 1 << 16 else "<u4"
    problems: list[str] = []
    lines = corpus_lines(files, on_error=on_error, problems=problems)
    with replacing_in_folder(folder) as part:
        with (
            open(part / "ids.bin", "wb") as ids,
            open(part / "sentences.bin", "wb") as sentences,
            open(part / "documents.bin", "wb") as documents,
        ):
            total_ids = total_sentences = begun_at = 0
            start = numpy.zeros(1, "<i8").tobytes()
            sentences.write(start)
            documents.write(start)
            for line in tokenized(lines, tokenizer, workers):
                if line is None:
                    if total_sentences > begun_at:  # an empty document is none
                        documents.write(numpy.array([total_sentences], "<i8").tobytes())
                        begun_at = total_sentences
                    continue
                for sentence in line:
                    ids.write(numpy.array(sentence, kind).tobytes())
                    total_ids += len(sentence)
                    sentences.write(numpy.array([total_ids], "<i8").tobytes())
                total_sentences += len(line)
        if not total_ids:
            raise ValueError(f"{', '.join(map(str, files))}: no text in it")
        names = ("ids.bin", "sentences.bin", "documents.bin")
        record = {
            "origin": origin,
            "type": kind,
            "problems": problems,
            "checksums": {name: checksum(part / name) for name in names},
        }
        (part / "corpus.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def tokenized(lines: Iterator[str], tokenizer: BertTokenizer, workers: int) -> Iterator[Sentences]:
    """The ids of all lines, in order, from `workers` processes."""
    ready = blocks(lines, LINES_AT_ONCE)
    if workers == 1:
        for block in ready:
            yield from tokenize_block(tokenizer, block)
        return
    # Fresh processes: a copy of this one (fork) could be copied while another thread holds a lock.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), set_tokenizer, (tokenizer,))
    with pool:
        # A few blocks ahead, no more: the text may be larger than memory.
        waiting: deque = deque()
        submit: Callable = pool.submit
        for block in ready:
            waiting.append(submit(tokenize_in_worker, block))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        for future in waiting:
            yield from future.result()


def tokenize_block(tokenizer: BertTokenizer, lines: list[str]) -> list[Sentences]:
    """Sentences without a piece (only control characters, say) are left out."""
    return [
        [ids for sentence in split_sentences(line) if (ids := tokenizer.text_ids(sentence))]
        if line
        else None
        for line in lines
    ]


worker_tokenizer: BertTokenizer  # of a worker process


def set_tokenizer(tokenizer: BertTokenizer) -> None:
    """Runs once in each worker process."""
    global worker_tokenizer
    worker_tokenizer = tokenizer


def tokenize_in_worker(lines: list[str]) -> list[Sentences]:
    return tokenize_block(worker_tokenizer, lines)


def split_documents(
    count: int, share: float, least: int = 2
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Document numbers for training and, evenly spread over the corpus, for validation; `least` of
    each: next-sentence prediction needs 2.
    """
    if share == 0:
        return numpy.arange(count), numpy.arange(0)
    wanted = max(least, round(share * count))
    if count - wanted < least:
        what = "next-sentence prediction" if least > 1 else "the next token"
        raise ValueError(
            f"the corpus has {count} documents; {what} needs {least} to train on and {least} "
            "to validate on (a blank line ends a document; held_out 0 trains without validation)"
        )
    held_out = ((numpy.arange(wanted) + 0.5) * count / wanted).astype(int)
    return numpy.setdiff1d(numpy.arange(count), held_out), held_out
