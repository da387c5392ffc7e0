"""`minibert embed`: the embeddings of every encoder layer, of a text or of a file of millions."""

import argparse
import sys
from pathlib import Path

from minibert.cli.texts import add_reading, add_vectors, open_engine

# layers.CONVENTIONS; named again, because importing that takes a second for `--help`.
CONVENTIONS = ("transformers", "flair", "google", "bert-as-service")
HELP = "the embeddings of every encoder layer: printed for texts, written for files"
SHOWN = 4  # numbers of a vector that are printed
# The options that are arguments of embed_file, too.
CHOICES = (
    *("layers", "convention", "mix", "pool", "normalize", "long", "stride"),
    *("on_error", "overwrite", "field", "column", "header"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="*", help="texts; without --out, their layers are printed")
    parser.add_argument(
        "--model", help="a folder or a name on the Hub (default: the bundled model)"
    )
    parser.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help="a file of texts: .txt (one a line), .jsonl, .csv or .tsv; also .gz or .xz",
    )
    add_reading(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write .npy, .safetensors or .jsonl; resumes"
    )
    parser.add_argument(
        "--layers",
        default="all",
        help="all, encoder, embeddings, layer1 …, numbers as in hidden_states (-1 is the last), or "
        "a recipe of the BERT paper such as 'concat of last four' (default: all)",
    )
    parser.add_argument(
        "--convention",
        choices=CONVENTIONS,
        default="transformers",
        help="whose numbers --layers has (google and bert-as-service: 0 is layer1)",
    )
    group = parser.add_argument_group("with --out")
    add_vectors(group)
    group.add_argument(
        "--overwrite", action="store_true", default=None, help="replace a result that is there"
    )
    group.add_argument("--on-error", choices=("raise", "skip"), help="at a wrong line (raise)")


def run(args: argparse.Namespace) -> int:
    if bool(args.text) == bool(args.input):
        raise ValueError("give texts, or a file with --input, and not both")
    if args.out is not None:
        return write_file(args)
    if args.input:
        raise ValueError("--input needs --out: where the vectors are to go")
    for name in ("dtype", "linear", "device", *CHOICES[2:]):
        if getattr(args, name) is not None:
            raise ValueError(f"--{name.replace('_', '-')} needs --out; printed are whole layers")
    return print_texts(args)


def write_file(args: argparse.Namespace) -> int:
    """All texts to one file; 1 if some of them were skipped."""
    from minibert.common.processes import Processes
    from minibert.extraction.embed import embed_file

    engine, tokenizer, account = open_engine(args)
    choices = {name: getattr(args, name) for name in CHOICES if getattr(args, name) is not None}
    problems = embed_file(
        args.input or args.text, args.out, model=engine, tokenizer=tokenizer, **choices
    )
    if not Processes(engine.device).is_first:
        return 0
    for problem in problems:
        print(f"minibert embed: skipped {problem}", file=sys.stderr)
    how = f"{args.pool or 'mean'} of {args.layers}"
    print(f"written: {args.out} ({how}, {account.source}; {engine.description})")
    if account.note:
        print(f"note: {account.note}")
    return 1 if problems else 0


def print_texts(args: argparse.Namespace) -> int:
    """Every layer of each text, or those of --layers, on the textbook model."""
    import torch

    from minibert.extraction.embedder import warn_of_unknown
    from minibert.extraction.layers import RECIPES, layer_names, select_layers
    from weights_loader import load_bert

    model, tokenizer = load_bert(args.model, head="bert")
    count = model.config.num_hidden_layers
    names = layer_names(count)
    which = RECIPES[args.layers][0] if args.layers in RECIPES else args.layers
    chosen = select_layers(which, count, convention=args.convention)
    size = f"{model.config.num_hidden_layers} layers, {model.config.hidden_size} features"
    print(f"model: {model.account.source} ({size})")
    if model.account.note:
        print(f"note: {model.account.note}")
    ids = [index for text in args.text for index in tokenizer.text_ids(text)]
    warn_of_unknown(ids.count(tokenizer.unk_token_id), len(ids))
    for text in args.text:
        inputs = tokenizer(text)
        with torch.inference_mode():
            states = model(**inputs).hidden_states
        layers = {names[number]: states[number][0] for number in chosen}
        print_layers(text, tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]), layers)
    return 0


def print_layers(text: str, tokens: list[str], layers: dict) -> None:
    """A line for each layer: its shape and the first numbers of its first and last vectors."""
    print(f"\ntext: {text}\ntokens: {' '.join(tokens)}\n")
    width = 8 * SHOWN
    print(f"{'layer':<11} {'shape':<11} {tokens[0]:<{width + 2}} … {tokens[-1]}")
    for name, vectors in layers.items():
        first, last = (
            "".join(f"{number:8.3f}" for number in vectors[row, :SHOWN].tolist()) for row in (0, -1)
        )
        print(f"{name:<11} {list(vectors.shape)!s:<11}{first} … {last} …")
