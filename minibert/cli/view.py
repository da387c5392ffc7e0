"""`minibert view "…"`: BERT at work on a text, in a browser; one file that needs no network."""

import argparse
from pathlib import Path

from minibert.common.files import replacing
from minibert.common.language import language
from minibert.common.outputs import check_output

HELP = (
    "write one HTML file that runs BERT in a browser, without a network or Python, and shows every "
    "number of it; then open it"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", help="to begin with; another can be typed in the page")
    parser.add_argument("--text", dest="same", metavar="TEXT", help="another way to give it")
    parser.add_argument("--pair", metavar="TEXT", help="a second text, which may follow the first")
    parser.add_argument("--model", help="a folder or a name on the Hub (default: the bundled one)")
    parser.add_argument(
        "--out", type=Path, default=Path("bert.html"), metavar="FILE.html", help="(bert.html)"
    )
    parser.add_argument("--no-open", action="store_true", help="only write it")
    parser.add_argument("--overwrite", action="store_true", help="replace a page of ours")


def run(args: argparse.Namespace) -> int:
    out: Path = args.out
    if out.suffix != ".html":
        raise ValueError(f"{out}: a page's name ends in .html")
    if args.text is not None and args.same is not None:
        raise ValueError("give the text once: as it is, or with --text")
    text = args.text or args.same or ""
    check_output(out, [], overwrite=args.overwrite)
    from minibert.viewer.build import build
    from minibert.viewer.show import load_for_page

    model, tokenizer = load_for_page(args.model)
    page = build(model, tokenizer, text=text, text_pair=args.pair, lang=language())
    with replacing(out) as temporary:
        temporary.write_bytes(page.encode("utf-8"))
    print(f"model: {model.account.source}")
    if model.account.note:
        print(f"note: {model.account.note}")
    print(f"written: {out} ({out.stat().st_size / 1e6:.1f} MB)")
    if not args.no_open:
        import webbrowser

        if not webbrowser.open(out.absolute().as_uri()):
            print("no browser was found here; open the file by a double-click")
    return 0
