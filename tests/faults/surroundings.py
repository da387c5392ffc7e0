"""Full disks, closed streams, another run, what others do meanwhile, and odd environments."""

from pathlib import Path
from typing import Any

from tests.faults.making import append, cut, link
from tests.faults.models import COMMANDS
from tests.faults.pretraining import MADE, RUN, WRITTEN
from tests.faults.runner import Fault

MANY = "embed --model model --input many.txt --layers all --out"
LAYERS = "layers '[a]' '[b]' --model model --plot"
ALL = {**COMMANDS, "pretrain": RUN}
STREAMS = [*ALL.values(), "embed 'a b' --model model"]
OUTPUTS = ("o.npy", "o.safetensors", "o.jsonl", "o.safetensors --pool tokens")
PARTS = ("o.*.parts", "o.*.parts/*")


UNDER_WAY = {"files": {"folder": Path.mkdir}, "at": "folder/o.npy.parts/0*"}
SLOW_RUN = RUN.replace("--steps 2 ", "--steps 300 ")
NOBODY = "embed a --model no/such --out o.npy"


def disk(options: str) -> dict[str, Any]:
    """A small disk at `small`; what is there at the end is copied to `after`."""
    ready = f"mkdir small && mount -t tmpfs -o {options} none small && echo mine > small/mine.txt"
    keep = "s=$?; cp -a small/. after/; grep -q mine small/mine.txt || exit 99; exit $s"
    return {
        "shell": f'mkdir after; unshare -rm bash -c \'{ready} && "$@"; {keep}\' bash "$@"',
        "needs": "d=$(mktemp -d); unshare -rm mount -t tmpfs none $d; s=$?; rmdir $d; exit $s",
        "may": ("small", "after", "after/mine.txt", *(f"after/{name}" for name in (*PARTS, *MADE))),
    }


def written(line: str, to_its_end: bool = False) -> dict[str, Any]:
    """What a command writes. Pretraining stops where its first line cannot be printed."""
    if line == RUN:
        return {"written": WRITTEN if to_its_end else (), "may": MADE}
    return {"written": ("o.npy",) if "--out" in line else ()}


DISKS: list[tuple[str, str]] = [
    *(
        (f"{MANY} small/{out}", size)
        for size in ("size=64k", "size=2m", "nr_inodes=4")
        for out in OUTPUTS
    ),
    *((f"{LAYERS} small/p.png", size) for size in ("size=16k", "nr_inodes=2")),
    *((RUN.replace("out", "small/out"), size) for size in ("size=16k", "size=64k", "nr_inodes=6")),
]
LIMITED = [
    *(
        f"{MANY} {out}"
        for out in ("o.npy", "o.safetensors", "o.jsonl", "o.safetensors --pool tokens")
    ),
    f"{LAYERS} p.png",
    RUN,
]
ASCII: list[tuple[str, str, int]] = [
    ("embed '向 a' --model model", "u5411", 0),
    ("embed a --model ./向", "u5411", 2),
    ("layers '向 [a]' '[b]' --model model", "u5411", 0),
    ("tokenize '向 a' --model model", "u5411", 0),
    ("tokenize '向 a' --model model --explain", "u5411", 0),
    ("walk '向 a' --model model", "u5411", 0),
    ("fill-mask 向 --model model", "u5411", 2),
    ("next-sentence 向 a --model model", "", 0),
    ("verify model --text '向 a'", "agree", 0),
    *((f"{command} --help", "usage", 0) for command in (*ALL, "")),
]
# Of `embed` and `pretrain`: the environment, and what is told.
PROCESSES: list[tuple[str, str]] = [
    ("WORLD_SIZE=0", "WORLD_SIZE"),
    ("WORLD_SIZE=x", "WORLD_SIZE"),
    ("RANK=1", "RANK"),
    ("RANK=x", "RANK"),
    ("RANK=5 WORLD_SIZE=2", "RANK"),
    ("RANK=0 WORLD_SIZE=2", "MASTER_ADDR.*torchrun"),
    ("RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=x", "'x'.*torchrun"),
]
HUB = [
    *(f"HF_ENDPOINT={value}" for value in ("foo", "ftp://x", "http://127.0.0.1:9", "http://[", "")),
    *(f"ALL_PROXY={value}" for value in ("socks5://127.0.0.1:9", "nonsense", "http://127.0.0.1:9")),
    "HF_HOME=/dev/null HF_ENDPOINT=http://127.0.0.1:9",
]
ODD = ["TMPDIR=/nowhere", "HOME=/nowhere", "COLUMNS=x"]
AT_START = [  # what Python and OpenMP read when they start
    "LC_ALL=C PYTHONUTF8=0", "PYTHONOPTIMIZE=2", "OMP_NUM_THREADS=x", "PYTHONIOENCODING=utf-16",
    "PYTHONWARNINGS=error::UserWarning",
]  # fmt: skip


FAULTS = [
    *(Fault(line, "", f"disk of {size}", **disk(size)) for line, size in DISKS),
    *(
        Fault(line, "", "a limit of 8 KB a file", shell='ulimit -f 8; "$@"', may=(*PARTS, *MADE))
        for line in LIMITED
    ),
    Fault(f"{MANY} o.npy", "parts", "parts deleted", meanwhile={"o.npy.parts": None}),
    Fault(
        f"{MANY} folder/o.npy", "", "the folder deleted", meanwhile={"folder": None}, **UNDER_WAY
    ),
    Fault(
        f"{MANY} o.npy",
        what="a file of the user comes to the place of the result",
        meanwhile={"o.npy": "the user's"},
        may=PARTS,
    ),
    *(
        Fault(
            f"{MANY} o.npy", "", what, (0, 1, 2), meanwhile={name: content}, may=("o.npy", *PARTS)
        )
        for what, name, content in [
            ("a part is deleted", "o.npy.parts/00000000.safetensors", None),
            ("the input is cut", "many.txt", cut(10_000)),
            ("the input grows", "many.txt", append(b"a\n" * 9)),
            ("the input is removed", "many.txt", None),
            ("the model is removed", "model", None),
            ("a file of the user comes to the parts", "o.npy.parts/mine.txt", "mine"),
        ]
    ),
    # Only oneDNN copies the weights. Others leave them in the file, and a cut ends the process.
    Fault(
        f"{MANY} o.npy --linear onednn",
        what="the weights are cut",
        status=(0, 1, 2),
        meanwhile={"model/model.safetensors": cut(50_000)},
        may=("o.npy", *PARTS),
    ),
    *(
        Fault(f"{MANY} o.npy{more}", "another run", rival=f"{MANY} o.npy", written=("o.npy",))
        for more in ("", " --overwrite", " --pool cls")
    ),
    Fault(
        f"{MANY} link/o.npy",
        "another run",
        rival=f"{MANY} o.npy",
        files={"link": link(".")},
        written=("o.npy",),
    ),
    Fault(
        f"{MANY} p.npy",
        status=0,
        what="two runs, two results",
        rival=f"{MANY} o.npy",
        written=("o.npy", "p.npy"),
    ),
    *(
        Fault(f"{line}{more}", "another run|run already", "", rival=line, at=at, may=MADE)
        for line, at in [(SLOW_RUN, "out/log.jsonl")]
        for more in ("", " --resume")
    ),
    *(
        Fault(line, "", "stdout closed", 0, shell='"$@" >&-', **written(line, True))
        for line in STREAMS
    ),
    *(
        Fault(line, "space|write", "stdout full", shell='"$@" >/dev/full', **written(line))
        for line in STREAMS
    ),
    *(
        Fault(line, "", "pipe broken", 0, shell='set -o pipefail; "$@" | true', **written(line))
        for line in STREAMS
    ),
    *(
        Fault(f"{line} --help", "", "stdout full", shell='"$@" >/dev/full', status=(0, 2))
        for line in ALL
    ),
    *(
        Fault(f"{line} --model ./nowhere", "", "stderr closed", shell='"$@" 2>&-')
        for command, line in COMMANDS.items()
        if command != "verify"
    ),
    Fault(COMMANDS["embed"], "", "stderr closed", 0, shell='"$@" 2>&-', written=("o.npy",)),
    Fault("embed --model ./nowhere a", "", "stderr full", shell='"$@" 2>/dev/full'),
    Fault("verify ./nowhere", "", "stderr closed", shell='"$@" 2>&-'),
    Fault("embed a --layers", "", "stderr closed", shell='"$@" 2>&-'),
    Fault(COMMANDS["embed"], "", "all closed", 0, shell='"$@" <&- >&- 2>&-', written=("o.npy",)),
    Fault(COMMANDS["embed"], "", "stdin closed", 0, shell='"$@" <&-', written=("o.npy",)),
    *(
        Fault(line, told, "an ASCII terminal", status, shell='PYTHONIOENCODING=ascii "$@"')
        for line, told, status in ASCII
    ),
    *(
        Fault(line, told, env, env=env)
        for line in (COMMANDS["embed"], RUN)
        for env, told in PROCESSES
    ),
    *(Fault(NOBODY, "no/such", env, env=f"HF_HUB_OFFLINE= {env}") for env in HUB),
    *(Fault(COMMANDS["embed"], "", env, 0, env=env, written=("o.npy",)) for env in ODD),
    *(
        Fault(COMMANDS["embed"], "", env, 0, shell=f'env {env} "$@"', written=("o.npy",))
        for env in AT_START
    ),
]
