"""A process that has PyTorch loaded, and forks itself for each row: a tenth of a second, not two.

Rows with a shell of their own are started as a user starts them.
"""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO, cast

ROOT = Path(__file__).parents[2]


class Forked:
    """A command in a fork; it can be asked what a subprocess.Popen can be asked."""

    def __init__(self, words: list[str], folder: Path, env: dict[str, str], note: Path):
        """`note`: where its number, output and status are written, as note.pid and so on."""
        self.note = note
        self.returncode: int | None = None
        self.args = words
        open_server()
        self.began = time.monotonic()
        ask({"words": words, "folder": str(folder), "env": env, "note": str(note)})
        while not (text := self.read(".pid")):
            time.sleep(0.002)
        self.pid = int(text)

    def read(self, ending: str) -> bytes:
        try:
            return Path(f"{self.note}{ending}").read_bytes()
        except FileNotFoundError:
            return b""

    def poll(self) -> int | None:
        if self.returncode is None and (text := self.read(".status")):
            self.returncode = int(text)
        return self.returncode

    def communicate(self, timeout: float = 60) -> tuple[bytes, bytes]:
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.005)
        return self.read(".out"), self.read(".err")

    def wait(self) -> int | None:
        self.communicate(timeout=600)
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


lock = threading.Lock()
server: list[subprocess.Popen] = []


def open_server() -> None:
    """Start the process that forks, if it is not there. It ends with this process."""
    with lock:
        if not server:
            command = [sys.executable, "-m", "tests.faults.warm"]
            env = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            server.append(subprocess.Popen(command, cwd=ROOT, env=env, text=True, **pipes))
            cast(TextIO, server[0].stdout).readline()  # it is ready


def ask(request: dict[str, Any]) -> None:
    """Send a row to the process that forks."""
    with lock:
        pipe = cast(TextIO, server[0].stdin)
        pipe.write(json.dumps(request) + "\n")
        pipe.flush()


def serve() -> None:
    """Fork for each row that is asked for. A second fork between tells the row's end."""
    import minibert.cli.pretrain
    import minibert.extraction.embed
    import minibert.inspection.walk
    import minibert.pretraining.task
    import minibert.proof.verify
    import minibert.training.loop  # noqa: F401

    gc.freeze()  # else each fork would go through all these objects, and copy their pages
    print("ready", flush=True)
    while line := sys.stdin.readline():
        if os.fork():
            os.wait()
            continue
        if os.fork():
            os._exit(0)  # at once, so that nobody waits
        request = json.loads(line)
        note = request["note"]
        pid = os.fork()
        if pid == 0:
            run(request)
        write(f"{note}.pid", pid)
        _, status = os.waitpid(pid, 0)
        write(f"{note}.status", os.waitstatus_to_exitcode(status))
        os._exit(0)


def write(name: str, number: int) -> None:
    Path(f"{name}.new").write_text(f"{number}")
    os.rename(f"{name}.new", name)


def run(request: dict[str, Any]) -> None:
    """The command itself, in the last fork."""
    from minibert.cli import main

    os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    places = (os.devnull, f"{request['note']}.out", f"{request['note']}.err")
    for number, place in enumerate(places):
        os.dup2(os.open(place, os.O_RDWR | os.O_CREAT), number)
    sys.argv = ["minibert", *request["words"]]
    status: Any = 1
    try:
        status = main()
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status or 0)


if __name__ == "__main__":
    serve()
