"""`minibert fill-mask "Paris is the [MASK] of France."`: the likeliest words for each [MASK]."""

import argparse
import warnings
from typing import Any

HELP = "the likeliest pieces for each [MASK] in a text"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", help="a text with one or more [MASK]")
    parser.add_argument(
        "--model", help="a folder or a name on the Hub (default: the bundled model)"
    )
    parser.add_argument("--top", type=int, default=5, help="how many (default: 5)")


def run(args: argparse.Namespace) -> int:
    from minibert.inspection.explain import visible
    from minibert.pretraining.predict import fill_mask

    model, tokenizer = load_trained(args.model, "mlm")
    for number, guesses in enumerate(fill_mask(model, tokenizer, args.text, top=args.top)):
        if number:
            print()
        for guess in guesses:
            print(f"{guess.probability:6.1%}  {visible(guess.token)}")
    return 0


def load_trained(name: str | None, head: str) -> tuple[Any, Any]:
    """The model and its tokenizer, if the file has this head; the model's note is printed."""
    from weights_loader import load_bert

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is only a warning there is an error here
        model, tokenizer = load_bert(name, head=head)
    if "new" in model.account.model.values():
        raise ValueError(f"{name} has no trained {head} head, so every answer would be random")
    if model.account.note:
        print(f"note: {model.account.note}\n")
    return model, tokenizer
