"""`minibert evaluate MODEL FILE`: how good a fine-tuned model is, and its worst errors."""

import argparse
from pathlib import Path
from typing import Any

from minibert.cli.predict import add_model, open_model
from minibert.cli.texts import number_or_name

HELP = "how good a fine-tuned model is on a file of examples, and its worst errors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument(
        "file",
        type=Path,
        help=".tsv, .csv or .jsonl with labels or scores; words with tags; questions as in SQuAD",
    )
    for name, what in (
        ("text", "the text (text)"),
        ("pair", "the second text (text_pair, where the model takes two)"),
        ("label", "the label, or the number (label, or score)"),
    ):
        parser.add_argument(
            f"--{name}-column", type=number_or_name, metavar="COLUMN", help=f"the column of {what}"
        )
    parser.add_argument("--worst", type=int, default=20, help="how many errors are shown (20)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all of it to a .json, too")
    parser.add_argument("--overwrite", action="store_true", help="replace a result that is there")


def run(args: argparse.Namespace) -> int:
    import json

    from minibert.common.files import replacing
    from minibert.common.outputs import check_output
    from minibert.finetuning.evaluate import evaluate, read_labelled

    if args.worst < 0:
        raise ValueError(f"--worst must be at least 0, not {args.worst}")
    if args.out is not None:
        if args.out.suffix != ".json":
            raise ValueError(f"{args.out}: the name must end in .json")
        check_output(args.out, [args.file], overwrite=args.overwrite)
    predictor, account = open_model(args)
    columns = (args.text_column, args.pair_column, args.label_column)
    examples = read_labelled(predictor, args.file, *columns)
    found = evaluate(predictor, None, examples, worst=args.worst)
    if args.out is not None:
        content = {"made by": "minibert evaluate", "model": account.source, "file": str(args.file)}
        with replacing(args.out) as temporary:
            text = json.dumps({**content, **found}, indent=None, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    print(f"{account.source} on {args.file}: {found['examples']} examples")
    if found["cut"]:
        print(f"{found['cut']} of them over {predictor.limit} tokens, and cut")
    print_scores(found)
    print_errors(found["worst"])
    if account.note:
        print(f"note: {account.note}")
    return 0


def print_scores(found: dict[str, Any]) -> None:
    """All scores; the confusion table, or the scores of each type of entity."""
    print()
    for name, score in found["scores"].items():
        print(f"{name:<14} {score:.4f}{'  <- what counts' if name == found['main'] else ''}")
    if "types" in found:
        print(f"\n{'type':<20} precision  recall      f1  wanted")
        for name, one in found["types"].items():
            scores = f"{one['precision']:9.4f} {one['recall']:7.4f} {one['f1']:7.4f}"
            print(f"{name:<20} {scores} {one['wanted']:7}")
    if "confusion" in found:
        labels = [label[:12] for label in found["labels"]]
        corner = "wanted \\ got"
        print(f"\n{corner:<13}" + "".join(f"{label:>13}" for label in labels))
        for label, row in zip(labels, found["confusion"], strict=True):
            print(f"{label:<13}" + "".join(f"{count:13}" for count in row))


def print_errors(errors: list[dict[str, Any]]) -> None:
    """An error a paragraph: wanted, got, and the texts, each on a line."""
    if errors:
        print("\nthe worst errors:")
    for one in errors:
        sure = f" ({one['probability']:.1%})" if "probability" in one else ""
        print(f"\n  wanted {one['wanted']!r}, got {one['got']!r}{sure}")
        for name in ("word", "question", "text", "pair"):
            if name in one:
                print(f"    {one[name]}")
