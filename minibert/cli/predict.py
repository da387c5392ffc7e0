"""`minibert predict MODEL "A fine film."`: what a fine-tuned model says of texts, or of a file."""

import argparse
from typing import Any

from minibert.cli.texts import add_file, check_file_options, number_or_name

HELP = "what a fine-tuned model says of texts: labels, entities, answers; printed, or to a file"
CHOICES = ("top", "stride", "longest", "no_answer")  # arguments of Predictor, too


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser)
    parser.add_argument("text", nargs="*", help="texts; what the model says of them is printed")
    parser.add_argument(
        "--pair", action="append", metavar="TEXT", help="the second text, once for each text"
    )
    parser.add_argument("--question", help="of a model that answers, with --context")
    parser.add_argument("--context", help="the text that has the answer")
    add_file(
        parser,
        also="; questions in .json as SQuAD has them, words in .conll",
        column="text, or question",
    )
    parser.add_argument(
        "--pair-column",
        type=number_or_name,
        metavar="COLUMN",
        help="of the second text (default, where the model takes two: text_pair, or context)",
    )
    parser.add_argument("--top", type=int, help="how many labels, or answers (1, 3)")
    parser.add_argument("--longest", type=int, help="tokens of an answer (30)")
    parser.add_argument(
        "--no-answer", action="store_true", default=None, help="a context may have no answer"
    )
    parser.add_argument("--stride", type=int, help="overlap of the windows of a long text (128)")


def add_model(parser: argparse.ArgumentParser) -> None:
    """The model, for evaluate, too."""
    parser.add_argument("model", help="a folder that `minibert finetune` made, or one of its kind")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "int8", "float16", "float64"))
    parser.add_argument("--device", help="cpu, cuda, cuda:1 … (default: the GPU, if there is one)")


def open_model(args: argparse.Namespace, **choices: Any) -> tuple[Any, Any]:
    """The model as a Predictor, and the account of its file."""
    import torch

    from minibert.common.devices import choose_device
    from minibert.finetuning.predictor import Predictor
    from weights_loader import load_bert

    model, tokenizer = load_bert(args.model, device=choose_device(args.device))
    if "new" in model.account.model.values():
        raise ValueError(f"{args.model} has no trained head, so all it says would be random")
    dtype = getattr(torch, args.dtype) if args.dtype else None
    return Predictor(model, tokenizer, dtype=dtype, let_go=True, **choices), model.account


def run(args: argparse.Namespace) -> int:
    if (args.question is None) != (args.context is None):
        raise ValueError("--question and --context belong together")
    if [bool(args.text), args.question is not None, args.input is not None].count(True) != 1:
        raise ValueError("give texts, or --question with --context, or a file with --input")
    check_file_options(args, "pair_column")
    if args.pair and not args.text:
        raise ValueError("--pair belongs to texts")
    predictor, account = open_model(args, **given(args))
    if args.input is not None:
        return write_file(args, predictor, account)
    from minibert.finetuning.predict import predict

    texts = args.text or [args.question]
    for found in predict(predictor, None, texts, pairs=args.pair, contexts=args.context):
        print_one(found)
    if account.note:
        print(f"note: {account.note}")
    return 0


def given(args: argparse.Namespace) -> dict[str, Any]:
    """The choices that were made."""
    return {name: getattr(args, name) for name in CHOICES if getattr(args, name) is not None}


def write_file(args: argparse.Namespace, predictor: Any, account: Any) -> int:
    import warnings

    from minibert.common.processes import Processes
    from minibert.finetuning.predict import cut_message, predict_file

    cut = predict_file(
        args.input,
        args.out,
        model=predictor,
        text=args.text_column,
        pair=args.pair_column,
        overwrite=args.overwrite,
    )
    if not Processes(predictor.engine.device).is_first:
        return 0
    if cut:
        warnings.warn(cut_message(cut, predictor.limit), stacklevel=1)
    print(f"written: {args.out} ({account.source}; {predictor.engine.description})")
    if account.note:
        print(f"note: {account.note}")
    return 0


def print_one(found: dict[str, Any]) -> None:
    """What the model says of one text, the text in front."""
    print(f"{found.get('question', found.get('text'))}")
    if "pair" in found:
        print(found["pair"])
    if "entities" in found:
        for one in found["entities"]:
            place = f"{one['start']}-{one['end']}"
            print(f"  {place:<9} {one['type']:<12} {one['text']}")
        if not found["entities"]:
            print("  no entities")
    elif "answer" in found:
        for one in found["best"]:
            place = "no answer" if one["start"] is None else f"{one['start']}-{one['end']}"
            print(f"  {one['score']:6.1%}  {place:<9}  {one['answer']}")
    elif "label" in found:
        for one in found.get("best", [found]):
            print(f"  {one['probability']:6.1%}  {one['label']}")
    else:
        print(f"  {found['score']:.4f}")
