"""`minibert verify [NAME]`: the certificate that our model and transformers compute the same."""

import argparse

HELP = "compare every operation of a model with transformers, on the same weights and texts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", help="a folder or a name on the Hub (default: the bundled model)"
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument(
        "--text", action="append", help="a text; several make a padded batch (default: two)"
    )
    listed = "only list how each tensor of the file is used, or what does not fit"
    parser.add_argument("--account", action="store_true", help=listed)


def run(args: argparse.Namespace) -> int:
    if args.account:
        return print_account(args.name)
    try:
        import transformers
    except ImportError:
        raise ValueError(
            "transformers, the other side of the comparison, is not installed; "
            "`pip install transformers` brings it"
        ) from None
    import torch

    from minibert.proof.verify import TEXTS, verify

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    texts = args.text or TEXTS
    rows = verify(args.name, texts, getattr(torch, args.dtype))
    print(
        f"{args.name or 'minibert-tiny'}: minibert and transformers {transformers.__version__} "
        f"(eager), {args.dtype}, {len(texts)} texts\n"
    )
    width = max(54, *(len(row.operation) for row in rows))
    print(f"{'operation':<{width}} {'worst at':>8} {'absolute':>9} {'relative':>9} {'bound':>6}")
    for row in rows:
        layer = "" if row.worst_layer is None else row.worst_layer
        numbers = f"{row.absolute:9.1e} {row.relative:9.1e} {row.bound:6.0e}"
        print(f"{row.operation:<{width}} {layer:>8} {numbers}  {'pass' if row.passed else 'FAIL'}")
    failed = sum(not row.passed for row in rows)
    print(f"\n{len(rows) - failed} of {len(rows)} operations agree")
    if failed and args.dtype == "float32":
        print("float32 rounds in both models. If --dtype float64 passes, it is only rounding.")
    return 1 if failed else 0


def print_account(name: str | None) -> int:
    """How each tensor of the file is used; or all its problems, before the error."""
    from minibert.loading.finding import find_folder
    from minibert.proof.verify import heads_in
    from minibert.vocabulary import CheckpointError
    from weights_loader import load_bert

    try:
        print(load_bert(name, head=heads_in(find_folder(name)))[0].account)
    except CheckpointError as error:
        print("".join(f"{problem}\n" for problem in error.problems), end="")
        raise
    return 0
