"""Where the vectors may go: nothing that the user has is ever lost."""

import os
from pathlib import Path

from tests.faults.making import Content, append, array, cut, hard_link, keys, link, mode, vectors
from tests.faults.runner import WITHOUT_RIGHTS, Fault

EMBED = "embed 'a b' --model model --out"
FILE = "embed --model model --input texts.txt --out"
READ = "embed --model model --field text --input texts.jsonl --out"
PLOT = "layers 'a [b]' '[b] c' --model model --plot"
ANYWAY = ("", " --overwrite")

# The output is an input, or a file of the model.
INPUTS: list[tuple[str, str, dict[str, Content]]] = [
    (READ, "texts.jsonl", {}),
    (READ, "./texts.jsonl", {}),
    (READ, "folder/../texts.jsonl", {"folder": Path.mkdir}),
    (READ, "folder/texts.jsonl", {"folder": link(".")}),
    (READ, "other.jsonl", {"other.jsonl": hard_link("texts.jsonl")}),
    (READ, "link.jsonl", {"link.jsonl": link("texts.jsonl")}),
    (EMBED, "model/model.safetensors", {}),
    (EMBED, "other/model.safetensors", {"other": link("model")}),
    (EMBED, "other.safetensors", {"other.safetensors": hard_link("model/model.safetensors")}),
    (EMBED, "link.safetensors", {"link.safetensors": link("model/model.safetensors")}),
    (PLOT, "p.png", {"p.png": hard_link("texts.txt")}),
    (PLOT, "model/p.png", {"model/p.png": "the user's"}),
]
# A file of that name is there, and it is not a result of ours.
NOT_OURS: dict[str, Content] = {
    "text.npy": "a text",
    "whole.npy": array(2, 3, dtype="int64"),
    "double.npy": array(2, 3, dtype="float64"),
    "flat.npy": array(6),
    "other.safetensors": vectors("weights"),
    "text.safetensors": "a text",
    "other.jsonl": '{"text": "a"}\n',
    "list.jsonl": "[1]\n",
    "latin.jsonl": b"\xff\n",
}
OURS: dict[str, Content] = {
    "o.npy": array(2, 3),
    "o.safetensors": vectors(),
    "o.jsonl": '{"vector": [1.0]}\n',
    "tokens.jsonl": '{"tokens": ["a"], "vectors": [[1.0]]}\n',
}
PLACES: list[tuple[str, str, dict[str, Content]]] = [
    ("folder.npy", "folder", {"folder.npy": Path.mkdir}),
    ("loop.npy", "", {"loop.npy": link("loop.npy")}),
    ("loops.npy", "", {"loops.npy": link("other"), "other": link("loops.npy")}),
    ("link.npy", "", {"link.npy": link("mine"), "mine": "the user's"}),
    ("fifo.npy", "", {"fifo.npy": os.mkfifo}),
    ("o.bin", r"\.npy, \.safetensors, \.jsonl", {}),
    ("''", r"\.npy", {}),
    ("/dev/full", r"\.npy", {}),
    ("nowhere/o.npy", "no folder", {}),
    ("texts.txt/o.npy", "folder", {}),
    (f"{'x' * 300}.npy", "long", {}),
    ("'no\nwhere/\x1b[31m.npy'", r"\\n.*\\x1b", {}),
]
PARTS: list[tuple[str, dict[str, Content]]] = [
    ("files of the user", {"o.npy.parts/mine.txt": "the user's"}),
    ("files of the user, with our names", {"o.npy.parts/00000000.safetensors": vectors()}),
    ("a file", {"o.npy.parts": "the user's"}),
    ("a link to the user's folder", {"mine/a.txt": "a", "o.npy.parts": link("mine")}),
    ("a link to nothing", {"o.npy.parts": link("nothing")}),
    ("a marker that is a folder", {"o.npy.parts/minibert.json": Path.mkdir}),
]
# 300 good lines and one that is not UTF-8, or too long, leave a part of 256 lines.
BEGUN = {"i.txt": b"a b c\n" * 300 + b"\xff\n", "tall.txt": b"a b c\n" * 300 + b"a " * 20 + b"\n"}
BEGIN = "embed --model model --input i.txt --out o.npy"
TALL = "embed --model model --input tall.txt --out o.npy"
FIRST = "o.npy.parts/00000000.safetensors"
OTHER: list[tuple[str, str, dict[str, Content]]] = [  # settings or input
    ("--pool cls", "pool", {}),
    ("--layers=-2", "layers", {}),
    ("--mix mean", "mix", {}),
    ("--normalize", "normalize", {}),
    ("--dtype float64", "dtype", {}),
    ("", "input", {"i.txt": append(b"c\n")}),
    ("", "vocabulary", {"model/tokenizer_config.json": keys(do_lower_case=False)}),
    ("", "minibert.json|not", {"o.npy.parts/minibert.json": None}),
    ("", "", {"o.npy.parts/minibert.json": cut(9)}),
]
SAME: list[tuple[str, str, int, dict[str, Content]]] = [  # choices that may change
    (BEGIN, "--on-error skip", 1, {}),
    (TALL, "--long truncate", 0, {}),
    (TALL, "--long windows --stride 2", 0, {}),
    (TALL, "--on-error skip", 1, {}),
    (BEGIN, "--on-error skip", 1, {FIRST: cut(100)}),
    (BEGIN, "--on-error skip", 1, {FIRST: ""}),
]

LOSSES = [
    *(
        Fault(f"{start} {out}{more}", "", f"an input ({', '.join(files)})", files=files)
        for start, out, files in INPUTS
        for more in ANYWAY
    ),
    *(
        Fault(f"{FILE} o.npy{more}", "", what, files=files)
        for what, files in PARTS
        for more in ANYWAY
    ),
    *(
        Fault(f"{EMBED} {name} --overwrite", "", "not a result of ours", files={name: content})
        for name, content in NOT_OURS.items()
    ),
    *(
        Fault(f"{EMBED} {name}", "--overwrite", "a result", files={name: content})
        for name, content in OURS.items()
    ),
]
FAULTS = [
    *LOSSES,
    *(
        Fault(f"{EMBED} {out} --overwrite", "", "a result", 0, files={out: content}, written=(out,))
        for out, content in OURS.items()
    ),
    *(
        Fault(f"{EMBED} {out}", "", "an empty file", 0, files={out: ""}, written=(out,))
        for out in OURS
    ),
    *(
        Fault(
            f"{FILE} o.npy",
            what=f"a marker of anybody ({marker!r}); files beside it stay",
            status=0,
            files={"o.npy.parts/minibert.json": marker, "o.npy.parts/a": "a"},
            written=("o.npy",),
        )
        for marker in ('{"name": "mine"}', "{", b"\xff")
    ),
    Fault(f"{FILE} o.npy", "--overwrite", "the same again", first=f"{FILE} o.npy"),
    Fault(f"{FILE} o.npy --pool cls", "--overwrite", "another pool", first=f"{FILE} o.npy"),
    *(Fault(f"{EMBED} {out}", told, "at this place", files=files) for out, told, files in PLACES),
    Fault(
        f"{EMBED} shut/o.npy",
        "[Pp]ermission",
        "no right to write",
        files={"shut/a": "a", "shut": mode(0o555)},
        **WITHOUT_RIGHTS,
    ),
    Fault(f"{EMBED} \udcff.npy", "", "a name that is not UTF-8", 0, written=("*.npy",)),
    Fault(f"{EMBED} '向 量.npy'", status=0, written=("向 量.npy",)),
    Fault(
        f"{EMBED} o.npy",
        what="a folder has the name of our temporary file",
        files={".tmp.o.npy/mine.txt": "the user's"},
        status=(0, 2),
        may=("o.npy", "o.npy.parts", "o.npy.parts/*"),
    ),
    *(
        Fault(f"{BEGIN} {more}", told, "other parts", files=BEGUN, first=BEGIN, then=then)
        for more, told, then in OTHER
    ),
    *(
        Fault(
            f"{line} {more}",
            what="the parts go on",
            status=status,
            files=BEGUN,
            first=line,
            then=then,
            written=("o.npy",),
            may=("o.npy.parts", "o.npy.parts/*"),
        )
        for line, more, status, then in SAME
    ),
    *(
        Fault(
            f"{BEGIN} --on-error skip",
            what=f"a file of the user among our parts ({mine})",
            status=status,
            files=BEGUN,
            first=BEGIN,
            then=then,
            may=("o.npy", "o.npy.parts", "o.npy.parts/00000001*", "o.npy.parts/*.json", *may),
        )
        for mine, status, then, may in [
            ("another name", 1, {"o.npy.parts/mine.txt": "the user's"}, (FIRST,)),
            ("in place of a part", (1, 2), {FIRST: None, f"{FIRST}/a": "a"}, ()),
        ]
    ),
]
