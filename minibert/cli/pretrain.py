"""`minibert pretrain`: from raw text to a trained model in a folder."""

import argparse
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from minibert.cli.runs import (
    add_settings,
    check_no_run,
    given_settings,
    run_to_the_end,
    try_to_draw,
)
from minibert.config import BertConfig
from minibert.pretraining.settings import (
    MASKED_ONLY,
    SIZES,
    SMALL,
    Settings,
    config_of_size,
    settings_for,
)
from minibert.vocabulary import read_json

if TYPE_CHECKING:
    from minibert.common.processes import Processes
    from minibert.tokenizer import BertTokenizer
    from minibert.training.curve import Panels
    from minibert.training.loop import Trainer

HELP = "train a BERT from raw text: its vocabulary, masked tokens and next sentences"
OBJECTIVES = ("masked", "next-token")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="text (also .gz, .xz): a paragraph a line, a blank line between documents",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="of the run")
    parser.add_argument("--resume", action="store_true", help="go on where the run in --out is")
    parser.add_argument(
        "--objective",
        choices=OBJECTIVES,
        default="masked",
        help="masked tokens and next sentences (default), or the next token: a model that writes",
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--size", choices=list(SIZES), help="default: mini")
    shape.add_argument(
        "--config", type=Path, metavar="FILE", help="a config.json instead of a size"
    )
    parser.add_argument("--positions", type=int, default=512, help="with --size (512)")
    parser.add_argument(
        "--vocab", type=Path, metavar="FILE", help="a vocab.txt (default: made from the text)"
    )
    parser.add_argument(
        "--vocab-size", type=int, default=8192, metavar="V", help="of one that is made (8192)"
    )
    parser.add_argument("--cased", action="store_true", help="keep capitals and accents")
    parser.add_argument(
        "--cache", type=Path, metavar="FOLDER", help="the tokenized corpus (default: OUT/corpus)"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that tokenize (1)")
    parser.add_argument(
        "--on-error", choices=("raise", "skip"), default="raise", help="at lines that are not UTF-8"
    )
    parser.add_argument("--save-dtype", choices=("float32", "float16"), default="float32")
    group = parser.add_argument_group(
        "how it is trained",
        "minibert/pretraining/settings.py says what each is. The default is the paper's, for base "
        "and with --config; after it, if it differs, that of the smaller sizes",
    )
    add_settings(group, Settings, SMALL)


def run(args: argparse.Namespace) -> int:
    from minibert.common.lines import check_file
    from minibert.common.outputs import own_folder
    from minibert.common.processes import Processes

    # All that can be checked is checked before the work begins.
    size = None if args.config else args.size or "mini"
    for file in (*args.corpus, args.vocab, args.config):
        if file is not None:
            check_file(file)
    if size is None:
        config = BertConfig.from_dict(read_json(args.config))
    else:
        config = config_of_size(size, args.positions)
    if not 1 <= args.workers <= 256:
        raise ValueError(f"workers must be at least 1 and at most 256, not {args.workers}")
    given = given_settings(args, Settings)
    for name in MASKED_ONLY:
        if name in given and args.objective != "masked":
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} has no effect for --objective {args.objective}")
    settings = settings_for(size, given)
    processes = Processes()
    settings.check_fit(config.max_position_embeddings, processes.world)
    if processes.device.type == "cpu":
        settings.check_memory(config, processes.world)
    with ExitStack() as held:
        if processes.is_first:
            check_no_run(args.out, args.resume)
            held.enter_context(own_folder(args.out, older=("checkpoint.pt", "log.jsonl")))
            if args.cache:
                held.enter_context(own_folder(args.cache, older=("corpus.json",)))
        return train(args, config, settings, processes)


def train(
    args: argparse.Namespace, config: BertConfig, settings: Settings, processes: "Processes"
) -> int:
    """The run, in folders that are ours."""
    from minibert.heads import BertForPreTraining
    from minibert.pretraining.corpus import Corpus, open_corpus
    from minibert.pretraining.next_token import NextToken
    from minibert.pretraining.prepare import make_tokenizer, new_model
    from minibert.pretraining.task import Pretraining
    from minibert.tokenizer import BertTokenizer
    from minibert.training.checkpoint import LATEST
    from minibert.training.loop import Trainer
    from minibert.translation.encoder_decoder import BertLMHeadModel

    cache = args.cache or args.out / "corpus"
    is_first = processes.is_first
    if is_first:
        tokenizer = make_tokenizer(
            args.corpus,
            args.out,
            vocab=args.vocab,
            vocab_size=args.vocab_size,
            lower_case=not args.cased,
            model_max_length=config.max_position_embeddings,
            on_error=args.on_error,
            resume=args.resume,
        )
        open_corpus(
            args.corpus,
            tokenizer,
            cache,
            workers=args.workers,
            on_error=args.on_error,
            keep=args.resume and (args.out / LATEST).exists(),
        )
    processes.wait()
    tokenizer, corpus = BertTokenizer.from_folder(args.out), Corpus(cache)
    writes = args.objective != "masked"
    kind = BertLMHeadModel if writes else BertForPreTraining
    model = new_model(config, tokenizer, settings, kind)
    if writes:
        model.end_token_id = tokenizer.sep_token_id
    task = (NextToken if writes else Pretraining)(model, tokenizer, corpus, settings)
    trainer = Trainer(task, settings, args.out, processes=processes)
    resumed = trainer.resume() if args.resume else False
    if is_first:
        for problem in corpus.problems:
            print(problem, file=sys.stderr)
        size = sum(parameter.numel() for parameter in model.parameters())
        steps = f"from step {trainer.step} to {settings.steps}" + ", resumed" * resumed
        with suppress(BrokenPipeError):  # a run does not end because its reader has gone
            print(f"corpus: {corpus}\nmodel: {size:,} weights; {trainer.description}\n{steps}")
            print(end="", flush=True)
    if not run_to_the_end(trainer):
        return 130
    if is_first:
        print(finish(trainer, task.panels, tokenizer, args.out, args.save_dtype))
    return 0


def finish(
    trainer: "Trainer", panels: "Panels", tokenizer: "BertTokenizer", out: Path, dtype: str
) -> str:
    """Save the model and the loss curve; what to tell."""
    import torch

    from weights_loader import save_bert

    save_bert(trainer.model.to(getattr(torch, dtype)), tokenizer, out)
    told = f"saved in {out}: load_bert({str(out)!r}), or transformers, reads it"
    return f"{told}\n{try_to_draw(out, panels)}"
