"""The command line: one file per command, each with HELP, add_arguments and run."""

import argparse
import os
import sys

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
    """Run one command. Exit status: 0 all went well, 1 a check failed, 2 an error, 130 Ctrl-C."""
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
    try:
        return COMMANDS[args.command].run(args)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone; let nothing more be flushed to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("minibert: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, RuntimeError) as error:
        print(f"minibert {args.command}: {error}", file=sys.stderr)
        return 2
