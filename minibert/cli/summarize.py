"""`minibert summarize article.txt`: the sentences that say most of a text."""

import argparse
import sys
from pathlib import Path

HELP = "the sentences of a text that say most of it, chosen by their vectors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="one text, plain; may be packed as .gz or .xz")
    parser.add_argument("--sentences", type=int, default=3, help="how many (3)")
    parser.add_argument("--model", help="a folder or a name on the Hub (default: the bundled one)")
    parser.add_argument(
        "--method",
        choices=("mmr", "lexrank"),
        default="mmr",
        help="mmr: near to the text's centre, and nothing twice (default); "
        "lexrank: like many others, which are like many others",
    )
    parser.add_argument(
        "--balance", type=float, help="of mmr: 0 nothing twice, 1 only near the centre (0.7)"
    )
    parser.add_argument("--layers", default="all", help="those whose mean is taken (all)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 … (default: the GPU, if there is one)")


def run(args: argparse.Namespace) -> int:
    from minibert.common.devices import choose_device
    from minibert.common.lines import check_file, file_lines
    from minibert.extraction.engine import Engine
    from minibert.extraction.summary import summarize
    from minibert.vocabulary import one_line
    from weights_loader import load_bert

    check_file(args.file)
    lines = list(file_lines(args.file))
    for wrong in (line for line in lines if line.error):
        raise ValueError(f"{args.file}: line {wrong.number}: {wrong.error}")
    text = "\n".join(line.text for line in lines)
    if not text.strip():
        raise ValueError(f"{args.file} has no text")
    model, tokenizer = load_bert(args.model, head="bert", device=choose_device(args.device))
    found = summarize(
        text,
        args.sentences,
        method=args.method,
        balance=args.balance,
        layers=args.layers,
        model=Engine(model, let_go=True),
        tokenizer=tokenizer,
    )
    if model.account.note:
        print(f"minibert summarize: note: {model.account.note}", file=sys.stderr)
    print("\n".join(map(one_line, found)))
    return 0
