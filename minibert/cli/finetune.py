"""`minibert finetune`: from a file of examples to a model that answers, in a folder."""

import argparse
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minibert.cli.runs import (
    add_settings,
    check_no_run,
    given_settings,
    run_to_the_end,
    try_to_draw,
)
from minibert.cli.texts import number_or_name
from minibert.finetuning.settings import (
    ALL_LAYERS,
    DERIVED,
    FROM_NOTHING,
    ON_STATES,
    TRANSLATION,
    Settings,
    settings_for,
)
from minibert.pretraining.settings import SIZES

if TYPE_CHECKING:
    from minibert.common.processes import Processes
    from minibert.finetuning.tasks import FromExamples
    from minibert.tokenizer import BertTokenizer
    from minibert.training.loop import Trainer

HELP = "train BERT for a task: labels, numbers, entities, answers, similarity, translation"
TASKS = ("classify", "pairs", "tag", "answer", "similar", "translate")
COLUMNS = ("text", "pair", "label", "target")
ALLOWED = {  # the columns of each task
    "classify": ("text", "label"),
    "pairs": ("text", "pair", "label"),
    "similar": ("text", "pair", "label"),
    "translate": ("text", "target"),
}
NEW_MODEL = ("size", "layers", "positions")
TRANSLATOR = ("encoder", "decoder", *NEW_MODEL, "vocab_size", "target_vocab_size", "cased")
STATES = "states.npy"  # in the run's folder, while it trains with --features all-layers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "task",
        choices=TASKS,
        help="classify: a label for a text; pairs: for two texts; tag: named entities; answer: the "
        "answer in a context; similar: how alike two texts are, by their vectors; translate: read "
        "a text and write another",
    )
    parser.add_argument(
        "--model",
        help="what to begin with: a folder or a name on the Hub (default: the bundled; translate: "
        "a new one)",
    )
    for name in ("train", "dev"):
        parser.add_argument(
            f"--{name}",
            type=Path,
            required=True,
            metavar="FILE",
            help=".tsv, .csv or .jsonl; tag: CoNLL columns; answer: SQuAD's JSON; also .gz or .xz"
            if name == "train"
            else "the same, to measure on after each epoch; the best epoch is kept",
        )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="of the model")
    parser.add_argument("--resume", action="store_true", help="go on where the run in --out is")
    parser.add_argument(
        "--number", action="store_true", help="classify, pairs: the label is a number, not a name"
    )
    defaults = ("text", "text_pair", "label, or score", "target")
    for name, default in zip(COLUMNS, defaults, strict=True):
        parser.add_argument(
            f"--{name}-column",
            type=number_or_name,
            metavar="NAME",
            help=f"where it is in the file: a name, or a number from 0 without header ({default})",
        )
    add_translator(parser)
    told = ", ".join(f"{name} {value:g}" for name, value in FROM_NOTHING.items())
    group = parser.add_argument_group(
        "how it is trained",
        "--freeze 'embeddings layer1-layer4' leaves these parts as they are; --features "
        f"{ALL_LAYERS} leaves all of BERT, and trains a head on a mixture of its layers, which "
        "takes seconds once their states are stored in the folder (they go at the end). "
        "minibert/finetuning/settings.py says what each setting is. The learning rate is that of "
        "BERT-base; for a smaller model it is larger, in proportion to 1/D. After a default, if it "
        f"differs, that of --features {ALL_LAYERS}. A model with D < 384 learns "
        "without dropout, and so does one that gives a number. Defaults of translate, from "
        f"nothing: {told}",
    )
    add_settings(group, Settings, ON_STATES, DERIVED)


def add_translator(parser: argparse.ArgumentParser) -> None:
    """What translate begins with: options of open_translator."""
    group = parser.add_argument_group(
        "the model that translates",
        "An encoder reads, a decoder writes. Each is a BERT that is there, or new; a new one has "
        "the sizes of the other, or those that are given here",
    )
    group.add_argument("--encoder", metavar="NAME", help="a folder or a name on the Hub")
    group.add_argument("--decoder", metavar="NAME", help="likewise; its cross-attention is new")
    group.add_argument("--size", choices=list(SIZES), help="of both (tiny)")
    group.add_argument("--layers", type=int, help="of each new one (as the size has)")
    group.add_argument("--positions", type=int, help="tokens of a text, at most (128)")
    group.add_argument(
        "--vocab-size", type=int, metavar="V", help="of a vocabulary made from the texts (8192)"
    )
    group.add_argument("--target-vocab-size", type=int, metavar="V", help="from the targets (8192)")
    group.add_argument(
        "--cased", action="store_true", default=None, help="keep capitals and accents, in both"
    )


def run(args: argparse.Namespace) -> int:
    from minibert.common.lines import check_file
    from minibert.common.outputs import own_folder
    from minibert.common.processes import Processes

    # All that can be checked is checked before the work begins.
    for file in (args.train, args.dev):
        check_file(file)
    if args.number and args.task not in ("classify", "pairs"):
        raise ValueError(f"--number is for classify and pairs, not for {args.task}")
    check_options(args)
    given = given_settings(args, Settings, DERIVED)
    Settings(**given)
    if args.features and args.task not in ("classify", "pairs", "tag"):
        raise ValueError(f"--features {args.features} is for classify, pairs and tag")
    processes = Processes()
    with ExitStack() as held:
        if processes.is_first:
            check_no_run(args.out, args.resume)
            held.enter_context(own_folder(args.out, older=("checkpoint.pt", "log.jsonl")))
        return train(args, given, processes)


def check_options(args: argparse.Namespace) -> None:
    """Raise ValueError for an option that would have no effect."""
    useless = dict.fromkeys((*TRANSLATOR, "label_smoothing"), args.task)
    if args.task == "translate":
        useless = {"freeze": args.task}
        useless |= dict.fromkeys(TRANSLATOR, "translate with --model") if args.model else {}
        if args.encoder or args.decoder:
            useless |= dict.fromkeys(("size", "positions"), "a BERT that is there")
        if args.encoder:
            useless["vocab_size"] = "an encoder that is there"
        if args.decoder:
            useless["target_vocab_size"] = "a decoder that is there"
        if args.encoder and args.decoder:
            useless |= dict.fromkeys(("layers", "cased"), "two BERTs that are there")
    allowed = ALLOWED.get(args.task, ())
    useless |= {f"{name}_column": args.task for name in COLUMNS if name not in allowed}
    for name, what in useless.items():
        if getattr(args, name) is not None:
            raise ValueError(f"--{name.replace('_', '-')} has no effect for {what}")


def train(args: argparse.Namespace, given: dict[str, Any], processes: "Processes") -> int:
    """The run, in a folder that is ours."""
    from minibert.finetuning.frozen import StoredBatches
    from minibert.finetuning.predict import cut_message
    from minibert.training.loop import Trainer

    task, tokenizer = make_task(args, given, processes)
    trainer = Trainer(task, task.settings, args.out, processes=processes)
    resumed = trainer.resume() if args.resume else False
    if processes.is_first:
        if task.cut:
            print(cut_message(task.cut, task.limit), file=sys.stderr)
        learned = sum(p.numel() for p in task.model.parameters() if p.requires_grad)
        about = f"model: {learned:,} weights learn; {trainer.description}"
        steps = f"from step {trainer.step} to {task.settings.steps}" + ", resumed" * resumed
        with suppress(BrokenPipeError):  # a run does not end because its reader has gone
            print(f"{len(task.batches.items):,} rows to learn from\n{about}\n{steps}")
            print(end="", flush=True)
    batches = task.batches
    if isinstance(batches, StoredBatches) and trainer.step < task.settings.steps:
        if processes.is_first and not (resumed and batches.file.exists()):
            batches.store(task.whole.bert)
        processes.wait()
        if not resumed:
            trainer.save()  # the stored states belong to this run from here on
    if not run_to_the_end(trainer):
        return 130
    if processes.is_first:
        print(finish(trainer, task, tokenizer, args.out))
    return 0


def make_task(
    args: argparse.Namespace, given: dict[str, Any], processes: "Processes"
) -> tuple["FromExamples", "BertTokenizer"]:
    """The files, read and checked; the model, and what it learns."""
    import hashlib

    from tqdm import tqdm

    from minibert.finetuning.prepare import (
        checksum,
        labels_of,
        open_model,
        open_translator,
        read_data,
    )
    from minibert.finetuning.tasks import Finetuning
    from minibert.finetuning.translation import Translation

    def tell(line: str) -> None:
        with suppress(BrokenPipeError):
            tqdm.write(line)

    columns = {name: getattr(args, f"{name}_column") for name in COLUMNS}
    train, dev = read_data(args.task, args.train, args.dev, is_number=args.number, **columns)
    labels, seed = labels_of(args.task, train), given.get("seed", Settings.seed)
    about: dict[str, Any] = {"task": args.task, "labels": labels, "columns": columns}
    task: FromExamples
    if args.task == "translate":
        choices = {name: getattr(args, name) for name in TRANSLATOR}
        model, tokenizer = open_translator(train, model=args.model, seed=seed, **choices)
        is_new = not (args.model or args.encoder or args.decoder)
        own = FROM_NOTHING if is_new else TRANSLATION
        settings = settings_for(model.encoder.config.hidden_size, given, **own)
        task = Translation(model, tokenizer, train, dev, settings, tell=tell)
    else:
        model, tokenizer = open_model(
            args.model,
            args.task,
            labels,
            seed=seed,
            all_layers=bool(args.features),
            device=processes.device,
        )
        if args.task == "answer" and not all(question.answers for question in train):
            model.task["no_answer"] = True
        is_number = labels is not None and len(labels) == 1
        hidden_size = getattr(model, "bert", model).config.hidden_size
        settings = settings_for(hidden_size, given, is_number=is_number)
        states = args.out / STATES if args.features else None
        task = Finetuning(model, tokenizer, train, dev, settings, states=states, tell=tell)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (args.train, args.dev)]
    about |= {"train": digests[0], "dev": digests[1], **task.origin, "weights": checksum(model)}
    task.origin = about
    return task, tokenizer


def finish(trainer: "Trainer", task: "FromExamples", tokenizer: "BertTokenizer", out: Path) -> str:
    """Save the best model, and draw how it went; what to tell."""
    from minibert.finetuning.frozen import StoredBatches
    from weights_loader import save_bert

    trainer.load_best()
    save_bert(task.whole.float().eval(), tokenizer, out)
    best = (trainer.best or 0) * (-1 if task.main == "loss" else 1)  # a score is high if good
    told = [f"saved in {out} with the best {task.main}, {best:.4f}"]
    translates = task.whole.task["task"] == "translate"
    uses = ("translate",) if translates else ("predict", "evaluate")
    told.append(f"to use it: {', '.join(f'minibert {use} {out}' for use in uses)}, load_bert")
    share = "accuracy" if translates else task.main
    told.append(try_to_draw(out, {"loss": {"loss": "loss"}, f"share: {share}": {share: share}}))
    if isinstance(task.batches, StoredBatches):
        told += told_of_layers(task, out)
        task.batches.file.unlink(missing_ok=True)
    return "\n".join(told)


def told_of_layers(task: "FromExamples", out: Path) -> list[str]:
    """Which layers the mixture takes, in words and as layers.png."""
    from minibert.extraction.layers import layer_names
    from minibert.training.curve import draw_shares

    shares = task.whole.mixture.weights.detach().softmax(dim=0).tolist()
    named = dict(zip(layer_names(len(shares) - 1), shares, strict=True))
    told = ["layers: " + ", ".join(f"{name} {share:.3f}" for name, share in named.items())]
    with suppress(ImportError):
        draw_shares(named, out / "layers.png")
        told.append(f"as a picture: {out / 'layers.png'}")
    return told
