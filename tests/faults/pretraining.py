"""What pretraining refuses, and what it never loses."""

import gzip
import os
from pathlib import Path

from tests.faults.making import Content, append, cut, instead, keys, link, mode
from tests.faults.runner import WITHOUT_RIGHTS, Fault
from tests.pretraining.helpers import SETTINGS, text
from tests.tiny import VOCAB

QUICK = {**SETTINGS, "steps": 2, "phases": "4x16:1", "validate_every": 2, "precision": "float32"}
OPTIONS = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in QUICK.items())
ALONE = f"pretrain --vocab-size 40 {OPTIONS}"
RUN = f"{ALONE} --corpus corpus.txt --out out --config config.json"
MADE = ("out", "out/*")
WRITTEN = ("out/model.safetensors", "out/config.json", "out/vocab.txt", "out/checkpoint.pt")

# The corpus is checked before anything is written; what is wrong inside it comes later.
CORPORA: list[tuple[str, str, dict[str, Content]]] = [
    ("nowhere.txt", "nowhere.txt", {}),
    ("corpus.txt nowhere.txt", "nowhere.txt", {}),
    (".", "ordinary|file", {}),
    ("/dev/zero", "ordinary|file", {}),
    ("fifo", "ordinary|file", {"fifo": os.mkfifo}),
    ("corpus.txt fifo.gz", "ordinary|file", {"fifo.gz": os.mkfifo}),
    ("loop.txt", "", {"loop.txt": link("loop.txt")}),
    (f"{'x' * 300}", "", {}),
    ("'\x1b[31m\n'", r"\\x1b", {}),
]
CONTENTS: list[tuple[str, str, str | bytes]] = [
    ("empty.txt", "", ""),
    ("bad.txt", "line 2", b"a b.\n\xff\n"),
    ("text.gz", "archive", b"hello"),
    ("cut.gz", "archive", gzip.compress(text().encode())[:-9]),
    ("text.xz", "archive", b"hello"),
    ("one.txt", "document", "ba. Ce.\n"),
    ("single.txt", "two sentences", "ba.\n\nce.\n\ndi.\n\nfo.\n\ngu.\n"),
]
WRONG: list[tuple[str, str]] = [
    *((f"--phases {value}", told) for value, told in [
        ("99999999999x16:1", "phases|memory"), ("100000000x16:1", "memory"), ("4x16", "phases"),
        ("''", "phases"), ("4x16:0.5", "phases"), ("0x16:1", "phases"), ("4x4:1", "phases"),
        ("4x16:nan", "phases"), ("4x32:1", "phases"), ("1e9x16:1", "phases"),
        ("'\x1b[31m\n'", r"\\x1b"), (f"{'9' * 5000}x16:1", "phases")]),
    *((f"--{name}={value}", name.replace("-", "[-_]")) for name, value in [
        ("steps", 0), ("steps", "x"), ("steps", 10**12), ("learning-rate", "nan"),
        ("learning-rate", "inf"), ("dropout", 1), ("warmup", 2), ("clip", 0), ("optimizer", "sgd"),
        ("precision", "float8"), ("accumulation", 3), ("seed", -1), ("log-every", 0),
        ("mask-share", 0), ("max-predictions", 0), ("held-out", 1), ("validation-rows", 0),
        ("workers", 0), ("vocab-size", 8), ("vocab-size", -1), ("save-dtype", "int8")]),
    ("--size tiny", "not allowed"),
    ("--vocab nowhere.txt", "nowhere.txt"),
]  # fmt: skip
CONFIGS: list[tuple[str, Content]] = [
    ("config.json", "{"),
    ("config.json", "[" * 200_000),
    ("config.json", None),
    ("config.json", instead(Path.mkdir)),
    ("config.json", instead(os.mkfifo)),
    ("hidden_size", keys(hidden_size=10**4000)),
    ("num_hidden_layers|memory", keys(num_hidden_layers=10**9)),
    ("intermediate_size|memory", keys(intermediate_size=10**9)),
    ("memory", keys(intermediate_size=1 << 23, num_hidden_layers=10**4)),
]
VOCABULARIES: list[tuple[str, str, Content]] = [
    ("not UTF-8", "UTF-8", b"\xff"),
    ("without [MASK]", "MASK", "\n".join(token for token in VOCAB if token != "[MASK]")),
    ("a piece twice", "twice", "\n".join([*VOCAB, "a"])),
    ("a folder", "", Path.mkdir),
    ("a FIFO", "", os.mkfifo),
]
PLACES: list[tuple[str, str, dict[str, Content]]] = [
    ("--out mine", "mine", {"mine/a.txt": "the user's"}),
    ("--out mine", "mine", {"mine/config.json": "{}"}),
    ("--out .", "", {}),
    ("--out model", "model", {}),
    ("--out texts.txt", "texts.txt", {}),
    ("--out texts.txt/out", "", {}),
    ("--out ''", "", {}),
    ("--out to_mine", "", {"to_mine": link("mine"), "mine/a.txt": "the user's"}),
    ("--out loop", "", {"loop": link("loop")}),
    ("--out /dev/null", "", {}),
    ("--out out --cache mine", "mine", {"mine/ids.bin": "the user's"}),
    ("--out out --cache model", "model", {}),
    ("--out out --cache texts.txt", "texts.txt", {}),
]
RESUMED: list[tuple[str, str, dict[str, Content]]] = [
    ("", "--resume", {}),
    ("--resume --learning-rate 0.5", "learning_rate", {}),
    ("--resume", "corpus", {"corpus.txt": append(b"\n\nba. Ce.\n")}),
    ("--resume --vocab v.txt", "vocabulary", {"v.txt": "\n".join(VOCAB)}),
    ("--resume", "checkpoint.pt", {"out/checkpoint.pt": cut(100)}),
    ("--resume", "checkpoint.pt", {"out/checkpoint.pt": b"\x80\x02}q\0."}),
    ("--resume", "vocab", {"out/vocab.txt": b"\xff"}),
]
DONE: list[tuple[str, str, str, dict[str, Content]]] = [
    ("nothing to resume", "--resume", "", {}),
    ("all is there", "--resume", RUN, {}),
    ("the cache is broken", "--resume", RUN, {"out/corpus/ids.bin": cut(4)}),
    ("an older run, without a marker", "--resume", RUN, {"out/minibert.json": None}),
    ("an empty folder", "", "", {"out": Path.mkdir}),
]

FAULTS = [
    *(
        Fault(
            f"{ALONE} --out out --config config.json --corpus {corpus}", told, corpus[:30], 2, files
        )
        for corpus, told, files in CORPORA
    ),
    *(
        Fault(f"{RUN} --corpus {name}", told, f"corpus {name}", 2, {name: content}, may=MADE)
        for name, told, content in CONTENTS
    ),
    *(Fault(f"{RUN} {more}", told, more[:40], may=MADE) for more, told in WRONG),
    *(Fault(RUN, told, f"config {told}", 2, {"config.json": file}) for told, file in CONFIGS),
    *(
        Fault(f"{RUN} --vocab v.txt", told, f"vocabulary: {what}", 2, {"v.txt": file}, may=MADE)
        for what, told, file in VOCABULARIES
    ),
    *(
        Fault(
            f"{ALONE} --corpus corpus.txt --config config.json {place}",
            told,
            f"a place that is not ours: {place}, {', '.join(files)}",
            files=files,
            may=MADE if "cache" in place else (),
        )
        for place, told, files in PLACES
    ),
    *(
        Fault(f"{ALONE} --corpus corpus.txt --out out --positions {number}", "position|memory")
        for number in (0, 10**12)
    ),
    *(
        Fault(f"{RUN} {more}", told, f"begun: {more} {', '.join(then)}", first=RUN, then=then)
        for more, told, then in RESUMED
    ),
    *(
        Fault(f"{RUN} {more}", "", what, 0, first=first, then=then, written=WRITTEN, may=MADE)
        for what, more, first, then in DONE
    ),
    *(
        Fault(RUN, "[Pp]ermission", f"no right: {name}", files=files, **WITHOUT_RIGHTS)
        for name, files in [
            ("corpus", {"corpus.txt": mode(0)}),
            ("out", {"out/a": "a", "out/minibert.json": "{}", "out": mode(0o555)}),
        ]
    ),
]
