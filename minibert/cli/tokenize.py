"""`minibert tokenize "…"`: tokens and ids; with --explain, how each came about."""

import argparse
from pathlib import Path

HELP = "the tokens and ids of each text; with --explain, every step on the way"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="+", help="a text")
    parser.add_argument(
        "--model",
        help="a folder (vocab.txt is enough) or a name on the Hub (default: the bundled model)",
    )
    parser.add_argument("--explain", action="store_true", help="show stages, characters and tries")


def run(args: argparse.Namespace) -> int:
    from minibert.inspection.explain import aligned, explain, visible
    from minibert.loading.finding import find_folder
    from minibert.tokenizer import BertTokenizer

    has_vocab = args.model and (Path(args.model).expanduser() / "vocab.txt").is_file()
    folder = Path(args.model).expanduser() if has_vocab else find_folder(args.model)
    tokenizer = BertTokenizer.from_folder(folder)
    for number, text in enumerate(args.text):
        if number:
            print()
        if args.explain:
            print(explain(tokenizer, text))
        else:
            pieces = tokenizer.pieces(text)
            tokens = [piece.token for piece in pieces]
            print(visible(text))
            if pieces:
                print(aligned([tokens, [str(piece.id) for piece in pieces]]))
    return 0
