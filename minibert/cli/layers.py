"""`minibert layers "the [bank] of …" "the [bank] paid"`: a word, layer by layer."""

import argparse
from pathlib import Path

from minibert.common.outputs import check_output

HELP = "how alike a [word]'s vectors are across sentences, at each layer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sentence", nargs="+", help="a sentence with one [word] in brackets")
    parser.add_argument("--model", help="a folder or a name on the Hub (default: the bundled one)")
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw it, too (needs matplotlib)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace a picture of ours that is there"
    )


def run(args: argparse.Namespace) -> int:
    if args.plot:
        check_plot(args.plot, overwrite=args.overwrite)
    from minibert.common.files import replacing
    from minibert.common.language import said
    from minibert.extraction.similarity import draw, word_similarity
    from minibert.inspection.explain import width
    from weights_loader import load_bert

    model, tokenizer = load_bert(args.model, head="bert")
    found = word_similarity(model, tokenizer, args.sentence)
    print(said(f"model: {model.account.source}"))
    if model.account.note:
        print(said(f"note: {model.account.note}"))
    print("\n".join(f"{i}  {sentence}" for i, sentence in enumerate(args.sentence, 1)))
    what = said("cosine of the [word] in two sentences; of any two tokens (anisotropy)")
    print(f"\n{what}\n")
    layer, any_two = said("layer"), said("any two")
    pairs = "".join(f"{f'{a}-{b}':>8}" for a, b in found.pairs)
    print(layer + " " * (11 - width(layer)) + pairs + " " * (11 - width(any_two)) + any_two)
    for name, cosines, others in zip(found.layers, found.cosines, found.anisotropy, strict=True):
        print(f"{name:<11}" + "".join(f"{cosine:8.2f}" for cosine in cosines) + f"{others:11.2f}")
    if args.plot:
        with replacing(args.plot) as temporary:
            draw(found, args.sentence, str(temporary))
        print("\n" + said(f"drawn: {args.plot}"))
    return 0


def check_plot(file: Path, *, overwrite: bool) -> None:
    """Raise ValueError unless a picture can be drawn into this file."""
    if file.suffix != ".png":
        raise ValueError(f"--plot {file}: the name must end in .png")
    check_output(file, [], overwrite=overwrite)
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ValueError("--plot needs matplotlib: pip install 'minibert[plots]'") from None
