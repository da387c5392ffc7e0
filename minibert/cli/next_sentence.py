"""`minibert next-sentence A B`: how likely it is that B follows A."""

import argparse

HELP = "how likely it is that sentence B follows sentence A"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A")
    parser.add_argument("second", metavar="B")
    parser.add_argument(
        "--model", help="a folder or a name on the Hub (default: the bundled model)"
    )


def run(args: argparse.Namespace) -> int:
    from minibert.cli.fill_mask import load_trained
    from minibert.pretraining.predict import next_sentence

    model, tokenizer = load_trained(args.model, "nsp")
    probability = next_sentence(model, tokenizer, args.first, args.second)
    print(f"{probability:6.1%}  B follows A\n{1 - probability:6.1%}  B is from elsewhere")
    return 0
