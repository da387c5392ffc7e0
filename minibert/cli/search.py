"""`minibert search texts.txt "a question"`: the texts nearest in meaning."""

import argparse
import sys
from pathlib import Path
from typing import Any

from minibert.cli.texts import add_reading, add_vectors, first_texts, open_engine
from minibert.common.files import replacing
from minibert.common.outputs import check_output

HELP = "the texts of a file nearest to a query, by the cosine of their vectors"
MORE = """The first search makes the vectors of all texts, TEXTS.npy; stopped, it goes on when
called again, as `minibert embed` does. Later ones read that file: a million vectors take seconds,
and no memory. Beyond ten million give the .npy as it is to FAISS or to a vector database: their
indexes do not look at each vector. They want vectors of length 1, which --normalize makes."""
CHOICES = ("mix", "pool", "normalize", "long", "stride")  # arguments of embed
SAMPLE = 16  # texts by which a file of vectors is recognised
SAME = 0.999  # least cosine of a text's vectors from two machines, or in float32 and bfloat16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = MORE
    parser.add_argument("texts", type=Path, metavar="TEXTS", help="a file, as of embed --input")
    parser.add_argument("query", nargs="*", help="what to look for")
    parser.add_argument("--queries", type=Path, metavar="FILE", help="a query a line")
    parser.add_argument("-k", type=int, default=10, help="so many texts for each query (10)")
    parser.add_argument("--model", help="a folder or a name on the Hub (default: the bundled one)")
    parser.add_argument("--vectors", type=Path, metavar="FILE.npy", help="default: TEXTS.npy")
    add_reading(parser)
    parser.add_argument("--out", type=Path, metavar="FILE.jsonl", help="write the results there")
    parser.add_argument("--overwrite", action="store_true", help="replace an --out that is there")
    group = parser.add_argument_group("how the vectors are made (as with embed)")
    group.add_argument("--layers", default="-1", help="default: the last one")
    add_vectors(group)
    group.add_argument(
        "--on-error", choices=("raise", "skip"), default="raise", help="at a wrong line (raise)"
    )


def run(args: argparse.Namespace) -> int:
    if bool(args.query) == bool(args.queries):
        raise ValueError("give queries, or a file with --queries, and not both")
    vectors = args.vectors or args.texts.with_name(args.texts.name + ".npy")
    if vectors.suffix != ".npy":
        raise ValueError(f"--vectors {vectors}: the name must end in .npy")
    if args.out:
        if args.out.suffix != ".jsonl":
            raise ValueError(f"--out {args.out}: the name must end in .jsonl")
        inputs = [file for file in (args.texts, args.queries, vectors) if file]
        check_output(args.out, inputs, overwrite=args.overwrite)
    import torch

    from minibert.common.lines import check_file
    from minibert.common.processes import Processes
    from minibert.extraction.embed import embed, embed_file
    from minibert.extraction.reading import read_source
    from minibert.extraction.search import search

    check_file(args.texts)
    if args.k < 1:  # before the vectors are made
        raise ValueError(f"-k must be a whole number from 1, not {args.k}")
    no_table = argparse.Namespace(field=None, column=None, header=None)
    queries = args.query or first_texts(args.queries, no_table, None)
    reading = {"field": args.field, "column": args.column, "header": bool(args.header)}
    engine, tokenizer, account = open_engine(args)
    choices = {name: getattr(args, name) for name in CHOICES if getattr(args, name) is not None}
    choices |= {"model": engine, "tokenizer": tokenizer, "layers": args.layers}
    wanted = embed(queries, **choices)
    if not isinstance(wanted, torch.Tensor) or wanted.dim() != 2:
        raise ValueError("a text needs one vector: give one layer or a --mix, and no pool of words")
    if vectors.exists():
        check_vectors(vectors, args.texts, reading=reading, **choices)
    else:
        made = {**reading, **choices, "on_error": args.on_error}
        for problem in embed_file(args.texts, vectors, **made):
            print(f"minibert search: skipped {problem}", file=sys.stderr)
    if not Processes(engine.device).is_first:
        return 0
    scores, numbers = search(wanted, vectors, args.k)
    if account.note:
        print(f"minibert search: note: {account.note}", file=sys.stderr)
    found = set(numbers.flatten().tolist())
    rows = enumerate(read_source(args.texts, **reading))
    lines = {number: line for number, line in rows if number in found}
    results = [
        [{"score": score, "line": lines[i].number, "text": lines[i].text} for score, i in pairs]
        for pairs in map(zip, scores.tolist(), numbers.tolist())
    ]
    write(queries, results, args.out)
    return 0


def write(queries: list[str], results: list[list[dict[str, Any]]], out: Path | None) -> None:
    """The results as lines to read, or as a JSON object for each query."""
    from minibert.finetuning.predict import json_line
    from minibert.vocabulary import one_line

    if out:
        with replacing(out) as temporary, open(temporary, "wb") as stream:
            for query, found in zip(queries, results, strict=True):
                stream.write(json_line({"query": query, "found": found}))
        print(f"written: {out}")
        return
    for number, (query, found) in enumerate(zip(queries, results, strict=True)):
        if len(queries) > 1:
            print("\n" * bool(number) + f"query: {one_line(query)}")
        for each in found:
            print(f"{each['score']:6.3f}  line {each['line']:<6}  {one_line(each['text'])}")


def check_vectors(file: Path, texts: Path, *, reading: dict[str, Any], **choices: Any) -> None:
    """Raise ValueError unless the file has the vectors of these texts, from this model.

    A .npy file does not say what it was made of. So it must have a row for each text, be no older
    than the texts, and SAMPLE of the texts, embedded again, must have the vectors that are there.
    """
    import numpy
    import torch

    from minibert.extraction.embed import embed
    from minibert.extraction.reading import read_source
    from minibert.extraction.search import opened

    advice = "delete it, and it is made anew, or give --vectors another name"
    if texts.stat().st_mtime_ns > file.stat().st_mtime_ns:
        raise ValueError(f"{file} is older than {texts}; {advice}")
    stored = opened(file)
    last = len(stored) - 1
    wanted = {last * i // (SAMPLE - 1) for i in range(SAMPLE)}
    count, sample = 0, {}
    for line in read_source(texts, **reading):
        if count in wanted and not line.error:
            sample[count] = line.text
        count += 1
    if count != len(stored):
        raise ValueError(f"{file} has {len(stored)} vectors, {texts} has {count} texts; {advice}")
    own: Any = embed(list(sample.values()), on_error="skip", **choices)
    there = torch.from_numpy(numpy.array(stored[list(sample)]))
    cosine = torch.nn.functional.cosine_similarity
    # A text that was skipped is NaN, which is not smaller.
    if own.shape != there.shape or (cosine(own.double(), there.double()) < SAME).any():
        raise ValueError(f"{file} was made by another model, or with other options; {advice}")
