"""What is read as texts: every kind of file, and every kind of broken one."""

import gzip
import lzma
import os
from pathlib import Path

from tests.faults.making import Content, link, shut
from tests.faults.runner import WITHOUT_RIGHTS, Fault

EMBED = "embed --model model --out o.npy --input"
LINES = b"a b\nc\n"
TABLE = b'number,text\n1,"a, b"\n2,c\n'

WORKING: list[tuple[str, Content]] = [
    ("texts", LINES),
    ("t.txt.gz", gzip.compress(LINES)),
    ("t.xz", lzma.compress(LINES)),
    ("t.csv.gz --column text", gzip.compress(TABLE)),
    ("t.jsonl.xz --field text", lzma.compress(b'{"text": "a"}\n')),
    ("t.csv --column 1 --header", TABLE),
    ("t.csv --column 1", TABLE),
    ("t.tsv --column text", "number\ttext\n1\ta\n"),
    ("q.tsv --column 0", '"a\nb"\t"\n'),
    ("l.txt", link("texts.txt")),
    ("\udcff.txt", LINES),
    ("bom.txt", b"\xef\xbb\xbfa\n\0b\x1b[31m\r\n"),
    ("empty.txt", ""),
    ("empty.gz", ""),
    ("long.csv --column 0", "a" * 200_000 + "\n"),
]
REFUSED: list[tuple[str, str, Content]] = [
    ("folder.txt", "", Path.mkdir),
    ("fifo.txt", "ordinary", os.mkfifo),
    ("fifo.jsonl --field text", "ordinary", os.mkfifo),
    ("loop.txt", "", link("loop.txt")),
    ("dangling.txt", "", link("nothing.txt")),
    ("t.docx", r"\.csv", LINES),
    ("t.json --field text", r"\.jsonl", "[]"),
    ("t.docx.gz", r"\.csv", gzip.compress(LINES)),
    ("bad.txt", "line 2: not UTF-8", b"a\n\xff\n"),
    ("bad.jsonl --field text", "line 1: not UTF-8", b"\xff\n"),
    ("bad.csv --column 0", "line 2: not UTF-8", b"a\n\xff\n"),
    ("bad.tsv --column 0", "line 2: not UTF-8", b"a\n\xff\n"),
    ("t.gz", "archive", LINES),
    ("cut.gz", "archive", gzip.compress(LINES * 99)[:-9]),
    ("t.xz", "archive", LINES),
    ("cut.xz", "archive", lzma.compress(LINES * 99)[:-9]),
    ("t.jsonl.gz --field text", "line 2: not JSON", gzip.compress(b'{"text":""}\n{')),
    ("field.jsonl --field no", "line 1.*no", '{"text": "a"}\n'),
    ("list.jsonl --field text", "line 1", "[1]\n"),
    ("five.jsonl --field text", "line 1", '{"text": 5}\n'),
    ("blank.jsonl --field text", "line 1", "\n"),
    ("deep.jsonl --field text", "line 1", "[" * 200_000 + "\n"),
    ("digits.jsonl --field text", "line 1", "1" * 5000 + "\n"),
    ("twice.csv --column text", "text, text", "text,text\na,b\n"),
    ("short.csv --column text", "line 3", "number,text\n1,a\n2\n"),
    ("open.csv --column 0", "line 2", 'a\n"b\n'),
    ("long.txt", "line 2: 22 tokens.*13", "a\n" + "a " * 20 + "\n"),
]
AS_TYPED: list[tuple[str, str]] = [
    ("nowhere.txt", "nowhere.txt"),
    ("'no\nwhere\x1b[31m.txt'", r"\\n.*\\x1b"),
    (".", ""),
    ("''", ""),
    ("/dev/zero", "ordinary"),
    ("/dev/stdin", ""),
    (f"{'x' * 300}.txt", ""),
    ("texts.txt/a.txt", ""),
    ("texts.jsonl", "field"),
    ("texts.txt --field text", "field"),
    ("texts.txt --column 1", "column"),
    ("texts.txt --header", "header"),
    ("texts.jsonl --field text --header", "header"),
    ("texts.csv", "column"),
    ("texts.tsv", "column"),
    ("texts.tsv --column=-1", "column"),
    ("texts.csv --column=-1", "column"),
    ("texts.tsv --column 9", "line 1"),
    ("texts.csv --column 9", "line 1"),
    (f"texts.csv --column {'9' * 5000}", "column|line 1"),
    ("texts.csv --column nobody", "nobody"),
    ("texts.tsv --column '\x1b[31m\n'", r"\\x1b"),
]
PARTS = ("o.npy.parts", "o.npy.parts/*")

FAULTS = [
    *(
        Fault(f"{EMBED} {line}", "", "is read", 0, {line.split()[0]: content}, written=("o.npy",))
        for line, content in WORKING
    ),
    *(
        Fault(f"{EMBED} {line}", told, "cannot be read", 2, {line.split()[0]: content}, may=PARTS)
        for line, told, content in REFUSED
    ),
    *(Fault(f"{EMBED} {line}", told, may=PARTS) for line, told in AS_TYPED),
    *(
        Fault(
            f"{EMBED} {line} --on-error skip",
            "skipped line",
            "a wrong line is skipped",
            1,
            {line.split()[0]: content},
            written=("o.npy",),
        )
        for line, told, content in REFUSED
        if told.startswith("line 2: ")
    ),
    Fault(
        f"{EMBED} shut.txt",
        "[Pp]ermission",
        files={"shut.txt": shut()},
        may=PARTS,
        **WITHOUT_RIGHTS,
    ),
]
