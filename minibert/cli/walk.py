"""`minibert walk "…"`: one forward pass, step by step; with --debug, in pdb at a step's line."""

import argparse
import sys

HELP = (
    "one forward pass, step by step: name, shape, line, formula, code, first numbers. All steps of "
    "the embeddings, the first layer and the pooler; a line for each further layer"
)
PDB_HELP = "pdb: n runs the line, s goes into it, p NAME prints, u looks at the caller, q ends"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", help="a text")
    parser.add_argument("--model", help="a folder or a name on the Hub (default: the bundled one)")
    parser.add_argument(
        "--layer", type=int, help="only this layer, in full; counted from 0, as in encoder.layers.0"
    )
    parser.add_argument(
        "--step",
        metavar="NAME",
        help="only this step, as in encoder.layers.2.attention.probs; attention.probs or probs is "
        "that of every layer, or of --layer",
    )
    parser.add_argument("--head", type=int, help="the head to show, counted from 0 (default: 0)")
    parser.add_argument(
        "--debug", action="store_true", help="then stop in pdb at the step's line, before it runs"
    )


def run(args: argparse.Namespace) -> int:
    if args.debug and args.step is None:
        raise ValueError("--debug needs a --step, at whose line to stop")
    if args.debug and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ValueError("--debug needs a terminal, where pdb can ask what to do")
    from minibert.common.language import said
    from minibert.inspection.explain import visible
    from minibert.inspection.walk import check_head, debug, select, walk
    from minibert.inspection.walk_page import COLUMNS, Page, cut
    from weights_loader import load_bert

    model, tokenizer = load_bert(args.model, head="bert")
    config = model.config
    if not tokenizer.pieces(args.text):
        raise ValueError("the text has no tokens; it must have at least one")
    inputs = tokenizer(args.text)
    steps = walk(model, inputs)
    chosen = select(steps, config, args.layer, args.step)
    if args.head is not None:
        check_head(chosen, config, args.head)
    if args.debug and len(chosen) > 1:
        last = config.num_hidden_layers - 1
        raise ValueError(f"--debug stops in one layer: say which, --layer 0 to {last}")

    print(said(f"model: {model.account.source}"))
    if model.account.note:
        print(said(f"note: {model.account.note}"))
    print(cut(said(f"text: {visible(args.text[:COLUMNS])}"), COLUMNS))
    sizes = (
        f"B 1, S {inputs['input_ids'].shape[1]}, D {config.hidden_size}, "
        f"N {config.num_attention_heads}, H {config.head_size}, I {config.intermediate_size}, "
        f"V {config.vocab_size}, L {config.num_hidden_layers}"
    )
    print(said(f"sizes: {sizes}") + "\n")
    page = Page(
        tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]),
        head=args.head or 0,
        head_size=config.head_size,
        in_full=args.step is not None,
    )
    print(page.inputs(inputs), end="")
    in_passing = args.layer is None and args.step is None
    print((page.overview(steps) if in_passing else page.steps(chosen)).rstrip("\n"))
    if in_passing:
        print("\n" + said("in a browser, with every number: minibert view TEXT"))
    if args.debug:
        print("\n" + said(PDB_HELP))
        debug(model, inputs, chosen[0])
    return 0
