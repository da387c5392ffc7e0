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
from minibert.finetuning.settings import ALL_LAYERS, DERIVED, ON_STATES, Settings, settings_for

if TYPE_CHECKING:
    from minibert.common.processes import Processes
    from minibert.finetuning.tasks import Finetuning
    from minibert.tokenizer import BertTokenizer
    from minibert.training.loop import Trainer

HELP = "train BERT for a task: labels, numbers, named entities, answers, similarity"
TASKS = ("classify", "pairs", "tag", "answer", "similar")
COLUMNS = ("text", "pair", "label")
STATES = "states.npy"  # in the run's folder, while it trains with --features all-layers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "task",
        choices=TASKS,
        help="classify: a label for a text; pairs: for two texts; tag: named entities; answer: the "
        "answer in a context; similar: how alike two texts are, by their vectors",
    )
    parser.add_argument(
        "--model", help="what to begin with: a folder or a name on the Hub (default: the bundled)"
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
    for name, default in (("text", "text"), ("pair", "text_pair"), ("label", "label, or score")):
        parser.add_argument(
            f"--{name}-column",
            type=number_or_name,
            metavar="NAME",
            help=f"where it is in the file: a name, or a number from 0 without header ({default})",
        )
    group = parser.add_argument_group(
        "how it is trained",
        "--freeze 'embeddings layer1-layer4' leaves these parts as they are; --features "
        f"{ALL_LAYERS} leaves all of BERT, and trains a head on a mixture of its layers, which "
        "takes seconds once their states are stored in the folder (they go at the end). "
        "minibert/finetuning/settings.py says what each setting is. The learning rate is that of "
        "BERT-base; for a smaller model it is larger, in proportion to 1/D. After a default, if it "
        f"differs, that of --features {ALL_LAYERS}",
    )
    add_settings(group, Settings, ON_STATES, DERIVED)


def run(args: argparse.Namespace) -> int:
    from minibert.common.lines import check_file
    from minibert.common.outputs import own_folder
    from minibert.common.processes import Processes

    # All that can be checked is checked before the work begins.
    for file in (args.train, args.dev):
        check_file(file)
    if args.number and args.task not in ("classify", "pairs"):
        raise ValueError(f"--number is for classify and pairs, not for {args.task}")
    allowed = {"classify": ("text", "label"), "tag": (), "answer": ()}.get(args.task, COLUMNS)
    for name in COLUMNS:
        if getattr(args, f"{name}_column") is not None and name not in allowed:
            raise ValueError(f"--{name}-column has no effect for {args.task}")
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
) -> tuple["Finetuning", "BertTokenizer"]:
    """The files, read and checked; the model, and what it learns."""
    import hashlib

    from tqdm import tqdm

    from minibert.finetuning.prepare import checksum, labels_of, open_model, read_data
    from minibert.finetuning.tasks import Finetuning

    columns = {name: getattr(args, f"{name}_column") for name in COLUMNS}
    train, dev = read_data(args.task, args.train, args.dev, is_number=args.number, **columns)
    labels = labels_of(args.task, train)
    model, tokenizer = open_model(
        args.model,
        args.task,
        labels,
        seed=given.get("seed", Settings.seed),
        all_layers=bool(args.features),
        device=processes.device,
    )
    if args.task == "answer" and not all(question.answers for question in train):
        model.task["no_answer"] = True
    settings = settings_for(getattr(model, "bert", model).config.hidden_size, given)

    def tell(line: str) -> None:
        with suppress(BrokenPipeError):
            tqdm.write(line)

    states = args.out / STATES if args.features else None
    task = Finetuning(model, tokenizer, train, dev, settings, states=states, tell=tell)
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (args.train, args.dev)]
    about = {"task": args.task, "labels": labels, "columns": columns, "weights": checksum(model)}
    task.origin |= {**about, "train": digests[0], "dev": digests[1]}
    return task, tokenizer


def finish(trainer: "Trainer", task: "Finetuning", tokenizer: "BertTokenizer", out: Path) -> str:
    """Save the best model, and draw how it went; what to tell."""
    from minibert.finetuning.frozen import StoredBatches
    from weights_loader import save_bert

    trainer.load_best()
    save_bert(task.whole.float().eval(), tokenizer, out)
    told = [f"saved in {out} with the best {task.main}, {trainer.best:.4f}"]
    told.append(f"to use it: minibert predict {out}, minibert evaluate {out}, load_bert")
    told.append(
        try_to_draw(out, {"loss": {"loss": "loss"}, f"share: {task.main}": {task.main: task.main}})
    )
    if isinstance(task.batches, StoredBatches):
        told += told_of_layers(task, out)
        task.batches.file.unlink(missing_ok=True)
    return "\n".join(told)


def told_of_layers(task: "Finetuning", out: Path) -> list[str]:
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
