"""`minibert generate MODEL "Once upon a time"`: how a model goes on with a text."""

import argparse

from minibert.cli.translate import CHOICES, add_writing, given

HELP = "go on with a text, by a model that writes (pretrain --objective next-token)"
SAMPLING = {name: name for name in ("temperature", "top_k", "top_p", "seed")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", help="a folder that `minibert pretrain --objective next-token` made, or its kind"
    )
    parser.add_argument("prompt", nargs="*", help="how the text begins; several texts, if several")
    add_writing(parser, beams=1)
    parser.add_argument(
        "--sample", action="store_true", help="draw each token; else the likeliest is taken"
    )
    parser.add_argument("--temperature", type=float, help="below 1 likelier tokens, above 1 (1.0)")
    parser.add_argument("--top-k", type=int, help="draw from the k likeliest (all)")
    parser.add_argument("--top-p", type=float, help="from the likeliest that have p together (1)")
    parser.add_argument("--seed", type=int, help="the same one draws the same text")


def run(args: argparse.Namespace) -> int:
    drawing = given(args, SAMPLING)
    if drawing and not args.sample:
        raise ValueError(f"--{next(iter(drawing)).replace('_', '-')} belongs to --sample")
    if args.sample and (args.beams or 1) > 1:
        raise ValueError("--beams and --sample are two ways to write; give one of them")
    if not args.prompt:
        raise ValueError("give a prompt: how the text begins")
    from minibert.common.devices import choose_device
    from minibert.pretraining.predict import continue_text
    from weights_loader import load_bert

    model, tokenizer = load_bert(args.model, device=choose_device(args.device))
    choices = {**given(args, CHOICES), **drawing, "do_sample": args.sample}
    for prompt in args.prompt:
        print(continue_text(model, tokenizer, prompt, **choices))
    if model.account.note:
        print(f"note: {model.account.note}")
    return 0
