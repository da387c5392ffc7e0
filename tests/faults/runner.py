"""A fault is a row of a table: files in a folder, a command line, and the answer that must come.

Each row has a folder of its own, where a real process runs the command. What the row says is
checked, and always: no traceback, one line for an error, an end within a minute, every file as it
was, and nothing half-written.
"""

import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import numpy
from safetensors import safe_open

from tests.faults.making import Content, make, make_base
from tests.faults.warm import ROOT, Forked

Process = subprocess.Popen[bytes] | Forked
numbers = itertools.count()
lock = Lock()
made: dict[tuple[str, ...], Path] = {}
SECONDS = 60
LONGEST_LINE = 1100
# Not even root may then read or write what the rights forbid.
DROP = "setpriv --bounding-set=-dac_override,-dac_read_search"
WITHOUT_RIGHTS = {
    "shell": f'if [ $UID = 0 ]; then {DROP} "$@"; else "$@"; fi',
    "needs": f"[ $UID != 0 ] || {DROP} true",
}
NOT_OURS = ("HF_", "HUGGINGFACE", "RANK", "WORLD_SIZE", "LOCAL_RANK", "MINIBERT_TRACEBACK")


@dataclass(frozen=True)
class Fault:
    """One row. `line` is what is typed after `minibert`; `told` is a regular expression."""

    line: str
    told: str = ""
    what: str = ""  # what is wrong, where the line does not show it
    status: int | tuple[int, ...] = 2
    files: Mapping[str, Content] = field(default_factory=dict)  # beside the model and the texts
    first: str = ""  # a command before, and what is then done to the files
    then: Mapping[str, Content] = field(default_factory=dict)
    rival: str = ""  # a run that is under way meanwhile
    meanwhile: Mapping[str, Content] | None = None  # what is done to the files during the run
    at: str = "o.npy.parts/0*"  # which file shows that a run is under way
    env: str = ""  # of the environment: "NAME=value NAME=value"
    shell: str = ""  # how bash starts it; "" is a fork of a process that has PyTorch loaded
    needs: str = ""  # a command that this machine must be able to run
    written: tuple[str, ...] = ()  # what must be there afterwards, new or changed
    may: tuple[str, ...] = ()  # what may be there

    @property
    def name(self) -> str:
        return f"{self.what or 'as typed'}: {self.line[:100]}"


@dataclass
class Answer:
    """What came: the status, the output, and what is wrong with it, as (kind, words)."""

    fault: Fault
    status: int | None = None
    out: str = ""
    err: str = ""
    problems: list[tuple[str, str]] = field(default_factory=list)
    lost: int = 0
    skipped: bool = False
    seconds: float = 0.0


def run_all(faults: Iterable[Fault]) -> list[Answer]:
    """The answers, in the order of the rows; as many at once as there are cores."""
    with TemporaryDirectory(prefix="faults-") as work:
        base = Path(work) / "base"
        make_base(base)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            folders = (Path(work) / str(number) for number in itertools.count())
            return [*pool.map(run, faults, itertools.repeat(base), folders)]


def run(fault: Fault, base: Path, folder: Path) -> Answer:
    """Do what a row says, in a folder of its own."""
    answer = Answer(fault)
    if fault.needs and not is_possible(fault.needs):
        answer.skipped = True
        return answer
    began = time.monotonic()
    rival = None
    try:
        if fault.first.startswith("finetune"):
            shutil.copytree(finetuned(fault, base), folder)
        else:
            shutil.copytree(base, folder)
            make(folder, fault.files)
            if fault.first:
                start(fault, folder, fault.first).communicate(timeout=SECONDS)
        make(folder, fault.then)
        before = snapshot(folder)
        if fault.rival:
            rival = start(fault, folder, fault.rival)
            stop_at(rival, folder, fault.at)
        talk(fault, folder, answer, before)
        if rival:
            os.killpg(rival.pid, signal.SIGCONT)
            if rival.communicate(timeout=SECONDS) and rival.returncode:
                answer.problems.append(("answer", f"the run before it ended {rival.returncode}"))
        check_words(answer)
        check_files(answer, folder, before)
    except (subprocess.TimeoutExpired, TimeoutError) as error:
        answer.problems.append(("hang", str(error)))
    finally:
        if rival and rival.poll() is None:
            os.killpg(rival.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
    answer.seconds = time.monotonic() - began
    return answer


def finetuned(fault: Fault, base: Path) -> Path:
    """The folder after a row's first command, which is run once for all rows that have the same
    command and files. (What other commands write may name the folder, so it cannot be copied.)
    """
    key = (str(base), fault.first, fault.shell, repr(sorted(fault.files.items(), key=str)))
    with lock:
        if key not in made:
            folder = base.with_name(f"first{len(made)}")
            shutil.copytree(base, folder)
            make(folder, fault.files)
            start(fault, folder, fault.first).communicate(timeout=SECONDS)
            made[key] = folder
        return made[key]


@cache
def is_possible(command: str) -> bool:
    return subprocess.run(["bash", "-c", command], capture_output=True).returncode == 0


def start(fault: Fault, folder: Path, line: str) -> Process:
    """`minibert LINE` in the folder, with one thread and without the Hub."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
    env |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    env |= {"HF_HOME": str(folder / ".hub")}
    env |= dict(pair.split("=", 1) for pair in fault.env.split())
    if not fault.shell:
        note = folder.with_name(f"{folder.name}.{next(numbers)}")
        return Forked(shlex.split(line), folder, env, note)
    words = ["bash", "-c", fault.shell, "bash", sys.executable, "-m", "minibert"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [*words, *shlex.split(line)], cwd=folder, env=env, start_new_session=True, **pipes
    )


def stop_at(process: Process, folder: Path, at: str) -> None:
    """Let the process stand still as soon as there is a file `at`."""
    deadline = time.monotonic() + SECONDS
    while not any(folder.glob(at)):
        if process.poll() is not None or time.monotonic() > deadline:
            _, err = process.communicate()
            raise TimeoutError(f"no {at} was seen in time: {err.decode(errors='replace')}")
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGSTOP)


def talk(fault: Fault, folder: Path, answer: Answer, before: dict[str, tuple]) -> None:
    """Run the row's command to its end; what is done meanwhile also belongs to `before`."""
    process = start(fault, folder, fault.line)
    try:
        if fault.meanwhile is not None:
            stop_at(process, folder, fault.at)
            make(folder, fault.meanwhile)
            inside = tuple(f"{name}/" for name in fault.meanwhile)
            for name in [*before]:
                if name in fault.meanwhile or name.startswith(inside):
                    del before[name]
            now = snapshot(folder)
            before |= {name: now[name] for name in fault.meanwhile if name in now}
            os.killpg(process.pid, signal.SIGCONT)
        out, err = process.communicate(timeout=SECONDS)
        answer.out, answer.err = (text.decode("utf-8", "replace") for text in (out, err))
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        answer.status = process.returncode


def check_words(answer: Answer) -> None:
    """The status and the words: one line for an error, and what the row wants told."""
    fault, problems = answer.fault, answer.problems
    allowed = fault.status if isinstance(fault.status, tuple) else (fault.status,)
    if answer.status not in allowed:
        problems.append(("answer", f"status {answer.status}, not {fault.status}"))
    if "Traceback (most" in answer.out + answer.err:
        problems.append(("traceback", answer.err.splitlines()[-1][:200]))
        return
    lines = answer.err.split("\n")[:-1]
    if answer.status == 2 and not re.search(r"2>(&-|/dev/full)", fault.shell):
        command = (shlex.split(fault.line) or [""])[0]
        last = lines[-1] if lines else ""
        is_usage = bool(re.match(r"minibert( [a-z-]+)?: error: ", last))
        if not (is_usage or last.startswith(f"minibert {command}: ")):
            problems.append(("answer", f"the line does not begin with minibert {command}:"))
        if len(lines) != 1 and not is_usage:
            problems.append(("answer", f"{len(lines)} lines, not one"))
        if not last.isprintable() or (len(last) > LONGEST_LINE and not is_usage):
            problems.append(("answer", "a line that is too long or has control characters"))
        if not re.search(fault.told, last):
            problems.append(("answer", f"the line does not tell {fault.told!r}"))
    elif not re.search(fault.told, answer.out + answer.err):
        problems.append(("answer", f"nothing tells {fault.told!r}"))


def check_files(answer: Answer, folder: Path, before: dict[str, tuple]) -> None:
    """Every file is as it was, except what the row may write; and that is whole."""
    fault, problems, after = answer.fault, answer.problems, snapshot(folder)
    for name, old in before.items():
        if after.get(name) != old and not fits(name, (*fault.written, *fault.may)):
            answer.lost += old[1] if old[0] == "file" else 1
            problems.append(("lost", f"{name} was {'changed' if name in after else 'removed'}"))
    for name in after.keys() - before.keys():
        if "/.tmp." in f"/{name}":
            problems.append(("half-written", f"{name} is left"))
        elif not fits(name, (*fault.written, *fault.may)):
            problems.append(("answer", f"{name} is left"))
    for wanted in fault.written:
        if not any(fnmatch(name, wanted) for name in after):
            problems.append(("answer", f"there is no {wanted}"))
    for name, new in after.items():
        if new[0] == "file" and new != before.get(name) and not is_whole(folder / name):
            problems.append(("half-written", name))


def fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def snapshot(folder: Path) -> dict[str, tuple]:
    """What is in a folder: the name of each file, and all that must stay."""
    found: dict[str, tuple] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name.split("/")[0] == ".hub":
            continue
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_file():
            size = path.stat().st_size
            found[name] = ("file", size, path.read_bytes() if os.access(path, os.R_OK) else None)
        else:
            found[name] = ("folder" if path.is_dir() else "other",)
    return found


def is_whole(file: Path) -> bool:
    """Can the file be read to its end?"""
    try:
        if file.suffix == ".npy":
            numpy.load(file)
        elif file.suffix == ".safetensors":
            with safe_open(file, framework="np") as stored:
                list(stored.keys())
        elif file.suffix in (".json", ".jsonl"):
            text = file.read_text(encoding="utf-8")
            for part in text.splitlines() if file.suffix == ".jsonl" else [text]:
                json.loads(part)
            return text.endswith(("\n", "}")) or not text
        elif file.suffix == ".png":
            return file.read_bytes().endswith(b"IEND\xaeB`\x82")
        elif file.suffix == ".html":
            return file.read_bytes().endswith(b"</html>\n")
    except Exception:
        return False
    return True


def report(answers: list[Answer], show: Callable[[str], None] = print) -> bool:
    """Show the rows that went wrong, and the counts. True if there are none."""
    for answer in answers:
        for kind, words in answer.problems:
            show(f"{kind:<12} {answer.fault.name}\n{'':13}{words}")
        if answer.problems:
            last = answer.err.strip().split("\n")[-1]
            show(f"{'':13}came: {answer.status} {last[:300]!r}")
    skipped = Counter(answer.fault.needs for answer in answers if answer.skipped)
    for needs, count in skipped.items():
        show(f"skipped      {count} rows: this machine cannot run {needs!r}")
    ran = [answer for answer in answers if not answer.skipped]
    kinds = Counter(kind for answer in ran for kind, _ in answer.problems)
    show(
        f"rows {len(ran)}: one-line errors {sum(answer.status == 2 for answer in ran)}, worked "
        f"{sum(answer.status in (0, 1) for answer in ran)}; tracebacks {kinds['traceback']}, hangs "
        f"{kinds['hang']}, bytes lost {sum(answer.lost for answer in ran)}, half-written files "
        f"{kinds['half-written']}, other wrong answers {kinds['answer']}"
    )
    return not kinds
