"""`minibert fill-mask "Paris is the [MASK] of France."`: the likeliest words for each [MASK]."""

import argparse

HELP = "the likeliest pieces for each [MASK] in a text"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", help="a text with one or more [MASK]")
    parser.add_argument(
        "--model", help="a folder or a name on the Hub (default: the bundled model)"
    )
    parser.add_argument("--top", type=int, default=5, help="how many (default: 5)")


def run(args: argparse.Namespace) -> int:
    from minibert.pretraining.predict import fill_mask
    from weights_loader import load_bert

    model, tokenizer = load_bert(args.model, head="mlm")
    if model.account.note:
        print(f"note: {model.account.note}\n")
    for number, guesses in enumerate(fill_mask(model, tokenizer, args.text, top=args.top)):
        if number:
            print()
        for guess in guesses:
            print(f"{guess.probability:6.1%}  {guess.token}")
    return 0
