"""The command line: one file per command, each with HELP, add_arguments and run."""

import argparse
import os
import sys
import warnings
from typing import Any, NoReturn, TextIO

from minibert import __version__
from minibert.cli import (
    bench,
    embed,
    evaluate,
    fill_mask,
    finetune,
    generate,
    layers,
    next_sentence,
    predict,
    pretrain,
    prune,
    search,
    summarize,
    tokenize,
    translate,
    verify,
    view,
    walk,
)
from minibert.common.language import LANGUAGES, in_language
from minibert.vocabulary import one_line

COMMANDS = {
    "embed": embed,
    "layers": layers,
    "tokenize": tokenize,
    "walk": walk,
    "view": view,
    "verify": verify,
    "pretrain": pretrain,
    "finetune": finetune,
    "fill-mask": fill_mask,
    "next-sentence": next_sentence,
    "search": search,
    "summarize": summarize,
    "generate": generate,
    "predict": predict,
    "evaluate": evaluate,
    "translate": translate,
    "prune": prune,
    "bench": bench,
}
IN_CHINESE = ("layers", "tokenize", "view", "walk")


def main(argv: list[str] | None = None) -> int:
    """Run one command. Exit status: 0 all went well, 1 a check failed, 2 an error, 130 Ctrl-C.

    Whatever goes wrong is told in one line; with MINIBERT_TRACEBACK=1 Python shows where it did.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (None: closed)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    args = make_parser().parse_args(argv)

    def tell(message: str) -> None:
        try:
            print(f"minibert {args.command}: {one_line(message)[:1000]}", file=sys.stderr)
        except OSError:
            drop(sys.stderr)

    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: tell(f"warning: {message}")
            if args.lang == "zh" and args.command not in IN_CHINESE:
                raise ValueError(f"--lang zh: only {', '.join(IN_CHINESE)} have it")
            with in_language(args.lang):
                status = COMMANDS[args.command].run(args)
            print(end="", flush=True)
        return status
    except BrokenPipeError:  # the reader of a pipe (head, less) has gone
        drop(sys.stdout)
        return 0
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    except Exception as error:
        if os.environ.get("MINIBERT_TRACEBACK"):
            raise
        is_plain = isinstance(error, ValueError | OSError) and str(error)
        words = " ".join(str(error).split())  # a library's message may have many lines
        tell(str(error) if is_plain else f"{type(error).__name__}: {words}")
        try:
            print(end="", flush=True)
        except OSError:
            drop(sys.stdout)
        return 2


def make_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = Parser(
        prog="minibert", description="BERT written by hand: embeddings of every encoder layer."
    )
    parser.add_argument("--version", action="version", version=f"minibert {__version__}")
    default = "(default: MINIBERT_LANG, or en)"
    parser.add_argument(
        "--lang", choices=LANGUAGES, help=f"the language of {', '.join(IN_CHINESE)} {default}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_arguments(one)
        if name in IN_CHINESE:  # also behind the command
            one.add_argument(
                "--lang", choices=LANGUAGES, default=argparse.SUPPRESS, help=f"language {default}"
            )
    return parser


class Parser(argparse.ArgumentParser):
    """Its errors stay on their line, too, and texts may also come after an option."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        namespace, rest = super().parse_known_args(args, namespace)
        # `predict MODEL --top 2 TEXT`: argparse alone takes the texts before the option, which are
        # none, and then no others.
        texts = [each.dest for each in self._positionals._group_actions if each.nargs == "*"]
        if texts and not any(word.startswith("-") for word in rest):
            setattr(namespace, texts[0], [*getattr(namespace, texts[0]), *rest])
            rest = []
        return namespace, rest

    def error(self, message: str) -> NoReturn:
        super().error(one_line(message))


def drop(stream: TextIO) -> None:
    """Let nothing more be written to it at exit, where that would fail a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
