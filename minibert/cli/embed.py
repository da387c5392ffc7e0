"""`minibert embed "…"`: the embeddings of every encoder layer."""

import argparse
import os
from pathlib import Path

HELP = "the embeddings of every encoder layer, for each token of each text"
SHOWN = 4  # numbers of a vector that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="+", help="a text")
    parser.add_argument(
        "--model", help="a folder or a name on the Hub (default: the bundled model)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE.safetensors",
        help="write all vectors: text0.embeddings, text0.layer1 … [tokens, features], and the ids",
    )


def run(args: argparse.Namespace) -> int:
    import torch

    from weights_loader import load_bert

    if args.out and args.out.suffix != ".safetensors":
        raise ValueError(f"--out {args.out}: the name must end in .safetensors")
    if args.out and not args.out.absolute().parent.is_dir():
        raise ValueError(f"--out {args.out}: there is no folder {args.out.parent}")
    model, tokenizer = load_bert(args.model)
    size = f"{model.config.num_hidden_layers} layers, {model.config.hidden_size} features"
    print(f"model: {model.account.source} ({size})")
    if model.account.note:
        print(f"note: {model.account.note}")
    tensors = {}
    for number, text in enumerate(args.text):
        inputs = tokenizer(text)
        with torch.inference_mode():
            states = model(**inputs).hidden_states
        layers = {
            "embeddings" if i == 0 else f"layer{i}": state[0] for i, state in enumerate(states)
        }
        ids = inputs["input_ids"][0]
        print_layers(text, [tokenizer.tokens[i] for i in ids], layers)
        tensors |= {f"text{number}.{name}": vectors for name, vectors in layers.items()}
        tensors[f"text{number}.input_ids"] = ids
    if args.out:
        write(tensors, args.out)
        print(f"\nwritten: {args.out} ({len(tensors)} tensors)")
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


def write(tensors: dict, file: Path) -> None:
    """All of it or nothing: to a temporary file first, then renamed."""
    from safetensors.torch import save_file

    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
