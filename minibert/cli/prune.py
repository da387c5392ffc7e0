"""`minibert prune`: take out the heads and neurons that matter least to your texts."""

import argparse
from pathlib import Path
from typing import Any

from minibert.cli.layers import check_plot
from minibert.cli.texts import add_reading, first_texts
from minibert.common.outputs import MARKER, own_folder

HELP = "take out the attention heads and feed-forward neurons that matter least to some texts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="a folder or a name on the Hub (default: the bundled one)")
    parser.add_argument("--text", type=Path, required=True, metavar="FILE", help="as embed --input")
    add_reading(parser)
    parser.add_argument("--texts", type=int, default=256, help="read so many (256)")
    parser.add_argument("--heads", type=float, default=0.0, help="the share to take out: 0.25")
    parser.add_argument("--neurons", type=float, default=0.0, help="the share to take out: 0.25")
    parser.add_argument("--seed", type=int, default=0, help="of the tokens that are masked (0)")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new or empty")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw the heads' importance")
    parser.add_argument("--overwrite", action="store_true", help="replace a picture of ours")


def run(args: argparse.Namespace) -> int:
    if args.texts < 1 or not (args.heads or args.neurons):
        raise ValueError("give --heads or --neurons, such as 0.25, and --texts of at least 1")
    if args.plot:
        check_plot(args.plot, overwrite=args.overwrite)
    with own_folder(args.out):
        if any(file.name != MARKER for file in args.out.iterdir()):
            raise ValueError(f"{args.out} is not empty; give a new or an empty folder")
        return prune_into(args)


def prune_into(args: argparse.Namespace) -> int:
    import torch
    from tqdm import tqdm

    from minibert.common.files import replacing
    from minibert.compression.importance import draw, importance, masked_lm_loss
    from minibert.compression.pruning import how_many, prune
    from minibert.pretraining.masking import mask_texts
    from weights_loader import save_bert

    texts = first_texts(args.text, args, args.texts)
    model, tokenizer = load(args.model)
    config = model.bert.config
    layers, limit = config.num_hidden_layers, config.max_position_embeddings
    all_heads, all_neurons = config.num_attention_heads, config.intermediate_size
    how_many("heads", args.heads, (layers, all_heads))  # tell a wrong share now, not at the end
    how_many("neurons", args.neurons, (layers, all_neurons))
    batches = mask_texts(tokenizer, texts, seed=args.seed, max_length=limit)
    found = importance(model, tqdm(batches, unit=" texts", disable=None))
    heads, neurons = prune(model, heads=args.heads, neurons=args.neurons, by=found)
    with torch.inference_mode():
        after = sum(masked_lm_loss(model, batch).item() for batch in batches) / len(batches)
    save_bert(model, tokenizer, args.out)
    print(f"model: {model.account.source}\n\n{'what stays':<18}{'heads':>5}{'neurons':>9}")
    for i in range(layers):
        left = all_heads - len(heads.get(i, [])), all_neurons - len(neurons.get(i, []))
        print(f"encoder.layers.{i:<3}{left[0]:>5}{left[1]:>9}")
    print(f"{'of':<18}{all_heads:>5}{all_neurons:>9}")
    print(f"\nMLM loss of {len(batches)} texts: {found.loss:.3f} before, {after:.3f} after")
    if args.plot:
        with replacing(args.plot) as temporary:
            draw(found, heads, str(temporary))
        print(f"drawn: {args.plot}")
    print(f"written: {args.out}")
    return 0


def load(name: str | None) -> tuple[Any, Any]:
    from minibert.common.devices import choose_device
    from weights_loader import load_bert

    account = load_bert(name, head="bert")[0].account
    if not any("cls.predictions." in stored for stored in account.file):
        advice = "in Python, importance(model, batches, loss) takes a loss of your own"
        raise ValueError(f"{account.source} has no MLM head, whose loss is measured here; {advice}")
    has_nsp = any("cls.seq_relationship." in stored for stored in account.file)
    return load_bert(name, head="pretraining" if has_nsp else "mlm", device=choose_device())
