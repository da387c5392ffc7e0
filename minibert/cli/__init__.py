"""The command line: one file per command, each with HELP, add_arguments and run."""

import argparse
import os
import sys
import warnings

from minibert import __version__
from minibert.cli import (
    embed,
    fill_mask,
    layers,
    next_sentence,
    pretrain,
    tokenize,
    verify,
    walk,
)
from minibert.vocabulary import one_line

COMMANDS = {
    "embed": embed,
    "layers": layers,
    "tokenize": tokenize,
    "walk": walk,
    "verify": verify,
    "pretrain": pretrain,
    "fill-mask": fill_mask,
    "next-sentence": next_sentence,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command. Exit status: 0 all went well, 1 a check failed, 2 an error, 130 Ctrl-C.

    Whatever goes wrong is told in one line; with MINIBERT_TRACEBACK=1 Python shows where it did.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(
        prog="minibert", description="BERT written by hand: embeddings of every encoder layer."
    )
    parser.add_argument("--version", action="version", version=f"minibert {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_arguments(
            commands.add_parser(name, help=command.HELP, description=command.HELP)
        )
    args = parser.parse_args(argv)

    def tell(message: object) -> None:
        line = one_line(" ".join(str(message).split()))
        print(f"minibert {args.command}: {line[:1000]}", file=sys.stderr)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: tell(f"warning: {message}")
            status = COMMANDS[args.command].run(args)
            print(end="", flush=True)
        return status
    except BrokenPipeError:  # the reader of a pipe (head, less) has gone
        drop_stdout()
        return 0
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    except Exception as error:
        if os.environ.get("MINIBERT_TRACEBACK"):
            raise
        is_ours = isinstance(error, ValueError | OSError | RuntimeError)
        tell(error if is_ours and str(error) else f"{type(error).__name__}: {error}")
        try:
            print(end="", flush=True)
        except OSError:
            drop_stdout()
        return 2


def drop_stdout() -> None:
    """Let nothing more be written to it at exit, where that would fail a second time."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
