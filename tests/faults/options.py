"""Wrong options, names and texts of every command."""

from pathlib import Path

from tests.faults.making import Content, link
from tests.faults.models import COMMANDS
from tests.faults.runner import Fault

PARTS = ("o.npy.parts", "o.npy.parts/*")
EMBED = "embed 'a b' --model model --out o.npy"
LONG = f"'{'a ' * 20}'"
PLOT = "layers '[a]' '[b]' --model model --plot p.png"
BAD = "'\udcff a'"
ESCAPES = "'\x1b[31m\n'"

# Each is told in a line; argparse tells its own.
REFUSED: list[tuple[str, str]] = [
    ("embed", "texts"),
    ("embed a --input texts.txt --out o.npy", "not both"),
    ("embed --input texts.txt", "--out"),
    ("embed a --unknown", "unknown"),
    (f"embed a --unknown={ESCAPES}", "unknown"),
    *((f"{EMBED} --layers {which}", told) for which, told in [
        ("layer99", "layer99"), ("99", "99"), ("''", "layer"), (",", "layer"), ("1.5", "1.5"),
        ("9" * 5000, "layer"), (ESCAPES, r"\\x1b"), ("layer1," * 9000, "layer"),
        ("6 --convention google", "6"), ("0 --convention nobody", "invalid choice"),
        ("'concat of last four' --mix sum", "mix")]),
    *((f"{EMBED} --{option}", told) for option, told in [
        ("layers=-99", "-99"), ("mix median", "invalid choice"), ("pool median", "median"),
        ("pool ''", "pool"), ("pool tokens", "safetensors"), ("pool word-mean", "safetensors"),
        ("long never", "invalid choice"), ("stride x", "invalid int"), ("field text", "field"),
        ("long windows --stride=-1", "stride"), ("long windows --stride 11", "stride"),
        ("dtype int4", "invalid choice"), ("on-error stop", "invalid choice"),
        ("column 1", "column"), ("header", "header")]),
    *((f"{EMBED} --device {name}", "device") for name in (
        "privateuseone", "abacus", "''", "cuda:99", "cuda:-1", "cpu:x", "meta", "mps", "xla",
        "vulkan", "mkldnn", ESCAPES, "0")),
    ("embed a --model model --device cpu", "--out"),
    ("embed a --model model --overwrite", "--out"),
    (f"embed {LONG} --model model", "13"),
    (f"embed {LONG} --model model --out o.npy", "13"),
    *((f"embed a --model {name} --out o.npy", told) for name, told in [
        ("./nowhere", "nowhere"), ("''", ""), ("/", ""), ("~nobody/x", ""), ("texts.txt", ""),
        ("a/b/c", "a/b/c"), ("no/such", "no/such"), ("'a b'", "a b"), (ESCAPES, r"\\x1b"),
        ("\udcff", ""), ("a" * 5000, "")]),
    *((f"layers {words} --model model", told) for words, told in [
        ("'a b' '[b] c'", r"\["), ("'[a] [b]' '[b] c'", r"\["), ("'[] b' '[b] c'", ""),
        ("'] a [' '[b] c'", ""), (f"'[a]{' a' * 20}' '[b]'", "13"),
        ("'[a]' '[b]' --plot p.jpg", r"\.png"), ("'[a]' '[b]' --plot nowhere/p.png", "nowhere"),
        ("'[a]' '[b]' --plot ''", r"\.png")]),
    ("tokenize", "required"),
    *((f"walk 'a b' --model model --{option}", told) for option, told in [
        ("layer 99", "layer"), ("layer=-1", "layer"), ("layer x", "invalid int"),
        ("head 99", "head"), ("head=-1", "head"), ("step nowhere", "nowhere"), ("step ''", "step"),
        (f"step {ESCAPES}", r"\\x1b"), ("debug", "--step"), ("debug --step probs", "terminal")]),
    ("walk '' --model model", "no tokens"),
    (f"walk {LONG} --model model", "13"),
    ("verify ./nowhere", "nowhere"),
    ("verify model --dtype int8", "invalid choice"),
    (f"verify model --text {LONG}", "13"),
    ("fill-mask 'a b' --model model", r"\[MASK\]"),
    (f"fill-mask '[MASK]{' a' * 20}' --model model", "13"),
    *((f"fill-mask '[MASK]' --model model --top {top}", "top") for top in (0, -1, 32, 10**30, "x")),
    *((f"{COMMANDS['bench']} --{option}", told) for option, told in [
        ("seconds 0", "seconds"), ("seconds=-1", "seconds"), ("seconds nan", "seconds"),
        ("seconds inf", "seconds"), ("seconds x", "invalid float"), ("field text", "field"),
        ("input nowhere.txt", "nowhere"), ("input texts.csv", "column"), ("input ''", "")]),
    ("bench --column 1 --model model", "column"),
    ("next-sentence a", "required"),
    ("next-sentence '' b --model model", "first"),
    ("next-sentence a '' --model model", "second"),
    (f"next-sentence {LONG} b --model model", "13"),
    *((f"search texts.txt {more} --model model", told) for more, told in [
        ("", "query|queries"), ("a --queries texts.txt", "both|quer"), ("a -k 0", "k"),
        ("a -k x", "invalid int"), ("--queries nowhere.txt", "nowhere"), ("a --layers 99", "99"),
        ("a --vectors texts.txt", "npy"), ("a --out texts.txt", "jsonl|texts.txt")]),
    ("search nowhere.txt a --model model", "nowhere"),
    ("search texts.csv a --model model", "column"),
    *((f"summarize texts.txt {more} --model model", told) for more, told in [
        ("--sentences 0", "sentence"), ("--sentences x", "invalid int"), ("--balance 2", "balance"),
        ("--balance nan", "balance"), ("--method all", "invalid choice"),
        ("--sentences 1 --layers 99", "99")]),
    ("summarize nowhere.txt --model model", "nowhere"),
]  # fmt: skip
WORKING: list[tuple[str, tuple[str, ...]]] = [
    (f"{EMBED} --layers last --stride 5", ("o.npy",)),
    ("embed '' --model model --out o.npy", ("o.npy",)),
    (f"{EMBED} --dtype int8", ("o.npy",)),
    ("embed a --model model --layers last", ()),
    (f"embed {LONG} --model model --out o.npy --long windows", ("o.npy",)),
    (f"embed {LONG} --model model --out o.npy --long truncate", ("o.npy",)),
    ("embed a --model model --out o.safetensors --pool tokens", ("o.safetensors",)),
    (PLOT, ("p.png",)),
    ("search texts.txt a --model model -k 1", ("texts.txt.npy",)),
    ("summarize texts.txt --model model --sentences 1", ()),
    (f"tokenize '' {ESCAPES} --model model --explain", ()),
]
UNKNOWN = r"2 of 3|67 ?%|\[UNK\]"
PICTURES: list[tuple[str, Content]] = [
    ("a text", "the user's"),
    ("a picture of the user", b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\xaeB`\x82"),
    ("a folder", Path.mkdir),
    ("a link to itself", link("p.png")),
    ("a link to a text", link("texts.txt")),
]

FAULTS = [
    *(Fault(line, told, may=PARTS) for line, told in REFUSED),
    *(Fault(line, status=0, written=written) for line, written in WORKING),
    Fault("", "required", "no command"),
    Fault("nothing", "invalid choice"),
    *(
        Fault(
            f"layers '[a]' '[b]' --model model --plot p.png{more}", "", what, files={"p.png": png}
        )
        for what, png in PICTURES
        for more in ("", " --overwrite")
    ),
    Fault("embed 'a x y' --model model --out o.npy", UNKNOWN, status=0, written=("o.npy",)),
    Fault("layers 'a [x]' '[y] z' --model model", UNKNOWN, status=0),
    *(
        Fault(line, "", "a text that is not UTF-8", (0, 2), may=("o.npy",))
        for line in [
            f"embed {BAD} --model model --out o.npy",
            "layers '[a] \udcff' '[b]' --model model",
            f"tokenize {BAD} --model model --explain",
            *(f"{command} {BAD} --model model" for command in ("embed", "walk", "tokenize")),
            f"verify model --text {BAD}",
            "fill-mask '[MASK] \udcff' --model model",
            f"next-sentence {BAD} {BAD} --model model",
        ]
    ),
    *(Fault(f"{command} --help", "usage", status=0) for command in (*COMMANDS, "pretrain")),
]
