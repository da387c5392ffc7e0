"""`minibert translate MODEL "I am tired."`: translations of texts, or of all texts in a file."""

import argparse
from pathlib import Path
from typing import Any

from minibert.cli.layers import check_plot
from minibert.cli.texts import add_file, check_file_options

HELP = "the translation of texts, by a model of an encoder and a decoder; printed, or to a file"
CHOICES = {"beams": "num_beams", "length_penalty": "length_penalty", "max_length": "max_length"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", help="a folder that `minibert finetune translate` made, or a name of its kind"
    )
    parser.add_argument("text", nargs="*", help="texts; their translations are printed")
    add_file(parser)
    add_writing(parser, beams=4)
    parser.add_argument(
        "--align", action="store_true", help="print which piece was read for each that is written"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="the same of one text, as a picture"
    )


def add_writing(parser: argparse.ArgumentParser, *, beams: int) -> None:
    """How a text is written, for generate, too."""
    parser.add_argument(
        "--beams", type=int, help=f"texts tried side by side; 1: no beam search ({beams})"
    )
    parser.add_argument(
        "--length-penalty", type=float, help="of beam search: above 0 favours longer texts (1.0)"
    )
    parser.add_argument("--max-length", type=int, help="tokens, at most (256, or the positions)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 … (default: the GPU, if there is one)")


def given(args: argparse.Namespace, choices: dict[str, str]) -> dict[str, Any]:
    """The choices that were made, as `generate` calls them."""
    named = {ours: getattr(args, typed) for typed, ours in choices.items()}
    return {name: value for name, value in named.items() if value is not None}


def run(args: argparse.Namespace) -> int:
    if bool(args.text) == (args.input is not None):
        raise ValueError("give texts, or a file with --input")
    check_file_options(args)
    if (args.align and not args.text) or (args.plot and len(args.text) != 1):
        raise ValueError("--align is for texts that are printed, --plot for one")
    if args.plot:
        check_plot(args.plot, overwrite=args.overwrite)
    from minibert.finetuning.translator import open_translator, translate

    translator = open_translator(args.model, None, args.device, **given(args, CHOICES))
    account = translator.model.account
    if args.input is not None:
        return write_file(args, translator, account)
    for text, found in zip(args.text, translate(translator, None, args.text), strict=True):
        print(f"{text}\n  {found}")
        if args.align or args.plot:
            show_alignment(args, translator, text)
    if account.note:
        print(f"note: {account.note}")
    return 0


def show_alignment(args: argparse.Namespace, translator: Any, text: str) -> None:
    """The cross-attention by which a text was translated, on the terminal and as a picture."""
    from minibert.common.files import replacing
    from minibert.inspection.alignment import alignment, draw_alignment

    model, tokenizer = translator.model, translator.tokenizer
    ids = tokenizer(text)["input_ids"].to(translator.device)
    found = alignment(model, tokenizer, text, model.generate(ids, **translator.options))
    if args.align:
        print(f"\n{found}\n")
    if args.plot:
        with replacing(args.plot) as temporary:
            draw_alignment(found, str(temporary))
        print(f"drawn: {args.plot}")


def write_file(args: argparse.Namespace, translator: Any, account: Any) -> int:
    import warnings

    from minibert.common.processes import Processes
    from minibert.finetuning.predict import cut_message
    from minibert.finetuning.translator import translate_file

    column = {} if args.text_column is None else {"text": args.text_column}
    cut = translate_file(args.input, args.out, model=translator, overwrite=args.overwrite, **column)
    if Processes(translator.device).is_first:
        if cut:
            warnings.warn(cut_message(cut, translator.limit), stacklevel=1)
        print(f"written: {args.out} ({account.source})")
    return 0
