"""The page: where it may go, and what makes none. Each row says --no-open."""

import os
from pathlib import Path

from tests.faults.making import Content, cut, hard_link, keys, link, mode, tensors
from tests.faults.runner import WITHOUT_RIGHTS, Fault
from tests.faults.surroundings import disk

VIEW = "view 'a b' --model model --no-open"
OURS = "<!DOCTYPE html>\n<!-- made by minibert view -->\n<html></html>\n"
LONG = f"'{'a ' * 20}'"

NOT_OURS: dict[str, Content] = {
    "text": "a text",
    "a page of the user": "<!DOCTYPE html>\n<html><!-- made by minibert view --></html>\n",
    "not UTF-8": b"\xff\xfe",
    "a link to a text": link("texts.txt"),
    "the input under another name": hard_link("model/vocab.txt"),
    "a folder": Path.mkdir,
    "a link to itself": link("o.html"),
    "a link to nothing": link("nothing"),
    "a fifo": os.mkfifo,
}
PLACES: list[tuple[str, str]] = [
    ("o.htm", r"\.html"),
    ("o", r"\.html"),
    ("''", r"\.html"),
    ("/dev/full", r"\.html"),
    ("model", r"\.html"),
    ("nowhere/o.html", "no folder"),
    ("texts.txt/o.html", "folder"),
    (f"{'x' * 300}.html", "long"),
    ("'no\nwhere/\x1b[31m.html'", r"\\n.*\\x1b"),
]
OPTIONS: list[tuple[str, str]] = [
    ("view a b --model model --no-open", "unrecognized"),
    ("view a --text b --model model --no-open", "once"),
    (f"{VIEW} --lang fr", "invalid choice"),
    (f"{VIEW} --lang", "expected one argument"),
    *((f"view a --no-open --model {name}", told) for name, told in [
        ("./nowhere", "nowhere"), ("''", ""), ("texts.txt", ""), ("no/such", "no/such"),
        ("'\x1b[31m\n'", r"\\x1b"), ("'\udcff'", "")]),
]  # fmt: skip
TEXTS = [
    "''", LONG, "'</script><script>alert(1)</script>'", "'<!-- \x1b[31m\n'", "'\udcff a'",
    "--text=-a", "a --pair ''", "--pair '</textarea>'", f"'{'x' * 100_000}'",
]  # fmt: skip


def far_too_large(content: dict) -> None:
    content["bert.pooler.dense.bias"][0] = 1e6


MODELS: list[tuple[str, str, str, Content]] = [
    ("a number that float16 has not", "float16", "model/model.safetensors", tensors(far_too_large)),
    ("cut weights", "model.safetensors", "model/model.safetensors", cut(100)),
    ("no vocabulary", "vocab.txt", "model/vocab.txt", None),
    ("another activation", "hidden_act", "model/config.json", keys(hidden_act="relu")),
]

FAULTS = [
    *(
        Fault(f"{VIEW} --out o.html{more}", "", what, files={"o.html": content})
        for what, content in NOT_OURS.items()
        for more in ("", " --overwrite")
    ),
    Fault(f"{VIEW} --out o.html", "--overwrite", "a page of ours", files={"o.html": OURS}),
    Fault(
        f"{VIEW} --out o.html --overwrite",
        what="a page of ours",
        status=0,
        files={"o.html": OURS},
        written=("o.html",),
    ),
    Fault(VIEW, "--overwrite", "the same again", first=VIEW),
    *(Fault(f"{VIEW} --out {place}", told, "at this place") for place, told in PLACES),
    *(Fault(line, told) for line, told in OPTIONS),
    *(
        Fault(f"view {text} --model model --no-open", status=0, written=("bert.html",))
        for text in TEXTS
    ),
    *(Fault(VIEW, told, what, files={name: content}) for what, told, name, content in MODELS),
    Fault(
        f"{VIEW} --out shut/o.html",
        "[Pp]ermission",
        "no right to write",
        files={"shut/a": "a", "shut": mode(0o555)},
        **WITHOUT_RIGHTS,
    ),
    *(
        Fault(f"{VIEW} --out small/o.html", "", f"disk of {size}", **disk(size))
        for size in ("size=64k", "nr_inodes=2")
    ),
    Fault(VIEW, "", "a limit of 8 KB a file", shell='ulimit -f 8; "$@"'),
    Fault(VIEW, "space|write", "stdout full", shell='"$@" >/dev/full', written=("bert.html",)),
    Fault("view --help", "usage", status=0),
]
